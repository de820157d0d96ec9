import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { objectIn } from "../../text/json";
import { closest } from "../closest";
import { nameRule, RESERVED_NAMES, valueRule } from "../environment";
import { type Place, type Refuse, removeCommand } from "../problem";
import { ComposeError } from "./compose";
import { DECIDED_IN } from "./decided";
import { envFileVariables } from "./envFile";
import { type ContainerKey, type ContainerValue, DECIDED, KEYS } from "./keys";
import { refuseTwice } from "./volumes";

/** What `container` says of both colors' containers, by Compose's keys; those that were not set are left out. */
export type ContainerSettings = {
  -readonly [Name in Exclude<ContainerKey, "env_file">]?: ContainerValue<Name>;
} & {
  /** The variables of all `env_file`s. */
  env_file?: Record<string, string>;
};

/** What of `container` is the value of another setting. */
export const OTHER_SETTINGS = {
  environment: "environment",
  env_file: "secretEnvironment",
  mem_limit: "memoryMb",
  stop_grace_period: "stopGraceSeconds",
} as const satisfies Partial<Record<ContainerKey, string>>;

/** The keys that a color's container says of itself as those of `container`. */
export type OwnContainerSettings = Omit<ContainerSettings, keyof typeof OTHER_SETTINGS>;

/** The settings that have blocks of these keys. */
export type SettingWithKeys = "container" | "workers" | "jobs" | "accessories";

const MOST_ENV_FILE_BYTES = 512 * 1024;

const isKey = (name: string): name is ContainerKey => Object.hasOwn(KEYS, name);

/** Returns the keys out of the JSON text that Pulumi hands over for an object, without those that are refused. */
export function parseContainer(json: unknown, refuse: Refuse): ContainerSettings | undefined {
  const given = objectIn(json);
  if (given === undefined) {
    refuse([], "must be an object: a service's keys, as a compose file has them", "pulumi config rm container");
    return undefined;
  }
  const container = readKeys(given, { setting: "container", place: [], refuse });
  return Object.keys(container).length === 0 ? undefined : container;
}

/** Where a block of keys stands. */
export interface Block {
  /** The setting that it is in, and its place there. */
  setting: SettingWithKeys;
  place: Place;
  refuse: Refuse;
  /** The names of the keys that it has beside a container's, which are read elsewhere. */
  own?: readonly string[];
}

/** Returns the keys of a block, without those that are refused. */
export function readKeys(given: Readonly<Record<string, unknown>>, block: Block): ContainerSettings {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!isKey(name)) refuseKey(name, block);
    else {
      const read = readKey(name, value, block);
      if (read !== undefined) found[name] = read;
    }
  }
  const container = found as ContainerSettings;
  refuseMounts(container, block);
  return container;
}

function readKey(name: ContainerKey, value: unknown, { setting, place, refuse }: Block): unknown {
  try {
    const read = KEYS[name].read(value);
    return name === "env_file" ? variablesIn(read as ContainerValue<"env_file">) : checked(name, read, setting);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    refuse([...place, name, ...error.place], error.message, mendCommand(setting, name), error);
    return undefined;
  }
}

/** The environment's rules are those of the setting of that name. */
function checked(name: ContainerKey, read: unknown, setting: SettingWithKeys): unknown {
  // Of an accessory's variables the program itself sets none.
  if (name === "environment") checkVariables(read as Record<string, string>, setting !== "accessories");
  if (name === "networks") refuseTwice(read as string[], "names");
  return read;
}

function checkVariables(variables: Record<string, string>, keepsOwn: boolean): void {
  for (const [name, value] of Object.entries(variables)) {
    const isFree = !keepsOwn && RESERVED_NAMES.includes(name);
    const rule = (isFree ? undefined : nameRule(name)) ?? valueRule(value);
    if (rule !== undefined) throw new ComposeError(rule, [name]);
  }
}

/** Reads all files with variables; what a later one says wins, as in Compose. */
function variablesIn(files: ContainerValue<"env_file">): Record<string, string> {
  const found = new Map<string, string>();
  for (const { path, required } of files) {
    const content = envFileText(path, required);
    for (const [name, value] of variablesOf(path, content)) {
      const rule = nameRule(name) ?? valueRule(value);
      if (rule !== undefined) throw new ComposeError(`names ${path}, in which ${name} ${rule}`);
      found.set(name, value);
    }
  }
  return Object.fromEntries(found);
}

function variablesOf(path: string, content: string): Map<string, string> {
  try {
    return envFileVariables(content);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    throw new ComposeError(`names ${path}, which ${error.message}`);
  }
}

function envFileText(path: string, required: boolean): string {
  try {
    const file = resolve(path);
    const stats = statSync(file);
    // A device or a pipe may never end.
    if (!stats.isFile()) throw new Error("it is no file");
    if (stats.size > MOST_ENV_FILE_BYTES) throw new Error("it is larger than 512 KiB");
    return readFileSync(file, "utf8").replace(/^\ufeff/, "");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !required) return "";
    const why = code === "ENOENT" ? `there is no such file beside the program (${process.cwd()})` : message;
    throw new ComposeError(`names ${path}, which can't be read: ${why}`);
  }
}

function refuseKey(name: string, { setting, place, refuse, own = [] }: Block): void {
  const remove = removeCommand(setting, ...place, name);
  const decided: Readonly<Record<string, string>> = { ...DECIDED, ...DECIDED_IN[setting] };
  const instead = Object.hasOwn(decided, name) ? decided[name] : undefined;
  const meant = closest(name, [...Object.keys(KEYS), ...own]);
  const pages = own.length === 0 ? "docs/container.md lists" : "docs/workers.md and docs/container.md list";
  const rule = meant === undefined ? `${pages} those that there are` : `${meant} was meant?`;
  refuse(
    [...place, name],
    instead === undefined ? `there is no such key here; ${rule}` : `is not a key here: ${instead}`,
    remove,
  );
}

/** A path that `volumes` and `tmpfs` both name. */
function refuseMounts({ volumes, tmpfs }: ContainerSettings, { setting, place, refuse }: Block): void {
  try {
    refuseTwice([...(volumes ? mountedPaths({ volumes }) : []), ...Object.keys(tmpfs ?? {})]);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    refuse([...place, "tmpfs"], error.message, mendCommand(setting, "tmpfs"), error);
  }
}

/** The paths on which something is mounted. */
export const mountedPaths = ({ volumes, tmpfs }: Pick<ContainerSettings, "volumes" | "tmpfs">): string[] => [
  ...(volumes?.volumes.map(({ target }) => target) ?? []),
  ...Object.keys({ ...volumes?.tmpfs, ...tmpfs }),
];

/** How a key is mended: most have more than a word, which a command can't set. */
const mendCommand = (setting: SettingWithKeys, name: ContainerKey): string =>
  `edit ${setting} in the stack's Pulumi.<stack>.yaml, as in: ${KEYS[name].example}`;
