import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "./engine/docker";
import { readScript } from "./engine/scripts";
import { COLORS } from "./service/color";
import { monitoringContainer, type ServiceId, WATCH_PARTS } from "./service/names";
import type { UnknownWorld, World } from "./service/world";
import type { Settings } from "./settings/settings";

/** Names the containers on the network that the stack did not make (see nginx/network.sh). */
export const CHECK = readScript("network");

/** Ends a proxy (see nginx/leave.sh). */
const LEAVE = readScript("leave");

/** What a {@link declareNetworkCheck} looks at. */
export interface NetworkCheckArgs {
  /** What Docker calls the network. */
  network: string;
  /** What the names of the stack's own containers on it begin with, and, as a regular expression, how they go on. */
  begins: string;
  ends: string;
  /** Those of the stack's that are called otherwise. */
  also?: readonly string[];
  dockerHost: string | undefined;
  /** All that is on the network: the check is the first thing that a `pulumi destroy` does, before anything is gone. */
  dependsOn: pulumi.Input<pulumi.Resource[]>;
}

/** The names of the stack's own containers as a regular expression for a whole line. */
export const ownNames = ({ begins, ends, also = [] }: Pick<NetworkCheckArgs, "begins" | "ends" | "also">): string =>
  [`${literal(begins)}(${ends})`, ...also.map(literal)].join("|");

/** A name's points stand for themselves. */
const literal = (name: string): string => name.replaceAll(".", "\\.");

/** How a service's names go on on its own network, and how a stack's on the gateway's. */
export const SERVICE_ENDS = "(blue|green)(-[0-9]+)?|proxy";
const BESIDE_ENDS = "|(blue|green)-(worker|job)-.+|accessory-.+";
const MONITORING_ENDS = "|monitoring-.+";
export const GATEWAY_ENDS = "gateway|.+-proxy|monitoring-blackbox";

/**
 * How the names of a service's containers go on, with those that stand beside the web ones where there are any: the live color keeps
 * its workers and jobs, whatever the settings say by now.
 */
export const serviceEnds = (
  { workers, jobs, accessories, monitoring }: Pick<Settings, "workers" | "jobs" | "accessories" | "monitoring">,
  world: World | UnknownWorld,
): string => {
  const beside = "unknown" in world ? undefined : world.beside;
  const isWatched = monitoring !== "off" || beside?.monitoring !== undefined;
  const runs = beside && [
    ...COLORS.flatMap((color) => [beside.workers[color], beside.jobs[color]]),
    beside.accessories,
  ];
  const hasBeside = Boolean(workers || jobs || accessories || runs?.some((each) => each.length > 0));
  return `${SERVICE_ENDS}${hasBeside ? BESIDE_ENDS : ""}${isWatched ? MONITORING_ENDS : ""}`;
};

/** What watches all services of a stack: on a service's network, with a name that is not the service's. */
export const watchersOn = (
  owner: ServiceId,
  { monitoring }: Pick<Settings, "monitoring">,
  world: World | UnknownWorld,
): string[] => {
  const watchers = WATCH_PARTS.map((part) => monitoringContainer(owner, part));
  const runs = "unknown" in world ? [] : (world.beside?.monitoring ?? []);
  const isWatched = monitoring === "on" || runs.some(({ container }) => watchers.includes(container));
  return owner.service !== undefined && isWatched ? watchers : [];
};

/**
 * Has `pulumi destroy` say at once whose containers keep the network, instead of after half a minute and without a name. It is a
 * command, since a hook is missing where the program does not run, as in a `destroy`.
 */
export const declareNetworkCheck = (name: string, args: NetworkCheckArgs, parent: pulumi.Resource): local.Command =>
  new local.Command(
    name,
    {
      // Short, since an error shows it.
      delete: 'sh -c "$CHECK"',
      environment: {
        CHECK,
        NETWORK: args.network,
        OWN: ownNames(args),
        // The client's current context is not what the provider uses.
        DOCKER_CONTEXT: "default",
        ...dockerHost(args.dockerHost),
      },
      addPreviousOutputInEnv: false,
    },
    { parent, dependsOn: args.dependsOn },
  );

/** What a {@link declareLeave} ends. */
export interface LeaveArgs {
  /** What Docker calls the proxy, and how long it may take to answer what it has. */
  proxy: string;
  seconds: number;
  dockerHost: string | undefined;
  /** All that stands on the host: it goes after that. */
  dependsOn: pulumi.Resource[];
}

/**
 * Has a host that is taken out of the setting `hosts` answer what it has begun: its proxy ends before the colors behind it, of which Pulumi
 * removes all at once.
 */
export const declareLeave = (name: string, args: LeaveArgs, parent: pulumi.Resource): local.Command =>
  new local.Command(
    name,
    {
      delete: 'sh -c "$LEAVE"',
      environment: {
        ...{ LEAVE, PROXY: args.proxy, SECONDS_LEFT: String(args.seconds) },
        DOCKER_CONTEXT: "default",
        ...dockerHost(args.dockerHost),
      },
      addPreviousOutputInEnv: false,
    },
    { parent, dependsOn: args.dependsOn },
  );
