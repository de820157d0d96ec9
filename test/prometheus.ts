import assert from "node:assert/strict";

/** One series of a page in Prometheus' text format. */
export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A page of metrics. */
export interface Page {
  /** By metric, as its TYPE line says. */
  types: Map<string, string>;
  series: Series[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const PAIR = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/y;
const OF_A_HISTOGRAM = /_(?:bucket|sum|count)$/;

/** Reads a page as strictly as Prometheus does: each metric in one piece, with one type, and no series twice. */
export function readPage(text: string): Page {
  const page: Page = { types: new Map(), series: [] };
  const seen = new Set<string>();
  const ended = new Set<string>();
  let current = "";
  for (const line of text.split("\n")) {
    const [, comment, name = "", type = ""] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line) ?? [];
    if (comment === "TYPE") {
      assert.ok(!page.types.has(name), `${name} has two types`);
      page.types.set(name, type);
    }
    if (comment !== undefined || line === "" || line.startsWith("#")) continue;
    const series = seriesIn(line);
    const base = series.name.replace(OF_A_HISTOGRAM, "");
    const metric = /^(?:histogram|summary)$/.test(page.types.get(base) ?? "") ? base : series.name;
    assert.ok(page.types.has(metric), `${metric} has no type before its series`);
    if (metric !== current) {
      assert.ok(!ended.has(metric), `${metric} is in two places`);
      ended.add(current);
      current = metric;
    }
    const key = JSON.stringify([series.name, Object.entries(series.labels).sort()]);
    assert.ok(!seen.has(key), `twice: ${key}`);
    seen.add(key);
    page.series.push(series);
  }
  return page;
}

function seriesIn(line: string): Series {
  const [, name = "", inner = "", value = ""] =
    new RegExp(`^(${NAME})(?:\\{(.*)\\})? ([-+.0-9eE]+|NaN|[+-]Inf)(?: -?[0-9]+)?$`).exec(line) ?? [];
  assert.ok(name !== "", `not a series: ${line}`);
  const labels: Record<string, string> = {};
  PAIR.lastIndex = 0;
  for (let at = 0; at < inner.length; at = PAIR.lastIndex) {
    const [, label = "", text = ""] = PAIR.exec(inner) ?? assert.fail(`not labels: ${inner}`);
    labels[label] = text;
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

/** Returns the sum of a metric's series that have these labels. */
export const sumOf = ({ series }: Page, name: string, labels: Record<string, string> = {}): number =>
  series
    .filter((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
