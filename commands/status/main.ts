import type { Docker } from "../../stacks/engine/docker";
import { COLORS } from "../../stacks/service/color";
import { readWorld, type World } from "../../stacks/service/world";
import { plainJson } from "../../stacks/text/plain";
import { runCommand } from "../command";
import { type CantTell, CantTellError, cantTellScreen, EXIT } from "../outcome";
import { engineOf, findStack, noStack } from "../stack";
import { defaultLimits, type StackFile, stackIn } from "../stackFile";
import { readTraffic } from "./answers";
import { readPast } from "./past";
import type { Report } from "./report";
import { screenOf } from "./screen";
import { type Facts, statusOf } from "./status";
import { USAGE } from "./usage";

/** More than are shown: whether a release was ever live is told by them. */
const CUTOVERS = 50;

/** Looks at the stack that is asked for. A stack whose file is elsewhere is looked at as well. */
async function look(argument: string | undefined): Promise<Report | CantTell> {
  const found = await findStack(process.cwd(), argument, (stack) => `npm run status -- ${stack}`);
  const { owner, file, text, program, named } = found;
  const { active, host, limits }: StackFile =
    text === undefined
      ? { active: { problem: `there is no ${file}` }, limits: defaultLimits(program) }
      : stackIn(file, text, owner.project, defaultLimits(program));
  const docker = engineOf(host === undefined ? {} : { host });
  const ask = () => readWorld(docker, owner, { history: CUTOVERS, health: true });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();

  const seen = "unknown" in world ? {} : await lookBack(docker, world);
  const more = { ...seen, limits, ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
  const status = statusOf({ owner, active, world, now: new Date(), ...more });
  if (status.exit !== EXIT.unknown || text !== undefined) return status;
  if (!("unknown" in world) && world.proxy === undefined) throw new CantTellError(noStack(owner.stack), found.next);
  return { ...status, next: [...found.next.filter(({ purpose }) => purpose === "name the stack"), ...status.next] };
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

runCommand(USAGE, async ({ stack, json }) => {
  const status = await look(stack);
  const { isTTY, columns } = process.stdout;
  if (json) console.log(plainJson(status));
  else if (status.exit === EXIT.unknown) console.error(cantTellScreen(status));
  else
    console.log(
      screenOf(status, { colored: isTTY && !process.env.NO_COLOR, ...(isTTY && columns > 0 && { columns }) }),
    );
  return status.exit;
});
