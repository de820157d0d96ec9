import { cut } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import type { Difference, Report } from "./report";

/** The most columns of a line of the table. */
export const COLUMNS = 100;

const TITLES: Record<keyof Difference, string> = {
  resource: "resource",
  what: "what",
  declared: "declared",
  runs: "runs",
  mendedBy: "mended by",
};

const KEYS = Object.keys(TITLES) as (keyof Difference)[];

/** What was found, for a terminal of {@link COLUMNS} columns; the table is Markdown's, so that it can be pasted into an issue. */
export function screenOf(report: Report, fixIt: string): string {
  const { project, stack, differences, fix, byHand } = report;
  const name = `${plain(project)}, stack ${plain(stack)}`;
  if (differences.length === 0) return `${name}: what runs is what is declared`;
  const count = differences.length === 1 ? "1 difference" : `${differences.length} differences`;
  return [
    `${name}: ${count} between what is declared and what runs`,
    "",
    ...table(differences),
    ...(fix.length === 0
      ? []
      : ["", `\`${plain(fixIt)}\` runs:`, "", ...fix.map((command) => `    ${plain(command)}`)]),
    ...byHand.flatMap(({ why, command }, at) => [
      "",
      `By hand (${at + 1}): ${plain(why)}`,
      "",
      `    ${plain(command)}`,
    ]),
  ].join("\n");
}

function table(differences: readonly Difference[]): string[] {
  // A bar would end the cell.
  const cells = [TITLES, ...differences].map((row) => KEYS.map((key) => plain(row[key] ?? "-").replaceAll("|", "/")));
  const widths = fitted(KEYS.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0))));
  const line = (texts: string[]) =>
    `| ${texts.map((text, at) => cut(text, widths[at] ?? 0).padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [titles = [], ...rows] = cells;
  return [line(titles), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

/** Widths that leave the line within {@link COLUMNS}: the widest columns give way. */
function fitted(natural: number[]): number[] {
  // `| `, ` | ` between, ` |`.
  const room = COLUMNS - 3 * natural.length - 1;
  let most = Math.max(...natural);
  const limited = () => natural.map((width) => Math.min(width, most));
  while (limited().reduce((sum, width) => sum + width, 0) > room) most -= 1;
  return limited();
}
