import { createTwoFilesPatch } from "diff";
import { remoteHost } from "../../stacks/engine/host";
import { digestOf } from "../../stacks/engine/image";
import { loginFor } from "../../stacks/engine/registry";
import { HEALTH_SECONDS } from "../../stacks/service/serving";
import { readWorld } from "../../stacks/service/world";
import { plain } from "../../stacks/text/plain";
import type { Arguments, Usage } from "../arguments";
import { runCommand } from "../command";
import { hostsOf, type StackHost } from "../hosts";
import { EXIT, Refusal } from "../outcome";
import { findStack, readStack, type Stack } from "../stack";
import { withValues, writeStackFile } from "../stackFileEdit";
import type { Facts } from "../status/status";
import { commandsFor } from "../typed";
import { assertInRegistry } from "./manifest";
import { assertReachable, placeIn, runningIn, stableIn } from "./promotion";
import { assertWritten, registryOf, registryStop, settingOf } from "./registrySettings";

const USAGE = {
  command: "promote",
  takesStack: false,
  values: ["from", "to"],
  flags: [],
  help: `Puts the release that is live and stable in one stack on the idle color of another one, by changing that one's file.
Nothing is deployed by it: that is the next command, which it prints, with what has changed.

npm run promote -- --from staging --to prod

Refused is a release that isn't live, well and stable where it comes from, that isn't named by its digest, or that its
registry no longer has; and a stack in which the idle color has visitors, or a switch is pending.
The registry is asked with registryUser and registryPassword of the stack that it goes to; REGISTRY_PASSWORD wins.

Exit code: 0 done, or the release is there already; 1 refused, nothing was changed; 3 can't tell, nothing was changed.`,
} as const satisfies Usage;

async function promote({ from, to }: Arguments<"from" | "to", never>): Promise<void> {
  if (from === undefined || to === undefined) {
    throw new Refusal("Both stacks have to be named", ["npm run promote -- --from <stack> --to <stack>"]);
  }
  const directory = process.cwd();
  const source = readStack(await findStack(directory, from, (name) => `npm run promote -- --from ${name} --to ${to}`));
  const target = readStack(await findStack(directory, to, (name) => `npm run promote -- --from ${from} --to ${name}`));
  // What is live and stable on the first host counts for all of them.
  const [[sourceHost], targetHosts] = [hostsOf(source), hostsOf(target)];
  const [targetHost] = targetHosts;
  if (source.owner.stack === target.owner.stack) {
    throw new Refusal(`Both are the stack ${target.owner.stack}`, [
      "npm run promote -- --from <stack> --to <another one>",
    ]);
  }
  assertWritten(target);
  const settings = await registryOf(directory, target, process.env);
  const canaryPercent = settingOf(target, "canaryPercent") ?? "0";
  const [there, here] = await Promise.all([factsOf(source, sourceHost), factsOf(target, targetHost)]);
  const { color: origin, version, image } = stableIn(from, there);
  const { color, live, note } = placeIn(to, here, canaryPercent);
  for (const { host } of targetHosts) assertReachable(image, to, remoteHost(host ?? process.env.DOCKER_HOST));
  await assertInRegistry(image, loginFor(image, settings, process.env));

  const commands = commandsFor(to, targetHost.host);
  const release = `${version}, ${origin} in ${from}`;
  if (live !== undefined && digestOf(live.image) === digestOf(image)) {
    return console.log(`${to} serves that digest already, as ${live.version} in ${live.color}. Nothing was changed.`);
  }
  const key = (setting: string) => `${target.owner.project}:${color}${setting}`;
  const before = [settingOf(target, `${color}Image`), settingOf(target, `${color}Version`)];
  if (digestOf(before[0] ?? "") === digestOf(image) && before[1] === version) {
    const runs = "unknown" in here.world ? undefined : runningIn(here.world, color);
    const next = digestOf(runs?.image ?? "") === digestOf(image) ? commands.activate(color) : commands.up();
    return console.log(`${release}, is on ${color} in ${target.file} already. Nothing was changed.\nNext: ${next}`);
  }

  const text = withValues(target.file, target.text, { [key("Image")]: image, [key("Version")]: version });
  writeStackFile(directory, target, text);
  if (note !== undefined) console.error(`${plain(note)}.`);
  console.log(`Promoted ${release}, to ${color} of ${to}. Only ${target.file} was changed:\n`);
  console.log(diffOf(target.file, target.text, text));
  const flag = ` --stack ${to}`;
  console.log(`Next: pulumi preview --diff${flag}\nThen: pulumi up${flag}`);
}

/** What a stack runs and what its file asks for. */
async function factsOf({ owner, active }: Stack, { docker, host }: StackHost): Promise<Facts> {
  const ask = () => readWorld(docker, owner, { healthSeconds: HEALTH_SECONDS });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();
  return { owner, active, ...(host !== undefined && { host }), world, now: new Date() };
}

/** What has changed, as git shows it. */
const diffOf = (file: string, before: string, after: string): string =>
  createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, "", "", { context: 3 })
    .split("\n")
    .filter((line) => !/^=+$/.test(line))
    .map((line) => line.replace(/[\t\r]+$/, ""))
    .join("\n");

runCommand(USAGE, async (asked) => {
  await promote(asked).catch((error) => {
    throw registryStop(error);
  });
  return EXIT.well;
});
