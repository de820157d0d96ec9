import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asClient, CONNECTIONS, origin, THREADS } from "../client";
import type { Contender } from "../place";

export const PROTOCOLS = { "HTTP/1.1": "http/1.1", "HTTP/2": "h2" } as const;
export type Protocol = keyof typeof PROTOCOLS;

/** What is asked, and how hard. */
export interface Asked {
  protocol: Protocol;
  path: string;
  /** New connections follow until so many seconds have passed. */
  seconds: number;
  /** The most requests of a connection. */
  perConnection: number;
  /** Requests a second over all connections; as many as the proxy bears where it is left out. */
  rate?: number;
  /** A file that each request uploads. */
  upload?: string;
}

/** What came of it. */
export interface Answers {
  /** Answers a second. */
  rate: number;
  /** How long each answer took from its request on, in milliseconds, in ascending order. */
  milliseconds: number[];
  failed: number;
  /** The version and cipher of TLS that were agreed on. */
  tls: string;
}

/** The part of a stretch that counts: handshakes disturb its beginning, and at its end some connections are done before others. */
const COUNTS = { from: 0.2, to: 0.8 };

/** A connection on which nothing comes for so long has failed. */
const SILENT_SECONDS = 10;

/** Client and server take the first cipher that both have, in the order of either: with one alone all proxies have the same. */
const CIPHER = "TLS_AES_128_GCM_SHA256";

/**
 * Puts a proxy under the load of h2load, in stretches with connections of their own. nginx closes a connection after 1,000 requests, over
 * HTTP/2 with a GOAWAY, and h2load doesn't connect again after that.
 */
export async function h2load(proxy: Contender, asked: Asked): Promise<Answers> {
  const { seconds, perConnection, rate = Infinity } = asked;
  const requests = Math.max(1, Math.min(perConnection, Math.round((rate / CONNECTIONS) * seconds)));
  const stretches: Answers[] = [];
  for (const until = performance.now() + seconds * 1000; stretches.length === 0 || performance.now() < until; ) {
    stretches.push(await stretch(proxy, asked, requests));
  }
  return {
    rate: stretches.reduce((sum, one) => sum + one.rate, 0) / stretches.length,
    milliseconds: stretches.flatMap(({ milliseconds }) => milliseconds).sort((a, b) => a - b),
    failed: stretches.reduce((sum, { failed }) => sum + failed, 0),
    tls: [...new Set(stretches.map(({ tls }) => tls))].join("; "),
  };
}

/** So many requests of each connection. */
async function stretch(proxy: Contender, { protocol, path, rate, upload }: Asked, requests: number): Promise<Answers> {
  const folder = mkdtempSync(join(tmpdir(), "blue-green-bench-"));
  const log = join(folder, "log");
  try {
    const report = await asClient([
      ...["h2load", `--threads=${THREADS}`, `--clients=${CONNECTIONS}`, `--requests=${requests * CONNECTIONS}`],
      ...[`--tls13-ciphers=${CIPHER}`, `--connection-inactivity-timeout=${SILENT_SECONDS}`, `--log-file=${log}`],
      ...(protocol === "HTTP/1.1" ? ["--h1"] : []),
      ...(rate === undefined ? [] : [`--rps=${rate / CONNECTIONS}`]),
      ...(upload === undefined ? [] : [`--data=${upload}`]),
      `${origin(proxy)}${path}`,
    ]);
    const said = (pattern: RegExp) => pattern.exec(report)?.slice(1) ?? [];
    if (said(/^Application protocol: (.*)$/m)[0] !== PROTOCOLS[protocol]) {
      throw new Error(`${proxy.name} was asked over ${protocol} and did not speak it:\n${report}`);
    }
    const [failed = Number.NaN] = said(/^requests: .* (\d+) failed, /m).map(Number);
    const [redirected = Number.NaN] = said(/^status codes: \d+ 2xx, (\d+) 3xx/m).map(Number);
    const tls = `${said(/^TLS Protocol: (.*)$/m)[0]}, ${said(/^Cipher: (.*)$/m)[0]}`;
    return { ...middleOf(readFileSync(log, "utf8")), failed: failed + redirected, tls };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What h2load has logged of the middle of a stretch. */
function middleOf(log: string): Pick<Answers, "rate" | "milliseconds"> {
  const lines = log
    .trim()
    .split("\n")
    .map((line) => line.split("\t").map(Number) as [began: number, status: number, took: number]);
  const ends = lines.map(([began, , took]) => began + took);
  const first = lines.reduce((least, [began]) => Math.min(least, began), Infinity);
  const length = ends.reduce((most, end) => Math.max(most, end), first) - first;
  const [from, to] = [first + COUNTS.from * length, first + COUNTS.to * length];
  const counts = (at: number) => from <= at && at < to;
  return {
    rate: ends.filter(counts).length / ((to - from) / 1_000_000),
    milliseconds: lines.filter(([began]) => counts(began)).map(([, , took]) => took / 1000),
  };
}

/** The time within which this share of the answers came; NaN where there was none. */
export const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN;
