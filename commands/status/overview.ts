import { cut, wrapped } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import { type CantTell, EXIT, type NextCommand } from "../outcome";
import type { Commands } from "../typed";
import { clock } from "./clock";
import type { Finding, Overview, Report } from "./report";
import { COLUMNS, countText, LEAST_COLUMNS, MOST_COLUMNS, MOST_REASON, nextTable, painter } from "./screen";
import type { NamedServices } from "./services";

/** The columns of the table, beside the name of the service. */
const COLOR_COLUMNS = 16;
const ANSWER_COLUMNS = 20;
const LEVEL_COLUMNS = 9;

/** The worst comes first: errors of the public, then what is not well, then what can't be told. */
const LEVELS = ["down", "degraded", "unknown", "well"] as const;

/**
 * Puts together how all services of a stack are.
 *
 * @param commands how commands are typed for one of the services.
 */
export function overviewOf(
  { project, stack, time }: Pick<Overview, "project" | "stack" | "time">,
  gateway: NamedServices["gateway"],
  services: Record<string, Report | CantTell>,
  commands: (service: string) => Commands,
): Overview {
  const isDown = gateway !== null && !gateway.running;
  const all = Object.values(services).map((report) => report.level);
  const level = LEVELS.find((each) => all.includes(each) || (each === "down" && isDown)) ?? "well";
  const ill = Object.keys(services).filter((name) => services[name]?.level !== "well");
  const shown = ill.length > 0 ? ill : Object.keys(services).slice(0, 1);
  return {
    exit: { well: EXIT.well, degraded: EXIT.finding, down: EXIT.broken, unknown: EXIT.unknown }[level],
    ...{ level, project, stack, time, gateway, services },
    next: [
      ...(isDown ? [startGateway(gateway.name, commands(""))] : []),
      ...shown.map((name) => ({ purpose: `see all of ${name}`, command: commands(name).status() })),
    ].slice(0, 4),
  };
}

const startGateway = (name: string, { docker }: Commands): NextCommand => ({
  purpose: "start the gateway",
  command: docker("start", name),
});

/** All services of a stack, on one screen of so many columns: a line each, and below what is not as it should be. */
export function overviewScreen(overview: Overview, { colored = false, columns = COLUMNS } = {}): string {
  const paint = painter(colored);
  const width = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns));
  const { project, stack, level, time, services, next } = overview;
  const style = { well: "green", degraded: "yellow", unknown: "yellow", down: "red" } as const;
  const when = clock(new Date(time), true);
  const title = cut(`${plain(project)}, stack ${plain(stack)}: `, width - LEVEL_COLUMNS - when.length);
  const room = " ".repeat(width - title.length - level.length - when.length);
  const nameColumns = width - 2 * COLOR_COLUMNS - ANSWER_COLUMNS - LEVEL_COLUMNS;
  const line = (cells: string[]) =>
    cells
      .map((cell, at) => {
        const most = [nameColumns, COLOR_COLUMNS, COLOR_COLUMNS, ANSWER_COLUMNS][at] ?? LEVEL_COLUMNS;
        return at === cells.length - 1 ? cell : cut(cell, most - 1).padEnd(most);
      })
      .join("");
  return [
    `${paint("strong", title)}${paint(style[level], level)}${room}${paint("faint", when)}`,
    ...problemsOf(overview).flatMap((problem) => {
      const mark = problem.level === "note" ? paint("faint", "-") : paint(style[problem.level], "!");
      return wrapped(cut(plain(problem.text), MOST_REASON), width - 2).map(
        (text, at) => `${at === 0 ? mark : " "} ${text}`,
      );
    }),
    "",
    paint("faint", line(["service", "live", "idle", "last minute", ""]).trimEnd()),
    ...Object.entries(services).map(([name, report]) => line([name, ...cellsOf(report)])),
    ...nextTable(next, paint, width),
  ].join("\n");
}

/** What is not as it should be, with whose it is. */
interface Problem {
  level: Finding["level"] | "unknown";
  text: string;
}

function problemsOf({ gateway, services }: Overview): Problem[] {
  const problems: Problem[] = Object.entries(services).flatMap(([name, report]) => problemsIn(name, report));
  if (gateway !== null && !gateway.running)
    problems.unshift({ level: "down", text: `the gateway ${gateway.name} does not run: it leads to no service` });
  return problems;
}

const problemsIn = (name: string, report: Report | CantTell): Problem[] =>
  report.level === "unknown"
    ? [{ level: report.level, text: `${name}: can't tell: ${report.reason}` }]
    : report.findings.map(({ level, text }) => ({ level, text: `${name}: ${text}` }));

/** What is said of one service in the table. */
function cellsOf(report: Report | CantTell): string[] {
  if (report.level === "unknown") return ["-", "-", "-", report.level];
  const { colors, live, level } = report;
  if (live === null) return ["none", "-", "-", level];
  const idle = live === "blue" ? "green" : "blue";
  const release = (color: typeof idle) => `${color} ${plain(colors[color].version ?? "-")}`;
  return [release(live), release(idle), countText(colors[live].answers), level];
}
