import { cut, wrapped } from "../../stacks/text/columns";
import { printableLine } from "../../stacks/text/plain";
import type { Row, Section } from "./plan/rows";

/** The most columns of a line. */
export const COLUMNS = 80;

/** The widest that the first column gets; a longer key has a line of its own. */
const KEY_COLUMNS = 18;

/** Marks what somebody has to see to. */
const MARK = "!";

/** Returns what became of each key, for a terminal of {@link COLUMNS} columns. */
export function tableOf(sections: readonly Section[]): string {
  const lines = sections.flatMap(({ title, rows }) => [
    "",
    cut(printableLine(title), COLUMNS),
    ...rows.flatMap(rowLines),
  ]);
  const count = sections.flatMap(({ rows }) => rows).filter(({ fate }) => fate === "lost").length;
  const what = count === 1 ? "the line" : `the ${count} lines`;
  const last = count === 0 ? "Everything was taken, or is done by the program." : `See to ${what} with ${MARK}.`;
  return [...lines, "", last].join("\n").trimStart();
}

function rowLines({ key, fate, text }: Row): string[] {
  const mark = fate === "lost" ? MARK : " ";
  const name = printableLine(key);
  const lines = wrapped(printableLine(text), COLUMNS - KEY_COLUMNS - 3);
  const indented = lines.map((line) => `${" ".repeat(KEY_COLUMNS + 3)}${line}`);
  if (name.length <= KEY_COLUMNS) return [`${mark} ${name.padEnd(KEY_COLUMNS)} ${lines[0]}`, ...indented.slice(1)];
  return [...wrapped(name, COLUMNS - 2).map((line, at) => `${at === 0 ? mark : " "} ${line}`), ...indented];
}
