import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../stacks/text/json";
import type { Project } from "../compose/project";
import type { Service } from "../compose/service";
import { ComposeError, type Config, type ContainerKey, DECIDED, KEYS, pathTo } from "../rules";
import { secretsIn } from "../secrecy";
import type { Roles } from "./roles";
import { lost, needless, type Row, taken } from "./rows";

/** A value that is set with `--secret`. */
export interface Secret {
  /** Its setting, as `pulumi config set --path` takes it. */
  setting: string;
  value: string;
}

/** A whole project, and what becomes of its services. */
export interface Context {
  project: Project;
  roles: Roles;
  /** The app. */
  web: string;
  /** Where the other containers of the stack reach the live color. */
  liveAddress: string;
  /** Ports of the host that other stacks of the project have, each with the stack's name. */
  stackPorts: Readonly<Record<number, string>>;
  /** Ports at which something else listens. */
  busyPorts?: readonly number[];
}

/** A service on its way into the stack's file. */
export interface Part {
  context: Context;
  name: string;
  service: Project["services"][string];
  /** Where its container's keys stand: `container`, or `accessories.db`. */
  place: string;
  keys: Config;
  /** The keys that it gets without saying so, as a worker gets the app's. */
  inherited: Config;
  /** What it mounts, as far as that was taken. */
  mounts: unknown[];
  /** The settings beside those keys. */
  settings: Config;
  /** Where its secret variables stand. */
  secretPlace: string;
  secrets: Secret[];
  rows: Row[];
}

/** Takes the value of a key; `key` is how the file has it, such as `deploy.replicas`. */
export type Reader = (part: Part, value: unknown, key: string) => void;

/** By the keys of a service; `memory` and the like of `deploy` are those that Compose had before. */
export type Readers = Readonly<Record<string, Reader>>;

/** Keys that a program in the background has no use for, or that are no part of how a service runs. */
const NO_MATTER: Readonly<Record<string, string>> = {
  ...{ stdin_open: "nobody types there", tty: "nobody types there", attach: "it is about `docker compose up` alone" },
  ...{ pull_policy: "an image is pulled when its name changes", develop: "it is about work on the sources" },
  ...{ annotations: "no container has them here", isolation: "it is about Windows" },
};

/** Says where a key is that stands in the file a second time. */
export const INHERITED = "the app's, which it gets as well";

/** Begins a part. */
export const partOf = (context: Context, name: string, place: string, secretPlace: string): Part => ({
  ...{ context, name, place, secretPlace, keys: {}, inherited: {}, mounts: [], settings: {}, secrets: [], rows: [] },
  service: context.project.services[name] ?? { environment: {} },
});

/** Hands each key of a service to its reader; the keys without one are taken as they are, where the program has them. */
export function readPart(part: Part, readers: Readers): void {
  const asTheyAre: string[] = [];
  const inherited: string[] = [];
  for (const { key, shown, value } of entriesOf(part.service)) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader !== undefined) reader(part, value, shown);
    else if (isContainerKey(key)) {
      if (isDeepStrictEqual(escaped(value), part.inherited[key])) inherited.push(shown);
      else if (takeKey(part, key, value, shown)) asTheyAre.push(shown);
    } else if (!key.startsWith("x-")) part.rows.push(untaken(key, shown, value));
  }
  if (inherited.length > 0) part.rows.push(taken(inherited.join(", "), INHERITED));
  if (asTheyAre.length > 0) part.rows.push(taken(asTheyAre.join(", "), `${part.place}, as it is`));
}

/**
 * Takes a key as it is, where the program takes it too.
 *
 * @returns whether it was taken; otherwise a row says why not.
 */
export function takeKey(part: Part, key: ContainerKey, value: unknown, shown: string = key): boolean {
  const written = escaped(value);
  if (textsIn(value).some((text) => secretsIn(part.context.project.secretTexts, text).length > 0)) {
    part.rows.push(lost(shown, "not taken: it has a secret in it, which the stack's file would keep readable"));
    return false;
  }
  try {
    KEYS[key].read(written);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    const where = error.place.length === 0 ? "" : `${pathTo(key, ...error.place)} `;
    part.rows.push(lost(shown, `not taken: ${where}${error.message}`));
    return false;
  }
  part.keys[key] = written;
  return true;
}

const isContainerKey = (key: string): key is ContainerKey => Object.hasOwn(KEYS, key);

function untaken(key: string, shown: string, value: unknown): Row {
  if (Object.hasOwn(NO_MATTER, key)) return needless(shown, NO_MATTER[key] ?? "");
  const decided = Object.hasOwn(DECIDED, key) ? DECIDED[key] : undefined;
  if (decided === undefined) return lost(shown, "not taken: there is no such key here (docs/container.md)");
  const isLost = ["privileged", "network_mode"].includes(key) && value !== false;
  return isLost ? lost(shown, `not taken: ${decided}`) : needless(shown, decided);
}

interface Entry {
  key: string;
  /** As the file has it. */
  shown: string;
  value: unknown;
}

/** What of `deploy` is another key as well, by its place there. */
const DEPLOY: Readonly<Record<string, string>> = {
  replicas: "scale",
  "resources.limits.memory": "mem_limit",
  "resources.limits.cpus": "cpus",
  "resources.limits.pids": "pids_limit",
  "resources.reservations.memory": "mem_reservation",
};

/** A service's keys, those of `deploy` among them under the names that they have beside it. */
function entriesOf(service: Service): Entry[] {
  const { deploy = {}, ...keys } = service;
  const own = Object.entries(keys).map(([key, value]) => ({ key, shown: key, value }));
  const deployed = leavesOf(deploy).map(([place, value]) => ({
    key: DEPLOY[place] ?? place.replace(/^restart_policy\b.*/, "restart"),
    shown: `deploy.${place}`,
    value,
  }));
  return [...own, ...deployed.filter(({ key }) => !Object.hasOwn(keys, key))];
}

const leavesOf = (value: unknown, place: readonly string[] = []): [string, unknown][] =>
  isObject(value)
    ? Object.entries(value).flatMap(([name, item]) => leavesOf(item, [...place, name]))
    : [[place.join("."), value]];

/** Returns all texts within a value. */
export const textsIn = (value: unknown): string[] => {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

/** Returns a value in which each dollar sign is two, as the program has them in a container's keys. */
export function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(escaped);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, escaped(item)]));
}
