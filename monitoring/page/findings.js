// @ts-check
// What is not as it should be, the worst first, in the words of `npm run status`: down is what visitors meet, degraded all else.
import { commandsOf } from "./commands.js";
import { other } from "./metrics.js";
import { OLD_SECONDS } from "./state.js";
import { clock, percent, span } from "./text.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {"down" | "degraded" | "note"} Level
 * @typedef {{ level: Level, text: string, command?: string }} Finding
 * @typedef {{ name: string, severity: string, about: string }} Alert that fires
 * @typedef {"down" | "unknown" | "degraded" | "well"} Verdict
 */

/** A lone error or two are no share of anything. */
const LEAST_ERRORS = 3;

const DAY_SECONDS = 86_400;

/** With so little left somebody should act soon, or at once. */
const CERTIFICATE_DAYS = { soon: 21, now: 3 };
const FREE_PERCENT = { soon: 10, now: 3 };

/** A cutover that takes longer was cut off, or somebody would know. */
const LONG_CUTOVER_SECONDS = 1800;

/**
 * Returns what is wrong, the worst first.
 * @param {State} state
 * @param {import("./figures.js").Figures & { color: Color } | undefined} visited what visitors got of the live color of late
 * @param {readonly Alert[]} alerts
 * @returns {Finding[]}
 */
export function findingsOf(state, visited, alerts) {
  const all = [
    ...proxyFindings(state),
    ...visitorFindings(state, visited),
    ...alerts.map(alertFinding),
    ...cutoverFindings(state),
    ...idleFindings(state),
    ...limitFindings(state),
    ...sourceFindings(state),
  ];
  /** @type {readonly Level[]} */
  const order = ["down", "degraded", "note"];
  return order.flatMap((level) => all.filter((finding) => finding.level === level));
}

/**
 * Returns what all of it comes to.
 * @param {readonly Finding[]} findings
 * @returns {Verdict}
 */
export const verdictOf = (findings) =>
  findings.some(({ level }) => level === "down")
    ? "down"
    : findings.some(({ level }) => level === "degraded")
      ? "degraded"
      : "well";

/** @param {State} state @returns {Finding[]} */
function proxyFindings({ settings, live, lastLive, colors, maintenance }) {
  const commands = commandsOf(settings);
  if (live === undefined) {
    const known = lastLive === undefined ? "" : ` The latest cutover left ${lastLive} live.`;
    return [
      {
        level: "down",
        text: `The proxy does not answer: visitors may get no answer either.${known}`,
        command: commands.status(),
      },
    ];
  }
  /** @type {Finding[]} */
  const found = [];
  if (colors[live].health === "ill")
    found.push({ level: "down", text: `${live} is live and ${colors[live].seen}.`, command: commands.status() });
  if (maintenance)
    found.push({
      level: "down",
      text: "Maintenance is on: everybody but testers gets 503 and the page.",
      command: commands.set("maintenance", "false"),
    });
  return found;
}

/**
 * @param {State} state
 * @param {import("./figures.js").Figures & { color: Color } | undefined} visited
 * @returns {Finding[]}
 */
function visitorFindings({ settings }, visited) {
  if (visited === undefined || visited.errors < LEAST_ERRORS) return [];
  const { color, errors, requests, errorPercent } = visited;
  if (errorPercent <= settings.maxErrorPercent) return [];
  const text = `${color} answered ${errors} of ${requests} requests with 5xx in the last minute (${percent(errorPercent)}; maxErrorPercent ${settings.maxErrorPercent}).`;
  return [{ level: "down", text, command: commandsOf(settings).logs() }];
}

/** @param {Alert} alert @returns {Finding} */
const alertFinding = ({ name, severity, about }) => ({
  level: severity === "page" ? "down" : "degraded",
  text: `The alert ${name}${about && ` (${about})`} fires: docs/on-call.md says what to do.`,
});

/** @param {State} state @returns {Finding[]} */
function cutoverFindings({ settings, live, colors, moving, pending, edited, now }) {
  if (live === undefined) return [];
  const commands = commandsOf(settings);
  const took = moving?.time === undefined ? Number.POSITIVE_INFINITY : now - moving.time;
  if (moving !== undefined && took < LONG_CUTOVER_SECONDS)
    return [
      {
        level: "note",
        text: `A cutover to ${moving.to} has moved the public and is not at its end, ${span(took)} after it began.`,
      },
    ];
  /** @type {Finding[]} */
  const found = [];
  if (moving !== undefined)
    found.push({
      level: "degraded",
      text: `The cutover to ${moving.to} was not watched to its end: its run was cut off.`,
      command: commands.up(),
    });
  else if (pending)
    found.push({
      level: "degraded",
      text: `A switch is pending: the latest cutover was to make ${other(live)} live, and ${live} is.`,
      command: commands.status(),
    });
  if (moving === undefined && colors[live].stable === false)
    found.push({
      level: "degraded",
      text: `${live} is live and not stable: it has not been through its watch.`,
      command: commands.up(),
    });
  if (edited)
    found.push({ level: "degraded", text: "The proxy's configuration was changed by hand.", command: commands.up() });
  return found;
}

/** @param {State} state @returns {Finding[]} */
function idleFindings({ settings, live, colors, canaryPercent }) {
  if (live === undefined) return [];
  const idle = colors[other(live)];
  const commands = commandsOf(settings);
  /** @type {Finding[]} */
  const found = [];
  if (idle.health === "ill")
    found.push({
      level: "degraded",
      text: `${idle.color} is idle and ${idle.seen}.`,
      command: commands.logs("--color", idle.color),
    });
  if (idle.health === "away") found.push({ level: "note", text: `${idle.color} is idle and ${idle.seen}.` });
  if (canaryPercent > 0)
    found.push({ level: "note", text: `${idle.color} is a canary: it gets ${canaryPercent} % of the new visitors.` });
  return found;
}

/** @param {State} state @returns {Finding[]} */
function limitFindings({ settings, certificateEnd, freePercent, now }) {
  /** @type {Finding[]} */
  const found = [];
  const left = certificateEnd === undefined ? Number.POSITIVE_INFINITY : (certificateEnd - now) / DAY_SECONDS;
  if (left < CERTIFICATE_DAYS.soon)
    found.push({
      level: left < CERTIFICATE_DAYS.now ? "down" : "degraded",
      text:
        left < 0
          ? "The certificate has ended: browsers refuse the service."
          : `The certificate ends in ${span(left * DAY_SECONDS)}.`,
      command: commandsOf(settings).set("tlsCertificate", "..."),
    });
  if (freePercent !== undefined && freePercent < FREE_PERCENT.soon)
    found.push({
      level: freePercent < FREE_PERCENT.now ? "down" : "degraded",
      text: `The disk under the proxy's volume is nearly full: ${percent(freePercent)} of it is free.`,
      command: "docker system df",
    });
  return found;
}

/** @param {State} state @returns {Finding[]} */
function sourceFindings({ settings, silent, askedAt, now }) {
  /** @type {Finding[]} */
  const found = [];
  if (silent.includes("requests"))
    found.push({
      level: "degraded",
      text: "No requests are counted: nobody reads nginx's log of them. Visitors don't notice.",
      command: commandsOf(settings).status(),
    });
  if (askedAt !== undefined && now - askedAt > OLD_SECONDS)
    found.push({
      level: "degraded",
      text: `Nobody has asked the colors for their health since ${clock(askedAt, now)}.`,
      command: commandsOf(settings).status(),
    });
  return found;
}
