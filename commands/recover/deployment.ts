import { randomUUID } from "node:crypto";
import { orderVariables } from "../../stacks/service/orderVariables";
import { isObject, type JsonObject } from "../../stacks/text/json";
import { isData, labelsIn } from "../drift/state";

/** The text that stands in a plan for a value which only a real run would know. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const TYPES = {
  container: "docker:index/container:Container",
  network: "docker:index/network:Network",
  volume: "docker:index/volume:Volume",
  image: "docker:index/remoteImage:RemoteImage",
  command: "command:local:Command",
} as const;

/** The versions of the Docker provider's own state, without which it would convert it from its oldest one. */
const SCHEMA_VERSIONS: Record<string, string> = {
  [TYPES.container]: "2",
  [TYPES.network]: "1",
  [TYPES.volume]: "1",
};

/** What the Docker provider notes of a container when it makes it, and never reads back: without it, it would replace the container. */
const CONTAINER_DEFAULTS = { attach: false, envs: [], logs: false, wait: false };

/** A resource as `pulumi preview --save-plan` has it. */
export interface PlannedResource {
  urn: string;
  type: string;
  inputs: JsonObject;
  goal: JsonObject;
}

/** What the engine has of a planned resource. */
export interface Found {
  id: string;
  /** Of a container, the id of its image; of an image its own. */
  imageId?: string;
}

/** The resources of a plan: what a run into an empty state would make. */
export function plannedIn(plan: unknown): PlannedResource[] {
  const inner = isObject(plan) && isObject(plan.plan) ? plan.plan : plan;
  const plans = isObject(inner) && isObject(inner.resourcePlans) ? inner.resourcePlans : {};
  return Object.entries(plans).flatMap(([urn, resource]) => {
    const goal = isObject(resource) && isObject(resource.goal) ? resource.goal : undefined;
    if (goal === undefined) return [];
    const diff = isObject(goal.inputDiff) && isObject(goal.inputDiff.adds) ? goal.inputDiff.adds : {};
    return [{ urn, type: String(goal.type), inputs: diff, goal }];
  });
}

export const logicalOf = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);

/** What {@link resourcesOf} makes a state from. */
export interface Recovered {
  planned: readonly PlannedResource[];
  /** By URN, what the engine has. A resource of the engine's without an entry is left out: the next run makes it. */
  found: ReadonlyMap<string, Found>;
  proxyId: string;
  /** nginx's configuration on the proxy's volume, where it is another one than the planned one. */
  configuration?: string;
}

/**
 * Puts a state's resources together, each after those that it needs.
 *
 * @throws Error where a value is left that nothing on the engine tells.
 */
export function resourcesOf(recovered: Recovered): JsonObject[] {
  const { planned, found } = recovered;
  const ids = new Map(planned.filter(isProvider).map(({ urn }) => [urn, randomUUID() as string]));
  const kept = planned.filter(
    (resource) => !resource.type.startsWith("docker:") || found.has(resource.urn) || isProvider(resource),
  );
  const resources = kept.map((resource) => resourceOf(resource, recovered, ids));
  return inOrder(resources);
}

const isProvider = ({ type }: PlannedResource): boolean => type.startsWith("pulumi:providers:");

/** What is copied as it is. */
const COPIED = ["parent", "dependencies", "propertyDependencies", "additionalSecretOutputs"];

function resourceOf(resource: PlannedResource, recovered: Recovered, providers: Map<string, string>): JsonObject {
  const { urn, type, goal } = resource;
  const custom = goal.custom === true;
  const provider = typeof goal.provider === "string" ? goal.provider : "";
  const [providerUrn = ""] = provider.split(/::[^:]*$/);
  const inputs = inputsOf(resource, recovered);
  const left = JSON.stringify(inputs).includes(UNKNOWN);
  if (left) throw new Error(`${logicalOf(urn)} has a value that nothing on the engine tells`);
  const found = recovered.found.get(urn);
  const id = found?.id ?? providers.get(urn) ?? randomUUID();
  return {
    ...{ urn, custom, type, inputs, outputs: outputsOf(type, inputs, found) },
    ...(custom && { id }),
    // What users saved is kept, as after any run without deleteVolumes.
    ...(type === TYPES.volume && isData({ labels: labelsIn(resource.inputs.labels) }) && { retainOnDelete: true }),
    ...(provider !== "" && { provider: `${providerUrn}::${providers.get(providerUrn)}` }),
    ...Object.fromEntries(COPIED.flatMap((key) => (goal[key] === undefined ? [] : [[key, goal[key]]]))),
  };
}

function inputsOf(resource: PlannedResource, { found, proxyId, configuration }: Recovered): JsonObject {
  const { type, urn, inputs } = resource;
  if (type === TYPES.container) return { ...inputs, image: found.get(urn)?.imageId ?? inputs.image };
  // Of the commands only the cutover reads a configuration.
  if (type !== TYPES.command || inputs.stdin === undefined) return inputs;
  const environment = isObject(inputs.environment) ? inputs.environment : {};
  return {
    ...{ ...inputs, environment: { ...environment, ...orderVariables({ PROXY: proxyId, MEND: "" }) } },
    ...(configuration !== undefined && { stdin: configuration }),
  };
}

/** As after a run that made it; `pulumi refresh` adds what the engine alone knows. */
function outputsOf(type: string, inputs: JsonObject, found: Found | undefined): JsonObject {
  const { __defaults: _, ...outputs } = withoutDefaults(inputs) as JsonObject;
  const version = SCHEMA_VERSIONS[type];
  return {
    ...(type === TYPES.container && CONTAINER_DEFAULTS),
    ...outputs,
    ...(found && { id: found.id }),
    ...(type === TYPES.image && found?.imageId && { imageId: found.imageId }),
    ...(type === TYPES.command && { stdout: "", stderr: "" }),
    ...(version !== undefined && { __meta: JSON.stringify({ schema_version: version }) }),
  };
}

/** The provider notes at each level which values were its own. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (key === "__defaults" ? [] : [[key, withoutDefaults(each)]])),
  );
}

/** Pulumi reads a state from its beginning: what a resource names must stand before it. */
function inOrder(resources: JsonObject[]): JsonObject[] {
  const byUrn = new Map(resources.map((resource) => [String(resource.urn), resource]));
  const ordered = new Set<JsonObject>();
  const add = (resource: JsonObject | undefined, path: readonly JsonObject[]) => {
    if (resource === undefined || ordered.has(resource) || path.includes(resource)) return;
    const named = [
      ...[resource.parent, String(resource.provider ?? "").replace(/::[^:]*$/, "")],
      ...(Array.isArray(resource.dependencies) ? resource.dependencies : []),
      ...(isObject(resource.propertyDependencies) ? Object.values(resource.propertyDependencies).flat() : []),
    ];
    for (const urn of named) add(byUrn.get(String(urn)), [...path, resource]);
    ordered.add(resource);
  };
  for (const resource of resources) add(resource, []);
  return [...ordered].map((resource) => withKnownDependencies(resource, byUrn));
}

/** A resource that was left out is nothing to depend on. */
function withKnownDependencies(resource: JsonObject, byUrn: ReadonlyMap<string, JsonObject>): JsonObject {
  const known = (urns: unknown) => (Array.isArray(urns) ? urns.filter((urn) => byUrn.has(String(urn))) : []);
  return {
    ...resource,
    ...(resource.dependencies !== undefined && { dependencies: known(resource.dependencies) }),
    ...(isObject(resource.propertyDependencies) && {
      propertyDependencies: Object.fromEntries(
        Object.entries(resource.propertyDependencies).map(([key, urns]) => [key, known(urns)]),
      ),
    }),
  };
}
