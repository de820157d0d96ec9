import { dockerAt } from "../stacks/docker";
import { readWorld } from "../stacks/world";
import { askedBy, HELP } from "./arguments";
import { plainJson } from "./plainText";
import { findStack, makeStack, noStack, otherStacks, Untold } from "./project";
import { type CantTell, EXIT, type Report } from "./report";
import { cantTellScreen, screenOf } from "./screen";
import { cantTell, statusOf } from "./status";

const CUTOVERS = 5;

const forStack = (stack: string) => `npm run status -- --stack ${stack}`;

/** Looks at the stack that is asked for. `npm run` starts it in the project's folder. */
async function look(stackArgument: string | undefined): Promise<Report | CantTell> {
  const { owner, active, host, named, hasFile, others } = await findStack(process.cwd(), stackArgument, forStack);
  const docker = dockerAt(host);
  const ask = () => readWorld(docker, owner, { history: CUTOVERS, health: true });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();

  const more = { ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
  const status = statusOf({ owner, active, world, now: new Date(), ...more });
  const isNothing = !("unknown" in world) && world.proxy === undefined;
  if (status.exit === EXIT.unknown && !hasFile && isNothing)
    return cantTell(noStack(owner.stack), [
      makeStack(owner.stack),
      ...(others.length > 0 ? otherStacks(others, forStack) : []),
    ]);
  if (status.exit === EXIT.unknown && !hasFile && others.length > 0)
    status.next.unshift(...otherStacks(others, forStack));
  return status;
}

async function main(): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  const asked = askedBy(process.argv.slice(2), process.env);
  if (asked.help) return console.log(HELP);

  const help = { purpose: "read what there is", command: "npm run status -- --help" };
  const status: Report | CantTell =
    asked.problem === undefined
      ? await look(asked.stack).catch((error: Error) =>
          cantTell(error.message, error instanceof Untold ? error.next : []),
        )
      : cantTell(asked.problem, [help]);

  if (asked.json) console.log(plainJson(status));
  else if (status.exit === EXIT.unknown) console.error(cantTellScreen(status));
  else console.log(screenOf(status, { colored: process.stdout.isTTY && !process.env.NO_COLOR }));
  process.exitCode = status.exit;
}

main().catch((error: Error) => {
  console.error(`Can't tell: ${error.message}`);
  process.exitCode = EXIT.unknown;
});
