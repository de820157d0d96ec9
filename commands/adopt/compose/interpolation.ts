import { isObject, type JsonObject } from "../../../stacks/text/json";
import { plain, shown } from "../../../stacks/text/plain";
import { ComposeError, within } from "../rules";
import { type SecretTexts, type SecretVariable, whySecret } from "../secrecy";
import type { Variables } from "./variables";

/** Bounds of a file once its aliases and variables are filled in; the largest files of applications have some thousand values. */
const MOST_VALUES = 100_000;
const MOST_CHARACTERS = 8 * 1024 * 1024;
const MOST_DEPTH = 50;
/** How deeply a default may have another variable within its own default. */
const MOST_NESTED = 20;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
/** What follows a name in braces, and the text behind it. */
const OPERATION = /^(:?[-?+])(.*)$/s;

/** What was seen while variables were filled in. */
export interface Filling {
  variables: Variables;
  /** Texts with secrets in them. */
  secretTexts: Map<string, SecretVariable[]>;
  /** Texts that the files have in clear as well. */
  openTexts: Set<string>;
  /** Variables that are nowhere set: Compose takes them as empty. */
  unset: Set<string>;
  /** Variables that a file of variables makes of secret ones. */
  secretNames: Set<string>;
}

/**
 * Returns a tree of values with its merge keys resolved, and with its variables filled in, as Compose does it: in values, never in keys.
 */
export function filledTree(tree: unknown, filling: Filling): unknown {
  const left = { values: MOST_VALUES, characters: MOST_CHARACTERS };
  const spend = (values: number, characters = 0) => {
    left.values -= values;
    left.characters -= characters;
    if (left.values < 0 || left.characters < 0) throw new ComposeError("is too large once its aliases are resolved");
  };
  const filled = (value: unknown, depth: number): unknown => {
    if (depth > MOST_DEPTH) throw new ComposeError("is nested too deeply");
    if (typeof value === "string") {
      const text = filledText(value, filling);
      spend(1, text.length);
      return text;
    }
    spend(1);
    if (Array.isArray(value)) return value.map((item, at) => within(at, () => filled(item, depth + 1)));
    if (!isObject(value)) return value;
    const entries = mergedEntries(value, depth, spend);
    return Object.fromEntries(entries.map(([name, item]) => [name, within(name, () => filled(item, depth + 1))]));
  };
  return filled(tree, 0);
}

/** Returns what is in a map, and in those that its key `<<` names: its own keys win, then those of the first one named. */
function mergedEntries(map: JsonObject, depth: number, spend: (values: number) => void): [string, unknown][] {
  if (depth > MOST_DEPTH) throw new ComposeError("is nested too deeply");
  const { "<<": named, ...own } = map;
  if (named === undefined || named === null) return Object.entries(own);
  const merged = (Array.isArray(named) ? named.toReversed() : [named]).flatMap((source) => {
    if (!isObject(source)) throw new ComposeError("must name a map, or a list of maps", ["<<"]);
    const entries = mergedEntries(source, depth + 1, spend);
    spend(entries.length);
    return entries;
  });
  return [...new Map([...merged, ...Object.entries(own)])];
}

/** Returns a text with its variables filled in, and notes the secret ones; where there are none, that nobody keeps it secret. */
function filledText(given: string, filling: Filling): string {
  const { text, secrets } = fill(given, filling);
  if (secrets.length === 0) filling.openTexts.add(text).add(text.slice(text.indexOf("=") + 1));
  return noteTexts(text, secrets, filling);
}

/**
 * Returns a text with its variables filled in, and the secret ones among them.
 *
 * @param lenient whether a brace that begins no variable stays one, as in a file of variables.
 */
export function fill(text: string, filling: Filling, lenient = false): { text: string; secrets: SecretVariable[] } {
  const secrets = new Map<string, SecretVariable>();
  return { text: fillText(text, { filling, secrets, lenient, depth: 0 }), secrets: [...secrets.values()] };
}

/** Notes the secrets that are in a text, and returns it. */
export function noteTexts(text: string, secrets: SecretVariable[], { secretTexts }: Filling): string {
  if (secrets.length === 0) return text;
  // Of a list's `NAME=value` the value alone is looked at later.
  for (const part of [text, text.slice(text.indexOf("=") + 1)]) secretTexts.set(part, secrets);
  return text;
}

/**
 * Returns the texts with secrets in them, but for those that are a secret as a whole and stand in clear in the files as well: of a
 * password that is called as the database is, it can't be told which one was meant.
 */
export const closedTexts = ({ secretTexts, openTexts }: Filling): SecretTexts =>
  Object.fromEntries(
    [...secretTexts].filter(
      ([text, variables]) => !(openTexts.has(text) && variables.some(({ value }) => value === text)),
    ),
  );

interface Place {
  filling: Filling;
  secrets: Map<string, SecretVariable>;
  lenient: boolean;
  depth: number;
}

function fillText(text: string, place: Place): string {
  if (place.depth > MOST_NESTED) throw new ComposeError("has variables nested too deeply");
  const parts: string[] = [];
  let rest = text;
  let size = 0;
  for (let start = rest.indexOf("$"); start >= 0; start = rest.indexOf("$")) {
    const { length, value } = variableAt(rest.slice(start + 1), place);
    parts.push(rest.slice(0, start), value);
    size += start + value.length;
    if (size > MOST_CHARACTERS) throw new ComposeError("is too large once its variables are filled in");
    rest = rest.slice(start + 1 + length);
  }
  return parts.join("") + rest;
}

/** Returns what stands for the text behind a dollar sign, and how much of it that is. */
function variableAt(text: string, place: Place): { length: number; value: string } {
  if (text.startsWith("$")) return { length: 1, value: "$" };
  const [name] = NAME.exec(text) ?? [];
  if (name !== undefined) return { length: name.length, value: filledValue(name, "", place) };
  // As in `$(date)` and `^/old/(.*) /new/$1`.
  if (!text.startsWith("{")) return { length: 0, value: "$" };
  const end = closingBrace(text);
  const inner = end === undefined ? undefined : text.slice(1, end);
  const [braced] = NAME.exec(inner ?? "") ?? [];
  const operation = inner?.slice(braced?.length ?? 0) ?? "";
  if (end === undefined || braced === undefined || (operation !== "" && !OPERATION.test(operation))) {
    // Without its end a brace takes all that follows, which so is looked at once.
    if (place.lenient) return end === undefined ? rest(text) : { length: 0, value: "$" };
    throw new ComposeError(
      `has ${shown(`$${text.slice(0, 20)}`)}, which is no variable as Compose has them: a dollar sign itself is written $$`,
    );
  }
  return { length: end + 1, value: filledValue(braced, operation, place) };
}

const rest = (text: string) => ({ length: text.length, value: `$${text}` });

function closingBrace(text: string): number | undefined {
  let open = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "{") open += 1;
    if (text[at] === "}") open -= 1;
    if (open === 0) return at;
  }
  return undefined;
}

/** Returns a variable's value: `:-` and the like take an empty one as none. */
function filledValue(name: string, operation: string, place: Place): string {
  const { variables, unset } = place.filling;
  const [, sign = "", other = ""] = OPERATION.exec(operation) ?? [];
  const set = variables.get(name);
  const isThere = set !== undefined && !(sign.startsWith(":") && set === "");
  const otherwise = () => noted(name, fillText(other, { ...place, depth: place.depth + 1 }), place);
  if (sign.endsWith("+")) return isThere ? otherwise() : "";
  if (isThere) return noted(name, set, place);
  if (sign.endsWith("-")) return otherwise();
  if (sign.endsWith("?")) {
    throw new ComposeError(
      `needs the variable ${name}, which is not set${other === "" ? "" : `: ${plain(other)}`}. It is looked for in the ` +
        "shell and in .env beside the file",
    );
  }
  unset.add(name);
  return "";
}

function noted(name: string, value: string, { filling, secrets }: Place): string {
  const isSecret = whySecret(name, value) !== undefined || filling.secretNames.has(name);
  if (isSecret) secrets.set(name, { name, value });
  return value;
}
