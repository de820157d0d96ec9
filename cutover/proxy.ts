import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Docker, Ended } from "../stacks/engine/docker";
import { readScript, shell } from "../stacks/engine/scripts";
import type { Color } from "../stacks/service/color";
import {
  type CutoverRecord,
  type HistoryEntry,
  historyLine,
  MOST_HISTORY_LINES,
  RECENT_HISTORY_LINES,
  readServing,
  type Serving,
  servingOf,
} from "../stacks/service/serving";
import { lineSplitter } from "../stacks/text/lines";
import type { Curl } from "./smokeTest";

/** A move may wait for another one's end, reads back, asks through the front and may be put back, each for up to 60 s. */
const MOVE_TIMEOUT_SECONDS = 270;

/** More than a smoke test's own bound, which is 300 s. */
const CURL_TIMEOUT_SECONDS = 330;

/** The most of an answer that a smoke test looks at. */
const MOST_BODY_BYTES = 1024 * 1024;

/** From here on the watched answers are forgotten, so that a long watch can't fill the disk. */
const MOST_ANSWERS_BYTES = 256 * 1024 * 1024;

/** What moves the public, inside the proxy. */
export const CUTOVER_SCRIPT = readScript("cutover");

/** What a move says once visitors meet its configuration. */
const MEETS = /^the public meets the new configuration, (\d+) ms after the reload$/;

/** Since how many milliseconds visitors have met a configuration, where a line of a move says so. */
export function metSince(line: string): number | undefined {
  const milliseconds = MEETS.exec(line)?.[1];
  return milliseconds === undefined ? undefined : Number(milliseconds);
}

/** What {@link Nginx.move} goes by. */
export interface Move {
  appPort: number;
  healthPath: string;
  /** How long the color may take to answer before it is moved to. */
  answerSeconds: number;
  verifyRequests: number;
  /** Whether what a later way back goes back to stays what it is: a switch is under way. */
  keepPrevious: boolean;
  /** Whether nginx reloads also where it has this configuration: what it names has changed. */
  reload: boolean;
}

/** What the new color answered since the last look. */
export interface Sample {
  /** Where the next look goes on. */
  offset: number;
  /** The status of the health path through nginx now; 0 without an answer. */
  health: number;
  /** What serves now: generation and color. */
  serves: string;
  count: number;
  errors: number;
  /** Answers by the milliseconds that they took. */
  times: [milliseconds: number, count: number][];
}

/** The proxy as the cutover handles it: everything goes through `docker exec`, so that any engine will do. */
export class Nginx {
  constructor(
    private readonly docker: Docker,
    /** The container's id. */
    readonly id: string,
  ) {}

  serving(): Promise<Serving | undefined> {
    return readServing(this.docker, this.id);
  }

  /**
   * Holds the lock until it is released, or this process ends.
   *
   * @throws Error with who else holds it, after `waitSeconds`.
   */
  lock(holder: string, waitSeconds: number, say: (line: string) => void): Promise<Lock> {
    const start = (seconds: number) =>
      this.docker.start([
        "exec",
        "-i",
        this.id,
        ...shell("hold", holder, seconds, RECENT_HISTORY_LINES, MOST_HISTORY_LINES),
      ]);
    return Lock.take(start, waitSeconds, say);
  }

  /** Moves the public to what the configuration names; exit code 0 only when that answers. */
  move(configuration: string, move: Move, say: (line: string) => void): Promise<Ended> {
    const env = {
      STEP: "move",
      APP_PORT: move.appPort,
      HEALTH_PATH: move.healthPath,
      ANSWER_SECONDS: move.answerSeconds,
      VERIFY_REQUESTS: move.verifyRequests,
      KEEP_PREVIOUS: move.keepPrevious,
      RELOAD: move.reload,
    };
    return this.step(env, configuration, MOVE_TIMEOUT_SECONDS + move.answerSeconds, say);
  }

  /** Brings this configuration back, whatever a move has left behind; exit code 0 only when it serves. */
  back(to: { generation: string; color: Color }): Promise<Ended> {
    return this.step({ STEP: "back", WANTED: `${to.generation} ${to.color}` }, "", MOVE_TIMEOUT_SECONDS, () => {});
  }

  private step(
    env: Record<string, unknown>,
    input: string,
    timeoutSeconds: number,
    onLine: (line: string) => void,
  ): Promise<Ended> {
    const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    return this.docker.run(["exec", "-i", ...variables, this.id, ...shell("cutover")], {
      input,
      timeoutSeconds,
      onLine,
    });
  }

  /**
   * Whether nginx reaches a color.
   *
   * @throws Error where nginx itself can't be asked.
   */
  async answers(color: Color): Promise<boolean> {
    const { stdout, stderr } = await this.docker.run(["exec", this.id, ...shell("reach", color)]);
    const status = /^status (\d+)$/m.exec(stdout)?.[1];
    if (status === undefined || status === "000") throw new Error(stderr.trim() || "nginx does not answer");
    return status.startsWith("2");
  }

  /** What the color answered since `offset`, a number of bytes. */
  async sample(offset: number, color: Color): Promise<Sample> {
    const text = await this.docker.ask("exec", this.id, ...shell("sample", offset, color, MOST_ANSWERS_BYTES));
    const [first = "", second = "", third] = text.split("\n");
    const [size, health, ...serves] = first.split(" ");
    const [count, errors, ...times] = second.split(" ");
    return {
      offset: third === "restarted" ? 0 : Number(size),
      health: Number(health),
      serves: serves.join(" "),
      count: Number(count),
      errors: Number(errors),
      times: times.map((pair) => pair.split(":").map(Number) as [number, number]),
    };
  }

  /** Runs curl inside the proxy; its own failures are answers too. */
  curl: Curl = (configuration) => this.runCurl(configuration, "straight");

  /** Does the same through nginx itself, so that the request and its answer meet the limits that visitors meet. */
  curlThroughNginx: Curl = (configuration) => this.runCurl(configuration, "nginx");

  private async runCurl(configuration: string, way: "straight" | "nginx"): Promise<Awaited<ReturnType<Curl>>> {
    const command = ["exec", "-i", this.id, ...shell("curl", MOST_BODY_BYTES, way)];
    const { code, stdout, stderr } = await this.docker.run(command, {
      input: configuration,
      timeoutSeconds: CURL_TIMEOUT_SECONDS,
    });
    const failed = code !== 0 || stderr.endsWith("failed\n");
    return { code: failed ? code || 1 : 0, stdout, stderr: stderr.replace(/failed\n$/, "") };
  }
}

/** How long the holder may take for one answer, beyond what it was told to wait: a disk that hangs must not hang the run. */
const HOLDER_SECONDS = 30;

/** How long the lock is waited for that was lost with a proxy that restarted. */
const RETAKE_SECONDS = 15;

/** The process in the proxy that holds the lock: what it says, line by line. */
class Holder {
  private readonly lines: string[] = [];
  private wake: () => void = () => {};
  private readonly closed: Promise<void>;
  ended = false;
  stderr = "";

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    const splitter = lineSplitter((line) => this.lines.push(line));
    child.stdin.on("error", () => {});
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      splitter.add(text);
      this.wake();
    });
    this.closed = new Promise((resolve) => {
      const end = () => {
        this.ended = true;
        this.wake();
        resolve();
      };
      child.on("close", end);
      child.on("error", end);
    });
  }

  /** The next line; undefined when there is none any more, or none in time. */
  async line(seconds: number): Promise<string | undefined> {
    const late = setTimeout(() => this.kill(), seconds * 1000);
    while (this.lines.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    clearTimeout(late);
    return this.lines.shift();
  }

  /** Tells it something and waits for its answer. */
  async ask(text: string): Promise<string | undefined> {
    this.lines.length = 0;
    this.child.stdin.write(`${text}\n`);
    return this.line(HOLDER_SECONDS);
  }

  async end(text: string): Promise<void> {
    this.child.stdin.end(text);
    const late = setTimeout(() => this.kill(), HOLDER_SECONDS * 1000);
    await this.closed;
    clearTimeout(late);
  }

  /** Its end of the line is closed with it, so that the process in the proxy ends too. */
  private kill(): void {
    this.child.kill("SIGKILL");
  }
}

/** The proxy's lock, and the only way to write what the cutovers leave behind. */
export class Lock {
  private constructor(
    private readonly start: (waitSeconds: number) => ChildProcessWithoutNullStreams,
    private holder: Holder,
    /** What the proxy served when the lock was taken. */
    readonly serving: Serving | undefined,
  ) {}

  /** What it was told so far: its answers have no names, so that one question waits for the other's. */
  private told: Promise<unknown> = Promise.resolve();

  static async take(
    start: (waitSeconds: number) => ChildProcessWithoutNullStreams,
    waitSeconds: number,
    say: (line: string) => void,
  ): Promise<Lock> {
    const { holder, serving } = await hold(start, waitSeconds, say);
    return new Lock(start, holder, serving);
  }

  /** Counts the answers from now on, until the lock is let go of. */
  watch(): Promise<void> {
    return this.ask("watch");
  }

  /** Replaces the record. */
  writeRecord(record: CutoverRecord): Promise<void> {
    return this.ask(`cutover.json ${JSON.stringify(record)}`);
  }

  /** Puts a file where the configuration names it; the name is of letters, digits, dots and dashes. */
  writeFile(name: string, content: string): Promise<void> {
    return this.ask(`file ${name} ${Buffer.from(content).toString("base64")}`);
  }

  /** Replaces what visitors' cookies mean; nginx takes it with its next reload. */
  writeSessions(content: string): Promise<void> {
    return this.ask(`sessions.conf ${Buffer.from(content).toString("base64")}`);
  }

  /** Appends a line to the history, or replaces the last one where that has the same time; the oldest goes when there are too many. */
  remember(entry: HistoryEntry): Promise<void> {
    return this.ask(`history.jsonl ${historyLine(entry)}`);
  }

  async release(): Promise<void> {
    await this.told;
    await this.holder.end("release\n");
  }

  private ask(text: string): Promise<void> {
    const asked = this.told.then(() => this.tell(text));
    this.told = asked.catch(() => {});
    return asked;
  }

  /** A lock that was lost, with a proxy that restarted, is taken again first. */
  private async tell(text: string): Promise<void> {
    if (this.holder.ended) this.holder = (await hold(this.start, RETAKE_SECONDS, () => {})).holder;
    if ((await this.holder.ask(text)) !== "wrote") {
      throw new Error(this.holder.stderr.trim() || "the lock's holder in the proxy did not answer");
    }
  }
}

/** Starts a holder and waits until it has the lock. */
async function hold(
  start: (waitSeconds: number) => ChildProcessWithoutNullStreams,
  waitSeconds: number,
  say: (line: string) => void,
): Promise<{ holder: Holder; serving: Serving | undefined }> {
  const holder = new Holder(start(waitSeconds));
  const read: string[] = [];
  for (;;) {
    const line = await holder.line(waitSeconds + HOLDER_SECONDS);
    if (line === "held") return { holder, serving: servingOf(read.join("\n")) };
    const who = line?.slice(line.indexOf(" ") + 1) || "nobody knows who";
    if (line === undefined) {
      throw new Error(`the proxy can't be entered: ${holder.stderr.trim() || "docker exec ended without an answer"}.`);
    }
    if (line.startsWith("busy")) {
      throw new Error(`another cutover runs in this proxy (${who}) and did not end within ${waitSeconds} s.`);
    }
    if (line.startsWith("wait")) say(`another cutover runs in this proxy (${who}); waiting for its end`);
    else if (line.startsWith("stale")) say(`an earlier cutover was cut off (${who}); going on from what it left`);
    else read.push(line);
  }
}
