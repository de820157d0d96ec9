import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { contextProblem } from "../stacks/engine/docker";
import type { Owner } from "../stacks/service/names";
import { shown } from "../stacks/text/shell";
import { defaultLimits, FileError, projectIn, type StackFile, stackIn } from "./stackFile";
import type { NextCommand } from "./status/report";
import { selectedStack, stackNamed } from "./status/selected";

/** Why nothing can be told, thrown from wherever that is found, with what to type instead. */
export class Untold extends Error {
  constructor(
    reason: string,
    readonly next: NextCommand[] = [],
  ) {
    super(reason);
  }
}

/** A stack of this project, as a command found it. */
export interface FoundStack extends StackFile {
  owner: Owner;
  /** The stack as `pulumi --stack` takes it: `prod`, `organization/prod` or `organization/project/prod`. */
  name: string;
  /** The same, where it is not the one that `pulumi` takes by itself. */
  named?: string;
  /** Whether it has a file here. */
  hasFile: boolean;
  /** The project's other stacks that have one. */
  others: string[];
}

/**
 * The stack that a command is about: the one of its argument, of PULUMI_STACK, or the one that is selected. Nothing of the engine
 * or of Pulumi's state is read.
 *
 * @param directory the project's folder, in which `npm run` starts.
 * @param retype the command for another stack.
 * @throws Untold with what to type instead.
 */
export async function findStack(
  directory: string,
  argument: string | undefined,
  retype: (stack: string) => string,
): Promise<FoundStack> {
  try {
    return await found(directory, argument, retype);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { mend } = error;
    throw new Untold(error.message, mend === undefined ? [] : [{ purpose: "mend it", command: mend }]);
  }
}

async function found(
  directory: string,
  argument: string | undefined,
  retype: (stack: string) => string,
): Promise<FoundStack> {
  const context = contextProblem(process.env);
  if (context !== undefined) {
    const [reason = "", command] = context.split(" Next: ");
    throw new Untold(reason, command === undefined ? [] : [{ purpose: "name the engine", command }]);
  }
  const program = read(directory, "Pulumi.yaml") ?? untold("There is no Pulumi.yaml in this folder");
  const project = projectIn(program);
  const limits = defaultLimits(program);
  const stacks = stacksIn(directory);
  const choices = () => otherStacks(stacks, retype);
  const name =
    argument ??
    (process.env.PULUMI_STACK ||
      (await selectedStack(directory).catch((error: Error) =>
        untold(`Which stack? Pulumi can't say: ${error.message}`, choices()),
      )));
  const parts = stackNamed(name) ?? untold(`${shown(name)} can't be a stack's name`, choices());
  if (parts.project !== undefined && parts.project !== project)
    untold(`${name} is a stack of ${parts.project}, and this is ${project}`, choices());

  const { stack } = parts;
  const file = `Pulumi.${stack}.yaml`;
  const text = read(directory, file);
  return {
    owner: { project, stack },
    name,
    ...(argument !== undefined && { named: argument }),
    hasFile: text !== undefined,
    others: stacks.filter((other) => other !== stack),
    ...(text === undefined
      ? { active: { problem: `there is no ${file}` }, limits }
      : stackIn(file, text, project, limits)),
  };
}

function untold(reason: string, next: NextCommand[] = []): never {
  throw new Untold(reason, next);
}

/** A file of the project; undefined where there is none. */
function read(directory: string, file: string): string | undefined {
  try {
    return readFileSync(join(directory, file), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : untold(`${file} can't be read (${code})`);
  }
}

/** The stacks that have a file here. */
export const stacksIn = (directory: string): string[] =>
  readdirSync(directory)
    .map((file) => /^Pulumi\.([^/]+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined && stackNamed(name) !== undefined) as string[];

/** What to say where a stack is named that has no file here. */
export const noStack = (stack: string): string =>
  `There is no stack ${stack} in this project: it has no Pulumi.${stack}.yaml`;

/** The command that makes a stack. */
export const makeStack = (stack: string): NextCommand => ({
  purpose: "make it",
  command: `pulumi stack init ${stack} && pulumi config set activeColor blue --stack ${stack} && pulumi up --stack ${stack}`,
});

/** The same command for other stacks. */
export const otherStacks = (stacks: string[], retype: (stack: string) => string): NextCommand[] =>
  (stacks.length === 0 ? ["<stack>"] : stacks.slice(0, 3)).map((stack) => ({
    purpose: "name the stack",
    command: retype(stack),
  }));
