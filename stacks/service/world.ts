import type { Docker } from "../engine/docker";
import { objectIn } from "../text/json";
import type { Color } from "./color";
import { containerName, LABEL, ownerLabels, type ServiceId, volumeName } from "./names";
import { builtAs, type Part, partOf, type Release, releaseIn } from "./ours";
import { readServing, type Serving } from "./serving";
import type { SlotSpec } from "./slotSpec";

/** An image that was built before: for its version it is taken again, whatever the sources are by now. */
export interface BuiltImage {
  version: string;
  /** Hash over the sources that it was built from. */
  source: string;
  /** The base image that it was built on. */
  base: string;
  /** Whether the color takes the image that is there, by name, instead of being what builds it (see {@link builtFor}). */
  reused: boolean;
}

/** The proxy's container as it exists, running or not. */
export interface ProxyContainer {
  id: string;
  /** Whether the public can meet it: a container whose first start failed never did. */
  running: boolean;
  /** What it was made from (the label that this program gave it); empty where that can't be read. */
  made: Record<string, unknown>;
}

/** One of a color's containers as it exists, running or not. */
export interface SlotContainer {
  id: string;
  name: string;
  /** Which one of the color's containers it is, from 1 on. */
  replica: number;
  /** When it was made; ISO 8601, UTC. */
  created?: string;
  /** The image that it was made from, by id. */
  imageId: string;
  state: ContainerState;
  /** Hash over the sources that its image was built from, where it says so. */
  source?: string;
  /** How often the engine has started it again after it ended by itself. */
  restarts: number;
  /** The release, as its label says. */
  version: string;
  /** What it was made from (the label that this program gave it); empty where that can't be read. */
  made: Partial<SlotSpec>;
  /** Its environment with the image's own; holds the secrets, and so is never shown. */
  environment: Record<string, string>;
}

/** Reports whether a container runs a release of `app/`, built here or by `npm run release`: an image of somebody else has no hash of it. */
export const runsRelease = ({ source, made }: Pick<SlotContainer, "source" | "made">): boolean =>
  source !== undefined || !made.image;

/** Reports whether these containers must not run beside those of the other color (setting `sharedWhileSwitching`), as they say. */
export const isAlone = (containers: readonly Pick<SlotContainer, "made">[]): boolean =>
  containers.some(({ made }) => made.sharedWhileSwitching === false);

/**
 * Reports whether a color is stopped, or removed, because it is idle: as the latest cutover left it, or since it must not run beside the other
 * one. None of its workers runs then, whomever they follow.
 */
export const isStoppedAsIdle = ({ slots, serving }: Pick<World, "slots" | "serving">, color: Color): boolean =>
  serving?.record.retired?.color === color || isAlone(slots[color]);

/** A container beside the web ones: of a worker, a job, an accessory, or one that watches both colors. */
export interface BesideContainer {
  id: string;
  /** What Docker calls it. */
  container: string;
  /** The worker's, the job's or the accessory's name. */
  name: string;
  /** Which one of its worker's containers it is, from 1 on; 1 for a job and an accessory. */
  replica: number;
  state: ContainerState;
  restarts: number;
  /** What it was made from (the label that this program gave it); empty where that can't be read. */
  made: Record<string, unknown>;
  /** Its environment with the image's own; may hold secrets, and so is never shown. */
  environment: Record<string, string>;
}

/** An accessory of another service of the stack, or of the one without a name. */
export type ForeignAccessory = BesideContainer & { service?: string };

/** What stands beside the web containers. */
export interface Beside {
  workers: Record<Color, BesideContainer[]>;
  jobs: Record<Color, BesideContainer[]>;
  accessories: BesideContainer[];
  /** What watches both colors; absent where nothing does. */
  monitoring?: BesideContainer[];
}

/** A container's state, as `docker inspect` has it. */
export interface ContainerState {
  Running: boolean;
  Status: string;
  /** ISO 8601, UTC. */
  StartedAt: string;
  /** When it ended the last time. */
  FinishedAt?: string;
  ExitCode: number;
  OOMKilled: boolean;
  Health?: { Status: string; Log?: { Output: string }[] };
}

/** What is on the Docker Engine now, read once, before anything is decided. */
export interface World {
  proxy?: ProxyContainer;
  /** Whether the proxy is gone and its volume is there: it was removed by hand, or a first run failed before it was made. */
  proxyGone?: boolean;
  /** What the proxy serves; undefined where it serves nothing, or can't be asked. */
  serving?: Serving;
  /** Why a proxy that runs could not be asked what it serves: which color is live is unknown then. */
  silent?: string;
  /** Per color its containers, in their order; none where it has none. */
  slots: Record<Color, SlotContainer[]>;
  /** What stands beside them; absent where nothing does. */
  beside?: Beside;
  /** Accessories of the stack's other services, those among them that the program no longer has; absent where there are none. */
  foreignAccessories?: ForeignAccessory[];
  /** Per color, the images built for it that the engine still has. */
  built: Record<Color, BuiltImage[]>;
}

/** No engine answered: nothing can be said about what runs. `reason` is for people. */
export interface UnknownWorld {
  unknown: true;
  reason: string;
}

/** Of what `docker inspect` prints, the part that is used. */
export interface Inspected {
  Id: string;
  Name?: string;
  Created?: string;
  Image?: string;
  RestartCount?: number;
  /** An image's names. */
  RepoTags?: string[] | null;
  State?: ContainerState & { Restarting?: boolean };
  Config: { Labels: Record<string, string> | null; Env?: string[] | null };
}

/**
 * Reads what the engine has of this stack, and asks the proxy what it serves: five questions, three at a time. Where no engine
 * answers, as in the preview of a pull request, the world is unknown and says why.
 *
 * @param ask what the proxy is asked beyond what it serves (see {@link readServing}).
 */
export async function readWorld(docker: Docker, owner: ServiceId, ask: Ask = {}): Promise<World | UnknownWorld> {
  const [world] = await readWorlds(docker, owner, [owner], ask);
  return world as World | UnknownWorld;
}

/** So much of the history tells which releases a stack has had. */
export const RELEASES_HISTORY = 200;

/** What a proxy is asked beyond what it serves (see {@link readServing}). */
interface Ask {
  history?: number;
  healthSeconds?: number;
}

/** So many proxies are asked at a time: each question is a connection of its own, of which a server behind SSH takes about ten. */
export const ASKED_AT_A_TIME = 4;

/**
 * The same for several services of one stack, in their order: what the engine has is asked once for all of them, and only each proxy
 * for itself.
 *
 * @param all who all of them are services of.
 */
export async function readWorlds(
  docker: Docker,
  all: ServiceId,
  owners: readonly ServiceId[],
  ask: Ask = {},
): Promise<(World | UnknownWorld)[]> {
  try {
    const [containers, images, told] = await Promise.all([
      inspected(docker, all, "container"),
      inspected(docker, all, "image"),
      inTurns(owners, ASKED_AT_A_TIME, (owner) => askProxy(docker, owner, ask)),
    ]);
    const worlds = owners.map((owner, at) => {
      const world = worldOf(owner, containers, images);
      const { serving, silent } = told[at] ?? {};
      return { ...world, ...(serving && { serving }), ...(world.proxy?.running && silent !== undefined && { silent }) };
    });
    const volumes = worlds.every(({ proxy }) => proxy) ? [] : await labelledVolumes(docker, all);
    return worlds.map((world, at) => {
      const gone = world.proxy === undefined && volumes.includes(volumeName(owners[at] ?? all));
      return { ...world, ...(gone && { proxyGone: true }) };
    });
  } catch (error) {
    const unknown: UnknownWorld = { unknown: true, reason: (error as Error).message };
    return owners.map(() => unknown);
  }
}

/** By its name, so as not to wait until its id is known; one that isn't there or doesn't run serves nothing. */
const askProxy = (docker: Docker, owner: ServiceId, ask: Ask): Promise<Pick<World, "serving" | "silent">> =>
  readServing(docker, containerName(owner, "proxy"), ask).then(
    (serving) => ({ ...(serving && { serving }) }),
    (error: Error) => ({ silent: error.message }),
  );

/** Does something with each of them, with so many at a time; the results in their order. */
export async function inTurns<Item, Result>(
  items: readonly Item[],
  atATime: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}

/** The containers of the stack's colors, and what stands beside them. */
export async function readContainers(docker: Docker, owner: ServiceId): Promise<Pick<World, "slots" | "beside">> {
  return worldOf(owner, await inspected(docker, owner, "container"), []);
}

/** Arguments of `docker ... ls` for what carries the labels of a stack, or of one of its services. */
export const filtersOf = (owner: ServiceId): string[] =>
  Object.entries(ownerLabels(owner)).flatMap(([label, value]) => ["--filter", `label=${label}=${value}`]);

/** The names of the volumes that carry the owner's labels; no image can give them one. */
const labelledVolumes = async (docker: Docker, owner: ServiceId): Promise<string[]> =>
  (await docker.ask("volume", "ls", "--quiet", ...filtersOf(owner))).split("\n").filter(Boolean);

/** What `docker inspect` tells of everything of one kind that carries the owner's labels. */
export async function inspected(docker: Docker, owner: ServiceId, kind: "container" | "image"): Promise<Inspected[]> {
  const listed = await docker.ask(kind, "ls", "--all", "--quiet", "--no-trunc", ...filtersOf(owner));
  const ids = listed.split("\n").filter(Boolean);
  return ids.length === 0 ? [] : JSON.parse(await docker.ask(kind, "inspect", ...new Set(ids)));
}

/** Makes the world from what `docker inspect` printed of containers and images that carry the stack's labels. */
export function worldOf(owner: ServiceId, found: Inspected[], images: Inspected[]): World {
  const containers = found.flatMap((container) => {
    const part = partOf(owner, container);
    return part === undefined ? [] : [{ part, container }];
  });
  containers.push(...watchersIn(owner, found));
  const proxy = containers.find(({ part }) => part.role === "proxy")?.container;
  const slotsOf = (color: Color) =>
    containers
      .flatMap(({ part, container }) => (part.role === "slot" && part.color === color ? [{ part, container }] : []))
      .map(({ part, container }) => ({ slot: slotOf(container, part.replica), container }))
      .sort((a, b) => a.slot.replica - b.slot.replica);
  const slots = { blue: slotsOf("blue"), green: slotsOf("green") };
  const beside = besideIn(containers);
  const foreignAccessories = foreignIn(owner, found);
  const built = (color: Color) => builtFor(owner, color, slots[color], images);
  return {
    slots: { blue: slots.blue.map(({ slot }) => slot), green: slots.green.map(({ slot }) => slot) },
    ...(beside && { beside }),
    ...(foreignAccessories.length > 0 && { foreignAccessories }),
    ...(proxy && {
      proxy: {
        id: proxy.Id,
        running: proxy.State?.Running === true || proxy.State?.Restarting === true,
        made: parsed(proxy.Config.Labels?.[LABEL.proxy]),
      },
    }),
    built: { blue: built("blue"), green: built("green") },
  };
}

/** Finds what watches a service by name together with others: it is the stack's, and its label names the services. */
function watchersIn(
  { service, ...stack }: ServiceId,
  found: readonly Inspected[],
): { part: Part; container: Inspected }[] {
  if (service === undefined) return [];
  return found.flatMap((container) => {
    const part = partOf(stack, container);
    const { services } = parsed(container.Config.Labels?.[LABEL.spec]);
    const isWatching = part?.role === "monitoring" && Array.isArray(services) && services.includes(service);
    return isWatching ? [{ part, container }] : [];
  });
}

/** Sorts out what stands beside the web containers, by name and number. */
function besideIn(found: readonly { part: Part; container: Inspected }[]): Beside | undefined {
  const each = found.flatMap(({ part, container }) =>
    part.role === "proxy" || part.role === "slot" ? [] : [{ part, made: besideOf(part, container) }],
  );
  if (each.length === 0) return undefined;
  each.sort((a, b) =>
    a.made.name < b.made.name ? -1 : a.made.name > b.made.name ? 1 : a.made.replica - b.made.replica,
  );
  const of = (role: Part["role"], color?: Color) =>
    each
      .filter(({ part }) => part.role === role && ("color" in part ? part.color : undefined) === color)
      .map(({ made }) => made);
  return {
    workers: { blue: of("worker", "blue"), green: of("worker", "green") },
    jobs: { blue: of("job", "blue"), green: of("job", "green") },
    accessories: of("accessory"),
    ...(of("monitoring").length > 0 && { monitoring: of("monitoring") }),
  };
}

/** Finds the accessories of the stack's other services among its containers. */
function foreignIn({ service: own, ...stack }: ServiceId, found: readonly Inspected[]): ForeignAccessory[] {
  return found.flatMap((container) => {
    const service = container.Config.Labels?.[LABEL.service];
    const of = service === undefined ? {} : { service };
    const part = service === own ? undefined : partOf({ ...stack, ...of }, container);
    return part?.role === "accessory" ? [{ ...besideOf(part, container), ...of }] : [];
  });
}

function besideOf(
  part: Exclude<Part, { role: "proxy" | "slot" }>,
  { Id, Name, RestartCount, State, Config }: Inspected,
): BesideContainer {
  return {
    id: Id,
    container: (Name ?? "").replace(/^\//, ""),
    name: part.name,
    replica: part.role === "worker" ? part.replica : 1,
    state: State ?? NO_STATE,
    restarts: RestartCount ?? 0,
    made: parsed(Config.Labels?.[LABEL.spec]),
    environment: environmentIn(Config.Env),
  };
}

const NO_STATE: ContainerState = { Running: false, Status: "unknown", StartedAt: "", ExitCode: 0, OOMKilled: false };

/** An image that was imported has none, and the engine says so with null. */
const environmentIn = (lines: readonly string[] | null | undefined): Record<string, string> =>
  Object.fromEntries((lines ?? []).map((line) => line.split(/=(.*)/s).slice(0, 2)));

/** What a slot's label says; lists that are none count as empty. */
function madeIn(label: string | undefined): Partial<SlotSpec> {
  const made = parsed(label);
  const names = (value: unknown) => (Array.isArray(value) ? value.filter((name) => typeof name === "string") : []);
  if (made.definition === undefined) return {};
  return {
    ...made,
    environment: names(made.environment),
    secretEnvironment: names(made.secretEnvironment),
  };
}

function slotOf({ Id, Name, Created, Image, RestartCount, State, Config }: Inspected, replica: number): SlotContainer {
  const labels = Config.Labels ?? {};
  return {
    id: Id,
    name: (Name ?? "").replace(/^\//, ""),
    replica,
    ...(Created !== undefined && { created: Created }),
    imageId: Image ?? "",
    ...(labels[LABEL.source] && { source: labels[LABEL.source] }),
    state: State ?? NO_STATE,
    restarts: RestartCount ?? 0,
    version: labels[LABEL.version] ?? "unknown",
    made: madeIn(labels[LABEL.slot]),
    environment: environmentIn(Config.Env),
  };
}

/**
 * The images that were built for a color. The version that its container runs stays what it is in Pulumi's state: built by the
 * color's image, or reused. Any other version that the engine has is reused, since to declare a build again would build it from
 * today's sources.
 */
function builtFor(
  owner: ServiceId,
  color: Color,
  slots: { slot: SlotContainer; container: Inspected }[],
  images: Inspected[],
): BuiltImage[] {
  const found = new Map<string, BuiltImage>();
  const add = (release: Release | undefined, reused: boolean) => {
    if (release !== undefined && !found.has(release.version)) found.set(release.version, { ...release, reused });
  };
  // The first one wins: what runs says best what a version is.
  for (const { slot, container } of slots) {
    const { Labels } = container.Config;
    // An image that is pulled may say anything of how it was built.
    if (!slot.made.image) add(releaseIn(Labels), Labels?.[LABEL.build] !== "built");
  }
  for (const image of images) add(builtAs(owner, color, image), true);
  return [...found.values()];
}

const parsed = (label: string | undefined): Record<string, unknown> => objectIn(label) ?? {};
