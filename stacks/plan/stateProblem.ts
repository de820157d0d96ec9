import {
  containerName,
  LABEL,
  logicalName,
  networkName,
  OWN_SERVICE,
  type ServiceId,
  volumeName,
} from "../service/names";
import type { UnknownWorld, World } from "../service/world";
import { quoted } from "../text/shell";

/** A container, network or volume as Pulumi's state has it. */
export interface StatePart {
  kind: "container" | "network" | "volume";
  /** The name that the program gives to the resource, as `proxy`. */
  logical: string;
  id: string;
  /** The name on the engine. */
  name: string;
  labels: Record<string, string>;
  /** Ports of the host's that lead into it. */
  ports: number[];
  /** The host that it is on, where that isn't the stack's own engine. */
  host?: { name: string; address?: string };
}

/** Any resource that Pulumi's state has, as far as it is known what it is. */
export interface StateResource {
  /** Its type, behind those of what it stands below. */
  types: readonly string[];
  /** The name that the program gives to it. */
  name: string;
  /** The names of its outputs. */
  properties: readonly string[];
  /** A component's outputs, none of which is secret. */
  outputs?: Record<string, unknown>;
}

/** What the state, compared with the engine and with the names of now, says about a run. */
export interface StateFindings {
  /** Why the run must not happen. */
  refusals: string[];
  warnings: string[];
  /** Set where the run replaces, on purpose, the proxy that the state has under another name. */
  replacedProxyId?: string;
}

/** What {@link stateFindings} compares. */
export interface StateQuestion {
  owner: ServiceId;
  /** How a backend calls the owner's stacks: `organization`. */
  organization: string;
  state: readonly StatePart[];
  world: World | UnknownWorld;
  httpPort: number;
  allowProxyReplace: boolean;
}

/**
 * Finds where the names in the state, or a state that has nothing, would make a run replace what serves. The engine alone can't tell:
 * it is asked by the names of now, and has nothing under them after a rename.
 */
export function stateFindings(question: StateQuestion): StateFindings {
  const { owner, world, httpPort } = question;
  const state = question.state.filter(({ host }) => host?.name === owner.host);
  const own = ownParts(owner, state);
  const renamed = renamedParts(owner, own);
  if (renamed.length > 0) return renamedFindings(question, renamed);

  if (own.length > 0) return { refusals: [], warnings: [] };
  const before = state.find((part) => isProxy(part) && part.ports.includes(httpPort));
  if (before !== undefined) return { refusals: [otherService(owner, before, httpPort)], warnings: [] };
  // Those that the state has on another host are told together with that one (see hostChanges.ts).
  const isElsewhere = !("unknown" in world) && question.state.some(({ id }) => id === world.proxy?.id);
  const found = "unknown" in world || isElsewhere ? [] : containersOn(owner, world);
  return { refusals: found.length === 0 ? [] : [stateLost(owner, found)], warnings: [] };
}

export const isProxy = ({ kind, labels }: StatePart): boolean => kind === "container" && labels[LABEL.role] === "proxy";

/** What the program calls the network and, with other names, the proxy's container and its volume. */
const proxyLogical = (owner: ServiceId): string => logicalName(owner, "proxy");
const networkLogical = (owner: ServiceId): string =>
  owner.host === undefined ? (owner.service ?? OWN_SERVICE) : logicalName(owner, "network");

/** What the state has of this service, by what the program calls it. */
function ownParts(owner: ServiceId, state: readonly StatePart[]): StatePart[] {
  const called = new Set([
    `network ${networkLogical(owner)}`,
    `volume ${proxyLogical(owner)}`,
    ...["proxy", "blue", "green"].map((part) => `container ${logicalName(owner, part)}`),
  ]);
  return state.filter(({ kind, logical }) => called.has(`${kind} ${logical}`));
}

/** The parts that serve everybody and would be replaced, since a name on the engine can't be changed. */
function renamedParts(owner: ServiceId, own: readonly StatePart[]): { part: StatePart; becomes: string }[] {
  const wanted = (part: StatePart): string | undefined => {
    if (part.kind === "network") return networkName(owner);
    if (part.kind === "volume") return volumeName(owner);
    return part.logical === proxyLogical(owner) ? containerName(owner, "proxy") : undefined;
  };
  return own.flatMap((part) => {
    const becomes = wanted(part);
    return becomes === undefined || becomes === part.name ? [] : [{ part, becomes }];
  });
}

const KIND_NAMES = { container: "nginx container", network: "network", volume: "volume" } as const;

function renamedFindings(
  { owner, organization, allowProxyReplace, state }: StateQuestion,
  renamed: { part: StatePart; becomes: string }[],
): StateFindings {
  const list = renamed.map(({ part, becomes }) => `${KIND_NAMES[part.kind]} ${part.name} -> ${becomes}`).join(", ");
  if (allowProxyReplace) {
    const proxy = ownParts(
      owner,
      state.filter(({ host }) => host?.name === owner.host),
    ).find(isProxy);
    return {
      refusals: [],
      warnings: [
        `The names changed, so everything is replaced (${list}), as allowProxyReplace allows: the public gets no answer until the ` +
          "new containers are up. Afterwards: pulumi config rm allowProxyReplace",
      ],
      ...(proxy !== undefined && { replacedProxyId: proxy.id }),
    };
  }
  return {
    refusals: [
      `The names changed, and this run would replace what serves the public (${list}): nobody would get an answer for some seconds. ` +
        `Nothing was touched. ${wayBack(owner, organization, renamed[0]?.part.labels ?? {})} ` +
        "Or do it on purpose: pulumi config set allowProxyReplace true && pulumi up",
    ],
    warnings: [],
  };
}

/** How the old name comes back, by the labels of what runs under it. */
function wayBack(owner: ServiceId, organization: string, labels: Record<string, string>): string {
  const project = labels[LABEL.project] ?? owner.project;
  const stack = labels[LABEL.stack] ?? owner.stack;
  const from = (name: string) => `--stack ${quoted(name)}`;
  if (project !== owner.project) {
    return (
      `It was the stack ${stack} of the project ${project}. Next: pulumi stack rename ${quoted(`${organization}/${project}/${stack}`)} ` +
      `${from(`${organization}/${owner.project}/${owner.stack}`)}, with name: ${project} in Pulumi.yaml again.`
    );
  }
  if (stack !== owner.stack) {
    return `It was called ${stack}. Next: pulumi stack rename ${quoted(stack)} ${from(owner.stack)}.`;
  }
  return "Next: put the old name back.";
}

/** A service that the program calls otherwise now: Pulumi would make the new one beside the old one and then remove that. */
function otherService({ service }: ServiceId, before: StatePart, httpPort: number): string {
  const was = before.labels[LABEL.service];
  const old = was === undefined ? "the service without a name" : `the service ${was}`;
  return (
    `Port ${httpPort} belongs to ${old} in this stack's state (${before.name}), and the program now has ` +
    `${service === undefined ? "a service without a name" : service} there instead: this run would make everything again under that name, ` +
    `and remove what serves the public. Nothing was touched. Next: ${was === undefined ? "take the name away" : `call it ${was}`} in the program again; ` +
    "or give the new service another httpPort, move the visitors there, and remove the old one later"
  );
}

/** The containers on the engine that carry the names which this run would give. */
function containersOn(owner: ServiceId, world: World): string[] {
  const names = (["blue", "green"] as const).flatMap((color) => world.slots[color].map(({ name }) => name));
  const prefix = containerName(owner, "");
  return [
    ...(world.proxy ? [containerName(owner, "proxy")] : []),
    ...names.filter((name) => name.startsWith(prefix)),
  ].sort();
}

function stateLost(owner: ServiceId, found: string[]): string {
  const again =
    owner.service === undefined
      ? `or, where it is lost: npm run recover -- ${quoted(owner.stack)}`
      : "as with `pulumi stack import --file` from a backup";
  return (
    `This stack's containers are on the engine (${found.join(", ")}), and Pulumi's state of the stack ${owner.stack} has none of them: ` +
    "it was lost, or this is another backend than the one that they were made with. Nothing was touched. " +
    `Next: log in where the state is (pulumi whoami --verbose names the backend in use); ${again}`
  );
}
