import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { readNginx } from "../../stacks/engine/scripts";
import { pageFiles } from "../../stacks/monitoringPage";
import { COLORS, type Color, other } from "../../stacks/service/color";
import {
  ASKED_METRICS,
  CUTOVER_METRICS,
  type Metric,
  metricText,
  PROXY_METRICS,
  REQUEST_METRICS,
  type Sample,
} from "../../stacks/service/metrics";

/** What the page's server says; the defaults are of a stack that is well, with green live. */
export interface Situation {
  /** null: the proxy is silent. */
  live: Color | null;
  versions: Record<Color, string>;
  /** Why a color is not ready; "" where it is. */
  why: Record<Color, string>;
  stable: Record<Color, boolean>;
  wayBackOpen: boolean;
  pending: boolean;
  canaryPercent: number;
  maintenance: boolean;
  /** For how many hours green is live. */
  liveHours: number;
  /** In how many days the certificate ends. */
  certificateDays?: number;
  /** How long ago the colors were asked, in seconds. */
  askedAgo: number;
  silent: string[];
  /** Of how many answers of the live color each second how many are errors. */
  perSecond: number;
  errorsPerSecond: number;
  /** More lines of /metrics. */
  more: string;
  /** The lines of the history. */
  history: string[];
  /** What Prometheus answers to a question; undefined: there is none. */
  prometheus?: (query: URLSearchParams) => unknown;
}

/** When the sample's cutovers were, before now. */
const HOUR_MS = 3_600_000;

/** A line of the history as cutovers write it. */
export const cutover = (hoursAgo: number, change: Record<string, unknown> = {}): string =>
  JSON.stringify({
    time: new Date(Date.now() - hoursAgo * HOUR_MS).toISOString(),
    result: "switched",
    ...{ from: "blue", to: "green", versions: { blue: "1.0.0", green: "1.1.0" }, images: {} },
    ...{ seconds: { gate: 0.3, switch: 0.62, watch: 11.09 }, requests: 120, who: { user: "ann", host: "build-7" } },
    ...change,
  });

export const WELL: Situation = {
  live: "green",
  versions: { blue: "1.0.0", green: "1.1.0" },
  why: { blue: "", green: "" },
  stable: { blue: true, green: true },
  ...{ wayBackOpen: true, pending: false, canaryPercent: 0, maintenance: false, askedAgo: 3, silent: [] },
  ...{ perSecond: 3, errorsPerSecond: 0, more: "", liveHours: 3 },
  history: [
    cutover(30, { result: "first", from: undefined, to: "blue", versions: { blue: "1.0.0" } }),
    cutover(9, { result: "reverted", reason: "green answered 12 of 140 requests with 5xx" }),
    cutover(3),
  ],
};

/** Returns the page /metrics, so many seconds after the counting began. */
export function metricsOf(situation: Situation, seconds: number): string {
  const { live, why, stable, versions } = situation;
  const now = Math.floor(Date.now() / 1000);
  const flag = (value: boolean) => (value ? 1 : 0);
  const of = <Name extends string>(table: Record<Name, Metric>, name: Name, samples: Sample[]) =>
    metricText(name, table[name], samples);
  const asked = situation.pending && live ? other(live) : live;
  const certificate = situation.certificateDays;
  const proxy = [
    of(
      PROXY_METRICS,
      "blue_green_live",
      COLORS.map((color) => ({ labels: [color], value: flag(color === live) })),
    ),
    of(PROXY_METRICS, "blue_green_canary_percent", [{ value: situation.canaryPercent }]),
    of(PROXY_METRICS, "blue_green_maintenance", [{ value: flag(situation.maintenance) }]),
    ...(certificate === undefined
      ? []
      : [of(PROXY_METRICS, "blue_green_certificate_end_timestamp_seconds", [{ value: now + certificate * 86_400 }])]),
  ];
  const cutovers = [
    of(
      CUTOVER_METRICS,
      "blue_green_asked",
      COLORS.map((color) => ({ labels: [color], value: flag(color === asked) })),
    ),
    of(CUTOVER_METRICS, "blue_green_switch_pending", [{ value: flag(situation.pending) }]),
    of(
      CUTOVER_METRICS,
      "blue_green_stable",
      COLORS.map((color) => ({ labels: [color], value: flag(stable[color]) })),
    ),
    of(CUTOVER_METRICS, "blue_green_way_back_open", [{ value: flag(situation.wayBackOpen) }]),
    of(CUTOVER_METRICS, "blue_green_live_since_timestamp_seconds", [{ value: now - situation.liveHours * 3600 }]),
    ...COLORS.map(
      (color) => `blue_green_color_info{color="${color}",version="${versions[color]}",image="shop@sha256:0"} 1\n`,
    ),
  ];
  const colors = [
    of(
      ASKED_METRICS,
      "blue_green_ready",
      COLORS.map((color) => ({ labels: [color, why[color]], value: flag(why[color] === "") })),
    ),
    of(
      ASKED_METRICS,
      "blue_green_health_seconds",
      COLORS.map((color) => ({ labels: [color], value: 0.012 })),
    ),
    of(ASKED_METRICS, "blue_green_asked_timestamp_seconds", [{ value: now - situation.askedAgo }]),
    of(
      ASKED_METRICS,
      "blue_green_source_up",
      ["proxy", "requests"].map((source) => ({ labels: [source], value: flag(!situation.silent.includes(source)) })),
    ),
  ];
  const requests = situation.silent.includes("requests") ? [] : requestsOf(situation, seconds);
  return [...(live === null ? ["\n"] : proxy), ...requests, ...cutovers, ...colors, situation.more].join("");
}

function requestsOf({ live, perSecond, errorsPerSecond }: Situation, seconds: number): string[] {
  const color = live ?? "green";
  const count = Math.round(seconds * perSecond);
  const series = (status: string, value: number): Sample => ({ labels: [color, "active", "GET", status], value });
  const bucket = (le: string, share: number) =>
    `blue_green_http_request_duration_seconds_bucket{color="${color}",visitor="active",method="GET",le="${le}"} ${Math.round(count * share)}\n`;
  return [
    metricText("blue_green_http_requests_total", REQUEST_METRICS.blue_green_http_requests_total, [
      series("200", count - Math.round(seconds * errorsPerSecond)),
      series("503", Math.round(seconds * errorsPerSecond)),
    ]),
    bucket("0.005", 0.5),
    bucket("0.05", 1),
    bucket("+Inf", 1),
    "blue_green_http_lines_unread_total 0\n",
  ];
}

/** The headers that the container's nginx sends with everything, from its own configuration. */
export const headersOfServer = (): [string, string][] =>
  [...readNginx("metrics.conf.mustache").matchAll(/^ *add_header ([\w-]+) (?:"([^"]*)"|(\S+)) always;$/gm)].map(
    ([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""],
  );

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml",
};

/** A server that serves the page as the container does, without an engine. */
export class PageServer {
  /** The addresses that it was asked for, with their methods. */
  readonly asked: string[] = [];
  private readonly began = Date.now();
  private readonly server: Server;

  private constructor(public situation: Situation) {
    const settings = { project: "blue-green", stack: "prod" };
    const monitoring = situation.prometheus === undefined ? "metrics" : "on";
    const files = pageFiles(settings, { monitoring, maxErrorPercent: 1 });
    this.server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://x");
      this.asked.push(`${request.method} ${url.pathname}`);
      for (const [name, value] of headersOfServer()) response.setHeader(name, value);
      const [status, type, body] = this.answer(url, files);
      response.writeHead(status, { "content-type": type }).end(body);
    });
  }

  static async start(t: Pick<TestContext, "after">, situation: Partial<Situation> = {}): Promise<PageServer> {
    const server = new PageServer({ ...WELL, ...situation });
    await server.listen();
    t.after(() => server.stop());
    return server;
  }

  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Listens, again on the port that it had. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(url: URL, files: Record<string, string>): [status: number, type: string, body: string] {
    const { situation } = this;
    if (url.pathname === "/metrics")
      return [200, "text/plain; version=0.0.4", metricsOf(situation, 1000 + (Date.now() - this.began) / 1000)];
    if (url.pathname === "/history.jsonl")
      return [200, "application/json", situation.history.map((line) => `${line}\n`).join("")];
    if (url.pathname.startsWith("/api/v1/query")) {
      const data = situation.prometheus?.(url.searchParams);
      return data === undefined
        ? [502, "text/html", "bad gateway"]
        : [200, "application/json", JSON.stringify({ status: "success", data })];
    }
    const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
    const text = files[name];
    return text === undefined ? [404, "text/plain", "none"] : [200, TYPES[name.split(".").at(-1) ?? ""] ?? "", text];
  }
}

/** A Prometheus that has an hour of both colors, with a switch in its middle, and one alert that fires. */
export function prometheusOf(alerts: Record<string, string>[] = []): NonNullable<Situation["prometheus"]> {
  return (query) => {
    if (query.get("query")?.startsWith("ALERTS"))
      return { resultType: "vector", result: alerts.map((metric) => ({ metric, value: [0, "1"] })) };
    const [start, end, step] = ["start", "end", "step"].map((name) => Number(query.get(name)));
    const times = Array.from({ length: (Number(end) - Number(start)) / Number(step) + 1 }, (_, at) => at);
    const asked = query.get("query") ?? "";
    const height = asked.startsWith("histogram") ? 0.03 : asked.includes("5..") ? 0.05 : 4;
    const values = (share: (at: number) => number) =>
      times.map((at) => [
        Number(start) + at * Number(step),
        String(height * share(at / times.length) * (1 + Math.sin(at / 9) / 5)),
      ]);
    return {
      resultType: "matrix",
      result: [
        { metric: { color: "blue" }, values: values((at) => (at < 0.5 ? 1 : 0.02)) },
        { metric: { color: "green" }, values: values((at) => (at < 0.5 ? 0.02 : 1)) },
      ],
    };
  };
}
