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
    memory: spec("resources", "limits", "memoryBytes"),
  };
}

const isEverything = (capability: unknown): boolean =>
  typeof capability === "string" && /^(?:CAP_)?ALL$/i.test(capability);

/** Whether it is certain that something is not so, as opposed to not known yet. */
export const lacks = (value: unknown, has: (value: unknown) => boolean): boolean => value !== UNKNOWN && !has(value);
