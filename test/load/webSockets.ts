import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import WebSocket from "ws";
import { addFailure, emptyReport, keep, type LoadReport } from "./report";
import { type Client, type Load, type LoadOptions, Run } from "./run";

const DEFAULT_EVERY_MS = 250;
const DEFAULT_ECHO_TIMEOUT_MS = 5000;
/** How long a closing handshake may take: `closes` can be late by so much. */
const CLOSE_TIMEOUT_MS = 250;

export interface WebSocketLoadOptions extends LoadOptions {
  /** How long a connection is promised to live on after its color lost the public. */
  drainSeconds: number;
  /** Time between an echo and the next message. Default 250. */
  everyMs?: number;
  /** An echo that is not there by then has failed. Default 5000. */
  echoTimeoutMs?: number;
}

/** A connection that the server closed. */
export interface Close {
  at: number;
  client: string;
  color: string | undefined;
  /** As of RFC 6455; 1006 if the connection broke without a closing frame. */
  code: number;
  openedAt: number;
  /** Whether a message was waiting for its echo. */
  unanswered: boolean;
  /** How long it lived after its color lost the public, known once stop() has resolved; absent if it lost nothing. */
  livedMs?: number;
}

export interface WebSocketReport extends LoadReport {
  /** The first 1000 connections closed by the server. */
  closes: Close[];
}

export interface WebSocketLoad extends Load {
  /**
   * Says that the public went over to color `to`. `at` (as of Date.now()) must not be later than the proxy's reload, since the
   * drain counts from there; the call itself may come any time before stop(), where the closes are judged.
   */
  switched(at: number, to: string): void;
  stop(): Promise<WebSocketReport>;
  readonly report: WebSocketReport;
}

/**
 * Connections that send a text about four times a second and expect it back. One that the server closes is replaced; the close
 * is a failure unless the connection's color had lost the public at least `drainSeconds` before.
 */
export function webSockets(options: WebSocketLoadOptions): WebSocketLoad {
  if (new URL(options.url).protocol !== "ws:") throw new Error(`the load speaks ws: only, not '${options.url}'`);
  return new WebSocketRun(options);
}

class WebSocketRun extends Run<WebSocketReport> implements WebSocketLoad {
  private readonly switches: { at: number; to: string }[] = [];
  private judged: Promise<WebSocketReport> | undefined;

  constructor(readonly options: WebSocketLoadOptions) {
    super(options, { ...emptyReport(), closes: [] });
    this.start("webSockets", options.connections, (client) => this.live(client));
  }

  switched(at: number, to: string): void {
    this.switches.push({ at, to });
    this.switches.sort((a, b) => a.at - b.at);
  }

  override stop(): Promise<WebSocketReport> {
    this.judged ??= super.stop().then((report) => {
      for (const close of report.closes) this.judge(close);
      return report;
    });
    return this.judged;
  }

  private async live(client: Client): Promise<void> {
    while (!this.stopping) {
      this.report.connects += 1;
      const line = new Line(client, this.options);
      await line.talk();
      // Judged at the end, since a switch may become known only after the first connections felt it.
      if (line.closed !== undefined && !keep(this.report.closes, line.closed)) this.judge(line.closed);
      await client.rest();
    }
  }

  private judge(close: Close): void {
    const lost = this.lossOf(close);
    if (lost !== undefined) close.livedMs = close.at - lost.at;
    const { drainSeconds } = this.options;
    if (close.livedMs !== undefined && close.livedMs >= drainSeconds * 1000) return;
    const when =
      lost === undefined
        ? "though its color had not lost the public"
        : `${close.livedMs} ms after ${lost.to} took over, ${drainSeconds} s were promised`;
    const what = `code ${close.code} to a connection of ${close.color ?? "no color"}, ${close.at - close.openedAt} ms old`;
    const { at, client } = close;
    addFailure(this.report, { at, client, kind: "closed too early", detail: `${what}, ${when}` });
  }

  /** The switch that took the public from a connection's color. */
  private lossOf({ color, openedAt }: Close): { at: number; to: string } | undefined {
    const before = this.switches.findLast(({ at }) => at <= openedAt);
    // Opened after `at` and still on the old color: the reload came a little later than `at`.
    if (before !== undefined && color !== undefined && before.to !== color) return before;
    return this.switches.find(({ at, to }) => at > openedAt && to !== color);
  }
}

/** One connection, from its handshake to its end. */
class Line {
  /** Set when the server closed it. */
  closed: Close | undefined;
  private readonly run: Run;
  private readonly socket: WebSocket;
  private readonly startedAt = Date.now();
  private readonly started = performance.now();
  private readonly opened: Promise<boolean>;
  private readonly ended: Promise<void>;
  private color: string | undefined;
  private openedAt: number | undefined;
  /** True once the end of the connection is our doing. */
  private ours = false;
  private arrived: ((text: string) => void) | undefined;

  constructor(
    private readonly client: Client,
    private readonly options: WebSocketLoadOptions,
  ) {
    this.run = client.run;
    const how: WebSocket.ClientOptions & { closeTimeout: number; autoSelectFamily: boolean } = {
      handshakeTimeout: this.run.requestTimeoutMs,
      perMessageDeflate: false,
      followRedirects: false,
      closeTimeout: CLOSE_TIMEOUT_MS,
      // A second address tried in silence would be a retry.
      autoSelectFamily: false,
    };
    this.socket = new WebSocket(options.url, how);
    this.socket.on("message", (data) => this.onMessage(data.toString()));
    this.opened = new Promise((resolve) => this.onHandshake(resolve));
    this.ended = new Promise((resolve) => {
      this.socket.on("close", (code) => {
        this.onClose(code);
        resolve();
      });
    });
  }

  /** Talks until the connection or the load ends. */
  async talk(): Promise<void> {
    if (!(await this.opened)) return;
    for (let count = 1; !this.run.stopping && !this.ours && this.closed === undefined; count += 1) {
      await this.echo(`${this.client.name} message ${count} ${randomBytes(8).toString("hex")}`);
      await this.run.sleep(this.options.everyMs ?? DEFAULT_EVERY_MS, this.ended);
    }
    // If the server's closing frame is here already, the end is its doing and not ours.
    if (this.socket.readyState === WebSocket.OPEN) {
      this.ours = true;
      this.socket.close(1000);
    }
    await this.ended;
  }

  private onHandshake(settled: (well: boolean) => void): void {
    let counted = false;
    const answered = (answer: IncomingMessage): boolean => {
      const color = answer.headers["x-color"];
      this.run.report.requests += 1;
      counted = true;
      this.client.answeredIn(performance.now() - this.started);
      if (typeof color !== "string" || color === "") return !this.run.expectColor;
      this.color = color;
      this.client.sawColor(color, this.startedAt);
      return true;
    };
    const refused = (kind: string, detail: string): void => {
      this.ours = true;
      this.client.fail(
        kind,
        `handshake, ${Math.round(performance.now() - this.started)} ms after it was sent: ${detail}`,
      );
      settled(false);
    };

    this.socket.on("upgrade", (answer) => {
      if (!answered(answer)) this.client.fail("no X-Color", "handshake: 101 without X-Color");
    });
    this.socket.on("unexpected-response", (request, answer) => {
      answered(answer);
      refused(`status ${answer.statusCode}`, "in place of 101");
      request.destroy();
    });
    this.socket.on("open", () => {
      this.openedAt = Date.now();
      settled(true);
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      if (this.ours) return;
      const { code, message } = error;
      if (this.openedAt !== undefined) {
        // Trouble of the socket is followed by its close, and judged there.
        if (code?.startsWith("WS_ERR")) this.giveUp("broken frame", message);
        return;
      }
      if (!counted) this.run.report.requests += 1;
      const kinds: Record<string, string> = { ECONNREFUSED: "refused", ECONNRESET: "reset" };
      const timedOut = message === "Opening handshake has timed out";
      refused(timedOut ? "timeout" : (kinds[code ?? ""] ?? "handshake failed"), message);
    });
  }

  private onMessage(text: string): void {
    const { arrived } = this;
    this.arrived = undefined;
    if (arrived !== undefined) arrived(text);
    else this.giveUp("wrong echo", `nothing was asked, received ${shown(text)}`);
  }

  private onClose(code: number): void {
    if (this.ours || this.openedAt === undefined) return;
    const { client, color, openedAt } = this;
    const unanswered = this.arrived !== undefined;
    this.closed = { at: Date.now(), client: client.name, color, code, openedAt, unanswered };
  }

  /** Sends one message and awaits it back; a close by the server meanwhile is judged as such, not as the message's failure. */
  private async echo(text: string): Promise<void> {
    const timeoutMs = this.options.echoTimeoutMs ?? DEFAULT_ECHO_TIMEOUT_MS;
    const started = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const seen = await Promise.race([
      new Promise<string>((resolve) => {
        this.arrived = resolve;
        this.socket.send(text);
      }),
      new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, timeoutMs, undefined);
      }),
      this.ended,
    ]);
    clearTimeout(timer);
    this.arrived = undefined;
    this.run.report.requests += 1;
    if (seen === text) this.client.answeredIn(performance.now() - started);
    else if (seen !== undefined) this.giveUp("wrong echo", `sent ${shown(text)}, received ${shown(seen)}`);
    else if (this.closed === undefined) this.giveUp("timeout", `no echo of ${shown(text)} within ${timeoutMs} ms`);
  }

  /** Records a failure and leaves the connection, since what else comes over it could not be told apart. */
  private giveUp(kind: string, detail: string): void {
    if (this.ours) return;
    this.ours = true;
    this.client.fail(kind, `on a connection of ${this.color ?? "no color"}: ${detail}`);
    this.socket.terminate();
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}
