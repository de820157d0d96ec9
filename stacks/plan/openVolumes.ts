import type { NamedKeys } from "../settings/container/named";
import { mountsIn } from "../settings/container/volumes";
import type { Part, Plan, Situation } from "./situation";

/** Returns the volumes that an accessory writes to and that are there already, by their names on the engine. */
export const writtenByAccessory = (keys: Pick<NamedKeys, "volumes">): string[] =>
  mountsIn(keys).flatMap(({ external, readOnly, source }) => (external && !readOnly ? [source] : []));

/**
 * Refuses an accessory whose volume another container has open, such as the database that Compose has up: two of them would spoil the
 * files. A preview tells it, since it is read before the other one is stopped. A way back goes on without that accessory.
 */
export function decideOpenVolumes({ found, preview, world }: Situation, plan: Plan): Part {
  const { accessories, keptAccessories, accessoriesLast } = plan;
  const clashes = Object.entries(accessories).flatMap(([name, keys]) => {
    if (keptAccessories.includes(name)) return [];
    return writtenByAccessory(keys).flatMap((volume) => {
      const others = found?.open?.get(volume) ?? [];
      return others.length === 0 ? [] : [{ name, seen: seenOf(name, volume, others), others }];
    });
  });
  if (accessoriesLast) return clashes.length === 0 ? {} : withoutThem(clashes, world, plan);
  const said = clashes.map(({ seen, others }) => {
    const stop = `docker stop ${others.join(" ")}`;
    return preview ? `${seen} Before the run: ${stop}` : `${seen} Nothing was touched. Next: ${stop} && pulumi up`;
  });
  return preview ? { warnings: said } : { refusals: said };
}

const seenOf = (name: string, volume: string, others: readonly string[]): string =>
  `The accessory ${name} would write to the volume ${volume}, which ${others.join(" and ")} ` +
  `${others.length === 1 ? "has" : "have"} open: two at a time spoil its files.`;

/** Leaves those out of a run that have no container yet, and the containers of the others as they are. */
function withoutThem(
  clashes: readonly { name: string; seen: string }[],
  world: Situation["world"],
  { accessories, keptAccessories }: Plan,
): Part {
  const there = "unknown" in world ? [] : (world.beside?.accessories ?? []).map(({ name }) => name);
  const names = new Set(clashes.map(({ name }) => name));
  const absent = (name: string) => names.has(name) && !there.includes(name);
  return {
    accessories: Object.fromEntries(Object.entries(accessories).filter(([name]) => !absent(name))),
    keptAccessories: [...keptAccessories, ...[...names].filter((name) => there.includes(name))],
    warnings: clashes.map(({ name, seen }) => `The accessory ${name} is not made in this run. ${seen}`),
  };
}
