import { runCommand } from "../command";
import { EXIT } from "../outcome";
import { findStack, textOf } from "../stack";
import { commentOf } from "./comment";
import { previewStack } from "./run";
import { screenOf } from "./screen";
import { summaryOf } from "./summary";
import { USAGE } from "./usage";

runCommand(USAGE, async ({ stack, comment }) => {
  const found = await findStack(process.cwd(), stack, (name) => `npm run preview -- ${name}`);
  textOf(found);
  const previewed = await previewStack(found.name);
  const summary = summaryOf(found.owner.stack, previewed.said, previewed);
  // A diff that broke off shows nothing that the refusal does not say.
  const diff = summary.exit === EXIT.finding ? "" : previewed.diff;
  console.log(comment ? commentOf(summary, diff) : screenOf(summary, diff));
  return summary.exit;
});
