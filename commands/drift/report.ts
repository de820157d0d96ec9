import type { Row } from "./row";

/** What was compared and found, as `--json` prints it. */
export interface Report {
  exit: 0 | 1;
  project: string;
  stack: string;
  /** The one service that was looked at, where one was named. */
  service?: string;
  /** When it was looked at; ISO 8601, UTC. */
  time: string;
  differences: Difference[];
  /** The commands that `--fix` runs. */
  fix: string[];
  /** What is left to people. */
  byHand: ByHand[];
}

/** One row of the table. */
export interface Difference {
  resource: string;
  what: string;
  /** Null where nothing is declared. */
  declared: string | null;
  /** Null where nothing runs. */
  runs: string | null;
  /** `--fix`, or `by hand` with the number of what is to be done. */
  mendedBy: string;
}

/** What `--fix` does not do. */
export interface ByHand {
  why: string;
  command: string;
}

/** Rows with what mends each. */
export const differencesOf = (rows: readonly Row[], left: readonly { rows: readonly Row[] }[]): Difference[] =>
  rows.map((row) => {
    const at = left.findIndex((one) => one.rows.includes(row));
    const { resource, what, declared = null, runs = null } = row;
    return { resource, what, declared, runs, mendedBy: at < 0 ? "--fix" : `by hand (${at + 1})` };
  });
