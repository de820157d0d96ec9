import * as pulumi from "@pulumi/pulumi";
import { LABEL, OWN_SERVICE } from "../service/names";
import { isObject } from "../text/json";
import type { StatePart, StateResource } from "./stateProblem";

/** The types whose replacement takes the public's answers away, by what people call them. */
const KINDS: Record<string, StatePart["kind"]> = {
  "docker:index/container:Container": "container",
  "docker:index/network:Network": "network",
  "docker:index/volume:Volume": "volume",
};

/** The component below which all of a host stands (see serviceHost.ts). */
const HOST_TYPE = "blue-green:index:Host";

/** What Pulumi's own state has of a stack. */
export interface OwnState {
  /** What stands on engines, to be compared with them. */
  state: StatePart[];
  /** All that is there, by what it is called. */
  resources: StateResource[];
}

/**
 * Reads what Pulumi's state has of this stack before the run changes it. After `pulumi stack rename` it is found under the stack's new
 * name and still has the old names of containers. It costs one read of the state from its backend.
 *
 * @returns undefined where the state can't be read: the run goes on, and can't compare.
 */
export async function readOwnState(): Promise<OwnState | undefined> {
  const stack = pulumi.getStack();
  // An old backend in a folder has no projects in the names of its stacks.
  for (const stackName of [`${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`, stack]) {
    try {
      const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName }, {});
      return { state: partsIn(outputs), resources: resourcesIn(outputs) };
    } catch (error) {
      pulumi.log.debug(`The state of ${stackName} could not be read: ${(error as Error).message}`);
    }
  }
  return undefined;
}

/** Makes sense of a state's resources by their URNs; nothing of them that could be secret is kept. */
export function partsIn(resources: unknown): StatePart[] {
  const addresses = addressesIn(resources);
  return Object.entries(isObject(resources) ? resources : {}).flatMap(([urn, resource]) => {
    const kind = isObject(resource) && typeof resource.type === "string" ? KINDS[resource.type] : undefined;
    const outputs = isObject(resource) && isObject(resource.outputs) ? resource.outputs : {};
    if (kind === undefined || typeof outputs.name !== "string") return [];
    const labels = Object.fromEntries(listIn(outputs.labels).map(({ label, value }) => [String(label), String(value)]));
    const host = hostOf(urn, labels[LABEL.service]);
    const address = host && addresses.get(`${labels[LABEL.service] ?? OWN_SERVICE}-${host}`);
    return [
      {
        kind,
        logical: nameIn(urn),
        id: typeof outputs.id === "string" ? outputs.id : "",
        name: outputs.name,
        labels,
        ports: listIn(outputs.ports).flatMap(({ external }) => (typeof external === "number" ? [external] : [])),
        ...(host !== undefined && { host: { name: host, ...(address !== undefined && { address }) } }),
      },
    ];
  });
}

/** What all resources of a state are called; of what they hold no more than the names, but for this program's components. */
export const resourcesIn = (resources: unknown): StateResource[] =>
  Object.entries(isObject(resources) ? resources : {}).flatMap(([urn, resource]) => {
    const types = urn.split("::")[2]?.split("$");
    if (types === undefined || !isObject(resource)) return [];
    const outputs = isObject(resource.outputs) ? resource.outputs : {};
    const isOurs = types.at(-1)?.startsWith("blue-green:") === true;
    return [{ types, name: nameIn(urn), properties: Object.keys(outputs), ...(isOurs && { outputs }) }];
  });

const nameIn = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);

/** Returns the host whose component something is below: its name is the first word of what Pulumi calls it, behind the service's. */
function hostOf(urn: string, service: string | undefined): string | undefined {
  if (!urn.includes(`${HOST_TYPE}$`)) return undefined;
  const before = service === undefined ? "" : `${service}-`;
  return nameIn(urn).slice(before.length).split("-", 1)[0];
}

/** Returns the addresses of the engines that hosts have, by what Pulumi calls their providers: `service-b`, `shop-b`. */
function addressesIn(resources: unknown): Map<string, string> {
  const providers = Object.entries(isObject(resources) ? resources : {}).flatMap(([urn, resource]) => {
    if (!isObject(resource) || resource.type !== "pulumi:providers:docker") return [];
    const host = isObject(resource.outputs) ? resource.outputs.host : undefined;
    return typeof host === "string" ? [[nameIn(urn), host] as const] : [];
  });
  return new Map(providers);
}

const listIn = (value: unknown) => (Array.isArray(value) ? value : []).filter(isObject);
