import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRepository, REPOSITORY_RULE } from "../../stacks/engine/image";
import {
  isRegistryUser,
  REGISTRY_USER_RULE,
  type RegistrySettings,
  withoutLineEnd,
} from "../../stacks/engine/registry";
import type { Owner } from "../../stacks/service/names";
import { problemsInFile } from "../../stacks/settings/writtenForms";
import { isObject } from "../../stacks/text/json";
import { quoted, shown } from "../../stacks/text/shell";
import { makeStack, noStack, stacksIn } from "../stack";
import { configIn, projectIn, type StackFile, stackIn } from "../stackFile";
import { pulumiSays, selectedStack, stackNamed } from "../status/selected";
import { Refused, untold } from "./refused";

/** A stack by what its file says. */
export interface Stack extends StackFile {
  /** As it was named; commands have to name it so. */
  name: string;
  owner: Owner;
  /** The file's name, in the project's folder. */
  file: string;
  text: string;
  /** What the file sets, by whole names. */
  config: Record<string, unknown>;
}

/** The text of Pulumi.yaml. */
export const readProject = (directory: string): string => {
  const text = readFile(directory, "Pulumi.yaml");
  if (text === undefined) throw untold("There is no Pulumi.yaml in this folder");
  return text;
};

/**
 * A stack by its name.
 *
 * @throws Refused where the name can't be one of this project's or has no file.
 */
export function readStack(directory: string, name: string): Stack {
  const project = projectIn(readProject(directory));
  const named = stackNamed(name);
  const choices = choicesIn(directory);
  if (named === undefined) throw new Refused(`${shown(name)} can't be a stack's name. ${choices}`);
  if (named.project !== undefined && named.project !== project) {
    throw new Refused(`${name} is a stack of ${named.project}, and this is ${project}. ${choices}`);
  }
  const { stack } = named;
  const file = `Pulumi.${stack}.yaml`;
  const text = readFile(directory, file);
  if (text === undefined) throw new Refused(`${noStack(stack)}. ${choices}`, [makeStack(stack).command]);
  const config = configIn(file, text);
  return { ...stackIn(file, text, project), name, owner: { project, stack }, file, text, config };
}

/**
 * Refuses texts that the stack's file has without quotes and that YAML reads as numbers, as the program itself does: `pulumi up` would
 * deploy version 1.1 where the file has 1.10.
 *
 * @throws Refused with every such setting and the commands that quote them.
 */
export function assertWritten({ text, owner, file, name }: Stack): void {
  // Numbers are allowed in an environment.
  const problems = problemsInFile(text, owner.project).filter(({ setting }) => !setting.startsWith("environment"));
  if (problems.length === 0) return;
  const rules = problems.map(({ setting, rule }) => `${setting} ${rule}`);
  throw new Refused(
    `${file}: ${rules.join("; ")}. Nothing was changed`,
    problems.map(({ mend }) => `${mend} --stack ${quoted(name)}`),
  );
}

/** The name of the stack that is meant where none is named. */
export async function nameOfSelected(directory: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (env.PULUMI_STACK) return env.PULUMI_STACK;
  return selectedStack(directory).catch((error: Error) => {
    throw untold(`Which stack? Pulumi can't say: ${error.message}. ${choicesIn(directory)}`);
  });
}

/** A setting's text; undefined where it is not set, or empty. */
export function settingOf({ config, owner, file, name }: Stack, setting: string): string | undefined {
  const value = config[`${owner.project}:${setting}`];
  if (value === undefined || value === null || value === "") return undefined;
  if (isObject(value) && "secure" in value) {
    throw new Refused(`${setting} in ${file} is secret, and can't be`, [
      `pulumi config rm ${setting} --stack ${quoted(name)}`,
    ]);
  }
  if (typeof value === "object") throw new Refused(`${setting} in ${file} is neither a text nor a number`);
  return String(value);
}

/**
 * The registry's settings of a stack, with the password where one is needed: REGISTRY_PASSWORD stands in for it, otherwise Pulumi
 * decrypts it.
 *
 * @throws Refused where they can't be used.
 */
export async function registryOf(directory: string, stack: Stack, env: NodeJS.ProcessEnv): Promise<RegistrySettings> {
  const { config, owner, file, name } = stack;
  const set = (setting: string, value: string, flag = "") =>
    `pulumi config set ${flag}${setting}${value} --stack ${quoted(name)}`;
  const registry = settingOf(stack, "registry");
  if (registry !== undefined && !isRepository(registry)) {
    const value = set("registry", " '<host>/<repository>'");
    throw new Refused(`registry in ${file} is ${shown(registry)}: ${REPOSITORY_RULE}`, [value]);
  }
  const registryUser = settingOf(stack, "registryUser");
  if (registryUser !== undefined && !isRegistryUser(registryUser)) {
    throw new Refused(`registryUser in ${file} is ${shown(registryUser)}: ${REGISTRY_USER_RULE}`, [
      set("registryUser", " '<user>'"),
    ]);
  }
  const setPassword = set("registryPassword", "", "--secret ");
  const password = config[`${owner.project}:registryPassword`];
  if (password !== undefined && password !== null && password !== "" && !isObject(password)) {
    throw new Refused(`registryPassword in ${file} is readable by everybody: give it a new value, as a secret`, [
      setPassword,
    ]);
  }
  const known = { ...(registry !== undefined && { registry }), ...(registryUser !== undefined && { registryUser }) };
  if (registry === undefined || registryUser === undefined || !isObject(password)) return known;
  if (withoutLineEnd(env.REGISTRY_PASSWORD ?? "") !== "") return known;
  const registryPassword = await pulumiSays(directory, "config", "get", "registryPassword", "--stack", name).catch(
    (error: Error) => {
      throw untold(
        `registryPassword of ${name} can't be read: ${error.message}`,
        "export REGISTRY_PASSWORD, or: source .envrc",
      );
    },
  );
  return { ...known, registryPassword: withoutLineEnd(registryPassword) };
}

/** A file of the project; undefined where there is none. */
export function readFile(directory: string, file: string): string | undefined {
  try {
    return readFileSync(join(directory, file), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw untold(`${file} can't be read (${code})`);
  }
}

/** The stacks that have a file here, in a sentence. */
function choicesIn(directory: string): string {
  const names = stacksIn(directory);
  return names.length === 0 ? "No stack has a file here" : `Stacks with a file here: ${names.join(", ")}`;
}
