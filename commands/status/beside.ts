import { COLORS, type Color } from "../../stacks/service/color";
import { dockerProblem } from "../../stacks/service/health";
import type { BesideContainer, World } from "../../stacks/service/world";
import type { BesideReport } from "./report";

/** Reports the workers of both colors and the accessories. */
export function besideOf({ beside }: World, live: Color | null): BesideReport[] {
  if (beside === undefined) return [];
  const workers = COLORS.flatMap((color) => beside.workers[color].map((worker) => reportOf(worker, color, live)));
  return [...workers, ...beside.accessories.map((accessory) => reportOf(accessory, null, live))];
}

function reportOf(
  { name, container, state, restarts, made }: BesideContainer,
  color: Color | null,
  live: Color | null,
): BesideReport {
  const runs = color === null || color === live || made.follow === "both";
  const astray = state.Running ? "runs beside those of the live color, and takes their jobs" : undefined;
  const problem = runs ? dockerProblem(state) : astray;
  return {
    ...{ kind: color === null ? "accessory" : "worker", name, color, container },
    ...{ state: state.Status, restarts, problem: problem ?? null },
  };
}

/** What is not as it should be with one of them, in words. */
export const besideFindings = (beside: readonly BesideReport[]): string[] =>
  beside.flatMap(({ kind, container, problem }) =>
    problem === null ? [] : [`the ${kind} ${container} ${problem}: docker logs --tail 30 ${container}`],
  );

/** How they are, a kind a line: `mail 2 of blue run`, `db runs`. */
export function besideRows(beside: readonly BesideReport[]): [kind: string, text: string][] {
  const rows = (["worker", "accessory"] as const).map((kind): [string, string] => {
    const ofKind = beside.filter((each) => each.kind === kind);
    const names = [...new Set(ofKind.map(({ name }) => name))];
    const words = names.map((name) => {
      const containers = ofKind.filter((each) => each.name === name);
      return wordsOf(name, containers);
    });
    return [kind === "worker" ? "workers" : "accessories", words.join("; ")];
  });
  return rows.filter(([, text]) => text !== "");
}

function wordsOf(name: string, containers: readonly BesideReport[]): string {
  const up = containers.filter(({ state }) => state === "running");
  if (up.length === 0) return `${name} ${containers[0]?.state ?? "is gone"}`;
  const colors = [...new Set(up.flatMap(({ color }) => color ?? []))];
  const of = colors.length === 0 ? "" : `${up.length} of ${colors.join(" and ")} `;
  return `${name} ${of}${up.length === 1 ? "runs" : "run"}`;
}
