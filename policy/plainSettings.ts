import { setVariableCommand } from "../stacks/settings/environment";
import { type Place, pathTo, removeCommand } from "../stacks/settings/problem";
import { mayBeSecret, mustBeSecret, NAMESPACE } from "../stacks/settings/shape";
import { jsonIn } from "../stacks/text/json";
import { quoted } from "../stacks/text/shell";
import { suspicion } from "./secret";

/** Deeper than any setting is; what is nested deeper is refused by the program itself. */
const MAX_DEPTH = 20;

/**
 * Looks for secrets among the settings that are kept in plain text. No message shows a value.
 *
 * @param configuration every key with its value as Pulumi has it: text, and JSON text for what has values of its own within.
 *   Those of other namespaces are left alone, since a policy pack is not told which of them are secret.
 * @param file what the stack's file has, in which a secret is an object with the only key `secure`: other namespaces are judged by it, and
 *   the settings that may be secret.
 */
export function plainSettings(
  configuration: Readonly<Record<string, unknown>>,
  file: Readonly<Record<string, unknown>> = {},
): string[] {
  const own = Object.entries(configuration)
    .filter(([key]) => key.startsWith(`${NAMESPACE}:`))
    .map(([key, value]) => [key.slice(NAMESPACE.length + 1), within(value)] as const)
    // Those are refused by the program itself where they are plain.
    .filter(([setting]) => !mustBeSecret(setting) && !mayBeSecret(setting));
  const inFile = Object.entries(file)
    .filter(([key]) => !key.startsWith(`${NAMESPACE}:`) || mayBeSecret(bareName(key)))
    .map(([key, value]) => [bareName(key), withoutSecrets(value)] as const);
  return [...own, ...inFile].flatMap(([setting, value]) =>
    leaves(value, []).flatMap(({ place, text }) => {
      const why = suspicion(String(place.findLast((step) => typeof step === "string") ?? setting), text);
      if (why === undefined) return [];
      return [
        `${pathTo(setting, ...place)} ${why}, and the stack's file has it in plain text. ${next(setting, place)}`,
      ];
    }),
  );
}

/** A key without our own namespace. */
const bareName = (key: string): string => (key.startsWith(`${NAMESPACE}:`) ? key.slice(NAMESPACE.length + 1) : key);

/** The value within a JSON text, and the text itself where it is none. */
const within = (value: unknown): unknown =>
  typeof value === "string" && /^\s*[[{]/.test(value) ? (jsonIn(value) ?? value) : value;

function leaves(value: unknown, place: Place): { place: Place; text: string }[] {
  if (place.length > MAX_DEPTH) return [];
  if (typeof value !== "object" || value === null) return value == null ? [] : [{ place, text: String(value) }];
  if (Array.isArray(value)) return value.flatMap((item, at) => leaves(item, [...place, at]));
  return Object.entries(value).flatMap(([name, item]) => leaves(item, [...place, name]));
}

/** What the stack's file has in plain text: a secret is written as an object with the only key `secure`. */
function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth + 1));
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure") return undefined;
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutSecrets(item, depth + 1)]));
}

/** What was readable once is no secret any more, so it is not moved but replaced; the CLI asks for the new one. */
function next(setting: string, place: Place): string {
  const remove = place.length === 0 ? `pulumi config rm ${quoted(setting)}` : removeCommand(setting, ...place);
  const [name] = place;
  if (setting === "environment" && typeof name === "string") {
    const set = setVariableCommand(pathTo("secretEnvironment", name));
    return `Next, with a new value, since the old one was readable: ${remove} && ${set}`;
  }
  if (setting === "smokeTests" || setting === "gateCommand") {
    return `Next: ${remove}; what needs a secret belongs in gateCommand, which takes it from the environment of whoever runs pulumi`;
  }
  if (!setting.includes(":") && !mayBeSecret(setting)) return `Next: ${remove}`;
  return `Next, with a new value, since the old one was readable: pulumi config set --secret --path ${quoted(pathTo(setting, ...place))}`;
}
