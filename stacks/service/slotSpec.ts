import { isObject, jsonOf } from "../text/json";
import { printableLine } from "../text/plain";
import type { Color } from "./color";

/**
 * What a slot's container is made from, by setting; of the environments only the names, since a label can be read by anybody. Which
 * settings those are is told by the table (see settings/shape.ts); named here are those that somebody goes by.
 */
export interface SlotSpec {
  version: string;
  /** The image that runs; empty where `app/` is built. */
  image: string;
  port: number;
  appPort: number;
  healthPath: string;
  stopGraceSeconds: number;
  environment: string[];
  secretEnvironment: string[];
  /** Only where it does not run with the strict set, which was the only one before 2026-12. */
  hardened?: false;
  /** Hash over all that no setting names. */
  definition: string;
  [setting: string]: unknown;
}

/** A container that runs, or one that would be made: what it is made from, with the values of its environment. */
export interface SlotInstance {
  made: Partial<SlotSpec>;
  environment: Readonly<Record<string, string>>;
}

/** How a container that runs differs from what it would be made from now; each in words, such as `memoryMb 256 -> 512`. */
export interface SpecDifferences {
  /** In what the color has of its own: its release. */
  own: string[];
  /** In what both colors have. */
  shared: string[];
}

/** What is compared in another way than by its value, or has another name as a setting. */
const NO_VALUES: readonly string[] = [
  "hardened",
  "version",
  "image",
  "port",
  "environment",
  "secretEnvironment",
  "definition",
];

/** A setting's name. Whoever wrote the label may have written anything there. */
const SETTING = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

/**
 * Compares what runs with what would be made, in every setting that either of them names. No value of an environment is shown: a name
 * says enough, and may be secret.
 */
export function specDifferences(color: Color, before: SlotInstance, after: SlotInstance): SpecDifferences {
  const change = (setting: string, key: string) => valueChanges(setting, specValue(before, key), specValue(after, key));
  const names = (kind: "environment" | "secretEnvironment") => {
    const [old = [], now = []] = [before.made[kind], after.made[kind]];
    return [...new Set([...old, ...now])]
      .filter(
        (name) => old.includes(name) !== now.includes(name) || before.environment[name] !== after.environment[name],
      )
      .sort()
      .map((name) => `${kind}.${name}`);
  };

  if (before.made.definition === undefined) {
    return { own: [], shared: ["all settings (its container does not say what it was made from)"] };
  }
  const settings = Object.keys({ ...after.made, ...before.made }).filter(
    (key) => SETTING.test(key) && !NO_VALUES.includes(key),
  );
  return {
    own: [...change(`${color}Version`, "version"), ...change(`${color}Image`, "image")],
    shared: [
      ...change(`${color}Port`, "port"),
      ...settings.flatMap((key) => change(key, key)),
      ...valueChanges("hardened", before.made.hardened ?? true, after.made.hardened ?? true),
      ...names("environment"),
      ...names("secretEnvironment"),
      ...(before.made.definition === after.made.definition ? [] : ["how this program makes a container"]),
    ],
  };
}

/** So many names deep what differs is told by its place. */
const MOST_DEPTH = 4;

/** Returns what differs in a setting; in one with values of its own within, in each of those. */
export function valueChanges(setting: string, was: unknown, is: unknown, depth = 0): string[] {
  if (jsonOf(was) === jsonOf(is)) return [];
  const [old, now] = [named(was), named(is)];
  // Of a block within that comes or goes each key would be told for nothing; of mounts each is one.
  const isWhole = depth > 0 && (was === undefined || is === undefined) && !isMounted(was ?? is);
  if (old === undefined || now === undefined || isWhole || depth === MOST_DEPTH)
    return [`${setting} ${shown(was)} -> ${shown(is)}`];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
    valueChanges(`${setting}.${printableLine(key)}`, old.get(key), now.get(key), depth + 1),
  );
}

/** What a value has within, by name; nothing where it is absent, and undefined for what has no names. Mounts go by their paths. */
function named(value: unknown): Map<string, unknown> | undefined {
  if (value === undefined) return new Map();
  if (!isObject(value)) return undefined;
  if (!isMounted(value)) return new Map(Object.entries(value));
  const each = value.volumes.map(({ target, ...mount }): [string, unknown] => [target, jsonOf(mount)]);
  return new Map([...each, ...Object.entries(value.tmpfs)]);
}

/** Whether this is what is mounted, as `container.volumes` has it. */
const isMounted = (value: unknown): value is { volumes: { target: string }[]; tmpfs: object } =>
  isObject(value) &&
  Object.keys(value).length === 2 &&
  isObject(value.tmpfs) &&
  Array.isArray(value.volumes) &&
  value.volumes.every((mount) => isObject(mount) && typeof mount.target === "string");

const specValue = ({ made }: SlotInstance, key: string): unknown =>
  Object.entries(made).find(([name]) => name === key)?.[1];

/** Lists every difference that forces one of a color's containers to be recreated; none where it has no container. */
export function colorDifferences(
  color: Color,
  containers: readonly SlotInstance[],
  after: SlotInstance,
): SpecDifferences {
  const each = containers.map((container) => specDifferences(color, container, after));
  return {
    own: [...new Set(each.flatMap(({ own }) => own))],
    shared: [...new Set(each.flatMap(({ shared }) => shared))],
  };
}

const shown = (value: unknown): string =>
  value === undefined || value === "" ? "(none)" : typeof value === "string" ? value : jsonOf(value);

/** Returns what a container says of itself that the proxy goes by, as far as it says it. */
export const definedIn = (
  container: { version: string; made: Partial<SlotSpec> } | undefined,
): Partial<Pick<SlotSpec, "version" | "image" | "appPort" | "healthPath">> => {
  const { image, appPort, healthPath } = container?.made ?? {};
  return {
    ...(container && { version: container.version }),
    ...(image !== undefined && { image }),
    ...(appPort !== undefined && { appPort }),
    ...(healthPath !== undefined && { healthPath }),
  };
};

/** The most processes and threads of a container that does not run with the strict set. */
const MOST_PROCESSES = 4096;

/** Returns the most processes of a color's container, which the provider can't set; undefined for no bound of the program's. */
export function processLimit({ container, hardened }: { container?: unknown; hardened?: unknown }): number | undefined {
  const limit = isObject(container) ? container.pids_limit : undefined;
  return typeof limit === "number" ? limit : hardened === false ? MOST_PROCESSES : undefined;
}
