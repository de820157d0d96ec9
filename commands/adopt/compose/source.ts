import { basename, dirname, relative } from "node:path";
import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";
import { pathWithin, textOfFile } from "./folder";
import { type Filling, filledTree } from "./interpolation";
import { mergedService } from "./merge";
import type { Base } from "./mounts";
import { ofFile } from "./problem";
import { type Service, serviceIn } from "./service";
import { at, mapIn, type Tree, textIn } from "./values";
import { treeIn } from "./yaml";

/** One compose file, with its variables filled in. */
export interface Source {
  path: string;
  /** As messages name it. */
  name: string;
  tree: Tree;
}

/** What all files of one project are read with. */
export interface Reading {
  /** The folder of the file that was named first. */
  project: string;
  filling: Filling;
  /** The files that were named, by their paths. */
  named: readonly string[];
  /** The files that were read already, by their paths. */
  sources: Map<string, Source>;
}

/** A chain of services that extend one another is short, and so is a list of files. */
const MOST_FILES = 50;
const MOST_SERVICES = 200;

/**
 * Reads a compose file.
 *
 * @throws Refusal that names it.
 */
export function sourceAt(path: string, reading: Reading): Source {
  const known = reading.sources.get(path);
  if (known !== undefined) return known;
  const name = relative(reading.project, path) || basename(path);
  return ofFile(name, () => {
    if (reading.sources.size >= MOST_FILES) throw new ComposeError(`is one file too many: ${MOST_FILES} at most`);
    const tree = filledTree(treeIn(textOfFile(path)), reading.filling) as Tree;
    const source = { path, name, tree };
    reading.sources.set(path, source);
    return source;
  });
}

/** Returns all services of a file, each with what it extends. */
export const servicesOf = (source: Source, reading: Reading): Record<string, Service> =>
  ofFile(source.name, () =>
    Object.fromEntries(
      Object.keys(servicesIn(source)).map((name) => [
        name,
        within("services", () => within(name, () => serviceOf(name, source, reading, []))),
      ]),
    ),
  );

function servicesIn({ tree }: Source): Tree {
  const services = within("services", () => mapIn(tree.services));
  if (Object.keys(services).length > MOST_SERVICES) {
    throw new ComposeError(`must have at most ${MOST_SERVICES} names`, ["services"]);
  }
  const odd = Object.keys(services).find((name) => !/^[A-Za-z0-9._-]{1,200}$/.test(name));
  if (odd !== undefined) {
    throw new ComposeError("must be a service's name, of A-Z a-z 0-9 . _ and -", ["services", odd]);
  }
  return services;
}

function serviceOf(name: string, source: Source, reading: Reading, chain: readonly string[]): Service {
  const here = `${source.name}: ${name}`;
  if (chain.includes(here)) throw new ComposeError(`extends itself: ${[...chain, here].join(", then ")}`);
  const value = at(servicesIn(source), name);
  if (value === undefined) throw new ComposeError(`extends ${name}, and ${source.name} has no such service`);
  const { extends: extended, ...keys } = mapIn(value);
  const own = serviceIn(keys, baseOf(source, reading));
  if (extended === undefined || extended === null) return own;
  return mergedService(
    within("extends", () => extendedService(extended, source, reading, [...chain, here])),
    own,
  );
}

function extendedService(extended: unknown, source: Source, reading: Reading, chain: readonly string[]): Service {
  const { service, file } = isObject(extended) ? extended : { service: extended };
  const name = textIn(service, "must be a service's name");
  if (file === undefined) return serviceOf(name, source, reading, chain);
  const path = within("file", () => pathWithin(reading.project, dirname(source.path), textIn(file, "must be a path")));
  const other = sourceAt(path, reading);
  return ofFile(other.name, () => serviceOf(name, other, reading, chain));
}

/** Paths in the files that were named begin at the first one's folder, those in another file at its own. */
const baseOf = ({ path }: Source, { project, named }: Reading): Base => ({
  folder: named.includes(path) ? project : dirname(path),
  project,
});
