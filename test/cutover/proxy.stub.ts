import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { carryOut } from "../../cutover/cutover";
import type { Order } from "../../cutover/order";
import { CutoverFailed, type Tools } from "../../cutover/run";
import { sessionsFile } from "../../cutover/sessions";
import type { Docker, Ended, RunOptions } from "../../stacks/engine/docker";
import { readScript } from "../../stacks/engine/scripts";
import { COLORS, type Color } from "../../stacks/service/color";
import { LABEL, PROXY_DIRECTORY } from "../../stacks/service/names";
import {
  type CutoverRecord,
  GENERATION_PLACEHOLDER,
  generationOf,
  type HistoryEntry,
  READ,
} from "../../stacks/service/serving";
import type { ContainerState, Inspected } from "../../stacks/service/world";
import { stubDocker } from "../stacks/engine/docker.stub";
import { BOTH, configurationFor, containerOf, dead, MOVING, running, SECRET, sharedBy, VERSIONS } from "./order.sample";

/** Who runs all of them. */
export const WHO = { user: "ann", host: "build-7" };

export const ok: Ended = { code: 0, stdout: "", stderr: "" };

/** What the watch sees of the new color. */
interface Seen {
  /** The status that each container answers on its health path. */
  health: number;
  count: number;
  errors: number;
  serves: string;
}

/** What a move is given, beside the configuration. */
const MOVE_VARIABLE = /^(?:STEP|ANSWER_SECONDS|VERIFY_REQUESTS|KEEP_PREVIOUS|RELOAD)=/;

/** Asks a color. */
const REACH = readScript("reach");

/** Asks a container for its health. */
const HEALTH = readScript("health");

/** Stands in for the script that moves the public: hands over what it was given, and does as it is told. */
const MOVE = `
env >asked && cat >configuration && : >begun
until [ -e said ]; do
    [ -e begun ] || exit 1
    sleep 0.01
done
cat said
cat words >&2
rm begun
rm said
if [ "$(cat code)" = null ]; then sleep 60; fi
exit "$(cat code)"
`;

/** What the proxy's scripts print of a container that answered with this status. */
const answerOf = (status: number): string => `${status === 200 ? "well" : "ill"} ${String(status).padStart(3, "0")} \n`;

/**
 * A proxy without nginx: its volume is a folder, its lock is held by the real script, which starts a move as it does, and what else is
 * run in it is answered by the test.
 */
export class StubProxy {
  /** Containers (ids) that don't end when they are asked to. */
  readonly killed = new Set<string>();
  readonly directory: string;
  /** What happened, in its order. */
  readonly events: string[] = [];
  readonly said: string[] = [];
  readonly holders: ChildProcessWithoutNullStreams[] = [];
  readonly cancelled = new AbortController();
  /** The record on the volume, and whether answers were counted, when the public was moved. */
  atMove: { record: CutoverRecord; watched: boolean } | undefined;
  /** What the visitors' cookies meant at each move. */
  readonly sessionsAtMoves: (string | undefined)[] = [];
  private step: Promise<unknown> = Promise.resolve();
  /** The configurations that were on the volume, by generation. */
  private readonly configurations = new Map<string, string>();
  moves: Record<string, string>[] = [];
  containers: Inspected[] = [containerOf("blue"), containerOf("green")];

  // How it does what it is asked: all goes well unless a test says otherwise.
  move = async (): Promise<Ended> => ok;
  check = async (): Promise<Ended> => ok;
  back = async (): Promise<Ended> => ok;
  stop = async (_ids: readonly string[]): Promise<Ended> => ok;
  /** With which exit code a job ends that runs already; called when it is waited for. */
  wait = async (_id: string): Promise<number> => 0;
  /** Called when containers are killed. */
  kill: (ids: readonly string[]) => void = () => {};
  /** What becomes of a container that is started, and of one of that id. */
  started = running;
  readonly startedAs = new Map<string, Partial<Inspected>>();
  /** How it starts workers, and what a job does until it has ended. */
  start = async (_ids: readonly string[]): Promise<Ended> => ok;
  job = async (_id: string, _options: RunOptions): Promise<Ended> => ok;
  seen: Partial<Seen> = {};
  sample = async (): Promise<Partial<Seen>> => this.seen;
  smoke = async (): Promise<{ status: number; body?: string }> => ({ status: 200 });
  /** How a container answers its health path when it is asked before a switch, by the name under which the proxy reaches it. */
  answersHealth = async (_container: string): Promise<number> => 200;
  /** What a move says before it ends. */
  moveSays: string[] = [];
  /** Whether a color answers when it is asked through nginx. */
  answers = async (): Promise<number> => 200;
  log = "no database\n";
  /** Called before anything is asked of the engine. */
  engine: (args: string[]) => void = () => {};

  constructor(t: TestContext) {
    const place = mkdtempSync(join(tmpdir(), "cutover-"));
    this.directory = join(place, "volume");
    mkdirSync(this.directory);
    mkdirSync(join(place, "bin"));
    writeFileSync(join(place, "bin", "curl"), `#!/bin/sh\ncat '${this.directory}/answer' 2>/dev/null || exit 7\n`);
    chmodSync(join(place, "bin", "curl"), 0o755);
    t.after(async () => {
      for (const holder of this.holders) await lost(holder);
      rmSync(place, { recursive: true, force: true });
    });
  }

  private file = (name: string) => join(this.directory, name);

  put(name: string, text: string): this {
    writeFileSync(this.file(name), text);
    return this;
  }

  /** From now on nginx serves this color, or this configuration of it. */
  serves(color: Color, configuration = configurationFor(color)): this {
    const generation = generationOf(configuration);
    this.configurations.set(generation, configuration);
    this.put("nginx.conf", configuration.replace(GENERATION_PLACEHOLDER, generation));
    return this.put("answer", `${generation} ${color}\n`);
  }

  remembers(record: CutoverRecord, ...history: Partial<HistoryEntry>[]): this {
    this.put("cutover.json", `${JSON.stringify(record)}\n`);
    return this.put("history.jsonl", history.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }

  /** Without the time that it is live since, which no test foresees. */
  get record(): CutoverRecord | undefined {
    const { since: _, ...record } = this.whole ?? { stable: {} };
    return this.whole && record;
  }

  /** The record as it is on the volume. */
  get whole(): CutoverRecord | undefined {
    return existsSync(this.file("cutover.json"))
      ? JSON.parse(readFileSync(this.file("cutover.json"), "utf8"))
      : undefined;
  }

  read(name: string): string | undefined {
    return existsSync(this.file(name)) ? readFileSync(this.file(name), "utf8") : undefined;
  }

  get history(): HistoryEntry[] {
    if (!existsSync(this.file("history.jsonl"))) return [];
    return readFileSync(this.file("history.jsonl"), "utf8")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** The color that the proxy's own word names. */
  get live(): string | undefined {
    return readFileSync(this.file("answer"), "utf8").trim().split(" ")[1];
  }

  change(color: Color, change: Partial<Inspected>): void {
    this.containers = this.containers.map((each) =>
      each.Config.Labels?.[LABEL.color] === color && each.Config.Labels[LABEL.role] === "slot"
        ? containerOf(color, change)
        : each,
    );
  }

  /** This container is another one from now on. */
  update(id: string, change: Partial<Inspected>): void {
    this.containers = this.containers.map((each) => (each.Id === id ? { ...each, ...change } : each));
  }

  /** These containers are in this state from now on. */
  private become(ids: string[], State: ContainerState): void {
    this.containers = this.containers.map((each) => (ids.includes(each.Id) ? { ...each, State } : each));
  }

  private async exec(script: string, args: string[]): Promise<string> {
    if (script === READ) return this.inside(READ);
    if (script === HEALTH) return answerOf(await this.answersHealth(args[1] ?? ""));
    const color = args[1] as Color;
    const serving = this.read("answer")?.trim() ?? "";
    const { health = 200, count = 100, errors = 0, serves = serving } = await this.sample();
    this.events.push(color === serving.split(" ")[1] ? "look" : `look at ${color}`);
    return `health ${color} ${answerOf(health)}size 1\nserves ${serves}\nanswers ${count} ${errors} 5:${count}\n`;
  }

  private async inside(script: string): Promise<string> {
    const child = this.sh(script, []);
    const output = child.stdout.setEncoding("utf8").toArray();
    await once(child, "close");
    return (await output).join("");
  }

  sh(script: string, args: string[]): ChildProcessWithoutNullStreams {
    const text = script.replaceAll(PROXY_DIRECTORY, this.directory).replaceAll("/run/", `${this.directory}/`);
    const PATH = `${join(this.directory, "..", "bin")}:${process.env.PATH}`;
    return spawn("sh", ["-c", text, ...args], { env: { PATH }, detached: true });
  }

  get docker(): Docker {
    return {
      ...stubDocker({}),
      ask: async (...args) => {
        this.engine(args);
        if (args[0] === "exec" && args[2] === "cat") return this.read(args[3]?.split("/").at(-1) ?? "") ?? "";
        if (args[0] === "exec")
          return this.exec(args[args.indexOf("-c") + 1] ?? "", args.slice(args.indexOf("-c") + 3));
        if (args[0] === "start") {
          this.events.push(args.join(" "));
          this.become(args, this.started);
          return "";
        }
        if (args[1] === "ls") return `${this.containers.map(({ Id }) => Id).join("\n")}\n`;
        return JSON.stringify(this.containers.filter(({ Id }) => args.includes(Id)));
      },
      run: async (args, options = {}) => {
        this.engine(args);
        const variables = args.flatMap((arg, i) => (args[i - 1] === "-e" ? [arg.split(/=(.*)/s).slice(0, 2)] : []));
        const env: Record<string, string> = Object.fromEntries(variables);
        if (env.STEP === "back") return this.backTo(env.WANTED ?? "");
        if (args.some((arg) => arg.includes("--config -"))) return this.answer(options.input ?? "");
        if (args[0] === "start") return this.begin(args.slice(1), options);
        if (args[0] === "stop") {
          this.events.push(args.join(" "));
          const ended = await this.stop(args.slice(1));
          const state = { ...running, Running: false, Status: "exited" };
          for (const id of args.slice(1)) {
            if (ended.code === 0) this.become([id], { ...state, ExitCode: this.killed.has(id) ? 137 : 0 });
          }
          return ended;
        }
        if (args[0] === "wait") {
          this.events.push(args.join(" "));
          const code = await this.wait(args[1] ?? "");
          this.become(args, { ...running, Running: false, Status: "exited", ExitCode: code });
          return { ...ok, stdout: `${code}\n` };
        }
        if (args[0] === "kill") {
          this.events.push(args.join(" "));
          this.kill(args.slice(1));
          return ok;
        }
        if (args.some((arg) => arg.includes("/proc/net/tcp"))) {
          this.events.push("count");
          return { ...ok, stdout: "  sl  local_address rem_address\n" };
        }
        if (args[0] === "exec" && args[2] === "cat") return { ...ok, stdout: this.read("notify.json") ?? "" };
        if (args[0] === "container") return { ...ok, stdout: JSON.stringify(args.slice(2).map(() => ({}))) };
        if (!args.includes(REACH)) return ok;
        this.events.push(`ask ${args.at(-1)}`);
        return { ...ok, stdout: answerOf(await this.answers()) };
      },
      start: (args) => {
        this.engine(args);
        const place = join(this.directory, "..", `move-${this.holders.length}`);
        mkdirSync(place);
        const script = `cd '${place}'\n${MOVE}`;
        const holder = this.sh(args[args.indexOf("-c") + 1] ?? "", [
          ...args.slice(args.indexOf("-c") + 2, -2),
          script,
          args.at(-1) ?? "",
        ]);
        this.holders.push(holder);
        void this.moveFrom(holder, place);
        return holder;
      },
      log: async () => this.log,
    };
  }

  /** Starts workers, or a job to its end. */
  private async begin(args: string[], options: RunOptions): Promise<Ended> {
    const ids = args.filter((arg) => arg !== "--attach");
    this.events.push(`${args.length === ids.length ? "start" : "run"} ${ids.join(" ")}`);
    if (args.length === ids.length) {
      const ended = await this.start(ids);
      if (ended.code === 0) this.become(ids, this.started);
      if (ended.code === 0) for (const id of ids) this.update(id, this.startedAs.get(id) ?? {});
      return ended;
    }
    this.become(ids, running);
    const ended = await this.job(ids[0] ?? "", options);
    this.become(ids, { ...running, Running: false, Status: "exited", ExitCode: ended.code ?? 137 });
    return ended;
  }

  /** Answers the moves that a holder starts. */
  private async moveFrom(holder: ChildProcessWithoutNullStreams, place: string): Promise<void> {
    const at = (name: string) => join(place, name);
    while (holder.exitCode === null && holder.signalCode === null) {
      await pause(5);
      if (!existsSync(at("begun")) || existsSync(at("said"))) continue;
      const lines = readFileSync(at("asked"), "utf8").split("\n");
      const env = Object.fromEntries(lines.flatMap((line) => (MOVE_VARIABLE.test(line) ? [line.split("=")] : [])));
      const ended = await this.moveTo(readFileSync(at("configuration"), "utf8"), env);
      writeFileSync(at("code"), String(ended.code));
      writeFileSync(at("words"), ended.stderr);
      writeFileSync(at("said.next"), this.moveSays.map((line) => `${line}\n`).join(""));
      renameSync(at("said.next"), at("said"));
      while (existsSync(at("said"))) await pause(5);
      // Nobody knows how it ended: the proxy has restarted.
      if (ended.code === null) await lost(holder);
    }
  }

  private async moveTo(configuration: string, env: Record<string, string>): Promise<Ended> {
    const color = /default (\w+);/.exec(configuration)?.[1] as Color;
    this.events.push(`${env.STEP} ${color}`);
    if (env.STEP === "check") return this.check();
    this.moves.push(env);
    this.sessionsAtMoves.push(this.read("sessions.conf"));
    this.atMove = { record: this.record ?? { stable: {} }, watched: existsSync(this.file("watched")) };
    return this.inTurn(async () => {
      const ended = await this.move();
      if (ended.code === 0) this.serves(color, configuration);
      return ended;
    });
  }

  private async backTo(wanted: string): Promise<Ended> {
    this.events.push(`back ${wanted}`);
    return this.inTurn(async () => {
      const ended = await this.back();
      const [generation = "", color] = wanted.split(" ");
      if (ended.code === 0) this.serves(color as Color, this.configurations.get(generation));
      return ended;
    });
  }

  /** A step waits for the one before it, as by the lock that each of them takes in the proxy. */
  private inTurn(step: () => Promise<Ended>): Promise<Ended> {
    const ended = this.step.then(step);
    this.step = ended.catch(() => {});
    return ended;
  }

  private async answer(configuration: string): Promise<Ended> {
    const url = /^url = "(.*)"$/m.exec(configuration)?.[1] ?? "";
    this.events.push(`smoke ${url}`);
    const { status, body } = await this.smoke();
    const color = COLORS.find((each) => url.includes(each)) ?? "green";
    return {
      code: 0,
      stdout: body ?? JSON.stringify({ color, version: VERSIONS[color] }),
      stderr: `${JSON.stringify({ http_code: status, time_total: 0.01, content_type: "application/json", errormsg: null })}\n`,
    };
  }

  /** With what a cutover is carried out here. */
  get tools(): Tools {
    const say = (line: string) => {
      this.said.push(line);
      if (line.startsWith("gate: ")) this.events.push(line);
    };
    return { docker: this.docker, say, signal: this.cancelled.signal, who: WHO };
  }

  /** Carries out an order; answers how it failed, undefined where it did not. */
  async carriesOut(order: Order): Promise<Error | undefined> {
    const error = await carryOut(order, this.tools).then(
      () => undefined,
      (error: Error) => error,
    );
    assert.doesNotMatch([error?.message, ...this.said, JSON.stringify(this.history)].join("\n"), new RegExp(SECRET));
    return error;
  }

  /** Carries out an order that must fail. */
  async fails(order: Order): Promise<CutoverFailed> {
    const error = await this.carriesOut(order);
    assert.ok(error instanceof CutoverFailed, String(error));
    assert.match(error.message, /\nNext: /, "there is always a next command");
    assert.equal(this.history.at(-1)?.result, error.result);
    assert.equal(this.history.at(-1)?.reason, error.reason);
    return error;
  }
}

/** Ends a holder, and what it has started, as a proxy does that restarts. */
export async function lost(holder: ChildProcessWithoutNullStreams | undefined): Promise<void> {
  if (holder === undefined || holder.exitCode !== null || holder.signalCode !== null) return;
  process.kill(-(holder.pid ?? 0), "SIGKILL");
  await once(holder, "close");
}

/** A proxy on blue, which is stable there; green was never live. */
export const onBlue = (t: TestContext): StubProxy =>
  new StubProxy(t).serves("blue").remembers({ stable: { blue: ["blue-1"] } });

/** A proxy on green, whose switch from blue was cut off in its watch. */
export const cutOff = (t: TestContext, ...history: Partial<HistoryEntry>[]): StubProxy =>
  new StubProxy(t).serves("green").remembers({ moving: MOVING, stable: { blue: ["blue-1"] } }, ...history);

/** The clock jumps beyond all that is waited for, whenever `jump` is called. */
export function clock(t: TestContext): () => void {
  const real = performance.now.bind(performance);
  let ahead = 0;
  t.mock.method(performance, "now", () => real() + ahead);
  return () => {
    ahead += 200_000;
  };
}

/** Green does not run, and ends again as soon as it is started. */
export const ends = (proxy: StubProxy): void => {
  proxy.change("green", { State: dead });
  proxy.started = dead;
};

/** A proxy on blue, of whose new visitors green has this share. */
export const onBoth = (t: TestContext, percent: number): StubProxy =>
  new StubProxy(t)
    .serves("blue", sharedBy(percent))
    .put("sessions.conf", sessionsFile(BOTH))
    .remembers({ stable: { blue: ["blue-1"] }, canary: percent, sessions: BOTH });

/** What the history tells, but for times and versions. */
export const told = ({ history }: StubProxy) =>
  history.map(({ result, from, to, canaryPercent }) => [result, from, to, canaryPercent]);
