import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CutoverFailed, carryOut } from "../../cutover/cutover";
import { Nginx } from "../../cutover/nginx";
import type { Order } from "../../cutover/order";
import { COLORS, type Color } from "../../stacks/color";
import type { Docker, Ended } from "../../stacks/docker";
import { LABEL, PROXY_DIRECTORY } from "../../stacks/names";
import {
  type CutoverRecord,
  GENERATION_PLACEHOLDER,
  generationOf,
  type HistoryEntry,
  READ,
} from "../../stacks/serving";
import type { ContainerState, Inspected } from "../../stacks/world";
import { sampleSettings } from "../settings.sample";

/** The part of a configuration by which it is known. */
const configurationFor = (color: Color) =>
  `map "" $color {\n    default ${color};\n}\n    return 200 "${GENERATION_PLACEHOLDER} $color\\n";\n`;
const GENERATION = { blue: generationOf(configurationFor("blue")), green: generationOf(configurationFor("green")) };
const VERSIONS = { blue: "1.0.0", green: "2.0.0" };
const IMAGES = { blue: "sha256:blue", green: "sha256:green" };

/** What the containers were given, and what must not be in any message. */
const SECRET = "correct horse battery";

const running: ContainerState = {
  ...{ Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
  Health: { Status: "healthy" },
};

const containerOf = (color: Color, change: Partial<Inspected> = {}): Inspected => ({
  Id: `${color}-1`,
  Name: `/blue-green-dev-${color}`,
  Image: IMAGES[color],
  RestartCount: 0,
  State: running,
  Config: {
    Labels: {
      [LABEL.color]: color,
      [LABEL.version]: VERSIONS[color],
      [LABEL.slot]: JSON.stringify({
        ...{ definition: "d", port: color === "blue" ? 5001 : 5002, image: "" },
        ...{ environment: [], secretEnvironment: ["TOKEN"] },
      }),
    },
    Env: [`TOKEN=${SECRET}`],
  },
  ...change,
});

/** Stopped at once, in a state that says how. */
const dead: ContainerState = { ...running, Running: false, Status: "exited", ExitCode: 3 };

/** An order to go to green, or to another color: no gate command, and a watch that is one look. */
const orderTo = (target: Color, change: Partial<Order> = {}): Order => ({
  owner: { project: "blue-green", stack: "dev" },
  proxy: "p1",
  configuration: configurationFor(target),
  generation: GENERATION[target],
  target,
  appPort: 5000,
  healthPath: "/healthz",
  healthTimeoutSeconds: 1,
  smokeTests: sampleSettings.smokeTests,
  gateCommand: "",
  gateTimeoutSeconds: 10,
  targetHost: "127.0.0.1",
  verifyRequests: 8,
  bakeSeconds: 0.1,
  limits: { maxErrorPercent: 1, minRequests: 20, maxP95Seconds: 0 },
  ...change,
});

const ok: Ended = { code: 0, stdout: "", stderr: "" };

/** What the watch sees of the new color. */
interface Seen {
  health: number;
  count: number;
  errors: number;
  serves: string;
}

/**
 * A proxy without nginx: its volume is a folder, its lock is held by the real script, and what else is run in it is answered by
 * the test.
 */
class StubProxy {
  readonly directory: string;
  /** What happened, in its order. */
  readonly events: string[] = [];
  readonly said: string[] = [];
  readonly holders: ChildProcessWithoutNullStreams[] = [];
  readonly cancelled = new AbortController();
  /** The record on the volume, and whether answers were counted, when the public was moved. */
  atMove: { record: CutoverRecord; watched: boolean } | undefined;
  moves: Record<string, string>[] = [];
  containers: Inspected[] = [containerOf("blue"), containerOf("green")];

  // How it does what it is asked: all goes well unless a test says otherwise.
  move = async (): Promise<Ended> => ok;
  back = async (): Promise<Ended> => ok;
  seen: Partial<Seen> = {};
  sample = async (): Promise<Partial<Seen>> => this.seen;
  smoke = async (): Promise<{ status: number; body?: string }> => ({ status: 200 });
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

  /** From now on nginx serves this color. */
  serves(color: Color): this {
    const generation = GENERATION[color];
    this.put("nginx.conf", configurationFor(color).replace(GENERATION_PLACEHOLDER, generation));
    return this.put("answer", `${generation} ${color}\n`);
  }

  remembers(record: CutoverRecord, ...history: Partial<HistoryEntry>[]): this {
    this.put("cutover.json", `${JSON.stringify(record)}\n`);
    return this.put("history.jsonl", history.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }

  get record(): CutoverRecord | undefined {
    return existsSync(this.file("cutover.json"))
      ? JSON.parse(readFileSync(this.file("cutover.json"), "utf8"))
      : undefined;
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
      each.Config.Labels?.[LABEL.color] === color ? containerOf(color, change) : each,
    );
  }

  private async exec(script: string, args: string[]): Promise<string> {
    if (script === READ) return this.inside(READ);
    const color = args[1] as Color;
    const { health = 200, count = 100, errors = 0, serves = `${GENERATION[color]} ${color}` } = await this.sample();
    this.events.push("look");
    return `1 ${health} ${serves}\n${count} ${errors} 5:${count}\n`;
  }

  private async inside(script: string): Promise<string> {
    const child = this.sh(script, []);
    const output = child.stdout.setEncoding("utf8").toArray();
    await once(child, "close");
    return (await output).join("");
  }

  private sh(script: string, args: string[]): ChildProcessWithoutNullStreams {
    const text = script.replaceAll(PROXY_DIRECTORY, this.directory).replaceAll("/run/watched", this.file("watched"));
    const PATH = `${join(this.directory, "..", "bin")}:${process.env.PATH}`;
    return spawn("sh", ["-c", text, ...args], { env: { PATH } });
  }

  get docker(): Docker {
    return {
      ask: async (...args) => {
        this.engine(args);
        if (args[0] === "exec")
          return this.exec(args[args.indexOf("-c") + 1] ?? "", args.slice(args.indexOf("-c") + 3));
        if (args[1] === "ls") return `${this.containers.map(({ Id }) => Id).join("\n")}\n`;
        return JSON.stringify(this.containers.filter(({ Id }) => args.includes(Id)));
      },
      run: async (args, options = {}) => {
        this.engine(args);
        const variables = args.flatMap((arg, i) => (args[i - 1] === "-e" ? [arg.split(/=(.*)/s).slice(0, 2)] : []));
        const env: Record<string, string> = Object.fromEntries(variables);
        if (env.STEP === "move") return this.moveTo(options.input ?? "", env);
        if (env.STEP === "back") return this.backTo(env.WANTED ?? "");
        if (args.some((arg) => arg.includes("--config -"))) return this.answer(options.input ?? "");
        this.events.push(`ask ${args.at(-1)}`);
        return { ...ok, stdout: `status ${await this.answers()}\n` };
      },
      start: (args) => {
        this.engine(args);
        const holder = this.sh(args[args.indexOf("-c") + 1] ?? "", args.slice(args.indexOf("-c") + 2));
        this.holders.push(holder);
        return holder;
      },
      log: async () => this.log,
    };
  }

  private async moveTo(configuration: string, env: Record<string, string>): Promise<Ended> {
    const color = /default (\w+);/.exec(configuration)?.[1] as Color;
    this.events.push(`move ${color}`);
    this.moves.push(env);
    this.atMove = { record: this.record ?? { stable: {} }, watched: existsSync(this.file("watched")) };
    const ended = await this.move();
    if (ended.code === 0) this.serves(color);
    return ended;
  }

  private async backTo(wanted: string): Promise<Ended> {
    this.events.push(`back ${wanted}`);
    const ended = await this.back();
    if (ended.code === 0) this.serves(wanted.split(" ")[1] as Color);
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

  /** Carries out an order; answers how it failed, undefined where it did not. */
  async carriesOut(order: Order): Promise<Error | undefined> {
    const say = (line: string) => {
      this.said.push(line);
      if (line.startsWith("gate: ")) this.events.push(line);
    };
    const error = await carryOut(order, { docker: this.docker, say, signal: this.cancelled.signal }).then(
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

/** Ends a holder as a proxy does that restarts. */
async function lost(holder: ChildProcessWithoutNullStreams | undefined): Promise<void> {
  if (holder === undefined || holder.exitCode !== null || holder.signalCode !== null) return;
  holder.kill("SIGKILL");
  await once(holder, "close");
}

/** A proxy on blue, which is stable there; green was never live. */
const onBlue = (t: TestContext): StubProxy =>
  new StubProxy(t).serves("blue").remembers({ stable: { blue: ["blue-1"] } });

const MOVING = { from: "blue", generation: GENERATION.blue, to: "green" } as const;

/** A proxy on green, whose switch from blue was cut off in its watch. */
const cutOff = (t: TestContext, ...history: Partial<HistoryEntry>[]): StubProxy =>
  new StubProxy(t).serves("green").remembers({ moving: MOVING, stable: { blue: ["blue-1"] } }, ...history);

/** The clock jumps beyond all that is waited for, whenever `jump` is called. */
function clock(t: TestContext): () => void {
  const real = performance.now.bind(performance);
  let ahead = 0;
  t.mock.method(performance, "now", () => real() + ahead);
  return () => {
    ahead += 200_000;
  };
}

const BACK_TO_BLUE = `back ${GENERATION.blue} blue`;

test("the first cutover moves without gates and watch, and makes its color stable", async (t) => {
  const proxy = new StubProxy(t);
  assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
  assert.deepEqual(proxy.events, ["move green"]);
  assert.equal(proxy.atMove?.watched, false);
  assert.deepEqual(proxy.record, { stable: { green: ["green-1"] } });
  assert.deepEqual(
    proxy.history.map(({ result, from, to }) => [result, from, to]),
    [["first", undefined, "green"]],
  );
});

test("a first cutover that fails leaves nobody served and says so", async (t) => {
  const proxy = new StubProxy(t);
  proxy.move = async () => ({ code: 1, stdout: "", stderr: "green did not answer" });
  const { result, message } = await proxy.fails(orderTo("green"));
  assert.equal(result, "failed");
  assert.match(message, /\nNobody was served before; the next run begins anew\.\n/);
  assert.deepEqual([proxy.events, proxy.record], [["move green"], undefined]);
});

test("a stable color whose container is the same is gone to at once", async (t) => {
  const stable = { blue: ["blue-1"], green: ["green-1"] };
  const proxy = onBlue(t).remembers({ stable });
  assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
  assert.deepEqual(proxy.events, ["move green"]);
  assert.deepEqual(proxy.atMove?.record, { stable });
  assert.deepEqual(proxy.record, { stable });
  assert.equal(proxy.history[0]?.result, "instant");
});

test("a gated switch: smoke tests, gate command, the record of what moves, the move, the watch, the record without it", async (t) => {
  const proxy = onBlue(t);
  assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
  assert.deepEqual(proxy.events, ["smoke http://green:5000/healthz", "gate: asked", "move green", "look"]);
  assert.deepEqual(proxy.atMove, { record: { moving: MOVING, stable: { blue: ["blue-1"] } }, watched: true });
  assert.deepEqual(proxy.moves[0], {
    ...{ STEP: "move", APP_PORT: "5000", HEALTH_PATH: "/healthz", ANSWER_SECONDS: "1" },
    ...{ VERIFY_REQUESTS: "8", KEEP_PREVIOUS: "false" },
  });
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
  assert.equal(existsSync(join(proxy.directory, "watched")), false, "the counting ends with the cutover");
  assert.equal(existsSync(join(proxy.directory, "holder")), false);
});

test("the line of the history is whole", async (t) => {
  const proxy = onBlue(t);
  await proxy.carriesOut(orderTo("green"));
  assert.equal(proxy.history.length, 1);
  const { time = "", seconds = {}, ...rest } = proxy.history[0] ?? {};
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(Object.keys(seconds), ["gate", "switch", "watch"]);
  for (const value of Object.values(seconds)) assert.ok(value >= 0 && value < 10, String(value));
  assert.ok((seconds.watch ?? 0) >= 0.1);
  assert.deepEqual(rest, {
    ...{ result: "switched", from: "blue", to: "green" },
    ...{ versions: VERSIONS, images: IMAGES, requests: 100 },
  });
});

test("without a bake time nothing is counted or watched", async (t) => {
  const proxy = onBlue(t);
  assert.equal(await proxy.carriesOut(orderTo("green", { bakeSeconds: 0 })), undefined);
  assert.deepEqual([proxy.events.at(-1), proxy.atMove?.watched], ["move green", false]);
  assert.equal(proxy.history[0]?.requests, undefined);
});

test("what does not pass its gates is refused, and no move was begun", async (t) => {
  const sick = { ...running, Health: { Status: "unhealthy", Log: [{ Output: `no login with ${SECRET}` }] } };
  const cases: [string, (proxy: StubProxy) => void, Partial<Order>, RegExp][] = [
    ["no container", (proxy) => (proxy.containers = [containerOf("blue")]), {}, /: it has no container\./],
    ["ended", (proxy) => proxy.change("green", { State: dead }), {}, /ended with exit code 3\./],
    [
      "unhealthy",
      (proxy) => proxy.change("green", { State: sick }),
      {},
      /its health check says: no login with \[secret\]/,
    ],
    [
      "smoke test",
      (proxy) => (proxy.smoke = async () => ({ status: 500, body: `no ${SECRET}` })),
      {},
      /Came: .* no \[secret\]/,
    ],
    ["gate command", () => {}, { gateCommand: "exit 4" }, /the gate command .*4.*\n[\s\S]*It was: exit 4/],
    ["full volume", (proxy) => mkdirSync(join(proxy.directory, "next")), {}, /the proxy's volume can't be written/],
  ];
  for (const [what, spoil, change, seen] of cases) {
    const proxy = onBlue(t);
    proxy.log = `password ${SECRET}\n`;
    spoil(proxy);
    const error = await proxy.carriesOut(orderTo("green", change));
    assert.ok(error instanceof CutoverFailed, `${what}: ${error}`);
    assert.equal(error.result, "refused", what);
    assert.match(error.message, seen, what);
    assert.match(
      error.message,
      /^green was not switched to: [\s\S]*\nNothing was changed: the public is on blue\.\nNext: /,
      what,
    );
    assert.deepEqual([proxy.moves, proxy.live], [[], "blue"], what);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } }, what);
    // What can't be written can't be remembered either.
    if (what !== "full volume") assert.equal(proxy.history.at(-1)?.result, "refused", what);
  }
});

test("a move that fails goes back to exactly what served, and nothing is under way any more", async (t) => {
  const proxy = onBlue(t);
  proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx did not serve it.\nmore of that\n" });
  const { result, reason, message } = await proxy.fails(orderTo("green"));
  assert.deepEqual([result, reason], ["failed", "nginx did not serve it"]);
  assert.match(
    message,
    /^green was not switched to: nginx did not serve it\.\nNothing was changed: the public is on blue\.\nmore of that\nNext: /,
  );
  assert.deepEqual(proxy.events.slice(1), ["move green", BACK_TO_BLUE]);
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } });
});

test("a script that says what to do next is not talked over, and one that was cut off is said to be", async (t) => {
  const proxy = onBlue(t);
  proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx refuses it.\nNext: mend it" });
  assert.match((await proxy.fails(orderTo("green"))).message, /\nNext: mend it$/);
  proxy.move = async () => ({ code: 137, stdout: "", stderr: "" });
  assert.match((await proxy.fails(orderTo("green"))).reason, /cut off/);
  proxy.move = () => Promise.reject(new Error("`docker exec` had no answer within 121 s"));
  assert.match((await proxy.fails(orderTo("green"))).reason, /had no answer within 121 s/);
  assert.equal(proxy.events.filter((event) => event === BACK_TO_BLUE).length, 3);
});

test("trouble in the watch takes the switch back, with the figures and the container's log", async (t) => {
  const proxy = onBlue(t);
  proxy.seen = { count: 100, errors: 7 };
  const { result, reason, message } = await proxy.fails(orderTo("green"));
  assert.equal(result, "reverted");
  assert.match(reason, /^100 answers, 7 of them 5xx/);
  assert.match(
    message,
    /^green was switched to and taken back: 100 answers, [\s\S]*\nThe public is back on blue, after [\d.]+ s\.\n[\s\S]* {2}no database\nNext: accept blue: /,
  );
  assert.deepEqual(proxy.events.slice(1), ["move green", "look", "ask blue", BACK_TO_BLUE]);
  assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }]);
  assert.equal(proxy.history[0]?.requests, 100);
  assert.deepEqual(Object.keys(proxy.history[0]?.seconds ?? {}).sort(), ["back", "gate", "switch", "watch"]);
});

test("what happens to the new color's container, or to what is served, is trouble too, and shows no secret", async (t) => {
  const sick = { ...running, Health: { Status: "unhealthy", Log: [{ Output: `no login with ${SECRET}` }] } };
  const cases: [(proxy: StubProxy) => void, RegExp][] = [
    [(proxy) => proxy.change("green", { State: dead }), /^its container ended with exit code 3/],
    [(proxy) => proxy.change("green", { State: sick }), /its health check says: no login with \[secret\]/],
    [(proxy) => proxy.change("green", { Id: "green-2" }), /^its container is gone/],
    [
      (proxy) => proxy.change("green", { State: { ...running, StartedAt: "2026-01-02T00:00:00Z" } }),
      /was started again/,
    ],
    [(proxy) => (proxy.seen = { serves: "0123456789abcdef blue" }), /^somebody else changed what the proxy serves/],
    [(proxy) => (proxy.seen = { health: 503 }), /not answered with 2xx 3 times in a row \(status 503\)/],
  ];
  for (const [spoil, seen] of cases) {
    const proxy = onBlue(t);
    proxy.move = async () => {
      spoil(proxy);
      return ok;
    };
    const { result, reason } = await proxy.fails(orderTo("green"));
    assert.match(reason, seen);
    assert.deepEqual([result, proxy.live], ["reverted", "blue"]);
  }
});

test("with too few answers the smoke tests are repeated through the front, and decide", async (t) => {
  const proxy = onBlue(t);
  proxy.seen = { count: 3 };
  assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  assert.equal(proxy.events.at(-1), "smoke http://127.0.0.1:8080/healthz");

  const spoilt = onBlue(t);
  spoilt.seen = { count: 3 };
  spoilt.smoke = async () => (spoilt.moves.length === 0 ? { status: 200 } : { status: 500, body: SECRET });
  const { result, message } = await spoilt.fails(orderTo("green"));
  assert.equal(result, "reverted");
  assert.match(message, /failed through the front\n {2}Asked: [\s\S]*\[secret\]/);
});

test("the public is not taken back to a color that does not answer", async (t) => {
  const proxy = onBlue(t);
  proxy.seen = { errors: 100 };
  proxy.answers = async () => 502;
  const { result, reason, message } = await proxy.fails(orderTo("green"));
  assert.equal(result, "failed");
  assert.match(reason, /; blue does not answer either$/);
  assert.match(
    message,
    /^green is live and not well: [\s\S]*\nThe public was left there, since blue did not answer for 10 s\.\n/,
  );
  assert.deepEqual([proxy.live, proxy.events.at(-1)], ["green", "ask blue"]);
  assert.deepEqual(proxy.record?.moving, MOVING, "the next run watches it again");
});

test("a way back that fails is told as it is, and the switch stays under way in the record", async (t) => {
  const jump = clock(t);
  const proxy = onBlue(t);
  proxy.seen = { errors: 100 };
  proxy.back = async () => {
    jump();
    return { code: 1, stdout: "", stderr: "the volume is gone\n" };
  };
  const { result, reason, message } = await proxy.fails(orderTo("green"));
  assert.equal(result, "failed");
  assert.match(reason, /; the way back failed$/);
  assert.match(message, /\nThe way back to blue failed \(the volume is gone\): the public is on green\.\n/);
  assert.deepEqual([proxy.live, proxy.record?.moving], ["green", MOVING]);
});

test("a way back is tried until the proxy is there again", async (t) => {
  const proxy = onBlue(t);
  proxy.seen = { errors: 100 };
  let tried = 0;
  proxy.back = async () => {
    tried += 1;
    if (tried === 1) throw new Error("container p1 is restarting");
    return tried === 2 ? { code: 1, stdout: "", stderr: "nginx does not run" } : ok;
  };
  assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
  assert.deepEqual([tried, proxy.live], [3, "blue"]);
});

test("a switch that was cut off in its watch is watched again, and what it goes back to is kept", async (t) => {
  const proxy = cutOff(t);
  assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
  assert.deepEqual(proxy.events, ["move green", "look"]);
  assert.deepEqual([proxy.moves[0]?.KEEP_PREVIOUS, proxy.atMove?.watched], ["true", true]);
  assert.deepEqual(proxy.atMove?.record.moving, MOVING);
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
  assert.deepEqual(
    proxy.history.map(({ result, reason }) => [result, reason]),
    [["switched", "the watch of a switch that was cut off"]],
  );
});

test("a switch that was cut off goes back, when its watch finds trouble, to what served before it", async (t) => {
  const proxy = cutOff(t);
  proxy.seen = { errors: 100 };
  assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
  assert.equal(proxy.events.at(-1), BACK_TO_BLUE);
  assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }]);
});

test("an earlier switch that was refused or taken back does not make a later one's cut off watch be skipped", async (t) => {
  for (const result of ["refused", "reverted"] as const) {
    const proxy = cutOff(t, { time: "2026-01-01T00:00:00.000Z", result, from: "blue", to: "green" });
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(proxy.events, ["move green", "look"]);
    assert.deepEqual(
      proxy.history.map((entry) => entry.result),
      [result, "switched"],
    );
  }
});

test("a switch that was cut off before its move is an ordinary one for the next run", async (t) => {
  const proxy = onBlue(t).remembers({ moving: MOVING, stable: { blue: ["blue-1"] } });
  assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  assert.deepEqual(proxy.events, ["smoke http://green:5000/healthz", "move green", "look"]);
  assert.equal(proxy.record?.moving, undefined);
});

test("a live container that was made anew passes the smoke tests and is stable then; nothing is watched", async (t) => {
  const proxy = onBlue(t);
  proxy.change("blue", { Id: "blue-2" });
  assert.equal(await proxy.carriesOut(orderTo("blue", { gateCommand: "echo asked" })), undefined);
  assert.deepEqual(proxy.events, ["move blue", "smoke http://blue:5000/healthz"]);
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-2"] } });
  assert.equal(proxy.history[0]?.result, "reloaded");

  proxy.change("blue", { Id: "blue-3" });
  proxy.smoke = async () => ({ status: 500 });
  const { result, message } = await proxy.fails(orderTo("blue"));
  assert.equal(result, "refused");
  assert.match(message, /^blue is live, but not well: the smoke test /);
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-2"] } });
});

test("what serves already, stable and as ordered, is no line of the history; a change by hand that is put right is one", async (t) => {
  const proxy = onBlue(t);
  assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
  assert.deepEqual([proxy.events, proxy.history], [["move blue"], []]);
  proxy.put("nginx.conf", "# by hand\n");
  assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
  assert.deepEqual(
    proxy.history.map(({ result, reason }) => [result, reason]),
    [["reloaded", "the configuration had been changed"]],
  );
});

test("an engine that fails before the move changes nothing, and one that fails after it is settled; both are said", async (t) => {
  const before = onBlue(t);
  before.engine = (args) => {
    if (args[1] === "ls") throw new Error("Cannot connect to the daemon.\nIs it running?");
  };
  const unasked = await before.fails(orderTo("green"));
  assert.equal(unasked.result, "failed");
  assert.equal(
    unasked.message,
    "green was not switched to: Cannot connect to the daemon.\nIs it running?\nNothing was changed: the public is on blue.\n" +
      "Next: npm run status; then: pulumi up",
  );
  assert.deepEqual([before.moves, before.live], [[], "blue"]);

  const after = onBlue(t);
  after.seen = { count: 0 };
  after.engine = (args) => {
    if (after.moves.length > 0 && args.some((arg) => arg.includes("--config -"))) throw new Error("the line is cut");
  };
  const settled = await after.fails(orderTo("green"));
  assert.deepEqual([settled.result, settled.reason], ["failed", "the line is cut"]);
  assert.deepEqual([after.events.at(-1), after.live], [BACK_TO_BLUE, "blue"]);
  assert.deepEqual(after.record, { stable: { blue: ["blue-1"] } });
});

test("a proxy that can't be asked while it is watched is asked again, and then the switch is taken back", async (t) => {
  const proxy = onBlue(t);
  let looks = 0;
  proxy.sample = async () => {
    looks += 1;
    if (looks === 1) throw new Error("the line is cut");
    return {};
  };
  assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  assert.equal(looks, 2);

  const silent = onBlue(t);
  silent.sample = () => Promise.reject(new Error("the line is cut"));
  const { result, reason } = await silent.fails(orderTo("green"));
  assert.deepEqual([result, reason], ["reverted", "the proxy could not be asked: the line is cut"]);
});

test("a run that is cancelled before the move moves nothing, wherever it stands", async (t) => {
  const stages: [string, (proxy: StubProxy) => Partial<Order>][] = [
    [
      "health",
      (proxy) => {
        proxy.change("green", { State: { ...running, Health: { Status: "starting" } } });
        setTimeout(() => proxy.cancelled.abort(), 100);
        return { healthTimeoutSeconds: 60 };
      },
    ],
    [
      "smoke tests",
      (proxy) => {
        proxy.smoke = async () => {
          proxy.cancelled.abort();
          return { status: 200 };
        };
        return {};
      },
    ],
    [
      "gate command",
      (proxy) => {
        setTimeout(() => proxy.cancelled.abort(), 400);
        return { gateCommand: "sleep 20" };
      },
    ],
  ];
  for (const [stage, begin] of stages) {
    const proxy = onBlue(t);
    const { result, reason } = await proxy.fails(orderTo("green", begin(proxy)));
    assert.equal(result, "refused", stage);
    assert.match(reason, /the run was cancelled$/, stage);
    assert.deepEqual([proxy.moves, proxy.live, proxy.record?.moving], [[], "blue", undefined], stage);
  }
});

test("a run that is cancelled in the move or in the watch is taken back", async (t) => {
  for (const when of ["move", "sample"] as const) {
    const proxy = onBlue(t);
    if (when === "move") {
      proxy.move = async () => {
        proxy.cancelled.abort();
        return ok;
      };
    } else {
      proxy.sample = async () => {
        proxy.cancelled.abort();
        return { count: 1 };
      };
    }
    const { result, reason } = await proxy.fails(orderTo("green", { bakeSeconds: 5 }));
    assert.deepEqual([result, reason], ["reverted", "the run was cancelled"], when);
    assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }], when);
  }
});

test("a run that is cancelled while another cutover holds the lock ends at once, says who, and leaves no line", async (t) => {
  const proxy = onBlue(t);
  const other = await new Nginx(proxy.docker, "p1").lock("the other one", 5, () => {});
  setTimeout(() => proxy.cancelled.abort(), 300);
  const error = await proxy.carriesOut(orderTo("green"));
  assert.equal(
    error?.message,
    "green was not switched to: the run was cancelled. Nothing was changed.\n" +
      "Next: docker logs --tail 30 blue-green-dev-proxy; then: pulumi up",
  );
  assert.deepEqual(proxy.said, ["another cutover runs in this proxy (the other one); waiting for its end"]);
  assert.deepEqual([proxy.events, proxy.history], [[], []]);
  await lost(proxy.holders[1]);
  await other.release();
});

test("a lock that another one holds is waited for so long, and what a killed one left is said", async (t) => {
  const proxy = onBlue(t);
  const nginx = new Nginx(proxy.docker, "p1");
  const other = await nginx.lock("the other one", 5, () => {});
  await assert.rejects(
    nginx.lock("me", 1, () => {}),
    { message: "another cutover runs in this proxy (the other one) and did not end within 1 s." },
  );
  await lost(proxy.holders[0]);
  await other.release();
  const said: string[] = [];
  const mine = await nginx.lock("me", 5, (line) => said.push(line));
  assert.deepEqual(said, ["an earlier cutover was cut off (the other one); going on from what it left"]);
  assert.deepEqual([mine.serving?.color, mine.serving?.busy], ["blue", undefined], "it is not busy for its own sake");
  assert.equal((await nginx.serving())?.busy, "me");
  await mine.release();
  assert.equal((await nginx.serving())?.busy, undefined);
});

test("a proxy that can't be entered is said, and the lock's own words are", async (t) => {
  const proxy = onBlue(t);
  rmSync(proxy.directory, { recursive: true });
  await assert.rejects(
    new Nginx(proxy.docker, "p1").lock("me", 1, () => {}),
    /^Error: the proxy can't be entered: .*volume.*\.$/,
  );
});

test("a lock that is lost with a proxy that restarts is taken again before anything is written", async (t) => {
  const proxy = onBlue(t);
  proxy.move = async () => {
    await lost(proxy.holders[0]);
    return ok;
  };
  assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  assert.equal(proxy.holders.length, 2);
  assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
  assert.equal(proxy.history[0]?.result, "switched");
  assert.equal(existsSync(join(proxy.directory, "holder")), false);
});

test("a record that can't be written at the end is said, and the switch stands", async (t) => {
  const proxy = onBlue(t);
  proxy.sample = async () => {
    mkdirSync(join(proxy.directory, "next"));
    return {};
  };
  assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  assert.equal(proxy.live, "green");
  assert.match(proxy.said.join("\n"), /the way back will not be at once: that green is stable could not be written/);
  assert.match(proxy.said.join("\n"), /the history could not be written/);
});

test("the history keeps its latest lines alone", async (t) => {
  const proxy = onBlue(t).put("history.jsonl", Array.from({ length: 1200 }, (_, i) => `{"time":"${i}"}\n`).join(""));
  await proxy.carriesOut(orderTo("green", { bakeSeconds: 0 }));
  assert.deepEqual(
    [proxy.history.length, proxy.history[0]?.time, proxy.history.at(-1)?.result],
    [1000, "201", "switched"],
  );
});
