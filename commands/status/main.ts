import type { Docker } from "../../stacks/engine/docker";
import { COLORS } from "../../stacks/service/color";
import type { ServiceId } from "../../stacks/service/names";
import {
  ASKED_AT_A_TIME,
  inTurns,
  readWorld,
  readWorlds,
  type UnknownWorld,
  type World,
} from "../../stacks/service/world";
import { plainJson, shown } from "../../stacks/text/plain";
import { runCommand } from "../command";
import { type CantTell, CantTellError, cantTellScreen, EXIT } from "../outcome";
import { engineOf, findStack, noStack } from "../stack";
import { defaultLimits, type StackFile, stackIn } from "../stackFile";
import { asTyped, commandsFor } from "../typed";
import { readTraffic } from "./answers";
import { overviewOf, overviewScreen } from "./overview";
import { readPast } from "./past";
import type { Overview, Report } from "./report";
import { screenOf } from "./screen";
import { isAbsent, type NamedServices, readServices } from "./services";
import { type Facts, statusOf } from "./status";
import { USAGE } from "./usage";

/** More than are shown: whether a release was ever live is told by them. */
const CUTOVERS = 50;

/** Looks at the stack that is asked for. A stack whose file is elsewhere is looked at as well. */
async function look(argument: string | undefined, service?: string): Promise<Report | Overview | CantTell> {
  const found = await findStack(process.cwd(), argument, (stack) => asTyped(`npm run status -- ${stack}`));
  const { file, text, program, named } = found;
  const all = found.owner;
  const owner = service === undefined ? all : { ...all, service };
  const { active, host, limits }: StackFile =
    text === undefined
      ? { active: { problem: `there is no ${file}` }, limits: defaultLimits(program) }
      : stackIn(file, text, owner.project, defaultLimits(program));
  const docker = engineOf(host === undefined ? {} : { host });
  const ask = () => readWorld(docker, owner, { history: CUTOVERS, health: true });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();

  const more = { limits, ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
  if (isAbsent(world)) {
    const { services, gateway } = await readServices(docker, all);
    if (service !== undefined) throw noService(service, services, (name) => commandsFor(named, host, name).status());
    if (services.length > 0) return lookAtAll(docker, all, services, gateway, more);
  } else if (service !== undefined) return lookAtOne(docker, { ...more, owner, world });
  const seen = "unknown" in world ? {} : await lookBack(docker, world);
  const status = statusOf({ owner, active, world, now: new Date(), ...seen, ...more });
  if (status.exit !== EXIT.unknown || text !== undefined) return status;
  if (!("unknown" in world) && world.proxy === undefined) throw new CantTellError(noStack(owner.stack), found.next);
  return { ...status, next: [...found.next.filter(({ purpose }) => purpose === "name the stack"), ...status.next] };
}

/** The error where a stack has no such service: it lists those that it has. */
const noService = (name: string, services: string[], status: (service?: string) => string): CantTellError =>
  new CantTellError(
    services.length === 0
      ? `There is no service ${shown(name)}: this stack has one service alone, without a name`
      : `There is no service ${shown(name)} in this stack; it has ${services.join(", ")}`,
    [{ purpose: "see what there is", command: status() }],
  );

/** How one service by name is: which color is asked for stands in the program, so that what serves counts as asked for. */
async function lookAtOne(docker: Docker, facts: Omit<Facts, "active" | "now">): Promise<Report | CantTell> {
  const { world } = facts;
  const color = "unknown" in world ? undefined : world.serving?.color;
  const active = color === undefined ? { problem: "which color is asked for stands in the program" } : { color };
  const seen = "unknown" in world ? {} : await lookBack(docker, world);
  return statusOf({ ...facts, ...seen, active, now: new Date() });
}

/** How all services of a stack are. */
async function lookAtAll(
  docker: Docker,
  all: ServiceId,
  names: readonly string[],
  gateway: NamedServices["gateway"],
  more: Pick<Facts, "limits" | "host" | "flag">,
): Promise<Overview> {
  const owners = names.map((service) => ({ ...all, service }));
  const worlds = await readWorlds(docker, all, owners, { history: CUTOVERS, health: true });
  const reports = await inTurns([...owners.entries()], ASKED_AT_A_TIME, ([at, owner]) =>
    lookAtOne(docker, { ...more, owner, world: worlds[at] as World | UnknownWorld }),
  );
  return overviewOf(
    { project: all.project, stack: all.stack, time: new Date().toISOString() },
    gateway,
    Object.fromEntries(names.map((name, at) => [name, reports[at] as Report | CantTell])),
    (service) => commandsFor(more.flag, more.host, service),
  );
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

runCommand(USAGE, async ({ stack, service, json }) => {
  const status = await look(stack, service);
  const { isTTY, columns } = process.stdout;
  if (json) console.log(plainJson(status));
  else if ("reason" in status) console.error(cantTellScreen(status));
  else {
    const screen = { colored: isTTY && !process.env.NO_COLOR, ...(isTTY && columns > 0 && { columns }) };
    console.log("services" in status ? overviewScreen(status, screen) : screenOf(status, screen));
  }
  return status.exit;
});
