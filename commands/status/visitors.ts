import type { Color } from "../../stacks/service/color";
import type { Answers } from "./answers";
import type { Known } from "./findings";

/** A lone error or two are no share of anything. */
const LEAST = 3;

/** More clients than that do not leave by chance; pages that are waited for on purpose, as in long polling, have some. */
const MOST_UNANSWERED_PERCENT = 10;

type Judged = Pick<Known, "colors" | "traffic" | "limits">;

/** That visitors get more errors of a color than the stack's own settings put up with; undefined where they don't. */
export function tooManyErrors(known: Judged, color: Color): string | undefined {
  const { maxErrorPercent = Number.POSITIVE_INFINITY } = known.limits;
  const { count, errors, errorPercent } = answersOf(known, color);
  if (errors < LEAST || errorPercent <= maxErrorPercent) return undefined;
  const share = `${shown(errorPercent)} %; maxErrorPercent ${maxErrorPercent}`;
  return `${color} answered ${errors} of ${count} requests with 5xx in the last ${within(known)} (${share})`;
}

/** That clients waited for a color and left without an answer; `most` where half of them did. */
export function unanswered(known: Judged, color: Color): { text: string; most: boolean } | undefined {
  const { count, unanswered: left } = answersOf(known, color);
  if (left < LEAST || (100 * left) / count <= MOST_UNANSWERED_PERCENT) return undefined;
  const text = `${color} left ${left} of ${count} requests without an answer in the last ${within(known)}: their clients gave up after 1 s or more`;
  return { text, most: left >= count / 2 };
}

/** That a color is slower than the stack's own settings put up with. */
export function tooSlow(known: Judged, color: Color): string | undefined {
  const { maxP95Seconds = Number.POSITIVE_INFINITY } = known.limits;
  const { count, p95Seconds } = answersOf(known, color);
  if (count < LEAST || p95Seconds === null || p95Seconds <= maxP95Seconds) return undefined;
  return `${color} took ${p95Seconds.toFixed(3)} s for 95 % of its answers in the last ${within(known)} (maxP95Seconds ${maxP95Seconds})`;
}

const NONE: Answers = { count: 0, perSecond: 0, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: null };

const answersOf = ({ colors }: Judged, color: Color): Answers => colors[color].answers ?? NONE;

/** The time that the answers are of, in words that go on from "the last". */
const within = ({ traffic }: Judged): string =>
  traffic?.sample === true ? `${traffic.seconds} s, the latest that were read` : `${traffic?.seconds ?? 0} s`;

const shown = (percent: number): string => percent.toFixed(percent < 10 ? 2 : 0);

/** What a table says of a color's answers; a dash where they could not be read. */
export const countText = (answers: Answers | null): string =>
  answers === null ? "-" : answers.count === 0 ? "no answers" : `${answers.count} answers, ${answers.perSecond}/s`;
