import { isImage } from "../../engine/image";
import {
  JOB_MOMENTS,
  JOB_SECONDS,
  type JobMoment,
  WORKER_FOLLOWS,
  WORKER_STARTS,
  type WorkerFollow,
  type WorkerStart,
} from "../../service/moments";
import { processLimit } from "../../service/slotSpec";
import { isObject, jsonIn, objectIn } from "../../text/json";
import { type Refuse, removeCommand } from "../problem";
import { ComposeError, seconds, text, wholeNumber } from "./compose";
import { type ContainerSettings, readKeys, type SettingWithKeys } from "./container";

/** The keys of a container beside a color's own, by the names that Compose has for them; its variables are in `environment`. */
export type NamedKeys = Omit<ContainerSettings, "env_file">;

/** Containers of each color that serve nobody, such as one that takes jobs from a queue. */
export type WorkerSettings = NamedKeys & { replicas: number; follow: WorkerFollow; start: WorkerStart };
/** A command in a container of its own, at a moment of a cutover. */
export type JobSettings = NamedKeys & { at: JobMoment; timeoutSeconds: number };
/** What stands beside both colors, such as a database. */
export type AccessorySettings = NamedKeys & { image: string };

// No word is a number: a container's name ends in which one of its kind it is.
const NAME = /^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/;
/** Words that other parts of a stack are called by. */
const TAKEN = /(?:^|-)(?:blue|green|proxy|gateway)(?:-|$)/;
const MOST_NAME_CHARACTERS = 30;
const MOST_NAMES = 20;
const MOST_REPLICAS = 20;
const MOST_SECONDS = 24 * 3600;
const NAME_RULE =
  `must be called with a-z 0-9 and single dashes, each word with a letter first, at most ${MOST_NAME_CHARACTERS} characters, without ` +
  "the words blue, green, proxy and gateway";

const isName = (name: string): boolean => NAME.test(name) && name.length <= MOST_NAME_CHARACTERS && !TAKEN.test(name);

/** The keys that only these containers have, each with its reading. */
type Own<Value> = { [Key in keyof Value]: { read(value: unknown): Value[Key]; otherwise?: Value[Key] } };

const WORKER: Own<Omit<WorkerSettings, keyof NamedKeys>> = {
  replicas: { read: (value) => wholeNumber(value, 1, MOST_REPLICAS), otherwise: 1 },
  follow: { read: oneOf(WORKER_FOLLOWS), otherwise: "live" },
  start: { read: oneOf(WORKER_STARTS), otherwise: "after-switch" },
};
const JOB: Own<Omit<JobSettings, keyof NamedKeys>> = {
  at: { read: oneOf(JOB_MOMENTS) },
  timeoutSeconds: { read: jobSeconds, otherwise: JOB_SECONDS },
};
const ACCESSORY: Own<Omit<AccessorySettings, keyof NamedKeys>> = {
  image: {
    read: (value) => {
      const rule = "must be an image by tag or digest, such as postgres:17";
      const image = text(value, rule);
      if (!isImage(image)) throw new ComposeError(rule);
      return image;
    },
  },
};

/** Returns the workers out of the JSON text that Pulumi hands over; undefined where there are none. */
export const parseWorkers = (json: unknown, refuse: Refuse): Record<string, WorkerSettings> | undefined =>
  parseNamed(json, { setting: "workers", own: WORKER, needs: ["command"], refuse });

/** The same for jobs. */
export const parseJobs = (json: unknown, refuse: Refuse): Record<string, JobSettings> | undefined =>
  parseNamed(json, { setting: "jobs", own: JOB, needs: ["command"], refuse });

/** The same for accessories. */
export const parseAccessories = (json: unknown, refuse: Refuse): Record<string, AccessorySettings> | undefined =>
  parseNamed(json, { setting: "accessories", own: ACCESSORY, needs: [], refuse });

/** What a list of names in a setting of its own allows, such as `allowAccessoryReplace`. */
export function parseNames(setting: string, json: unknown, refuse: Refuse): string[] {
  const given = jsonIn(json);
  if (!Array.isArray(given)) {
    refuse([], "must be a list of names", `pulumi config rm ${setting}`);
    return [];
  }
  return given.flatMap((name, at) => {
    if (typeof name === "string" && isName(name)) return [name];
    refuse([at], NAME_RULE, removeCommand(setting, at));
    return [];
  });
}

interface Kind<Value> {
  setting: Exclude<SettingWithKeys, "container">;
  own: Own<Value>;
  /** Keys of a container's without which it would be none of its kind. */
  needs: readonly (keyof NamedKeys)[];
  refuse: Refuse;
}

function parseNamed<Value extends object>(
  json: unknown,
  kind: Kind<Value>,
): Record<string, NamedKeys & Value> | undefined {
  const { setting, refuse } = kind;
  const given = objectIn(json);
  if (given === undefined) {
    refuse([], "must be an object: a block of keys by name", `pulumi config rm ${setting}`);
    return undefined;
  }
  if (Object.keys(given).length > MOST_NAMES) {
    refuse([], `must have at most ${MOST_NAMES} names`, `pulumi config rm --path '${setting}.<name>'`);
    return undefined;
  }
  const found = Object.entries(given).flatMap(([name, block]) => {
    const remove = removeCommand(setting, name);
    if (!isName(name)) refuse([name], NAME_RULE, remove);
    else if (!isObject(block)) refuse([name], "must be an object: a block of keys", remove);
    else return [[name, readBlock(name, block, kind)] as const];
    return [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function readBlock<Value extends object>(
  name: string,
  block: Record<string, unknown>,
  { setting, own, needs, refuse }: Kind<Value>,
): NamedKeys & Value {
  const place = [name];
  const keys = Object.fromEntries(Object.entries(block).filter(([key]) => !Object.hasOwn(own, key)));
  for (const key of needs.filter((key) => !Object.hasOwn(keys, key) && !Object.hasOwn(keys, "entrypoint")))
    refuse(place, `must have a ${key}, or it would be a second web process`, setPath(setting, name, key));
  if (Object.hasOwn(keys, "env_file")) {
    delete keys.env_file;
    refuse([name, "env_file"], ENV_FILE[setting], removeCommand(setting, name, "env_file"));
  }
  const values = (Object.keys(own) as (keyof Value & string)[]).map((key) => {
    const { read, otherwise } = own[key];
    const isThere = Object.hasOwn(block, key);
    if (!isThere && otherwise !== undefined) return [key, otherwise];
    try {
      return [key, read(block[key])];
    } catch (error) {
      if (!(error instanceof ComposeError)) throw error;
      const mend = setPath(setting, name, key);
      if (isThere) refuse([name, key], error.message, mend, error);
      else refuse(place, `must have ${key}, which ${error.message}`, mend);
      return [key, otherwise];
    }
  });
  const read = readKeys(keys, { setting, place, refuse, own: Object.keys(own) });
  if (setting === "accessories" && read.volumes?.volumes.some(({ perColor }) => perColor))
    refuse(
      [name, "volumes"],
      "can't have x-per-color: both colors have the one accessory",
      removeCommand(setting, name, "volumes"),
    );
  return { ...read, ...(Object.fromEntries(values) as Value) };
}

const ENV_FILE: Readonly<Record<Kind<object>["setting"], string>> = {
  workers: "can't be had here: the color's environment and secretEnvironment are the worker's too",
  jobs: "can't be had here: the color's environment and secretEnvironment are the job's too",
  accessories: "can't be had here: set each variable in environment, one that is secret with --secret",
};

const setPath = (setting: string, name: string, key: string): string =>
  `pulumi config set --path ${setting}.${name}.${key} '<value>'`;

function oneOf<const Word extends string>(words: readonly Word[]): (value: unknown) => Word {
  return (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new ComposeError(`must be ${words.join(" or ")}`);
    return found;
  };
}

function jobSeconds(value: unknown): number {
  const given = typeof value === "string" && !/^[0-9]+$/.test(value) ? Math.ceil(seconds(value)) : value;
  return wholeNumber(given, 1, MOST_SECONDS);
}

/** What an accessory's container is made from, as its label says it: of its environment only the names. */
export const accessorySpec = ({ environment = {}, ...keys }: AccessorySettings): Record<string, unknown> => ({
  ...keys,
  ...(Object.keys(environment).length > 0 && { environment: Object.keys(environment).sort() }),
  processes: processLimit({ container: keys, hardened: false }),
});

/** Returns the settings that an accessory's container was made from, as its label and its environment say. */
export function accessorySettingsOf({
  made: { processes: _, environment: names, ...keys },
  environment,
}: {
  made: Readonly<Record<string, unknown>>;
  environment: Readonly<Record<string, string>>;
}): AccessorySettings {
  const variables = (Array.isArray(names) ? names : []).map((name) => [String(name), environment[String(name)] ?? ""]);
  return {
    ...(keys as Partial<AccessorySettings>),
    image: typeof keys.image === "string" ? keys.image : "",
    ...(variables.length > 0 && { environment: Object.fromEntries(variables) }),
  };
}
