import { plainJson } from "../../stacks/text/plain";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { EXIT } from "../outcome";
import { engineOf, findStack, readStack, type Stack } from "../stack";
import { commandsFor } from "../typed";
import { carryOut } from "./fix";
import { look } from "./look";
import { blockedBy, commandsOf, type Mending, mendingOf } from "./mending";
import { differencesOf, type Report } from "./report";
import { colorIn, type Facts } from "./row";
import { rowsOf } from "./rows";
import { screenOf } from "./table";
import { USAGE } from "./usage";

const forStack = (stack: string) => `npm run drift -- ${stack}`;

/** What was found, and what mends it. */
interface Seen {
  facts: Facts;
  mending: Mending;
  report: Report;
}

/** Compares, and with `--fix` mends and compares again. */
async function run({ stack: argument, fix, json }: Arguments<never, "fix" | "json">): Promise<Report> {
  const stack = readStack(await findStack(process.cwd(), argument, forStack));
  const docker = engineOf(stack);
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

const fixing = ({ owner, named }: Stack): string => `${forStack(named ?? owner.stack)} --fix`;

async function see(stack: Stack): Promise<Seen> {
  const { owner, named, host, active } = stack;
  const facts = await look(engineOf(stack), stack);
  const rows = rowsOf(facts);
  const commands = commandsFor(named, host);
  const asked = "color" in active ? active.color : undefined;
  const declared = colorIn(facts.declared.cutover?.configuration ?? "");
  const mending = mendingOf(rows, commands, blockedBy(asked, declared, facts.refused, commands));
  const report: Report = {
    exit: rows.length === 0 ? EXIT.well : EXIT.finding,
    ...owner,
    time: facts.now.toISOString(),
    differences: differencesOf(rows, mending.left),
    fix: commandsOf(mending, commands),
    byHand: mending.left.map(({ why, command }) => ({ why, command })),
  };
  return { facts, mending, report };
}

runCommand(USAGE, async (asked) => {
  const report = await run(asked);
  if (asked.json) console.log(plainJson(report));
  else console.log(screenOf(report, `${forStack(asked.stack ?? report.stack)} --fix`));
  return report.exit;
});
