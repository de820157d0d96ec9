// @ts-check
// What is known of both colors, from the metrics and, where these say nothing, from the history.
import { liveBy, versionBy } from "./history.js";
import { colorOf, flagOf, isColor, numberOf, other, seriesOf } from "./metrics.js";
import { duration, fit, span } from "./text.js";

/**
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {import("./history.js").Cutover} Cutover
 * @typedef {object} Settings of the stack, as far as the page needs them
 * @property {string} project
 * @property {string} stack
 * @property {string} [service] where the program has several
 * @property {"metrics" | "on"} monitoring whether there is a Prometheus: `on`
 * @property {number} maxErrorPercent
 *
 * @typedef {object} Reading
 * @property {Settings} settings
 * @property {import("./metrics.js").Metrics} metrics
 * @property {readonly Cutover[]} history the newest first
 * @property {number} now the engine's clock, in seconds since 1970
 *
 * @typedef {object} ColorState
 * @property {Color} color
 * @property {"live" | "idle" | "unknown"} role
 * @property {string | undefined} version
 * @property {string | undefined} image
 * @property {"well" | "ill" | "away" | "unknown"} health `away`: stopped or removed on purpose
 * @property {string} seen its health in words
 * @property {number | undefined} share of the new visitors, in percent
 * @property {boolean | undefined} stable whether it went through its watch while live
 *
 * @typedef {object} State
 * @property {Settings} settings
 * @property {Color | undefined} live by the proxy's own word
 * @property {Color | undefined} lastLive by the latest cutover, where the proxy says nothing
 * @property {number | undefined} since when it is live, in seconds since 1970
 * @property {Readonly<Record<Color, ColorState>>} colors
 * @property {number} canaryPercent
 * @property {boolean} maintenance
 * @property {boolean | undefined} wayBackOpen as the latest cutover left it
 * @property {boolean} pending whether the latest cutover was to make another color live
 * @property {Cutover | undefined} moving the cutover that has moved the public and has not ended, as far as anybody knows
 * @property {readonly string[]} silent the sources of figures that don't answer
 * @property {number | undefined} askedAt when the colors were asked, in seconds since 1970
 * @property {number | undefined} certificateEnd in seconds since 1970
 * @property {boolean} edited whether the proxy's configuration was changed by hand
 * @property {number | undefined} freePercent of the disk under the proxy's volume
 * @property {number} now
 */

/** They are asked every 15 s: an answer that is older says nothing of this moment. */
export const OLD_SECONDS = 60;

/** The metrics container's word for a color that nobody is sent to. */
const AWAY = "stopped or removed";

/**
 * Returns what a reading says.
 * @param {Reading} reading
 * @returns {State}
 */
export function stateOf(reading) {
  const { settings, metrics, history, now } = reading;
  const live = colorOf(metrics, "live");
  const last = liveBy(history);
  const latest = history[0];
  const size = numberOf(metrics, "volume_size_bytes") ?? 0;
  const free = numberOf(metrics, "volume_free_bytes");
  return {
    settings,
    live,
    lastLive: live === undefined ? last?.color : undefined,
    since: sinceOf(reading, live),
    colors: { blue: colorState("blue", live, reading), green: colorState("green", live, reading) },
    canaryPercent: numberOf(metrics, "canary_percent") ?? 0,
    maintenance: flagOf(metrics, "maintenance") ?? false,
    wayBackOpen: flagOf(metrics, "way_back_open"),
    pending: flagOf(metrics, "switch_pending") ?? false,
    moving: latest?.result === "interrupted" ? latest : undefined,
    silent: seriesOf(metrics, "source_up").flatMap(({ labels, value }) =>
      value === 0 ? [fit(labels.source, 20)] : [],
    ),
    askedAt: numberOf(metrics, "asked_timestamp_seconds"),
    certificateEnd: numberOf(metrics, "certificate_end_timestamp_seconds"),
    edited: flagOf(metrics, "configuration_edited") ?? false,
    freePercent: free === undefined || size === 0 ? undefined : (100 * free) / size,
    now,
  };
}

/**
 * The cutover's own word, unless the public has moved since it was written.
 * @param {Reading} reading
 * @param {Color | undefined} live
 */
function sinceOf({ metrics, history }, live) {
  const last = liveBy(history);
  const isTold = history[0]?.result !== "interrupted";
  const told = isTold ? numberOf(metrics, "live_since_timestamp_seconds") : undefined;
  return told ?? (live === undefined || last?.color === live ? last?.since : undefined);
}

/**
 * @param {Color} color
 * @param {Color | undefined} live
 * @param {Reading} reading
 * @returns {ColorState}
 */
function colorState(color, live, { metrics, history, now }) {
  const [info] = seriesOf(metrics, "color_info", { color });
  const canary = numberOf(metrics, "canary_percent") ?? 0;
  const isOpen = live !== undefined && !flagOf(metrics, "maintenance");
  const [health, seen] = healthOf(color, metrics, now);
  const version = fit(info?.labels.version, 60) || versionBy(history, color);
  return {
    color,
    role: live === undefined ? "unknown" : color === live ? "live" : "idle",
    version,
    image: fit(info?.labels.image, 120) || undefined,
    health,
    seen,
    share: isOpen ? (color === live ? 100 - canary : canary) : live && 0,
    stable: flagOf(metrics, "stable", { color }),
  };
}

/**
 * @param {Color} color
 * @param {import("./metrics.js").Metrics} metrics
 * @param {number} now
 * @returns {[health: ColorState["health"], seen: string]}
 */
function healthOf(color, metrics, now) {
  const [ready] = seriesOf(metrics, "ready", { color });
  const askedAt = numberOf(metrics, "asked_timestamp_seconds");
  if (ready === undefined || askedAt === undefined) return ["unknown", "was not asked for its health yet"];
  if (now - askedAt > OLD_SECONDS) return ["unknown", `was asked ${span(now - askedAt)} ago the last time`];
  if (ready.labels.why === AWAY) return ["away", `is ${AWAY}`];
  if (ready.value === 1)
    return ["well", `answers its health path in ${duration(numberOf(metrics, "health_seconds", { color }))}`];
  return ["ill", `does not answer its health path: ${fit(ready.labels.why, 80) || "for no known reason"}`];
}

/**
 * Returns how it stands with the way back, in words.
 * @param {State} state
 * @returns {{ isOpen: boolean, text: string }}
 */
export function wayBackOf({ live, lastLive, colors, wayBackOpen, moving }) {
  const seen = live ?? lastLive;
  if (!isColor(seen))
    return { isOpen: false, text: "Nobody knows which color is live, so nothing is known of the way back." };
  const idle = colors[other(seen)];
  const closed = (/** @type {string} */ why) => ({
    isOpen: false,
    text: `The way back to ${idle.color} is not open: ${why}`,
  });
  if (idle.health === "away") return closed(`${idle.color} ${idle.seen}. It comes up first when you switch.`);
  if (idle.health === "ill") return closed(`${idle.color} ${idle.seen}.`);
  if (moving !== undefined && live !== undefined)
    return {
      isOpen: idle.health === "well",
      text: `A cutover is under way. Should ${live} not be well, it takes the public back itself.`,
    };
  if (wayBackOpen === undefined) return closed("no cutover has said so since the metrics were turned on.");
  if (!wayBackOpen)
    return closed(`${idle.color} was not live and well in its present container. A switch to it checks it first.`);
  if (idle.health === "unknown") return closed(`${idle.color} ${idle.seen}.`);
  return { isOpen: true, text: `The way back to ${idle.color} is open: it takes about a second.` };
}
