import { createHash, randomBytes } from "node:crypto";
import type { Answer } from "./answer";
import { Broken, Connection, type Exchange } from "./connection";
import { type Client, type Load, type LoadOptions, newRun, requireWithin } from "./run";

const DEFAULT_POST_BYTES = 64 * 1024;
const MOST_POST_BYTES = 16 * 1024 * 1024;
const DEFAULT_SLOW_SECONDS = 2;
/** Time that a slow answer may take on top of its seconds, on a machine with other things to do. */
const DEFAULT_SLOW_TOLERANCE_MS = 2000;
/** A sleep of the service and our clock may disagree by so much. */
const EARLY_TOLERANCE_MS = 50;
const DEFAULT_IDLE_SECONDS_MAX = 6;
/** Hundreds of clients that connect in the same millisecond would overflow the queue of the listening socket. */
const SPREAD_MS = 1000;
const DETAIL_BODY_CHARACTERS = 120;

export interface PausedLoadOptions extends LoadOptions {
  /**
   * What a client waits between an answer and its next request; default none. It must stay below the server's keep-alive time:
   * a connection that the server closes unannounced in the pause is a failure, also if no request was under way.
   */
  pauseMs?: number;
  /** The requests come in turn from so many visitors, told apart by their User-Agent; default 0, none is sent. */
  userAgents?: number;
}

interface Outgoing {
  body?: Buffer;
  /** What is wrong with a 2xx answer, if anything is. */
  fault?(exchange: Exchange): { kind: string; detail: string } | undefined;
}

interface Manner {
  name: string;
  method: "GET" | "POST";
  target: URL;
  /** Adds `Connection: close` to each request. */
  fresh?: boolean;
  /** Whether a client writes on a connection without having looked at what became of it in the pause. */
  blind?: boolean;
  /** How long before the first request. */
  headStartMs?(): number;
  pauseMs(): number;
  next?(): Outgoing;
  userAgents?: number;
}

/** Keep-alive connections in a closed loop: the next GET follows the answer at once, or after `pauseMs`. */
export function keepAliveGets(options: PausedLoadOptions): Load {
  return load(options, {
    name: "keepAliveGets",
    method: "GET",
    target: httpUrl(options.url),
    pauseMs: () => options.pauseMs ?? 0,
  });
}

/** A new connection for each GET, with `Connection: close`. */
export function freshGets(options: PausedLoadOptions): Load {
  return load(options, {
    name: "freshGets",
    method: "GET",
    target: httpUrl(options.url),
    fresh: true,
    pauseMs: () => options.pauseMs ?? 0,
  });
}

/** Bodies of random content over keep-alive connections; the answer must be JSON with the `length` and `sha256` of what was sent. */
export function posts(options: PausedLoadOptions & { /** Default 64 KiB. */ bytes?: number }): Load {
  const { bytes = DEFAULT_POST_BYTES } = options;
  requireWithin("bytes", bytes, 0, MOST_POST_BYTES);
  return load(options, {
    name: "posts",
    method: "POST",
    target: httpUrl(options.url),
    pauseMs: () => options.pauseMs ?? 0,
    next: () => {
      const body = randomBytes(bytes);
      const sha256 = createHash("sha256").update(body).digest("hex");
      return { body, fault: ({ answer }) => echoFault(answer, bytes, sha256) };
    },
  });
}

/** GETs of `url?seconds=2` over keep-alive connections; each must answer 200, about that much later. */
export function slowRequests(
  options: PausedLoadOptions & {
    /** How long the service is asked to take. Default 2. */
    seconds?: number;
    /** How much longer it may take. Default 2000. */
    toleranceMs?: number;
  },
): Load {
  const { seconds = DEFAULT_SLOW_SECONDS, toleranceMs = DEFAULT_SLOW_TOLERANCE_MS } = options;
  const target = httpUrl(options.url);
  target.searchParams.set("seconds", String(seconds));
  return load(options, {
    name: "slowRequests",
    method: "GET",
    target,
    pauseMs: () => options.pauseMs ?? 0,
    next: () => ({
      fault: ({ answer, tookMs }) => {
        if (answer.status !== 200) return { kind: `status ${answer.status}`, detail: shown(answer) };
        const detail = `took ${Math.round(tookMs)} ms for ${seconds} s`;
        if (tookMs < seconds * 1000 - EARLY_TOLERANCE_MS) return { kind: "too quick", detail };
        if (tookMs > seconds * 1000 + toleranceMs) return { kind: "too slow", detail };
        return undefined;
      },
    }),
  });
}

/**
 * Keep-alive connections that idle for a random time between requests and then write without a look at what became of the
 * connection: what clients do whose request crosses the server's close on the wire, only far more often. Broken is what gets no
 * full answer. `Connection: close` on the answer before is honoured. Idle times must stay below the server's keep-alive
 * time, and stop() must come later than the longest idle time after what is to be measured.
 */
export function blindReuse(options: LoadOptions & { /** Default 6. */ idleSecondsMax?: number }): Load {
  const { idleSecondsMax = DEFAULT_IDLE_SECONDS_MAX } = options;
  const idleMs = () => Math.random() * idleSecondsMax * 1000;
  return load(options, {
    name: "blindReuse",
    method: "GET",
    target: httpUrl(options.url),
    blind: true,
    headStartMs: () => Math.min(SPREAD_MS * Math.random(), idleMs()),
    pauseMs: idleMs,
  });
}

function load(options: PausedLoadOptions, manner: Manner): Load {
  const run = newRun(options);
  const { userAgents = 0 } = options;
  run.start(manner.name, options.connections, (client) => live(client, { ...manner, userAgents }));
  return run;
}

async function live(client: Client, manner: Manner): Promise<void> {
  const { run } = client;
  const host = manner.target.hostname.replace(/^\[|\]$/g, "");
  const port = Number(manner.target.port || 80);
  let connection: Connection | undefined;

  await run.sleep(manner.headStartMs?.() ?? 0);
  while (!run.stopping) {
    if (connection === undefined) {
      run.report.connects += 1;
      connection = new Connection(host, port);
    }
    const well = await request(client, manner, connection);
    await run.sleep(manner.pauseMs());
    if (!well) await client.rest();
    if (connection.finished) connection = undefined;
    else if (connection.lost !== undefined && !manner.blind) {
      const { at, why } = connection.lost;
      client.fail("lost while idle", `${why}, unannounced, after ${connection.describe()}`, at);
      connection.close();
      connection = undefined;
    }
  }
  connection?.close();
}

/** One request and what it comes to: at most one failure, the most telling. */
async function request(client: Client, manner: Manner, connection: Connection): Promise<boolean> {
  const { body, fault }: Outgoing = manner.next?.() ?? {};
  const { report, expectColor, requestTimeoutMs } = client.run;
  const asked = `${manner.method} ${manner.target.pathname}${manner.target.search}`;
  const fail = (kind: string, detail: string) => {
    client.fail(kind, `${asked}, ${detail}`);
    return false;
  };

  let exchange: Exchange;
  try {
    const userAgent = manner.userAgents ? `visitor-${report.requests % manner.userAgents}` : undefined;
    exchange = await connection.exchange(head(manner, asked, body, userAgent), body, requestTimeoutMs);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return fail(error.kind, error.message);
  } finally {
    report.requests += 1;
  }

  const { answer, sentAt, tookMs } = exchange;
  client.answeredIn(tookMs);
  const color = answer.headers.get("x-color");
  if (color) client.sawColor(color, sentAt);
  const seen = `${connection.describe()}: ${shown(answer)}`;
  if (answer.status < 200 || answer.status > 299) return fail(`status ${answer.status}`, seen);
  const found = fault?.(exchange);
  if (found !== undefined) return fail(found.kind, `${connection.describe()}: ${found.detail}`);
  if (!color && expectColor) return fail("no X-Color", seen);
  return true;
}

function head(manner: Manner, asked: string, body: Buffer | undefined, userAgent?: string): string {
  return [
    `${asked} HTTP/1.1`,
    `Host: ${manner.target.host}`,
    `Connection: ${manner.fresh ? "close" : "keep-alive"}`,
    ...(userAgent === undefined ? [] : [`User-Agent: ${userAgent}`]),
    ...(body === undefined ? [] : ["Content-Type: application/octet-stream", `Content-Length: ${body.length}`]),
    "\r\n",
  ].join("\r\n");
}

function echoFault(answer: Answer, length: number, sha256: string): { kind: string; detail: string } | undefined {
  const detail = `sent ${length} bytes with sha256 ${sha256}: ${shown(answer)}`;
  let echo: unknown;
  try {
    echo = JSON.parse(answer.body.toString());
  } catch {
    return { kind: "wrong echo", detail };
  }
  const { length: gotLength, sha256: gotSha256 } = (echo ?? {}) as { length?: unknown; sha256?: unknown };
  return gotLength === length && gotSha256 === sha256 ? undefined : { kind: "wrong echo", detail };
}

function shown(answer: Answer): string {
  const color = answer.headers.get("x-color");
  const text = JSON.stringify(answer.body.toString("latin1").slice(0, DETAIL_BODY_CHARACTERS));
  return `${answer.status}${color ? ` from ${color}` : ""}, ${answer.bodyBytes} bytes: ${text}`;
}

function httpUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== "http:") throw new Error(`the load speaks http: only, not '${text}'`);
  return url;
}
