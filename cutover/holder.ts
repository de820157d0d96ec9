import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Ended } from "../stacks/engine/docker";
import { lineSplitter } from "../stacks/text/lines";

/** How long the holder may take for one answer, beyond what it was told to wait: a disk that hangs must not hang the run. */
export const HOLDER_SECONDS = 30;

/** The last line of a step: its exit code, and in base64 what it wrote to standard error. */
const ENDED = /^ended (\d+) ?([\w+/=]*)$/;

/** What a holder and its caller say now and then where each has to know that the other is there. */
const BEAT = "beat";

/** In the time after which a silent one is given up it is heard so often. */
const BEATS = 5;

/** The process in the proxy that holds the lock: what it says, line by line. */
export class Holder {
  private readonly lines: string[] = [];
  private wake: () => void = () => {};
  private readonly closed: Promise<void>;
  private isLate = false;
  private heardAt = performance.now();
  private beats: NodeJS.Timeout | undefined;
  ended = false;
  stderr = "";

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    const splitter = lineSplitter((line) => {
      this.heardAt = performance.now();
      if (line !== BEAT) this.lines.push(line);
    });
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
        clearInterval(this.beats);
        this.wake();
        resolve();
      };
      child.on("close", end);
      child.on("error", end);
    });
  }

  /** The next line; undefined when there is none any more, or none in time. */
  line(seconds: number): Promise<string | undefined> {
    return this.within(seconds, () => this.next());
  }

  /** Gives it up once it was not heard of for so long, and lets it hear of us meanwhile. Whoever waits for it then waits no longer. */
  giveUpAfter(seconds: number, silent: () => void): void {
    this.heardAt = performance.now();
    const beat = () => {
      if (performance.now() - this.heardAt < seconds * 1000) {
        this.child.stdin.write(`${BEAT}\n`);
        return;
      }
      silent();
      this.giveUp();
    };
    this.beats = setInterval(beat, (seconds * 1000) / BEATS);
  }

  /** Tells it something and waits for its answer. */
  ask(text: string): Promise<string | undefined> {
    this.tell(text);
    return this.line(HOLDER_SECONDS);
  }

  /**
   * Has it do a step, which says line by line what it does; answers how that ended.
   *
   * @throws Error where it did not end in time.
   */
  async step(text: string, seconds: number, say: (line: string) => void): Promise<Ended> {
    const heard = this.stderr.length;
    this.tell(text);
    const ended = await this.within(seconds, () => this.stepEnd(say));
    if (ended !== undefined) return ended;
    if (this.isLate) throw new Error(`the proxy had no answer within ${seconds} s`);
    return { code: null, stdout: "", stderr: this.stderr.slice(heard) };
  }

  async end(text: string): Promise<void> {
    this.child.stdin.end(text);
    await this.within(HOLDER_SECONDS, () => this.closed);
  }

  private tell(text: string): void {
    this.lines.length = 0;
    this.child.stdin.write(`${text}\n`);
  }

  private async stepEnd(say: (line: string) => void): Promise<Ended | undefined> {
    for (;;) {
      const line = await this.next();
      if (line === undefined) return undefined;
      const [, code, words = ""] = ENDED.exec(line) ?? [];
      if (code !== undefined) {
        return { code: Number(code), stdout: "", stderr: Buffer.from(words, "base64").toString() };
      }
      say(line);
    }
  }

  private async next(): Promise<string | undefined> {
    while (this.lines.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.lines.shift();
  }

  /** Does something that may take so long; then the process is ended, which ends what is waited for. */
  private async within<T>(seconds: number, act: () => Promise<T>): Promise<T> {
    const late = setTimeout(() => {
      this.isLate = true;
      this.giveUp();
    }, seconds * 1000);
    try {
      return await act();
    } finally {
      clearTimeout(late);
    }
  }

  private giveUp(): void {
    clearInterval(this.beats);
    // Its end of the line is closed with it, so that the process in the proxy ends too.
    this.child.kill("SIGKILL");
    // What it has started, as ssh, may outlive it and hold these open.
    this.child.stdout.destroy();
    this.child.stderr.destroy();
  }
}
