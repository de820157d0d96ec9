// @ts-check
// Words and numbers for people. What somebody else wrote goes through `fit` first, and only ever becomes the text of an element.

/** The most characters of somebody else's text that are shown, where nothing else is said. */
const MOST_CHARACTERS = 120;

/**
 * Characters that do something instead of being seen: controls, marks that turn the direction of text or hide it, separators of lines,
 * and what is no character at all.
 */
const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

/**
 * Returns the start of somebody else's text as one line, with a mark in place of each character that would act.
 * @param {unknown} text
 * @param {number} [most] characters
 */
export function fit(text, most = MOST_CHARACTERS) {
  if (typeof text !== "string") return "";
  // One character of it may be two of JavaScript's.
  const start = [...text.slice(0, 2 * most + 2)];
  const line = start.slice(0, most).join("").replace(/\s+/g, " ").replace(ACTING, "\ufffd").trim();
  return start.length > most ? `${line}… (${text.length} characters)` : line;
}

/** @type {readonly (readonly [seconds: number, unit: string])[]} */
const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
];

/**
 * Returns a time span in one unit: `12 s`, `5 min`, `3 h`, `2 d`.
 * @param {number} seconds
 */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [size, unit] = UNITS.find(([size]) => whole >= 2 * size) ?? [1, "s"];
  return `${Math.floor(whole / size)} ${unit}`;
}

/**
 * Returns a time of the day, with the day where it is another one: `09:03:12`, `30 Nov 09:03`.
 * @param {number} seconds since 1970
 * @param {number} now likewise
 */
export function clock(seconds, now) {
  const [time, today] = [new Date(seconds * 1000), new Date(now * 1000)];
  /** @type {Intl.DateTimeFormatOptions} */
  const hours = { hour: "2-digit", minute: "2-digit", hour12: false };
  return time.toDateString() === today.toDateString()
    ? time.toLocaleTimeString("en-GB", { ...hours, second: "2-digit" })
    : time.toLocaleString("en-GB", { day: "numeric", month: "short", ...hours }).replace(",", "");
}

/**
 * Returns a number with as many digits as somebody reads of it: `0`, `0.042`, `3.4`, `12`.
 * @param {number} value
 */
function digits(value) {
  if (value === 0 || value >= 10) return String(Math.round(value));
  return value >= 1 ? value.toFixed(1) : value >= 0.001 ? String(Number(value.toPrecision(2))) : "0.001";
}

/** @param {number | null | undefined} value */
export const perSecond = (value) => (value == null ? "–" : `${digits(value)}/s`);

/** @param {number | null | undefined} value */
export const percent = (value) => (value == null ? "–" : `${digits(value)} %`);

/** @param {number | null | undefined} seconds */
export const duration = (seconds) =>
  seconds == null ? "–" : seconds < 1 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`;
