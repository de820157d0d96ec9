import { text } from "node:stream/consumers";
import { dockerAt } from "../stacks/engine/docker";
import { isOrderVariable } from "../stacks/service/orderVariables";
import { whoRuns } from "../stacks/service/who";
import { printableMessage } from "../stacks/text/plain";
import { carryOutOn } from "./cutover";
import { ordersFrom } from "./order";

/** Whoever has these has every secret of the stack, or may give another image under a release's name. */
const SECRETS = [
  "PULUMI_CONFIG_PASSPHRASE",
  "PULUMI_CONFIG_PASSPHRASE_FILE",
  "PULUMI_ACCESS_TOKEN",
  "REGISTRY_PASSWORD",
];

/** Run by `pulumi up` (stacks/cutover.ts): the rendered configuration on standard input, the rest in the environment. */
async function main(): Promise<void> {
  const cancelled = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => cancelled.abort());
  // Whoever reads this may be gone before the work is done.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

  const orders = ordersFrom(process.env, await text(process.stdin));
  // Keys, tokens and what else the order says are not for the gate command, which has our environment and whose output is shown.
  for (const name of Object.keys(process.env)) {
    if (isOrderVariable(name) || SECRETS.includes(name)) delete process.env[name];
  }
  const places = orders.map(({ host, address, order }) => ({
    ...(host !== undefined && { host }),
    ...(address !== undefined && { address }),
    ...{ docker: dockerAt(address), order },
  }));
  await carryOutOn(places, {
    docker: dockerAt(undefined),
    // No word before it: at 120 columns Pulumi shows some 33 characters of the latest line, and cuts the rest.
    say: (line) => console.log(printableMessage(line)),
    signal: cancelled.signal,
    who: whoRuns(process.env),
  });
}

// What is still waited for, as a lock or the end of a container, must not hold up the end.
main().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(printableMessage(error.message));
    process.exit(1);
  },
);
