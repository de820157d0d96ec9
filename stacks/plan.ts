import { isDeepStrictEqual } from "node:util";
import { COLORS, type Color } from "./color";
import type { Settings } from "./settings";
import type { BuiltImage, UnknownWorld, World } from "./world";

/** What a run is going to do, decided before any resource is declared. */
export interface Plan {
  /** Why this run must not happen; empty where it may. Each names what to do instead. */
  refusals: string[];
  /** What the person who reads the preview should know. */
  warnings: string[];
  /** Per color, the release that its image is built as; undefined where the image is pulled. */
  build: Record<Color, BuiltImage | undefined>;
  /** The image, by id, that the proxy stays on; undefined where it is made new. */
  proxyImageId: string | undefined;
  /** The proxy that this run replaces on purpose. */
  replacedProxyId: string | undefined;
}

/** What {@link decide} decides from. */
export interface Situation {
  settings: Settings;
  world: World | UnknownWorld;
  /** The hash of the sources as they are now (see source.ts). */
  source: string;
  /** What the proxy would be made from now (see proxy.ts): a change of any of it replaces the container. */
  proxy: Record<string, unknown>;
  /** Whether this is a preview, which may go on where no engine answers. */
  preview: boolean;
}

/**
 * Decides what a run does, from the settings and from what runs: the one place that refuses, so that a refusal is seen in the
 * preview and nothing has been touched.
 */
export function decide(situation: Situation): Plan {
  const { settings, world, source, preview } = situation;
  const plan: Plan = {
    refusals: [],
    warnings: [],
    build: { blue: undefined, green: undefined },
    proxyImageId: undefined,
    replacedProxyId: undefined,
  };

  if ("unknown" in world) {
    const seen = `No Docker Engine answered: ${world.reason}`;
    if (preview) {
      plan.warnings.push(
        `${seen}. What runs is unknown, so this preview can't tell whether \`pulumi up\` would refuse this change.`,
      );
    } else {
      plan.refusals.push(
        `${seen}. Nothing was touched. It is looked for at docker:host, DOCKER_HOST or the local socket, and not at the docker ` +
          "client's current context. Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version",
      );
    }
  }

  for (const color of COLORS) {
    const slot = settings.slots[color];
    if (slot.image !== undefined) continue;
    const built = "unknown" in world ? undefined : world.built[color].find((image) => image.version === slot.version);
    plan.build[color] = built ?? {
      version: slot.version,
      source,
      base: settings.appBaseImage,
      reused: false,
    };
    if (built !== undefined && built.source !== source) {
      plan.warnings.push(
        `${color} keeps version ${built.version} as it was built from sources ${built.source}; the sources are ${source} now. ` +
          `A version once built is not built again. To release what changed: pulumi config set ${color}Version <a new version>`,
      );
    }
  }

  const { blue, green } = plan.build;
  if (blue !== undefined && green !== undefined && blue.version === green.version && blue.source !== green.source) {
    plan.warnings.push(
      `Both colors are called ${blue.version}, but blue is from sources ${blue.source} and green from ${green.source}.`,
    );
  }

  if (!("unknown" in world) && world.proxy?.running) {
    const { made, id, imageId } = world.proxy;
    const changes = changed(made, situation.proxy);
    if (changes.length === 0) {
      plan.proxyImageId = imageId;
    } else if (settings.allowProxyReplace) {
      plan.replacedProxyId = id;
      plan.warnings.push(
        `The proxy is replaced (${changes.join(", ")}), as allowProxyReplace allows: the public gets no answer for some seconds. ` +
          "Afterwards: pulumi config rm allowProxyReplace",
      );
    } else {
      plan.refusals.push(
        `This would replace the nginx container (${changes.join(", ")}), and the public would get no answer for some seconds. ` +
          "Nothing was touched. Either put the setting back, or do it on purpose: pulumi config set allowProxyReplace true && pulumi up",
      );
    }
  }
  return plan;
}

/** Each difference in words: `httpPort 8080 -> 9090`. */
function changed(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return Object.keys({ ...before, ...after })
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => `${key} ${text(before[key])} -> ${text(after[key])}`);
}

const text = (value: unknown): string => (value === undefined ? "unknown" : String(value));
