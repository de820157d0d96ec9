import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { type Docker, type Ended, isGone } from "../stacks/engine/docker";
import { waitDrained } from "../stacks/engine/drain";
import { authority } from "../stacks/engine/host";
import { COLORS, type Color, other } from "../stacks/service/color";
import { lastLines, verdict, waitHealthy } from "../stacks/service/health";
import { containerName, type ReplicaName, replicaName } from "../stacks/service/names";
import {
  type CutoverRecord,
  type HistoryEntry,
  isStable,
  type Result,
  type Retired,
  type Serving,
  type Sessions,
} from "../stacks/service/serving";
import type { Who } from "../stacks/service/who";
import { readSlots, type SlotContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { runGateCommand } from "./gateCommand";
import { type Order, withoutCanary } from "./order";
import { type Lock, metSince, Nginx } from "./proxy";
import { nextSessions, type SessionOrder, sessionsFile } from "./sessions";
import { runSmokeTests, type SmokeFailure } from "./smokeTest";
import { Watch } from "./watch";

/** How long another cutover in the same proxy is waited for: one whose `pulumi up` was killed goes on to its end. */
const LOCK_WAIT_SECONDS = 120;

/** How long a color that was checked a moment ago, or was stable, may take for the switch's own question. */
const ANSWER_SECONDS = 10;

/** Where the public is served, seen from inside the proxy. */
const FRONT = "http://127.0.0.1:8080";

/** The proxy may fail to be asked so many times in a row while it is watched. */
const MOST_UNASKED = 3;

/** How long the proxy may be away, as when Docker restarts, before nothing more can be done for it. */
const RECOVER_SECONDS = 90;

/** How long the engine may take to stop containers, beside the time that they have for it. */
const STOP_SECONDS = 60;

/** nginx hands on what it has counted after at most half a second. */
const COUNTED_AFTER_MILLISECONDS = 700;

/** A cutover that did not take place, or was taken back; the message is for people. */
export class CutoverFailed extends Error {
  override readonly name = "CutoverFailed";

  constructor(
    readonly result: Extract<Result, "refused" | "failed" | "reverted">,
    /** Why, in a line. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** A configuration that serves or served. */
interface Served {
  generation: string;
  color: Color;
}

/** With what a cutover is carried out. */
export interface Means {
  docker: Docker;
  /** Gets each line for people as it comes. */
  say: (line: string) => void;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
  /** Whom the history names. */
  who?: Who;
}

/** Carries out one order, under the proxy's lock, and writes the history. */
export async function carryOut(order: Order, means: Means): Promise<void> {
  const proxy = new Nginx(means.docker, order.proxy);
  const began = new Date().toISOString();
  const holder = `${hostname()}, process ${process.pid}, since ${began}`;
  const lock = await cancellable(proxy.lock(holder, LOCK_WAIT_SECONDS, means.say), means.signal).catch(
    (error: Error) => {
      const name = containerName(order.owner, "proxy");
      const next = isGone(error)
        ? "pulumi up --refresh, which makes it again"
        : `docker logs --tail 30 ${name}; then: pulumi up`;
      const seen = isGone(error) ? `the container ${name} is gone, so that the public gets no answer.` : error.message;
      throw new Error(`${order.target} was not switched to: ${seen} Nothing was changed.\nNext: ${next}`);
    },
  );
  try {
    await new Cutover(order, means, proxy, lock, began).run();
  } finally {
    await lock.release();
  }
}

class Cutover {
  private readonly target: Color;
  /** The color whose release is checked and watched: the target, or with a canary the idle one. */
  private trial: Color;
  private readonly seconds: Record<string, number> = {};
  private slots: Record<Color, SlotContainer[]> = { blue: [], green: [] };
  private readonly before: Serving | undefined;
  private requests: number | undefined;
  /** What visitors' cookies mean from the switch on, where there are sessions. */
  private sessions: Sessions | undefined;
  /** Whether the proxy's configuration may be another one than before. */
  private moved = false;
  /** Since when visitors have met that one, on this process's clock; undefined where none was seen to. */
  private met: number | undefined;

  constructor(
    private readonly order: Order,
    private readonly means: Means,
    private readonly proxy: Nginx,
    private readonly lock: Lock,
    private readonly began: string,
  ) {
    this.target = order.target;
    this.trial = order.target;
    this.before = lock.serving;
  }

  async run(): Promise<void> {
    try {
      this.slots = await readSlots(this.means.docker, this.order.owner);
      await this.act();
      await this.startIdle();
    } catch (error) {
      const failed = error instanceof CutoverFailed ? error : await this.unforeseen(error as Error);
      await this.remember(failed.result, failed.reason);
      throw failed;
    }
  }

  private async act(): Promise<void> {
    const { order, target, before } = this;
    const soon = Math.min(ANSWER_SECONDS, order.healthTimeoutSeconds);
    for (const [name, content] of Object.entries(order.files)) await this.lock.writeFile(name, content);
    if (order.sessions) this.sessions = this.nextSessions();
    const started = await this.startStopped();
    if (before === undefined) {
      await this.timed("health", () => this.healthy());
      await this.timed("switch", () => this.move(order.healthTimeoutSeconds));
      await this.finish("first");
      return;
    }

    const containers = this.containersOf(target);
    const stable = isStable(before.record, target, containers);
    if (before.color !== target && stable && !started.includes(target)) {
      const same = containers.length === 1 ? "its container is" : "its containers are";
      this.say(`${target} was stable and ${same} the same: going back at once, without smoke tests and watch`);
      await this.timed("switch", () => this.move(soon));
      await this.finish("instant");
      return;
    }
    if (before.color !== target) {
      await this.timed("gate", () => this.gate());
      const from = { generation: before.generation, color: before.color };
      // Written first: whoever comes after us, should we be cut off, must know that this was not watched to its end.
      const moving = { from: from.color, generation: from.generation, to: target };
      await this.lock.writeRecord({ ...this.recordAfter({}), moving }).catch((error: Error) => {
        const next = "make room on the engine's disk (docker system df), then: pulumi up";
        throw this.refused("the proxy's volume can't be written", `In the proxy's words: ${error.message}`, next);
      });
      await this.timed("switch", () => this.move(soon, { watched: true }));
      await this.timed("watch", () => this.bake(from));
      await this.finish("switched");
      return;
    }

    const { moving } = before.record;
    const asked = before.generation === order.generation && before.answers && !before.edited;
    if (moving?.to === target) {
      this.say(`${target} is live, but was not watched to the end after its switch: that is done now`);
      await this.timed("switch", () => this.move(soon, { watched: true, keepPrevious: true }));
      await this.timed("watch", () => this.bake({ generation: moving.generation, color: moving.from }));
      await this.finish("switched", "the watch of a switch that was cut off");
      return;
    }
    if (order.canaryPercent > (before.record.canary ?? 0)) return this.raise(before, soon, started);
    const added = containers.filter((container) => !isStable(before.record, target, [container]));
    // Those that came beside the others meet the public when they are what they should be.
    if (added.length < containers.length && added.length > 0) {
      const fewer = before.replicas[target];
      const stay =
        order.replicas[target] === fewer ? "" : `; or stay: pulumi config set replicas ${fewer} && pulumi up`;
      const next = `docker logs --tail 30 ${added[0]?.name}; when it is mended: pulumi up${stay}`;
      await this.timed("gate", () => this.examine(added, next));
    }
    await this.timed("switch", () => this.move(soon));
    const { retire } = this;
    if (retire !== undefined) await this.timed("drain", () => this.drain(retire, this.slots[retire]));
    // A container made anew in front of the public: there is no other one to go back to, but it must be what it should be.
    if (!stable && added.length === containers.length) await this.timed("gate", () => this.examine());
    // Nothing moved: a changed limit, for example, is nothing that the history tells.
    // The next one of its kind is told from this one by the history.
    if (!asked || !stable || retire !== undefined || this.leaving.length > 0 || started.length > 0) {
      const reasons = [
        ...(retire === undefined ? [] : [`${retire} has no visitors any more: it is replaced`]),
        ...(before.edited ? [] : this.scaled(before)),
        ...(before.edited ? ["the configuration had been changed"] : []),
      ];
      await this.finish("reloaded", reasons.join("; ") || undefined);
      return;
    }
    const record = this.recordAfter({});
    if (JSON.stringify(record) !== JSON.stringify(before.record)) await this.lock.writeRecord(record);
  }

  /** The idle color gets a larger share of the new visitors, and none at all where it is not well with that. */
  private async raise(before: Serving, answerSeconds: number, started: readonly Color[]): Promise<void> {
    const { order, target } = this;
    this.trial = other(target);
    const share = `${order.canaryPercent} % of the new visitors`;
    if (!before.record.canary || started.includes(this.trial)) await this.timed("gate", () => this.gate());
    await this.timed("switch", () => this.move(answerSeconds, { watched: true }));
    this.say(`${this.trial} gets ${share}`);
    const trouble = order.bakeSeconds === 0 ? undefined : await this.timed("watch", () => this.watch());
    if (trouble === undefined) return this.finish("canary");

    const reason = firstLine(trouble);
    const log = await this.log();
    this.say(`${this.trial} is not well (${reason}): it gets no visitors any more`);
    void this.remember("interrupted", `${reason}; the run was cut off while it took ${this.trial}'s visitors away`);
    const where = await this.timed("back", () => this.endCanary(before));
    throw new CutoverFailed(
      where.settled ? "reverted" : "failed",
      reason,
      `${this.trial} got ${share} and was not well: ${trouble}.\n${where.says}\n${log}\n` +
        `Next: accept that: pulumi config set canaryPercent 0 && pulumi up; or put a mended release there: canaryPercent 0, ` +
        `${this.releaseOf(this.trial)} && pulumi up; or try again: pulumi up`,
    );
  }

  /** Everybody is on the live color again, whatever share the other one had before. */
  private async endCanary(before: Serving): Promise<{ settled: boolean; says: string }> {
    const { order, target, proxy, lock } = this;
    const served = { generation: before.generation, color: before.color };
    const says = `The public is on ${target}, all of it.`;
    if (before.canaryPercent === 0) {
      const where = await this.settle(served);
      return where.settled ? { ...where, says } : where;
    }
    const sessions = this.nextSessions({ canary: false });
    const how = { ...order, answerSeconds: ANSWER_SECONDS, keepPrevious: false, reload: true };
    await lock.writeSessions(sessionsFile(sessions)).catch(() => {});
    const ended = await proxy.move(withoutCanary(order.configuration), how, () => {}).catch(() => undefined);
    if (ended?.code !== 0) return this.settle(served);
    const { canary: _, tried: __, ...record } = before.record;
    await lock.writeRecord({ ...record, sessions }).catch(() => {});
    return { settled: true, says };
  }

  /** Waits until these have answered their last request, or the time for that is over. */
  private async drain(what: string, containers: readonly SlotContainer[]): Promise<void> {
    const { order, means, proxy } = this;
    const ids = containers.filter(({ state }) => state.Running).map(({ id }) => id);
    if (ids.length === 0) return;
    await waitDrained(means.docker, proxy.id, ids, {
      what,
      seconds: order.drainSeconds,
      quietSeconds: order.keepAliveSeconds,
      retired: true,
      say: means.say,
      signal: means.signal,
    });
  }

  /** The containers that the configuration does not name: they get no new requests, and are stopped or removed. */
  private get leaving(): SlotContainer[] {
    return COLORS.flatMap((color) => this.slots[color].filter(({ replica }) => replica > this.order.replicas[color]));
  }

  /** Those that leave answer their last requests; the idle color's are stopped where it is to be, others are Pulumi's to remove. */
  private async letGo(): Promise<void> {
    const { order, target, means, leaving } = this;
    const idle = other(target);
    if (leaving.length === 0) return;
    const whole = order.replicas[idle] === 0;
    const names = leaving.filter((container) => !whole || !this.slots[idle].includes(container));
    const what = [...(whole ? [idle] : []), ...names.map(({ name }) => name)].join(", ");
    await this.drain(what, leaving);
    if (means.signal.aborted) throw new Error("the run was cancelled");
    const stops = order.idle === "stopped" && whole ? this.slots[idle].filter(({ state }) => state.Running) : [];
    if (stops.length === 0) return;
    // SIGTERM first, then the container's own time to end.
    const grace = Math.max(...stops.map(({ made }) => made.stopGraceSeconds ?? 0));
    const ids = stops.map(({ id }) => id);
    const ended = await means.docker.run(["stop", ...ids], { timeoutSeconds: grace + STOP_SECONDS });
    if (ended.code !== 0) throw new Error(ended.stderr.trim());
    this.say(`${idle} is stopped; it comes up again with: pulumi config set activeColor ${idle} && pulumi up`);
  }

  /**
   * Starts what this run needs and what does not run: the containers of the colors that visitors are to be on, whoever stopped them,
   * and those of one that was stopped because it was idle. Answers which colors came up by it.
   */
  private async startStopped(): Promise<Color[]> {
    const { order, target, before } = this;
    const retired = before?.record.retired;
    const needed = COLORS.filter((color) => color === target || order.canaryPercent > 0 || color === retired?.color);
    const started: Color[] = [];
    for (const color of needed.filter((color) => order.replicas[color] > 0)) {
      const stopped = this.containersOf(color).filter(({ state }) => !state.Running);
      const wasRetired = color === retired?.color;
      if (stopped.length > 0) await this.start(color, stopped, wasRetired ? `was ${retired.how}` : "is stopped");
      if (stopped.length > 0 || wasRetired) started.push(color);
    }
    return started;
  }

  private async start(color: Color, stopped: readonly SlotContainer[], seen: string): Promise<void> {
    const whole = stopped.length === this.containersOf(color).length;
    this.say(`${whole ? color : stopped.map(({ name }) => name).join(", ")} ${seen}: it is started`);
    await this.timed("start", () => this.means.docker.ask("start", ...stopped.map(({ id }) => id)));
    this.slots = await readSlots(this.means.docker, this.order.owner);
  }

  /** The idle color's containers that were never started, as when their network was gone: no one stopped them on purpose. */
  private async startIdle(): Promise<void> {
    const idle = other(this.target);
    const stopped = this.containersOf(idle).filter(({ state }) => state.Status === "created");
    if (stopped.length === 0) return;
    await this.start(idle, stopped, "was never started").catch((error: Error) => {
      this.say(`${idle} does not start: ${firstLine(error.message)}; the next \`pulumi up\` tries it again`);
    });
  }

  /** What became of the number of containers, in words. */
  private scaled({ replicas: before }: Serving): string[] {
    const { replicas } = this.order;
    return COLORS.filter((color) => replicas[color] !== before[color]).map((color) => {
      if (replicas[color] === 0) return `${color} is ${this.order.idle}`;
      if (before[color] === 0) return `${color} comes up again`;
      return `${color} has ${replicas[color] === 1 ? "1 container" : `${replicas[color]} containers`} (${before[color]} before)`;
    });
  }

  /** The color that this run, and no earlier one, takes the last visitors of. */
  private get retire(): Color | undefined {
    const { order, before, target } = this;
    const latest = before?.history.at(-1)?.time ?? "nothing";
    const { color, after } = order.retire ?? {};
    return color === other(target) && after === latest && order.canaryPercent === 0 ? color : undefined;
  }

  /** What visitors' cookies mean from now on. */
  private nextSessions(changed: Partial<SessionOrder> = {}): Sessions {
    const { order, before, target } = this;
    return nextSessions(
      before?.record.sessions,
      {
        active: target,
        before: before?.color,
        stickySeconds: order.stickySeconds,
        canary: order.canaryPercent > 0,
        retire: this.retire,
        now: Math.floor(Date.now() / 1000),
        ...changed,
      },
      () => randomBytes(12).toString("base64url"),
    );
  }

  /** Each container of the color on trial is checked from where the proxy reaches it: its health and the smoke tests. */
  private async examine(containers = this.containersOf(this.trial), next?: string): Promise<void> {
    const { order, trial } = this;
    await this.healthy(containers, next);
    for (const slot of containers) {
      const called = this.called(slot);
      const failure = await this.smoke(this.direct(slot), slot);
      if (failure !== undefined) {
        const more = `${this.details(failure)}\n${await this.log(slot)}`;
        throw this.refused(`${called}the smoke test "${failure.test}" failed`, more, next);
      }
      this.stopIfCancelled();
    }
    const count = order.smokeTests.length;
    const passed = count === 0 ? "" : `, ${count === 1 ? "1 smoke test" : `${count} smoke tests`}`;
    const each = containers.length === 1 ? "" : `${containers.length} containers `;
    this.say(`gate ok: ${each}healthy${passed} (${trial} ${containers[0]?.version})`);
  }

  /** Waits until each container of the color on trial is healthy. */
  private async healthy(containers = this.containersOf(this.trial), next?: string): Promise<void> {
    const { order, trial, means } = this;
    const wanted = order.replicas[trial];
    const there = this.containersOf(trial).length;
    if (there < wanted) {
      const seen = there === 0 ? "it has no container" : `it has ${there} of its ${wanted} containers`;
      throw this.refused(seen, "", "pulumi up --refresh, which makes them again");
    }
    for (const slot of containers) {
      const called = this.called(slot);
      const unhealthy = await waitHealthy(means.docker, slot.id, {
        seconds: order.healthTimeoutSeconds,
        secrets: this.secrets,
        restarts: slot.restarts,
        wasKilled: slot.state.OOMKilled,
        say: (line) => this.say(`${called}${line}`),
        signal: means.signal,
      });
      if (unhealthy !== undefined) {
        throw this.refused(`${called}${firstLine(unhealthy).replace(/\.$/, "")}`, restOf(unhealthy), next);
      }
      this.stopIfCancelled();
    }
  }

  /** Which one of several containers a line is about. */
  private called({ replica }: SlotContainer): string {
    return this.order.replicas[this.trial] === 1 ? "" : `${replicaName(this.trial, replica)}: `;
  }

  /** Those of a color's containers that the configuration names. */
  private containersOf(color: Color): SlotContainer[] {
    return this.slots[color].filter(({ replica }) => replica <= this.order.replicas[color]);
  }

  /** One container of the color on trial, as the proxy reaches it. */
  private direct({ replica }: SlotContainer): string {
    return `http://${replicaName(this.trial, replica)}:${this.order.ports[this.trial]}`;
  }

  private smoke(base: string, { version }: SlotContainer): Promise<SmokeFailure | undefined> {
    const identity = { color: this.trial, version };
    const curl = base === FRONT ? this.proxy.curl : this.proxy.curlThroughNginx;
    return runSmokeTests(this.order.smokeTests, base, identity, curl, (text) => hide(this.secrets, text));
  }

  /** Before the switch: nothing has moved yet. */
  private async gate(): Promise<void> {
    const { order, trial, means } = this;
    await this.examine();
    if (order.gateCommand === "") return;
    this.say(`gate command runs, ${order.gateTimeoutSeconds} s at most`);
    const gate = {
      command: order.gateCommand,
      timeoutSeconds: order.gateTimeoutSeconds,
      url: `http://${authority(order.targetHost)}:${this.slots[trial][0]?.made.port}`,
      color: trial,
      version: this.slots[trial][0]?.version ?? "",
    };
    const failed = await runGateCommand(gate, (line) => this.say(`gate: ${line}`), means.signal);
    this.stopIfCancelled();
    if (failed !== undefined) {
      throw this.refused(`the gate command ${failed}`, `It was: ${order.gateCommand}\n${await this.log()}`);
    }
    this.say("gate command passed");
  }

  /** The switch itself; when it fails the configuration of before serves. */
  private async move(answerSeconds: number, { watched = false, keepPrevious = false } = {}): Promise<void> {
    const { order, target, proxy, lock, before } = this;
    const { sessions } = this;
    const reload = JSON.stringify(sessions) !== JSON.stringify(before?.record.sessions);
    const how = { ...order, answerSeconds, keepPrevious, reload };
    // Before the first answer of the new color, so that none is missed.
    if (watched && order.bakeSeconds > 0) await lock.watch();
    // Words that nobody has been told yet change nothing until the switch.
    if (sessions !== undefined) await lock.writeSessions(sessionsFile(sessions));
    // Should we be killed, the history has the move all the same.
    if (before?.generation !== order.generation || before.record.moving?.to === target) {
      await this.remember("interrupted", "the run was cut off before it ended");
    }
    this.moved = true;
    const ended = await proxy
      .move(order.configuration, how, (line) => {
        const since = metSince(line);
        if (since !== undefined) this.met = performance.now() - since;
        this.say(line);
      })
      .catch((error: Error): Ended => ({ code: null, stdout: "", stderr: error.message }));
    if (ended.code === 0) return;

    const why = ended.stderr.trim() || "the script in the proxy was cut off, as when the proxy or Docker restarts";
    const where = await this.settle(before && { generation: before.generation, color: before.color });
    // The script's own next command is the last line then.
    const next = why.includes("\nNext: ")
      ? ""
      : `\nNext: docker logs --tail 30 ${this.name(target)}; docker logs --tail 30 ${this.name("proxy")}; when it is mended: pulumi up`;
    const reason = firstLine(why).replace(/\.$/, "");
    throw new CutoverFailed(
      where.settled && this.wasMet ? "reverted" : "failed",
      reason,
      `${where.settled ? this.notDone : `The switch to ${target} failed`}: ${reason}.\n${where.says}${after(restOf(why))}${next}`,
    );
  }

  /** After the switch: the new color's own answers are watched, and it goes back when they are not good enough. */
  private async bake(old: Served): Promise<void> {
    const { order, target } = this;
    if (order.bakeSeconds === 0) return;
    const trouble = await this.watch();
    if (trouble === undefined) return;

    const reason = firstLine(trouble);
    const log = await this.log();
    if (!(await this.canGoBackTo(old.color))) {
      throw new CutoverFailed(
        "failed",
        `${reason}; ${old.color} does not answer either`,
        `${target} is live and not well: ${trouble}.\nThe public was left there, since ${old.color} did not answer for ${ANSWER_SECONDS} s.\n${log}\n` +
          `Next: docker logs --tail 30 ${this.name(old.color)}; when one of them is mended: pulumi up`,
      );
    }
    this.say(`${target} is not well (${reason}): going back to ${old.color}`);
    // Not waited for: a disk that hangs must not hold up the way back.
    void this.remember("interrupted", `${reason}; the run was cut off while it went back to ${old.color}`);
    const started = performance.now();
    const where = await this.settle(old);
    this.seconds.back = since(started);
    if (!where.settled) {
      throw new CutoverFailed(
        "failed",
        `${reason}; the way back failed`,
        `${target} is live and not well: ${trouble}.\n${where.says}\n${log}\nNext: npm run status; docker logs --tail 30 ${this.name("proxy")}; then: pulumi up`,
      );
    }
    const again = `try ${target} again, as it is or after ${this.releaseOf(target)}: pulumi up`;
    throw new CutoverFailed(
      "reverted",
      reason,
      `${target} was switched to and taken back: ${trouble}.\n${this.wasMet ? `${this.visitorsMet}.\n` : ""}The public is back on ${old.color}, after ${this.seconds.back} s.\n${log}\n` +
        `Next: accept ${old.color}: pulumi config set activeColor ${old.color} && pulumi up; or ${again}`,
    );
  }

  /** Whether the old color answers; after a restart of Docker both may be on their way up. */
  private async canGoBackTo(old: Color): Promise<boolean> {
    const deadline = performance.now() + ANSWER_SECONDS * 1000;
    for (;;) {
      if (await this.proxy.answers(old).catch(() => true)) return true;
      if (performance.now() > deadline) return false;
      await pause(300);
    }
  }

  /** Watches for the bake time; answers what is wrong, as soon as something is. */
  private async watch(): Promise<string | undefined> {
    const { order, target, trial, proxy, means } = this;
    const watch = new Watch(order.limits);
    const first = this.containersOf(trial);
    const started = performance.now();
    const passed = () => (performance.now() - started) / 1000;
    let offset = 0;
    let unasked = 0;
    for (;;) {
      const left = order.bakeSeconds - passed();
      const last = left <= 1;
      const wait = last ? Math.max(0, left * 1000) + COUNTED_AFTER_MILLISECONDS : 1000;
      await pause(wait, undefined, { signal: means.signal }).catch(() => {});
      if (means.signal.aborted) return "the run was cancelled";
      const seen = await Promise.all([proxy.sample(offset, trial), readSlots(means.docker, order.owner)]).catch(
        (error: Error) => error,
      );
      if (seen instanceof Error) {
        // One question may fail, as over a slow line.
        unasked += 1;
        if (unasked >= MOST_UNASKED) return `the proxy could not be asked: ${firstLine(seen.message)}`;
        continue;
      }
      unasked = 0;
      const [sample, slots] = seen;
      offset = sample.offset;
      watch.add(sample);
      this.requests = watch.figures.count;
      const second = Math.min(Math.max(1, Math.floor(passed())), order.bakeSeconds);
      this.say(`watch ${second}/${order.bakeSeconds} s, ${watch.short}`);
      if (sample.serves !== `${order.generation} ${target}`) {
        return `somebody else changed what the proxy serves (${sample.serves || "no answer"})`;
      }
      const trouble = [
        ...first.flatMap((slot) => this.changed(slot, slots[trial]) ?? []).slice(0, 1),
        watch.verdict,
      ].filter((one) => one !== undefined);
      if (trouble.length > 0) return trouble.join("; ");
      // A last look that was missed is looked at again.
      if (last && watch.answered) break;
    }
    if (watch.enough) return undefined;
    const { count } = watch.figures;
    const few =
      count === 0 ? `no visitor has tried ${trial} yet` : `${count}/${order.limits.minRequests} requests (minRequests)`;
    if (order.smokeTests.length === 0) {
      this.say(`${few}: only its health was watched, since there are no smoke tests`);
      return undefined;
    }
    // The front itself answers the cutover from the live color alone.
    const where = trial === target ? " through the front" : "";
    this.say(`${few}: smoke tests again${where}`);
    for (const slot of trial === target ? first.slice(0, 1) : first) {
      const failure = await this.smoke(trial === target ? FRONT : this.direct(slot), slot);
      if (failure !== undefined) return `the smoke test "${failure.test}" failed${where}\n${this.details(failure)}`;
    }
    return undefined;
  }

  /** What happened to a container since the switch, in words. */
  private changed(first: SlotContainer, slots: SlotContainer[]): string | undefined {
    const now = slots.find(({ id }) => id === first.id);
    const its = this.order.replicas[this.trial] === 1 ? "its container" : replicaName(this.trial, first.replica);
    if (now === undefined) return `${its} is gone`;
    const seen = verdict(now.state, now.restarts - first.restarts, first.state.OOMKilled);
    if (typeof seen === "object") return `${its} ${hide(this.secrets, seen.failed)}`;
    return now.state.StartedAt === first.state.StartedAt ? undefined : `${its} was started again`;
  }

  /** Makes sure that what served before serves, whatever became of the script, also when the proxy is away for a while. */
  private async settle(old: Served | undefined): Promise<{ settled: boolean; says: string }> {
    if (old === undefined) return { settled: true, says: "Nobody was served before; the next run begins anew." };
    const deadline = performance.now() + RECOVER_SECONDS * 1000;
    // A session that began on the color that is left must not hold there.
    const known = this.before?.record.sessions;
    const sessions =
      known === undefined || this.before?.color === old.color
        ? known
        : this.nextSessions({ active: old.color, stickySeconds: undefined, canary: false, retire: this.target });
    let untold: string | undefined;
    for (;;) {
      if (sessions !== undefined) {
        const written = this.lock.writeSessions(sessionsFile(sessions));
        untold = await written.then(
          () => undefined,
          (error: Error) => firstLine(error.message),
        );
      }
      // A full volume must not keep the public where it is not well.
      const ended = await this.proxy
        .back(old)
        .catch((error: Error): Ended => ({ code: null, stdout: "", stderr: error.message }));
      if (ended.code === 0) {
        this.moved = false;
        if (untold !== undefined) {
          this.say(
            `sessions that began since then hold until the next \`pulumi up\`: they could not be ended (${untold})`,
          );
        }
        if (old.color !== this.target) {
          await this.lock.writeRecord({ ...this.recordBefore(), ...(sessions && { sessions }) }).catch(() => {});
        }
        const says = this.wasMet
          ? `The public is back on ${old.color}. ${this.visitorsMet}.`
          : `Nothing was changed: the public is on ${old.color}.`;
        return { settled: true, says };
      }
      if (performance.now() > deadline) {
        const now = await this.proxy.serving().catch(() => undefined);
        const says = now?.answers
          ? `The way back to ${old.color} failed (${ended.stderr.trim()}): the public is on ${now.color}.`
          : `The proxy does not answer for ${RECOVER_SECONDS} s; it is made to run again by: docker start ${this.name("proxy")}`;
        return { settled: false, says };
      }
      await pause(500);
    }
  }

  /** What nobody has thought of, such as an engine that stops answering: what served before serves. */
  private async unforeseen(error: Error): Promise<CutoverFailed> {
    const { target, before, moved } = this;
    const where =
      moved && before !== undefined
        ? await this.settle({ generation: before.generation, color: before.color })
        : { says: `Nothing was changed: ${before === undefined ? NOBODY : `the public is on ${before.color}`}.` };
    const reason = firstLine(error.message).replace(/\.$/, "");
    return new CutoverFailed(
      "failed",
      reason,
      `${this.wasMet ? this.notDone : `${target} was not switched to`}: ${reason}.${after(restOf(error.message))}\n${where.says}\nNext: npm run status; then: pulumi up`,
    );
  }

  /** The record of before, with the switch that was under way taken out. */
  private recordBefore(): CutoverRecord {
    const { moving: _, ...record } = this.before?.record ?? { stable: {} };
    return record;
  }

  /** The record of a cutover that ended well; `stable` and `tried` are what has become so in it. */
  private recordAfter(stable: CutoverRecord["stable"], tried = this.before?.record.tried): CutoverRecord {
    const { before, order, target } = this;
    const { canaryPercent, canarySetting } = order;
    const { stable: known, endedCanary, since, retired } = this.recordBefore();
    const switched = before !== undefined && before.color !== target;
    const begins = switched || before === undefined || before.record.moving?.to === target;
    const live = begins ? new Date().toISOString() : since;
    const idle = other(target);
    const ended = canarySetting > 0 && canaryPercent === 0 && (switched || endedCanary === canarySetting);
    const release = retired?.color === idle || this.slots[idle].length > 0;
    return {
      stable: { ...known, ...stable },
      ...(live !== undefined && { since: live }),
      ...(order.idle !== "running" &&
        release && { retired: { color: idle, how: order.idle, ...this.releaseIn(idle, retired) } }),
      ...(tried !== undefined && { tried }),
      ...(canaryPercent > 0 && { canary: canaryPercent }),
      ...(ended && { endedCanary: canarySetting }),
      ...(this.sessions && { sessions: this.sessions }),
    };
  }

  /** The release that a color has, or had when it was removed. */
  private releaseIn(color: Color, retired: Retired | undefined): Omit<Retired, "color" | "how"> {
    const slots = this.slots[color];
    const [first] = slots;
    if (first === undefined) {
      const { version = "", image = "", stable } = retired ?? {};
      return { version, image, ...(stable && { stable }) };
    }
    const stable = isStable(this.recordBefore(), color, slots);
    return { version: first.version, image: first.made.image ?? "", ...(stable && { stable }) };
  }

  /** The record and the history of a cutover that ended well. */
  private async finish(result: Result, reason?: string): Promise<void> {
    const { target, before, lock } = this;
    const idsOf = (color: Color) =>
      this.containersOf(color)
        .map(({ id }) => id)
        .sort();
    // A canary says nothing of the color that most of the public is on.
    const record =
      result === "canary" ? this.recordAfter({}, idsOf(this.trial)) : this.recordAfter({ [target]: idsOf(target) });
    const lost =
      result === "canary"
        ? `that ${this.trial} was well as a canary`
        : `the way back will not be at once: that ${target} is stable`;
    await lock.writeRecord(record).catch((error: Error) => {
      this.say(`${lost} could not be written (${firstLine(error.message)})`);
    });
    // What goes wrong from here on takes nothing from the public: the next run does it again.
    if (this.leaving.length > 0) {
      await this.timed("drain", () => this.letGo()).catch((error: Error) => {
        this.say(
          `what the public has left is not stopped yet: ${firstLine(error.message)}; the next \`pulumi up\` does that`,
        );
      });
    }
    await this.remember(result, reason);
    const from = before === undefined || before.color === target ? "" : `, from ${before.color}`;
    const well = result === "reloaded" || result === "canary" ? "" : " and well";
    const share =
      result === "canary" ? `, and ${this.trial} has ${this.order.canaryPercent} % of the new visitors` : "";
    const steps = Object.entries(this.seconds).map(([step, value]) => `${step} ${value} s`);
    this.say(`${target} is live${from}${well}${share} (${steps.join(", ")})`);
  }

  private async remember(result: Result, reason?: string): Promise<void> {
    const { before, slots, target, requests } = this;
    const each = <T>(of: (slot: SlotContainer) => T) =>
      Object.fromEntries(COLORS.flatMap((color) => slots[color].slice(0, 1).map((slot) => [color, of(slot)])));
    const entry: HistoryEntry = {
      time: this.began,
      result,
      ...(before && { from: before.color }),
      to: target,
      versions: each((slot) => slot.version),
      images: each((slot) => slot.imageId),
      sources: each((slot) => slot.source),
      seconds: this.seconds,
      ...(requests !== undefined && { requests }),
      ...(this.order.canaryPercent > 0 && { canaryPercent: this.order.canaryPercent }),
      ...(this.means.who && { who: this.means.who }),
      ...(reason !== undefined && { reason }),
    };
    await this.lock.remember(entry).catch((error: Error) => {
      this.say(`the history could not be written: ${firstLine(error.message)}`);
    });
  }

  /** Whether visitors were seen to meet the color on trial, who were not on it before. */
  private get wasMet(): boolean {
    const { met, trial, before } = this;
    return met !== undefined && before !== undefined && before.color !== trial;
  }

  /** For how long visitors may have met the color on trial until now, in words. */
  private get visitorsMet(): string {
    return `Visitors met ${this.trial} for up to ${(since(this.met ?? 0)).toFixed(1)} s`;
  }

  /** What did not take place, or not for long. */
  private get notDone(): string {
    const { target, trial, order } = this;
    if (this.wasMet) {
      return trial === target
        ? `${target} was switched to and taken back`
        : `${trial} got ${order.canaryPercent} % of the new visitors, and they were taken from it again`;
    }
    return trial === target
      ? `${target} was not switched to`
      : `${trial} did not get ${order.canaryPercent} % of the new visitors`;
  }

  private refused(reason: string, more: string, next?: string): CutoverFailed {
    const { target, trial, before } = this;
    const live = before?.color;
    const release = `put a mended release there: ${this.releaseOf(trial)} && pulumi up`;
    const stay = trial === target ? `activeColor ${live}` : `canaryPercent ${before?.canaryPercent ?? 0}`;
    const usual = live === undefined ? release : `${release}; or stay: pulumi config set ${stay}`;
    const what = live === target && trial === target ? `${target} is live, but not well` : this.notDone;
    const where = live === undefined ? NOBODY : `the public is on ${live}`;
    return new CutoverFailed(
      "refused",
      reason,
      `${what}: ${reason}.${after(more)}\nNothing was changed: ${where}.\nNext: ${next ?? usual}`,
    );
  }

  private stopIfCancelled(): void {
    if (this.means.signal.aborted) throw this.refused("the run was cancelled", "", "pulumi up");
  }

  private async timed<T>(step: string, act: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await act();
    } finally {
      this.seconds[step] = since(started);
    }
  }

  /** The command that puts another release on a color. */
  private releaseOf(color: Color): string {
    const version = `pulumi config set ${color}Version <version>`;
    return this.slots[color][0]?.made.image ? `pulumi config set ${color}Image <image> && ${version}` : version;
  }

  /** A smoke test's failure, without the secrets that an answer may hold. */
  private details({ request, expected, came }: SmokeFailure): string {
    return hide(this.secrets, `  Asked:    ${request}\n  Expected: ${expected}\n  Came:     ${came}`);
  }

  private say(line: string): void {
    this.means.say(line);
  }

  /** The end of a container's log: of the one that is named, or else of one that is not well. */
  private log(named?: SlotContainer): Promise<string> {
    const slots = this.slots[this.trial];
    const ill = slots.find(({ state }) => !state.Running || state.Health?.Status === "unhealthy");
    const slot = named ?? ill ?? slots[0];
    return slot === undefined ? Promise.resolve("") : lastLines(this.means.docker, slot.id, this.secrets);
  }

  /** Values that the containers on trial were given and that may be in their logs. */
  private get secrets(): string[] {
    return this.slots[this.trial].flatMap(({ made, environment }) =>
      (made.secretEnvironment ?? []).map((name) => environment[name] ?? ""),
    );
  }

  private name(part: ReplicaName | "proxy"): string {
    return containerName(this.order.owner, part);
  }
}

/** Where the public is before the first cutover has ended well. */
const NOBODY = "nobody is served yet";

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
const restOf = (text: string): string => text.split("\n").slice(1).join("\n");
const after = (text: string): string => (text === "" ? "" : `\n${text}`);
const since = (started: number): number => Math.round((performance.now() - started) / 10) / 100;

/** A wait that ends with the run. */
const cancellable = <T>(wait: Promise<T>, signal: AbortSignal): Promise<T> =>
  Promise.race([
    wait,
    new Promise<never>((_, reject) => {
      const stop = () => reject(new Error("the run was cancelled."));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
    }),
  ]);
