import type { Color } from "../../stacks/service/color";
import type { ServiceId } from "../../stacks/service/names";
import { LABEL, ownerLabels } from "../../stacks/service/names";
import { plainVariable, plainVariables } from "../../stacks/service/orderVariables";
import { isObject, type JsonObject, jsonIn, objectIn } from "../../stacks/text/json";

/** What Pulumi's state declares of a stack. It holds the secrets in clear, and so nothing of it is shown as it is. */
export interface Declared {
  containers: DeclaredContainer[];
  images: DeclaredImage[];
  network?: Named;
  volume?: Named;
  cutover?: DeclaredCutover;
  /** What an interrupted run was about to do, as `creating green`. */
  unfinished: string[];
  /** Values that are never shown: the secret environment, the token and the key. */
  secrets: string[];
}

/** Something that the engine finds by its name. */
export interface Named {
  urn: string;
  /** The engine's id; of a volume its name. */
  id: string;
  name: string;
  labels: Record<string, string>;
}

/** One container as it was declared, in the Docker provider's words. */
export interface DeclaredContainer extends Named {
  role: "proxy" | "slot";
  color?: Color;
  /** The provider's inputs, with every secret in clear. */
  inputs: JsonObject;
}

/** An image by its name, and the id that it had when it was declared. */
export interface DeclaredImage {
  urn: string;
  /** `blue`, `green` or `proxy`. */
  part: string;
  name: string;
  imageId: string;
}

/** What the latest cutover that ended well left on the proxy. */
export interface DeclaredCutover {
  urn: string;
  /** nginx's configuration as it was rendered (see serving.ts). */
  configuration: string;
  /** The files that it names, by name; some of them are secret. */
  files: Record<string, string>;
  drainSeconds: number;
  keepAliveSeconds: number;
}

/** The key by which Pulumi marks a secret in an exported state, and what it says there. */
const SECRET_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_VALUE = "1b47061264138c4ac30d75fd1eb44270";

/**
 * Makes sense of what `pulumi stack export --show-secrets` printed; undefined where the state has no containers of the stack.
 *
 * @throws Error where it is no such text, without a word of it.
 */
export function declaredIn(exported: string, owner: ServiceId): Declared | undefined {
  const deployment = objectIn(exported)?.deployment;
  if (!isObject(deployment)) throw new Error("`pulumi stack export` printed no state");
  const all = (Array.isArray(deployment.resources) ? deployment.resources : []).filter(isObject);
  // What is only waiting to be deleted is declared no more.
  const resources = all.filter(({ delete: going }) => going !== true);
  const of = (type: string) => resources.filter((resource) => resource.type === type);
  const mine = (resource: JsonObject) => {
    const named = namedIn(resource);
    return Object.entries(ownerLabels(owner)).every(([label, value]) => named.labels[label] === value) ? [named] : [];
  };
  const containers = of("docker:index/container:Container").flatMap((resource) =>
    mine(resource).map(containerIn(resource)),
  );
  if (containers.length === 0) return undefined;
  const network = of("docker:index/network:Network").flatMap(mine)[0];
  const volume = of("docker:index/volume:Volume").flatMap(mine)[0];
  const cutover = of("command:local:Command").flatMap(cutoverIn)[0];
  return {
    containers,
    images: of("docker:index/remoteImage:RemoteImage").map(imageIn),
    ...(network && { network }),
    ...(volume && { volume }),
    ...(cutover && { cutover }),
    unfinished: unfinishedIn(deployment.pending_operations),
    secrets: secretsIn(resources),
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The last part of a URN: the name that the program gives to the resource. */
export const nameOf = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);

function namedIn(resource: JsonObject): Named {
  const inputs = clear(resource.inputs);
  const { name, labels } = isObject(inputs) ? inputs : ({} as JsonObject);
  return { urn: text(resource.urn), id: text(resource.id), name: text(name), labels: labelsIn(labels) };
}

/** The provider's labels are a list of pairs. */
export function labelsIn(list: unknown): Record<string, string> {
  const pairs = (Array.isArray(list) ? list : []).filter(isObject);
  return Object.fromEntries(pairs.map(({ label, value }) => [text(label), text(value)]));
}

const containerIn =
  (resource: JsonObject) =>
  (named: Named): DeclaredContainer => {
    const color = named.labels[LABEL.color];
    return {
      ...named,
      role: named.labels[LABEL.role] === "proxy" ? "proxy" : "slot",
      ...((color === "blue" || color === "green") && { color }),
      inputs: clear(resource.inputs) as JsonObject,
    };
  };

function imageIn(resource: JsonObject): DeclaredImage {
  const { name } = clear(resource.inputs) as JsonObject;
  const { imageId } = isObject(resource.outputs) ? resource.outputs : ({} as JsonObject);
  const urn = text(resource.urn);
  return { urn, part: nameOf(urn), name: text(name), imageId: text(imageId) };
}

function cutoverIn(resource: JsonObject): DeclaredCutover[] {
  const { stdin, environment: variables } = clear(resource.inputs) as JsonObject;
  if (typeof stdin !== "string" || !isObject(variables)) return [];
  const environment = plainVariables(variables);
  if (environment.PROXY === undefined) return [];
  const files = Object.entries(environment).flatMap(([name, value]) =>
    name.startsWith("FILE_") && value
      ? [
          text(value)
            .split(/\n(.*)/s)
            .slice(0, 2) as [string, string],
        ]
      : [],
  );
  return [
    {
      urn: text(resource.urn),
      configuration: stdin,
      files: Object.fromEntries(files),
      drainSeconds: Number(environment.DRAIN_SECONDS) || 0,
      keepAliveSeconds: Number(environment.KEEP_ALIVE_SECONDS) || 0,
    },
  ];
}

function unfinishedIn(operations: unknown): string[] {
  return (Array.isArray(operations) ? operations : []).filter(isObject).map(({ type, resource }) => {
    const urn = isObject(resource) ? text(resource.urn) : "";
    return `${text(type)} ${nameOf(urn)}`;
  });
}

/** A value with the secrets in it in clear, as they were given to the provider. */
function clear(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clear);
  if (!isObject(value)) return value;
  if (value[SECRET_KEY] === SECRET_VALUE) return clear(jsonIn(value.plaintext));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, clear(each)]));
}

/** What may not be shown: values of the environments' secret names, and every line of the files that are secret. */
function secretsIn(resources: JsonObject[]): string[] {
  const found = new Set<string>();
  for (const { inputs } of resources) {
    if (!isObject(inputs)) continue;
    const { secretEnvironment } = objectIn(labelsIn(clear(inputs.labels))[LABEL.slot]) ?? {};
    const names = Array.isArray(secretEnvironment) ? secretEnvironment : [];
    for (const line of listIn(clear(inputs.envs))) {
      const [name, value = ""] = line.split(/=(.*)/s);
      if (names.includes(name)) found.add(value);
    }
    for (const [name, value] of Object.entries(isObject(inputs.environment) ? inputs.environment : {})) {
      if (!plainVariable(name).startsWith("FILE_") || !isObject(value)) continue;
      // The token stands in its file's patterns: header = "~^TOKEN$".
      const content = text(clear(value));
      for (const [, token = ""] of content.matchAll(/"~\^(.+)\$" 1;$/gm))
        found.add(token).add(token.replaceAll("\\.", "."));
      if (name.includes("KEY")) for (const line of content.split("\n")) found.add(line);
    }
  }
  found.delete("");
  return [...found];
}

/** The texts in a list. */
export const listIn = (value: unknown): string[] =>
  (Array.isArray(value) ? value : []).filter((each): each is string => typeof each === "string");
