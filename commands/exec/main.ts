import { isatty } from "node:tty";
import { printableMessage } from "../../stacks/text/plain";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { colorIn, containersOf } from "../parts";
import { engineOf, findStack, whereIs } from "../stack";
import { commandsFor } from "../typed";
import { failureOf } from "./failure";
import { runIn } from "./run";
import { runNew } from "./runNew";
import { type Asked, targetOf } from "./target";
import { USAGE } from "./usage";

type Typed = Arguments<(typeof USAGE.values)[number], (typeof USAGE.flags)[number]>;

async function exec(typed: Typed): Promise<number> {
  const { service, words = [] } = typed;
  const asked = askedIn(typed);
  const options = optionsIn(typed);
  const found = await findStack(process.cwd(), typed.stack, (name) =>
    commandsFor(name, undefined, service).exec(options, words),
  );
  const { host } = whereIs(found, (line) => console.error(printableMessage(line)));
  const docker = engineOf(host === undefined ? {} : { host });
  const containers = await containersOf(docker, found, service);
  const owner = { ...found.owner, ...(service !== undefined && { service }) };
  const commands = commandsFor(found.named, host, service);
  const again = (more: readonly string[], name = service) =>
    commandsFor(found.named, host, name).exec([...options, ...more], words);
  const target = await targetOf({ docker, owner, containers, commands, again }, asked);
  // Not process.stdin: it would take from the command what is typed for it.
  const isTerminal = isatty(0) && isatty(1);
  const code = asked.isNew
    ? await runNew({ docker, owner, like: target, words, isTerminal, commands })
    : await runIn(docker, target, words, isTerminal);
  const failure = failureOf(code, words[0] ?? "", target.name);
  if (failure !== undefined) console.error(printableMessage(failure));
  return code;
}

const askedIn = ({ color, worker, accessory, new: isNew }: Typed): Asked => ({
  ...(color !== undefined && { color: colorIn(color) }),
  ...(worker !== undefined && { worker }),
  ...(accessory !== undefined && { accessory }),
  isNew,
});

/** Returns the options that choose the container, to be typed again. */
const optionsIn = ({ color, worker, accessory, new: isNew }: Typed): string[] => [
  ...Object.entries({ color, worker, accessory }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  ),
  ...(isNew ? ["--new"] : []),
];

runCommand(USAGE, exec);
