import type { Color } from "./color";

/** Whose resources these are: what keeps two stacks on one Docker Engine apart, in names and in labels. */
export interface ServiceId {
  /** The Pulumi project, e.g. `blue-green`. */
  project: string;
  /** The stack, e.g. `dev`. */
  stack: string;
  /** Which one of the stack's services, e.g. `shop`; absent where it has one alone, as this project's own program. */
  service?: string;
  /**
   * On which of the service's hosts it is, where that isn't the stack's own engine; `b`. Pulumi alone tells things apart by it: each engine
   * has all under the same names.
   */
  host?: string;
}

/** What Pulumi calls the service that has no name. */
export const OWN_SERVICE = "service";

/** Labels by which people, tests and the program itself find what belongs to a stack. */
export const LABEL = {
  project: "blue-green.project",
  stack: "blue-green.stack",
  /** Absent on what belongs to no service by name. */
  service: "blue-green.service",
  role: "blue-green.role",
  color: "blue-green.color",
  /** Which one of its color's containers a container is, from 1 on. */
  replica: "blue-green.replica",
  version: "blue-green.version",
  /** The name of what stands beside the web containers. */
  worker: "blue-green.worker",
  job: "blue-green.job",
  accessory: "blue-green.accessory",
  /** Which one of the containers that watch both colors a container is. */
  monitoring: "blue-green.monitoring",
  /** On such a container: what a cutover, or a comparison, goes by, as JSON without values of its environment. */
  spec: "blue-green.spec",
  /** Hash over the sources that an image was built from. */
  source: "blue-green.source",
  /** The base image that an image was built on, as it was named. */
  base: "blue-green.base",
  /** On a slot's container: `built` where this color's image builds the version, `reused` where it was there already. */
  build: "blue-green.build",
  /** What the proxy's container was made from, as JSON: what a change of it would replace. */
  proxy: "blue-green.proxy",
  /** What a slot's container was made from, as JSON without secrets: what a color does not run yet of the settings. */
  slot: "blue-green.slot",
  /** What a gateway's container was made from, as JSON: what a change of it would replace. */
  gateway: "blue-green.gateway",
} as const;

/** The variable that `npm run recover` sets for its preview, which then declares what runs instead of what the settings ask for. */
export const RECOVERY = "BLUE_GREEN_RECOVERY";

/** Where the proxy's volume is mounted: the configuration that serves, and nginx's temporary files. */
export const PROXY_DIRECTORY = "/var/lib/blue-green";

/** The proxy's ports at which its front door is asked by what watches it: on the stack's network alone, and counted as nobody's visit. */
export const PROBE_PORTS = { http: 8085, https: 8086 } as const;

/** What one of a color's containers is called, on the Docker network too: the first one as the color itself. */
export type ReplicaName = Color | `${Color}-${number}`;

/** The name of a color's container, of which there are 1 to `replicas`. */
export const replicaName = (color: Color, replica: number): ReplicaName =>
  replica === 1 ? color : `${color}-${replica}`;

/** What one of a color's containers beside its web ones is called: `blue-worker-mail`, `blue-worker-mail-2`, `blue-job-migrate`. */
export type BesideName = `${Color}-worker-${string}` | `${Color}-job-${string}`;
export type AccessoryName = `accessory-${string}`;
/** What watches all services of a stack, one of each. */
export const WATCH_PARTS = ["prometheus", "alertmanager", "blackbox"] as const;
export type WatchPart = (typeof WATCH_PARTS)[number];
/** What watches both colors: the first of them is each service's own. */
export const MONITORING_PARTS = ["metrics", ...WATCH_PARTS] as const;
export type MonitoringPart = (typeof MONITORING_PARTS)[number];
export type MonitoringName = `monitoring-${MonitoringPart}`;

export const workerName = (color: Color, worker: string, replica: number): BesideName =>
  `${color}-worker-${worker}${replica === 1 ? "" : `-${replica}`}`;
export const jobName = (color: Color, job: string): BesideName => `${color}-job-${job}`;
export const accessoryName = (accessory: string): AccessoryName => `accessory-${accessory}`;
export const monitoringName = (part: MonitoringPart): MonitoringName => `monitoring-${part}`;

/** The names of all of a color's containers. */
export const replicaNames = (color: Color, replicas: number): ReplicaName[] =>
  Array.from({ length: replicas }, (_, at) => replicaName(color, at + 1));

/**
 * What Pulumi calls a part: it tells resources apart by type and name, and not by their parent's name, so that each service's parts
 * carry that of the service, and of their host: `blue`, `shop-blue`, `shop-b-blue`.
 */
export const logicalName = <Part extends string>(
  { service, host }: Partial<ServiceId>,
  part: Part,
): Part | `${string}-${Part}` => {
  const before = [service, host].filter((name) => name !== undefined).join("-");
  return before === "" ? part : `${before}-${part}`;
};

/** What Docker calls something of the stack by what Pulumi calls it: without its host, of which an engine knows nothing. */
export function nameOnEngine({ project, stack, service, host }: ServiceId, logical: string): string {
  const own = service === undefined ? {} : { service };
  const ofHost = host === undefined ? undefined : logicalName({ ...own, host }, "");
  const name = ofHost && logical.startsWith(ofHost) ? logicalName(own, logical.slice(ofHost.length)) : logical;
  return `${project}-${stack}-${name}`;
}

/** The container's name as `docker ps` shows it: project, stack, service and what it is; the beginning of all of them for "". */
export const containerName = (
  owner: ServiceId,
  part: ReplicaName | BesideName | AccessoryName | MonitoringName | "proxy" | "",
): string => nameOnEngine(owner, logicalName(owner, part));

/** The name of a container that watches: the service's own, or the stack's one for all of its services. */
export function monitoringContainer(owner: ServiceId, part: MonitoringPart): string {
  const { service: _, ...stack } = owner;
  const isShared = WATCH_PARTS.some((shared) => shared === part);
  return containerName(isShared ? stack : owner, monitoringName(part));
}

/** The one network that the proxy and both colors share. */
export const networkName = (owner: ServiceId): string =>
  owner.service === undefined ? `${owner.project}-${owner.stack}` : nameOnEngine(owner, owner.service);

/** The proxy's volume. */
export const volumeName = (owner: ServiceId): string => containerName(owner, "proxy");

/** The tag of a built image: a version and the sources that it was built from. */
export const imageName = (owner: ServiceId, color: Color, version: string, source: string): string =>
  `${containerName(owner, color)}:${version}-${source}`.toLowerCase();

/** The labels that everything of a stack, or of one of its services, carries. */
export const ownerLabels = ({ project, stack, service }: ServiceId): Record<string, string> => ({
  [LABEL.project]: project,
  [LABEL.stack]: stack,
  ...(service !== undefined && { [LABEL.service]: service }),
});

/** A stack's one gateway: its container, its network and, with what proxies call theirs, its volume. */
export const gatewayName = (owner: ServiceId): string => nameOnEngine(owner, "gateway");

/** What a service's proxy is called on the gateway's network. */
export const gatewayAlias = ({ service }: ServiceId): string => `${service}-proxy`;

/** The longest label of a host name (RFC 1035): the engine's DNS answers to the containers' names. */
const MAX_NAME_CHARACTERS = 63;

/** Words that the parts' names are made of: with one of them a service's name would read as another one's part. */
const PART_NAMES: readonly string[] = ["blue", "green", "proxy", "gateway"];

/** Why a service can't be called that; undefined where it can. */
export function serviceNameRule(name: string, owner: ServiceId): string | undefined {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) {
    return "must be of a-z 0-9, with single dashes between them, and begin with a letter";
  }
  const word = name.split("-").find((word) => PART_NAMES.includes(word));
  if (word !== undefined) return `must not have the word ${word} in it, which its parts are called`;
  const longest = containerName({ ...owner, service: name }, "green-20");
  return longest.length > MAX_NAME_CHARACTERS
    ? `must be ${longest.length - MAX_NAME_CHARACTERS} characters shorter: ${longest} would be the name of a container, and may have ${MAX_NAME_CHARACTERS}`
    : undefined;
}

/** Why a service of such names can't be watched; undefined where it can. Those who watch are found by the names of their containers. */
export function monitoringNameRule(owner: ServiceId, monitoring: "off" | "metrics" | "on"): string | undefined {
  const parts = { off: [], metrics: ["metrics"], on: MONITORING_PARTS } as const;
  const names = parts[monitoring].map((part) => monitoringContainer(owner, part));
  const longest = names.reduce((longer, name) => (name.length > longer.length ? name : longer), "");
  return longest.length > MAX_NAME_CHARACTERS
    ? `${longest} would be the name of a container, and may have ${MAX_NAME_CHARACTERS} characters: it has ${longest.length}`
    : undefined;
}

/** Labels as the Docker provider wants them, in an order that never changes. */
export const labelList = (labels: Record<string, string>): { label: string; value: string }[] =>
  Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => ({ label, value }));
