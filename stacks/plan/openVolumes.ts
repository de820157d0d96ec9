import type { NamedKeys } from "../settings/container/named";
import { mountsIn } from "../settings/container/volumes";
import type { Part, Plan, Situation } from "./situation";

/** Returns the volumes that an accessory writes to and that are there already, by their names on the engine. */
export const writtenByAccessory = (keys: Pick<NamedKeys, "volumes">): string[] =>
  mountsIn(keys).flatMap(({ external, readOnly, source }) => (external && !readOnly ? [source] : []));

/**
 * Refuses an accessory whose volume another container has open, such as the database that Compose has up: two of them would spoil the
 * files. A preview tells it, since it is read before the other one is stopped.
 */
export function decideOpenVolumes({ found, settings, preview }: Situation, { keptAccessories }: Plan): Part {
  const said = Object.entries(settings.accessories ?? {}).flatMap(([name, keys]) => {
    if (keptAccessories.includes(name)) return [];
    return writtenByAccessory(keys).flatMap((volume) => {
      const others = found?.open?.get(volume) ?? [];
      if (others.length === 0) return [];
      const who = `${others.join(" and ")} ${others.length === 1 ? "has" : "have"}`;
      const seen = `The accessory ${name} would write to the volume ${volume}, which ${who} open: two at a time spoil its files.`;
      const stop = `docker stop ${others.join(" ")}`;
      return preview ? `${seen} Before the run: ${stop}` : `${seen} Nothing was touched. Next: ${stop} && pulumi up`;
    });
  });
  return preview ? { warnings: said } : { refusals: said };
}
