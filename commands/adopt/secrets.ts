import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plain } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import { askPulumi } from "../pulumi";
import type { Secret } from "./plan/part";

/** Where values wait until the stack is there, out of what git tracks. */
const FOLDER = join(".state", "adopt");

/** What became of the secrets: they are set, or these commands set them. */
export interface Kept {
  /** Whether Pulumi has the stack already. */
  isThere: boolean;
  /** Why they are not set; absent where they are, or where there are none. */
  why?: string;
  commands: string[];
}

/** `pulumi config set`, with the value on standard input. */
const setSecret = (setting: string, stack: string): string[] => [
  ...["config", "set", "--secret", "--path", setting, "--stack", stack],
];

/**
 * Sets the secrets where the stack is there already. Otherwise their values are written into files that only this user can read, and the
 * commands read them from there. No value is printed, and none is an argument.
 *
 * @param directory the project's folder.
 * @param stack as `pulumi --stack` takes it.
 */
export async function keepSecrets(directory: string, stack: string, secrets: readonly Secret[]): Promise<Kept> {
  const absent = await whyAbsent(directory, stack);
  if (absent !== undefined) {
    if (secrets.length === 0) return { isThere: false, commands: [] };
    return { isThere: false, why: absent, commands: writeFiles(directory, stack, secrets) };
  }
  try {
    for (const { setting, value } of secrets) {
      await askPulumi(setSecret(setting, stack), { directory, input: `${value}\n` });
    }
    rmSync(join(directory, folderOf(stack)), { recursive: true, force: true });
    return { isThere: true, commands: [] };
  } catch (error) {
    return { isThere: true, why: plain((error as Error).message), commands: writeFiles(directory, stack, secrets) };
  }
}

/** Returns why Pulumi does not have the stack; undefined where it has it. */
async function whyAbsent(directory: string, stack: string): Promise<string | undefined> {
  try {
    await askPulumi(["stack", "--show-name", "--stack", stack], { directory });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return /no stack named/.test(message) ? "the stack is not there yet" : plain(message);
  }
}

const folderOf = (stack: string): string => join(FOLDER, stack.replaceAll("/", "-"));

function writeFiles(directory: string, stack: string, secrets: readonly Secret[]): string[] {
  const folder = join(directory, folderOf(stack));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { setting, value } of secrets) {
    const file = join(folder, setting);
    rmSync(file, { force: true });
    writeFileSync(file, `${value}\n`, { mode: 0o600, flag: "wx" });
  }
  return secretCommands(stack, secrets);
}

/** Returns the commands that set secrets from their files, and remove those. */
export function secretCommands(stack: string, secrets: readonly Secret[]): string[] {
  if (secrets.length === 0) return [];
  const folder = folderOf(stack);
  const set = secrets.map(({ setting }) => {
    const words = ["pulumi", ...setSecret(setting, quoted(stack))];
    return `${words.join(" ")} < ${quoted(join(folder, setting))}`;
  });
  return [...set, `rm -r ${quoted(folder)}`];
}
