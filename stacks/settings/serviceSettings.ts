import * as pulumi from "@pulumi/pulumi";
import { Refusal } from "../refusal";
import type { Color } from "../service/color";
import type { SmokeTest } from "../service/smokeTest";
import { isObject } from "../text/json";
import type { AlertReceiver } from "./alertReceiver";
import type { ContainerKey } from "./container/keys";
import type { AccessorySettings, JobSettings, WorkerSettings } from "./container/named";
import { defaultSettings, textsOf } from "./defaults";
import { SettingsError } from "./errors";
import type { Configuration } from "./read";
import { parseSettings, type Settings } from "./settings";
import { NAMESPACE, SECRET_KEYS, SECRET_NAMES, type SecretName } from "./shape";

/** A value that may be a secret of Pulumi's, as `config.requireSecret` gives it; it has to be known in a preview too. */
export type SecretInput = string | pulumi.Output<string>;

/** A block of keys as a program gives it, in Compose's forms. */
type NamedBlock<Key extends string> = { [_ in Key]?: unknown };

/**
 * The settings of a service as a program gives them: those of the README's table under the same names, as plain values. What is left
 * out is the default of that table.
 */
export interface ServiceSettings
  extends Partial<
    Omit<
      Settings,
      | "activeColor"
      | "slots"
      | "smokeTests"
      | "container"
      | "workers"
      | "jobs"
      | "accessories"
      | "hosts"
      | "secretEnvironment"
      | "alertReceiver"
      | "dockerHost"
      | SecretName
    >
  > {
  /** The color that the public is to see: to change it is the switch. */
  activeColor: Color;
  /** The release in blue; `1.0.0`. */
  blueVersion?: string;
  /** The release in green; `1.0.0`. */
  greenVersion?: string;
  /** Reference of an image to run in blue; built from `appDirectory` where it is absent. */
  blueImage?: string;
  /** Reference of an image to run in green; built from `appDirectory` where it is absent. */
  greenImage?: string;
  /** The port on the host's loopback that leads straight to blue; 5001. */
  bluePort?: number;
  /** The port on the host's loopback that leads straight to green; 5002. */
  greenPort?: number;
  /** What a color must answer before a switch; one that asks its health path for its color and version. */
  smokeTests?: (Pick<SmokeTest, "name"> & Partial<SmokeTest>)[];
  /** What Compose says of a service's containers, by its keys and in its forms (docs/container.md). */
  container?: { [Key in ContainerKey]?: unknown };
  /** Containers of each color that serve nobody, by name (docs/workers.md). */
  workers?: Record<string, NamedBlock<keyof WorkerSettings>>;
  /** Commands at moments of a cutover, by name (docs/workers.md). */
  jobs?: Record<string, NamedBlock<keyof JobSettings>>;
  /** What stands beside both colors, by name (docs/workers.md); a variable may be a secret of Pulumi's. */
  accessories?: Record<string, NamedBlock<keyof AccessorySettings> & { environment?: Record<string, SecretInput> }>;
  /** Where the service runs, each host's address by its name, or `own` for the stack's own engine. */
  hosts?: Record<string, string>;
  /** Environment variables of both colors that are kept secret. */
  secretEnvironment?: Record<string, SecretInput>;
  /** With it as header or cookie `X-Blue-Green-Preview` a request goes to the idle color. */
  testerToken?: SecretInput;
  /** The private key: PEM text, or a file's path. */
  tlsKey?: SecretInput;
  /** The password or token of `registryUser`; the variable REGISTRY_PASSWORD wins over it. */
  registryPassword?: SecretInput;
  /** Who gets word of each cutover (docs/notifications.md). */
  notifyUrl?: SecretInput;
  /** What signs that word, or lets it in. */
  notifySecret?: SecretInput;
  /** Who gets the alerts of `monitoring: "on"`, in Alertmanager's words (docs/monitoring.md); anything in it may be a secret of Pulumi's. */
  alertReceiver?: { [Kind in keyof AlertReceiver]?: Record<string, unknown>[] };
}

/**
 * The whole settings out of those that a program gives, validated as those of the stack's configuration are.
 *
 * @param of whose they are, for the error.
 * @param provider the Docker provider's configuration (see {@link readProvider}).
 * @throws SettingsError with everything that is wrong with them.
 */
export function completeSettings(given: object, of: string, provider?: Configuration): Settings {
  const texts = { ...defaultSettings(), ...textsOf(given) };
  const raw = Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${NAMESPACE}:${name}`, text]));
  const secretKeys = new Set([...SECRET_KEYS, ...(provider?.secretKeys ?? [])]);
  try {
    return parseSettings({ ...raw, ...provider?.raw }, secretKeys);
  } catch (error) {
    throw error instanceof SettingsError ? new SettingsError(error.problems, of) : error;
  }
}

/**
 * The same settings with the secrets' values in place of Pulumi's outputs.
 *
 * @throws Refusal where one is not known yet: what is decided before anything is touched can't wait for it. And where one stands for what
 * could not be kept secret.
 */
export async function withSecrets(
  given: { [Name in SecretName | "secretEnvironment" | "accessories" | "alertReceiver"]?: unknown },
  of: string,
): Promise<Record<string, unknown>> {
  const { secretEnvironment, accessories, alertReceiver, ...plain } = given;
  const known = async (name: string, value: unknown): Promise<unknown> => {
    if (!pulumi.Output.isInstance(value)) return value;
    // Left out of the SDK's types; one that is not known never hands over a value.
    const { isKnown } = value as unknown as { isKnown: Promise<boolean> };
    if (!(await isKnown)) {
      throw new Refusal(
        `${of}: ${name} is not known before \`pulumi up\`, but is needed for a preview. Nothing was touched. ` +
          "Next: take it from the stack's configuration (config.requireSecret), then: pulumi up",
      );
    }
    return new Promise((resolve) => void pulumi.unsecret(value).apply(resolve));
  };
  const each = async (object: unknown, act: (name: string, value: unknown) => Promise<unknown>): Promise<unknown> =>
    isObject(object) && !pulumi.Output.isInstance(object)
      ? Object.fromEntries(
          await Promise.all(Object.entries(object).map(async ([name, value]) => [name, await act(name, value)])),
        )
      : object;
  const variables = (place: string, environment: unknown) =>
    each(environment, (name, value) => known(`${place}.${name}`, value));
  const within = async (place: string, value: unknown, depth = 0): Promise<unknown> => {
    if (pulumi.Output.isInstance(value)) return known(place, value);
    if (typeof value !== "object" || value === null || depth > MOST_DEPTH) return value;
    if (!Array.isArray(value)) return each(value, (name, item) => within(`${place}.${name}`, item, depth + 1));
    return Promise.all(value.map((item, at) => within(`${place}[${at}]`, item, depth + 1)));
  };
  const secrets = SECRET_NAMES.map(async (name) => [name, await known(name, given[name])] as const);
  const found = {
    ...plain,
    ...Object.fromEntries(await Promise.all(secrets)),
    secretEnvironment: await variables("secretEnvironment", secretEnvironment),
    ...(alertReceiver !== undefined && { alertReceiver: await within("alertReceiver", alertReceiver) }),
    ...(accessories !== undefined && {
      accessories: await each(accessories, async (name, block) =>
        isObject(block) && block.environment !== undefined
          ? { ...block, environment: await variables(`accessories.${name}.environment`, block.environment) }
          : block,
      ),
    }),
  };
  const [place] = outputPlaces(found, []);
  if (place === undefined) return found;
  throw new Refusal(
    `${of}: ${place} is an output of Pulumi's, and a plain value is needed: a secret would stand in clear in a label. What may be one are ` +
      `${[...SECRET_NAMES, "the variables in secretEnvironment", "those in an accessory's environment", "all within alertReceiver"].join(", ")}. ` +
      "Nothing was touched. Next: give a plain value in the program, then: pulumi up",
  );
}

/** Deeper than any setting is. */
const MOST_DEPTH = 10;

/** Returns where Pulumi's outputs are within a value. */
function outputPlaces(value: unknown, place: readonly string[]): string[] {
  if (pulumi.Output.isInstance(value)) return [place.join(".")];
  if (typeof value !== "object" || value === null || place.length > MOST_DEPTH) return [];
  return Object.entries(value).flatMap(([name, item]) => outputPlaces(item, [...place, name]));
}
