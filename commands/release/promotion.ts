import { imageNamed, isByDigest, isImage, isLoopback, isVersion } from "../../stacks/engine/image";
import { type Color, other } from "../../stacks/service/color";
import type { World } from "../../stacks/service/world";
import { CantTellError, Refusal } from "../outcome";
import { type Facts, statusOf } from "../status/status";
import { commandsFor } from "../typed";

/** A release as it runs. */
export interface Release {
  color: Color;
  version: string;
  /** The image by its digest. */
  image: string;
}

/**
 * What a stack has live and stable: what another one may be given.
 *
 * @param name the stack as commands have to name it.
 * @throws Refusal where nothing is, or it can't be told.
 */
export function stableIn(name: string, facts: Facts): Release {
  const { status: look } = commandsFor(name, facts.host);
  const report = statusOf({ ...facts, flag: name });
  if (report.exit === 3) throw new CantTellError(`${name}: ${report.reason}`, report.next);
  const refuse = (reason: string, ...next: string[]) =>
    new Refusal(`${reason}. Nothing was changed`, [...next, look()]);
  const { live, proxy, colors, findings } = report;
  const worst = findings.find(({ level }) => level !== "note")?.text ?? "it is not well";
  if (live === null || !proxy.answers) throw refuse(`${name} serves nobody: ${worst}`);
  if (proxy.busy !== null) throw refuse(`A cutover runs in ${name} at this moment (${proxy.busy})`);
  if (proxy.edited !== false) throw refuse(`The proxy's configuration in ${name} was changed by hand`);
  const { version, image, well, stable } = colors[live];
  const called = `${live} (${version})`;
  if (proxy.health?.well !== true || !well) throw refuse(`${called} is live in ${name} and not well: ${worst}`);
  if (proxy.canaryPercent) {
    const idle = colors[other(live)].version ?? "no version";
    throw refuse(
      `${name} has a canary: ${other(live)} (${idle}) has ${proxy.canaryPercent} % of the new visitors and is not live; ` +
        `${called} is. Switch to the one that is meant, or end the canary`,
    );
  }
  if (!stable || servingOf(facts)?.record.moving?.to === live) {
    throw refuse(`${called} is live in ${name} and not stable: it was not watched to the end of its bake time`);
  }
  const reference = image?.reference ?? "";
  // Labels can be anything.
  if (!isImage(reference) || !isByDigest(reference) || version === null || !isVersion(version)) {
    const seen =
      reference === "" ? "was built from app/ there" : `is ${reference}, a name that may mean another image tomorrow`;
    throw refuse(
      `${called} is live in ${name}, and ${seen}: only an image by its digest can be promoted`,
      "npm run release -- --version <version>",
    );
  }
  return { color: live, version, image: reference };
}

const servingOf = ({ world }: Facts) => ("unknown" in world ? undefined : world.serving);

/** Where a release goes, and what is to be known of that. */
export interface Place {
  color: Color;
  /** What the public of that stack gets now; undefined where that is not known. */
  live?: { color: Color; image: string; version: string };
  /** How the color was found out, where that is not by asking what runs. */
  note?: string;
}

/**
 * The idle color of a stack.
 *
 * @param canaryPercent what its file says.
 * @throws Refusal where a release must not be put there now.
 */
export function placeIn(name: string, facts: Facts, canaryPercent: string): Place {
  const { world, active } = facts;
  const commands = commandsFor(name, facts.host);
  const refuse = (reason: string, ...next: string[]) => new Refusal(`${reason}. Nothing was changed`, next);
  if ("problem" in active) throw refuse(active.problem, "pulumi config set activeColor <blue or green>");
  if (Number(canaryPercent) > 0) {
    throw refuse(
      `canaryPercent is ${canaryPercent} in the file of ${name}: the release would meet visitors as soon as it is there`,
      commands.upWith(["canaryPercent", "0"]),
    );
  }
  const byFile = other(active.color);
  const said = `so ${byFile} is taken for idle, since activeColor is ${active.color}`;
  if ("unknown" in world)
    return { color: byFile, note: `What runs in ${name} is not known (${world.reason}), ${said}` };
  if (world.silent !== undefined) {
    throw new CantTellError(`The proxy of ${name} runs, but can't be asked which color is live: ${world.silent}`, [
      commands.status(),
    ]);
  }
  const { serving } = world;
  if (serving === undefined) return { color: byFile, note: `${name} serves nobody yet, ${said}` };
  if (serving.busy !== undefined) {
    throw refuse(
      `A cutover runs in ${name} at this moment (${serving.busy}): which color is idle is about to change`,
      commands.status(),
    );
  }
  if (serving.color !== active.color) {
    throw refuse(
      `A switch is pending in ${name}: activeColor is ${active.color}, and ${serving.color} is live. The release would go live with the next \`pulumi up\``,
      commands.up(),
      commands.activate(serving.color),
    );
  }
  const color = other(serving.color);
  if (serving.canaryPercent > 0) {
    throw refuse(
      `${color} has ${serving.canaryPercent} % of the new visitors of ${name} as a canary, and is not changed under them`,
      commands.upWith(["canaryPercent", "0"]),
    );
  }
  return { color, live: { color: serving.color, ...runningIn(world, serving.color) } };
}

/** What a color runs; empty where it runs nothing, or `app/`. */
export function runningIn(world: World, color: Color): { image: string; version: string } {
  const [container] = world.slots[color];
  const image = container?.made.image;
  return { image: typeof image === "string" ? image : "", version: container?.version ?? "" };
}

/** That an image on a loopback is one that the other stack's engine reaches. */
export function assertReachable(image: string, name: string, remote: string | undefined): void {
  const { host } = imageNamed(image);
  if (remote === undefined || !isLoopback(host)) return;
  throw new Refusal(
    `${image} is in a registry on this machine's loopback, and the engine of ${name} is at ${remote}, which has another loopback. Nothing was changed`,
    ["pulumi config set registry '<host>/<repository>', then release again"],
  );
}
