/** One line of a container's log. */
export interface LogLine {
  /** When the engine got it, in UTC with nine digits of a second: a later one sorts behind an earlier one. */
  time: string;
  /** As the container wrote it. */
  text: string;
}

/** The engine keeps a longer line in pieces of so many bytes, and `docker logs` puts the time before each. */
const PIECE_BYTES = 16 * 1024;

/** What of one line is kept; what comes after it is counted. */
const MOST_LINE_BYTES = 128 * 1024;

/** What is kept of the client's own words. */
const MOST_WORDS = 2000;

/** The most bytes of a time, with the space behind it. */
const MOST_TIME_BYTES = 36;

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d) /;

const NEWLINE = 0x0a;

/** Returns the time that stands at a place, as a {@link LogLine} has it, and how many bytes it takes; undefined for none. */
function timeAt(bytes: Buffer, at: number): { time: string; length: number } | undefined {
  const found = TIME.exec(bytes.toString("latin1", at, at + MOST_TIME_BYTES));
  if (found === null) return undefined;
  const [{ length }, seconds = "", fraction = ".", zone = ""] = found;
  const date = new Date(`${seconds}${zone}`);
  if (Number.isNaN(date.getTime())) return undefined;
  // Some log drivers keep the time of the engine's own zone.
  const utc = zone === "Z" ? seconds : date.toISOString().slice(0, seconds.length);
  return { time: `${utc}${fraction.padEnd(10, "0")}`, length };
}

/** Returns the earliest time behind this one, as `docker logs --since` takes it. */
export function timeAfter(time: string): string {
  const [seconds = "", nanoseconds = ""] = time.split(".");
  const next = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(nanoseconds) + 1n;
  return `${next / 1_000_000_000n}.${String(next % 1_000_000_000n).padStart(9, "0")}`;
}

/** Cuts what `docker logs --timestamps` writes into lines. It keeps one line at most, and of that only a beginning. */
export class LogReader {
  /** What the client said of itself: nothing that a container wrote is without a time. */
  words = "";
  private pieces: Buffer[] = [];
  private kept = 0;
  private dropped = 0;

  /** Returns the lines that end in a chunk. */
  add(chunk: Buffer): LogLine[] {
    const lines: LogLine[] = [];
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      this.keep(chunk.subarray(from, to));
      const line = this.line();
      if (line !== undefined) lines.push(line);
      from = to + 1;
    }
    this.keep(chunk.subarray(from));
    return lines;
  }

  /** Returns a last line that has no end. */
  end(): LogLine[] {
    const line = this.kept === 0 ? undefined : this.line();
    return line === undefined ? [] : [line];
  }

  private keep(piece: Buffer): void {
    const taken = piece.subarray(0, MOST_LINE_BYTES - this.kept);
    if (taken.length > 0) this.pieces.push(taken);
    this.kept += taken.length;
    this.dropped += piece.length - taken.length;
  }

  private line(): LogLine | undefined {
    const [first = Buffer.alloc(0)] = this.pieces;
    const bytes = this.pieces.length === 1 ? first : Buffer.concat(this.pieces);
    const cut = this.dropped > 0 ? `... (${this.dropped} bytes more)` : "";
    this.pieces = [];
    this.kept = 0;
    this.dropped = 0;
    const begin = timeAt(bytes, 0);
    if (begin !== undefined) return { time: begin.time, text: textBehind(bytes, begin.length) + cut };
    this.words = `${this.words}${bytes}\n`.slice(0, MOST_WORDS);
    return undefined;
  }
}

/** Returns the text of a line from a place on, without the times that stand before its further pieces. */
function textBehind(bytes: Buffer, from: number): string {
  const parts: Buffer[] = [];
  let at = from;
  while (bytes.length > at + PIECE_BYTES) {
    const next = timeAt(bytes, at + PIECE_BYTES);
    if (next === undefined) break;
    parts.push(bytes.subarray(at, at + PIECE_BYTES));
    at += PIECE_BYTES + next.length;
  }
  const text =
    parts.length === 0 ? bytes.toString("utf8", at) : Buffer.concat([...parts, bytes.subarray(at)]).toString();
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
