import { valueChanges } from "../service/slotSpec";
import type { BesideContainer } from "../service/world";
import { type AccessorySettings, accessorySpec } from "../settings/container/named";
import { setCommand } from "../settings/problem";
import type { Part, Situation } from "./situation";

/**
 * Keeps what stands beside both colors as it is: a release or a switch never touches it, and a run that would replace or remove one is
 * refused unless it is named. Where the public leaves the live color that only is told, and all stay.
 */
export function decideAccessories({ world, settings, recovers }: Situation): Part {
  if ("unknown" in world) return {};
  if (recovers) return { keptAccessories: (world.beside?.accessories ?? []).map(({ name }) => name) };
  const { accessories = {}, allowAccessoryReplace: allowed, activeColor } = settings;
  const leaves = world.serving !== undefined && world.serving.color !== activeColor;
  const part = { refusals: [] as string[], warnings: [] as string[], keptAccessories: [] as string[] };
  for (const container of world.beside?.accessories ?? []) {
    const { name } = container;
    const asked = Object.hasOwn(accessories, name) ? accessories[name] : undefined;
    const changes = asked && accessoryChanges(container, asked);
    if (changes?.length === 0) {
      part.keptAccessories.push(name);
      continue;
    }
    const what = changes === undefined ? "removed" : `replaced (${changes.join(", ")})`;
    if (allowed.includes(name)) {
      part.warnings.push(
        `The accessory ${name} is ${what}, as allowAccessoryReplace allows: who needs it gets errors meanwhile; its volumes stay. ` +
          "Afterwards: pulumi config rm allowAccessoryReplace",
      );
    } else if (leaves && changes !== undefined) {
      part.keptAccessories.push(name);
      part.warnings.push(`The accessory ${name} stays as it is in this run, although it would be ${what}.`);
    } else {
      // One after the other, as they are typed: a list has no gaps.
      const at = allowed.length + part.refusals.length;
      part.refusals.push(
        `The accessory ${name} would be ${what}, and both colors need it. Nothing was touched. Either put its settings back, or do it on ` +
          `purpose: ${setCommand(`allowAccessoryReplace[${at}]`, name, "--path ")} && pulumi up`,
      );
    }
  }
  return part;
}

/** Returns what differs between an accessory's container and its settings; of its environment only the names. */
function accessoryChanges({ made, environment: has }: BesideContainer, asked: AccessorySettings): string[] {
  const { environment = {} } = asked;
  const names = (of: unknown) => (Array.isArray(of) ? of.filter((name) => typeof name === "string") : []);
  const variables = [...new Set([...names(made.environment), ...Object.keys(environment)])].sort();
  const { environment: _was, ...before } = made;
  const { environment: _is, ...after } = accessorySpec(asked);
  return [
    ...[...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      valueChanges(key, before[key], after[key]),
    ),
    ...variables.filter((name) => has[name] !== environment[name]).map((name) => `environment.${name}`),
  ];
}
