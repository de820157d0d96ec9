import { wrapped } from "../../stacks/text/columns";
import { type CantTell, cantTellScreen } from "../outcome";
import { ago, clock } from "./clock";
import { linesOf, type Page, type ScreenOptions } from "./page";
import type { Overview, Report, Status } from "./report";
import { pageOf } from "./screen";

/** What a screen that is drawn over and over shows. */
export interface Picture {
  /** How the stack was when that could be told the last time; undefined as long as it never could. */
  last?: Report | Overview;
  /** Why that can't be told now. */
  problem?: CantTell;
}

/** Returns the picture after another reading: of one that tells nothing the last picture stays, marked as old. */
export const pictureAfter = ({ last }: Picture, status: Status): Picture =>
  "reason" in status ? { ...(last && { last }), problem: status } : { last: status };

/** Returns the picture's lines. */
export function pictureLines({ last, problem }: Picture, now: Date, options: ScreenOptions): string[] {
  if (last !== undefined) return linesOf(problem === undefined ? pageOf(last) : oldPage(last, problem, now), options);
  if (problem === undefined) return [];
  const { columns = Number.POSITIVE_INFINITY, rows } = options;
  const text = `${cantTellScreen(problem)}\nIt is asked again until it can be told; Ctrl-C ends this.`;
  return text
    .split("\n")
    .flatMap((line) => wrapped(line, columns))
    .slice(0, rows);
}

/** A page that can't be read again: it says so first, since when, and what to type about that. */
function oldPage(last: Report | Overview, { reason, next }: CantTell, now: Date): Page {
  const page = pageOf(last);
  const old = `can't tell how it is now; this is how it was ${ago(last.time, now)} ago, at ${clock(new Date(last.time), true)}`;
  return {
    ...page,
    level: "unknown",
    findings: [{ level: "unknown", text: old }, { level: "unknown", text: reason }, ...page.findings],
    next,
  };
}
