import { cut, wrapped } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import { brokenCommand } from "../../stacks/text/shell";
import type { NextCommand } from "../outcome";
import { type Paint, painter } from "../paint";
import { type Block, fitted } from "./blocks";
import { clock } from "./clock";
import type { Finding, Overview } from "./report";

/** The columns of a line where nobody says how many there are, and the fewest and the most that are made use of. */
export const COLUMNS = 80;
export const LEAST_COLUMNS = 60;
export const MOST_COLUMNS = 120;

/** A command has at least so many, or begins below what it is for. */
const COMMAND_COLUMNS = 44;

/** A reason is not cut, unless nobody would read it to its end. */
const MOST_REASON = 600;
export const whole = (text: string): string => cut(plain(text), MOST_REASON);

/** What every screen of status shows: whose it is and how that is, what is not as it should be, and what to type. */
export interface Page extends Pick<Overview, "project" | "stack" | "level" | "time" | "next"> {
  service?: string;
  findings: readonly Problem[];
  /** What stands between the findings and the commands to type, on lines of so many columns. */
  blocks: (paint: Paint, width: number) => Block[];
}

/** One thing that is not as it should be, or that can't be told. */
export interface Problem {
  level: Finding["level"] | "unknown";
  text: string;
}

/** How the output is shown: whether in color, on how many columns, and on how many lines at most. */
export interface ScreenOptions {
  colored?: boolean;
  columns?: number;
  rows?: number;
}

/** Returns a page's lines. With `rows` none is longer than the columns, and what has no room is named in the last one. */
export function linesOf(page: Page, { colored = false, columns = COLUMNS, rows }: ScreenOptions): string[] {
  const paint = painter(colored);
  const width = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns));
  const findings = page.findings.flatMap(({ level, text }) => {
    const mark = level === "note" ? paint("faint", "-") : paint(LEVEL_STYLE[level], "!");
    return wrapped(whole(text), width - 2).map((line, at) => `${at === 0 ? mark : " "} ${line}`);
  });
  const blocks: Block[] = [
    { lines: [header(page, paint, width), ...findings, ""] },
    ...page.blocks(paint, width),
    { lines: nextTable(page.next, paint, width) },
  ];
  return rows === undefined
    ? blocks.flatMap(({ lines }) => lines)
    : fitted(blocks, { columns, rows, least: LEAST_COLUMNS });
}

const LEVEL_STYLE = { well: "green", degraded: "yellow", unknown: "yellow", down: "red" } as const;

function header({ project, stack, service, level, time }: Page, paint: Paint, width: number): string {
  const when = clock(new Date(time), true);
  const of = service === undefined ? "" : `, ${service}`;
  const name = cut(`${plain(project)}, stack ${plain(stack)}${of}: `, width - 10 - when.length);
  const room = width - name.length - level.length - when.length;
  return `${paint("strong", name)}${paint(LEVEL_STYLE[level], level)}${" ".repeat(room)}${paint("faint", when)}`;
}

function nextTable(next: NextCommand[], paint: Paint, screen: number): string[] {
  if (next.length === 0) return [];
  const width = Math.max(...next.map(({ purpose }) => purpose.length));
  const below = screen - width - 4 < COMMAND_COLUMNS;
  const indent = " ".repeat(below ? 6 : width + 4);
  return [
    "",
    paint("strong", "Next"),
    ...next.flatMap(({ purpose, command }) => {
      const lines = brokenCommand(plain(command), screen - indent.length);
      if (below) return [`  ${paint("faint", purpose)}`, ...lines.map((line) => `${indent}${line}`)];
      return lines.map((line, i) => `${i === 0 ? `  ${paint("faint", purpose.padEnd(width))}  ` : indent}${line}`);
    }),
  ];
}
