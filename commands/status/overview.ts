import { type Color, other } from "../../stacks/service/color";
import { cut } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import type { CantTell } from "../outcome";
import type { Paint } from "../paint";
import type { Commands } from "../typed";
import type { Page, Problem } from "./page";
import type { Overview, Report } from "./report";
import type { NamedServices } from "./services";
import { EXIT_OF } from "./status";
import { countText } from "./visitors";

/** The columns of the table, beside the name of the service. */
const COLOR_COLUMNS = 16;
const ANSWER_COLUMNS = 20;
const LEVEL_COLUMNS = 9;

/** The worst comes first: errors of the public, then what is not well, then what can't be told. */
const LEVELS = ["down", "degraded", "unknown", "well"] as const;

/**
 * Puts together how all services of a stack are.
 *
 * @param commands how commands are typed for one of the services, or for the stack.
 */
export function overviewOf(
  { project, stack, time }: Pick<Overview, "project" | "stack" | "time">,
  gateway: NamedServices["gateway"],
  services: Record<string, Report | CantTell>,
  commands: (service?: string) => Commands,
): Overview {
  const isDown = gateway !== null && !gateway.running;
  const all = Object.values(services).map((report) => report.level);
  const level = LEVELS.find((each) => all.includes(each) || (each === "down" && isDown)) ?? "well";
  const ill = Object.keys(services).filter((name) => services[name]?.level !== "well");
  const shown = ill.length > 0 ? ill : Object.keys(services).slice(0, 1);
  return {
    exit: EXIT_OF[level],
    ...{ level, project, stack, time, gateway, services },
    next: [
      ...(isDown ? [{ purpose: "start the gateway", command: commands().docker("start", gateway.name) }] : []),
      ...shown.map((name) => ({ purpose: `see all of ${name}`, command: commands(name).status() })),
    ].slice(0, 4),
  };
}

/** How all services of a stack are, a line each. */
export const overviewPage = (overview: Overview): Page => ({
  ...overview,
  findings: problemsOf(overview),
  blocks: (paint, width) => [{ lines: serviceTable(overview, paint, width) }],
});

function serviceTable({ services }: Overview, paint: Paint, width: number): string[] {
  const name = width - 2 * COLOR_COLUMNS - ANSWER_COLUMNS - LEVEL_COLUMNS;
  const widths = [name, COLOR_COLUMNS, COLOR_COLUMNS, ANSWER_COLUMNS];
  const line = (cells: string[], level: string) =>
    [...widths.map((columns, at) => cut(cells[at] ?? "", columns - 1).padEnd(columns)), level].join("").trimEnd();
  return [
    paint("faint", line(["service", "live", "idle", "last minute"], "")),
    ...Object.entries(services).map(([service, report]) => line([service, ...cellsOf(report)], report.level)),
  ];
}

/** Lists the findings of all services, each with the name of its service. */
function problemsOf({ gateway, services }: Overview): Problem[] {
  const problems: Problem[] = Object.entries(services).flatMap(([name, report]) => problemsIn(name, report));
  if (gateway !== null && !gateway.running)
    problems.unshift({
      level: "down",
      text: `the gateway ${gateway.name} does not run: no service can be reached through it`,
    });
  return problems;
}

const problemsIn = (name: string, report: Report | CantTell): Problem[] =>
  report.level === "unknown"
    ? [{ level: report.level, text: `${name}: can't tell: ${report.reason}` }]
    : report.findings.map(({ level, text }) => ({ level, text: `${name}: ${text}` }));

/** What the table says of one service, beside its name and how it is. */
function cellsOf(report: Report | CantTell): string[] {
  if (report.level === "unknown") return ["-", "-", "-"];
  const { colors, live } = report;
  if (live === null) return ["none", "-", "-"];
  const release = (color: Color) => `${color} ${plain(colors[color].version ?? "-")}`;
  return [release(live), release(other(live)), countText(colors[live].answers)];
}
