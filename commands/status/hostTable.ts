import { cut } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import type { Paint } from "../paint";
import { clock } from "./clock";
import type { HostReport, Report } from "./report";
import { countText } from "./visitors";

/** The columns between two of a table. */
const GAP = "  ";

/** A release, and a count of answers, has at most so many columns. */
const MOST_COLUMNS = 20;

/** How a stack's hosts are, a line each; nothing where it has one alone. Columns that have no room are left out. */
export function hostTable({ hosts = [], time }: Report, paint: Paint, width: number): string[] {
  if (hosts.length === 0) return [];
  const now = new Date(time);
  const columns: { title: string; of: (host: HostReport) => string; isSpare?: true }[] = [
    { title: "host", of: ({ name }) => name },
    { title: "live", of: ({ live, version }) => [live ?? "-", plain(version ?? "")].join(" ").trim() },
    { title: "since", of: ({ since }) => (since === null ? "-" : clock(new Date(since), false, now)), isSpare: true },
    { title: "last minute", of: ({ answers }) => countText(answers), isSpare: true },
    { title: "5xx", of: ({ answers }) => errorsText(answers), isSpare: true },
    { title: "", of: stateOf },
  ];
  const cells = columns.map(({ title, of, isSpare = false }) => {
    const texts = [title, ...hosts.map(of)].map((text) => cut(text, MOST_COLUMNS));
    return { texts, isSpare, columns: Math.max(...texts.map(({ length }) => length)) };
  });
  const needed = () => cells.reduce((sum, { columns }) => sum + columns, GAP.length * (cells.length - 1));
  while (needed() > width && cells.some(({ isSpare }) => isSpare))
    cells.splice(
      cells.findLastIndex((c) => c.isSpare),
      1,
    );
  const [titles = "", ...lines] = [undefined, ...hosts].map((_, at) =>
    cut(
      cells
        .map(({ texts, columns }) => (texts[at] ?? "").padEnd(columns))
        .join(GAP)
        .trimEnd(),
      width,
    ),
  );
  return [paint("faint", titles), ...lines];
}

const errorsText = (answers: HostReport["answers"]): string =>
  answers === null || answers.count === 0 ? "-" : `${answers.errors} (${answers.errorPercent} %)`;

/** How a host is, and whether it agrees with the others. */
function stateOf({ level, agrees }: HostReport): string {
  const word = level === "unknown" ? "can't tell" : level;
  return agrees === null ? word : `${word}, ${agrees ? "agrees" : "differs"}`;
}
