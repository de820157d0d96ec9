import { isObject } from "../text/json";
import type { Color } from "./color";
import { type BesideName, jobName, replicaName, workerName } from "./names";
import type { SlotContainer, World } from "./world";

/** A worker's or a job's container that a color was made with. */
export interface ExpectedContainer {
  kind: "worker" | "job";
  /** The worker's or the job's name. */
  name: string;
  /** What it is called without what the names of all of the stack's containers begin with. */
  part: BesideName;
}

/** One of them that the engine doesn't have. */
export interface MissingContainer extends ExpectedContainer {
  /** What Docker called it. */
  container: string;
}

/**
 * The input of a container's resource that has it made again although Pulumi's state believes it to be there. It says how long the provider
 * waits for a health check, which it is never asked to. What it was the last time stays in the state: its going away is no change.
 */
export const AGAIN = "waitTimeout";

/** A label may say anything: what no setting could name is left out. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/;
const MOST_REPLICAS = 20;

/** Returns the workers' and jobs' containers that settings, or the label of a color's web container, ask for. */
export function expectedBeside(color: Color, made: { workers?: unknown; jobs?: unknown }): ExpectedContainer[] {
  const blocks = (of: unknown) =>
    Object.entries(isObject(of) ? of : {}).flatMap(([name, block]) =>
      NAME.test(name) && isObject(block) ? [[name, block] as const] : [],
    );
  const workers = blocks(made.workers).flatMap(([name, { replicas }]) =>
    Array.from({ length: countOf(replicas) }, (_, at) => workerName(color, name, at + 1)).map(
      (part): ExpectedContainer => ({ kind: "worker", name, part }),
    ),
  );
  const jobs = blocks(made.jobs).map(
    ([name]): ExpectedContainer => ({ kind: "job", name, part: jobName(color, name) }),
  );
  return [...workers, ...jobs];
}

const countOf = (replicas: unknown): number =>
  typeof replicas === "number" && Number.isInteger(replicas) && replicas >= 1 && replicas <= MOST_REPLICAS
    ? replicas
    : 1;

/**
 * Returns the workers' and jobs' containers that a color was made with and that are gone, as after `docker system prune`: those of the
 * idle color and those of jobs don't run. What it was made with is in the label of its web containers; without one nothing is known.
 */
export function missingBeside({ slots, beside }: Pick<World, "slots" | "beside">, color: Color): MissingContainer[] {
  const [slot] = slots[color];
  if (slot === undefined) return [];
  const { workers, jobs } = slot.made;
  const begins = beginningOf(color, slot);
  const there = new Set(
    [...(beside?.workers[color] ?? []), ...(beside?.jobs[color] ?? [])].map((one) => one.container),
  );
  return expectedBeside(color, { workers, jobs })
    .map((expected) => ({ ...expected, container: `${begins}${expected.part}` }))
    .filter(({ container }) => !there.has(container));
}

/** What the names of all of the stack's containers begin with, as a color's container says it. */
const beginningOf = (color: Color, { name, replica }: SlotContainer): string =>
  name.slice(0, name.length - replicaName(color, replica).length);

/** `the container x of the job migrate is gone`, `the containers x, y are gone`. */
export function goneWords(missing: readonly MissingContainer[]): string {
  const [first] = missing;
  const names = missing.map(({ container }) => container).join(", ");
  return missing.length === 1
    ? `the container ${names} of the ${first?.kind} ${first?.name} is gone`
    : `the containers ${names} are gone`;
}
