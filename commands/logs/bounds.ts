import { shown } from "../../stacks/text/plain";
import { CantTellError } from "../outcome";

/** So far the logs are shown where nothing is said. */
export const SINCE = "10m";

/** So many lines can be asked for by `--tail`: they are held. */
const MOST_LINES = 10_000;

/** What Go takes for a span of time. */
const SPAN = /^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/;

/** A date, a date with a time, or both with a zone. */
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:\d\d)?$/;

/** Seconds since 1970. What has fewer digits was not meant as such. */
const SECONDS = /^\d{9,10}(?:\.\d{1,9})?$/;

/**
 * Returns since when the logs are shown, as `docker logs --since` takes it.
 *
 * @throws CantTellError for what it would not take.
 */
export function sinceIn(text: string): string {
  const isDate = DATE.test(text) && !Number.isNaN(Date.parse(text));
  if (SPAN.test(text) || SECONDS.test(text) || isDate) return text;
  const days = /^(\d{1,3})d$/.exec(text)?.[1];
  const instead = days === undefined ? "" : `; ${days} days are ${Number(days) * 24}h`;
  const rule = "it is a span as 10m or 2h, or a time as 2026-11-29T03:00:00Z";
  throw new CantTellError(`--since is ${shown(text)}: ${rule}${instead}`);
}

/**
 * Returns how many of the latest lines are shown.
 *
 * @throws CantTellError for what is no such number.
 */
export function tailIn(text: string): number {
  const lines = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (lines >= 1 && lines <= MOST_LINES) return lines;
  throw new CantTellError(`--tail is ${shown(text)}: it is a number of lines, from 1 to ${MOST_LINES}`);
}
