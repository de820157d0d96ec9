import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";

/**
 * The visitors over HTTP/2, a process of their own as the client: one request at a time on each of so many connections, for so many
 * seconds from when all of them are open. It says when they are, then what it counted, a line of JSON each.
 *
 * A GOAWAY is no failure: it is how HTTP/2 closes a connection, what was asked before is answered, and what the server says it has not
 * looked at (REFUSED_STREAM, or an id above the GOAWAY's) a browser asks again on another connection (RFC 9113, 8.7). That is counted by
 * itself, and asked again. Everything else that is not 200 within 2 s is a failure.
 *
 *     node --import tsx bench/tls/visitors.ts https://10.214.0.1:8443/ 32 12
 */
const [, , url = "", connections = "", seconds = ""] = process.argv;

const TIMEOUT_MILLISECONDS = 2000;

const GIVEN_BACK = "given back";
const NOT_SENT = "not sent";

/** What is counted, as wrk has it, and what was given back. */
const counted = { requests: 0, failed: 0, givenBack: 0, seconds: Number(seconds), why: {} as Record<string, number> };

const fail = (why: string): void => {
  counted.failed++;
  counted.why[why] = (counted.why[why] ?? 0) + 1;
};

/** A connection. */
class Line {
  /** Whether the server takes no more of it. */
  gone = false;

  private constructor(private readonly session: ClientHttp2Session) {
    const ends = () => {
      this.gone = true;
    };
    session.on("goaway", ends).on("close", ends).on("error", ends);
  }

  static open(): Promise<Line> {
    return new Promise((resolve, reject) => {
      const session = connect(url, { rejectUnauthorized: false });
      const line = new Line(session);
      const timer = setTimeout(() => {
        session.destroy();
        reject(new Error("no connection in time"));
      }, TIMEOUT_MILLISECONDS);
      session.on("error", reject).on("connect", () => resolve(line));
      session.on("error", () => clearTimeout(timer)).on("connect", () => clearTimeout(timer));
    });
  }

  /** Sends one request. Undefined where it was answered with 200, and otherwise why it was not. */
  ask(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const stream = this.request();
      if (stream === undefined) return resolve(NOT_SENT);
      let status: number | undefined;
      let broken: string | undefined;
      stream.on("response", (headers) => {
        status = headers[":status"];
      });
      stream.on("error", (error: NodeJS.ErrnoException) => {
        broken = error.code ?? error.message;
      });
      stream.setTimeout(TIMEOUT_MILLISECONDS, () => {
        broken = "no answer in time";
        stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on("close", () => {
        if (status === undefined && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) resolve(GIVEN_BACK);
        else resolve(broken ?? (status === 200 ? undefined : `status ${status}`));
      });
      stream.resume().end();
    });
  }

  /** Undefined where the connection has ended and only its event is still to come: nothing was sent. */
  private request(): ClientHttp2Stream | undefined {
    try {
      return this.session.request({ ":path": new URL(url).pathname });
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.session.destroy();
  }
}

/** One visitor, until the end. */
async function visit(first: Line, until: number): Promise<void> {
  let line: Line | undefined = first;
  while (performance.now() < until) {
    if (line === undefined || line.gone) {
      line?.close();
      line = await Line.open().catch((error: Error) => void fail(`connection: ${error.message}`));
      continue;
    }
    const why = await line.ask();
    if (why === GIVEN_BACK || why === NOT_SENT) {
      if (why === GIVEN_BACK) counted.givenBack++;
      line.gone = true;
    } else if (why === undefined) {
      counted.requests++;
    } else {
      fail(why);
    }
  }
  line?.close();
}

async function main(): Promise<void> {
  const lines = await Promise.all(Array.from({ length: Number(connections) }, () => Line.open()));
  process.stdout.write(`${JSON.stringify({ open: lines.length })}\n`);
  const until = performance.now() + Number(seconds) * 1000;
  await Promise.all(lines.map((line) => visit(line, until)));
  process.stdout.write(`${JSON.stringify(counted)}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
