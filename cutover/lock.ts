import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { hostname } from "node:os";
import {
  type CutoverRecord,
  type HistoryEntry,
  historyLine,
  type Result,
  type Serving,
  servingOf,
} from "../stacks/service/serving";
import { lineSplitter } from "../stacks/text/lines";

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

/** Who holds a lock, for whoever waits for it. */
export const holderSince = (began: string): string => `${hostname()}, process ${process.pid}, since ${began}`;

/** Another cutover runs in the proxy, and did not end in time. */
export class LockBusy extends Error {
  override readonly name = "LockBusy";
}

/** The proxy's lock, and the only way to write what the cutovers leave behind. */
export class Lock {
  private constructor(
    private readonly start: (waitSeconds: number) => ChildProcessWithoutNullStreams,
    private holder: Holder,
    /** What the proxy served when the lock was taken. */
    readonly serving: Serving | undefined,
  ) {
    this.record = serving?.record;
  }

  /** The record as it is on the volume. */
  record: CutoverRecord | undefined;

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
  async writeRecord(record: CutoverRecord): Promise<void> {
    await this.ask(`cutover.json ${JSON.stringify(record)}`);
    this.record = record;
  }

  /** Replaces what Prometheus is told of the latest cutover, and counts that one by its result, if it has one. */
  writeMetrics(result: Result | "none", text: string): Promise<void> {
    return this.ask(`metrics ${result} ${Buffer.from(text).toString("base64")}`);
  }

  /** Puts a file where the configuration names it; the name is of letters, digits, dots and dashes. */
  writeFile(name: string, content: string): Promise<void> {
    return this.ask(`file ${name} ${Buffer.from(content).toString("base64")}`);
  }

  /** Replaces what visitors' cookies mean; nginx takes it with its next reload. */
  writeSessions(content: string): Promise<void> {
    return this.ask(`sessions.conf ${Buffer.from(content).toString("base64")}`);
  }

  /**
   * Notes who gets word of a cutover, for a way back that has no settings at hand; nobody where it is empty. A lock that was lost is not
   * taken again for it: nothing waits for this.
   */
  writeReceiver(content: string): Promise<void> {
    return this.ask(`notify.json ${Buffer.from(content).toString("base64")}`, { retakes: false });
  }

  /** Appends a line to the history, or replaces the last one where that has the same time; the oldest goes when there are too many. */
  remember(entry: HistoryEntry): Promise<void> {
    return this.ask(`history.jsonl ${historyLine(entry)}`);
  }

  async release(): Promise<void> {
    await this.told;
    await this.holder.end("release\n");
  }

  private ask(text: string, { retakes = true } = {}): Promise<void> {
    const asked = this.told.then(() => this.tell(text, retakes));
    this.told = asked.catch(() => {});
    return asked;
  }

  /** A lock that was lost, with a proxy that restarted, is taken again first. */
  private async tell(text: string, retakes: boolean): Promise<void> {
    if (this.holder.ended && !retakes) throw new Error("the proxy's lock was lost");
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
      throw new LockBusy(`another cutover runs in this proxy (${who}) and did not end within ${waitSeconds} s.`);
    }
    if (line.startsWith("wait")) say(`another cutover runs in this proxy (${who}); waiting for its end`);
    else if (line.startsWith("stale")) say(`an earlier cutover was cut off (${who}); going on from what it left`);
    else read.push(line);
  }
}
