import type { Docker } from "../../stacks/engine/docker";
import { COLORS } from "../../stacks/service/color";
import type { ServiceId } from "../../stacks/service/names";
import { HEALTH_SECONDS } from "../../stacks/service/serving";
import { ASKED_AT_A_TIME, inTurns, readWorlds, type UnknownWorld, type World } from "../../stacks/service/world";
import { hostsOf, type StackHost } from "../hosts";
import { type CantTell, CantTellError, cantTell, EXIT, stopOf, stopReport } from "../outcome";
import { type FoundStack, noService, noStack } from "../stack";
import { defaultLimits, type StackFile, stackIn } from "../stackFile";
import { commandsFor } from "../typed";
import { readTraffic } from "./answers";
import { statusOfHosts } from "./hosts";
import { overviewOf } from "./overview";
import { readPast } from "./past";
import type { Overview, Report, Status } from "./report";
import { isAbsent, type NamedServices, readServices } from "./services";
import { type Facts, statusOf } from "./status";

/** More than are shown: whether a release was ever live is told by them. */
const CUTOVERS = 50;

const UNREAD: UnknownWorld = { unknown: true, reason: "it was not read" };

/** How it is on one engine, and since when the live color is live there. */
interface Seen {
  status: Status;
  since?: string;
}

/** Where is looked, and what the stack's file says. */
type Place = Pick<StackHost, "host" | "docker"> & Pick<StackFile, "active" | "limits"> & { isLead: boolean };

/** So long a host of several may take to answer: the health path of a container that hangs alone takes 5 s. */
const HOST_SECONDS = 7;

/** Looks at a stack, or at one of its services, on all of its hosts. A stack whose file is elsewhere is looked at as well. */
export async function look(found: FoundStack, service: string | undefined): Promise<Status> {
  const { file, text, program, owner, named } = found;
  const said: StackFile =
    text === undefined
      ? { active: { problem: `there is no ${file}` }, limits: defaultLimits(program) }
      : stackIn(file, text, owner.project, defaultLimits(program));
  const hosts = hostsOf(said, HOST_SECONDS);
  const at = (host: StackHost) => lookAt(found, service, { ...said, ...host, isLead: host === hosts[0] });
  if (hosts.length === 1) return (await at(hosts[0])).status;
  const seen = hosts.map(async (host) => {
    const { name = "", host: address } = host;
    const told = await at(host).catch((error): Seen => {
      const { reason, next } = stopReport(stopOf(error));
      return { status: cantTell(reason, next) };
    });
    return { name, ...(address !== undefined && { address }), ...told };
  });
  return statusOfHosts(await Promise.all(seen), (of) => commandsFor(named, undefined, of ?? service));
}

/** Looks at a stack, or at one of its services, on one engine. */
async function lookAt(found: FoundStack, service: string | undefined, place: Place): Promise<Seen> {
  const { text, named, owner: all } = found;
  const { docker, host, active, limits, isLead } = place;
  const owner = service === undefined ? all : { ...all, service };
  const [world = UNREAD] = await readSettled(docker, all, [owner]);

  const more = { limits, isLead, ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
  if (isAbsent(world)) {
    const several = await readServices(docker, all);
    if (service !== undefined) throw noService(service, several.services, commandsFor(named, host).status());
    if (several.services.length > 0) return { status: await lookAtAll(docker, all, several, more) };
  } else if (service !== undefined) return seenIn(await lookAtOne(docker, { ...more, owner, world }), world);
  const status = await reportOf(docker, { ...more, owner, active, world });
  if (status.exit !== EXIT.unknown || text !== undefined) return seenIn(status, world);
  if (!("unknown" in world) && world.proxy === undefined) throw new CantTellError(noStack(owner.stack), found.next);
  const name = found.next.filter(({ purpose }) => purpose === "name the stack");
  return { status: { ...status, next: [...name, ...status.next] } };
}

function seenIn(status: Status, world: World | UnknownWorld): Seen {
  const since = "unknown" in world ? undefined : world.serving?.record.since;
  return { status, ...(since !== undefined && { since }) };
}

/** Reads the services' worlds; once more where a run removed a container between two questions. */
async function readSettled(docker: Docker, all: ServiceId, owners: ServiceId[]): Promise<(World | UnknownWorld)[]> {
  const ask = () => readWorlds(docker, all, owners, { history: CUTOVERS, healthSeconds: HEALTH_SECONDS });
  const worlds = await ask();
  const isRemoved = (world: World | UnknownWorld) =>
    "unknown" in world && /no such (container|image|object)/i.test(world.reason);
  return worlds.some(isRemoved) ? ask() : worlds;
}

/** How one service is, with what the engine remembers of it. */
async function reportOf(docker: Docker, facts: Omit<Facts, "now">): Promise<Report | CantTell> {
  const seen = "unknown" in facts.world ? {} : await lookBack(docker, facts.world);
  return statusOf({ ...facts, ...seen, now: new Date() });
}

/** How one service by name is: its program says which color is asked for, so the color that serves counts as asked for. */
function lookAtOne(docker: Docker, facts: Omit<Facts, "active" | "now">): Promise<Report | CantTell> {
  const color = "unknown" in facts.world ? undefined : facts.world.serving?.color;
  const active = color === undefined ? { problem: "which color is asked for stands in the program" } : { color };
  return reportOf(docker, { ...facts, active });
}

/** How all services of a stack are. */
async function lookAtAll(
  docker: Docker,
  all: ServiceId,
  { services, gateway }: NamedServices,
  more: Pick<Facts, "limits" | "host" | "flag" | "isLead">,
): Promise<Overview> {
  const owners = services.map((service) => ({ ...all, service }));
  const worlds = await readSettled(docker, all, owners);
  const reports = await inTurns([...owners.entries()], ASKED_AT_A_TIME, async ([at, owner]) => {
    const report = await lookAtOne(docker, { ...more, owner, world: worlds[at] ?? UNREAD });
    return [owner.service, report] as const;
  });
  return overviewOf(
    { project: all.project, stack: all.stack, time: new Date().toISOString() },
    gateway,
    Object.fromEntries(reports),
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
