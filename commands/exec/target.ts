import type { Docker } from "../../stacks/engine/docker";
import type { Color } from "../../stacks/service/color";
import { containerName, type ServiceId } from "../../stacks/service/names";
import type { StackContainer, StackPart } from "../../stacks/service/parts";
import { readServing } from "../../stacks/service/serving";
import { CantTellError, Refusal, type Stop } from "../outcome";
import { colorOf, labelOf, noPart, servicesOf } from "../parts";
import type { Commands } from "../typed";

/** Which container is asked for. */
export interface Asked {
  color?: Color;
  worker?: string;
  accessory?: string;
  /** Whether a new one is made like it, for which it need not run. */
  isNew: boolean;
}

/** What a container is chosen from. */
export interface Choosing {
  docker: Docker;
  owner: ServiceId;
  containers: readonly StackContainer[];
  commands: Commands;
  /** Returns what was typed with more options, or of another service. */
  again(options: readonly string[], service?: string): string;
}

/**
 * Returns the container that is asked for: of several the first one that runs.
 *
 * @throws Stop where there is none, or it can't be told which one is meant.
 */
export async function targetOf(from: Choosing, asked: Asked): Promise<StackContainer> {
  checkTogether(asked);
  const { owner, containers } = from;
  const services = servicesOf(containers);
  const own = containers.filter(({ service }) => service === owner.service);
  const isWhole = asked.accessory !== undefined && candidates(own, asked, undefined).length > 0;
  if (owner.service === undefined && services.length > 0 && !isWhole) throw whichService(from, services);
  const color = asked.accessory === undefined ? (asked.color ?? (await liveColor(from))) : undefined;
  const found = candidates(own, asked, color);
  const [first] = found;
  if (first === undefined) throw absent(from, asked, color);
  const running = found.find(({ state }) => state.Status === "running");
  if (running === undefined && !asked.isNew) throw notRunning(from, first);
  return running ?? first;
}

function checkTogether({ color, worker, accessory }: Asked): void {
  if (accessory === undefined) return;
  if (worker !== undefined)
    throw new CantTellError("--worker and --accessory name two containers, and a command runs in one");
  if (color !== undefined) throw new CantTellError("--color says nothing of an accessory, which both colors use");
}

const candidates = (
  containers: readonly StackContainer[],
  asked: Asked,
  color: Color | undefined,
): readonly StackContainer[] => containers.filter(({ part }) => isAsked(part, asked) && colorOf(part) === color);

function isAsked(part: StackPart, { worker, accessory }: Asked): boolean {
  if (accessory !== undefined) return part.role === "accessory" && part.name === accessory;
  if (worker !== undefined) return part.role === "worker" && part.name === worker;
  return part.role === "slot";
}

/** Returns the color that the proxy serves. */
async function liveColor({ docker, owner, again }: Choosing): Promise<Color> {
  const next = [{ purpose: "name the color", command: again(["--color", "blue"]) }];
  const serving = await readServing(docker, containerName(owner, "proxy")).catch(({ message }: Error) => {
    throw new CantTellError(`Which color is live? The proxy can't be asked: ${message}`, next);
  });
  if (serving === undefined) throw new CantTellError("Which color? Nobody is served yet", next);
  return serving.color;
}

const whichService = ({ again }: Choosing, services: readonly string[]): Stop =>
  new CantTellError(
    "This stack has several services: which one?",
    services.slice(0, 3).map((name) => ({ purpose: `run it in ${name}`, command: again([], name) })),
  );

function absent({ containers, commands }: Choosing, { worker, accessory }: Asked, color: Color | undefined): Stop {
  const look = [{ purpose: "see what there is", command: commands.status() }];
  if (worker !== undefined) return new Refusal(noPart("worker", worker, color, containers), look);
  if (accessory !== undefined) return new Refusal(noPart("accessory", accessory, undefined, containers), look);
  return new Refusal(`${color} has no container`, look);
}

function notRunning({ commands, again }: Choosing, container: StackContainer): Stop {
  const { name, state } = container;
  const isPaused = state.Status === "paused";
  return new Refusal(`${labelOf(container, true)} does not run: ${name} is ${state.Status}`, [
    { purpose: "start it", command: commands.docker(isPaused ? "unpause" : "start", name) },
    { purpose: "run it in a new container like it", command: again(["--new"]) },
  ]);
}
