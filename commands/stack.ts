import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { contextProblem, type Docker, dockerAt } from "../stacks/engine/docker";
import type { ServiceId } from "../stacks/service/names";
import { isObject, objectIn } from "../stacks/text/json";
import { plainStart, shown } from "../stacks/text/plain";
import { CantTellError, type NextCommand } from "./outcome";
import { askPulumi } from "./pulumi";
import { configIn, defaultLimits, projectIn, type StackFile, stackIn } from "./stackFile";

/** How long `pulumi` may take to say which stack is selected: a backend far away is asked whether it knows the stack. */
const SELECTED_SECONDS = 15;

/** A stack of this project, found by its name. */
export interface FoundStack {
  owner: ServiceId;
  /** The stack as `pulumi --stack` takes it: `prod`, `organization/prod` or `organization/project/prod`. */
  name: string;
  /** The same where it was named as an argument: only then commands have to name it too. */
  named?: string;
  /** The name of its file, `Pulumi.prod.yaml`. */
  file: string;
  /** What is in that file; undefined where there is none. */
  text: string | undefined;
  /** What is in Pulumi.yaml. */
  program: string;
  /** Commands to type instead: for other stacks, and where the file is missing the one that makes it. */
  next: NextCommand[];
}

/** A stack and what its file sets. */
export interface Stack extends FoundStack, StackFile {
  text: string;
  /** What the file sets, by whole names. */
  config: Record<string, unknown>;
}

/**
 * Finds the stack that a command is about: the one that is named, that of PULUMI_STACK, or the selected one. It reads nothing of the
 * engine or of Pulumi's state.
 *
 * @param directory the project's folder, in which `npm run` starts.
 * @param retype the command for another stack.
 * @throws CantTellError with what to type instead.
 */
export async function findStack(
  directory: string,
  argument: string | undefined,
  retype: (stack: string) => string,
): Promise<FoundStack> {
  const fail = (reason: string, next: NextCommand[] = []): never => {
    throw new CantTellError(reason, next);
  };
  const program = readFile(directory, "Pulumi.yaml") ?? fail("There is no Pulumi.yaml in this folder");
  const project = projectIn(program);
  const stacks = stacksIn(directory);
  const choices = otherStacks(stacks, retype);
  const name =
    argument ??
    (process.env.PULUMI_STACK ||
      (await selectedStack(directory, project).catch((error: Error) =>
        fail(`Which stack? Pulumi can't say: ${plainStart(error.message)}`, choices),
      )));
  const parts = stackNamed(name) ?? fail(`${shown(name)} can't be a stack's name`, choices);
  if (parts.project !== undefined && parts.project !== project)
    fail(`${name} is a stack of ${parts.project}, and this is ${project}`, choices);

  const { stack } = parts;
  const file = `Pulumi.${stack}.yaml`;
  const text = readFile(directory, file);
  const others = stacks.filter((other) => other !== stack);
  return {
    ...{ owner: { project, stack }, name, file, text, program },
    ...(argument !== undefined && { named: argument }),
    next: [
      ...(text === undefined ? [makeStack(stack)] : []),
      ...(others.length > 0 ? otherStacks(others, retype) : []),
    ],
  };
}

/** Returns a stack with what is in its files by now. */
export const readAgain = (directory: string, found: FoundStack): FoundStack => ({
  ...found,
  text: readFile(directory, found.file),
  program: readFile(directory, "Pulumi.yaml") ?? found.program,
});

/**
 * Returns the stack with what its file sets.
 *
 * @throws CantTellError with the command that makes the stack where it has no file.
 */
export function readStack(found: FoundStack): Stack {
  const { owner, file, program } = found;
  const text = textOf(found);
  return {
    ...found,
    text,
    ...stackIn(file, text, owner.project, defaultLimits(program)),
    config: configIn(file, text),
  };
}

/**
 * Returns what is in the stack's file.
 *
 * @throws CantTellError with the command that makes the stack where it has no file.
 */
export function textOf({ owner, text, next }: FoundStack): string {
  if (text === undefined) throw new CantTellError(noStack(owner.stack), next);
  return text;
}

/** Where a stack is, as its file has it. */
export type Where = Pick<StackFile, "host" | "hosts">;

/**
 * Returns where the stack's file says that it is. A file that can't be read must not hold up whoever has to act now: then `say` gets why it
 * was left out.
 */
export function whereIs({ file, text, owner }: FoundStack, say: (line: string) => void): Where {
  if (text === undefined) return {};
  try {
    const { host, hosts } = stackIn(file, text, owner.project);
    return { ...(host !== undefined && { host }), ...(hosts !== undefined && { hosts }) };
  } catch (error) {
    say(`${(error as Error).message}: the engine is that of DOCKER_HOST, or this machine's`);
    return {};
  }
}

/**
 * Returns the engine that a stack is on.
 *
 * @throws CantTellError where Docker's context would choose another one.
 */
export function engineOf({ host }: Pick<StackFile, "host">): Docker {
  const context = contextProblem(process.env);
  if (context === undefined) return dockerAt(host);
  const [reason = "", command] = context.split(" Next: ");
  throw new CantTellError(reason, command === undefined ? [] : [{ purpose: "name the engine", command }]);
}

/** A stack as it was named, and its parts: `prod`, `organization/prod` or `organization/project/prod`. */
export interface StackName {
  /** As Pulumi's files and the labels on the engine have it. */
  stack: string;
  /** The project, where it was named. */
  project?: string;
}

/** Returns a stack's name in parts; undefined for what can't be one. */
export function stackNamed(text: string): StackName | undefined {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(part))) return undefined;
  const stack = parts.at(-1) ?? "";
  return parts.length === 3 && parts[1] !== undefined ? { stack, project: parts[1] } : { stack };
}

/** Returns the stack that `pulumi` takes where none is named. It is asked where its note of that says nothing: that takes 0.4 s. */
const selectedStack = async (directory: string, project: string): Promise<string> =>
  notedStack(directory, project, process.env) ??
  (await askPulumi(["stack", "--show-name"], { directory, timeoutSeconds: SELECTED_SECONDS })).trim();

/**
 * Returns the stack that `pulumi stack select` noted for this folder, by the file in which Pulumi itself keeps it; undefined where that
 * can't be told.
 */
export function notedStack(directory: string, project: string, env: NodeJS.ProcessEnv): string | undefined {
  const path = createHash("sha1").update(join(directory, "Pulumi.yaml")).digest("hex");
  const home = env.PULUMI_HOME || join(homedir(), ".pulumi");
  const { stacks } = objectIn(textAt(join(home, "workspaces", `${project}-${path}-workspace.json`))) ?? {};
  const noted = isObject(stacks) ? Object.entries(stacks) : [];
  // Where neither the variable nor the login says it, the project may: that is Pulumi's to find out.
  const named = /^backend:/m.test(textAt(join(directory, "Pulumi.yaml")));
  const backend =
    env.PULUMI_BACKEND_URL || (named ? undefined : objectIn(textAt(join(home, "credentials.json")))?.current);
  const [, stack] = noted.find(([url]) => url === backend) ?? [];
  // As commands show it: of the default organization nobody types the name.
  return typeof stack === "string" ? stack.replace(/^organization\/[^/]+\//, "") : undefined;
}

/**
 * Returns a file of the project; undefined where there is none.
 *
 * @throws CantTellError where it can't be read.
 */
export function readFile(directory: string, file: string): string | undefined {
  try {
    return readFileSync(join(directory, file), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new CantTellError(`${file} can't be read (${code})`);
  }
}

/** What is in a file; "" where it can't be read. */
function textAt(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The stacks that have a file here. */
const stacksIn = (directory: string): string[] =>
  readdirSync(directory)
    .map((file) => /^Pulumi\.([^/]+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined && stackNamed(name) !== undefined) as string[];

/** Returns what to say of a stack without a file here. */
export const noStack = (stack: string): string =>
  `There is no stack ${stack} in this project: it has no Pulumi.${stack}.yaml`;

/** The error where a stack has no such service: it lists those that it has, and the command that shows them. */
export const noService = (name: string, services: readonly string[], command: string): CantTellError =>
  new CantTellError(
    services.length === 0
      ? `There is no service ${shown(name)}: this stack has one service alone, without a name`
      : `There is no service ${shown(name)} in this stack; it has ${services.toSorted().join(", ")}`,
    [{ purpose: "see what there is", command }],
  );

const makeStack = (stack: string): NextCommand => ({
  purpose: "make it",
  command: `pulumi stack init ${stack} && pulumi config set activeColor blue --stack ${stack} && pulumi up --stack ${stack}`,
});

/** The same command for other stacks. */
const otherStacks = (stacks: string[], retype: (stack: string) => string): NextCommand[] =>
  (stacks.length === 0 ? ["<stack>"] : stacks.slice(0, 3)).map((stack) => ({
    purpose: "name the stack",
    command: retype(stack),
  }));
