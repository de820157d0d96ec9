import type { Color } from "../service/color";
import { replicaName, replicaNames } from "../service/names";
import type { Serving } from "../service/serving";
import type { SlotContainer } from "../service/world";
import type { Plan, Served } from "./situation";

/** What is wrong with a color's containers. */
export interface Illness {
  /** Whose it is: `its container`, or `blue-2 of its 3 containers`. */
  whose: string;
  /** What is seen of it: `is exited`, `are gone`. */
  seen: string;
  /** The command that brings them back; absent where this run does. */
  revive?: string;
  /** The first one that is not well; absent where it is gone. */
  container?: SlotContainer;
}

/**
 * Returns what is wrong with a color's containers, of which it should have so many; undefined where nothing is.
 *
 * @param again those that this run makes again.
 */
export function illness(
  color: Color,
  containers: readonly SlotContainer[],
  expected: number,
  problem: (container: SlotContainer) => string | undefined,
  again: Plan["again"],
): Illness | undefined {
  const names = replicaNames(color, expected);
  const gone = names.filter((_, at) => !containers.some(({ replica }) => replica === at + 1));
  const ill = containers.filter((container) => problem(container) !== undefined);
  const which = (list: string[]) => (expected === 1 ? "its container" : `${list.join(", ")} of its ${count(expected)}`);
  const [first] = ill;
  if (gone.length > 0) {
    const revive = gone.every((name) => again.includes(name)) ? {} : { revive: "pulumi up --refresh" };
    return { whose: which(gone), seen: gone.length > 1 ? "are gone" : "is gone", ...revive };
  }
  if (first === undefined) return undefined;
  return {
    whose: which([replicaName(color, first.replica)]),
    seen: problem(first) ?? "",
    revive: `docker start ${ill.map(({ name }) => name).join(" ")}`,
    container: first,
  };
}

/** Returns why a container serves nobody; undefined where it runs. */
export const notRunning = ({ state }: SlotContainer): string | undefined =>
  state.Running ? undefined : `is ${state.Status}`;

/** Returns what is wrong with one of a color's containers, as far as Docker and the proxy know; undefined where nothing is. */
export function problemOf(
  container: SlotContainer,
  color: Color,
  { health }: Pick<Serving, "health">,
): string | undefined {
  const stopped = notRunning(container);
  if (stopped !== undefined) return stopped;
  if (container.state.Health?.Status === "unhealthy") return "is unhealthy";
  const answer = health?.[replicaName(color, container.replica)];
  return answer?.well === false ? `does not answer its health path (${answer.seen})` : undefined;
}

/** Reports whether any of the live color's containers is well, as far as Docker and the proxy know. */
export const isLiveWell = ({ world, serving }: Pick<Served, "world" | "serving">): boolean =>
  world.slots[serving.color].some((container) => problemOf(container, serving.color, serving) === undefined);

/** Reports whether any of a color's containers is stopped: somebody stopped it, or it was never started. */
export const isStopped = (containers: readonly SlotContainer[]): boolean =>
  containers.some(({ state }) => !state.Running);

/** What a preview says of a stopped color that a run takes the public, or visitors, to. */
export const STARTS_FIRST = "it is stopped and is started first";

/** `1 container`, `3 containers`. */
export const count = (containers: number): string => (containers === 1 ? "1 container" : `${containers} containers`);
