// @ts-check
// The page: reads every 5 s, shows what it has read, and says so where that is old. It asks with GET alone, and changes nothing.
import { draw, drawAgain } from "./charts.js";
import { byId, show } from "./dom.js";
import { countersIn, figuresOf, withReading } from "./figures.js";
import { findingsOf } from "./findings.js";
import { MOST_BYTES, parseHistory } from "./history.js";
import { parseMetrics } from "./metrics.js";
import { alertsAddress, alertsIn, curveIn, questions, RANGES, rangeAddress } from "./prometheus.js";
import { showColors, showCommands, showHistory, showStack, showVerdict } from "./render.js";
import { stateOf } from "./state.js";
import { clock, duration, percent, perSecond, span } from "./text.js";

const EVERY_MS = 5000;
const GIVEN_UP_MS = 8000;
/** Curves change with each scrape. */
const CURVES_EVERY_MS = 15_000;
/** What is older than two readings is old. */
const OLD_MS = 2 * EVERY_MS + GIVEN_UP_MS;

/** @type {import("./state.js").Settings} */
let settings = { project: "blue-green", stack: "", monitoring: "metrics", maxErrorPercent: 1 };
let hasSettings = false;
/** @type {import("./figures.js").Reading[]} */
let readings = [];
/** @type {import("./history.js").Cutover[]} */
let history = [];
/** @type {string | undefined} */
let historyProblem;
let historyMark = "";
/** @type {import("./findings.js").Alert[]} */
let alerts = [];
/** When the latest reading was, by this browser's own clock that never jumps, and by the engine's. */
let readAt = Number.NEGATIVE_INFINITY;
let engineTime = 0;
/** @type {string | undefined} */
let problem;
let curvesAt = Number.NEGATIVE_INFINITY;
let isReading = false;
/** When somebody began to look at the page again. */
let seenAt = performance.now();
let announced = "";
/** Shows the verdict of the latest reading, which may be old. @type {(isOld: boolean) => string} */
let showLatest = () => "";

/**
 * Asks the page's own server.
 * @param {string} address
 * @param {Record<string, string>} [headers]
 */
async function ask(address, headers = {}) {
  const answer = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(GIVEN_UP_MS) });
  if (!answer.ok && answer.status !== 304 && answer.status !== 416)
    throw new Error(`${address.split("?")[0]}: status ${answer.status}`);
  return answer;
}

/** Reads all of it once, and shows it. */
async function read() {
  if (isReading || document.hidden) return;
  isReading = true;
  try {
    if (!hasSettings) {
      settings = { ...settings, ...(await (await ask("settings.json")).json()) };
      hasSettings = true;
      showStack(settings);
    }
    const [answer] = await Promise.all([ask("metrics"), readHistory(), readAlerts()]);
    const metrics = parseMetrics(await answer.text());
    engineTime = Date.parse(answer.headers.get("date") ?? "") / 1000 || Date.now() / 1000;
    readAt = performance.now();
    problem = undefined;
    readings = withReading(readings, { time: performance.now() / 1000, colors: countersIn(metrics) });
    showAll(metrics);
    await readCurves();
  } catch (error) {
    problem = error instanceof Error && error.name !== "TimeoutError" ? error.message : "it takes too long";
  } finally {
    isReading = false;
    showFreshness();
  }
}

/** A history that can't be read takes nothing from the rest. */
async function readHistory() {
  try {
    const answer = await ask("history.jsonl", {
      Range: `bytes=-${MOST_BYTES}`,
      ...(historyMark !== "" && { "If-None-Match": historyMark }),
    });
    if (answer.status === 304) return;
    historyMark = answer.headers.get("etag") ?? "";
    history = answer.status === 416 ? [] : parseHistory(await answer.text());
    historyProblem = undefined;
  } catch (error) {
    historyProblem = `The history can't be read: ${/** @type {Error} */ (error).message}`;
  }
}

async function readAlerts() {
  if (settings.monitoring !== "on") return;
  // Where Prometheus is silent, the curves say so.
  const answer = await ask(alertsAddress(settings)).catch(() => undefined);
  if (answer !== undefined) alerts = alertsIn(await answer.json());
}

/** @param {import("./metrics.js").Metrics} metrics */
function showAll(metrics) {
  const state = stateOf({ settings, metrics, history, now: engineTime });
  const figures = figuresOf(readings);
  const visited = state.live && figures && { ...figures[state.live], color: state.live };
  const findings = findingsOf(state, visited, alerts);
  showLatest = (isOld) => showVerdict(state, findings, isOld);
  const told = showLatest(false);
  showColors(state, figures);
  showCommands(state, copy);
  showHistory(history, historyProblem, engineTime);
  const source =
    figures === undefined
      ? "Requests are counted from the second reading on."
      : `Beside each color: the last ${span(figures.seconds)}.`;
  const none = `There are no curves: they need Prometheus (pulumi config set monitoring on). ${source}`;
  if (settings.monitoring !== "on") show("source", none, () => [none]);
  byId("curves").hidden = settings.monitoring !== "on";
  announce(told);
}

/** Says something to those who listen, and not again where only a figure in it has changed. @param {string} text */
function announce(text) {
  const news = text.replace(/\d+/g, "");
  if (news === announced) return;
  announced = news;
  byId("announcer").textContent = text;
}

const chosen = () => RANGES[byId("day").getAttribute("aria-pressed") === "true" ? "day" : "hour"];

async function readCurves() {
  if (settings.monitoring !== "on" || performance.now() - curvesAt < CURVES_EVERY_MS) return;
  const range = chosen();
  const to = Math.floor(engineTime / range.step) * range.step;
  try {
    const { requests, errors, p95 } = questions(settings, range);
    const [a, b, c] = await Promise.all(
      [requests, errors, p95].map(async (query) => curveIn(await (await ask(rangeAddress(query, range, to))).json())),
    );
    const marks = history.flatMap(({ time }) => (time === undefined ? [] : [time]));
    const frame = { from: to - range.hours * 3600, to, marks };
    const none = { times: [], blue: [], green: [] };
    draw(byId("requests"), { title: "Requests a second", format: perSecond, curve: a ?? none }, frame);
    draw(byId("errors"), { title: "Errors (5xx)", format: percent, curve: b ?? none }, frame);
    draw(byId("p95"), { title: "95 of 100 are faster than", format: duration, curve: c ?? none }, frame);
    const text = `From Prometheus, the last ${range.hours === 1 ? "hour" : "day"}; ▼ is a cutover.`;
    show("source", text, () => [text]);
    curvesAt = performance.now();
  } catch (error) {
    const text = `Prometheus does not answer, so the curves and the alerts are old or missing (${/** @type {Error} */ (error).message}).`;
    show("source", text, () => [text]);
  }
}

/** Says how old all of it is. */
function showFreshness() {
  const age = performance.now() - readAt;
  const looked = performance.now() - seenAt;
  const isLost = problem !== undefined || Math.min(age, looked) > OLD_MS;
  document.documentElement.dataset.fresh = isLost ? "no" : "yes";
  showLatest(isLost);
  const known = Number.isFinite(age);
  const since = known
    ? `Everything below is as it was at ${clock(engineTime, engineTime)}, ${span(age / 1000)} ago.`
    : "Nothing is known yet.";
  const text = isLost
    ? `Connection lost${problem === undefined ? "" : ` (${problem})`}. ${since} Next: npm run status${settings.stack && ` -- ${settings.stack}`}`
    : known
      ? `As of ${clock(engineTime, engineTime)}, every ${EVERY_MS / 1000} s`
      : "Reading…";
  show("fresh", text, () => [text]);
  if (isLost) announce(`Connection lost. ${known ? "The page shows what it was before." : since}`);
}

/** @param {string} command */
async function copy(command) {
  const isCopied = await navigator.clipboard.writeText(command).then(
    () => true,
    () => false,
  );
  announce(isCopied ? `Copied: ${command}` : "The browser did not allow it: select the command and copy it.");
  const text = isCopied ? `Copied: ${command}` : "Not copied: select the command and copy it.";
  show("copied", [text, performance.now()], () => [text]);
}

for (const id of ["hour", "day"]) {
  byId(id).addEventListener("click", () => {
    for (const each of ["hour", "day"]) byId(each).setAttribute("aria-pressed", String(each === id));
    curvesAt = Number.NEGATIVE_INFINITY;
    void readCurves();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) drawAgain();
  width = innerWidth;
});
document.addEventListener("visibilitychange", () => {
  seenAt = performance.now();
  void read();
});
setInterval(() => void read(), EVERY_MS);
setInterval(showFreshness, 1000);
void read();
