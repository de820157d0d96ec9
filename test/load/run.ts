import { addFailure, emptyReport, keep, type LoadReport } from "./report";

export const DEFAULT_MAX_SECONDS = 300;
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
const MOST_SECONDS = 3600;
const MOST_CONNECTIONS = 2000;
/** A client rests after a failure: thousands of refused connections a second would say no more than a few dozen. */
const REST_AFTER_FAILURE_MS = 20;

export interface LoadOptions {
  /** http:// only (ws:// for web sockets), best with an address in place of a name. Redirects are not followed. */
  url: string;
  /** Connections side by side, each with a client of its own. */
  connections: number;
  /** The load ends by itself then; a report of a load that had to is not accepted by assertNoFailures. Default 300. */
  maxSeconds?: number;
  /** A request without a full answer by then has failed. Default 30,000. */
  requestTimeoutMs?: number;
  /** Whether an answer without X-Color is a failure. Default true. */
  expectColor?: boolean;
}

export interface Load {
  /** Ends the load: no new requests, those in flight are awaited. May be called again, with the same report. */
  stop(): Promise<LoadReport>;
  /** What was seen so far; it grows until stop() resolves. */
  readonly report: LoadReport;
}

/** The clients of one load: they share a report and an end. */
export class Run<R extends LoadReport = LoadReport> {
  stopping = false;
  readonly expectColor: boolean;
  readonly requestTimeoutMs: number;
  private readonly wakers = new Set<() => void>();
  private readonly limit: NodeJS.Timeout;
  private clients: Promise<unknown> = Promise.resolve();

  constructor(
    options: LoadOptions,
    readonly report: R,
  ) {
    const { connections, maxSeconds = DEFAULT_MAX_SECONDS } = options;
    requireWithin("connections", connections, 1, MOST_CONNECTIONS);
    requireWithin("maxSeconds", maxSeconds, 0, MOST_SECONDS);
    this.expectColor = options.expectColor ?? true;
    this.requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    this.limit = setTimeout(() => {
      this.report.cutShort = true;
      this.halt();
    }, maxSeconds * 1000);
  }

  start(name: string, connections: number, life: (client: Client) => Promise<void>): void {
    // An error that a client does not expect is a fault of the client: it reaches whoever awaits stop().
    this.clients = Promise.all(
      Array.from({ length: connections }, (_, index) => life(new Client(this, `${name} ${index + 1}`))),
    );
  }

  async stop(): Promise<R> {
    this.halt();
    await this.clients;
    return this.report;
  }

  /** Ends early when the load does, or when `until` does. */
  async sleep(ms: number, until?: Promise<unknown>): Promise<void> {
    if (this.stopping || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.wakers.add(wake);
      void until?.then(wake);
    });
  }

  private halt(): void {
    this.stopping = true;
    clearTimeout(this.limit);
    for (const wake of this.wakers) wake();
  }
}

/** One of the clients of a load, as far as the report sees it. */
export class Client {
  private color: string | undefined;

  constructor(
    readonly run: Run,
    readonly name: string,
  ) {}

  fail(kind: string, detail: string, at = Date.now()): void {
    addFailure(this.run.report, { at, client: this.name, kind, detail });
  }

  rest(): Promise<void> {
    return this.run.sleep(REST_AFTER_FAILURE_MS);
  }

  /** Counts what an answer says of its color. */
  sawColor(to: string, sentAt: number): void {
    const { colors, lastSent, transitions } = this.run.report;
    colors[to] = (colors[to] ?? 0) + 1;
    lastSent[to] = Math.max(lastSent[to] ?? 0, sentAt);
    const from = this.color;
    if (from !== undefined && from !== to) keep(transitions, { at: Date.now(), client: this.name, from, to });
    this.color = to;
  }

  answeredIn(ms: number): void {
    this.run.report.slowestMs = Math.max(this.run.report.slowestMs, ms);
  }
}

export function requireWithin(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw new Error(`${name} is ${value}, allowed is ${least} to ${most}`);
}

/** The options of a load that only speaks HTTP. */
export function newRun(options: LoadOptions): Run {
  return new Run(options, emptyReport());
}
