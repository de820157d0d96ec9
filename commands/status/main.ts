import { plainJson } from "../../stacks/text/plain";
import { isColored, runCommand, terminalColumns } from "../command";
import { cantTellScreen } from "../outcome";
import { findStack, readAgain } from "../stack";
import { asTyped, commandsFor } from "../typed";
import { look } from "./look";
import { screenOf } from "./screen";
import { USAGE } from "./usage";
import { checkTerminal, watchAsLines, watchOnScreen } from "./watch";

runCommand(USAGE, async ({ stack, service, json, watch }) => {
  if (watch && !json)
    checkTerminal({ purpose: "see it once", command: commandsFor(stack, undefined, service).status() });
  const found = await findStack(process.cwd(), stack, (name) => asTyped(`npm run status -- ${name}`));
  if (watch) {
    const read = async () => look(readAgain(process.cwd(), found), service);
    return json ? watchAsLines(read) : watchOnScreen(read);
  }
  const status = await look(found, service);
  const columns = terminalColumns();
  if (json) console.log(plainJson(status));
  else if ("reason" in status) console.error(cantTellScreen(status));
  else console.log(screenOf(status, { colored: isColored(), ...(columns !== undefined && { columns }) }));
  return status.exit;
});
