import { type Docker, dockerAt } from "./engine/docker";
import { needsOf } from "./plan/container";
import { type Placed, placesOf } from "./plan/places";
import { settledWorld } from "./plan/settledWorld";
import type { ServiceId } from "./service/names";
import { type Found, findNeeds } from "./service/needs";
import { RUN_HEALTH_SECONDS } from "./service/serving";
import { RELEASES_HISTORY, readWorlds, type UnknownWorld, type World } from "./service/world";
import type { Settings } from "./settings/settings";

/** A service where it runs, with the engine there. */
type Site<Service> = Service & Placed & { engine: Docker };

/** A service where it runs, with what was seen there. */
export type SeenSite<Service> = Site<Service> & {
  world: World | UnknownWorld;
  found: Found;
  /** Which engine it is, where there are several. */
  engineId?: string | undefined;
};

/**
 * Reads what runs of services on all of their engines: each engine is asked once, for all that runs there, and all at the same time.
 *
 * @returns for each service its places, the lead first.
 */
export async function readSites<Service extends { owner: ServiceId; settings: Settings }>(
  all: ServiceId,
  services: readonly Service[],
): Promise<SeenSite<Service>[][]> {
  const engines = new Map<string | undefined, Docker>();
  const engineAt = (address: string | undefined): Docker => {
    const engine = engines.get(address) ?? dockerAt(address);
    engines.set(address, engine);
    return engine;
  };
  const sites = services.map((service) =>
    placesOf(service.owner, service.settings).map((place) => ({
      ...{ ...service, ...place },
      engine: engineAt(place.settings.dockerHost),
    })),
  );
  const read = [...engines.values()].map((engine) => readEngine(engine, all, sites.flat(), engines.size > 1));
  const seen = new Map((await Promise.all(read)).flat());
  return sites.map((places) => places.map((place) => seen.get(place) as SeenSite<Service>));
}

/**
 * Returns what was seen of those sites that are on an engine.
 *
 * @param isOneOfMany whether it is asked who it is.
 */
async function readEngine<Service>(
  engine: Docker,
  all: ServiceId,
  sites: readonly Site<Service>[],
  isOneOfMany: boolean,
): Promise<(readonly [Site<Service>, SeenSite<Service>])[]> {
  const here = sites.filter((site) => site.engine === engine);
  const owners = here.map(({ owner }) => owner);
  const ask = { history: RELEASES_HISTORY, healthSeconds: RUN_HEALTH_SECONDS };
  const needs = here.map(({ settings }) => needsOf(settings));
  const [worlds, found, engineId] = await Promise.all([
    readWorlds(engine, all, owners, ask).then((worlds) =>
      Promise.all(here.map(({ owner, settings }, at) => settledWorld(engine, owner, settings, worlds[at]))),
    ),
    findNeeds(engine, all, needs),
    isOneOfMany ? idOf(engine) : undefined,
  ]);
  const unknown: UnknownWorld = { unknown: true, reason: "it was not read" };
  return here.map((site, at) => [site, { ...site, world: worlds[at] ?? unknown, found, engineId }] as const);
}

/**
 * Which engine it is, as it says itself; undefined where it does not answer. Machines that are copies of one have the same id before
 * Docker 25, and mostly another name.
 */
const idOf = (engine: Docker): Promise<string | undefined> =>
  engine.ask("system", "info", "--format", "{{.ID}} {{.Name}}").then(
    (id) => id.trim() || undefined,
    () => undefined,
  );
