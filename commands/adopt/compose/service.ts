import { isAbsolute, resolve } from "node:path";
import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";
import { type Base, type Mount, mountIn } from "./mounts";
import { type Port, portsIn } from "./ports";
import { listIn, mapIn, mapOf, oneOrMore, pairsIn, type Tree, textIn, truthIn } from "./values";

/** How an image is built. */
export interface Build {
  /** An absolute path, or an address. */
  context: string;
  dockerfile?: string;
  target?: string;
  args?: Record<string, string | null>;
  [key: string]: unknown;
}

/** A file of variables. */
export interface EnvFile {
  path: string;
  required: boolean;
}

/** A secret or a config that a service uses. */
export interface FileUse {
  source: string;
  target?: string;
}

/** A service with each of its keys in one form, the one that Compose itself merges; keys that it does not have are absent. */
export interface Service {
  image?: string;
  build?: Build;
  environment?: Record<string, string | null>;
  env_file?: EnvFile[];
  ports?: Port[];
  expose?: string[];
  volumes?: Mount[];
  depends_on?: Record<string, Tree>;
  networks?: Record<string, unknown>;
  secrets?: FileUse[];
  configs?: FileUse[];
  profiles?: string[];
  links?: string[];
  labels?: Record<string, string | null>;
  deploy?: Tree;
  [key: string]: unknown;
}

const texts = (value: unknown): string[] => oneOrMore(value, (item) => textIn(item));

/** Each key that Compose has several forms for, with the one that it is brought into. */
const FORMS: Readonly<Record<string, (value: unknown, base: Base) => unknown>> = {
  image: (value) => textIn(value),
  build: (value, base) => buildIn(value, base),
  environment: (value) => pairsIn(value),
  env_file: (value, base) => oneOrMore(value, (item) => envFileIn(item, base)),
  ports: (value) => unique(listIn(value, portsIn).flat()),
  expose: (value) => listIn(value, (item) => textIn(item)),
  volumes: (value, base) => listIn(value, (item) => mountIn(item, base)),
  depends_on: (value) => (Array.isArray(value) ? withNames(value, {}) : mapOf(value, mapIn)),
  networks: (value) => (Array.isArray(value) ? withNames(value, null) : mapIn(value)),
  secrets: (value) => listIn(value, fileUseIn),
  configs: (value) => listIn(value, fileUseIn),
  profiles: texts,
  links: texts,
  labels: (value) => pairsIn(value),
  annotations: (value) => pairsIn(value),
  sysctls: (value) => pairsIn(value),
  extra_hosts: (value) => pairsIn(value, /[=:]/),
  dns: texts,
  dns_search: texts,
  tmpfs: texts,
  deploy: (value) => mapIn(value),
  healthcheck: (value) => mapIn(value),
  init: truthIn,
  read_only: truthIn,
  privileged: truthIn,
};

/** Brings a service's keys into the one form that they are merged in; a key without a value says nothing. */
export function serviceIn(value: unknown, base: Base): Service {
  if (value === null) return {};
  if (!isObject(value)) throw new ComposeError("must be a map of keys");
  const entries = Object.entries(value).filter(([, given]) => given !== null);
  return Object.fromEntries(
    entries.map(([key, given]) => {
      const form = Object.hasOwn(FORMS, key) ? FORMS[key] : undefined;
      return [key, form === undefined ? given : within(key, () => form(given, base))];
    }),
  );
}

/** A port that stands there twice is one. */
const unique = (ports: readonly Port[]): Port[] => [
  ...new Map(ports.map((port) => [JSON.stringify(Object.entries(port).sort()), port])).values(),
];

const withNames = <Value>(names: unknown, value: Value): Record<string, Value> =>
  Object.fromEntries(listIn(names, (name) => textIn(name)).map((name) => [name, value]));

/** Reports whether something is built from a git repository, and not from a folder. */
export const isAddress = (context: string): boolean => /^(?:[a-z]+:\/\/|git@)/.test(context);

function buildIn(value: unknown, { folder }: Base): Build {
  const given = typeof value === "string" ? { context: value } : mapIn(value);
  const context = within("context", () => textIn(given.context ?? "."));
  const { dockerfile, target, args, ...others } = given;
  return {
    ...others,
    context: isAddress(context) ? context : resolve(folder, context),
    ...(dockerfile !== undefined && { dockerfile: within("dockerfile", () => textIn(dockerfile)) }),
    ...(target !== undefined && { target: within("target", () => textIn(target)) }),
    ...(args !== undefined && { args: within("args", () => pairsIn(args)) }),
  };
}

function envFileIn(value: unknown, { folder }: Base): EnvFile {
  const { path, required = true } = isObject(value) ? value : { path: value };
  const name = within("path", () => textIn(path, "must be a file's path"));
  return {
    path: isAbsolute(name) ? name : resolve(folder, name),
    required: required !== false && required !== "false",
  };
}

function fileUseIn(value: unknown): FileUse {
  if (!isObject(value)) return { source: textIn(value) };
  const source = within("source", () => textIn(value.source));
  return value.target === undefined ? { source } : { source, target: within("target", () => textIn(value.target)) };
}
