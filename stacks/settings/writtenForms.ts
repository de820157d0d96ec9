import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, parseDocument } from "yaml";
import { isObject, jsonOf, objectIn } from "../text/json";
import { shown } from "../text/shell";
import { type Problem, pathTo, setCommand } from "./problem";

/** Settings that are text, in which an unquoted number would lose how it is written. */
const TEXTS = [
  "blueVersion",
  "greenVersion",
  "blueImage",
  "greenImage",
  "registry",
  "registryUser",
  "gateCommand",
  "targetHost",
];

/**
 * Finds texts that a stack's file has without quotes and that YAML has therefore made other ones of: `greenVersion: 1.10` is the
 * number 1.1, and 0123456 is 42798. Pulumi hands over what YAML made.
 *
 * @param text the stack's file.
 * @param given the settings as Pulumi handed them over; one that the file does not explain (--config-file) is left alone.
 */
export function writtenProblems(text: string, given: Readonly<Record<string, unknown>>, namespace: string): Problem[] {
  const config = parseDocument(text, { logLevel: "silent" }).get("config", true);
  if (!isMap(config)) return [];
  const problem = (node: unknown, got: unknown, place: [string, ...string[]], flags: string): Problem[] => {
    if (!isScalar(node) || node.type !== "PLAIN" || node.source === undefined || got === undefined) return [];
    const { source } = node;
    if (String(got) === source || !isMadeOf(String(got), source)) return [];
    const setting = pathTo(...place);
    const rule = `is ${source} without quotes in the stack's file, of which YAML makes ${String(got)}; must be in quotes`;
    return [{ setting, given: shown(got), rule, mend: setCommand(setting, source, flags) }];
  };
  const environment = config.get(`${namespace}:environment`, true);
  const variables = objectIn(given[`${namespace}:environment`]) ?? {};
  return [
    ...TEXTS.flatMap((name) =>
      problem(config.get(`${namespace}:${name}`, true), given[`${namespace}:${name}`], [name], ""),
    ),
    ...(isMap(environment) ? environment.items : []).flatMap(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      return problem(value, variables[name], ["environment", name], "--type string --path ");
    }),
  ];
}

/**
 * Finds the same in a stack's file alone, for commands that run without Pulumi. Versions 1.1 and 1.2 of YAML are both asked: 0123456 is
 * an octal number in the one and 123456 in the other, and Pulumi reads some of each.
 */
export function problemsInFile(text: string, namespace: string): Problem[] {
  const problems = (["1.2", "1.1"] as const).flatMap((version) =>
    writtenProblems(text, valuesIn(text, version, `${namespace}:environment`), namespace),
  );
  return [...new Map(problems.reverse().map((problem) => [problem.setting, problem])).values()];
}

/** Returns the values as Pulumi would hand them over: a list or an object as JSON, a date by its beginning. */
function valuesIn(text: string, version: "1.1" | "1.2", json: string): Record<string, unknown> {
  let config: unknown;
  try {
    ({ config } = parseDocument(text, { version, logLevel: "silent" }).toJS() ?? {});
  } catch {
    return {};
  }
  if (!isObject(config)) return {};
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      name,
      name === json ? jsonOf(value) : value instanceof Date ? value.toISOString() : value,
    ]),
  );
}

/** The stack's file; nothing where it is elsewhere, as with --config-file. */
export function stackFileText(directory: string, stack: string): string {
  try {
    const project = parseDocument(readFileSync(join(directory, "Pulumi.yaml"), "utf8"), { logLevel: "silent" });
    const folder = project.get("stackConfigDir");
    return readFileSync(join(directory, typeof folder === "string" ? folder : "", `Pulumi.${stack}.yaml`), "utf8");
  } catch {
    return "";
  }
}

/** Whether YAML makes this of an unquoted word. */
function isMadeOf(got: string, source: string): boolean {
  const number = numberIn(source);
  if (number !== undefined) return Number(got) === number;
  if (/^(?:true|false|yes|no|on|off)$/i.test(source)) return /^(?:true|false)$/.test(got);
  // A date becomes a time: 2026-01-02 00:00:00 +0000 UTC.
  return /^\d{4}-\d{2}-\d{2}/.test(source) && got.startsWith(source.slice(0, 10));
}

/** The number that YAML 1.1 or 1.2 sees in a word; undefined where it is none. */
function numberIn(source: string): number | undefined {
  const [, sign = "", digits = ""] = /^([+-]?)(.*)$/.exec(source.replaceAll("_", "")) ?? [];
  const octal = /^0o?([0-7]+)$/.exec(digits)?.[1];
  if (!/^(?:0[xb])?[0-9a-f]*\.?[0-9a-f]*(?:e[+-]?[0-9]+)?$/i.test(digits) && octal === undefined) return undefined;
  const value = octal === undefined || /[89]/.test(digits) ? Number(digits || Number.NaN) : Number.parseInt(octal, 8);
  return Number.isNaN(value) ? undefined : sign === "-" ? -value : value;
}
