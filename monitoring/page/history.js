// @ts-check
// Reads the end of the history of cutovers. A hand may have spoilt the file: no line and no field is taken on trust.
import { isColor } from "./metrics.js";
import { fit } from "./text.js";

/**
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {object} Cutover
 * @property {number | undefined} time when it began, in seconds since 1970
 * @property {string} result
 * @property {Color | undefined} from
 * @property {Color} to
 * @property {Readonly<Partial<Record<Color, string>>>} versions the release in each of the two colors at that time
 * @property {number | undefined} seconds how long it took
 * @property {string} who
 * @property {string} run the CI run that it was, if it was one
 * @property {string} reason
 */

/** So many of the latest cutovers are read. */
export const MOST_CUTOVERS = 20;

/** So much of the end of the file is asked for: a line has 2 KB at most. */
export const MOST_BYTES = 65_536;

const MOST_REASON_CHARACTERS = 300;

/** The results after which `to` is live; after the others it is `from`. */
const MOVED = ["first", "switched", "instant", "canary", "reloaded", "interrupted"];

/**
 * Returns the latest cutovers, the newest first.
 * @param {string} text the file's end, whose first line may be cut
 * @returns {Cutover[]}
 */
export const parseHistory = (text) =>
  text
    .slice(-2 * MOST_BYTES)
    .split("\n")
    .reverse()
    .flatMap(cutoverIn)
    .slice(0, MOST_CUTOVERS);

/**
 * @param {string} line
 * @returns {Cutover[]}
 */
function cutoverIn(line) {
  const { time, result, from, to, versions, seconds, who, reason } = objectIn(line);
  if (typeof result !== "string" || !isColor(to)) return [];
  const { blue, green } = objectOf(versions);
  const { user, host, run } = objectOf(who);
  const taken = Object.values(objectOf(seconds)).flatMap((value) => (Number(value) >= 0 ? [Number(value)] : []));
  const began = Date.parse(String(time)) / 1000;
  return [
    {
      time: Number.isNaN(began) ? undefined : began,
      result: fit(result, 20),
      from: isColor(from) ? from : undefined,
      to,
      versions: {
        ...(typeof blue === "string" && { blue: fit(blue, 60) }),
        ...(typeof green === "string" && { green: fit(green, 60) }),
      },
      seconds: taken.length === 0 ? undefined : taken.reduce((all, value) => all + value, 0),
      who: [fit(user, 40), fit(host, 40)].filter(Boolean).join("@"),
      run: fit(run, 200),
      reason: fit(reason, MOST_REASON_CHARACTERS),
    },
  ];
}

/**
 * @param {string} line
 * @returns {Record<string, unknown>}
 */
function objectIn(line) {
  try {
    return objectOf(JSON.parse(line));
  } catch {
    return {};
  }
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
const objectOf = (value) =>
  typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};

/**
 * Returns the color that was live after a cutover.
 * @param {Cutover} cutover
 */
const liveAfter = ({ result, from, to }) => (!MOVED.includes(result) && from !== undefined ? from : to);

/**
 * Returns the color that is live by the latest cutover, and since when; undefined where there was none.
 * @param {readonly Cutover[]} history the newest first
 * @returns {{ color: Color, since: number | undefined } | undefined}
 */
export function liveBy(history) {
  const [latest] = history;
  if (latest === undefined) return undefined;
  const color = liveAfter(latest);
  const move = history.find(
    ({ from, ...cutover }) => cutover.to === color && from !== color && liveAfter({ from, ...cutover }) === color,
  );
  return { color, since: move?.time };
}

/**
 * Returns the version that a color has by the latest cutover that knew it.
 * @param {readonly Cutover[]} history the newest first
 * @param {Color} color
 */
export const versionBy = (history, color) =>
  history.find(({ versions }) => versions[color] !== undefined)?.versions[color];
