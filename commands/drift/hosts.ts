import type { Host } from "../../stacks/service/hosts";
import { isObject, objectIn } from "../../stacks/text/json";
import { quoted } from "../../stacks/text/shell";
import { tooManyHosts } from "../hosts";
import { CantTellError } from "../outcome";
import { asTyped, commandsFor } from "../typed";

/** The component that stands for a host in Pulumi's state (stacks/serviceHost.ts). */
const HOST = "blue-green:index:Host";

/**
 * Refuses to compare a stack that is on several engines: its containers have the same names on all of them.
 *
 * @param stack its hosts as the file has them, and how commands have to name it.
 * @param exported Pulumi's state, which tells of the hosts that a program has in its code.
 * @throws CantTellError with what shows all of them.
 */
export function refuseHosts(stack: { hosts?: readonly Host[]; named?: string }, exported?: string): void {
  const command = asTyped("npm run drift");
  const reason = exported === undefined ? tooManyHosts(stack, command) : inState(exported, command);
  if (reason === undefined) return;
  const flag = stack.named === undefined ? "" : ` --stack ${quoted(stack.named)}`;
  throw new CantTellError(reason, [
    { purpose: "see how each host is", command: commandsFor(stack.named, undefined).status() },
    { purpose: "see what a run would change on them", command: `pulumi preview --refresh${flag}` },
  ]);
}

function inState(exported: string, command: string): string | undefined {
  const deployment = objectIn(exported)?.deployment;
  const resources = isObject(deployment) && Array.isArray(deployment.resources) ? deployment.resources : [];
  const has = resources.some((resource) => isObject(resource) && resource.type === HOST && resource.delete !== true);
  return has ? `Not with hosts yet: ${command} knows one engine alone, and Pulumi's state has others` : undefined;
}
