import { COLORS, type Color } from "../service/color";
import { type ReplicaName, replicaName, replicaNames } from "../service/names";
import type { Part, Plan, Served } from "./situation";

/**
 * Has the run make web containers again that are gone, as after `docker rm` or `docker system prune`: Pulumi's state doesn't know that they
 * are. One of the live color's is asked like any that is new.
 */
export function decideGone(served: Served, plan: Plan): Part {
  const { serving, settings, recovers, now } = served;
  if (recovers) return {};
  const again = COLORS.flatMap((color) => goneOf(color, served, plan));
  const live = again.find((name) => name.split("-")[0] === serving.color);
  return {
    again,
    ...(live !== undefined &&
      settings.activeColor === serving.color && { mend: `${live} is made again at ${now.toISOString()}` }),
  };
}

/** Those of a color that it had, and is going to have. */
function goneOf(color: Color, { world, serving, settings }: Served, plan: Plan): ReplicaName[] {
  const { record, replicas, health } = serving;
  // The cutover starts it, which is not asked to where nothing else has changed.
  if (settings.sharedWhileSwitching === false && color === serving.color && color === settings.activeColor) return [];
  if (plan.runs[color].replicas === 0) return [];
  const had =
    record.retired?.color === color && record.retired.how === "stopped" ? Number.MAX_SAFE_INTEGER : replicas[color];
  const there = new Set<string>(world.slots[color].map(({ replica }) => replicaName(color, replica)));
  return replicaNames(color, Math.min(had, plan.containers[color])).filter(
    // One that answers has lost its name, and nothing else: to make it again would take it from its visitors.
    (name) => !there.has(name) && health?.[name]?.well !== true,
  );
}
