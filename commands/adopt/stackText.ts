import { isDeepStrictEqual } from "node:util";
import { Document, isMap, type Node, parseDocument, Scalar, visit } from "yaml";
import { isObject } from "../../stacks/text/json";
import { configIn } from "../stackFile";
import type { Config } from "./rules";

/** Words that are a text in every YAML, whether they stand in quotes or not. */
const PLAIN = /^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*$/i;

/** The settings that a file would have with another value, those that it does not have yet, and those that leave it. */
export interface Changes {
  changed: string[];
  added: string[];
  gone: string[];
}

/**
 * Settings that hold what becomes of services. One that an earlier run has written and this one does not would bring up what stays with
 * Compose: a second database on the first one's files.
 */
const OF_SERVICES = ["container", "workers", "jobs", "accessories"];

/**
 * Returns a stack's file with these settings: a new one, or the existing one in which they have other values. What it has beside them
 * stays.
 *
 * @param before the existing file.
 * @param comment begins a new file.
 */
export function withSettings(before: string | undefined, project: string, config: Config, comment: string): string {
  const document = before === undefined ? new Document({ config: {} }) : parseDocument(before);
  if (!isMap(document.get("config", true))) document.set("config", document.createNode({}));
  const map = document.get("config", true);
  if (isMap(map)) map.flow = false;
  for (const name of goneIn(config)) document.deleteIn(["config", `${project}:${name}`]);
  for (const [name, value] of Object.entries(config)) {
    const node = document.createNode(value);
    quoteTexts(node);
    document.setIn(["config", `${project}:${name}`], node);
  }
  if (before === undefined) document.commentBefore = ` ${comment}`;
  return document.toString({ lineWidth: 0 });
}

const goneIn = (config: Config): string[] => OF_SERVICES.filter((name) => config[name] === undefined);

/** Puts each text in quotes that some YAML would take for a number, a date or a truth value: Pulumi's reads more of them than ours. */
const quoteTexts = (node: Node): void =>
  visit(node, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "string" && !PLAIN.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });

/** Returns which settings a stack's file would have otherwise. */
export function changesIn(file: string, before: string, project: string, config: Config): Changes {
  const has = configIn(file, before);
  const isThere = (name: string) => Object.hasOwn(has, `${project}:${name}`);
  const names = Object.keys(config).filter(
    (name) => !isDeepStrictEqual(compared(has[`${project}:${name}`]), compared(config[name])),
  );
  return {
    changed: names.filter(isThere),
    added: names.filter((name) => !isThere(name)),
    gone: goneIn(config).filter(isThere),
  };
}

/**
 * Returns a setting as it is compared: numbers as texts, which Pulumi makes of them, and without what it has encrypted, which is set by
 * commands of its own.
 */
function compared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compared);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (!isObject(value)) return value;
  const isSecret = (item: unknown) => isObject(item) && Object.keys(item).join() === "secure";
  const entries = Object.entries(value)
    .filter(([, item]) => !isSecret(item))
    .map(([name, item]) => [name, compared(item)] as const)
    .filter(([name, item]) => !(name === "environment" && isObject(item) && Object.keys(item).length === 0));
  return Object.fromEntries(entries);
}
