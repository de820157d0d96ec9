import { basename, dirname, resolve } from "node:path";
import { Refusal } from "../../outcome";
import { ComposeError, within } from "../rules";
import type { SecretTexts } from "../secrecy";
import { isWithin, pathWithin } from "./folder";
import { closedTexts, type Filling } from "./interpolation";
import { merged, mergedService } from "./merge";
import { ofFile } from "./problem";
import type { EnvFile, Service } from "./service";
import { type Reading, type Source, servicesOf, sourceAt } from "./source";
import { at, mapIn, mapOf, type Tree, textIn, truthIn } from "./values";
import { type Variables, variablesIn, variablesOfFile } from "./variables";

/** A volume or a network: what the engine calls it. */
export interface EngineName {
  name: string;
  /** It is none of this project's. */
  external: boolean;
}

/** A secret or a config of the file's top level. */
export interface FileSource {
  /** An absolute path; absent where it comes from elsewhere. */
  file?: string;
  /** It leads out of the compose file's folder. */
  isOutside?: true;
  /** Where it comes from otherwise, by the key's name. */
  from?: string;
}

/** A whole compose project, as plain data: all files merged, variables filled in, files of variables read. */
export interface Project {
  name: string;
  folder: string;
  /** The files as they were named. */
  files: string[];
  /** Those that run with these profiles, by name. */
  services: Record<string, Service & { environment: Record<string, string> }>;
  /** The profiles of those that don't. */
  inactive: Record<string, string[]>;
  volumes: Record<string, EngineName>;
  networks: Record<string, EngineName>;
  secrets: Record<string, FileSource>;
  configs: Record<string, FileSource>;
  secretTexts: SecretTexts;
  /** Variables that are nowhere set. */
  unset: string[];
  /** Top-level keys that mean nothing here. */
  odd: string[];
}

/** What is asked of a project. */
export interface ProjectOptions {
  /** The files as they were named, relative to `directory`. */
  files: readonly string[];
  directory: string;
  profiles: readonly string[];
  /** A service that counts as active whatever its profiles are. */
  service?: string;
  env: NodeJS.ProcessEnv;
}

const TOP_LEVEL = ["name", "version", "services", "volumes", "networks", "secrets", "configs", "include"];

/**
 * Reads compose files as Compose does. It runs nothing and asks no engine.
 *
 * @throws Refusal that names the file and the place in it.
 */
export function readProject({ files, directory, profiles, service, env }: ProjectOptions): Project {
  const named = files.map((file) => resolve(directory, file));
  const folder = dirname(named[0] ?? directory);
  const filling: Filling = {
    ...{ variables: { get: () => undefined }, secretTexts: new Map() },
    ...{ openTexts: new Set(), unset: new Set(), secretNames: new Set() },
  };
  filling.variables = ofFile(".env", () => variablesIn(folder, env, filling));
  const reading: Reading = { project: folder, filling, named, sources: new Map() };
  const sources = named.map((path) => sourceAt(path, reading));
  for (const source of sources) ofFile(source.name, () => refuseInclude(source));

  const last = sources.at(-1)?.name ?? "";
  const name = projectName(sources, folder, filling.variables);
  const services = sources.map((source) => servicesOf(source, reading));
  const all = ofFile(last, () => within("services", () => services.reduce(mergedServices)));
  const enabled = [...profiles, ...(filling.variables.get("COMPOSE_PROFILES") ?? "").split(",")].filter(Boolean);
  const isActive = ([name, { profiles: own = [] }]: [string, Service]) =>
    own.length === 0 || name === service || own.some((profile) => enabled.includes(profile)) || enabled.includes("*");
  const active = Object.entries(all).filter(isActive);
  const others = Object.entries(all).filter((each) => !isActive(each));
  if (active.length === 0) {
    throw new Refusal(`${last} has no service${others.length > 0 ? " without a profile" : ""}. Nothing was written`);
  }
  return ofFile(last, () => ({
    ...{ name, folder, files: [...files] },
    services: Object.fromEntries(
      active.map(([name, found]) => [name, within("services", () => within(name, () => complete(found, reading)))]),
    ),
    inactive: Object.fromEntries(others.map(([name, { profiles: own = [] }]) => [name, own])),
    volumes: engineNames("volumes", sources, name),
    networks: { default: { name: `${name}_default`, external: false }, ...engineNames("networks", sources, name) },
    secrets: fileSources("secrets", sources, folder),
    configs: fileSources("configs", sources, folder),
    secretTexts: closedTexts(filling),
    unset: [...filling.unset],
    odd: [...new Set(sources.flatMap(({ tree }) => Object.keys(tree)))].filter(
      (key) => !TOP_LEVEL.includes(key) && !key.startsWith("x-"),
    ),
  }));
}

function refuseInclude({ tree }: Source): void {
  const { include } = tree;
  if (include === undefined || include === null || (Array.isArray(include) && include.length === 0)) return;
  throw new ComposeError(
    "is not read: each file there has a folder and variables of its own. Write all of it into one file " +
      "(docker compose config), or name the files one after the other",
    ["include"],
  );
}

const mergedServices = (base: Record<string, Service>, over: Record<string, Service>): Record<string, Service> => ({
  ...base,
  ...Object.fromEntries(
    Object.entries(over).map(([name, service]) => {
      const before = at(base, name);
      return [name, before === undefined ? service : within(name, () => mergedService(before, service))];
    }),
  ),
});

/** As Compose derives it: the variable, else the key `name`, else the folder's name; of these two it leaves out what a name can't have. */
function projectName(sources: readonly Source[], folder: string, variables: Variables): string {
  const said = sources.map(({ tree }) => tree.name).findLast((name) => name !== undefined && name !== null);
  const name =
    variables.get("COMPOSE_PROJECT_NAME") ||
    (typeof said === "object" ? "" : plainName(String(said ?? basename(folder))));
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) return name;
  throw new Refusal(
    `The project's name (COMPOSE_PROJECT_NAME, or name in the file, or else the folder ${folder}) must be of a-z 0-9 _ and -, a letter or ` +
      "digit first, and at most 63 characters. Nothing was written",
    [{ purpose: "name it", command: "COMPOSE_PROJECT_NAME=<name> npm run adopt -- <file>" }],
  );
}

const plainName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");

/** Returns a service with all its variables: those of its files, and over them its own; one without a value is the shell's. */
function complete(service: Service, reading: Reading): Project["services"][string] {
  if (service.image === undefined && service.build === undefined)
    throw new ComposeError("has neither an image nor a build");
  const { variables } = reading.filling;
  const found = new Map<string, string>();
  (service.env_file ?? []).forEach((file, index) => {
    const read = within("env_file", () => within(index, () => fileVariables(file, reading)));
    for (const [name, value] of read) found.set(name, value);
  });
  for (const [name, value] of Object.entries(service.environment ?? {})) {
    const given = value ?? variables.get(name);
    if (given !== undefined) found.set(name, given);
  }
  return { ...service, environment: Object.fromEntries(found) };
}

function fileVariables({ path, required }: EnvFile, { project, filling }: Reading): Map<string, string> {
  const file = pathWithin(project, project, path);
  try {
    return variablesOfFile(file, filling);
  } catch (error) {
    if (!required && error instanceof ComposeError && error.message.endsWith("is not there")) return new Map();
    throw error;
  }
}

/** The merged maps of all files at one top-level key. */
const topLevel = (key: string, sources: readonly Source[]): Tree =>
  sources.map(({ tree }) => mapIn(tree[key])).reduce((base, over) => merged(base, over, key) as Tree);

const engineNames = (
  key: "volumes" | "networks",
  sources: readonly Source[],
  project: string,
): Record<string, EngineName> =>
  within(key, () =>
    mapOf(topLevel(key, sources), (value, short) => {
      const { name, external } = mapIn(value);
      const other = within("external", () => externalName(external));
      const isExternal = other !== undefined;
      const own = name === undefined || name === null ? undefined : within("name", () => textIn(name));
      return { name: own ?? (other || (isExternal ? short : `${project}_${short}`)), external: isExternal };
    }),
  );

/** Returns the name of something external, "" where it says none; undefined where it is not external. */
function externalName(external: unknown): string | undefined {
  if (external === undefined || external === null || external === false || external === "false") return undefined;
  if (typeof external === "object") return textIn(mapIn(external).name ?? "");
  return truthIn(external) ? "" : undefined;
}

const fileSources = (
  key: "secrets" | "configs",
  sources: readonly Source[],
  folder: string,
): Record<string, FileSource> =>
  within(key, () =>
    mapOf(topLevel(key, sources), (value) => {
      const given = mapIn(value);
      if (given.file === undefined) return { from: Object.keys(given).find((name) => name !== "name") ?? "nothing" };
      const file = resolve(folder, textIn(given.file));
      return { file, ...(!isWithin(folder, file) && { isOutside: true as const }) };
    }),
  );
