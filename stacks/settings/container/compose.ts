import { split } from "shlex";
import { isObject, isRounded } from "../../text/json";
import { plain } from "../../text/plain";
import type { Place } from "../problem";

/** A value that Compose would not take, or that can't be had here. */
export class ComposeError extends Error {
  override readonly name = "ComposeError";

  /**
   * @param message what is allowed, or why it can't be; what was given may be in it.
   * @param place where it is within its key.
   * @param bare the same without what was given, where that is in it.
   */
  constructor(
    message: string,
    readonly place: Place = [],
    readonly bare?: string,
  ) {
    super(plain(message));
  }
}

/** Reads something within a value: what is wrong with it is wrong at its place. */
export function within<Value>(place: Place[number], read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ComposeError) throw new ComposeError(error.message, [place, ...error.place], error.bare);
    throw error;
  }
}

const MOST_CHARACTERS = 32 * 1024;
const MOST_ITEMS = 200;

/** Returns a text; a number, true and false are taken as they are written. `$$` is a dollar sign, as in a compose file. */
export function text(value: unknown, rule = "must be a text"): string {
  if (isRounded(value)) throw new ComposeError("is too large for a number and would be rounded; must be in quotes");
  if (!["string", "number", "boolean"].includes(typeof value)) throw new ComposeError(rule);
  const given = String(value);
  if (given.includes("\0")) throw new ComposeError("must not contain a NUL character");
  if (given.length > MOST_CHARACTERS) throw new ComposeError(`must be at most ${MOST_CHARACTERS / 1024} KiB`);
  const variable = /\$\$|\$\{[^}]*\}?|\$[A-Za-z_][A-Za-z0-9_]*|\$/g;
  return given.replaceAll(variable, (found) => {
    if (found === "$$") return "$";
    const why = "which Compose fills in from the shell or .env: write the value itself here (a dollar sign is $$)";
    throw new ComposeError(`has ${found}, ${why}`, [], `has a variable, ${why}`);
  });
}

/** Returns a text that a rule allows. */
export function textOf(value: unknown, rule: string, accepts: RegExp): string {
  const given = text(value, rule);
  if (!accepts.test(given)) throw new ComposeError(rule);
  return given;
}

export function trueOrFalse(value: unknown): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new ComposeError("must be true or false");
}

export function wholeNumber(value: unknown, least: number, most: number): number {
  const rule = `must be a whole number from ${least} to ${most}`;
  const given = text(value, rule);
  const number = Number(given);
  if (!/^-?[0-9]{1,16}$/.test(given) || number < least || number > most) throw new ComposeError(rule);
  return number;
}

/** Returns the items of a list; with `alone`, a single value is a list of one. */
export function list<Item>(value: unknown, read: (item: unknown) => Item, alone = false): Item[] {
  if (alone && !Array.isArray(value)) return [read(value)];
  if (!Array.isArray(value)) throw new ComposeError(alone ? "must be a text or a list" : "must be a list");
  if (value.length > MOST_ITEMS) throw new ComposeError(`must have at most ${MOST_ITEMS} items`);
  return value.map((item, at) => within(at, () => read(item)));
}

/** Returns names with values, given as a map or as a list of texts such as `name=value`. */
export function pairs<Value>(
  value: unknown,
  read: (name: string, value: unknown) => Value,
  separator: RegExp = /=/,
): Record<string, Value> {
  const entries: [string, unknown, Place[number]][] = Array.isArray(value)
    ? list(value, text).map((line, at) => {
        const end = line.search(separator);
        if (end <= 0) throw new ComposeError("must be a name and a value, such as name=value", [at]);
        return [line.slice(0, end), line.slice(end + 1).replaceAll("$", "$$$$"), at];
      })
    : Object.entries(map(value)).map(([name, given]) => [name, given, name]);
  const found = new Map<string, Value>();
  for (const [name, given, place] of entries) {
    if (name === "" || name === "__proto__") throw new ComposeError("is not possible as a name", [place]);
    if (found.has(name)) throw new ComposeError(`names ${name} a second time`, [place], "is named a second time");
    found.set(
      name,
      within(place, () => read(name, given)),
    );
  }
  return Object.fromEntries(found);
}

/** Returns an object. */
export function map(value: unknown): Record<string, unknown> {
  if (!isObject(value)) throw new ComposeError("must be a map of names");
  if (Object.keys(value).length > MOST_ITEMS) throw new ComposeError(`must have at most ${MOST_ITEMS} names`);
  return value;
}

/** Returns an object of these keys alone. */
export function mapOf<Key extends string>(value: unknown, keys: readonly Key[]): Partial<Record<Key, unknown>> {
  const given = map(value);
  const unknown = Object.keys(given).find((key) => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) throw new ComposeError(`can't be had here; possible are ${keys.join(", ")}`, [unknown]);
  return given as Partial<Record<Key, unknown>>;
}

/** Returns a command's words: a list as it is, a text as a shell would split it. */
export function words(value: unknown): string[] {
  if (typeof value !== "string" && !Array.isArray(value)) throw new ComposeError("must be a text or a list");
  const found = typeof value === "string" ? shellWords(text(value)) : list(value, text);
  if (found.length === 0) throw new ComposeError("must have at least one word");
  return found;
}

function shellWords(line: string): string[] {
  try {
    return split(line);
  } catch (error) {
    throw new ComposeError(`can't be split into words: ${(error as Error).message}`);
  }
}

const BYTES: Record<string, number> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Returns an amount of memory in MiB, of which it must be a whole number: the provider knows no smaller unit. */
export function mebibytes(value: unknown): number {
  const rule = "must be an amount of whole MiB, such as 512m or 1g";
  const [, amount, unit = ""] = /^([0-9]{1,15}(?:\.[0-9]+)?) ?([bkmg]?)b?$/i.exec(text(value, rule)) ?? [];
  const size = (Number(amount) * (BYTES[unit.toLowerCase()] ?? Number.NaN)) / 1024 ** 2;
  if (!Number.isInteger(size) || size < 1 || size > 1024 * 1024) throw new ComposeError(rule);
  return size;
}

const SECONDS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6 };

/** Returns a duration in seconds. */
export function seconds(value: unknown): number {
  const rule = "must be a duration, such as 90s or 1m30s";
  const given = textOf(value, rule, /^(?:[0-9]{1,15}(?:\.[0-9]+)?(?:h|ms|us|m|s)){1,10}$/);
  const parts = [...given.matchAll(/([0-9.]+)(h|ms|us|m|s)/g)];
  return parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (SECONDS[unit] ?? 0), 0);
}

const PATH_RULE = "must be an absolute path in the container, without : and , and without . or .. in it";

/** Returns an absolute path within the container, without a slash at its end. */
export function containerPath(value: unknown): string {
  const path = textOf(value, PATH_RULE, /^\/[^:,\p{Cc}]+$/u).replace(/(?<=[^/])\/+$/, "");
  if (path.split("/").some((part, at) => at > 0 && (part === "" || part === "." || part === "..")))
    throw new ComposeError(PATH_RULE);
  return path;
}
