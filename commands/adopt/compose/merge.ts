import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";
import type { Mount } from "./mounts";
import type { Port } from "./ports";
import type { FileUse, Service } from "./service";
import { at } from "./values";

/** Each item of one list is compared with each of the other one. */
const MOST_ITEMS = 1000;

/** Commands, which a later file replaces as a whole. */
const REPLACED = ["command", "entrypoint", "test"];

/** What two items of a list are about: of the same, the later one counts. */
const SAME: Readonly<Record<string, (item: never) => string>> = {
  ports: ({ hostIp, published, target, protocol }: Port) => [hostIp, published, target, protocol].join(" "),
  volumes: ({ target }: Mount) => target,
  secrets: ({ source, target }: FileUse) => target ?? source,
  configs: ({ source, target }: FileUse) => target ?? source,
};

/** Merges a service into the one that it is put on, as Compose merges files: maps by their names, lists one behind the other. */
export const mergedService = (base: Service, over: Service): Service => merged(base, over, "") as Service;

/** Merges what two files have at one place. */
export function merged(base: unknown, over: unknown, key: string): unknown {
  if (over === null || over === undefined) return base;
  if (base === null || base === undefined || REPLACED.includes(key)) return over;
  if (Array.isArray(base) && Array.isArray(over)) return mergedLists(base, over, key);
  if (isObject(base) && isObject(over)) return key === "logging" ? mergedLogging(base, over) : mergedMaps(base, over);
  if (typeof base === "object" || typeof over === "object") {
    throw new ComposeError("is a map or a list in one place and something else in another one: it can't be merged");
  }
  return over;
}

function mergedMaps(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(
    names.map((name) => [name, within(name, () => merged(at(base, name), at(over, name), name))]),
  );
}

/** The options of one driver mean nothing to another one. */
const mergedLogging = (base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> =>
  over.driver === undefined || base.driver === over.driver ? mergedMaps(base, over) : over;

function mergedLists(base: unknown[], over: unknown[], key: string): unknown[] {
  if (base.length + over.length > MOST_ITEMS) throw new ComposeError(`must have at most ${MOST_ITEMS} items`);
  const same = Object.hasOwn(SAME, key) ? (SAME[key] as (item: unknown) => string) : undefined;
  const isAbout = (one: unknown) => (other: unknown) =>
    same === undefined ? isDeepStrictEqual(one, other) : same(one) === same(other);
  const kept = base.map((item) => over.findLast(isAbout(item)) ?? item);
  return [...kept, ...over.filter((item) => !kept.some(isAbout(item)))];
}
