import { randomBytes } from "node:crypto";
import type { Docker } from "../stacks/engine/docker";
import { COLORS, type Color, other } from "../stacks/service/color";
import type { HealthRequest } from "../stacks/service/configuration";
import { lastLines } from "../stacks/service/health";
import { containerName, type ReplicaName } from "../stacks/service/names";
import type { CutoverRecord, HistoryEntry, PutBack, Result, Serving, Sessions } from "../stacks/service/serving";
import { type SmokeTest, testsFor } from "../stacks/service/smokeTest";
import type { Who } from "../stacks/service/who";
import {
  type Beside,
  type BesideContainer,
  isAlone,
  readContainers,
  runsRelease,
  type SlotContainer,
  type World,
} from "../stacks/service/world";
import { Hosts } from "./hosts";
import type { Lock } from "./lock";
import type { Order } from "./order";
import type { CutoverProxy } from "./proxy";
import { nextSessions, type SessionOrder } from "./sessions";
import { SILENT } from "./silence";

/** Why a run ends that somebody has cancelled. */
export const CANCELLED = "the run was cancelled";

/** How long a color that was checked a moment ago, or was stable, may take for the switch's own question. */
export const ANSWER_SECONDS = 10;

/** How long an engine may take to say that it is there, when a run on it has failed. */
const ENGINE_SECONDS = 5;

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
export interface Served {
  generation: string;
  color: Color;
}

/** With what a cutover is carried out. */
export interface Tools {
  docker: Docker;
  /** Gets each line for people as it comes. */
  say: (line: string) => void;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
  /** The address of its engine, where commands have to name it. */
  address?: string;
  /** Whom the history names. */
  who?: Who;
}

const NOTHING: Beside = { workers: { blue: [], green: [] }, jobs: { blue: [], green: [] }, accessories: [] };

/** What the only host is called, which no message names. */
const ONE_HOST = "";

/** One cutover under way on one host: what its steps share. */
export class Run {
  readonly target: Color;
  /** The color whose release is checked and watched: the target, or with a canary the idle one. */
  trial: Color;
  /** How long each step took. */
  readonly seconds: Record<string, number> = {};
  /** The containers of both colors, as they were last read. */
  slots: Record<Color, SlotContainer[]> = { blue: [], green: [] };
  /** What stands beside the web containers, as it was last read. */
  beside: Beside = NOTHING;
  /** Containers (ids) that the engine was asked to end, and has not ended yet. */
  readonly ending = new Set<string>();
  /** Workers of the color on trial that have come up, as they were then: they must stay so while it is watched. */
  watchedWorkers: BesideContainer[] = [];
  /** Whether other workers may run than before. */
  workersMoved = false;
  /** What goes on beside the watch of a switch. */
  following: { halt(): Promise<void> } | undefined;
  /** The worker that the run found not well last. */
  illWorker: BesideContainer | undefined;
  /** Whether Prometheus was told of its result. */
  isCounted = false;
  /** What the last line says beside who is live, such as a job that failed afterwards. */
  readonly notes: string[] = [];
  /** What the proxy served before. */
  readonly before: Serving | undefined;
  /** Answers of the color on trial that were watched. */
  requests: number | undefined;
  /** What visitors' cookies mean from the switch on, where there are sessions. */
  sessions: Sessions | undefined;
  /** What is taken from a color by hand; undefined in a run of `pulumi up`. */
  putBack: PutBack | undefined;
  /** The containers that were stopped so that the target may have what both share for itself, and since when. */
  vacated: { containers: readonly SlotContainer[]; since: number } | undefined;
  /** The history's line of this cutover, as it was written last. */
  entry: HistoryEntry | undefined;
  /** Whether the proxy's configuration may be another one than before. */
  moved = false;
  /** Since when visitors have met that one, on this process's clock; undefined where none was seen to. */
  met: number | undefined;

  constructor(
    readonly order: Order,
    readonly tools: Tools,
    readonly proxy: CutoverProxy,
    readonly lock: Lock,
    /** When it began; ISO 8601, UTC. */
    readonly began: string,
    /** What it shares with the runs on other hosts. */
    readonly hosts: Hosts = new Hosts([ONE_HOST]),
    /** Which of them it is on. */
    readonly host: string = ONE_HOST,
    /** Aborted when nothing was heard of it for so long that it is given up. */
    readonly silence: AbortSignal = new AbortController().signal,
  ) {
    if (silence.aborted) hosts.fail(host, SILENT);
    silence.addEventListener("abort", () => hosts.fail(host, SILENT), { once: true });
    this.target = order.target;
    this.trial = order.target;
    this.before = lock.serving;
  }

  /** How long the color may take for the switch's own question. */
  get answerSeconds(): number {
    return Math.min(ANSWER_SECONDS, this.order.healthTimeoutSeconds);
  }

  /** Reads the containers of both colors, and what stands beside them. */
  async readSlots(): Promise<void> {
    this.see(await readContainers(this.tools.docker, this.order.owner));
  }

  /** Takes what was read. */
  see({ slots, beside = NOTHING }: Pick<World, "slots" | "beside">): void {
    this.slots = slots;
    this.beside = beside;
  }

  /** Has the last line and the history say something beside what they are about; once, however often it was seen. */
  note(what: string): void {
    if (!this.notes.includes(what)) this.notes.push(what);
  }

  /** Whether this is the first of the hosts: it says what is said once. */
  get isLead(): boolean {
    return this.host === this.hosts.names[0];
  }

  /** Says a line to people. */
  say(line: string): void {
    this.tools.say(line);
  }

  /** The end of a container's log: of the one that is named, or else of a worker or a web container that is not well. */
  log(named?: SlotContainer): Promise<string> {
    const slots = this.slots[this.trial];
    const ill = slots.find(({ state }) => !state.Running || state.Health?.Status === "unhealthy");
    const slot = named ?? this.illWorker ?? ill ?? slots[0];
    return slot === undefined ? Promise.resolve("") : lastLines(this.tools.docker, slot.id, this.secrets);
  }

  /** How the color on trial is asked for its health. */
  get healthRequest(): HealthRequest {
    const request = this.order.health[this.trial];
    if (request === undefined) throw new Error(`the configuration sends nobody to ${this.trial}`);
    return request;
  }

  /** What the color on trial is asked beside its health. */
  get smokeTests(): SmokeTest[] {
    const [slot] = this.slots[this.trial];
    return testsFor(this.order.smokeTests, { ofApp: slot === undefined || runsRelease(slot) });
  }

  /** Values that the containers were given and that may be in their logs; of both colors, since jobs of either write lines here. */
  get secrets(): string[] {
    return COLORS.flatMap((color) => this.slots[color]).flatMap(({ made, environment }) =>
      (made.secretEnvironment ?? []).map((name) => environment[name] ?? ""),
    );
  }

  /** What Docker calls a container of the stack. */
  name(part: ReplicaName | "proxy"): string {
    return containerName(this.order.owner, part);
  }

  /** Those of a color's containers that the configuration names. */
  containersOf(color: Color): SlotContainer[] {
    return this.slots[color].filter(({ replica }) => replica <= this.order.replicas[color]);
  }

  /** Whether the colors must not run at the same time (setting `sharedWhileSwitching`), as their containers say. */
  get isAlone(): boolean {
    return COLORS.some((color) => isAlone(this.slots[color]));
  }

  /** The containers that the configuration does not name: they get no new requests, and are stopped or removed. */
  get leaving(): SlotContainer[] {
    return COLORS.flatMap((color) => this.slots[color].filter(({ replica }) => replica > this.order.replicas[color]));
  }

  /** The color that this run, and no earlier one, takes the last visitors of. */
  get retire(): Color | undefined {
    const { order, before, target } = this;
    const latest = before?.history.at(-1)?.time ?? "nothing";
    const { color, after } = order.retire ?? {};
    return color === other(target) && after === latest && order.canaryPercent === 0 ? color : undefined;
  }

  /** What visitors' cookies mean from now on. */
  nextSessions(changed: Partial<SessionOrder> = {}): Sessions {
    const { order, target, hosts } = this;
    // A host that lags behind takes the words of the others.
    const before = hosts.before ?? this.before;
    const made = () =>
      nextSessions(
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
    return hosts.sessionsFor(JSON.stringify(changed), made);
  }

  /** The record of before, with the switch that was under way taken out. */
  recordBefore(): CutoverRecord {
    const { moving: _, ...record } = this.before?.record ?? { stable: {} };
    return record;
  }

  /** Whether visitors were seen to meet the color on trial, who were not on it before. */
  get wasMet(): boolean {
    const { met, trial, before } = this;
    return met !== undefined && before !== undefined && before.color !== trial;
  }

  /** For how long visitors may have met the color on trial until now, in words. */
  get visitorsMet(): string {
    return `Visitors met ${this.trial} for up to ${(since(this.met ?? 0)).toFixed(1)} s`;
  }

  /** What did not take place, or not for long. */
  get notDone(): string {
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

  /** What is thrown where the color on trial is refused; nothing has moved yet. */
  refused(reason: string, more: string, next?: string): CutoverFailed {
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

  /** Between two steps, before anything has moved: also where another host has failed meanwhile. */
  stopIfCancelled(): void {
    if (this.tools.signal.aborted) throw this.refused(CANCELLED, "", "pulumi up");
    const failed = this.hosts.failureFor(this.host);
    if (failed !== undefined) throw this.refused(failed, "", this.isAway ? this.onceBack : "pulumi up");
  }

  /** Aborted when nothing is waited for any longer before the public moves: the run is cancelled, or a host has failed. */
  get stops(): AbortSignal {
    return AbortSignal.any([this.tools.signal, this.hosts.signal]);
  }

  /** Whether its host was given up: it can't be asked why, or what else is well there. */
  get isAway(): boolean {
    return this.silence.aborted;
  }

  /** What is said where the engine of one of several hosts does not answer, when a run there has failed; undefined where it does. */
  async engineProblem(): Promise<string | undefined> {
    const { hosts, host, tools } = this;
    if (hosts.isOne || hosts.othersFailure(host) !== undefined) return undefined;
    const asked = tools.docker.run(["version", "--format", "{{.Server.Version}}"], { timeoutSeconds: ENGINE_SECONDS });
    const ended = await asked.catch((error: Error) => ({ code: null, stderr: error.message }));
    return ended.code === 0 ? undefined : firstLine(ended.stderr.trim()) || SILENT;
  }

  /** The next command where the host does not answer. */
  get onceBack(): string {
    return `pulumi up, once host ${this.host} answers again`;
  }

  /** Does a step, and notes how long it took. */
  async timed<T>(step: string, act: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await act();
    } finally {
      this.seconds[step] = since(started);
    }
  }

  /** The command that puts another release on a color. */
  releaseOf(color: Color): string {
    const version = `pulumi config set ${color}Version <version>`;
    return this.slots[color][0]?.made.image ? `pulumi config set ${color}Image <image> && ${version}` : version;
  }
}

/** Where the public is before the first cutover has ended well. */
export const NOBODY = "nobody is served yet";

/** The first line of a text, the other lines, and a text on a line of its own where there is one. */
export const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
export const restOf = (text: string): string => text.split("\n").slice(1).join("\n");
export const after = (text: string): string => (text === "" ? "" : `\n${text}`);

/** Seconds since then, to a hundredth. */
export const since = (started: number): number => Math.round((performance.now() - started) / 10) / 100;
