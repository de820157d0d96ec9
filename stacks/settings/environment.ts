import { isRounded, objectIn } from "../text/json";
import { quoted } from "../text/shell";
import { pathTo, type Refuse, removeCommand, setCommand } from "./problem";

export type EnvironmentName = "environment" | "secretEnvironment";

/** All variables that the settings give to both colors, the secret ones among them. */
export const allVariables = (settings: Record<EnvironmentName, Record<string, string>>): Record<string, string> => ({
  ...settings.environment,
  ...settings.secretEnvironment,
});

/** Names in `environment` and `secretEnvironment` that the program itself sets in a slot's containers. */
export const RESERVED_NAMES: readonly string[] = ["COLOR", "PORT", "APP_VERSION", "DRAIN_SECONDS"];

const MAX_VARIABLES = 200;
const MAX_NAME_CHARACTERS = 128;
/** Linux takes at most 128 KiB for one variable, and an exec with about 2 MiB in all. */
const MAX_VALUE_KIB = 32;
const MAX_ENVIRONMENT_KIB = 512;

/** One environment's variables, out of the JSON text that Pulumi hands over for an object; without those that are refused. */
export function parseEnvironment(setting: EnvironmentName, json: unknown, refuse: Refuse): Record<string, string> {
  const given = objectIn(json);
  if (given === undefined) {
    refuse([], "must be an object: one variable a time, with --path", `pulumi config rm ${setting}`);
    return {};
  }
  const accepted = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    const rule = nameRule(name);
    if (rule !== undefined) refuse([name], rule, removeCommand(setting, name));
    else {
      const rule = valueRule(value);
      if (rule !== undefined) refuse([name], rule, setVariableCommand(pathTo(setting, name)));
      else accepted.set(name, String(value));
    }
  }
  const kib = [...accepted].reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0) / 1024;
  if (Object.keys(given).length > MAX_VARIABLES || kib > MAX_ENVIRONMENT_KIB) {
    const rule = `must have at most ${MAX_VARIABLES} variables and ${MAX_ENVIRONMENT_KIB} KiB in all`;
    refuse([], rule, `pulumi config rm --path '${setting}.<NAME>'`);
  }
  // Not by assignment: a name such as __proto__ would change the object instead of becoming a key.
  return Object.fromEntries(accepted);
}

export function nameRule(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return "is set by the program itself";
  // A valid name for the shell, but whoever copies the object by assignment would lose the variable without a word.
  if (name === "__proto__") return "is not possible as a name";
  if (name.length > MAX_NAME_CHARACTERS || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `must have a name of A-Z a-z 0-9 _, no digit first, at most ${MAX_NAME_CHARACTERS} characters`;
  }
  return undefined;
}

export function valueRule(value: unknown): string | undefined {
  if (isRounded(value)) return "is too large for a number and would be rounded; must be set as text";
  if (!["string", "number", "boolean"].includes(typeof value)) return "must be a text, a number, true or false";
  if (String(value).includes("\0")) return "must not contain a NUL character";
  if (Buffer.byteLength(String(value)) > MAX_VALUE_KIB * 1024) return `must be at most ${MAX_VALUE_KIB} KiB`;
  return undefined;
}

/**
 * `pulumi config set` of one variable by its path. It is set as text, since a long number would become one and be rounded. A secret
 * is set without a value: the CLI asks for it, and it stays out of the shell's history.
 */
export const setVariableCommand = (path: string) =>
  path.startsWith("secretEnvironment")
    ? `pulumi config set --secret --path ${quoted(path)}`
    : setCommand(path, "<value>", "--type string --path ");
