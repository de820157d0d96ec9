import { COLORS, type Color, other } from "../service/color";
import type { Found, Needs } from "../service/needs";
import { mountedPaths } from "../settings/container/container";
import type { AccessorySettings, NamedKeys } from "../settings/container/named";
import { mountsIn } from "../settings/container/volumes";
import { setCommand } from "../settings/problem";
import type { Settings } from "../settings/settings";
import { blocksOf, keysOf, placedBlocks } from "../workers";
import { writtenByAccessory } from "./openVolumes";
import type { Part, Plan, Situation } from "./situation";

/** Returns what the settings' containers need of the engine, for whoever looks for it. */
export const needsOf = (settings: Settings): Needs => {
  const { slots, accessories = {} } = settings;
  const blocks = [settings.container ?? {}, ...blocksOf(settings), ...Object.values(accessories)];
  return {
    networks: blocks.flatMap(({ networks = [] }) => networks),
    volumes: blocks.flatMap(externalIn),
    alone: Object.values(accessories).flatMap(writtenByAccessory),
    images: [
      ...COLORS.flatMap((color) => slots[color].image ?? []),
      ...Object.values(accessories).map(({ image }) => image),
    ],
  };
};

/** The volumes that a block of keys mounts and that are there already. */
const externalIn = (keys: Pick<NamedKeys, "volumes">): string[] =>
  mountsIn(keys).flatMap(({ external, source }) => (external ? [source] : []));

/** Returns the blocks of keys whose containers this run may make, each with its place in the settings. */
function blocksToMake(settings: Settings, plan: Plan, ofColors: boolean): [place: string, keys: NamedKeys][] {
  return [
    ...(ofColors ? [["container", settings.container ?? {}] as [string, NamedKeys]] : []),
    ...(ofColors ? placedBlocks(settings) : []),
    ...accessoriesToMake(plan).map(([name, keys]): [string, NamedKeys] => [`${ACCESSORIES}${name}`, keys]),
  ];
}

const ACCESSORIES = "accessories.";

/** Returns the accessories whose containers this run may make, by name. */
const accessoriesToMake = ({ accessories, keptAccessories }: Plan): [string, AccessorySettings][] =>
  Object.entries(accessories).filter(([name]) => !keptAccessories.includes(name));

const namesIt = (places: readonly string[]): string =>
  `${places.join(" and ")} ${places.length === 1 ? "names" : "name"}`;

/** By its own name alone: an image may be called `constructor`. */
const volumesIn = ({ imageVolumes }: Found, image: string): string[] | undefined =>
  Object.hasOwn(imageVolumes, image) ? imageVolumes[image] : undefined;

type VolumeSettings = Pick<Settings, "ephemeralVolumes"> & { container?: Settings["container"] | undefined };

/** Refuses containers that could not be made, or would lose what users save in them; where the public leaves, that only is told. */
export function decideContainer(situation: Situation, plan: Plan): Part {
  const { found, settings, world } = situation;
  const live = "unknown" in world ? undefined : world.serving?.color;
  const made = COLORS.filter((color) => plan.containers[color] > 0 && !plan.keep[color]);
  if (found === undefined) return {};
  const part = { refusals: [] as string[], warnings: [] as string[] };
  const leaves = live !== undefined && live !== settings.activeColor;
  const say = (about: readonly Color[], seen: string, next: string) => {
    // A way back must not wait for what is wrong with the color that it leaves.
    if (leaves && !about.includes(settings.activeColor)) part.warnings.push(`${seen} ${next}`);
    else part.refusals.push(`${seen} Nothing was touched. ${next}`);
  };
  const blocks = blocksToMake(settings, plan, made.length > 0);
  const naming = (key: "networks" | "volumes", names: (keys: NamedKeys) => boolean) =>
    blocks.flatMap(([place, keys]) => (names(keys) ? [`${place}.${key}`] : []));
  // A way back waits for no accessory, and any other run for all of them.
  const ofAccessory = plan.accessoriesLast ? [] : COLORS;
  const about = (places: readonly string[]) =>
    places.every((place) => place.startsWith(ACCESSORIES)) ? ofAccessory : made;
  for (const name of found.missingNetworks) {
    const places = naming("networks", ({ networks = [] }) => networks.includes(name));
    if (places.length === 0) continue;
    say(
      about(places),
      `${namesIt(places)} ${name}, and the engine has no network of that name.`,
      `Next: docker network ls; then name one that is there, or: docker network create ${name} && pulumi up`,
    );
  }
  for (const name of found.missingVolumes) {
    const places = naming("volumes", (keys) => externalIn(keys).includes(name));
    if (places.length === 0) continue;
    say(
      about(places),
      `${namesIt(places)} ${name} as external, and the engine has no volume of that name.`,
      "Next: docker volume ls; then name one that is there, or leave x-external out",
    );
  }
  for (const color of made) {
    const { image } = settings.slots[color];
    if (image === undefined) continue;
    for (const { seen, next } of lossesOf(color, image, settings, volumesIn(found, image))) {
      if (runsAlready(color, settings, world)) part.warnings.push(`${seen} ${next}`);
      else say([color], seen, next);
    }
  }
  for (const [name, accessory] of accessoriesToMake(plan)) {
    const unmounted = unmountedOfAccessory(settings, accessory, volumesIn(found, accessory.image));
    if (unmounted.length > 0)
      say(ofAccessory, accessoryWords(name, accessory, unmounted), nextForAccessory(name, accessory, unmounted));
  }
  return part;
}

/** What would be gone with a container. */
interface Loss {
  /** Where the mounts are that it would have: `container`, or `workers.mail`. */
  of: string;
  /** What would be lost, in words, and what keeps it. */
  seen: string;
  next: string;
}

/** Returns what would be lost of a color's image: by its web containers, and by workers and jobs that mount something else. */
export function lossesOf(
  color: Color,
  image: string,
  settings: Settings,
  volumes: readonly string[] | undefined,
): Loss[] {
  const { container, ephemeralVolumes } = settings;
  const ofWeb = unmountedOf({ container, ephemeralVolumes }, volumes);
  const beside = placedBlocks(settings).flatMap(([place, block]): Loss[] => {
    const keys = keysOf(settings, block);
    const unmounted = unmountedOf({ container: keys, ephemeralVolumes }, volumes).filter(
      (path) => !ofWeb.includes(path),
    );
    if (unmounted.length === 0) return [];
    const next = nextFor({ container: keys, ephemeralVolumes }, unmounted, place);
    return [{ of: place, seen: besideWords(color, image, place, unmounted), next }];
  });
  const web = { of: "container", seen: volumesWords(color, image, ofWeb), next: nextFor(settings, ofWeb) };
  return [...(ofWeb.length > 0 ? [web] : []), ...beside];
}

const besideWords = (color: Color, image: string, place: string, paths: readonly string[]): string =>
  `${color}'s image ${image} keeps its data in ${paths.join(", ")} (VOLUME), and ${place} mounts nothing there (its mounts replace those of ` +
  "container): it would be gone with its container.";

/** The same as {@link unmountedOf} for an accessory's image. */
export const unmountedOfAccessory = (
  { ephemeralVolumes }: Pick<Settings, "ephemeralVolumes">,
  accessory: AccessorySettings,
  volumes: readonly string[] | undefined,
): string[] => unmountedOf({ container: accessory, ephemeralVolumes }, volumes);

/** Says that an accessory would lose what is in its image's volumes. */
export const accessoryWords = (name: string, { image }: AccessorySettings, paths: readonly string[]): string =>
  `The image ${image} of the accessory ${name} keeps its data in ${paths.join(", ")} (VOLUME), and nothing is mounted there: it would be ` +
  "gone with the container.";

/** Returns what to type so that it is kept. */
export function nextForAccessory(name: string, { volumes }: AccessorySettings, paths: readonly string[]): string {
  const mounted = (volumes?.volumes.length ?? 0) + Object.keys(volumes?.tmpfs ?? {}).length;
  const set = paths.map((path, at) =>
    setCommand(`accessories.${name}.volumes[${mounted + at}]`, `${nameFor(`${name}${path}`)}:${path}`, "--path "),
  );
  return `Next: keep it: ${set.join(" && ")} && pulumi up`;
}

/**
 * Reports whether a color has a container of that release already. It was made when nobody asked for its volumes: that is told, and not
 * refused, or neither a setting could be changed any more nor the way back be gone.
 */
export function runsAlready(color: Color, { slots }: Pick<Settings, "slots">, world: Situation["world"]): boolean {
  if ("unknown" in world) return false;
  const { version, image } = slots[color];
  return world.slots[color].some(({ made }) => made.version === version && (made.image || undefined) === image);
}

/** Returns the paths of an image's volumes on which nothing is mounted, and which are not meant to be gone with a container. */
export function unmountedOf(
  { container, ephemeralVolumes }: VolumeSettings,
  volumes: readonly string[] = [],
): string[] {
  const cared = new Set([...(container ? mountedPaths(container) : []), ...ephemeralVolumes]);
  return volumes.filter((path) => !cared.has(path));
}

/** Says that a color would lose what is in its image's volumes. */
const volumesWords = (color: Color, image: string, paths: readonly string[]): string =>
  `${color}'s image ${image} keeps its data in ${paths.join(", ")} (VOLUME), and nothing is mounted there: each color would ` +
  `get a volume of its own, so that what users save in ${color} would be gone with a switch to ${other(color)}.`;

/** Returns what to type so that it is kept, or that this is meant. */
export function nextFor(
  { container, ephemeralVolumes }: VolumeSettings,
  paths: readonly string[],
  place = "container",
): string {
  const { volumes = [], tmpfs = {} } = container?.volumes ?? {};
  const mounted = volumes.length + Object.keys(tmpfs).length;
  const set = (list: string, from: number, value: (path: string) => string) =>
    paths.map((path, at) => setCommand(`${list}[${from + at}]`, value(path), "--path ")).join(" && ");
  return (
    `Next: keep it for both colors: ${set(`${place}.volumes`, mounted, (path) => `${nameFor(path)}:${path}`)} && pulumi up; ` +
    `or, where it may be lost: ${set("ephemeralVolumes", ephemeralVolumes.length, (path) => path)} && pulumi up`
  );
}

/** A volume's name for what is at a path: `/var/lib/app` is `var-lib-app`. */
const nameFor = (path: string): string =>
  path
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 60) || "data";
