/** What a metric is, in Prometheus' words and in those of docs/monitoring.md. */
export interface Metric {
  type: "counter" | "gauge" | "histogram";
  /** What tells its series apart. */
  labels: readonly string[];
  help: string;
}

/** What nginx in the proxy says of itself, asked at each scrape. */
export const PROXY_METRICS = {
  blue_green_live: { type: "gauge", labels: ["color"], help: "1: the color that the public sees" },
  blue_green_configuration_info: {
    type: "gauge",
    labels: ["generation"],
    help: "1: the configuration that nginx serves, by its hash",
  },
  blue_green_canary_percent: {
    type: "gauge",
    labels: [],
    help: "the share of new visitors that the idle color gets, in percent",
  },
  blue_green_maintenance: { type: "gauge", labels: [], help: "1: everybody but testers gets the maintenance page" },
  blue_green_connections: {
    type: "gauge",
    labels: ["state"],
    help: "clients' connections: active, and of those reading, writing (in flight) and waiting (idle)",
  },
  blue_green_certificate_end_timestamp_seconds: {
    type: "gauge",
    labels: [],
    help: "when the certificate that the proxy serves ends; absent without TLS",
  },
} as const satisfies Record<string, Metric>;

/** What the latest cutover has left on the proxy's volume. */
export const CUTOVER_METRICS = {
  blue_green_color_info: {
    type: "gauge",
    labels: ["color", "version", "image"],
    help: "1: the release that the color's containers were made with; absent where it has none",
  },
  blue_green_asked: { type: "gauge", labels: ["color"], help: "1: the color that the latest cutover was to make live" },
  blue_green_switch_pending: {
    type: "gauge",
    labels: [],
    help: "1: the latest cutover was to make another color live than it left live",
  },
  blue_green_stable: { type: "gauge", labels: ["color"], help: "1: the color went through its watch while live" },
  blue_green_way_back_open: {
    type: "gauge",
    labels: [],
    help: "1: the cutover left the idle color running and stable, so that the way back is at once",
  },
  blue_green_live_since_timestamp_seconds: { type: "gauge", labels: [], help: "since when the live color is live" },
  blue_green_cutovers_total: {
    type: "counter",
    labels: ["result"],
    help: "cutovers since the metrics were turned on, by how they ended",
  },
  blue_green_cutover_timestamp_seconds: { type: "gauge", labels: [], help: "when the latest cutover began" },
  blue_green_cutover_step_seconds: {
    type: "gauge",
    labels: ["step"],
    help: "how long each step of the latest cutover took",
  },
} as const satisfies Record<string, Metric>;

/** What the container that serves the metrics asks every 15 seconds (nginx/metrics.sh). */
export const ASKED_METRICS = {
  blue_green_ready: {
    type: "gauge",
    labels: ["color", "why"],
    help: "1: the color answered its health path well; 0: it did not, and why",
  },
  blue_green_health_seconds: { type: "gauge", labels: ["color"], help: "how long that answer took" },
  blue_green_asked_timestamp_seconds: {
    type: "gauge",
    labels: [],
    help: "when the colors were asked: a minute ago or longer says that nobody asks any more",
  },
  blue_green_source_up: {
    type: "gauge",
    labels: ["source"],
    help: "0: this part of the page is missing, since the proxy did not answer or the log of requests is not read",
  },
  blue_green_configuration_edited: {
    type: "gauge",
    labels: [],
    help: "1: the proxy serves another configuration than its file has: somebody changed that by hand",
  },
  blue_green_volume_free_bytes: {
    type: "gauge",
    labels: [],
    help: "room that is left on the disk of the proxy's volume",
  },
  blue_green_volume_size_bytes: { type: "gauge", labels: [], help: "how large that disk is" },
} as const satisfies Record<string, Metric>;

/** What the same container reads every 15 seconds of the kernel's books on the engine's host (nginx/containers.sh). */
export const CONTAINER_METRICS = {
  blue_green_container_info: {
    type: "gauge",
    labels: ["container", "id"],
    help: "1: a container that runs, and the id that the engine has for it",
  },
  blue_green_container_cpu_seconds_total: {
    type: "counter",
    labels: ["container"],
    help: "processor time that it has taken since it was started",
  },
  blue_green_container_memory_bytes: {
    type: "gauge",
    labels: ["container"],
    help: "memory that it uses, as docker stats has it",
  },
  blue_green_container_memory_limit_bytes: {
    type: "gauge",
    labels: ["container"],
    help: "the most memory that it may use; absent without a limit",
  },
  blue_green_container_oom_kills_total: {
    type: "counter",
    labels: ["container"],
    help: "processes in it that were killed for want of memory since it was started",
  },
  blue_green_container_start_timestamp_seconds: {
    type: "gauge",
    labels: ["container"],
    help: "since when it runs; each change is a start",
  },
} as const satisfies Record<string, Metric>;

/** What the same container counts of the requests that have ended (nginx/requests.sh). */
export const REQUEST_METRICS = {
  blue_green_http_requests_total: {
    type: "counter",
    labels: ["color", "visitor", "method", "status"],
    help: "requests, by the color that answered and by who asked",
  },
  blue_green_http_response_bytes_total: {
    type: "counter",
    labels: ["color", "visitor"],
    help: "bytes sent to clients, headers included",
  },
  blue_green_http_request_duration_seconds: {
    type: "histogram",
    labels: ["color", "visitor", "method"],
    help: "from a request's first byte to the last one sent; WebSockets are left out",
  },
  blue_green_http_upstream_duration_seconds: {
    type: "histogram",
    labels: ["color", "visitor"],
    help: "how long the color's container took to answer",
  },
  blue_green_http_lines_unread_total: {
    type: "counter",
    labels: [],
    help: "requests that are in none of the others: refused by nginx before it knew a color, or answered with a status above 599",
  },
} as const satisfies Record<string, Metric>;

/** One series of a metric: the values of its labels in their order, and its own. */
export interface Sample {
  labels?: readonly string[];
  value: number | string;
}

/**
 * Returns a metric in Prometheus' text format. A metric without samples is left out.
 *
 * @throws Error where a sample has more or fewer labels than the metric: it would be another series.
 */
export function metricText(name: string, { type, labels, help }: Metric, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const lines = samples.map(({ labels: values = [], value }) => {
    if (values.length !== labels.length) throw new Error(`${name} has the labels ${labels.join(", ")}`);
    const pairs = labels.map((label, at) => `${label}="${escaped(values[at] ?? "")}"`);
    return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** Returns what a table of metrics says of some samples, by the metrics' names. */
export const metricsText = <Name extends string>(
  table: Readonly<Record<Name, Metric>>,
  samples: Readonly<Record<Name, readonly Sample[]>>,
): string => (Object.keys(table) as Name[]).map((name) => metricText(name, table[name], samples[name])).join("");
