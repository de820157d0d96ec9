import { existsSync } from "node:fs";
import { ComposeError, envFileVariables } from "../rules";
import { pathWithin, textOfFile } from "./folder";
import { type Filling, fill, noteTexts } from "./interpolation";

/** What Compose fills into a file: the shell's variables, and those of `.env` beside the file. */
export interface Variables {
  get(name: string): string | undefined;
}

/** They would open the stack's own secrets, and no compose file means them. */
const WITHHELD = new Set([
  "PULUMI_CONFIG_PASSPHRASE",
  "PULUMI_CONFIG_PASSPHRASE_FILE",
  "PULUMI_ACCESS_TOKEN",
  "REGISTRY_PASSWORD",
]);

/** Returns the variables that Compose has in a folder: the shell's win over those of `.env`. */
export function variablesIn(folder: string, env: NodeJS.ProcessEnv, seen: Omit<Filling, "variables">): Variables {
  const shell: Variables = { get: (name) => (WITHHELD.has(name) || !Object.hasOwn(env, name) ? undefined : env[name]) };
  const file = pathWithin(folder, folder, ".env");
  if (!existsSync(file)) return shell;
  const found = variablesOfFile(file, { ...seen, variables: shell });
  return { get: (name) => shell.get(name) ?? found.get(name) };
}

/** Returns the variables of a file as Compose reads it: with others filled in, those of the shell and those above. */
export function variablesOfFile(file: string, filling: Filling): Map<string, string> {
  const { variables } = filling;
  const shell = {
    value: (name: string) => variables.get(name),
    filled: (name: string, text: string, above: ReadonlyMap<string, string>) => {
      const known = { get: (other: string) => variables.get(other) ?? above.get(other) };
      const { text: found, secrets } = fill(text, { ...filling, variables: known }, true);
      if (secrets.length > 0) filling.secretNames.add(name);
      return noteTexts(found, secrets, filling);
    },
  };
  try {
    return envFileVariables(textOfFile(file), shell);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    throw new ComposeError(`${file} ${error.message}`);
  }
}
