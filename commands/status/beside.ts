import { COLORS, type Color } from "../../stacks/service/color";
import { dockerProblem, isLooping, type MemoryKind } from "../../stacks/service/health";
import { type MissingContainer, missingBeside } from "../../stacks/service/missing";
import { WATCH_PARTS } from "../../stacks/service/names";
import { type BesideContainer, isStoppedAsIdle, type World } from "../../stacks/service/world";
import { hide } from "../../stacks/text/hide";
import type { BesideReport } from "./report";

/**
 * Reports the workers of both colors, the accessories, and what watches both colors.
 *
 * @param now the engine's clock, in seconds since 1970.
 * @param isLead whether workers and jobs are on this engine: of several hosts they are on the first one.
 */
export function besideOf(world: World, live: Color | null, now: number, isLead = true): BesideReport[] {
  const { beside } = world;
  const runs = (color: Color, { made }: BesideContainer) =>
    color === live || (made.follow === "both" && !isStoppedAsIdle(world, color));
  const workers = COLORS.flatMap((color) =>
    (beside?.workers[color] ?? []).map((worker) => {
      const astray = worker.state.Running ? ASTRAY : undefined;
      const problem = runs(color, worker) ? problemOf(worker, now, "worker") : astray;
      return reportOf("worker", color, worker, problem && hide(secretsIn(world, color), problem));
    }),
  );
  const gone = COLORS.filter((color) => isLead && !isStoppedAsIdle(world, color)).flatMap((color) =>
    missingBeside(world, color).map(goneReport(color)),
  );
  const accessories = (beside?.accessories ?? []).map((accessory) => {
    const problem = problemOf(accessory, now, "accessory");
    return reportOf("accessory", null, accessory, problem && hide(variablesIn(accessory), problem));
  });
  const monitoring = (beside?.monitoring ?? []).map((each) =>
    reportOf("monitoring", null, each, problemOf(each, now, "monitoring")),
  );
  return [...workers, ...gone, ...accessories, ...monitoring];
}

/** What a worker of the idle color does that runs. */
const ASTRAY = "runs beside those of the live color, and takes their jobs";

/** Docker's word for what it doesn't have, in a report. */
const GONE = "gone";

const goneReport =
  (color: Color) =>
  ({ kind, name, container }: MissingContainer): BesideReport => ({
    ...{ kind, name, color, container, state: GONE, restarts: 0 },
    problem: "is gone",
  });

const reportOf = (
  kind: BesideReport["kind"],
  color: Color | null,
  { name, container, state, restarts }: BesideContainer,
  problem: string | undefined,
): BesideReport => ({ kind, name, color, container, state: state.Status, restarts, problem: problem ?? null });

/** What is wrong with one that should run, said of it. */
function problemOf({ state, restarts }: BesideContainer, now: number, kind: MemoryKind): string | undefined {
  if (isLooping({ state, restarts }, now)) {
    const isAbout = state.Status === "restarting";
    const starts = isAbout ? Math.max(1, restarts) : restarts + 1;
    const exit = isAbout ? `last exit ${state.ExitCode}` : "and ends again and again";
    return `was started ${starts === 1 ? "once" : `${starts} times`}, ${exit}`;
  }
  if (state.Status === "created") return "was never started";
  return state.Status === "paused" ? "is paused" : dockerProblem(state, 0, true, kind);
}

/** What a color's containers were given as secrets, which a check of theirs may print. */
const secretsIn = ({ slots }: World, color: Color): string[] =>
  slots[color].flatMap(({ made, environment }) =>
    namesIn(made.secretEnvironment).map((name) => environment[name] ?? ""),
  );

/** The same of an accessory, of which nobody can tell which of its variables are secret. */
const variablesIn = ({ made, environment }: BesideContainer): string[] =>
  namesIn(made.environment).map((name) => environment[name] ?? "");

const namesIn = (list: unknown): string[] => (Array.isArray(list) ? list.map(String) : []);

/** What is not as it should be with one of them, in words. */
export const besideFindings = (beside: readonly BesideReport[]): string[] =>
  beside.flatMap(({ kind, name, container, state, problem }) => {
    if (problem === null) return [];
    const what = kind === "monitoring" ? "container" : kind;
    const cost = kind === "monitoring" ? ` (no ${missedWith(name)} meanwhile; visitors don't notice)` : "";
    const next = state === GONE ? "pulumi up makes it again" : `docker logs --tail 30 ${container}`;
    return [`the ${what} ${container} ${problem}${cost}: ${next}`];
  });

/** What there is none of while one that watches is down. */
const missedWith = (name: string): string => (WATCH_PARTS.some((part) => part === name) ? "alerts" : "metrics");

/** How they are, a kind a line: `mail 2 of blue run`, `db runs`. */
export function besideRows(beside: readonly BesideReport[]): [kind: string, text: string][] {
  const titles = { worker: "workers", accessory: "accessories", monitoring: "monitoring" };
  const rows = (["worker", "accessory", "monitoring"] as const).map((kind): [string, string] => {
    const ofKind = beside.filter((each) => each.kind === kind);
    const names = [...new Set(ofKind.map(({ name }) => name))];
    const words = names.map((name) => {
      const containers = ofKind.filter((each) => each.name === name);
      return wordsOf(name, containers);
    });
    return [titles[kind], words.join("; ")];
  });
  return rows.filter(([, text]) => text !== "");
}

function wordsOf(name: string, containers: readonly BesideReport[]): string {
  // One that ends again and again runs at times.
  const up = containers.filter(({ state, problem }) => state === "running" && (problem === null || problem === ASTRAY));
  const [first] = containers;
  if (up.length === 0) return `${name} ${first?.state === "running" ? "not well" : first?.state}`;
  const colors = [...new Set(up.flatMap(({ color }) => color ?? []))];
  const of = colors.length === 0 ? "" : `${up.length} of ${colors.join(" and ")} `;
  return `${name} ${of}${up.length === 1 ? "runs" : "run"}`;
}
