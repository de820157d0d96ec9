import type { Docker } from "../engine/docker";
import { containerName, LABEL, ownerLabels, type ServiceId, serviceNameRule } from "./names";
import { type Found, isGateway, type Part, partOf } from "./ours";
import { type ContainerState, type Inspected, inspected } from "./world";

/** What any of a stack's containers is. */
export type StackPart = Part | { role: "gateway" };

/** One of a stack's containers, running or not. */
export interface StackContainer {
  id: string;
  /** Its name on the engine. */
  name: string;
  /** The service that it is of; absent where that has no name, and of a gateway. */
  service?: string;
  part: StackPart;
  state: ContainerState;
}

/** Returns what a container is; undefined for what the owner's stack did not make. */
export const stackPartOf = (owner: ServiceId, found: Found): StackPart | undefined =>
  isGateway(owner, found) ? { role: "gateway" } : partOf(owner, found);

/** The role of a container that `npm run exec -- --new` makes for one command. */
const ONE_OFF = "exec";

/** The labels of such a container. What its image says of a color must not hold for it. */
export const oneOffLabels = (owner: ServiceId): Record<string, string> => ({
  ...ownerLabels(owner),
  [LABEL.role]: ONE_OFF,
  [LABEL.color]: "",
});

/** The name of such a container. */
export const oneOffName = (container: string, random: string): string => `${container}-exec-${random}`;

/** Whether a container is one that was made for one command: it ends with that, and is no part of the stack. */
export const isOneOff = (owner: ServiceId, { Name = "", Config }: Found): boolean =>
  Config.Labels?.[LABEL.role] === ONE_OFF &&
  Name.startsWith(`/${containerName(owner, "")}`) &&
  /-exec-[0-9a-f]+$/.test(Name);

/** So often the containers are listed again, where a run removes one between two questions. */
const TRIES = 3;

/**
 * Reads the containers of a stack, or of one of its services, in the order of their names.
 *
 * @throws DockerError where the engine can't be asked.
 */
export async function readParts(docker: Docker, owner: ServiceId): Promise<StackContainer[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return partsIn(owner, await inspected(docker, owner, "container"));
    } catch (error) {
      if (tries === TRIES || !/no such (?:container|object)/i.test((error as Error).message)) throw error;
    }
  }
}

/** Returns what is a stack's of what `docker inspect` told of containers with its labels. */
export const partsIn = (owner: ServiceId, found: readonly Inspected[]): StackContainer[] =>
  found
    .flatMap((container) => partIn(owner, container))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));

function partIn(owner: ServiceId, container: Inspected): StackContainer[] {
  const service = serviceOf(owner, container);
  const whose = service === undefined ? owner : { ...owner, service };
  const part = stackPartOf(whose, container);
  if (part === undefined) return [];
  const state = container.State ?? { Running: false, Status: "unknown", StartedAt: "", ExitCode: 0, OOMKilled: false };
  const name = (container.Name ?? "").slice(1);
  return [{ id: container.Id, name, part, state, ...(service !== undefined && { service }) }];
}

/** Returns the service that a container's label names; an image may have any label, and what is no service's name counts as none. */
function serviceOf(owner: ServiceId, { Config }: Found): string | undefined {
  const service = Config.Labels?.[LABEL.service];
  return service !== undefined && serviceNameRule(service, owner) === undefined ? service : undefined;
}
