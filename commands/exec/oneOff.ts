import type { ServiceId } from "../../stacks/service/names";
import { oneOffLabels } from "../../stacks/service/parts";
import { isObject, type JsonObject } from "../../stacks/text/json";

/** A container that is to be made. */
export interface OneOff {
  /** What the engine's API takes as the body of `POST /containers/create`. */
  body: JsonObject;
  /** The networks that it is on beyond the first one, which an engine before 25 does not take all at once. */
  moreNetworks: string[];
}

/** What a container's configuration says of its start that holds for any command in it. */
const KEPT = ["User", "Env", "WorkingDir", "StopSignal", "Domainname"] as const;

/** Networks that are no network of the engine's own: another container's, the host's, or none. */
const NO_NETWORK = /^(?:host|none|container:.*)$/;

/** The beginning of its id, which the engine gives a container as a host name where it has no other one. */
const ID_CHARACTERS = 12;

/**
 * Returns what a container for one command is made from: what `docker inspect` tells of the one that it is like, but for what would
 * have it serve, start again or stay.
 */
export function oneOffOf(
  inspected: JsonObject,
  words: readonly string[],
  { owner, isTerminal }: { owner: ServiceId; isTerminal: boolean },
): OneOff {
  const [config, host] = [objectOf(inspected.Config), objectOf(inspected.HostConfig)];
  const networks = networksOf(inspected, host);
  const [first] = networks;
  const isNamed = config.Hostname !== String(inspected.Id).slice(0, ID_CHARACTERS);
  const body = {
    ...Object.fromEntries(KEPT.map((key) => [key, config[key]])),
    ...(isNamed && { Hostname: config.Hostname }),
    // The one that it was made from: its tag may name another one by now.
    Image: inspected.Image,
    // A list that is there has the image's own left out.
    Entrypoint: config.Entrypoint ?? [],
    Cmd: words,
    Labels: oneOffLabels(owner),
    Healthcheck: { Test: ["NONE"] },
    ...{ Tty: isTerminal, OpenStdin: true, StdinOnce: true },
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
    HostConfig: { ...host, ...ownOf(first) },
    ...(first !== undefined && { NetworkingConfig: { EndpointsConfig: { [first]: {} } } }),
  };
  return { body, moreNetworks: networks.slice(1) };
}

/** What a container for one command has of its own. */
const ownOf = (network: string | undefined): JsonObject => ({
  ...{ PortBindings: {}, PublishAllPorts: false, RestartPolicy: { Name: "no" }, AutoRemove: true },
  // Process 1 gets no signal that it does not ask for: a small init passes them on, and says when there is no such command.
  Init: true,
  // What somebody types is in no log.
  LogConfig: { Type: "none", Config: {} },
  ...(network !== undefined && { NetworkMode: network }),
});

/** Returns the names of a container's networks: they are joined without the names that it has on them, by which it would serve. */
function networksOf(inspected: JsonObject, { NetworkMode }: JsonObject): string[] {
  if (typeof NetworkMode === "string" && NO_NETWORK.test(NetworkMode)) return [];
  return Object.keys(objectOf(objectOf(inspected.NetworkSettings).Networks));
}

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});
