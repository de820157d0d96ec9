/**
 * The door to what the program knows of settings: all of it that `adopt` needs, and nothing else of `stacks/`. What loads Pulumi is loaded
 * when it is asked for.
 */
import { defaultSettings, textsOf } from "../../stacks/settings/defaults";
import { NAMESPACE } from "../../stacks/settings/shape";
import { isObject } from "../../stacks/text/json";

export { ComposeError, mebibytes, seconds, within, words } from "../../stacks/settings/container/compose";
export { envFileVariables } from "../../stacks/settings/container/envFile";
export { type ContainerKey, DECIDED, KEYS } from "../../stacks/settings/container/keys";
export { defaultSettings } from "../../stacks/settings/defaults";
export { nameRule, valueRule } from "../../stacks/settings/environment";
export { type Place, pathTo } from "../../stacks/settings/problem";
export { isPlainPath } from "../../stacks/settings/values";

/** Settings by their bare names, as they are going to stand in a stack's file. */
export type Config = Record<string, unknown>;

/** A value that is set with `--secret`, and where: names with dots between. */
interface SecretSetting {
  setting: string;
  value: string;
}

/** Returns what the program would refuse in these settings; undefined where it takes them. */
export function problemsOf(config: Config, secrets: readonly SecretSetting[]): string | undefined {
  // These load Pulumi, which takes a second: no file that is refused waits for that.
  const { parseSettings } =
    require("../../stacks/settings/settings") as typeof import("../../stacks/settings/settings");
  const { SettingsError } = require("../../stacks/settings/errors") as typeof import("../../stacks/settings/errors");
  const texts = { ...defaultSettings(), ...textsOf(withSecrets(config, secrets)) };
  const raw = Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${NAMESPACE}:${name}`, text]));
  const names = secrets.map(({ setting }) => setting.split(".")[0]);
  try {
    parseSettings(raw, new Set(names.map((name) => `${NAMESPACE}:${name}`)));
    return undefined;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ setting, rule }) => `${setting} ${rule}`).join("; ");
  }
}

/** Returns the settings with the secret values in their places, as the program gets them. */
function withSecrets(config: Config, secrets: readonly SecretSetting[]): Config {
  const whole = structuredClone(config);
  for (const { setting, value } of secrets) {
    const path = setting.split(".");
    const last = path.pop() ?? "";
    const parent = path.reduce<Config>((map, name) => {
      map[name] = isObject(map[name]) ? map[name] : {};
      return map[name] as Config;
    }, whole);
    parent[last] = value;
  }
  return whole;
}
