// @ts-check
// Puts what is known into the page.
import { nextCommands } from "./commands.js";
import { make, show, table, theirs } from "./dom.js";
import { verdictOf } from "./findings.js";
import { COLORS } from "./metrics.js";
import { wayBackOf } from "./state.js";
import { clock, duration, percent, perSecond, span } from "./text.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").ColorState} ColorState
 * @typedef {import("./findings.js").Finding} Finding
 * @typedef {import("./metrics.js").Color} Color
 */

/** A verdict, a level and a color are told by a sign too, for whoever doesn't see their colors apart. */
const SIGNS = { well: "✓", degraded: "▲", down: "✕", unknown: "?", note: "•", blue: "■", green: "●" };

const VERDICTS = { well: "Well", degraded: "Degraded", down: "Down", unknown: "Can't tell" };

const HEALTH = { well: "well", ill: "not well", away: "away", unknown: "not known" };

/** @param {keyof typeof SIGNS} name */
const sign = (name) => make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[name]);

/**
 * Shows which stack this is.
 * @param {import("./state.js").Settings} settings
 */
export function showStack({ project, stack, service }) {
  const name = [stack, ...(service === undefined ? [] : [service])].join(" / ");
  document.title = `${name} – ${project}`;
  show("stack", [project, name], () => [make("strong", {}, theirs(name)), " ", theirs(project)]);
}

/**
 * Shows how it is, and what is wrong.
 * @param {State} state
 * @param {readonly Finding[]} findings
 * @param {boolean} isOld whether nobody can tell how it is now
 * @returns {string} the same in a sentence
 */
export function showVerdict({ live, lastLive, since, now, colors }, findings, isOld) {
  const verdict = isOld ? "unknown" : verdictOf(findings);
  const color = live ?? lastLive;
  const is = isOld || live === undefined ? "was" : "is";
  const version = color && colors[color].version;
  const who = color === undefined ? "No color is known to be live" : `${color} ${is} live`;
  document.documentElement.dataset.verdict = verdict;
  show("verdict", [verdict, who, color], () => [
    make("span", { class: "word" }, sign(verdict), ` ${VERDICTS[verdict]}`),
    " ",
    make("span", { class: color ?? "none" }, ...(color === undefined ? [] : [sign(color), " "]), who),
  ]);
  const ago = since === undefined ? "" : `since ${clock(since, now)}, for ${span(now - since)}`;
  show("since", [ago, version], () => [
    ...(version === undefined ? [] : ["version ", make("strong", {}, theirs(version)), " "]),
    ago,
  ]);
  show("findings", findings, () =>
    findings.map(({ level, text, command }) =>
      make(
        "li",
        { class: level },
        sign(level),
        make("span", {}, `${text} `, ...(command === undefined ? [] : [make("code", {}, command)])),
      ),
    ),
  );
  return [`${VERDICTS[verdict]}: ${who}.`, ...findings.slice(0, 1).map(({ text }) => text)].join(" ");
}

/**
 * Shows both colors.
 * @param {State} state
 * @param {import("./figures.js").figuresOf extends (...args: never[]) => infer Found ? Found : never} figures
 */
export function showColors({ colors, maintenance }, figures) {
  for (const color of COLORS) {
    const state = colors[color];
    const of = figures?.[color];
    show(color, [state, of, maintenance], () => [
      colorHead(state),
      facts(state, maintenance),
      ...(of === undefined ? [] : [current(of)]),
    ]);
  }
}

/** @param {ColorState} state */
function colorHead({ color, role }) {
  const word = role === "live" ? "LIVE" : role === "idle" ? "idle" : "not known";
  return make(
    "h2",
    { class: role },
    make("span", { class: "name" }, sign(color), ` ${color}`),
    " ",
    make("span", { class: "role" }, word),
  );
}

/**
 * @param {ColorState} state
 * @param {boolean} maintenance
 */
function facts({ version, image, health, seen, share, stable }, maintenance) {
  const visitors =
    share === undefined
      ? "not known"
      : maintenance
        ? "none but testers: maintenance is on"
        : `${share} % of new visitors`;
  /** @type {[string, (Node | string)[]][]} */
  const all = [
    ["version", [make("strong", { class: "version" }, theirs(version ?? "not known"))]],
    ["health", [make("strong", { class: health }, HEALTH[health]), ` ${seen}`]],
    ["share", [visitors]],
    ["watched", [stable === undefined ? "not known" : stable ? "yes: stable" : "not yet: not stable"]],
    ...(image === undefined ? [] : [/** @type {[string, (Node | string)[]]} */ (["image", [theirs(image)]])]),
  ];
  return make("dl", {}, ...all.flatMap(([title, what]) => [make("dt", {}, title), make("dd", {}, ...what)]));
}

/** @param {import("./figures.js").Figures} figures */
const current = ({ perSecond: requests, errorPercent, p95Seconds }) =>
  make(
    "p",
    { class: "current" },
    make("strong", {}, perSecond(requests)),
    ` requests, ${percent(errorPercent)} errors, p95 ${duration(p95Seconds)}`,
  );

/**
 * Shows whether the way back is open, and what to type.
 * @param {State} state
 * @param {(text: string) => void} copy
 */
export function showCommands(state, copy) {
  const { isOpen, text } = wayBackOf(state);
  const commands = nextCommands(state);
  show("way-back", [isOpen, text], () => [
    make("p", { class: isOpen ? "well" : "degraded" }, sign(isOpen ? "well" : "degraded"), ` ${text}`),
  ]);
  show("commands", commands, () =>
    commands.map(({ purpose, command }) => {
      const button = make("button", { type: "button" }, "Copy", make("span", { class: "unseen" }, `: ${purpose}`));
      button.addEventListener("click", () => copy(command));
      return make("li", {}, make("span", { class: "purpose" }, purpose), make("code", {}, command), button);
    }),
  );
}

/**
 * Shows the latest cutovers.
 * @param {readonly import("./history.js").Cutover[]} history
 * @param {string | undefined} problem why it can't be read
 * @param {number} now
 */
export function showHistory(history, problem, now) {
  show("history", [history, problem, new Date(now * 1000).toDateString()], () => {
    if (history.length === 0) return [make("p", {}, problem ?? "No cutover has happened yet.")];
    const rows = history.map(({ time, result, from, to, versions, seconds, who, run, reason }) => [
      time === undefined ? "?" : clock(time, now),
      theirs(result),
      moveOf(from, to, versions),
      seconds === undefined ? "–" : duration(seconds),
      make("span", {}, theirs(who || "–"), ...(run === "" ? [] : [" ", theirs(run)])),
      theirs(reason || "–"),
    ]);
    return [table("The latest cutovers, the newest first", ["when", "result", "move", "took", "who", "why"], rows)];
  });
}

/**
 * @param {Color | undefined} from
 * @param {Color} to
 * @param {Readonly<Partial<Record<Color, string>>>} versions
 */
function moveOf(from, to, versions) {
  const named = (/** @type {Color} */ color) =>
    make("span", { class: `${color} move` }, sign(color), ` ${color} `, theirs(versions[color] ?? ""));
  return make("span", {}, ...(from === undefined || from === to ? [] : [named(from), " → "]), named(to));
}
