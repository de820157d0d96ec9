import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";

/** A map of names, as YAML gives it. */
export type Tree = Record<string, unknown>;

/** Reads a text; a number, true and false are taken as they are written. */
export function textIn(value: unknown, rule = "must be a text"): string {
  if (!["string", "number", "boolean"].includes(typeof value)) throw new ComposeError(rule);
  return String(value);
}

/** Reads a list. */
export function listIn<Item>(value: unknown, read: (item: unknown) => Item): Item[] {
  if (!Array.isArray(value)) throw new ComposeError("must be a list");
  return value.map((item, at) => within(at, () => read(item)));
}

/** Reads a list, or a single value as a list of one. */
export const oneOrMore = <Item>(value: unknown, read: (item: unknown) => Item): Item[] =>
  Array.isArray(value) ? listIn(value, read) : [read(value)];

/** Reads a map; nothing is an empty one. */
export function mapIn(value: unknown): Tree {
  if (value === null || value === undefined) return {};
  if (!isObject(value)) throw new ComposeError("must be a map of names");
  return value;
}

/** Reads a map, each of its values by itself. */
export const mapOf = <Value>(value: unknown, read: (value: unknown, name: string) => Value): Record<string, Value> =>
  Object.fromEntries(Object.entries(mapIn(value)).map(([name, item]) => [name, within(name, () => read(item, name))]));

/** Returns what a map has under a name of its own, and never what every object has. */
export const at = <Value>(map: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined;

const TRUTHS: Readonly<Record<string, boolean>> = {
  ...{ true: true, yes: true, on: true, y: true, 1: true },
  ...{ false: false, no: false, off: false, n: false, 0: false },
};

/** Reads true or false: a variable may have filled it in as a text, and `yes` and `on` are the same in a compose file. */
export function truthIn(value: unknown): boolean {
  const truth = ["string", "boolean"].includes(typeof value) ? at(TRUTHS, String(value).toLowerCase()) : undefined;
  if (truth === undefined) throw new ComposeError("must be true or false");
  return truth;
}

/**
 * Reads names with values: a map, or a list of texts such as `NAME=value`. A name alone has the value null.
 *
 * @param separator between a name and its value in a list.
 */
export function pairsIn(value: unknown, separator = /=/): Record<string, string | null> {
  const pairs: [string, string | null][] = Array.isArray(value)
    ? listIn(value, (item) => textIn(item)).map((line) => {
        const end = line.search(separator);
        return end < 0 ? [line, null] : [line.slice(0, end), line.slice(end + 1)];
      })
    : Object.entries(mapOf(value, (item) => (item === null ? null : textIn(item))));
  if (pairs.some(([name]) => name === "" || name === "__proto__"))
    throw new ComposeError("has a name that can't be one");
  return Object.fromEntries(pairs);
}
