import { COLORS, type Color } from "./color";
import type { Docker } from "./docker";
import { LABEL, type Owner } from "./names";

/** An image that was built before: for its version it is taken again, whatever the sources are by now. */
export interface BuiltImage {
  version: string;
  /** Hash over the sources that it was built from. */
  source: string;
  /** The base image that it was built on. */
  base: string;
  /** Whether the color takes the image that is there, by name, instead of being what builds it (see {@link builtFor}). */
  reused: boolean;
}

/** The proxy's container as it exists, running or not. */
export interface ProxyContainer {
  id: string;
  /** Whether the public can meet it: a container whose first start failed never did. */
  running: boolean;
  /** The image that it was made from, by id. */
  imageId: string;
  /** What it was made from (the label that this program gave it); empty where that can't be read. */
  made: Record<string, unknown>;
}

/** What is on the Docker Engine now, read once, before anything is decided. */
export interface World {
  proxy?: ProxyContainer;
  /** Per color, the images built for it that the engine still has. */
  built: Record<Color, BuiltImage[]>;
}

/** No engine answered: nothing can be said about what runs. `reason` is for people. */
export interface UnknownWorld {
  unknown: true;
  reason: string;
}

interface Inspected {
  Id: string;
  Image?: string;
  State?: { Running: boolean; Restarting: boolean };
  Config: { Labels: Record<string, string> | null };
}

/**
 * Reads what the engine has of this stack: four questions to the Docker API, two at a time. Where no engine answers, as in
 * the preview of a pull request, the world is unknown and says why.
 */
export async function readWorld(docker: Docker, owner: Owner): Promise<World | UnknownWorld> {
  const mine = [
    "--filter",
    `label=${LABEL.project}=${owner.project}`,
    "--filter",
    `label=${LABEL.stack}=${owner.stack}`,
  ];
  const inspected = async (kind: "container" | "image", all: string): Promise<Inspected[]> => {
    const ids = (await docker.ask(kind, "ls", all, "--quiet", "--no-trunc", ...mine)).split("\n").filter(Boolean);
    return ids.length === 0 ? [] : JSON.parse(await docker.ask(kind, "inspect", ...new Set(ids)));
  };
  try {
    const [containers, images] = await Promise.all([inspected("container", "--all"), inspected("image", "--all")]);
    return worldOf(containers, images);
  } catch (error) {
    return { unknown: true, reason: reasonOf(error as Failed) };
  }
}

/** How the client's call fails: not there, ended by the time limit, or with words of its own. */
type Failed = Error & { code?: string; killed?: boolean; stderr?: string };

function reasonOf({ code, killed, stderr, message }: Failed): string {
  if (code === "ENOENT") return "the client `docker` is not on the PATH";
  if (killed) return "the client `docker` had no answer within its time limit";
  return (stderr || message).trim();
}

/** Makes the world from what `docker inspect` printed of this stack's containers and images. */
export function worldOf(containers: Inspected[], images: Inspected[]): World {
  const proxy = containers.find((container) => container.Config.Labels?.[LABEL.role] === "proxy");
  const built = Object.fromEntries(COLORS.map((color) => [color, builtFor(color, [...containers, ...images])]));
  return {
    ...(proxy && {
      proxy: {
        id: proxy.Id,
        running: proxy.State?.Running === true || proxy.State?.Restarting === true,
        imageId: proxy.Image ?? "",
        made: parsed(proxy.Config.Labels?.[LABEL.proxy]),
      },
    }),
    built: built as Record<Color, BuiltImage[]>,
  };
}

/**
 * The images that were built for a color. The version that its container runs stays what it is in Pulumi's state: built by the
 * color's image, or reused. Any other version that the engine has is reused, since to declare a build again would build it from
 * today's sources.
 */
function builtFor(color: Color, labelled: Inspected[]): BuiltImage[] {
  const found = new Map<string, BuiltImage>();
  for (const { Config } of labelled) {
    const labels = Config.Labels ?? {};
    const { [LABEL.version]: version, [LABEL.source]: source, [LABEL.base]: base } = labels;
    // The first one wins: containers come first, and what runs says best what a version is.
    if (labels[LABEL.color] === color && version && source && base && !found.has(version)) {
      found.set(version, { version, source, base, reused: labels[LABEL.build] !== "built" });
    }
  }
  return [...found.values()];
}

function parsed(label: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(label ?? "");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
