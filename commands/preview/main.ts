import { containerName } from "../../stacks/service/names";
import { runCommand, terminalColumns } from "../command";
import { EXIT } from "../outcome";
import { type FoundStack, findStack, noService, textOf, whereIs } from "../stack";
import { asTyped, isPackaged } from "../typed";
import { commentOf } from "./comment";
import type { Said } from "./events";
import { previewStack } from "./run";
import { screenOf } from "./screen";
import { stepsOf, summaryOf } from "./summary";
import { USAGE } from "./usage";

const typed = (stack: string) => asTyped(`npm run preview -- ${stack}`);

runCommand(USAGE, async ({ stack, service, comment }) => {
  const found = await findStack(process.cwd(), stack, typed);
  if (!isPackaged()) textOf(found);
  const previewed = await previewStack(found.name);
  const said = service === undefined ? previewed.said : saidOf(previewed.said, found, service);
  // What can't be read of the file, the preview says.
  const { hosts } = whereIs(found, () => {});
  const summary = summaryOf(found.owner.stack, said, previewed, hosts);
  // A diff that broke off shows nothing that the refusal does not say; that of Pulumi's is of all services.
  const diff = summary.exit === EXIT.finding || service !== undefined ? "" : previewed.diff;
  console.log(comment ? commentOf(summary, diff) : screenOf(summary, diff, terminalColumns()));
  return summary.exit;
});

/** What was said of one service; what stands in the way of a run stays, whichever service it is of. */
function saidOf(said: Said, { owner, named }: FoundStack, service: string): Said {
  const one = said.decisions.find(({ containers }) => containers === containerName({ ...owner, service }, ""));
  if (one !== undefined) return { ...said, decisions: [one], steps: stepsOf(one, said.steps, said.decisions) };
  if (said.decisions.length === 0) return said;
  const all = containerName(owner, "");
  const services = said.decisions.map(({ containers }) => containers.slice(all.length, -1)).filter(Boolean);
  throw noService(service, services, typed(named ?? owner.stack));
}
