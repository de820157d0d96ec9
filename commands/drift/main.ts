import { dockerAt } from "../../stacks/engine/docker";
import { plainJson } from "../../stacks/text/plain";
import { cantTellLine } from "../outcome";
import { type FoundStack, findStack, makeStack, noStack, otherStacks, Untold } from "../stack";
import { commandsFor } from "../typed";
import { type Asked, askedBy, HELP } from "./arguments";
import { carryOut } from "./fix";
import { look } from "./look";
import { blockedBy, commandsOf, type Mending, mendingOf } from "./mending";
import { type CantTell, differencesOf, EXIT, type Report } from "./report";
import { colorIn, type Facts, rowsOf } from "./rows";
import { cantTellScreen, screenOf } from "./table";

const forStack = (stack: string) => `npm run drift -- ${stack}`;

/** What was found, and what mends it. */
interface Seen {
  facts: Facts;
  mending: Mending;
  report: Report;
}

/** Compares, and with `--fix` mends and compares again. */
async function run({ stack: argument, fix, json }: Asked): Promise<Report> {
  const stack = await findStack(process.cwd(), argument, forStack);
  if (!stack.hasFile)
    throw new Untold(noStack(stack.owner.stack), [
      makeStack(stack.owner.stack),
      ...(stack.others.length > 0 ? otherStacks(stack.others, forStack) : []),
    ]);
  const docker = dockerAt(stack.host);
  const before = await see(stack);
  const { mending } = before;
  if (!fix || (mending.docker.length === 0 && mending.up === undefined)) return before.report;

  const say = json ? console.error : console.log;
  say(`${screenOf(before.report, fixing(stack))}\n`);
  for (const command of before.report.fix) say(`Running: ${command}`);
  await carryOut(mending, before.facts, { docker, stack: stack.name, say, to: json ? "stderr" : "stdout" });
  say("");
  return (await see(stack)).report;
}

const fixing = ({ owner, named }: FoundStack): string => `${forStack(named ?? owner.stack)} --fix`;

async function see(stack: FoundStack): Promise<Seen> {
  const { owner, named, host, active } = stack;
  const facts = await look(dockerAt(host), stack);
  const rows = rowsOf(facts);
  const commands = commandsFor(named, host);
  const asked = "color" in active ? active.color : undefined;
  const declared = colorIn(facts.declared.cutover?.configuration ?? "");
  const mending = mendingOf(rows, commands, blockedBy(asked, declared, facts.refused, commands));
  const report: Report = {
    exit: rows.length === 0 ? EXIT.none : EXIT.drift,
    ...owner,
    time: facts.now.toISOString(),
    differences: differencesOf(rows, mending.left),
    fix: commandsOf(mending, commands),
    byHand: mending.left.map(({ why, command }) => ({ why, command })),
  };
  return { facts, mending, report };
}

async function main(): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  const asked = askedBy(process.argv.slice(2), process.env);
  if (asked.help) return console.log(HELP);
  const help = [{ purpose: "read what there is", command: "npm run drift -- --help" }];
  const untold = (reason: string, next: CantTell["next"]): CantTell => ({ exit: EXIT.unknown, reason, next });
  const said: Report | CantTell =
    asked.problem === undefined
      ? await run(asked).catch((error: Error) => untold(error.message, error instanceof Untold ? error.next : []))
      : untold(asked.problem, help);

  if (asked.json) console.log(plainJson(said));
  else if ("reason" in said) console.error(cantTellScreen(said));
  else console.log(screenOf(said, `${forStack(asked.stack ?? said.stack)} --fix`));
  process.exitCode = said.exit;
}

main().catch((error: Error) => {
  console.error(cantTellLine(error.message));
  process.exitCode = EXIT.unknown;
});
