import { Agent, get, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { DEFAULT_MAX_SECONDS, DEFAULT_REQUEST_TIMEOUT_MS, requireWithin } from "./run";

const MOST_VISITORS = 1_000_000;
const MOST_CONCURRENCY = 2000;
const MOST_PAGES = 1000;
const MOST_SECONDS = 3600;
const DEFAULT_CONCURRENCY = 64;
const MOST_EXAMPLES = 5;
/** In `moves`: the visitor's first page told no color, or the visitor did not come. */
const NO_COLOR = "none";

export interface Cookie {
  value: string;
  /** As of Date.now(); Infinity for a cookie that lasts as long as the browser does. */
  expiresAt: number;
}

/** Somebody who comes back: what a server set stays with them from one `visit` to the next. */
export interface Visitor {
  /** What tells visitors apart; the functions in `VisitOptions` are called with it. */
  readonly number: number;
  /** By name; absent as long as no server set one. */
  cookies?: Map<string, Cookie>;
}

export interface VisitOptions {
  /** http:// only, best with an address in place of a name. Redirects are not followed. */
  url: string;
  /** GETs of each visitor, one after another. Default 1. */
  pages?: number;
  /** What a visitor waits after each page, in milliseconds. Default none. */
  pauseMs?: number;
  /** Visitors at the same time, and connections that they share. Default 64. */
  concurrency?: number;
  /** Whether cookies are kept and sent. Otherwise none is, also of those kept before. */
  cookies: boolean;
  /** On the loopback all clients have one address: this is what makes visitors differ who have no cookies. Default none. */
  userAgent?: (visitor: number) => string;
  /**
   * The address that a visitor comes from, such as 127.0.0.2. No connection is shared between addresses: with more of them than
   * `concurrency`, each page takes a connection of its own.
   */
  localAddress?: (visitor: number) => string;
  headers?: (visitor: number) => Record<string, string>;
  /** A request over which nothing comes for so long has failed. Default 30,000. */
  requestTimeoutMs?: number;
  /** No visitor begins after that; those who did not come are missing from the report. Default 300. */
  maxSeconds?: number;
}

/** A visitor for whom one page came from another color than the page before. */
export interface Flip {
  visitor: number;
  /** The first page of the other color, counted from 1. */
  page: number;
  from: string;
  to: string;
  /** The Cookie header that it was asked with, if any. */
  cookie: string | undefined;
}

export interface FailedPage {
  visitor: number;
  page: number;
  /** `status 502`, or what became of the connection. */
  detail: string;
}

export interface VisitReport {
  /** Visitors who came. */
  visitors: number;
  /** Pages that came to an end, well or not. */
  requests: number;
  seconds: number;
  /** Visitors by the X-Color of their first page, whatever its status. */
  colors: Record<string, number>;
  /** Visitors whose first page told no color. */
  colorless: number;
  /** The same by the visitor's number, to compare two visits by: see `moves`. */
  firstColors: Map<number, string>;
  /** Answers by status, those included that broke off afterwards. */
  statuses: Record<string, number>;
  /** Visitors for whom the color changed between two pages of this visit; pages that told none are passed over. */
  flips: number;
  flipExamples: Flip[];
  /** Pages with a status of 500 or above, or without a full answer. */
  failed: number;
  failedExamples: FailedPage[];
  /** Cookies that were set for another path than `/`, and therefore not kept. */
  cookiesForOtherPaths: number;
  /** True if the visit ended at its maxSeconds, before everybody had come. */
  cutShort: boolean;
}

/** So many new visitors, without cookies, numbered from `first`. */
export function makeVisitors(count: number, first = 0): Visitor[] {
  requireWithin("count", count, 1, MOST_VISITORS);
  return Array.from({ length: count }, (_, index) => ({ number: first + index }));
}

/**
 * Each visitor asks for the pages once; nothing is repeated that failed. The same visitors may come again, with their cookies:
 *
 *     const visitors = makeVisitors(10_000);
 *     const before = await visit(visitors, { url, cookies: true });
 *     ... the share of green is raised from 5 to 20 % ...
 *     const after = await visit(visitors, { url, cookies: true });
 *     moves(before, after);   // { "blue to blue": 8000, "blue to green": 1500, "green to green": 500 }
 */
export async function visit(visitors: readonly Visitor[], options: VisitOptions): Promise<VisitReport> {
  const round = new Round(visitors, options);
  return round.run();
}

/** How many visitors went from which color to which, from the first page of one visit to the first page of another; `none` is for no color. */
export function moves(before: VisitReport, after: VisitReport): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const visitor of new Set([...before.firstColors.keys(), ...after.firstColors.keys()])) {
    const from = before.firstColors.get(visitor) ?? NO_COLOR;
    const to = after.firstColors.get(visitor) ?? NO_COLOR;
    count(counts, `${from} to ${to}`);
  }
  return counts;
}

/** One visit of all: the visitors queue, and `concurrency` of them are served at a time. */
class Round {
  private readonly report: VisitReport = {
    visitors: 0,
    requests: 0,
    seconds: 0,
    colors: {},
    colorless: 0,
    firstColors: new Map(),
    statuses: {},
    flips: 0,
    flipExamples: [],
    failed: 0,
    failedExamples: [],
    cookiesForOtherPaths: 0,
    cutShort: false,
  };
  private readonly target: { host: string; port: number; path: string };
  private readonly pages: number;
  private readonly concurrency: number;
  private readonly timeoutMs: number;
  private readonly maxSeconds: number;
  private readonly agent: Agent;
  private next = 0;
  private over = false;

  constructor(
    private readonly visitors: readonly Visitor[],
    private readonly options: VisitOptions,
  ) {
    const { pages = 1, concurrency = DEFAULT_CONCURRENCY, maxSeconds = DEFAULT_MAX_SECONDS } = options;
    requireWithin("visitors", visitors.length, 1, MOST_VISITORS);
    requireWithin("pages", pages, 1, MOST_PAGES);
    requireWithin("concurrency", concurrency, 1, MOST_CONCURRENCY);
    requireWithin("maxSeconds", maxSeconds, 0, MOST_SECONDS);
    const { protocol, hostname, port, pathname, search } = new URL(options.url);
    if (protocol !== "http:") throw new Error(`visitors speak http: only, not '${options.url}'`);
    this.target = {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 80),
      path: `${pathname}${search}`,
    };
    this.pages = pages;
    this.concurrency = concurrency;
    this.maxSeconds = maxSeconds;
    this.timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    this.agent = this.newAgent();
  }

  async run(): Promise<VisitReport> {
    const started = performance.now();
    const limit = setTimeout(() => {
      this.over = true;
    }, this.maxSeconds * 1000);
    try {
      const queues = Math.min(this.concurrency, this.visitors.length);
      await Promise.all(Array.from({ length: queues }, () => this.serve()));
    } finally {
      // Also for the other queues, if a function of the options threw in one.
      this.over = true;
      clearTimeout(limit);
      this.agent.destroy();
    }
    this.report.cutShort = this.report.visitors < this.visitors.length;
    this.report.seconds = Math.round(performance.now() - started) / 1000;
    return this.report;
  }

  /** Connections of one address are kept for that address alone, so the sum over all addresses has to stay bounded. */
  private newAgent(): Agent {
    const { localAddress } = this.options;
    const addresses = localAddress ? new Set(this.visitors.map(({ number }) => localAddress(number))).size : 1;
    const kept = Math.floor(this.concurrency / addresses);
    const connecting = {
      noDelay: true,
      // A second address tried in silence would be a retry.
      autoSelectFamily: false,
    };
    return new Agent({
      keepAlive: kept > 0,
      maxSockets: this.concurrency,
      maxFreeSockets: Math.max(kept, 1),
      ...connecting,
    });
  }

  private async serve(): Promise<void> {
    for (;;) {
      const visitor = this.over ? undefined : this.visitors[this.next++];
      if (visitor === undefined) return;
      await this.meet(visitor);
    }
  }

  private async meet(visitor: Visitor): Promise<void> {
    const { report, options } = this;
    const { number } = visitor;
    const always: OutgoingHttpHeaders = { ...options.headers?.(number) };
    if (options.userAgent !== undefined) always["User-Agent"] = options.userAgent(number);
    let color: string | undefined;
    let flipped = false;

    for (let page = 1; page <= this.pages; page += 1) {
      const cookie = options.cookies ? cookieHeader(visitor) : undefined;
      const headers = cookie === undefined ? always : { ...always, Cookie: cookie };
      const seen = await this.ask(visitor, page, headers);
      if (options.pauseMs !== undefined) await pause(options.pauseMs);
      if (page === 1) this.sawFirst(number, seen);
      if (seen !== undefined && color !== undefined && seen !== color && !flipped) {
        flipped = true;
        report.flips += 1;
        example(report.flipExamples, { visitor: number, page, from: color, to: seen, cookie });
      }
      color = seen ?? color;
    }
    report.visitors += 1;
  }

  private sawFirst(visitor: number, color: string | undefined): void {
    const { report } = this;
    if (color === undefined) {
      report.colorless += 1;
      return;
    }
    count(report.colors, color);
    report.firstColors.set(visitor, color);
  }

  /** One GET to its end, and the color that its answer told. */
  private ask(visitor: Visitor, page: number, headers: OutgoingHttpHeaders): Promise<string | undefined> {
    const { agent, target, timeoutMs, options } = this;
    const { number } = visitor;
    const localAddress = options.localAddress?.(number);
    const from = localAddress === undefined ? {} : { localAddress };
    return new Promise((resolve) => {
      let color: string | undefined;
      let ended = false;
      const end = (fault?: string) => {
        if (ended) return;
        ended = true;
        this.report.requests += 1;
        if (fault !== undefined) {
          this.report.failed += 1;
          example(this.report.failedExamples, { visitor: number, page, detail: fault });
        }
        resolve(color);
      };
      const broken = (error: NodeJS.ErrnoException) => {
        const where = request.reusedSocket ? "on a connection used before" : "on a new connection";
        end(`${error.message} ${where}`);
      };
      const request = get({ ...target, ...from, agent, headers, timeout: timeoutMs }, (answer) => {
        color = this.read(visitor, answer);
        const { statusCode = 0 } = answer;
        answer.on("error", broken);
        answer.on("end", () => end(statusCode >= 500 ? `status ${statusCode}` : undefined));
        answer.resume();
      });
      request.on("error", broken);
      request.on("timeout", () => request.destroy(new Error(`nothing came for ${timeoutMs} ms`)));
    });
  }

  /** What the head of an answer says: it is counted, and its cookies kept. */
  private read(visitor: Visitor, answer: IncomingMessage): string | undefined {
    count(this.report.statuses, String(answer.statusCode));
    const set = this.options.cookies ? (answer.headers["set-cookie"] ?? []) : [];
    for (const text of set) {
      if (!keepCookie(visitor, text, this.target.path)) this.report.cookiesForOtherPaths += 1;
    }
    const color = answer.headers["x-color"];
    return typeof color === "string" && color !== "" ? color : undefined;
  }
}

/** What a visitor sends of the cookies that are not over; undefined if there is none. */
export function cookieHeader(visitor: Visitor, now = Date.now()): string | undefined {
  if (visitor.cookies === undefined) return undefined;
  const pairs: string[] = [];
  for (const [name, { value, expiresAt }] of visitor.cookies) {
    if (expiresAt > now) pairs.push(`${name}=${value}`);
    else visitor.cookies.delete(name);
  }
  return pairs.length === 0 ? undefined : pairs.join("; ");
}

/**
 * Does what a Set-Cookie header says, as RFC 6265 has it: sets, replaces or deletes. False if it is for another path than `/`,
 * and nothing was done. Domain, Secure and SameSite aren't looked at: there is one server and no page from elsewhere.
 */
export function keepCookie(visitor: Visitor, text: string, askedPath: string, now = Date.now()): boolean {
  const [pair = "", ...rest] = text.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals).trim();
  if (equals < 0 || name === "") return true;
  const attributes = new Map(rest.map(attribute));

  const path = attributes.get("path");
  const hasPath = path?.startsWith("/") === true;
  if (hasPath ? path !== "/" : defaultPath(askedPath) !== "/") return false;

  const expiresAt = expiry(attributes, now);
  if (expiresAt > now) {
    visitor.cookies ??= new Map();
    visitor.cookies.set(name, { value: pair.slice(equals + 1).trim(), expiresAt });
  } else {
    visitor.cookies?.delete(name);
  }
  return true;
}

function attribute(text: string): [name: string, value: string] {
  const [name = "", ...value] = text.split("=");
  return [name.trim().toLowerCase(), value.join("=").trim()];
}

/** Max-Age goes before Expires; what is neither a number nor a date doesn't count. */
function expiry(attributes: ReadonlyMap<string, string>, now: number): number {
  const maxAge = attributes.get("max-age") ?? "";
  if (/^-?\d+$/.test(maxAge)) return now + Number(maxAge) * 1000;
  const expires = Date.parse(attributes.get("expires") ?? "");
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires;
}

/** The path that a cookie without one is for: the folder of the page that set it. */
function defaultPath(askedPath: string): string {
  const [path = "/"] = askedPath.split("?");
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function example<T>(list: T[], item: T): void {
  if (list.length < MOST_EXAMPLES) list.push(item);
}
