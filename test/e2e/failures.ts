import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { after, type TestContext } from "node:test";
import { freshGets, keepAliveGets, LIGHT, type LoadReport } from "../load";
import { backendImages } from "./backend";
import { type Ended, get, TestStack } from "./stack";

/** The settings of a stack that is made to fail, with images that do it on request. */
export const failureSettings = async (): Promise<Record<string, string>> => ({
  ...(await backendImages()),
  // Long enough to see the watch at work.
  bakeSeconds: "4",
  drainSeconds: "10",
  keepAliveSeconds: "5",
  proxyTimeoutSeconds: "10",
});

/** As many visitors, since a canary draws by the User-Agent: of a single one it could draw none. */
const USER_AGENTS = 100;

/** What a failure cost the public. */
export interface Cost {
  requests: number;
  failed: number;
  /** From the first failed request to the last one, in seconds. */
  seconds: number;
}

/** Figures of each row, in the order in which they came. */
const costs: [name: string, cost: Cost][] = [];

/** What a row may cost the public; nothing, where nothing is said. */
interface Allowed {
  /** The kinds of failed requests that belong to what was broken. */
  only?: RegExp;
  /** How long they may come, in seconds. */
  within?: number;
  /** How long the row may take. */
  maxSeconds?: number;
}

/** One row of docs/failures.md: a test of the same name, with a load through the front from its beginning to its end. */
export function row(
  t: TestContext,
  stack: Pick<TestStack, "url">,
  name: string,
  body: () => Promise<void>,
  { only, within = 0, maxSeconds = 300 }: Allowed = {},
): Promise<void> {
  return t.test(name, async () => {
    const url = `${stack.url}/`;
    const requests = { ...LIGHT, url, requestTimeoutMs: 10_000, maxSeconds, userAgents: USER_AGENTS };
    const loads = [keepAliveGets({ ...requests, connections: 8 }), freshGets({ ...requests, connections: 2 })];
    let reports: LoadReport[] = [];
    try {
      await body();
    } finally {
      reports = await Promise.all(loads.map((load) => load.stop()));
    }
    const unforeseen = reports.flatMap((report) => report.failures).filter(({ kind }) => !only?.test(kind));
    // Print nginx's errors now: the test destroys the stack, and they would be lost.
    if (unforeseen.length > 0 && stack instanceof TestStack) console.log(await nginxErrors(stack));
    const cost = noteCost(name, reports);
    assert.deepEqual(unforeseen.slice(0, 5), []);
    assert.ok(cost.seconds <= within, `well again within ${within} s`);
  });
}

/** The latest errors of the proxy's nginx. */
async function nginxErrors(stack: TestStack): Promise<string> {
  const { Id } = await stack.container("proxy");
  const lines = (await stack.docker("logs", "--tail", "20000", Id)).split("\n");
  return lines
    .filter((line) => /\[(?:error|crit|alert|emerg)\]/.test(line))
    .slice(-20)
    .join("\n");
}

/** The rows of a table, as docs/failures.md has them. */
const tableOfCosts = (): string =>
  costs
    .map(([name, { requests, failed, seconds }]) => `| ${name} | ${failed} of ${requests} | ${seconds.toFixed(1)} |`)
    .join("\n");

after(() => {
  if (costs.length > 0) console.log(`What each failure cost the public:\n${tableOfCosts()}`);
});

/** Says what a row cost the public, and keeps it for the table. */
export function noteCost(name: string, reports: LoadReport[]): Cost {
  const cost = costOf(reports);
  costs.push([name, cost]);
  console.log(`${name}: ${cost.failed} of ${cost.requests} requests failed, ${cost.seconds.toFixed(1)} s until well`);
  return cost;
}

function costOf(reports: LoadReport[]): Cost {
  const at = reports.flatMap((report) => report.failures.map((failure) => failure.at));
  return {
    requests: reports.reduce((sum, report) => sum + report.requests, 0),
    failed: reports.reduce((sum, report) => sum + report.failed, 0),
    seconds: at.length === 0 ? 0 : (Math.max(...at) - Math.min(...at)) / 1000,
  };
}

/** An `up` that must fail with these words. */
export async function fails(stack: TestStack, ...words: (string | RegExp)[]): Promise<Ended> {
  const ended = await stack.tryPulumi("up", "--yes", "--skip-preview");
  assert.notEqual(ended.code, 0, ended.output);
  says(ended.output, ...words);
  return ended;
}

const oneLine = (text: string) => text.replace(/\s+/g, " ");

/** A text has all of these words, wherever its lines are wrapped. */
export function says(output: string, ...words: (string | RegExp)[]): void {
  for (const word of words) {
    const found = word instanceof RegExp ? word.test(output) : oneLine(output).includes(oneLine(word));
    assert.ok(found, `missing: ${word}\nin:\n${output}`);
  }
}

/** An `up` that goes on by itself, and what it has said so far. */
export class RunningUp {
  readonly child: ChildProcess;
  /** How it ended; the code is null where a signal ended it. */
  readonly ended: Promise<{ code: number | null; output: string }>;
  private output = "";

  constructor(stack: TestStack) {
    this.child = stack.startPulumi("up", "--yes", "--skip-preview");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    // Not when its output ends: what it started may still hold that.
    this.ended = once(this.child, "exit").then(async ([code]) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { code, output: this.output };
    });
  }

  /** Waits until it says this. */
  async says(words: RegExp): Promise<void> {
    await until(`it says ${words}`, () => words.test(this.output)).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
  }
}

export const colorOf = async (stack: TestStack): Promise<unknown> => (await get(`${stack.url}/`)).headers["x-color"];

/** Waits until this holds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
  const started = Date.now();
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (Date.now() - started > seconds * 1000) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Has the test backend of a color do something wrong from now on (see backend.py); nothing is wrong any more with `{}`. */
export async function faults(stack: TestStack, color: "blue" | "green", what: Record<string, number>): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${stack.ports[color]}/faults`, {
    method: "POST",
    body: JSON.stringify(what),
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** What the proxy serves, when it has one whole configuration. */
export async function whole(stack: TestStack): Promise<"blue" | "green"> {
  const proxy = await stack.container("proxy");
  const script =
    'cd /var/lib/blue-green && nginx -t -q -c "$PWD/nginx.conf" && curl -s http://127.0.0.1:8081/generation && ' +
    'stated=$(sed -n \'s/^ *return 200 "\\([0-9a-f]*\\) .*/\\1/p\' nginx.conf) && sed "s/$stated/@GENERATION@/" nginx.conf | sha256sum';
  const [answer = "", hash = ""] = (await stack.docker("exec", proxy.Id, "sh", "-c", script)).split("\n");
  const [generation = "", color] = answer.split(" ");
  assert.equal(hash.slice(0, 16), generation, "the file on the volume is whole, and it is the one that serves");
  assert.ok(color === "blue" || color === "green", answer);
  return color;
}

/** The history of the proxy's volume, oldest first. */
export async function history(stack: TestStack): Promise<Record<string, unknown>[]> {
  const proxy = await stack.container("proxy");
  const text = await stack.docker("exec", proxy.Id, "cat", "/var/lib/blue-green/history.jsonl");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** The first process of a container, by its process id on this machine. */
export async function masterOf(stack: TestStack, part: "blue" | "green" | "proxy"): Promise<number> {
  const { Id } = await stack.container(part);
  return Number((await stack.docker("inspect", "--format", "{{.State.Pid}}", Id)).trim());
}

/** Ends the first process of a container. */
export const killMaster = async (stack: TestStack, part: "blue" | "green" | "proxy"): Promise<void> => {
  process.kill(await masterOf(stack, part), "SIGKILL");
};

/** The processes whose environment has this; of one container alone, where its id is given. */
export function processesWith(variable: string, container = ""): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
        return environment.includes(variable) && readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(container);
      } catch {
        return false;
      }
    });
}

/** Ends everything of a run (SIGKILL), and these processes beside it. */
export async function endRun(stack: TestStack, up: RunningUp, ...inside: number[]): Promise<void> {
  const ofRun = () => processesWith(`BLUE_GREEN_STACK=${stack.name}`);
  const end = (pid: number): void => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  // All at once: whoever sees that its parent is gone has others end what they do, in their own time.
  const all = [...ofRun(), ...inside];
  up.child.kill("SIGKILL");
  all.forEach(end);
  ofRun().forEach(end);
  await up.ended;
}
