// @ts-check
// Reads the page /metrics. Its values may hold any text: what is no series is left out, and each part of the work is bounded.

/**
 * @typedef {{ labels: Readonly<Record<string, string>>, value: number }} Series
 * @typedef {ReadonlyMap<string, readonly Series[]>} Metrics the series by their metric's name
 * @typedef {"blue" | "green"} Color
 */

/** Both colors, always in this order. @type {readonly Color[]} */
export const COLORS = ["blue", "green"];

/**
 * Returns the other color.
 * @param {Color} color
 * @returns {Color}
 */
export const other = (color) => (color === "blue" ? "green" : "blue");

/**
 * Reports whether a word is a color.
 * @param {unknown} word
 * @returns {word is Color}
 */
export const isColor = (word) => word === "blue" || word === "green";

/** A page has some thousand lines at most; one that is longer is somebody else's doing. */
const MOST_CHARACTERS = 4_000_000;
const MOST_SERIES = 20_000;

const LINE = /^(blue_green_[a-z0-9_]{1,100})(?:\{(.*)\})? ([-+.0-9eE]{1,40}|NaN|[+-]Inf)$/;
const PAIR = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/**
 * Returns the program's own series of a page in Prometheus' text format.
 * @param {string} text
 * @returns {Metrics}
 */
export function parseMetrics(text) {
  /** @type {Map<string, Series[]>} */
  const metrics = new Map();
  let count = 0;
  for (const line of text.slice(0, MOST_CHARACTERS).split("\n")) {
    const [, name, inner = "", value = ""] = LINE.exec(line) ?? [];
    const labels = name === undefined ? undefined : labelsIn(inner);
    if (name === undefined || labels === undefined || count === MOST_SERIES) continue;
    count += 1;
    const series = metrics.get(name) ?? [];
    metrics.set(name, series);
    series.push({ labels, value: Number(value.replace("Inf", "Infinity")) });
  }
  return metrics;
}

/**
 * @param {string} inner
 * @returns {Record<string, string> | undefined}
 */
function labelsIn(inner) {
  /** @type {[string, string][]} */
  const pairs = [];
  for (PAIR.lastIndex = 0; PAIR.lastIndex < inner.length; ) {
    const found = PAIR.exec(inner);
    if (found === null) return undefined;
    const [, name = "", text = ""] = found;
    pairs.push([name, text.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character))]);
  }
  return Object.fromEntries(pairs);
}

/**
 * Returns a metric's series that have these labels.
 * @param {Metrics} metrics
 * @param {string} name without `blue_green_`
 * @param {Readonly<Record<string, string>>} [labels]
 * @returns {Series[]}
 */
export const seriesOf = (metrics, name, labels = {}) =>
  (metrics.get(`blue_green_${name}`) ?? []).filter((series) =>
    Object.entries(labels).every(([label, value]) => series.labels[label] === value),
  );

/**
 * Returns the value of a metric's first series that has these labels; undefined where there is none.
 * @param {Metrics} metrics
 * @param {string} name
 * @param {Readonly<Record<string, string>>} [labels]
 */
export function numberOf(metrics, name, labels) {
  const [first] = seriesOf(metrics, name, labels);
  return first === undefined || Number.isNaN(first.value) ? undefined : first.value;
}

/**
 * Returns a gauge that is 1 or 0 as a truth value; undefined where there is none.
 * @param {Metrics} metrics
 * @param {string} name
 * @param {Readonly<Record<string, string>>} [labels]
 */
export function flagOf(metrics, name, labels) {
  const value = numberOf(metrics, name, labels);
  return value === undefined ? undefined : value === 1;
}

/**
 * Returns the color whose series of this metric is 1; undefined where there is none.
 * @param {Metrics} metrics
 * @param {string} name
 */
export const colorOf = (metrics, name) => COLORS.find((color) => flagOf(metrics, name, { color }));
