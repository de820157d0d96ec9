import type { Color } from "../../stacks/service/color";
import type { ServiceId } from "../../stacks/service/names";
import { LABEL, logicalName, ownerLabels } from "../../stacks/service/names";
import { plainVariable, plainVariables } from "../../stacks/service/orderVariables";
import { receiverIn } from "../../stacks/service/receiver";
import { isObject, type JsonObject, jsonIn, objectIn } from "../../stacks/text/json";

/** What Pulumi's state declares of one service. It holds the secrets in clear, and so nothing of it is shown as it is. */
export interface Declared {
  containers: DeclaredContainer[];
  images: DeclaredImage[];
  network?: Named;
  /** The proxy's, or the gateway's. */
  volume?: Named;
  /** Those that keep what users save (`container.volumes`), and what was seen of the service. */
  data?: Named[];
  cutover?: DeclaredCutover;
  /** What the latest run that ended well left on the gateway; of the gateway alone. */
  routes?: { urn: string; configuration: string };
  /** What an interrupted run was about to do, as `creating green`; the same for each service of the stack. */
  unfinished: string[];
  /** Values that are never shown: the secret environments, tokens and keys; the same for each service of the stack. */
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
  role: "proxy" | "slot" | "gateway" | "worker" | "job" | "accessory" | "monitoring";
  color?: Color;
  /** The provider's inputs, with every secret in clear. */
  inputs: JsonObject;
}

/** An image by its name, and the id that it had when it was declared. */
export interface DeclaredImage {
  urn: string;
  /** `blue`, `green`, `proxy` or `gateway`, behind the service's name where it has one: `shop-blue`. */
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

/** A stack's resources, as `pulumi stack export --show-secrets` prints them. */
interface State extends Pick<Declared, "unfinished" | "secrets"> {
  resources: JsonObject[];
  commands: ConfigurationCommand[];
}

/**
 * Makes sense of what `pulumi stack export --show-secrets` printed: what is declared of each service of the stack, and of what belongs
 * to none by name, which is a service alone or the gateway. A service without containers is left out.
 *
 * @throws Error where it is no such text, without a word of it.
 */
export function declaredIn(exported: string, owner: ServiceId): Map<string | undefined, Declared> {
  const deployment = objectIn(exported)?.deployment;
  if (!isObject(deployment)) throw new Error("`pulumi stack export` printed no state");
  const all = (Array.isArray(deployment.resources) ? deployment.resources : []).filter(isObject);
  // What is only waiting to be deleted is declared no more.
  const resources = all.filter(({ delete: going }) => going !== true);
  const state: State = {
    resources,
    commands: ofType({ resources }, "command:local:Command").flatMap(commandIn),
    unfinished: unfinishedIn(deployment.pending_operations),
    secrets: secretsIn(resources),
  };
  const services = new Set(
    ofType(state, CONTAINER)
      .map(namedIn)
      .filter(({ labels }) => belongs(labels, ownerLabels(owner)))
      .map(({ labels }) => labels[LABEL.service]),
  );
  return new Map([...services].sort().map((service) => [service, declaredOf(state, owner, service)]));
}

const CONTAINER = "docker:index/container:Container";

const ofType = ({ resources }: Pick<State, "resources">, type: string): JsonObject[] =>
  resources.filter((resource) => resource.type === type);

const belongs = (labels: Record<string, string>, wanted: Record<string, string>): boolean =>
  Object.entries(wanted).every(([label, value]) => labels[label] === value);

/** Reports whether this is the gateway, which belongs to no service. */
export const hasGateway = ({ containers }: Pick<Declared, "containers">): boolean =>
  containers.some(({ role }) => role === "gateway");

/** What is declared of one service. */
function declaredOf(state: State, all: ServiceId, service: string | undefined): Declared {
  const owner = service === undefined ? all : { ...all, service };
  const of = (type: string) => ofType(state, type);
  const mine = (resource: JsonObject) => {
    const named = namedIn(resource);
    return belongs(named.labels, ownerLabels(owner)) && named.labels[LABEL.service] === service ? [named] : [];
  };
  const containers = of(CONTAINER).flatMap((resource) => mine(resource).map(containerIn(resource)));
  const network = of("docker:index/network:Network").flatMap(mine)[0];
  const volumes = of("docker:index/volume:Volume").flatMap(mine);
  const data = volumes.filter(isKept);
  const volume = volumes.find((each) => !isKept(each));
  const cutover = state.commands.find((command) => command.environment.PROXY && serviceIn(command) === service);
  const routes = hasGateway({ containers })
    ? state.commands.find(({ urn, environment }) => environment.GATEWAY && nameOf(urn) === "gateway")
    : undefined;
  const beside = containers.filter(({ role }) => role === "accessory" || role === "monitoring");
  const own = ["proxy", "gateway", "blue", "green"].map((part) => logicalName(owner, part));
  const parts = new Set<string>([...own, ...beside.map(({ urn }) => nameOf(urn))]);
  return {
    containers,
    images: of("docker:index/remoteImage:RemoteImage")
      .map(imageIn)
      .filter(({ part }) => parts.has(part)),
    ...(network && { network }),
    ...(volume && { volume }),
    ...(data.length > 0 && { data }),
    ...(cutover && { cutover: cutoverOf(cutover) }),
    ...(routes && { routes: { urn: routes.urn, configuration: routes.stdin } }),
    unfinished: state.unfinished,
    secrets: state.secrets,
  };
}

/** Reports whether a volume is none of nginx's: it keeps what users save, or what was seen of the service. */
export const isKept = (volume: { labels: Record<string, string> }): boolean =>
  isData(volume) || volume.labels[LABEL.role] === "monitoring";

/** Reports whether a volume keeps what users save. */
export const isData = ({ labels }: { labels: Record<string, string> }): boolean => labels[LABEL.role] === "data";

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
    const { [LABEL.color]: color, [LABEL.role]: role } = named.labels;
    return {
      ...named,
      role: ROLES.find((one) => one === role) ?? "slot",
      ...((color === "blue" || color === "green") && { color }),
      inputs: clear(resource.inputs) as JsonObject,
    };
  };

const ROLES = ["proxy", "gateway", "worker", "job", "accessory", "monitoring"] as const;

function imageIn(resource: JsonObject): DeclaredImage {
  const { name } = clear(resource.inputs) as JsonObject;
  const { imageId } = isObject(resource.outputs) ? resource.outputs : ({} as JsonObject);
  const urn = text(resource.urn);
  return { urn, part: nameOf(urn), name: text(name), imageId: text(imageId) };
}

/** A command of Pulumi's that carries a configuration to an nginx. */
interface ConfigurationCommand {
  urn: string;
  stdin: string;
  /** By the names that are the same in all releases; secrets in clear. */
  environment: Record<string, unknown>;
}

function commandIn(resource: JsonObject): ConfigurationCommand[] {
  const { stdin, environment } = clear(resource.inputs) as JsonObject;
  if (typeof stdin !== "string" || !isObject(environment)) return [];
  return [{ urn: text(resource.urn), stdin, environment: plainVariables(environment) }];
}

/** The service that a cutover is of; undefined for one alone. */
const serviceIn = ({ environment }: ConfigurationCommand): string | undefined => text(environment.SERVICE) || undefined;

function cutoverOf({ urn, stdin, environment }: ConfigurationCommand): DeclaredCutover {
  const files = Object.entries(environment).flatMap(([name, value]) =>
    name.startsWith("FILE_") && value
      ? [
          text(value)
            .split(/\n(.*)/s)
            .slice(0, 2) as [string, string],
        ]
      : [],
  );
  return {
    urn,
    configuration: stdin,
    files: Object.fromEntries(files),
    drainSeconds: Number(environment.DRAIN_SECONDS) || 0,
    keepAliveSeconds: Number(environment.KEEP_ALIVE_SECONDS) || 0,
  };
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
      if (plainVariable(name) === "NOTIFY") {
        const { url = "", secret = "" } = receiverIn(text(clear(value))) ?? {};
        found.add(url).add(secret);
      }
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
