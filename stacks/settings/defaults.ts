import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CHECKOUT } from "../engine/checkout";

/** The project's file, which is in the package too. */
const PROJECT_FILE = join(CHECKOUT, "Pulumi.yaml");

let defaults: Readonly<Record<string, string>> | undefined;

/** Returns the defaults of all settings that have one, as Pulumi hands them to a program: text, and JSON for what has values within. */
export function defaultSettings(): Readonly<Record<string, string>> {
  defaults ??= defaultsIn(readFileSync(PROJECT_FILE, "utf8"));
  return defaults;
}

function defaultsIn(yaml: string): Record<string, string> {
  const { config } = parse(yaml) as { config: Record<string, { default?: unknown }> };
  return textsOf(Object.fromEntries(Object.entries(config).map(([name, setting]) => [name, setting.default])));
}

/** Values as Pulumi's configuration would have them; those that are left out are left out. */
export function textsOf(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === undefined || value === null) return [];
      return [[name, typeof value === "object" ? JSON.stringify(value) : String(value)]];
    }),
  );
}
