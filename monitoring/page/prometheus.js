// @ts-check
// Questions to the stack's own Prometheus, and its answers. The page's server hands these two kinds of questions on, and no others.
import { COLORS, isColor } from "./metrics.js";
import { fit } from "./text.js";

/**
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {import("./state.js").Settings} Settings
 * @typedef {{ times: number[], blue: (number | null)[], green: (number | null)[] }} Curve a value for each time, or none
 * @typedef {{ hours: number, step: number, window: string }} Range
 */

/** The two ranges that can be looked at; the window is longer than the step, so that no request is left out. */
export const RANGES = /** @type {const} */ ({
  hour: { hours: 1, step: 15, window: "1m" },
  day: { hours: 24, step: 300, window: "10m" },
});

/** The most alerts that are shown. */
const MOST_ALERTS = 20;

const VISITORS = 'visitor=~"active|canary|sticky"';

/**
 * Returns what singles out this service's series. A service without a name has no such label, which is the same as an empty one.
 * @param {Settings} settings
 */
const ours = ({ project, stack, service = "" }) =>
  Object.entries({ project, stack, service })
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(",");

/**
 * Returns the three curves' questions.
 * @param {Settings} settings
 * @param {Range} range
 */
export function questions(settings, { window }) {
  const of = (/** @type {string} */ more) => `{${ours(settings)},${VISITORS}${more}}[${window}]`;
  const requests = (more = "") => `sum by (color) (rate(blue_green_http_requests_total${of(more)}))`;
  const buckets = `sum by (color, le) (rate(blue_green_http_request_duration_seconds_bucket${of("")}))`;
  return {
    requests: requests(),
    // Without an error there is no such series: that is 0, as long as there are requests.
    errors: `100 * (${requests(',status=~"5.."')} or 0 * ${requests()}) / (${requests()} > 0)`,
    p95: `histogram_quantile(0.95, ${buckets})`,
  };
}

/**
 * Returns the address of a question over a range that ends now. Its times are whole steps, so that a curve does not jump about.
 * @param {string} query
 * @param {Range} range
 * @param {number} now in seconds since 1970
 */
export function rangeAddress(query, { hours, step }, now) {
  const end = Math.floor(now / step) * step;
  const words = { query, start: String(end - hours * 3600), end: String(end), step: String(step) };
  return `api/v1/query_range?${new URLSearchParams(words)}`;
}

/**
 * Returns the address of the question which alerts fire.
 * @param {Settings} settings
 */
export const alertsAddress = (settings) =>
  `api/v1/query?${new URLSearchParams({ query: `ALERTS{alertstate="firing",${ours(settings)}}` })}`;

/**
 * Returns the curves of both colors in an answer; without any time where it is none.
 * @param {unknown} answer
 * @returns {Curve}
 */
export function curveIn(answer) {
  /** @type {Record<Color, Map<number, number>>} */
  const values = { blue: new Map(), green: new Map() };
  for (const { metric, values: pairs } of resultIn(answer)) {
    const { color } = objectOf(metric);
    if (!isColor(color) || !Array.isArray(pairs)) continue;
    for (const [time, value] of pairs.filter(Array.isArray)) {
      if (Number.isFinite(time) && Number.isFinite(Number(value))) values[color].set(time, Number(value));
    }
  }
  const times = [...new Set(COLORS.flatMap((color) => [...values[color].keys()]))].sort((a, b) => a - b);
  const of = (/** @type {Color} */ color) => times.map((time) => values[color].get(time) ?? null);
  return { times, blue: of("blue"), green: of("green") };
}

/**
 * Returns the alerts that fire.
 * @param {unknown} answer
 * @returns {import("./findings.js").Alert[]}
 */
export const alertsIn = (answer) =>
  resultIn(answer)
    .map(({ metric }) => objectOf(metric))
    .filter(({ alertname }) => typeof alertname === "string")
    .slice(0, MOST_ALERTS)
    .map(({ alertname, severity, color }) => ({
      name: fit(alertname, 60),
      severity: fit(severity, 20),
      about: fit(color, 20),
    }));

/**
 * @param {unknown} answer
 * @returns {Record<string, unknown>[]}
 */
function resultIn(answer) {
  const { result } = objectOf(objectOf(answer).data);
  return Array.isArray(result) ? result.map(objectOf) : [];
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
const objectOf = (value) =>
  typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
