// @ts-check
// What visitors get of each color, from two readings of the counters. Prometheus does the same over hours, where there is one.
import { COLORS, seriesOf } from "./metrics.js";

/**
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {{ requests: number, errors: number, buckets: ReadonlyMap<number, number> }} Counters
 *   of one color's visitors: `buckets` has how many answers took at most so many seconds
 * @typedef {{ time: number, colors: Record<Color, Counters> | undefined }} Reading `time` in seconds since 1970
 * @typedef {{ requests: number, perSecond: number, errors: number, errorPercent: number, p95Seconds: number | undefined }} Figures
 *   `p95Seconds` is undefined where nothing was asked
 */

/** Testers and the cutover's own requests are no visitors. */
const VISITORS = ["active", "canary", "sticky"];

/** So long the figures look back, in seconds: one or two requests are no rate. */
export const WINDOW_SECONDS = 60;

/**
 * Returns what was counted of each color; undefined where nobody counts.
 * @param {import("./metrics.js").Metrics} metrics
 * @returns {Record<Color, Counters> | undefined}
 */
export function countersIn(metrics) {
  if (!metrics.has("blue_green_http_lines_unread_total")) return undefined;
  const [blue, green] = COLORS.map((color) => countersOf(metrics, color));
  return blue && green && { blue, green };
}

/**
 * @param {import("./metrics.js").Metrics} metrics
 * @param {Color} color
 * @returns {Counters}
 */
function countersOf(metrics, color) {
  const visited = (/** @type {string} */ name) =>
    seriesOf(metrics, name, { color }).filter(({ labels }) => VISITORS.includes(labels.visitor ?? ""));
  const requests = visited("http_requests_total");
  /** @type {Map<number, number>} */
  const buckets = new Map();
  for (const { labels, value } of visited("http_request_duration_seconds_bucket")) {
    const most = Number((labels.le ?? "").replace("Inf", "Infinity"));
    if (most > 0) buckets.set(most, (buckets.get(most) ?? 0) + value);
  }
  const errors = requests.filter(({ labels }) => /^5/.test(labels.status ?? ""));
  return { requests: sum(requests), errors: sum(errors), buckets };
}

/** @param {readonly { value: number }[]} series */
const sum = (series) => series.reduce((all, { value }) => all + value, 0);

/**
 * Returns the latest readings, of which the first is about {@link WINDOW_SECONDS} older than the last. Where somebody counts from 0
 * again, or nobody counted, what came before is no measure.
 * @param {readonly Reading[]} readings
 * @param {Reading} next
 * @returns {Reading[]}
 */
export function withReading(readings, next) {
  const last = readings.at(-1);
  const { colors } = next;
  if (colors === undefined) return [];
  const isNew =
    last === undefined ||
    last.time >= next.time ||
    COLORS.some((color) => last.colors !== undefined && colors[color].requests < last.colors[color].requests);
  return isNew ? [next] : [...readings.filter(({ time }) => time >= next.time - WINDOW_SECONDS), next];
}

/**
 * Returns what visitors got of each color between the first and the last reading; undefined where there are no two.
 * @param {readonly Reading[]} readings
 * @returns {(Record<Color, Figures> & { seconds: number }) | undefined}
 */
export function figuresOf(readings) {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first?.colors === undefined || last?.colors === undefined || first === last) return undefined;
  const seconds = last.time - first.time;
  return {
    blue: between(first.colors.blue, last.colors.blue, seconds),
    green: between(first.colors.green, last.colors.green, seconds),
    seconds,
  };
}

/**
 * @param {Counters} before
 * @param {Counters} after
 * @param {number} seconds
 * @returns {Figures}
 */
function between(before, after, seconds) {
  const requests = after.requests - before.requests;
  const errors = Math.max(0, after.errors - before.errors);
  const buckets = [...after.buckets].map(
    ([most, count]) => /** @type {const} */ ([most, Math.max(0, count - (before.buckets.get(most) ?? 0))]),
  );
  return {
    requests,
    perSecond: requests / seconds,
    errors,
    errorPercent: requests === 0 ? 0 : (100 * errors) / requests,
    p95Seconds: quantile(0.95, buckets),
  };
}

/**
 * Returns the time within which this share of the answers came, as Prometheus' histogram_quantile has it.
 * @param {number} share
 * @param {readonly (readonly [most: number, count: number])[]} buckets
 * @returns {number | undefined}
 */
export function quantile(share, buckets) {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const all = sorted.at(-1)?.[1] ?? 0;
  if (all === 0) return undefined;
  const rank = share * all;
  const at = sorted.findIndex(([, count]) => count >= rank);
  const [most, count] = sorted[at] ?? [0, 0];
  const [least, below] = sorted[at - 1] ?? [0, 0];
  // Beyond the last bound nothing is known but that it was longer.
  return most === Number.POSITIVE_INFINITY ? least : least + ((most - least) * (rank - below)) / (count - below);
}
