import { COLORS, type Color, other } from "../service/color";
import type { HistoryEntry } from "../service/serving";
import type { BuiltImage, UnknownWorld, World } from "../service/world";
import type { Settings } from "../settings/settings";
import { quoted } from "../text/shell";
import type { Part, Plan, Served, Situation } from "./situation";

/** So many of an image id's digits tell it from the others. */
const ID_DIGITS = 12;

/** Decides what each color's image is built from: a version once built stays what it is. */
export function decideImages({ settings, world, source }: Situation): Part {
  const buildOf = (color: Color): BuiltImage | undefined => {
    const { image, version } = settings.slots[color];
    if (image !== undefined) return undefined;
    const built = "unknown" in world ? undefined : world.built[color].find((each) => each.version === version);
    return built ?? { version, source, base: settings.appBaseImage, reused: false };
  };
  const build = { blue: buildOf("blue"), green: buildOf("green") };
  const { blue, green } = build;
  const warnings = sourceWarnings(build, settings, source);
  if (blue !== undefined && green !== undefined && blue.version === green.version && blue.source !== green.source) {
    warnings.push(
      `Both colors are called ${blue.version}, but blue is from sources ${blue.source} and green from ${green.source}.`,
    );
  }
  return { build, warnings };
}

/**
 * Says where the sources have changed and neither color has them: a version once built is not built again. On a normal day the
 * color that is left keeps its version, since the other one has what changed; nothing is to be said then.
 */
function sourceWarnings(build: Plan["build"], settings: Settings, source: string): string[] {
  const built = COLORS.flatMap((color) => build[color] ?? []);
  if (built.length === 0 || built.some((image) => image.source === source)) return [];
  const idle = other(settings.activeColor);
  const color = build[idle] === undefined ? settings.activeColor : idle;
  const image = build[color];
  const pulled = build[idle] === undefined ? `pulumi config set ${idle}Image '' && ` : "";
  return [
    `${color} keeps version ${image?.version} as it was built from sources ${image?.source}; the sources are ${source} now. ` +
      `A version once built is not built again. To release what changed: ${pulled}pulumi config set ${idle}Version <a new version>`,
  ];
}

/**
 * A version whose image the engine no longer has would be built from today's sources under the name of what ran before: refused
 * where those are known to be others, and told where that can't be known. A run that takes the public to the other color goes on.
 */
export function decideRebuilds({ world, serving, settings, source }: Served, plan: Plan): Part {
  const part = { warnings: [] as string[], refusals: [] as string[] };
  for (const color of COLORS) {
    const { version, image } = settings.slots[color];
    const isBuilt = image === undefined && !world.built[color].some((built) => built.version === version);
    if (!isBuilt || plan.keep[color] || plan.containers[color] === 0) continue;
    const ran = serving.history.findLast(({ versions, images }) => versions[color] === version && images[color]);
    const before = ran?.sources?.[color];
    if (ran === undefined || before === source) continue;
    const seen =
      `${color} would get a version ${version} that is built from the sources of today (${source}). What ran as ${version} ` +
      `${whatRan(ran, color, before)}, and the engine no longer has that image.`;
    const next =
      `Next: give it a name of its own: pulumi config set ${color}Version <a new version> && pulumi up; ` +
      `or bring the sources of ${quoted(version)} back (git checkout), then: pulumi up`;
    const leaves = serving.color !== settings.activeColor && color !== settings.activeColor;
    if (before === undefined || leaves) part.warnings.push(`${seen} ${next}`);
    else part.refusals.push(`${seen} Nothing was touched. ${next}`);
  }
  return part;
}

function whatRan({ images, time }: HistoryEntry, color: Color, source: string | undefined): string {
  const id = images[color]?.replace(/^sha256:/, "").slice(0, ID_DIGITS);
  return `(image ${id}, ${time.slice(0, 10)}) was ${source === undefined ? "built from sources that nobody wrote down" : `built from sources ${source}`}`;
}

/**
 * Whether a color runs the release that the settings ask for, or did when it was stopped or removed: its image is the one that it
 * has, whatever its tag names by now. Then no registry is asked, on which the way back must not depend.
 */
export function hasRelease(world: World | UnknownWorld, color: Color, { slots }: Pick<Settings, "slots">): boolean {
  if ("unknown" in world) return true;
  const { version, image = "" } = slots[color];
  const { retired } = world.serving?.record ?? {};
  const [first] = world.slots[color];
  if (first === undefined) return retired?.color === color && retired.version === version && retired.image === image;
  return first.made.definition === undefined || (first.made.version === version && first.made.image === image);
}
