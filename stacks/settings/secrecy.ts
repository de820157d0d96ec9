import type { z } from "zod";
import { objectIn } from "../text/json";
import { nameRule, setVariableCommand } from "./environment";
import { mendCommand } from "./errors";
import { removeCommand } from "./problem";
import type { Hint } from "./rules";
import { isSecretName, NAMESPACE, type Parsed, rowOf, SETTING_NAMES, type SettingName } from "./shape";
import { isFilePath } from "./values";

/** How many variables a mending command names one by one. */
const NAMED_VARIABLES = 3;

type Context = z.core.$RefinementCtx<Parsed>;
type Refuse = (path: string[], message: string, mend: string) => void;

/** Refuses what is secret and was set in plain text, and what was set as a secret and can't be kept so. */
export function keepSecrecy(
  values: Record<string, unknown>,
  secretKeys: ReadonlySet<string>,
  context: Pick<Context, "addIssue">,
): void {
  const refuse: Refuse = (path, message, mend) =>
    context.addIssue({ code: "custom", path, message, params: { mend, secret: true } satisfies Hint });

  for (const name of SETTING_NAMES) {
    const isSet = secretKeys.has(`${NAMESPACE}:${name}`);
    if (isSecretName(name) && !isSet && saysSecret(name, values[name])) {
      refuse(
        [name],
        "must be set with --secret; what the stack's file holds now is readable, so give it a new value",
        mendCommand(name),
      );
    }
    if (rowOf(name).secret === undefined && isSet) refuseSecret(name, refuse);
  }
  keepVariables(values, secretKeys.has(`${NAMESPACE}:secretEnvironment`), refuse);
}

/** Refuses a setting that was set as a secret: the program could not keep it one. */
function refuseSecret(name: SettingName, refuse: Refuse): void {
  const plain = "can't be kept secret; must be set without --secret";
  if (name === "environment") {
    refuse(
      [name],
      "can't be kept secret; what was set with --secret belongs in secretEnvironment",
      `pulumi config rm --path 'environment.<NAME>' && ${rowOf("secretEnvironment").within}`,
    );
  } else if (name === "container" || name === "workers" || name === "jobs") {
    const key = name === "container" ? "<key>" : "<name>.<key>";
    refuse(
      [name],
      "can't be kept secret; what was set with --secret belongs in secretEnvironment",
      `pulumi config rm --path '${name}.${key}' && ${rowOf("secretEnvironment").within}`,
    );
  } else if (name === "trustedProxies" || name === "assetPaths" || name === "hosts") {
    refuse([name], plain, `pulumi config rm ${name} && ${mendCommand(name)}`);
  } else if (name === "smokeTests") {
    refuse(
      [name],
      `${plain}. A test that needs a token belongs in gateCommand, which has the environment of whoever runs pulumi`,
      `pulumi config rm --path 'smokeTests[<n>].<key>' && ${mendCommand("gateCommand")}`,
    );
  } else {
    refuse([name], plain, mendCommand(name));
  }
}

/** Refuses secret variables in plain text, and those that are plain ones too. */
function keepVariables(values: Record<string, unknown>, isSet: boolean, refuse: Refuse): void {
  const secretNames = Object.keys(objectIn(values.secretEnvironment) ?? {});
  if (secretNames.length > 0 && !isSet) {
    const settable = secretNames.filter((name) => nameRule(name) === undefined);
    const named = settable.length > NAMED_VARIABLES ? ["<NAME>"] : settable;
    refuse(
      ["secretEnvironment"],
      "must be set with --secret; what the stack's file holds now is readable, so give it a new value",
      named.map((name) => setVariableCommand(`secretEnvironment.${name}`)).join(" && ") ||
        "pulumi config rm secretEnvironment",
    );
  }
  for (const name of Object.keys(objectIn(values.environment) ?? {})) {
    // The public value is very likely the secret one, left behind when it was moved: it isn't shown either.
    if (secretNames.includes(name)) {
      const mend = removeCommand("environment", name);
      refuse(["environment", name], "is in secretEnvironment too; must be in one of them only", mend);
    }
  }
}

/** Whether there is anything in a secret setting that nobody may read: a key's path is none. */
const saysSecret = (name: SettingName, value: unknown): boolean =>
  value !== undefined && value !== "" && !(name === "tlsKey" && typeof value === "string" && isFilePath(value));
