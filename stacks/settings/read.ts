import * as pulumi from "@pulumi/pulumi";
import { accessorySecrets } from "./accessorySecrets";
import { SettingsError } from "./errors";
import { parseSettings, type Settings } from "./settings";
import { NAMESPACE } from "./shape";
import { stackFileText, writtenProblems } from "./writtenForms";

/** Reads and validates the stack's configuration. Nothing else in the program reads configuration. */
export function readSettings(): Settings {
  const { raw, secretKeys } = readConfiguration();
  const text = stackFileText(process.cwd(), pulumi.getStack());
  const changed = writtenProblems(text, raw, NAMESPACE);
  const accessories = `${NAMESPACE}:accessories`;
  const open = secretKeys.has(accessories) ? accessorySecrets(text, raw[accessories]) : { problems: [], warnings: [] };
  const refused = [...changed.filter(({ setting }) => !setting.startsWith("environment")), ...open.problems];
  if (refused.length > 0) throw new SettingsError(refused);
  // Numbers are allowed there, and a stack that runs with one goes on.
  for (const { setting, rule, mend } of changed) void pulumi.log.warn(`${setting} ${rule}. Next: ${mend}`);
  for (const warning of open.warnings) void pulumi.log.warn(warning);
  return parseSettings(raw, secretKeys);
}

/** The Docker provider's own configuration: where it is set, commands must go by it too. */
export function readProvider(): Configuration {
  const { raw, secretKeys } = readConfiguration();
  return { raw: Object.fromEntries(Object.entries(raw).filter(([key]) => key.startsWith("docker:"))), secretKeys };
}

/** Whether anything in the stack's configuration was set with `--secret`. */
export const hasSecrets = (): boolean => readConfiguration().secretKeys.size > 0;

/** A stack's configuration, and the keys of it that were set with `--secret`. */
export interface Configuration {
  raw: Record<string, string>;
  secretKeys: Set<string>;
}

function readConfiguration(): Configuration {
  const raw = pulumi.runtime.allConfig();
  // The SDK exports this but leaves it out of its types; `Config` would tell secrets only key by key, as outputs.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return { raw, secretKeys: new Set(Object.keys(raw).filter((key) => isConfigSecret(key))) };
}
