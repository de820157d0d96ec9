import type { Docker } from "../stacks/engine/docker";
import { COLORS, type Color } from "../stacks/service/color";
import { replicaName } from "../stacks/service/names";
import { readParts, type StackContainer, type StackPart } from "../stacks/service/parts";
import { shown } from "../stacks/text/plain";
import type { StackHost } from "./hosts";
import { CantTellError } from "./outcome";
import { type FoundStack, noService, noStack } from "./stack";
import { commandsFor } from "./typed";

/** What of a stack has a name from its settings. */
export const NAMED_ROLES = ["worker", "job", "accessory", "monitoring"] as const;

export type NamedRole = (typeof NAMED_ROLES)[number];

/** The color of each container that has one. */
export const colorOf = (part: StackPart): Color | undefined => ("color" in part ? part.color : undefined);

/**
 * Returns the color of that name.
 *
 * @throws CantTellError for what is none.
 */
export function colorIn(text: string): Color {
  const color = COLORS.find((each) => each === text);
  if (color === undefined) throw new CantTellError(`--color is ${shown(text)}, and a color is blue or green`);
  return color;
}

/** A container, and where it is. */
export interface PlacedContainer extends StackContainer {
  docker: Docker;
  /** The host's name, of a stack with several; absent where only one is looked at. */
  host?: string;
}

/**
 * What a container is called: `green-2`, `blue worker mail`, `db`, `monitoring metrics`; behind the names of its host and of its service
 * where they have to be said.
 */
export function labelOf(
  { part, service, host }: Pick<StackContainer, "part" | "service"> & { host?: string },
  isServiceKnown: boolean,
): string {
  const where = [host, isServiceKnown ? undefined : service].filter((name) => name !== undefined);
  return [...where, partLabel(part)].join(" ");
}

function partLabel(part: StackPart): string {
  switch (part.role) {
    case "slot":
      return replicaName(part.color, part.replica);
    case "worker":
      return `${part.color} worker ${part.name}${part.replica === 1 ? "" : `-${part.replica}`}`;
    case "job":
      return `${part.color} job ${part.name}`;
    case "accessory":
      return part.name;
    case "monitoring":
      return `monitoring ${part.name}`;
    default:
      return part.role;
  }
}

/** Whether what has this role is of no color. */
const isOfBoth = (role: NamedRole): boolean => role === "accessory" || role === "monitoring";

/** Says that a stack has no worker, job, accessory or container of monitoring of a name, and which ones it has. */
export function noPart(
  role: NamedRole,
  name: string,
  color: Color | undefined,
  containers: readonly Pick<StackContainer, "part">[],
): string {
  const names = containers.flatMap(({ part }) =>
    part.role === role && (color === undefined || color === (colorOf(part) ?? color)) ? [part.name] : [],
  );
  const where = color === undefined || isOfBoth(role) ? "this stack" : color;
  const known = names.length === 0 ? "it has none" : `it has ${[...new Set(names)].join(", ")}`;
  const what = role === "monitoring" ? "container of monitoring" : role;
  return `There is no ${what} ${shown(name)} in ${where}; ${known}`;
}

/** Returns the services of a stack that have a name. */
export const servicesOf = (containers: readonly StackContainer[]): string[] => [
  ...new Set(containers.flatMap(({ service }) => service ?? [])),
];

/**
 * Reads the containers of a stack, or of one of its services.
 *
 * @throws CantTellError where there are none, or the engine can't be asked, with what to type instead.
 */
export async function containersOf(
  docker: Docker,
  { owner, named, text, next }: FoundStack,
  service: string | undefined,
): Promise<StackContainer[]> {
  const look = lookAt(named);
  const all = await readParts(docker, owner).catch(({ message }: Error) => {
    throw new CantTellError(`The Docker Engine could not be asked: ${message}`, [look]);
  });
  if (all.length === 0 && text === undefined) throw new CantTellError(noStack(owner.stack), next);
  if (all.length === 0) throw new CantTellError(`Nothing of the stack ${owner.stack} runs on this engine`, [look]);
  return ofService(all, service, look.command);
}

/** A host whose containers can't be read, and why. */
export interface SilentHost {
  host: StackHost;
  problem: string;
}

/**
 * Reads the containers of a stack, or of one of its services, on all of these hosts.
 *
 * @throws CantTellError where there are none, or none of the hosts can be asked, with what to type instead.
 */
export async function containersOn(
  hosts: readonly [StackHost, ...StackHost[]],
  found: FoundStack,
  service: string | undefined,
): Promise<{ containers: PlacedContainer[]; silent: SilentHost[] }> {
  const [{ docker }, ...others] = hosts;
  if (others.length === 0) {
    const containers = await containersOf(docker, found, service);
    return { containers: containers.map((container) => ({ ...container, docker })), silent: [] };
  }
  const look = lookAt(found.named);
  const silent: SilentHost[] = [];
  const read = hosts.map(async (host) => {
    const containers = await readParts(host.docker, found.owner).catch(({ message }: Error) => {
      silent.push({ host, problem: message });
      return [];
    });
    return containers.map((container) => placedOn(host, container));
  });
  const all = (await Promise.all(read)).flat();
  if (silent.length === hosts.length) {
    const words = hosts.map((host) => `${host.name}: ${silent.find((one) => one.host === host)?.problem}`);
    throw new CantTellError(`No host could be asked: ${words.join("; ")}`, [look]);
  }
  if (all.length === 0) throw new CantTellError(`Nothing of the stack ${found.owner.stack} runs on its hosts`, [look]);
  return { containers: ofService(all, service, look.command), silent };
}

/** Returns a container with where it is. */
export const placedOn = ({ docker, name }: StackHost, container: StackContainer): PlacedContainer => ({
  ...container,
  docker,
  ...(name !== undefined && { host: name }),
});

const lookAt = (named: string | undefined) => ({
  purpose: "see what is known",
  command: commandsFor(named, undefined).status(),
});

function ofService<Container extends StackContainer>(
  all: readonly Container[],
  service: string | undefined,
  status: string,
): Container[] {
  const found = all.filter((one) => service === undefined || one.service === service);
  if (service !== undefined && found.length === 0) throw noService(service, servicesOf(all), status);
  return found;
}
