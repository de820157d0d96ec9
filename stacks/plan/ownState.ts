import * as pulumi from "@pulumi/pulumi";
import { isObject } from "../text/json";
import type { StatePart } from "./stateProblem";

/** The types whose replacement takes the public's answers away, by what people call them. */
const KINDS: Record<string, StatePart["kind"]> = {
  "docker:index/container:Container": "container",
  "docker:index/network:Network": "network",
  "docker:index/volume:Volume": "volume",
};

/**
 * Reads what Pulumi's state has of this stack before the run changes it. After `pulumi stack rename` it is found under the stack's new
 * name and still has the old names of containers. It costs one read of the state from its backend.
 *
 * @returns undefined where the state can't be read: the run goes on, and can't compare.
 */
export async function readOwnState(): Promise<StatePart[] | undefined> {
  const stack = pulumi.getStack();
  // An old backend in a folder has no projects in the names of its stacks.
  for (const stackName of [`${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`, stack]) {
    try {
      const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName }, {});
      return partsIn(outputs);
    } catch (error) {
      pulumi.log.debug(`The state of ${stackName} could not be read: ${(error as Error).message}`);
    }
  }
  return undefined;
}

/** Makes sense of a state's resources by their URNs; nothing of them that could be secret is kept. */
export function partsIn(resources: unknown): StatePart[] {
  return Object.entries(isObject(resources) ? resources : {}).flatMap(([urn, resource]) => {
    const kind = isObject(resource) && typeof resource.type === "string" ? KINDS[resource.type] : undefined;
    const outputs = isObject(resource) && isObject(resource.outputs) ? resource.outputs : {};
    if (kind === undefined || typeof outputs.name !== "string") return [];
    return [
      {
        kind,
        logical: urn.slice(urn.lastIndexOf("::") + 2),
        id: typeof outputs.id === "string" ? outputs.id : "",
        name: outputs.name,
        labels: Object.fromEntries(listIn(outputs.labels).map(({ label, value }) => [String(label), String(value)])),
        ports: listIn(outputs.ports).flatMap(({ external }) => (typeof external === "number" ? [external] : [])),
      },
    ];
  });
}

const listIn = (value: unknown) => (Array.isArray(value) ? value : []).filter(isObject);
