import { type Docker, dockerAt } from "../../stacks/engine/docker";
import { COLORS } from "../../stacks/service/color";
import { readWorld, type World } from "../../stacks/service/world";
import { plainJson } from "../../stacks/text/plain";
import { cantTellLine } from "../outcome";
import { findStack, makeStack, noStack, otherStacks, Untold } from "../stack";
import { readTraffic } from "./answers";
import { askedBy, HELP } from "./arguments";
import { readPast } from "./past";
import { type CantTell, EXIT, type Report } from "./report";
import { cantTellScreen, screenOf } from "./screen";
import { cantTell, type Facts, statusOf } from "./status";

/** More than are shown: whether a release was ever live is told by them. */
const CUTOVERS = 50;

const forStack = (stack: string) => `npm run status -- --stack ${stack}`;

/** Looks at the stack that is asked for. `npm run` starts it in the project's folder. */
async function look(stackArgument: string | undefined): Promise<Report | CantTell> {
  const { owner, active, host, limits, named, hasFile, others } = await findStack(
    process.cwd(),
    stackArgument,
    forStack,
  );
  const docker = dockerAt(host);
  const ask = () => readWorld(docker, owner, { history: CUTOVERS, health: true });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();

  const seen = "unknown" in world ? {} : await lookBack(docker, world);
  const more = { ...seen, limits, ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
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

/** What the engine remembers of the last minutes: what cannot be read, as with a log driver that keeps nothing, is left out. */
async function lookBack(docker: Docker, { proxy, serving, slots }: World): Promise<Pick<Facts, "traffic" | "past">> {
  const { now = Math.floor(Date.now() / 1000) } = serving ?? {};
  const containers = COLORS.flatMap((color) => slots[color]);
  const [traffic, past] = await Promise.all([
    serving === undefined || proxy === undefined ? undefined : readTraffic(docker, proxy.id, now),
    readPast(docker, containers, now),
  ]);
  return { past, ...(traffic && { traffic }) };
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
  else {
    const { isTTY, columns } = process.stdout;
    console.log(
      screenOf(status, { colored: isTTY && !process.env.NO_COLOR, ...(isTTY && columns > 0 && { columns }) }),
    );
  }
  process.exitCode = status.exit;
}

main().catch((error: Error) => {
  console.error(cantTellLine(error.message));
  process.exitCode = EXIT.unknown;
});
