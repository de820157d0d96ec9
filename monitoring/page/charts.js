// @ts-check
// The curves of both colors, drawn by uPlot, with the cutovers in them, and a table of the same figures behind each.
import { make, table } from "./dom.js";
import { COLORS } from "./metrics.js";
import { clock } from "./text.js";

/**
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {import("uplot")} uPlot
 * @typedef {import("./prometheus.js").Curve} Curve
 * @typedef {object} Chart
 * @property {string} title
 * @property {(value: number | null | undefined) => string} format
 * @property {Curve} curve
 *
 * @typedef {object} Frame what all charts have in common
 * @property {number} from in seconds since 1970
 * @property {number} to likewise
 * @property {readonly number[]} marks the cutovers, likewise
 */

/** The script before this one has made it. @type {typeof import("uplot")} */
const Plot = /** @type {any} */ (globalThis).uPlot;

const HEIGHT = 200;
const LEAST_WIDTH = 200;

/** The rows of a chart's table: enough to see a trend in, and to listen to. */
const MOST_ROWS = 12;

/** Green is told from blue by its dashes too. @type {Record<Color, number[]>} */
const DASHES = { blue: [], green: [8, 5] };

/** @typedef {{ plot: uPlot, element: HTMLElement, chart: Chart, frame: Frame }} Drawn */

/** The charts by their titles. @type {Map<string, Drawn>} */
const drawn = new Map();

/**
 * Draws a chart into an element, or draws it again with other figures.
 * @param {HTMLElement} element
 * @param {Chart} chart
 * @param {Frame} frame
 */
export function draw(element, chart, frame) {
  const { title, curve, format } = chart;
  const entry = drawn.get(title) ?? begin(element, chart, frame);
  Object.assign(entry, { chart, frame });
  entry.plot.batch(() => {
    entry.plot.setData([curve.times, curve.blue, curve.green], false);
    entry.plot.setScale("x", { min: frame.from, max: frame.to });
  });
  element.querySelector(".plot")?.setAttribute("aria-label", summaryOf(chart));
  element.querySelector(".rows")?.replaceChildren(rowsOf(title, curve, format, frame.to));
}

/** Draws all charts again with the figures that they have: in other colors, or with another width. */
export function drawAgain() {
  const all = [...drawn.values()];
  drawn.clear();
  for (const { plot, element, chart, frame } of all) {
    plot.destroy();
    draw(element, chart, frame);
  }
}

/**
 * @param {HTMLElement} element
 * @param {Chart} chart
 * @param {Frame} frame
 */
function begin(element, chart, frame) {
  const { title } = chart;
  const plotted = make("div", { class: "plot", role: "img" });
  const under = make("p", { class: "under", "aria-hidden": "true" }, "\u00a0");
  const rows = make("details", {}, make("summary", {}, `${title} as a table`), make("div", { class: "rows" }));
  element.replaceChildren(make("h3", {}, title), plotted, under, rows);
  /** @type {Drawn} */
  const entry = { plot: plotIn(plotted, chart, under, () => entry.frame.marks), element, chart, frame };
  drawn.set(title, entry);
  return entry;
}

/**
 * @param {HTMLElement} target
 * @param {Chart} chart
 * @param {HTMLElement} under says what is under the pointer
 * @param {() => Frame["marks"]} marks
 * @returns {uPlot}
 */
function plotIn(target, { curve, format }, under, marks) {
  const style = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const line = { stroke: color("line"), width: 1 };
  const axis = { stroke: color("ink"), font: "14px system-ui, sans-serif", grid: line, ticks: line };
  return new Plot(
    {
      width: Math.max(LEAST_WIDTH, target.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, 1e-3) * 1.1] } },
      axes: [
        { ...axis, values: (_plot, times) => times.map((time) => timeOf(time)) },
        { ...axis, size: 72, values: (_plot, values) => values.map((value) => format(value)) },
      ],
      series: [
        {},
        ...COLORS.map((each) => ({
          ...{ label: each, stroke: color(`${each}-line`), width: 3, dash: DASHES[each] },
          points: { show: false },
        })),
      ],
      cursor: { drag: { x: false, y: false } },
      hooks: {
        draw: [(plot) => drawMarks(plot, marks(), color("ink"))],
        setCursor: [(plot) => under.replaceChildren(pointedAt(plot, format))],
      },
    },
    [curve.times, curve.blue, curve.green],
    target,
  );
}

/** @param {number} seconds */
const timeOf = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hour12: false });

/**
 * A cutover is a line from top to bottom, with a triangle at its head.
 * @param {uPlot} plot
 * @param {Frame["marks"]} marks
 * @param {string} ink
 */
function drawMarks({ ctx, bbox, valToPos, scales }, marks, ink) {
  const { min = 0, max = 0 } = scales.x ?? {};
  const size = 7 * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const time of marks) {
    if (time < Number(min) || time > Number(max)) continue;
    const x = valToPos(time, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top);
    ctx.lineTo(x + size, bbox.top);
    ctx.lineTo(x, bbox.top + 1.5 * size);
    ctx.fill();
  }
  ctx.restore();
}

/**
 * @param {uPlot} plot
 * @param {Chart["format"]} format
 */
function pointedAt({ cursor, data }, format) {
  const at = cursor.idx;
  const time = at == null ? undefined : data[0][at];
  if (at == null || time === undefined) return "\u00a0";
  return `${timeOf(time)}: ${COLORS.map((color, row) => `${color} ${format(data[row + 1]?.[at])}`).join(", ")}`;
}

/**
 * Returns a chart in a sentence.
 * @param {Chart} chart
 */
function summaryOf({ title, format, curve }) {
  const parts = COLORS.map((color) => {
    const values = curve[color].filter((value) => value !== null);
    if (values.length === 0) return `${color} has none`;
    return `${color} is at ${format(values.at(-1))} now, at most ${format(values.reduce((a, b) => Math.max(a, b)))}`;
  });
  return `${title}: ${parts.join("; ")}.`;
}

/**
 * @param {string} title
 * @param {Curve} curve
 * @param {Chart["format"]} format
 * @param {number} now
 */
function rowsOf(title, { times, blue, green }, format, now) {
  const each = Math.max(1, Math.ceil(times.length / MOST_ROWS));
  // The last one of each few, the newest first.
  const places = times.map((_, at) => at).filter((at) => (times.length - 1 - at) % each === 0);
  const rows = places.reverse().map((at) => [clock(times[at] ?? 0, now), format(blue[at]), format(green[at])]);
  return table(title, ["time", ...COLORS], rows);
}
