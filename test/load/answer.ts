const MOST_HEAD_BYTES = 64 * 1024;
/** What is kept of a body to be looked at; the rest is counted only. */
const MOST_BODY_KEPT_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export interface Answer {
  status: number;
  /** By lower-case name; a header that came several times is joined with commas. */
  headers: ReadonlyMap<string, string>;
  /** The first 64 KiB of the body. */
  body: Buffer;
  bodyBytes: number;
  /** False if the server said, or its framing implies, that it closes the connection after this answer. */
  keepAlive: boolean;
}

/** What came is not an HTTP/1.1 answer. */
export class Malformed extends Error {}

/**
 * Reads one HTTP/1.1 answer off the bytes of a connection. Written by hand since the clients need the bare socket (to write
 * without looking, to see a close at the moment it comes), and strict: whatever is not plainly right is `Malformed`, so that
 * a garbled answer never passes as a good one.
 */
export class AnswerReader {
  /** Bytes seen so far. */
  bytes = 0;
  private state: "head" | "length" | "untilEnd" | "chunkSize" | "chunkData" | "chunkEnd" | "trailers" | "done" = "head";
  private rest: Buffer = NOTHING;
  private remaining = 0;
  private status = 0;
  private headers = new Map<string, string>();
  private keepAlive = true;
  private body: Buffer[] = [];
  private bodyBytes = 0;

  /** The answer, once it is complete. */
  push(chunk: Buffer): Answer | undefined {
    this.bytes += chunk.length;
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (this.step()) {
      // each step takes what it can off `rest`
    }
    if (this.state !== "done") return undefined;
    if (this.rest.length > 0) throw new Malformed(`${this.rest.length} bytes after the end of the answer`);
    return this.answer();
  }

  /** The answer, if the server's end of the stream completes it. */
  end(): Answer | undefined {
    return this.state === "untilEnd" ? this.answer() : undefined;
  }

  private answer(): Answer {
    const { status, headers, bodyBytes, keepAlive } = this;
    return { status, headers, body: Buffer.concat(this.body), bodyBytes, keepAlive };
  }

  /** False if more bytes are needed or nothing is left to do. */
  private step(): boolean {
    switch (this.state) {
      case "head": {
        const end = this.rest.indexOf("\r\n\r\n");
        if (end < 0 ? this.rest.length > MOST_HEAD_BYTES : end > MOST_HEAD_BYTES) throw new Malformed("endless head");
        if (end < 0) return false;
        const head = this.rest.toString("latin1", 0, end);
        this.rest = this.rest.subarray(end + 4);
        this.readHead(head);
        return true;
      }
      case "length":
      case "chunkData":
        this.take(Math.min(this.remaining, this.rest.length));
        if (this.remaining > 0) return false;
        this.state = this.state === "length" ? "done" : "chunkEnd";
        return true;
      case "untilEnd":
        this.take(this.rest.length);
        return false;
      case "chunkSize": {
        const line = this.line();
        if (line === undefined) return false;
        const size = /^([0-9a-f]{1,8})(?:[ \t]*;.*)?$/i.exec(line)?.[1];
        if (size === undefined) throw new Malformed(`chunk size '${line.slice(0, 80)}'`);
        this.remaining = Number.parseInt(size, 16);
        this.state = this.remaining === 0 ? "trailers" : "chunkData";
        return true;
      }
      case "chunkEnd": {
        const line = this.line();
        if (line === undefined) return false;
        if (line !== "") throw new Malformed("a chunk longer than its size");
        this.state = "chunkSize";
        return true;
      }
      case "trailers": {
        const line = this.line();
        if (line === undefined) return false;
        if (line === "") this.state = "done";
        return true;
      }
      case "done":
        return false;
    }
  }

  private line(): string | undefined {
    const end = this.rest.indexOf("\r\n");
    if (end < 0 && this.rest.length > MOST_HEAD_BYTES) throw new Malformed("endless line");
    if (end < 0) return undefined;
    const line = this.rest.toString("latin1", 0, end);
    this.rest = this.rest.subarray(end + 2);
    return line;
  }

  private take(count: number): void {
    const room = MOST_BODY_KEPT_BYTES - this.bodyBytes;
    if (room > 0 && count > 0) this.body.push(this.rest.subarray(0, Math.min(count, room)));
    this.bodyBytes += count;
    this.remaining -= count;
    this.rest = this.rest.subarray(count);
  }

  private readHead(head: string): void {
    const [first = "", ...lines] = head.split("\r\n");
    const start = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(first);
    if (start === null) throw new Malformed(`status line '${first.slice(0, 80)}'`);
    this.status = Number(start[2]);
    if (this.status === 101) throw new Malformed("101 though no upgrade was asked for");
    // An interim answer: the real one follows.
    if (this.status < 200) return;

    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon < 1) throw new Malformed(`header '${line.slice(0, 80)}'`);
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = this.headers.get(name);
      this.headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }

    const connection = (this.headers.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
    this.keepAlive = start[1] === "1" ? !connection.includes("close") : connection.includes("keep-alive");

    const length = this.headers.get("content-length");
    const encoding = this.headers.get("transfer-encoding")?.toLowerCase();
    if (this.status === 204 || this.status === 304) {
      this.state = "done";
    } else if (encoding !== undefined) {
      if (encoding !== "chunked" || length !== undefined)
        throw new Malformed(`framing '${encoding}', length '${length}'`);
      this.state = "chunkSize";
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new Malformed(`content length '${length}'`);
      this.remaining = Number(length);
      this.state = "length";
    } else {
      this.state = "untilEnd";
      this.keepAlive = false;
    }
  }
}
