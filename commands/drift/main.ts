import type { Docker } from "../../stacks/engine/docker";
import { plainJson } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { EXIT } from "../outcome";
import { engineOf, type FoundStack, findStack, noService, readStack } from "../stack";
import { asTyped, commandsFor, isPackaged } from "../typed";
import { carryOut } from "./fix";
import { refuseHosts } from "./hosts";
import { type Looked, look } from "./look";
import { blockedBy, commandsOf, type Mending, mendingOf } from "./mending";
import { differencesOf, type Report } from "./report";
import type { Compared } from "./row";
import { isAbout, rowsOf } from "./rows";
import { screenOf } from "./table";
import { USAGE } from "./usage";

const forStack = (stack: string) => asTyped(`npm run drift -- ${stack}`);

/** The stack that is looked at, and whether commands have to name it. */
type Seeing = Looked & Pick<FoundStack, "named">;

/** What was found, and what mends it. */
interface Seen {
  compared: Compared;
  mending: Mending;
  report: Report;
}

type Asked = Arguments<"service", "fix" | "json">;

/** Compares, and with `--fix` mends and compares again. */
async function run({ stack: argument, service, fix, json }: Asked): Promise<Report> {
  const found = await findStack(process.cwd(), argument, forStack);
  // A program of somebody's own may have all of its settings in the code.
  const stack: Seeing = found.text === undefined && isPackaged() ? found : readStack(found);
  refuseHosts(stack);
  const docker = engineOf(stack);
  const before = await see(docker, stack, service);
  const { mending } = before;
  if (!fix || (mending.docker.length === 0 && mending.up === undefined)) return before.report;

  const say = json ? console.error : console.log;
  say(`${screenOf(before.report, fixing(stack.named ?? stack.owner.stack, service))}\n`);
  for (const command of before.report.fix) say(`Running: ${command}`);
  await carryOut(mending, before.compared.services, { docker, stack: stack.name, say, to: json ? "stderr" : "stdout" });
  say("");
  return (await see(docker, stack, service)).report;
}

const fixing = (stack: string, service: string | undefined): string =>
  `${forStack(stack)}${service === undefined ? "" : ` --service ${quoted(service)}`} --fix`;

async function see(docker: Docker, stack: Seeing, service: string | undefined): Promise<Seen> {
  const { owner, named, host } = stack;
  const compared = await look(docker, stack);
  const services = compared.services.flatMap((each) => each.owner.service ?? []);
  if (service !== undefined && !services.includes(service))
    throw noService(service, services, forStack(named ?? owner.stack));
  const all = rowsOf(compared);
  const rows = all.filter((row) => isAbout(row, service));
  const others = all.filter((row) => !isAbout(row, service));
  const commands = (of?: string) => commandsFor(named, host, of);
  const mending = mendingOf(rows, commands, blockedBy(compared, commands, others));
  const report: Report = {
    exit: rows.length === 0 ? EXIT.well : EXIT.finding,
    ...{ ...owner, ...(service !== undefined && { service }) },
    time: new Date().toISOString(),
    differences: differencesOf(rows, mending.left),
    fix: commandsOf(mending, commands()),
    byHand: mending.left.map(({ why, command }) => ({ why, command })),
  };
  return { compared, mending, report };
}

runCommand(USAGE, async (asked) => {
  const report = await run(asked);
  if (asked.json) console.log(plainJson(report));
  else console.log(screenOf(report, fixing(asked.stack ?? report.stack, asked.service)));
  return report.exit;
});
