import type { Docker, Output } from "../../stacks/engine/docker";
import { type LogLine, LogReader } from "./reader";

/** Of which lines a container's log is read. */
export interface LogBounds {
  /** As `docker logs` takes it; all of them where it is left out. */
  since?: string;
  /** The last ones alone. */
  tail?: number;
  /** Whether those are waited for that come later. */
  follow?: boolean;
}

/** The log of one container, line by line. No more of it is read than a piece at a time. */
export class LogSource {
  /** Of the latest line that was taken. */
  lastTime: string | undefined;
  private readonly reader = new LogReader();
  private readonly chunks: AsyncIterator<Buffer>;
  private lines: LogLine[] = [];
  private at = 0;

  constructor(private readonly output: Output) {
    this.chunks = output.stream[Symbol.asyncIterator]();
  }

  /** The next line, as far as it was read already. */
  get head(): LogLine | undefined {
    return this.lines[this.at];
  }

  /** Leaves the next line behind. */
  next(): void {
    this.lastTime = this.head?.time ?? this.lastTime;
    this.at += 1;
  }

  /** Waits for a next line; reports whether there is one. */
  async more(): Promise<boolean> {
    while (this.head === undefined) {
      const chunk = await this.chunk();
      this.lines = chunk === undefined ? this.reader.end() : this.reader.add(chunk);
      this.at = 0;
      if (chunk === undefined) return this.head !== undefined;
    }
    return true;
  }

  /** Returns why the log could not be read to its end, in the client's words; undefined where it was. */
  async problem(): Promise<string | undefined> {
    const code = await this.output.ended;
    if (code === 0 || code === null) return undefined;
    return this.reader.words.trim() || `\`docker logs\` ended with exit code ${code}`;
  }

  /** Ends the reading. */
  end(): void {
    this.output.end();
  }

  private async chunk(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.chunks.next();
      return done === true ? undefined : value;
    } catch {
      return undefined; // it was ended
    }
  }
}

/** Opens a container's log. */
export function openLog(docker: Docker, container: string, { since, tail, follow }: LogBounds): LogSource {
  const bounds = [
    ...(since === undefined ? [] : ["--since", since]),
    ...(tail === undefined ? [] : ["--tail", String(tail)]),
    ...(follow === true ? ["--follow"] : []),
  ];
  return new LogSource(docker.output(["container", "logs", "--timestamps", ...bounds, container]));
}
