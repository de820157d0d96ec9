import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { hostname } from "node:os";
import type { Ended } from "../stacks/engine/docker";
import {
  type CutoverRecord,
  type HistoryEntry,
  historyLine,
  type Result,
  type Serving,
  servingOf,
} from "../stacks/service/serving";
import { HOLDER_SECONDS, Holder } from "./holder";
import { SILENT_SECONDS } from "./silence";

/** How long the lock is waited for that was lost with a proxy that restarted. */
const RETAKE_SECONDS = 15;

/** A move may wait for another one's end, introduces a color (60 s and 60 s), reads back, asks through the front and may be put back. */
export const MOVE_TIMEOUT_SECONDS = 390;

/** How a lock is held where there are several hosts: whoever does not answer must not hold up the others. */
export interface LockBound {
  /** How long the proxy may take for its first word. */
  answerSeconds?: number;
  /** Called when the proxy has not been heard of for {@link SILENT_SECONDS}; it moves nobody for us any more then. */
  silent?: () => void;
}

/** Starts the process that holds the lock. */
type Start = (waitSeconds: number) => ChildProcessWithoutNullStreams;

/** What {@link Lock.move} goes by. */
export interface Move {
  /** How long the color may take to answer before it is moved to. */
  answerSeconds: number;
  verifyRequests: number;
  /** Whether what a later way back goes back to stays what it is: a switch is under way. */
  keepPrevious: boolean;
  /** Whether nginx reloads also where it has this configuration: what it names has changed. */
  reload: boolean;
}

/** Who holds a lock, for whoever waits for it. */
export const holderSince = (began: string): string => `${hostname()}, process ${process.pid}, since ${began}`;

/** Another cutover runs in the proxy, and did not end in time. */
export class LockBusy extends Error {
  override readonly name = "LockBusy";
}

const STOPPED = "the proxy's container is not running.";

/** Whether these are the words of a proxy that does not run. */
export const isStopped = (words: string): boolean => words.startsWith(STOPPED);

/** The proxy does not answer, or can't be entered. */
export class NotAnswered extends Error {
  override readonly name = "NotAnswered";
}

/** The proxy's lock, and the only way to write what the cutovers leave behind. */
export class Lock {
  private constructor(
    private readonly start: Start,
    private readonly bound: LockBound,
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
    start: Start,
    waitSeconds: number,
    say: (line: string) => void,
    bound: LockBound = {},
  ): Promise<Lock> {
    const { holder, serving } = await hold(start, waitSeconds, say, bound);
    return new Lock(start, bound, holder, serving);
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

  /**
   * Moves the public to what the configuration names; exit code 0 only when that answers. The holder starts it, since a `docker exec`
   * of its own takes longer to start than the move. It has a lock of its own in the proxy, and goes on to its end whatever becomes of us.
   */
  move(configuration: string, move: Move, say: (line: string) => void): Promise<Ended> {
    return this.step("move", configuration, move, say);
  }

  /** Does all of a move that moves nobody: nginx checks the configuration, and the color that it names answers. */
  check(configuration: string, move: Move, say: (line: string) => void): Promise<Ended> {
    return this.step("check", configuration, move, say);
  }

  private step(
    step: "move" | "check",
    configuration: string,
    { answerSeconds, verifyRequests, keepPrevious, reload }: Move,
    say: (line: string) => void,
  ): Promise<Ended> {
    const text = Buffer.from(configuration).toString("base64");
    const order = `${step} ${answerSeconds} ${verifyRequests} ${keepPrevious} ${reload} ${text}`;
    return this.inTurn(async () => {
      await this.retake();
      return this.holder.step(order, MOVE_TIMEOUT_SECONDS + answerSeconds, say);
    });
  }

  async release(): Promise<void> {
    await this.told;
    await this.holder.end("release\n");
  }

  private ask(text: string, { retakes = true } = {}): Promise<void> {
    return this.inTurn(async () => {
      if (this.holder.ended && !retakes) throw new Error("the proxy's lock was lost");
      await this.retake();
      const answer = await this.holder.ask(text);
      if (answer === undefined) {
        throw new NotAnswered(this.holder.stderr.trim() || "the lock's holder in the proxy did not answer");
      }
      if (answer !== "wrote") {
        throw new Error(this.holder.stderr.trim() || "the lock's holder in the proxy did not write it");
      }
    });
  }

  /** Does something when all before it is done. */
  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.told.then(act);
    this.told = done.catch(() => {});
    return done;
  }

  /** A lock that was lost, with a proxy that restarted, is taken again. */
  private async retake(): Promise<void> {
    if (this.holder.ended) this.holder = (await hold(this.start, RETAKE_SECONDS, () => {}, this.bound)).holder;
  }
}

/** Starts a holder and waits until it has the lock; for its first word so many seconds. */
async function hold(
  start: Start,
  waitSeconds: number,
  say: (line: string) => void,
  { answerSeconds = HOLDER_SECONDS, silent }: LockBound,
): Promise<{ holder: Holder; serving: Serving | undefined }> {
  const holder = new Holder(start(waitSeconds));
  const read: string[] = [];
  let seconds = answerSeconds;
  for (;;) {
    const line = await holder.line(seconds);
    // It says at once that it waits.
    seconds = waitSeconds + HOLDER_SECONDS;
    if (line === "held") {
      if (silent !== undefined) holder.giveUpAfter(SILENT_SECONDS, silent);
      return { holder, serving: servingOf(read.join("\n")) };
    }
    const who = line?.slice(line.indexOf(" ") + 1) || "nobody knows who";
    if (line === undefined && /^Error response from daemon: .* is not running/m.test(holder.stderr)) {
      throw new NotAnswered(STOPPED);
    }
    if (line === undefined) {
      throw new NotAnswered(
        `the proxy can't be entered: ${holder.stderr.trim() || "docker exec ended without an answer"}.`,
      );
    }
    if (line.startsWith("busy")) {
      throw new LockBusy(`another cutover runs in this proxy (${who}) and did not end within ${waitSeconds} s.`);
    }
    if (line.startsWith("wait")) say(`another cutover runs in this proxy (${who}); waiting for its end`);
    else if (line.startsWith("stale")) say(`an earlier cutover was cut off (${who}); going on from what it left`);
    else read.push(line);
  }
}
