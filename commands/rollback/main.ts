import { type Found, type MissedHost, rollBack, type WayBack } from "../../cutover/rollback";
import { CutoverFailed } from "../../cutover/run";
import { type Docker, isGone } from "../../stacks/engine/docker";
import { COLORS, type Color } from "../../stacks/service/color";
import { containerName, type ServiceId } from "../../stacks/service/names";
import { nameOf, whoRuns } from "../../stacks/service/who";
import { plain, printableMessage, shown } from "../../stacks/text/plain";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { hostsOf } from "../hosts";
import { CantTellError, EXIT, type ExitCode, Stop } from "../outcome";
import { type FoundStack, findStack, noService, noStack, type Where, whereIs } from "../stack";
import { withValues, writeStackFile } from "../stackFileEdit";
import { readServices } from "../status/services";
import { asTyped, type Commands, commandsFor } from "../typed";
import { awayAfter, findHosts, type HostsWay, leftOut, nobodyThere, wayOfHosts, whatIsLeft } from "./hosts";
import { USAGE } from "./usage";
import { type Asked, wayBack } from "./way";

const say = (line: string) => console.log(printableMessage(line));

/** So long a host of several may take to answer: one that is away must not hold up the others. */
const HOST_SECONDS = 7;

async function rollback({ stack, service, to }: Arguments<"to" | "service", never>): Promise<ExitCode> {
  const found = await findStack(process.cwd(), stack, (name) => commandsFor(name, undefined, service).rollback());
  const where = whereIs(found, say);
  const engines = hostsOf(where);
  const [{ host, docker: lead }] = engines;
  const commands = commandsFor(found.named, host, service);
  const color = colorOf(to, commands);
  const owner = { ...found.owner, ...(service !== undefined && { service }) };
  const who = whoRuns(process.env);
  const asked = { to: color, by: nameOf(who), now: new Date(), commands };
  const hosts = engines.length > 1 ? await wayOnHosts(where, found, owner, asked) : undefined;
  const target = hosts === undefined ? color : hosts.to;

  const tools = { docker: hosts?.hosts[0]?.docker ?? lead, say, signal: untilStopped(), who };
  const reason = `put back by hand (${commandsFor(undefined, undefined).rollback()})`;
  let way: WayBack | undefined;
  let set: Written;
  let missed: MissedHost[] = [];
  // Before workers and jobs have followed, which may take long: a `pulumi up` meanwhile must not go forward again.
  const moved = (to: WayBack) => {
    set = service === undefined ? written(found, ...agreed(to)) : undefined;
  };
  try {
    const choose = (seen: Found) => wayBack(seen, { ...asked, to: target });
    const places = hosts?.hosts.map(({ name, docker }) => ({ host: name, docker }));
    if (places?.length !== 0) ({ way, missed } = await rollBack(owner, choose, reason, tools, moved, places));
  } catch (error) {
    // Its words are those of a cutover by `pulumi up`, which is not what was typed.
    const again = (message: string) => asTyped(message).replace(/pulumi up$/, commands.rollback(color));
    if (error instanceof CutoverFailed) {
      console.error(printableMessage(again(error.message)));
      return EXIT.finding;
    }
    if (error instanceof Stop) throw error;
    throw isGone(error as Error) ? await absent(lead, found, owner, color) : unasked(error as Error, owner, commands);
  }
  if (way === undefined) console.log(`The public is on ${target} already. Nothing was changed.`);
  else tellNext(found, way, set, commands);
  const left =
    hosts === undefined ? [] : whatIsLeft([...hosts.away, ...missed.map(awayAfter)], way?.to ?? target, commands);
  for (const line of left) say(line);
  return left.length === 0 ? EXIT.well : EXIT.finding;
}

/** Returns where the public of several hosts goes, and says which of them are left out. */
async function wayOnHosts(where: Where, found: FoundStack, owner: ServiceId, asked: Asked): Promise<HostsWay> {
  const [lead, ...others] = hostsOf(where);
  const seen = await findHosts(hostsOf(where, HOST_SECONDS), owner);
  if (seen.there.length === 0 && seen.away.every(({ mend }) => mend === undefined))
    throw await absent(lead.docker, found, owner, asked.to);
  if (seen.there.length === 0) throw nobodyThere(seen.away, asked.commands);
  const way = wayOfHosts(seen, asked);
  for (const line of leftOut(way)) say(line);
  // What they are asked from now on may take longer.
  const patient = new Map([lead, ...others].map((host) => [host.name, host.docker]));
  return { ...way, hosts: way.hosts.map((host) => ({ ...host, docker: patient.get(host.name) ?? host.docker })) };
}

/** Returns what is aborted by a signal. A move that has begun is brought to its end: it takes less than the thought of stopping it. */
function untilStopped(): AbortSignal {
  const cancelled = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!cancelled.signal.aborted) say("the way back goes on to its end; workers and jobs are not waited for");
      cancelled.abort();
    });
  }
  return cancelled.signal;
}

function colorOf(to: string | undefined, commands: Commands): Color | undefined {
  const color = COLORS.find((each) => each === to);
  if (to === undefined || color !== undefined) return color;
  throw new CantTellError(`--to is ${shown(to)}, and a color is blue or green`, [
    { purpose: "go back", command: commands.rollback() },
  ]);
}

/** Returns why the proxy could not be asked: it does not run, or the engine does not answer. */
function unasked({ message }: Error, owner: ServiceId, commands: Commands): CantTellError {
  const start = { purpose: "start the proxy", command: commands.docker("start", containerName(owner, "proxy")) };
  return new CantTellError(`${message} Nothing was changed`, [
    ...(/is not running/.test(message) ? [start] : []),
    { purpose: "see what is known", command: commands.status() },
  ]);
}

/** Returns why there is no proxy of that name: the stack has several services, or nothing of it runs. */
async function absent(
  docker: Docker,
  { owner: all, named, text, next }: FoundStack,
  { service }: ServiceId,
  to: Color | undefined,
): Promise<Error> {
  const { services } = await readServices(docker, all);
  const status = commandsFor(named, undefined).status();
  if (service !== undefined) return noService(service, services, status);
  if (services.length > 0) {
    return new CantTellError(
      `This stack has several services: which one?`,
      services.slice(0, 3).map((name) => ({
        purpose: `take ${name} back`,
        command: commandsFor(named, undefined, name).rollback(to),
      })),
    );
  }
  if (text === undefined) return new CantTellError(noStack(all.stack), next);
  return new CantTellError(`Nothing of the stack ${all.stack} runs on this engine`, [
    { purpose: "see what is known", command: status },
  ]);
}

/** The setting that has Pulumi agree to a way back. */
const agreed = ({ to, putBack }: WayBack): [name: string, value: string] =>
  putBack?.canaryPercent === undefined ? ["activeColor", to] : ["canaryPercent", "0"];

/** Says what is left to type. */
function tellNext(found: FoundStack, way: WayBack, set: Written, commands: Commands): void {
  const [name, value] = agreed(way);
  if (set === true) {
    console.log(`${found.file} says ${name} ${value} now. Next, to have Pulumi agree: ${commands.up()}`);
    console.log("Where a pipeline runs `pulumi up`, commit that line first.");
    return;
  }
  if (set !== undefined) say(set);
  console.log(`Next, to have Pulumi agree: ${commands.upWith([name, value])}`);
}

/** Whether the stack's file was set; why not, in words; undefined where there is none. */
type Written = true | string | undefined;

/** Sets a setting in the stack's file. */
function written({ owner, file, text }: FoundStack, name: string, value: string): Written {
  if (text === undefined) return undefined;
  try {
    const edited = withValues(file, text, { [`${owner.project}:${name}`]: value });
    if (edited !== text) writeStackFile(process.cwd(), { file, text }, edited);
    return true;
  } catch (error) {
    return `${file} was left as it is: ${plain((error as Error).message)}`;
  }
}

// The end of a container that nobody waits for any longer must not hold up this one.
runCommand(USAGE, rollback).finally(() => process.exit());
