import { COLORS, other } from "../stacks/color";
import { nameOf } from "./history";
import { cut, listed, plain } from "./plainText";
import type { CantTell, ColorReport, ContainerReport, NextCommand, Report } from "./report";

/** The most columns of a line. */
export const COLUMNS = 110;

/** The columns of a row's name, and of what stands there for each color. */
const NAME_COLUMNS = 13;
const COLOR_COLUMNS = Math.floor((COLUMNS - NAME_COLUMNS - 2) / 2) - 1;

/** How a terminal shows a word: SGR parameters (ECMA-48). */
const STYLES = { strong: "1", faint: "2", red: "31", green: "32", yellow: "33", blue: "94" } as const;

type Paint = (style: keyof typeof STYLES, text: string) => string;

/** Marks text for a terminal, or leaves it as it is. */
const painter = (colored: boolean): Paint =>
  colored ? (style, text) => `\u001b[${STYLES[style]}m${text}\u001b[0m` : (_, text) => text;

/** How a stack is, on one screen. Times are the local ones. */
export function screenOf(report: Report, { colored = false } = {}): string {
  const paint = painter(colored);
  return [
    ...header(report, paint),
    ...report.findings.map(({ level, text }) => {
      const mark = level === "note" ? paint("faint", "-") : paint(level === "down" ? "red" : "yellow", "!");
      return `${mark} ${cut(plain(text), COLUMNS - 2)}`;
    }),
    "",
    ...colorTable(report, paint),
    "",
    ...summary(report),
    ...historyTable(report, paint),
    ...nextTable(report.next, paint),
  ].join("\n");
}

/** Why nothing can be said, and what to type. */
export const cantTellScreen = ({ reason, next }: CantTell): string =>
  [
    `Can't tell: ${plain(reason)}`,
    ...next.map(({ purpose, command }) => `Next, to ${purpose}: ${plain(command)}`),
  ].join("\n");

function header({ project, stack, level, time }: Report, paint: Paint): string[] {
  const when = clock(new Date(time), true);
  const name = cut(`${plain(project)}, stack ${plain(stack)}: `, COLUMNS - 10 - when.length);
  const style = { well: "green", degraded: "yellow", down: "red" } as const;
  const room = COLUMNS - name.length - level.length - when.length;
  return [`${paint("strong", name)}${paint(style[level], level)}${" ".repeat(room)}${paint("faint", when)}`];
}

function colorTable({ colors, time }: Report, paint: Paint): string[] {
  const now = new Date(time);
  const row = (name: string, of: (color: ColorReport) => string) => {
    const cells = COLORS.map((color) => cut(plain(of(colors[color])), COLOR_COLUMNS).padEnd(COLOR_COLUMNS));
    return `${paint("faint", name.padEnd(NAME_COLUMNS))}${cells.join("  ").trimEnd()}`;
  };
  const names = COLORS.map((color) => paint(color, color) + " ".repeat(COLOR_COLUMNS - color.length));
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
    row("role", roleText),
  ];
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
    const word = retired === "stopped" && containers.every(({ state }) => state === "exited") ? "stopped" : "healthy";
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

function roleText({ role, stable, instant, retired }: ColorReport): string {
  if (role === null) return "-";
  if (role === "live") return stable ? "live, stable" : "live, not stable";
  if (retired !== null) return `idle, ${retired}: the way to it brings it up`;
  if (instant) return "idle, stable: the way to it is instant";
  return stable ? "idle, stable" : "idle, not stable";
}

/** Who is active, live and stable; what nginx says; what a color does not run yet. */
function summary({ active, live, stable, agree, colors, proxy, pending }: Report): string[] {
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
    lines.push(`${start}${listed(pending.settings.map(plain), COLUMNS - 2 - start.length - end.length)}${end}`);
  } else if (COLORS.every((color) => colors[color].containers.length > 0)) {
    lines.push("both colors run the same settings");
  }
  return lines.map((line) => `  ${cut(line, COLUMNS - 2)}`);
}

function historyTable({ history, live, time: asked }: Report, paint: Paint): string[] {
  if (history.length === 0) return live === null ? [] : ["", paint("strong", "No cutovers are known")];
  const now = new Date(asked);
  const rows = history.map(({ time, result, from, to, versions, seconds, requests, canaryPercent, reason, who }) => ({
    when: time === null ? "?" : clock(new Date(time), false, now),
    result: cut(plain(result), 11),
    move: moveText(from, to, versions),
    took: seconds === null ? "-" : cut(`${seconds} s`, 8),
    watched: requests === null ? "-" : cut(String(requests), 8),
    who: cut(plain(nameOf(who)), 18),
    reason: plain(reason ?? shareText(result, to, canaryPercent)),
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
  const lines = table.map((row) =>
    cut(
      [
        `  ${row.when.padEnd(width("when"))}`,
        row.result.padEnd(width("result")),
        row.move.padEnd(width("move")),
        row.took.padStart(width("took")),
        row.watched.padStart(width("watched")),
        ...(named ? [row.who.padEnd(width("who"))] : []),
        row.reason,
      ]
        .join("  ")
        .trimEnd(),
      COLUMNS,
    ),
  );
  return ["", paint("strong", "Last cutovers"), paint("faint", lines[0] ?? ""), ...lines.slice(1)];
}

function moveText(from: string | null, to: string, versions: Record<string, string>): string {
  const named = (color: string) => cut(plain(`${color} ${Object.hasOwn(versions, color) ? versions[color] : ""}`), 18);
  return from === null || from === to ? named(to) : `${named(from)} -> ${named(to)}`;
}

/** What a canary did: it moved nobody who was there already. */
function shareText(result: string, to: string, percent: number | null): string {
  const idle = COLORS.find((color) => color !== to);
  return result === "canary" && percent !== null ? `${idle} got ${percent} % of the new visitors` : "";
}

function nextTable(next: NextCommand[], paint: Paint): string[] {
  if (next.length === 0) return [];
  const width = Math.max(...next.map(({ purpose }) => purpose.length));
  const indent = " ".repeat(width + 4);
  return [
    "",
    paint("strong", "Next"),
    ...next.flatMap(({ purpose, command }) => {
      const lines = broken(plain(command), COLUMNS - indent.length);
      return lines.map((line, i) => `${i === 0 ? `  ${paint("faint", purpose.padEnd(width))}  ` : indent}${line}`);
    }),
  ];
}

/** A command over several lines so that it can be pasted still: broken after `&&`, or else after a word. */
function broken(command: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = command;
  while (rest.length > columns) {
    const and = rest.lastIndexOf(" && ", columns - 3);
    const word = rest.lastIndexOf(" ", columns - 2);
    if (and > 0) {
      lines.push(rest.slice(0, and + 3));
      rest = rest.slice(and + 4);
    } else if (word > 0) {
      lines.push(`${rest.slice(0, word)} \\`);
      rest = rest.slice(word + 1);
    } else break;
  }
  return [...lines, rest];
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `23 Nov 17:48`, in local time; of another year `23 Nov 2025`. */
function clock(time: Date, seconds: boolean, now = time): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${String(time.getDate()).padStart(2)} ${MONTHS[time.getMonth()]}`;
  if (time.getFullYear() !== now.getFullYear()) return `${day} ${String(time.getFullYear()).padStart(5)}`.slice(0, 12);
  const end = seconds ? `:${two(time.getSeconds())}` : "";
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}${end}`;
}

/** How long ago that was, in one unit. */
function ago(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  const [size, unit] = (
    [
      [86_400, "d"],
      [3600, "h"],
      [60, "min"],
      [1, "s"],
    ] as const
  ).find(([least]) => seconds >= least * 2) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}
