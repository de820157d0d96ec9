import type { StackPart } from "../../stacks/service/parts";
import { objectIn } from "../../stacks/text/json";
import { shown } from "../../stacks/text/plain";
import { CantTellError } from "../outcome";

/** What can be a request's id: shorter ones would be found in lines of others. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._:=+/-]{7,127}$/;

/** What the proxy gives a request as its id. */
const OF_PROXY = /^[0-9a-f]{32}$/;

/**
 * Returns the id of the request that is looked for.
 *
 * @throws CantTellError for what can't be one.
 */
export function requestIdIn(text: string): string {
  if (ID.test(text)) return text;
  throw new CantTellError(`--request is ${shown(text)}: an id has 8 to 128 letters, digits and . _ : = + / -`);
}

/** Reports whether the proxy itself could have given a request this id. */
export const isOfProxy = (id: string): boolean => OF_PROXY.test(id);

/** Reports whether a line tells of a request: an app may write the id anywhere, and the proxy has it in a field of its own. */
export function tellsOf(id: string, line: string, { role }: StackPart): boolean {
  // Most lines are of other requests: only the others are read in full.
  if (!line.includes(id)) return false;
  return (role !== "proxy" && role !== "gateway") || objectIn(line)?.requestId === id;
}
