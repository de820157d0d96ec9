import { objectIn } from "../../stacks/text/json";
import { shown } from "../../stacks/text/plain";
import { CantTellError } from "../outcome";

/** Statuses of answers, from the first to the last one. */
export interface StatusRange {
  first: number;
  last: number;
}

const LEAST = 100;
const MOST = 599;

/**
 * Returns the statuses that `502`, `5xx` or `500-504` stands for.
 *
 * @throws CantTellError for what is none of these.
 */
export function statusRange(text: string): StatusRange {
  const [, hundreds] = /^([1-5])xx$/i.exec(text) ?? [];
  if (hundreds !== undefined) return { first: Number(hundreds) * 100, last: Number(hundreds) * 100 + 99 };
  const [, from, to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(text) ?? [];
  const range = { first: Number(from), last: Number(to) };
  if (range.first >= LEAST && range.last <= MOST && range.first <= range.last) return range;
  throw new CantTellError(`--status is ${shown(text)}: statuses are named as 502, 5xx or 500-504`);
}

/** A line of the access log has it between quotes that nothing a client sends can write there. */
const STATUS = /"status":(\d{3})\b/;

/** Reports whether a line of the proxy's log tells of an answer with such a status, and from the color where one is named. */
export function isAnswer(line: string, { first, last }: StatusRange, from?: string): boolean {
  // Most lines are none of those that are looked for: only the others are read in full.
  const seen = Number(STATUS.exec(line)?.[1]);
  if (!(seen >= first && seen <= last)) return false;
  const { status, color } = objectIn(line) ?? {};
  return typeof status === "number" && status >= first && status <= last && (from === undefined || color === from);
}
