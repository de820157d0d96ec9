import type { Docker } from "../engine/docker";
import { isObject } from "../text/json";
import type { ServiceId } from "./names";
import { ASKED_AT_A_TIME, filtersOf, inTurns } from "./world";

/** What colors' containers need of an engine, beyond what their stack makes. */
export interface Needs {
  /** Networks and volumes that must be there already. */
  networks: readonly string[];
  volumes: readonly string[];
  /** Volumes that no container but the stack's own may have open. */
  alone?: readonly string[];
  /** Images, by the names that the settings have for them. */
  images: readonly string[];
}

/** What an engine has of that. */
export interface Found {
  missingNetworks: string[];
  missingVolumes: string[];
  /** The paths of each image's VOLUMEs; an image that the engine does not have yet is not in it. */
  imageVolumes: Record<string, string[]>;
  /** The names of the running containers of others that have a volume open, by that; absent where none was looked for. */
  open?: ReadonlyMap<string, string[]>;
}

/**
 * Looks for what the containers of several services need, each thing once; where the engine can't be asked nothing is missing, since others
 * say that.
 *
 * @param own whose containers those are.
 */
export async function findNeeds(docker: Docker, own: ServiceId, needs: readonly Needs[]): Promise<Found> {
  const all = (kind: keyof Needs) => [...new Set(needs.flatMap((each) => each[kind] ?? []))];
  const missing = async (kind: "network" | "volume", names: readonly string[]) => {
    if (names.length === 0) return [];
    const listed = await docker.ask(kind, "ls", "--format", "{{.Name}}").catch(() => undefined);
    if (listed === undefined) return [];
    const there = new Set(listed.split("\n"));
    return names.filter((name) => !there.has(name));
  };
  const alone = all("alone");
  const [missingNetworks, missingVolumes, found, open] = await Promise.all([
    missing("network", all("networks")),
    missing("volume", all("volumes")),
    inTurns(all("images"), ASKED_AT_A_TIME, async (image) => [image, await volumesOf(docker, image)] as const),
    inTurns(alone, ASKED_AT_A_TIME, async (volume) => [volume, await openElsewhere(docker, own, volume)] as const),
  ]);
  return {
    missingNetworks,
    missingVolumes,
    imageVolumes: Object.fromEntries(found.filter((one): one is [string, string[]] => one[1] !== undefined)),
    ...(alone.length > 0 && { open: new Map(open) }),
  };
}

/** Returns the running containers that have a volume open, without the stack's own. */
async function openElsewhere(docker: Docker, own: ServiceId, volume: string): Promise<string[]> {
  const named = async (...filters: string[]) => {
    const listed = await docker
      .ask("ps", "--filter", `volume=${volume}`, ...filters, "--format", "{{.Names}}")
      .catch(() => "");
    return listed.split("\n").filter(Boolean);
  };
  const [all, ours] = await Promise.all([named(), named(...filtersOf(own))]);
  return all.filter((name) => !ours.includes(name));
}

/** Returns the paths for which an image wants a volume (`VOLUME`); undefined where the engine does not have it, or can't be asked. */
export async function volumesOf(docker: Docker, image: string): Promise<string[] | undefined> {
  const asked = await docker.run(["image", "inspect", image]).catch(() => undefined);
  if (asked?.code !== 0) return undefined;
  const [{ Config } = {}] = JSON.parse(asked.stdout) as { Config?: { Volumes?: unknown } | null }[];
  const volumes = Config?.Volumes;
  return isObject(volumes) ? Object.keys(volumes).map(withoutLastSlash).sort() : [];
}

const withoutLastSlash = (path: string): string => path.replace(/(?<=[^/])\/+$/, "");
