import { at, type Inputs, items, UNKNOWN } from "./known";

/** What both kinds of resources that run containers say of them, as far as policies look at it. */
export interface Workload {
  /** What it is called in messages. */
  what: string;
  image: unknown;
  privileged: boolean;
  /** The networks, as they are named; `host` is the host's own. */
  networks: unknown[];
  /** What the host's ports are taken for; a service's can't be on the loopback alone. */
  ports: { port: unknown; ip: unknown }[];
  /** Whether all ports that the image names are published. */
  publishesAll: boolean;
  /** Paths of the host's that are mounted. */
  hostPaths: unknown[];
  /** Devices of the host's, by their paths there. */
  devices: unknown[];
  /** Capabilities that are added, without `CAP_`. */
  capabilities: string[];
  securityOptions: unknown[];
  /** What is open of the container that `app/` can do without, each in words; of others than a color's none is said. */
  open: string[];
  /** The limit, in the provider's unit; absent, 0 or less is none. */
  memory: unknown;
  /** The program's own word on what it is for: `proxy` or `slot`. */
  role: unknown;
  color: unknown;
}

export const CONTAINER = "docker:index/container:Container";
export const SERVICE = "docker:index/service:Service";

/** A label's value; the provider has labels as a list of pairs. */
export const labelIn = (labels: unknown, label: string): unknown =>
  at(
    items(labels).find((each) => at(each, "label") === label),
    "value",
  );

/** Undefined for resources of other types. */
export function workloadOf(type: string, name: string, inputs: Inputs): Workload | undefined {
  const common = {
    role: labelIn(inputs.labels, "blue-green.role"),
    color: labelIn(inputs.labels, "blue-green.color"),
  };
  if (type === CONTAINER) {
    return {
      ...common,
      what: `Container ${name}`,
      image: inputs.image,
      privileged: inputs.privileged === true || items(at(inputs, "capabilities", "adds")).some(isEverything),
      networks: [inputs.networkMode, ...items(inputs.networksAdvanced).map((network) => at(network, "name"))],
      ports: items(inputs.ports).map((port) => ({ port: at(port, "external"), ip: at(port, "ip") })),
      publishesAll: inputs.publishAllPorts === true,
      hostPaths: [
        ...items(inputs.volumes).map((volume) => (isBooks(volume, common.role) ? undefined : at(volume, "hostPath"))),
        ...items(inputs.mounts).map((mount) => (at(mount, "type") === "bind" ? at(mount, "source") : undefined)),
      ].filter((path) => path !== undefined && path !== ""),
      devices: items(inputs.devices).map((device) => at(device, "hostPath")),
      capabilities: added(at(inputs, "capabilities", "adds")),
      securityOptions: items(inputs.securityOpts),
      open: common.role === "slot" ? openIn(inputs) : [],
      memory: inputs.memory,
    };
  }
  if (type !== SERVICE) return undefined;
  const spec = (...path: string[]) => at(inputs, "taskSpec", ...path);
  return {
    ...common,
    what: `Service ${name}`,
    image: spec("containerSpec", "image"),
    privileged: items(spec("containerSpec", "capabilities", "adds")).some(isEverything),
    networks: items(spec("networksAdvanceds")).map((network) => at(network, "name")),
    ports: items(at(inputs, "endpointSpec", "ports")).map((port) => ({
      // Without a number of its own the engine picks one.
      port: at(port, "publishedPort") ?? "of the engine's choice",
      ip: undefined,
    })),
    publishesAll: false,
    hostPaths: items(spec("containerSpec", "mounts"))
      .map((mount) => (at(mount, "type") === "bind" ? at(mount, "source") : undefined))
      .filter((path) => path !== undefined),
    devices: [],
    capabilities: added(spec("containerSpec", "capabilities", "adds")),
    securityOptions: [],
    open: [],
    memory: spec("resources", "limits", "memoryBytes"),
  };
}

/** What says how much each container takes, and can't be written to: one of those that watch both colors has it (see stacks/monitoring.ts). */
const isBooks = (volume: unknown, role: unknown): boolean =>
  role === "monitoring" && at(volume, "hostPath") === "/sys/fs/cgroup" && at(volume, "readOnly") === true;

const added = (capabilities: unknown): string[] =>
  items(capabilities).flatMap((name) => (typeof name === "string" ? [name.toUpperCase().replace(/^CAP_/, "")] : []));

function openIn(inputs: Inputs): string[] {
  const drops = at(inputs, "capabilities", "drops");
  return [
    ...(lacks(inputs.readOnly, (value) => value === true) ? ["its root file system is writable"] : []),
    ...(lacks(drops, (value) => items(value).some(isEverything)) ? ["it has Docker's default capabilities"] : []),
    ...(lacks(inputs.securityOpts, (value) =>
      items(value).some((option) => /^no-new-privileges(?:[:=]true)?$/.test(String(option))),
    )
      ? ["its processes may gain privileges"]
      : []),
  ];
}

const isEverything = (capability: unknown): boolean =>
  typeof capability === "string" && /^(?:CAP_)?ALL$/i.test(capability);

/** Whether it is certain that something is not so, as opposed to not known yet. */
export const lacks = (value: unknown, has: (value: unknown) => boolean): boolean => value !== UNKNOWN && !has(value);
