import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Color, other } from "../../stacks/service/color";
import type { LoadReport } from "../load";
import type { EngineHost } from "./engineHost";
import { noteCost, processesWith, RunningUp, says, until } from "./failures";
import { type HostsStack, NAMES, type Name } from "./hosts";
import { get, type TestStack } from "./stack";

/** Where a run is when something happens to a host. */
export type Phase = "gate" | "check" | "move" | "watch";

/** The settings of a stack whose hosts fail: with a watch, and a gate that runs for a while. */
export const SETTINGS = { bakeSeconds: "4", gateCommand: "sleep 1", drainSeconds: "10", keepAliveSeconds: "5" };

const VOLUME = "/var/lib/blue-green";

/** The width at which somebody reads an error. */
const COLUMNS = 80;

/** The hosts of a stack, of which one is made to fail; and where their public is. */
export class FailingHosts {
  /** Where the public of all is to be. */
  live: Color = "blue";
  readonly stack: TestStack;
  /** Whether a row has failed. */
  hasFailed = false;

  constructor(readonly made: HostsStack) {
    this.stack = made.stack;
  }

  /** Runs a script in a host's proxy. */
  inside(name: Name, script: string): Promise<string> {
    return this.made.byName[name].docker("exec", this.made.called("proxy"), "sh", "-c", script);
  }

  /** The color that a host's public meets; whatever else is seen where it meets none. */
  async colorOn(name: Name): Promise<string> {
    const answer = await Promise.race([
      get(`${this.made.urlOf(name)}/`).catch((error: Error) => error.message),
      pause(1000, "no answer", { ref: false }),
    ]);
    return typeof answer === "string" ? answer : `${answer.headers["x-color"] ?? answer.status}`;
  }

  /** What a host serves, as it says itself: the cable of one may be pulled. */
  async servesOn(name: Name): Promise<string> {
    return (await this.inside(name, "curl -s http://127.0.0.1:8081/generation")).trim().split(" ")[1] ?? "";
  }

  /** All hosts have the public on this color. */
  async isOn(color: Color, ...names: Name[]): Promise<void> {
    for (const name of names.length === 0 ? NAMES : names)
      assert.equal(await this.colorOn(name), color, `host ${name}`);
  }

  /** Waits until these hosts have the public on this color; returns the seconds since then. */
  async untilOn(color: Color, names: readonly Name[], since: number, within: number): Promise<number> {
    const all = async () =>
      (await Promise.all(names.map((name) => this.colorOn(name)))).every((seen) => seen === color);
    await until(`${names} are on ${color}`, all, within);
    return (performance.now() - since) / 1000;
  }

  /**
   * Begins a switch: gated, and watched afterwards.
   *
   * @param phase in which something is going to happen; the run waits there where the phase is short.
   */
  async switching(phase?: Phase): Promise<RunningUp> {
    if (phase === "check" || phase === "move") await this.hold("c");
    // What was stable would be gone back to without gate and watch.
    await Promise.all(NAMES.map((name) => this.forget(name, other(this.live))));
    await this.stack.set("activeColor", other(this.live));
    return new RunningUp(this.stack);
  }

  /** Has a host forget that a color was stable there. */
  private async forget(name: Name, color: Color): Promise<void> {
    const record = JSON.parse((await this.inside(name, `cat ${VOLUME}/cutover.json 2>/dev/null || echo '{}'`)).trim());
    const { [color]: _, ...stable } = record.stable ?? {};
    await this.inside(name, `printf '%s\\n' '${JSON.stringify({ ...record, stable })}' >${VOLUME}/cutover.json`);
  }

  /** The next `up` puts all right. */
  async mends(): Promise<string> {
    const output = await this.stack.up();
    this.live = /activeColor: ["']?(blue|green)/.exec(await this.stack.file())?.[1] as Color;
    await this.isOn(this.live);
    return output;
  }

  /** Does something to host b in this phase of a run; returns when. */
  async at(phase: Phase, up: RunningUp, strike: () => Promise<unknown>): Promise<number> {
    if (phase === "gate") await up.says(/gate command runs/);
    if (phase === "watch") await up.says(/watch \d+\/\d+ s/);
    if (phase === "gate" || phase === "watch") {
      const since = performance.now();
      await strike();
      return since;
    }
    await this.steps("c", "check");
    // By now the two others have checked, and wait for this one.
    await pause(1500);
    if (phase === "check") {
      const since = performance.now();
      await strike();
      await this.release("c");
      return since;
    }
    await this.hold("b");
    await this.release("c");
    await this.steps("b", "move");
    await this.untilOn(other(this.live), ["a", "c"], 0, 10);
    const since = performance.now();
    await strike();
    return since;
  }

  /** Has the steps of a cutover on a host wait. */
  async hold(name: Name): Promise<void> {
    const script = `cd ${VOLUME} && rm -f /run/go && flock step.lock sh -c 'touch /run/held; until [ -e /run/go ]; do sleep 0.05; done'; rm -f /run/go /run/held`;
    await this.made.byName[name].docker("exec", "--detach", this.made.called("proxy"), "sh", "-c", script);
    await until("the step's lock is held", async () => (await this.inside(name, "ls /run/held")).trim() !== "");
  }

  release(name: Name): Promise<string> {
    return this.inside(name, "touch /run/go");
  }

  /** Ends the first process of a host's proxy. The host numbers it in its own way: it is found by its container's group. */
  async killNginx(name: Name): Promise<void> {
    const id = await this.proxyOf(name);
    const first = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && isFirstOf(id, pid));
    assert.equal(first.length, 1, `${first}`);
    process.kill(Number(first[0]), "SIGKILL");
  }

  private async proxyOf(name: Name): Promise<string> {
    return (await this.host(name).docker("inspect", "--format", "{{.Id}}", this.made.called("proxy"))).trim();
  }

  /** Reports whether no host is about to move. */
  async areStill(): Promise<boolean> {
    const ids = await Promise.all(NAMES.map((name) => this.proxyOf(name)));
    return ids.every((id) => processesWith("STEP=move", id).length === 0);
  }

  /** Waits until a step of a cutover runs on a host. */
  private async steps(name: Name, step: "check" | "move"): Promise<void> {
    const id = await this.proxyOf(name);
    await until(`${step} runs on ${name}`, () => processesWith(`STEP=${step}`, id).length > 0);
  }

  host(name: Name): EngineHost {
    return this.made.byName[name];
  }
}

/** Reports whether a process is the first one of a container. */
function isFirstOf(id: string, pid: string): boolean {
  try {
    const group = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    return group.includes(id) && /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** How an `up` ended that failed on a host; the error says which one, and what it saw there, where somebody reads it at 80 columns. */
export async function failsOn(
  up: RunningUp,
  seen: RegExp,
  ...words: (string | RegExp)[]
): Promise<{ output: string; next: string }> {
  const { code, output } = await up.ended;
  assert.notEqual(code, 0, output);
  if (process.env.SHOW_OUTPUT) console.log(output);
  // As Pulumi says it at the end, without the lines in which it shows what goes on.
  const lines = output.split("\n").map((line) => line.trim().replace(/^error: /, ""));
  const where = lines.find((line) => seen.test(line) && !/^(?:[~+] |pulumi:pulumi:Stack)/.test(line));
  assert.ok(where !== undefined, `missing: ${seen}\nin:\n${output}`);
  assert.match(where.slice(0, COLUMNS), seen, "within 80 columns");
  const next = lines.filter((line) => line.startsWith("Next: "));
  assert.equal(new Set(next).size, 1, output);
  says(output, ...words);
  return { output, next: next[0] ?? "" };
}

/** One row of docs/failures.md: a load comes to all hosts, and of those that are not themselves broken no request fails. */
export function row(
  t: TestContext,
  hosts: FailingHosts,
  name: string,
  body: () => Promise<void>,
  { broken = [], within = 0 }: { broken?: readonly Name[]; within?: number } = {},
): Promise<void> {
  return t.test(name, async () => {
    assert.ok(!hosts.hasFailed, "left out, since an earlier row has failed and left the hosts as nobody knows");
    hosts.hasFailed = true;
    const began = performance.now();
    const loads = NAMES.map((host) => ({ host, clients: hosts.made.load(host) }));
    const reports: { host: Name; report: LoadReport }[] = [];
    try {
      await body();
    } finally {
      for (const { host, clients } of loads)
        for (const report of await Promise.all(clients.map((load) => load.stop()))) reports.push({ host, report });
    }
    const cost = noteCost(
      name,
      reports.map(({ report }) => report),
    );
    console.log(`${name}: the row took ${((performance.now() - began) / 1000).toFixed(1)} s`);
    const others = reports.filter(({ host }) => !broken.includes(host));
    const unforeseen = others.flatMap(({ host, report }) => report.failures.map(({ kind }) => `${host}: ${kind}`));
    assert.deepEqual(unforeseen.slice(0, 5), []);
    assert.ok(cost.seconds <= within, `well again within ${within} s`);
    hosts.hasFailed = false;
  });
}
