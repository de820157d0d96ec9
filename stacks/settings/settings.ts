import { z } from "zod";
import type { Color } from "../service/color";
import type { SmokeTest } from "../service/smokeTest";
import { agree } from "./agreement";
import type { OwnContainerSettings } from "./container/container";
import { withContainer } from "./container/otherSettings";
import { dockerContextIn, dockerHostIn } from "./dockerProvider";
import { problemsIn, SettingsError } from "./errors";
import { keepSecrecy } from "./secrecy";
import { type ColorSettingName, type FlatSettings, mustBeSecret, NAMESPACE, SETTING_NAMES, SHAPE } from "./shape";

/** All that a color has of its own; anything else is the same for both, so that they can't drift apart. */
export interface ColorSettings {
  /** The release; fit for an image tag, a label and a page. */
  version: string;
  /** Reference of an image to run; `app/` is built where it is absent. */
  image?: string;
  /** The port on the host's loopback that leads straight to this color. */
  port: number;
  /** Whether it runs with the strict set; decided by what runs where the setting `hardened` says nothing (see plan/hardened.ts). */
  hardened?: boolean;
}

/**
 * The whole configuration, validated: every row of the table. Every value comes from the stack's configuration or from the defaults in
 * Pulumi.yaml.
 */
export interface Settings extends Omit<FlatSettings, ColorSettingName | "smokeTests" | "container"> {
  slots: Record<Color, ColorSettings>;
  /** What a color must answer before a switch; none if empty. `{color}` and `{version}` in their texts are not replaced yet. */
  smokeTests: SmokeTest[];
  /** What Compose says of the containers; what is the value of another setting is in that one. */
  container?: OwnContainerSettings;
  /**
   * The Docker provider's own `docker:host`, where set. Commands inherit our environment and not the provider's configuration:
   * without it they would act on another engine than the containers are on.
   */
  dockerHost?: string;
}

/** Each setting's rule, by its name. */
const RULES = Object.fromEntries(SETTING_NAMES.map((name) => [name, SHAPE[name].rule])) as {
  [Name in keyof typeof SHAPE]: (typeof SHAPE)[Name]["rule"];
};

/**
 * Validates a whole configuration at once and says everything that is wrong with it in one `SettingsError`; it throws nothing else.
 *
 * @param raw every key of the configuration with its value as Pulumi has it: text, and JSON text for objects. Keys of other
 *   namespaces are left alone, but for `docker:host`.
 * @param secretKeys the keys whose values were set with `--secret`. Their values never show in an error.
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>, secretKeys: ReadonlySet<string>): Settings {
  const values = ownValues(raw);
  const isSecret = (name: string) => mustBeSecret(name) || secretKeys.has(`${NAMESPACE}:${name}`);

  const result = z
    .strictObject(RULES)
    // 'when': what one setting means for another is said together with what each is by itself.
    .superRefine((parsed, context) => agree({ parsed, values, isSecret, context }), { when: () => true })
    .superRefine((_, context) => keepSecrecy(values, secretKeys, context), { when: () => true })
    .safeParse(values);

  const dockerHost = dockerHostIn(raw, secretKeys);
  const problems = [...problemsIn(result.error, values, isSecret), ...dockerHost.problems, ...dockerContextIn(raw)];
  if (!result.success || problems.length > 0) throw new SettingsError(problems);

  const flat = withContainer(withoutEmpty(result.data));
  const { blueVersion, greenVersion, blueImage, greenImage, bluePort, greenPort, smokeTests, ...shared } = flat;
  const slot = (version: string, image: string | undefined, port: number): ColorSettings => ({
    version,
    ...(image !== undefined && { image }),
    port,
  });
  return {
    ...shared,
    smokeTests: smokeTests.map((test) => ({ path: shared.healthPath, ...test })),
    slots: { blue: slot(blueVersion, blueImage, bluePort), green: slot(greenVersion, greenImage, greenPort) },
    ...(dockerHost.value === undefined ? {} : { dockerHost: dockerHost.value }),
  };
}

/** The settings without those that are set to nothing. */
const withoutEmpty = (parsed: z.output<z.ZodObject<typeof RULES>>): FlatSettings =>
  Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined)) as unknown as FlatSettings;

/** Our own settings by their bare names. Without a prototype, so that a setting called `constructor` is merely unknown. */
function ownValues(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(raw ?? {})) {
    if (key.startsWith(`${NAMESPACE}:`)) values[key.slice(NAMESPACE.length + 1)] = value;
  }
  return values;
}
