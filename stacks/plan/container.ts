import { COLORS, type Color, other } from "../service/color";
import type { Found, Needs } from "../service/needs";
import { mountedPaths } from "../settings/container/container";
import { setCommand } from "../settings/problem";
import type { Settings } from "../settings/settings";
import type { Part, Plan, Situation } from "./situation";

/** Returns what the settings' containers need of the engine, for whoever looks for it. */
export const needsOf = ({ container, slots }: Settings): Needs => ({
  networks: container?.networks ?? [],
  volumes: (container?.volumes?.volumes ?? []).flatMap(({ external, source }) => (external ? [source] : [])),
  images: COLORS.flatMap((color) => slots[color].image ?? []),
});

/** By its own name alone: an image may be called `constructor`. */
const volumesIn = ({ imageVolumes }: Found, image: string): string[] | undefined =>
  Object.hasOwn(imageVolumes, image) ? imageVolumes[image] : undefined;

type VolumeSettings = Pick<Settings, "container" | "ephemeralVolumes">;

/** Refuses containers that could not be made, or would lose what users save in them; where the public leaves, that only is told. */
export function decideContainer(situation: Situation, plan: Plan): Part {
  const { found, settings, world } = situation;
  const live = "unknown" in world ? undefined : world.serving?.color;
  const made = COLORS.filter((color) => plan.containers[color] > 0 && !plan.keep[color]);
  if (found === undefined || made.length === 0) return {};
  const part = { refusals: [] as string[], warnings: [] as string[] };
  const leaves = live !== undefined && live !== settings.activeColor;
  const say = (about: readonly Color[], seen: string, next: string) => {
    // A way back must not wait for what is wrong with the color that it leaves.
    if (leaves && !about.includes(settings.activeColor)) part.warnings.push(`${seen} ${next}`);
    else part.refusals.push(`${seen} Nothing was touched. ${next}`);
  };
  const { networks, volumes } = needsOf(settings);
  for (const name of found.missingNetworks.filter((each) => networks.includes(each))) {
    say(
      made,
      `container.networks names ${name}, and the engine has no network of that name.`,
      `Next: docker network ls; then name one that is there, or: docker network create ${name} && pulumi up`,
    );
  }
  for (const name of found.missingVolumes.filter((each) => volumes.includes(each))) {
    say(
      made,
      `container.volumes names ${name} as external, and the engine has no volume of that name.`,
      "Next: docker volume ls; then name one that is there, or leave x-external out",
    );
  }
  for (const color of made) {
    const { image } = settings.slots[color];
    if (image === undefined) continue;
    const unmounted = unmountedOf(settings, volumesIn(found, image));
    if (unmounted.length === 0) continue;
    const next = nextFor(settings, unmounted);
    if (runsAlready(color, settings, world)) part.warnings.push(`${volumesWords(color, image, unmounted)} ${next}`);
    else say([color], volumesWords(color, image, unmounted), next);
  }
  return part;
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
export const volumesWords = (color: Color, image: string, paths: readonly string[]): string =>
  `${color}'s image ${image} keeps its data in ${paths.join(", ")} (VOLUME), and nothing is mounted there: each color would ` +
  `get a volume of its own, so that what users save in ${color} would be gone with a switch to ${other(color)}.`;

/** Returns what to type so that it is kept, or that this is meant. */
export function nextFor({ container, ephemeralVolumes }: VolumeSettings, paths: readonly string[]): string {
  const { volumes = [], tmpfs = {} } = container?.volumes ?? {};
  const mounted = volumes.length + Object.keys(tmpfs).length;
  const set = (list: string, from: number, value: (path: string) => string) =>
    paths.map((path, at) => setCommand(`${list}[${from + at}]`, value(path), "--path ")).join(" && ");
  return (
    `Next: keep it for both colors: ${set("container.volumes", mounted, (path) => `${nameFor(path)}:${path}`)} && pulumi up; ` +
    `or, where it may be lost: ${set("ephemeralVolumes", ephemeralVolumes.length, (path) => path)} && pulumi up`
  );
}

/** A volume's name for what is at a path: `/var/lib/app` is `var-lib-app`. */
const nameFor = (path: string): string =>
  path
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 60) || "data";
