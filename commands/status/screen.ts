import { COLORS, other } from "../../stacks/service/color";
import { nameOf } from "../../stacks/service/who";
import { cut, listed, wrapped } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import { brokenCommand } from "../../stacks/text/shell";
import type { NextCommand } from "../outcome";
import type { Answers } from "./answers";
import { besideRows } from "./beside";
import { ago, clock } from "./clock";
import type { ColorReport, ContainerReport, Finding, Overview, Report } from "./report";

/** The columns of a line where nobody says how many there are, and the fewest and the most that are made use of. */
export const COLUMNS = 80;
export const LEAST_COLUMNS = 60;
export const MOST_COLUMNS = 120;

/** The columns of a row's name. */
const NAME_COLUMNS = 13;

/** A command has at least so many, or begins below what it is for. */
const COMMAND_COLUMNS = 44;

/** How a terminal shows a word: SGR parameters (ECMA-48). */
const STYLES = { strong: "1", faint: "2", red: "31", green: "32", yellow: "33", blue: "94" } as const;

/** Gives a text a style, or leaves it as it is where there are no colors. */
export type Paint = (style: keyof typeof STYLES, text: string) => string;

/** Returns what gives texts their styles. */
export const painter = (colored: boolean): Paint =>
  colored ? (style, text) => `\u001b[${STYLES[style]}m${text}\u001b[0m` : (_, text) => text;

/** A reason is not cut, unless nobody would read it to its end. */
const MOST_REASON = 600;
const whole = (text: string): string => cut(plain(text), MOST_REASON);

/** What every screen of status says: whose it is and how that is, what is not as it should be, and what to type. */
interface Page extends Pick<Overview, "project" | "stack" | "level" | "time" | "next"> {
  service?: string;
  findings: readonly Problem[];
}

/** One thing that is not as it should be, or that can't be told. */
export interface Problem {
  level: Finding["level"] | "unknown";
  text: string;
}

/** How the output is shown: whether in color, and on how many columns. */
export interface ScreenOptions {
  colored?: boolean;
  columns?: number;
}

/** How a stack is, on one screen of so many columns. Times are the local ones. */
export const screenOf = (report: Report, options: ScreenOptions = {}): string =>
  pageOf(report, options, (paint, width) => [
    ...colorTable(report, paint, width),
    ...besideRows(report.beside).flatMap(([kind, text]) =>
      wrapped(plain(text), width - NAME_COLUMNS).map(
        (line, at) => `${paint("faint", (at === 0 ? kind : "").padEnd(NAME_COLUMNS))}${line}`,
      ),
    ),
    "",
    ...summary(report, width),
    ...historyTable(report, paint, width),
  ]);

/** Puts the rows of a screen between its header and the commands to type. */
export function pageOf(
  page: Page,
  { colored = false, columns = COLUMNS }: ScreenOptions,
  rows: (paint: Paint, width: number) => string[],
): string {
  const paint = painter(colored);
  const width = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns));
  return [
    header(page, paint, width),
    ...page.findings.flatMap(({ level, text }) => {
      const mark = level === "note" ? paint("faint", "-") : paint(LEVEL_STYLE[level], "!");
      return wrapped(whole(text), width - 2).map((line, at) => `${at === 0 ? mark : " "} ${line}`);
    }),
    "",
    ...rows(paint, width),
    ...nextTable(page.next, paint, width),
  ].join("\n");
}

const LEVEL_STYLE = { well: "green", degraded: "yellow", unknown: "yellow", down: "red" } as const;

function header({ project, stack, service, level, time }: Page, paint: Paint, width: number): string {
  const when = clock(new Date(time), true);
  const of = service === undefined ? "" : `, ${service}`;
  const name = cut(`${plain(project)}, stack ${plain(stack)}${of}: `, width - 10 - when.length);
  const room = width - name.length - level.length - when.length;
  return `${paint("strong", name)}${paint(LEVEL_STYLE[level], level)}${" ".repeat(room)}${paint("faint", when)}`;
}

function colorTable({ colors, time, traffic }: Report, paint: Paint, width: number): string[] {
  const now = new Date(time);
  const room = Math.floor((width - NAME_COLUMNS - 2) / 2) - 1;
  const line = (name: string, cells: string[]) =>
    `${paint("faint", name.padEnd(NAME_COLUMNS))}${cells
      .map((cell) => cell.padEnd(room))
      .join("  ")
      .trimEnd()}`;
  const row = (name: string, of: (color: ColorReport) => string) =>
    line(
      name,
      COLORS.map((color) => cut(plain(of(colors[color])), room)),
    );
  const role = COLORS.map((color) => wrapped(roleText(colors[color]), room));
  const names = COLORS.map((color) => paint(color, color) + " ".repeat(room - color.length));
  return [
    `${" ".repeat(NAME_COLUMNS)}${names.join("  ").trimEnd()}`,
    row("version", ({ version }) => version ?? "-"),
    row("image", ({ image }) => (image === null ? "-" : imageText(image))),
    row("container", ({ containers: [first, ...more] }) =>
      first === undefined ? "none" : `${first.name}${more.length === 0 ? "" : ` and ${more.length} more`}`,
    ),
    row("health", healthOf),
    row("since", ({ containers }) => {
      const since = latest(containers);
      return since === undefined ? "-" : `${clock(new Date(since), false, now)}, ${ago(since, now)}`;
    }),
    row("restarts", ({ containers }) =>
      containers.length === 0 ? "-" : String(containers.reduce((sum, { restarts }) => sum + restarts, 0)),
    ),
    ...(traffic === null
      ? []
      : [
          row(`last ${traffic.seconds} s`, ({ answers }) => countText(answers)),
          row("5xx, 95 % in", ({ answers }) => qualityText(answers)),
        ]),
    ...Array.from({ length: Math.max(...role.map(({ length }) => length)) }, (_, at) =>
      line(
        at === 0 ? "role" : "",
        role.map((lines) => lines[at] ?? ""),
      ),
    ),
  ];
}

export const countText = (answers: Answers | null): string =>
  answers === null ? "-" : answers.count === 0 ? "no answers" : `${answers.count} answers, ${answers.perSecond}/s`;

function qualityText(answers: Answers | null): string {
  if (answers === null || answers.count === 0) return "-";
  const { errors, errorPercent, p95Seconds } = answers;
  return `${errors} (${errorPercent} %)${p95Seconds === null ? "" : `, ${p95Seconds.toFixed(3)} s`}`;
}

function imageText({ id, reference, source }: NonNullable<ColorReport["image"]>): string {
  const from = reference ?? (source === null ? "of unknown origin" : `app/ at ${source}`);
  return `${id.slice(0, 12)}, ${from}`;
}

/** When the last one of a color's containers began to run, or ended. */
const latest = (containers: ContainerReport[]): string | undefined =>
  containers
    .flatMap(({ since }) => since ?? [])
    .sort((a, b) => Date.parse(a) - Date.parse(b))
    .at(-1);

/** How a color's containers are: those that are not well first, and how many are. */
function healthOf({ containers, missing, retired }: ColorReport): string {
  if (containers.length === 0) return "-";
  const all = containers.length + missing.length;
  const well = containers.filter(({ problem }) => problem === null);
  const [ill] = containers.filter(({ problem }) => problem !== null);
  if (ill === undefined && missing.length === 0) {
    const stopped = retired === "stopped" && containers.every(({ state }) => state === "exited");
    const unasked = containers.some(({ state, health }) => state === "running" && health === null);
    const word = stopped ? "stopped" : unasked ? "running, not asked" : "healthy";
    return all === 1 ? word : `${all} ${word}`;
  }
  const worst = ill === undefined ? `${missing[0]} is gone` : healthText(ill);
  return all === 1 ? worst : `${well.length} of ${all} healthy; ${worst}`;
}

function healthText({ state, health, problem }: ContainerReport): string {
  if (problem === null) return "healthy";
  // Docker's word where it is more than `running`.
  return state === "running"
    ? health === "unhealthy"
      ? problem.replace(/^is /, "")
      : problem
    : `${state}: ${problem}`;
}

function roleText({ role, stable, instant, retired, wasLive }: ColorReport): string {
  if (role === null) return "-";
  if (role === "live") return stable ? "live, stable" : "live, not stable";
  if (retired !== null) return `idle, ${retired}: the way to it brings it up`;
  if (instant) return "idle, stable: the way to it is instant";
  if (stable) return "idle, stable";
  const was = { never: "never live", reverted: "taken back", yes: "made again since it was live" }[wasLive];
  return `idle, ${was}: a switch will be checked and watched`;
}

/** Who is active, live and stable; what nginx says; what a color does not run yet. */
function summary({ active, live, stable, agree, colors, proxy, pending, traffic }: Report, width: number): string[] {
  const served =
    live === null ? "what is live and stable can't be read" : `live ${live}, stable ${stable.join(" and ") || "none"}`;
  const agreement = live === null ? "" : agree ? ": they agree" : ": they do not agree";
  const generation = proxy.generation === null ? "" : `, configuration ${plain(proxy.generation)}`;
  const seen = plain(proxy.health?.seen ?? "") || "not asked";
  const asked = live === null ? "" : `; ${live}'s health path through it: ${seen}`;
  const state = !proxy.exists
    ? "is gone"
    : !proxy.running
      ? "does not run"
      : proxy.answers
        ? "answers"
        : "does not answer";
  const lines = [`active ${active ?? "none"}, ${served}${agreement}`, `nginx ${state}${generation}${asked}`];
  if (live !== null && proxy.canaryPercent)
    lines.push(`${other(live)} gets ${proxy.canaryPercent} % of the new visitors`);
  if (pending !== null) {
    const start = `${pending.color} has not taken yet: `;
    const end = pending.color === live ? "; it will once it is idle" : "; it will with the next pulumi up";
    lines.push(
      `${start}${listed(pending.settings.map(plain), Math.max(40, width - 2 - start.length - end.length))}${end}`,
    );
  } else if (COLORS.every((color) => colors[color].containers.length > 0)) {
    lines.push("both colors run the same settings");
  }
  if (traffic?.sample === true)
    lines.push(`of the last minute's answers the latest were read, those of ${traffic.seconds} s`);
  return lines.flatMap((line) => wrapped(line, width - 4).map((part, at) => `${at === 0 ? "  " : "    "}${part}`));
}

function historyTable({ history, live, time: asked }: Report, paint: Paint, screen: number): string[] {
  if (history.length === 0) return live === null ? [] : ["", paint("strong", "No cutovers are known")];
  const now = new Date(asked);
  const rows = history.map(({ time, result, from, to, versions, seconds, requests, canaryPercent, reason, who }) => ({
    when: time === null ? "?" : clock(new Date(time), false, now),
    result: cut(plain(result), 11),
    move: moveText(from, to, versions),
    took: seconds === null ? "-" : cut(`${seconds} s`, 8),
    watched: requests === null ? "-" : cut(String(requests), 8),
    who: cut(plain(nameOf(who)), 18),
    reason: whole(reason ?? shareText(result, to, canaryPercent)),
  }));
  const titles = {
    when: "when",
    result: "result",
    move: "from -> to",
    took: "took",
    watched: "watched",
    who: "who",
    reason: "reason",
  };
  const table = [titles, ...rows];
  // Lines of an older version of this program name nobody.
  const named = rows.some(({ who }) => who !== "");
  const width = (key: keyof typeof titles) => Math.max(...table.map((row) => row[key].length));
  const lines = table.map((row) => {
    const facts = [
      `  ${row.when.padEnd(width("when"))}`,
      row.result.padEnd(width("result")),
      row.move.padEnd(width("move")),
      row.took.padStart(width("took")),
      row.watched.padStart(width("watched")),
      ...(named ? [row.who.padEnd(width("who"))] : []),
    ].join("  ");
    const line = `${facts}  ${row.reason}`.trimEnd();
    if (line.length <= screen) return [line];
    // A reason that has no room beside them is told whole below.
    const room = screen - REASON_INDENT.length;
    return [cut(facts, screen), ...wrapped(row.reason, room).map((line) => `${REASON_INDENT}${line}`)];
  });
  const [heads = [], ...cutovers] = lines;
  return ["", paint("strong", "Last cutovers"), ...heads.map((line) => paint("faint", line)), ...cutovers.flat()];
}

const REASON_INDENT = " ".repeat(6);

function moveText(from: string | null, to: string, versions: Record<string, string>): string {
  const named = (color: string) => cut(plain(`${color} ${Object.hasOwn(versions, color) ? versions[color] : ""}`), 18);
  return from === null || from === to ? named(to) : `${named(from)} -> ${named(to)}`;
}

/** What a canary did: it moved nobody who was there already. */
function shareText(result: string, to: string, percent: number | null): string {
  const idle = COLORS.find((color) => color !== to);
  return result === "canary" && percent !== null ? `${idle} got ${percent} % of the new visitors` : "";
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
