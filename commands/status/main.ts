import { plainJson } from "../../stacks/text/plain";
import { isColored, runCommand, terminalColumns } from "../command";
import { cantTellScreen } from "../outcome";
import { findStack } from "../stack";
import { asTyped } from "../typed";
import { look } from "./look";
import { screenOf } from "./screen";
import { USAGE } from "./usage";

runCommand(USAGE, async ({ stack, service, json }) => {
  const found = await findStack(process.cwd(), stack, (name) => asTyped(`npm run status -- ${name}`));
  const status = await look(found, service);
  const columns = terminalColumns();
  if (json) console.log(plainJson(status));
  else if ("reason" in status) console.error(cantTellScreen(status));
  else console.log(screenOf(status, { colored: isColored(), ...(columns !== undefined && { columns }) }));
  return status.exit;
});
