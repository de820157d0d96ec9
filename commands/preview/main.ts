import { existsSync } from "node:fs";
import { plainStart } from "../../stacks/text/plain";
import { shown } from "../../stacks/text/shell";
import { cantTellLine } from "../outcome";
import { makeStack, noStack } from "../stack";
import { selectedStack, stackNamed } from "../status/selected";
import { askedBy, HELP } from "./arguments";
import { commentOf } from "./comment";
import { previewStack } from "./run";
import { screenOf } from "./screen";
import { EXIT, summaryOf } from "./summary";

/** Why nothing can be told, with what to type. */
class Untold extends Error {}

/** The stack's name as its file has it, and as `pulumi` is to be given it. */
async function whichStack(asked: string | undefined): Promise<{ stack: string; given: string }> {
  const given =
    asked ??
    (process.env.PULUMI_STACK ||
      (await selectedStack(process.cwd()).catch((error: Error) => {
        throw new Untold(
          `which stack? Pulumi can't say: ${plainStart(error.message)}. Next: npm run preview -- <stack>`,
        );
      })));
  const stack = stackNamed(given)?.stack;
  if (stack === undefined) throw new Untold(`${shown(given)} can't be a stack's name. Next: ls Pulumi.*.yaml`);
  if (!existsSync(`Pulumi.${stack}.yaml`)) throw new Untold(`${noStack(stack)}. Next: ${makeStack(stack).command}`);
  return { stack, given };
}

async function main(): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  const asked = askedBy(process.argv.slice(2), process.env);
  if (asked.help) return console.log(HELP);
  if (asked.problem !== undefined) throw new Untold(`${asked.problem}. Next: npm run preview -- --help`);

  const { stack, given } = await whichStack(asked.stack);
  const previewed = await previewStack(given);
  const summary = summaryOf(stack, previewed.said, previewed);
  // A diff that broke off shows nothing that the refusal does not say.
  const diff = summary.exit === EXIT.refused ? "" : previewed.diff;
  console.log(asked.comment ? commentOf(summary, diff) : screenOf(summary, diff));
  process.exitCode = summary.exit;
}

main().catch((error: Error) => {
  console.error(cantTellLine(error.message));
  process.exitCode = EXIT.unknown;
});
