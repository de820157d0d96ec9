import { COLORS, other } from "../../stacks/service/color";
import { cut, listed, wrapped } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import type { Paint } from "../paint";
import type { Answers } from "./answers";
import { besideRows } from "./beside";
import type { Block } from "./blocks";
import { ago, clock } from "./clock";
import { historyTable } from "./cutovers";
import { hostTable } from "./hostTable";
import { overviewPage } from "./overview";
import { linesOf, type Page, type ScreenOptions } from "./page";
import type { ColorReport, ContainerReport, HostReport, Overview, Report } from "./report";
import { countText } from "./visitors";

/** The columns of a row's name. */
const NAME_COLUMNS = 13;

/** How a stack, or all of its services, are: on one screen. Times are the local ones. */
export const screenOf = (status: Report | Overview, options: ScreenOptions = {}): string =>
  linesOf(pageOf(status), options).join("\n");

/** Returns what the screen shows. */
export const pageOf = (status: Report | Overview): Page =>
  "services" in status ? overviewPage(status) : { ...status, blocks: (paint, width) => blocksOf(status, paint, width) };

function blocksOf(report: Report, paint: Paint, width: number): Block[] {
  const beside = besideRows(report.beside).flatMap(([kind, text]) =>
    wrapped(plain(text), width - NAME_COLUMNS).map(
      (line, at) => `${paint("faint", (at === 0 ? kind : "").padEnd(NAME_COLUMNS))}${line}`,
    ),
  );
  const details = [...colorTable(report, paint, width), ...beside];
  const said = ["", ...summary(report, width)];
  const host = shownHost(report);
  const blocks =
    host === undefined
      ? [{ lines: [...details, ...said] }]
      : [
          { lines: [...hostTable(report, paint, width), ""] },
          // The colors, their versions and their health.
          { lines: details, spare: { name: `details of ${host.name}`, least: 3 } },
          { lines: said },
        ];
  return [
    ...blocks,
    // An empty line, its title, the columns' names and one cutover.
    { lines: historyTable(report, paint, width), spare: { name: "last cutovers", least: 4 } },
  ];
}

/** The host that all else is of, where there are several. */
const shownHost = ({ hosts = [] }: Report): HostReport | undefined => hosts.find(({ reason }) => reason === null);

function colorTable(report: Report, paint: Paint, width: number): string[] {
  const { colors, time, traffic, live } = report;
  const host = shownHost(report);
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
  const corner =
    host === undefined
      ? " ".repeat(NAME_COLUMNS)
      : paint("faint", cut(`on ${host.name}`, NAME_COLUMNS - 1).padEnd(NAME_COLUMNS));
  const names = COLORS.map((color) => paint(color, color) + " ".repeat(room - color.length));
  const version = row("version", ({ version }) => version ?? "-");
  const image = row("image", ({ image }) => (image === null ? "-" : imageText(image)));
  const container = row("container", ({ containers: [first, ...more] }) =>
    first === undefined ? "none" : `${first.name}${more.length === 0 ? "" : ` and ${more.length} more`}`,
  );
  const health = row("health", healthOf);
  const since = row("since", ({ containers }) => {
    const since = latest(containers);
    return since === undefined ? "-" : `${clock(new Date(since), false, now)}, ${ago(since, now)}`;
  });
  const restarts = row("restarts", ({ containers }) =>
    containers.length === 0 ? "-" : String(containers.reduce((sum, { restarts }) => sum + restarts, 0)),
  );
  // The hosts' own lines have that of the live color.
  const isTold = host !== undefined && live !== null && !colors[other(live)].answers?.count;
  const answers =
    traffic === null || isTold
      ? []
      : [
          row(`last ${traffic.seconds} s`, ({ answers }) => countText(answers)),
          row("5xx, 95 % in", ({ answers }) => qualityText(answers)),
        ];
  const roles = Array.from({ length: Math.max(...role.map(({ length }) => length)) }, (_, at) =>
    line(
      at === 0 ? "role" : "",
      role.map((lines) => lines[at] ?? ""),
    ),
  );
  return [
    `${corner}${names.join("  ").trimEnd()}`,
    ...(host === undefined
      ? [version, image, container, health, since, restarts, ...answers, ...roles]
      : // The last ones are left out first where there is no room.
        [version, health, ...roles, since, ...answers, container, image, restarts]),
  ];
}

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
function summary(report: Report, width: number): string[] {
  const { active, live, stable, agree, colors, proxy, pending, traffic, hosts = [] } = report;
  const everywhere = hosts.length === 0 ? "" : ` on all ${hosts.length} hosts`;
  const served =
    live === null ? "what is live and stable can't be read" : `live ${live}, stable ${stable.join(" and ") || "none"}`;
  const agreement = live === null ? "" : agree ? `: they agree${everywhere}` : ": they do not agree";
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
