import { listed } from "../../stacks/text/columns";
import { commandLine } from "../../stacks/text/shell";
import type { Arguments } from "../arguments";
import { type NextCommand, nextLines } from "../outcome";
import { labelOf, type PlacedContainer } from "../parts";
import { commandsFor } from "../typed";
import { isOfProxy } from "./requests";
import type { USAGE } from "./usage";

/** What is named of the logs, in characters. */
const MOST_LABELS = 200;

/** The options that say whose logs are searched, as they are given again. */
const WHOSE = ["host", "color", "worker", "job", "accessory", "monitoring", "status"] as const;

/** The options that the command was given. */
export type Asked = Arguments<(typeof USAGE.values)[number], (typeof USAGE.flags)[number]>;

/**
 * Returns what to say where no line tells of a request: what was searched, since when, and what to type next.
 *
 * @param since the beginning of what was searched; all that the engine has kept where it is left out.
 */
export function notFound(
  request: string,
  asked: Asked,
  since: string | undefined,
  searched: readonly PlacedContainer[],
): string {
  const labels = searched.map((container) => labelOf(container, asked.service !== undefined));
  const reach =
    since === undefined
      ? "all that the engine has kept"
      : /^\d{4}-|^\d{9}/.test(since)
        ? `since ${since}`
        : `the last ${since}`;
  const own = "The proxy gives each request an id of its own, 32 of 0-9 and a-f, whatever a client sent.";
  const hasProxy = searched.some(({ part }) => part.role === "proxy" || part.role === "gateway");
  return [
    `No line tells of the request ${request}. Searched: ${listed(labels, MOST_LABELS)}; ${reach}.`,
    ...(hasProxy && !isOfProxy(request) ? [own] : []),
    ...nextLines([nextOf(request, asked, since)]),
  ].join("\n");
}

function nextOf(request: string, asked: Asked, since: string | undefined): NextCommand {
  const commands = commandsFor(asked.stack, undefined, asked.service);
  if (since === undefined)
    return { purpose: "see the ids of the latest requests", command: commands.logs("--proxy", "--tail", "20") };
  const whose = WHOSE.flatMap((name) => (asked[name] === undefined ? [] : [`--${name}`, asked[name]]));
  const words = [...whose, ...(asked.proxy ? ["--proxy"] : []), "--request", request, "--tail", "100"];
  return { purpose: "search all that the engine has kept", command: commands.logs(commandLine(words)) };
}
