import type { Docker } from "../stacks/engine/docker";
import { COLORS, type Color } from "../stacks/service/color";
import { replicaName } from "../stacks/service/names";
import { readParts, type StackContainer, type StackPart } from "../stacks/service/parts";
import { shown } from "../stacks/text/plain";
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

/** What a container is called: `green-2`, `blue worker mail`, `db`, `monitoring metrics`; behind its service's name where that has to be said. */
export function labelOf({ part, service }: Pick<StackContainer, "part" | "service">, isServiceKnown: boolean): string {
  const label = partLabel(part);
  return service === undefined || isServiceKnown ? label : `${service} ${label}`;
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
  const look = { purpose: "see what is known", command: commandsFor(named, undefined).status() };
  const all = await readParts(docker, owner).catch(({ message }: Error) => {
    throw new CantTellError(`The Docker Engine could not be asked: ${message}`, [look]);
  });
  if (all.length === 0 && text === undefined) throw new CantTellError(noStack(owner.stack), next);
  if (all.length === 0) throw new CantTellError(`Nothing of the stack ${owner.stack} runs on this engine`, [look]);
  const found = service === undefined ? all : all.filter((one) => one.service === service);
  if (service !== undefined && found.length === 0) throw noService(service, servicesOf(all), look.command);
  return found;
}
