import { connect, type Socket } from "node:net";
import { type Answer, AnswerReader, Malformed } from "./answer";

/** How long a server may take to close after it said `Connection: close`, before we do. */
const CLOSE_GRACE_MS = 1000;

export interface Exchange {
  answer: Answer;
  /** As of Date.now(). */
  sentAt: number;
  tookMs: number;
}

/** A request that got no full answer. */
export class Broken extends Error {
  constructor(
    readonly kind: string,
    detail: string,
  ) {
    super(detail);
  }
}

interface Pending {
  reader: AnswerReader;
  sentAt: number;
  /** On the monotonic clock. */
  started: number;
  timer: NodeJS.Timeout;
  resolve(exchange: Exchange): void;
  reject(broken: Broken): void;
}

/**
 * One HTTP/1.1 connection, one request at a time. It is a bare socket and not node's http.Agent since the agent drops an idle
 * socket that the server closed and opens another without a word, which is just what must be counted.
 */
export class Connection {
  /** Set when the connection came to its end while nothing was asked of it, though the server had not said it would. */
  lost: { at: number; why: string } | undefined;
  /** Set when no further request may be sent: the server said `Connection: close`, or a request broke. */
  finished = false;
  private readonly socket: Socket;
  private pending: Pending | undefined;
  private requests = 0;
  private port: number | undefined;
  private answeredAt = 0;
  private idleMs = 0;

  constructor(host: string, port: number) {
    this.socket = connect({
      host,
      port,
      noDelay: true,
      // A second address tried in silence would be a retry.
      autoSelectFamily: false,
      // Else node ends our side as soon as the server ends its own, and nobody could write without having looked.
      allowHalfOpen: true,
    });
    this.socket.on("connect", () => {
      this.port = this.socket.localPort;
    });
    this.socket.on("data", (chunk) => this.onData(chunk));
    this.socket.on("end", () => this.onEnd());
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.onLost(error.code ?? error.message));
    this.socket.on("close", () => this.onLost("closed"));
  }

  /** Where in the life of this connection its latest request stands, for a failure's detail. */
  describe(): string {
    const from = this.port === undefined ? "not connected" : `from port ${this.port}`;
    const idle = this.requests > 1 ? `, idle for ${Math.round(this.idleMs)} ms before` : "";
    return `request ${this.requests} of its connection (${from}${idle})`;
  }

  /**
   * Writes the request, whatever became of the connection meanwhile, and reads the answer; throws `Broken` without a full one.
   */
  exchange(head: string, body: Buffer | undefined, timeoutMs: number): Promise<Exchange> {
    if (this.pending !== undefined || this.finished)
      throw new Error("a connection takes one request at a time, until its end");
    this.requests += 1;
    this.idleMs = performance.now() - this.answeredAt;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.onTimeout(timeoutMs), timeoutMs);
      this.pending = {
        reader: new AnswerReader(),
        sentAt: Date.now(),
        started: performance.now(),
        timer,
        resolve,
        reject,
      };
      if (body === undefined) {
        this.socket.write(head, "latin1");
      } else {
        this.socket.cork();
        this.socket.write(head, "latin1");
        this.socket.write(body);
        this.socket.uncork();
      }
      // Whoever reads now reads the end of the stream or the error that came before the request did.
      if (this.lost !== undefined)
        this.fail("lost while idle", `${this.lost.why} ${Date.now() - this.lost.at} ms before it`);
    });
  }

  /** Ends the connection from our side; what the server does with it from here on is of no interest. */
  close(): void {
    this.finished = true;
    this.socket.destroy();
  }

  private onData(chunk: Buffer): void {
    if (this.pending === undefined) {
      this.onLost(`${chunk.length} bytes that nobody asked for`);
      return;
    }
    try {
      const answer = this.pending.reader.push(chunk);
      if (answer !== undefined) this.succeed(answer);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.fail("malformed answer", error.message);
    }
  }

  private onEnd(): void {
    const answer = this.pending?.reader.end();
    if (answer !== undefined) this.succeed(answer);
    else this.onLost("FIN");
    if (this.finished) this.socket.end();
  }

  private onLost(why: string): void {
    if (this.pending !== undefined) {
      const { bytes } = this.pending.reader;
      if (why === "ECONNREFUSED") this.fail("refused", why);
      else if (this.port === undefined) this.fail("not connected", why);
      else if (bytes > 0) this.fail("cut off", `${why} after ${bytes} bytes of the answer`);
      else this.fail(why === "FIN" ? "closed before the answer" : "reset", `${why} before any byte of the answer`);
    } else if (!this.finished && this.lost === undefined) {
      this.lost = { at: Date.now(), why };
    }
  }

  private onTimeout(timeoutMs: number): void {
    this.fail("timeout", `no full answer within ${timeoutMs} ms, ${this.pending?.reader.bytes ?? 0} bytes seen`);
  }

  private succeed(answer: Answer): void {
    const pending = this.settle();
    this.answeredAt = performance.now();
    if (!answer.keepAlive) {
      this.finished = true;
      // The server is to close first, as it said: else each fresh connection would leave a port of ours in TIME_WAIT, and a
      // long load would run out of ports. A reset from here on takes nothing from anybody: the answer is complete.
      this.socket.unref();
      this.socket.setTimeout(CLOSE_GRACE_MS, () => this.socket.destroy());
    }
    pending.resolve({ answer, sentAt: pending.sentAt, tookMs: this.answeredAt - pending.started });
  }

  private fail(kind: string, seen: string): void {
    const pending = this.settle();
    const after = Math.round(performance.now() - pending.started);
    const detail = `${this.describe()}: ${seen}, ${after} ms after it was sent`;
    this.close();
    pending.reject(new Broken(kind, detail));
  }

  private settle(): Pending {
    const pending = this.pending;
    if (pending === undefined) throw new Error("no request is pending");
    clearTimeout(pending.timer);
    this.pending = undefined;
    return pending;
  }
}
