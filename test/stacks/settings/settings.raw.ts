import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { defaultSettings } from "../../../stacks/settings/defaults";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { NAMESPACE } from "../../../stacks/settings/shape";

export const project = parse(readFileSync(join(__dirname, "..", "..", "..", "Pulumi.yaml"), "utf8")) as {
  name: string;
  config: Record<string, { type?: string; description?: string; default?: unknown; secret?: boolean }>;
};

/** Pulumi.yaml's defaults as the CLI hands them to the program. */
export const defaults = defaultSettings();

const withNamespace = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${NAMESPACE}:${name}`, value]));

/** A configuration that is right but for `values`. */
export const raw = (values: Record<string, unknown> = {}) =>
  withNamespace({ ...defaults, activeColor: "blue", ...values });

export const secrets = (...names: string[]) => new Set(names.map((name) => `${NAMESPACE}:${name}`));

/** The text of the error below its first line. */
export function refused(configuration: Record<string, unknown>, secretKeys: ReadonlySet<string> = new Set()): string {
  try {
    parseSettings(configuration, secretKeys);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    const [first, ...rest] = error.message.split("\n");
    assert.match(first ?? "", /^[0-9]+ problems? in the settings; nothing was touched\./);
    return rest.join("\n");
  }
  assert.fail("accepted");
}
