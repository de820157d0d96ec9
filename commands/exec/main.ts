import { isatty } from "node:tty";
import { printableMessage } from "../../stacks/text/plain";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { hostsNamed, hostsOf } from "../hosts";
import { CantTellError } from "../outcome";
import { colorIn, containersOf } from "../parts";
import { findStack, whereIs } from "../stack";
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
  const all = hostsOf(whereIs(found, (line) => console.error(printableMessage(line))));
  const onHost = (name: string) => commandsFor(found.named, undefined, service).exec(optionsIn(typed, name), words);
  const [{ host, docker, name: lead }, ...others] = hostsNamed(all, typed.host, onHost);
  const containers = await containersOf(docker, found, service).catch((error: Error) => {
    if (!(error instanceof CantTellError) || others.length === 0) throw error;
    const next = others
      .slice(0, 2)
      .flatMap(({ name = "" }) => [{ purpose: `run it on ${name}`, command: onHost(name) }]);
    throw new CantTellError(`${lead}: ${error.message}`, [...error.next, ...next]);
  });
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
const optionsIn = ({ color, worker, accessory, new: isNew, ...typed }: Typed, host = typed.host): string[] => [
  ...Object.entries({ host, color, worker, accessory }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  ),
  ...(isNew ? ["--new"] : []),
];

runCommand(USAGE, exec);
