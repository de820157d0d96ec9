import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { contextProblem, dockerAt } from "../stacks/docker";
import type { Owner } from "../stacks/names";
import { readWorld } from "../stacks/world";
import { askedBy, HELP } from "./arguments";
import { plainJson } from "./plainText";
import { type CantTell, EXIT, type NextCommand, type Report } from "./report";
import { cantTellScreen, screenOf } from "./screen";
import { selectedStack, stackNamed } from "./selected";
import { FileError, projectIn, type StackFile, stackIn } from "./stackFile";
import { cantTell, statusOf } from "./status";

const CUTOVERS = 5;

/** Why nothing can be told, thrown from wherever that is found. */
class Untold extends Error {
  constructor(
    reason: string,
    readonly next: NextCommand[] = [],
  ) {
    super(reason);
  }
}

/** Looks at the stack that is asked for. `npm run` starts it in the project's folder. */
async function look(stackArgument: string | undefined): Promise<Report | CantTell> {
  const directory = process.cwd();
  const context = contextProblem(process.env);
  if (context !== undefined) {
    const [reason = "", command] = context.split(" Next: ");
    throw new Untold(reason, command === undefined ? [] : [{ purpose: "name the engine", command }]);
  }
  const project = projectIn(read(directory, "Pulumi.yaml") ?? untold("There is no Pulumi.yaml in this folder"));
  const { named, stack } = await whichStack(directory, project, stackArgument);

  const file = `Pulumi.${stack}.yaml`;
  const text = read(directory, file);
  const { active, host }: StackFile =
    text === undefined ? { active: { problem: `there is no ${file}` } } : stackIn(file, text, project);

  const docker = dockerAt(host);
  const owner: Owner = { project, stack };
  const ask = () => readWorld(docker, owner, { history: CUTOVERS, health: true });
  let world = await ask();
  // A container that a run removed between two questions.
  if ("unknown" in world && /no such (container|image|object)/i.test(world.reason)) world = await ask();

  const more = { ...(host !== undefined && { host }), ...(named !== undefined && { flag: named }) };
  const status = statusOf({ owner, active, world, now: new Date(), ...more });
  const others = stacksIn(directory).filter((name) => name !== stack);
  if (status.exit === EXIT.unknown && text === undefined && others.length > 0) status.next.unshift(...choices(others));
  return status;
}

/** The stack, and how commands must name it where `pulumi` would not take it by itself. */
async function whichStack(
  directory: string,
  project: string,
  argument: string | undefined,
): Promise<{ named?: string; stack: string }> {
  const given =
    argument ??
    (process.env.PULUMI_STACK ||
      (await selectedStack(directory).catch((error: Error) =>
        untold(`Which stack? Pulumi can't say: ${error.message}`, choices(stacksIn(directory))),
      )));
  const name = stackNamed(given);
  if (name === undefined)
    return untold(`${JSON.stringify(given)} can't be a stack's name`, choices(stacksIn(directory)));
  if (name.project !== undefined && name.project !== project) {
    return untold(`${given} is a stack of ${name.project}, and this is ${project}`, choices(stacksIn(directory)));
  }
  return { ...(argument !== undefined && { named: argument }), stack: name.stack };
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
const stacksIn = (directory: string): string[] =>
  readdirSync(directory)
    .map((file) => /^Pulumi\.([^/]+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined && stackNamed(name) !== undefined) as string[];

const choices = (stacks: string[]): NextCommand[] =>
  (stacks.length === 0 ? ["<stack>"] : stacks.slice(0, 3)).map((stack) => ({
    purpose: "name the stack",
    command: `npm run status -- --stack ${stack}`,
  }));

async function main(): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  const asked = askedBy(process.argv.slice(2), process.env);
  if (asked.help) return console.log(HELP);

  const help = { purpose: "read what there is", command: "npm run status -- --help" };
  const status: Report | CantTell =
    asked.problem === undefined
      ? await look(asked.stack).catch((error: Error) => {
          if (error instanceof Untold) return cantTell(error.message, error.next);
          const mend = error instanceof FileError ? error.mend : undefined;
          return cantTell(error.message, mend === undefined ? [] : [{ purpose: "mend it", command: mend }]);
        })
      : cantTell(asked.problem, [help]);

  if (asked.json) console.log(plainJson(status));
  else if (status.exit === EXIT.unknown) console.error(cantTellScreen(status));
  else console.log(screenOf(status, { colored: process.stdout.isTTY && !process.env.NO_COLOR }));
  process.exitCode = status.exit;
}

main().catch((error: Error) => {
  console.error(`Can't tell: ${error.message}`);
  process.exitCode = EXIT.unknown;
});
