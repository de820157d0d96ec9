import { isRepository, REPOSITORY_RULE } from "../../stacks/engine/image";
import {
  isRegistryUser,
  REGISTRY_USER_RULE,
  RegistryError,
  type RegistrySettings,
  withoutLineEnd,
} from "../../stacks/engine/registry";
import { problemsInFile } from "../../stacks/settings/writtenForms";
import { isObject } from "../../stacks/text/json";
import { shown } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import { CantTellError, Refusal } from "../outcome";
import { askPulumi } from "../pulumi";
import type { Stack } from "../stack";

/**
 * Refuses texts that the stack's file has without quotes and that YAML reads as numbers, as the program itself does: `pulumi up` would
 * deploy version 1.1 where the file has 1.10.
 *
 * @throws Refusal with every such setting and the commands that quote them.
 */
export function assertWritten({ text, owner, file, name }: Stack): void {
  // Numbers are allowed in an environment.
  const problems = problemsInFile(text, owner.project).filter(({ setting }) => !setting.startsWith("environment"));
  if (problems.length === 0) return;
  const rules = problems.map(({ setting, rule }) => `${setting} ${rule}`);
  throw new Refusal(
    `${file}: ${rules.join("; ")}. Nothing was changed`,
    problems.map(({ mend }) => `${mend} --stack ${quoted(name)}`),
  );
}

/** A setting's text; undefined where it is not set, or empty. */
export function settingOf({ config, owner, file, name }: Stack, setting: string): string | undefined {
  const value = config[`${owner.project}:${setting}`];
  if (value === undefined || value === null || value === "") return undefined;
  if (isObject(value) && "secure" in value) {
    throw new Refusal(`${setting} in ${file} is secret, and can't be`, [
      `pulumi config rm ${setting} --stack ${quoted(name)}`,
    ]);
  }
  if (typeof value === "object") throw new Refusal(`${setting} in ${file} is neither a text nor a number`);
  return String(value);
}

/**
 * The registry's settings of a stack, with the password where one is needed: REGISTRY_PASSWORD stands in for it, otherwise Pulumi
 * decrypts it.
 *
 * @throws Refusal where they can't be used.
 */
export async function registryOf(directory: string, stack: Stack, env: NodeJS.ProcessEnv): Promise<RegistrySettings> {
  const { config, owner, file, name } = stack;
  const set = (setting: string, value: string, flag = "") =>
    `pulumi config set ${flag}${setting}${value} --stack ${quoted(name)}`;
  const registry = settingOf(stack, "registry");
  if (registry !== undefined && !isRepository(registry)) {
    const value = set("registry", " '<host>/<repository>'");
    throw new Refusal(`registry in ${file} is ${shown(registry)}: ${REPOSITORY_RULE}`, [value]);
  }
  const registryUser = settingOf(stack, "registryUser");
  if (registryUser !== undefined && !isRegistryUser(registryUser)) {
    throw new Refusal(`registryUser in ${file} is ${shown(registryUser)}: ${REGISTRY_USER_RULE}`, [
      set("registryUser", " '<user>'"),
    ]);
  }
  const setPassword = set("registryPassword", "", "--secret ");
  const password = config[`${owner.project}:registryPassword`];
  if (password !== undefined && password !== null && password !== "" && !isObject(password)) {
    throw new Refusal(`registryPassword in ${file} is readable by everybody: give it a new value, as a secret`, [
      setPassword,
    ]);
  }
  const known = { ...(registry !== undefined && { registry }), ...(registryUser !== undefined && { registryUser }) };
  if (registry === undefined || registryUser === undefined || !isObject(password)) return known;
  if (withoutLineEnd(env.REGISTRY_PASSWORD ?? "") !== "") return known;
  const ask = ["config", "get", "registryPassword", "--stack", name];
  const registryPassword = await askPulumi(ask, { directory }).catch((error: Error) => {
    throw new CantTellError(`registryPassword of ${name} can't be read: ${error.message}`, [
      "export REGISTRY_PASSWORD, or: source .envrc",
    ]);
  });
  return { ...known, registryPassword: withoutLineEnd(registryPassword) };
}

/** Returns a registry's error as what it means for a command: an image that is not there is refused, all else can't be told. */
export function registryStop(error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  const { kind, reason, next } = error.problem;
  return kind === "missing" ? new Refusal(reason, [next]) : new CantTellError(reason, [next]);
}
