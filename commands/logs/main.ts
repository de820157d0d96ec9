import { readParts, type StackContainer } from "../../stacks/service/parts";
import { ASKED_AT_A_TIME, filtersOf, inTurns } from "../../stacks/service/world";
import { printableMessage, quotedWords } from "../../stacks/text/plain";

import { isColored, runCommand } from "../command";
import { hostsNamed, hostsOf, type StackHost } from "../hosts";
import { CantTellError, EXIT, type ExitCode } from "../outcome";
import { painter } from "../paint";
import { colorOf, containersOn, labelOf, type PlacedContainer, placedOn } from "../parts";
import { type FoundStack, findStack, whereIs } from "../stack";
import { commandsFor } from "../typed";
import { SINCE, sinceIn, tailIn } from "./bounds";
import { absence, type Choice, choiceOf, isChosen, isFilter, isMeant } from "./choice";
import { Follower } from "./follow";
import { Latest } from "./latest";
import { merge } from "./merge";
import { type Asked, notFound } from "./notFound";
import { LogPrinter, type Origin } from "./printer";
import type { LogLine } from "./reader";
import { type LogSource, openLog } from "./source";
import { USAGE } from "./usage";

/** So long a host of several may take to say which containers it has. */
const HOST_SECONDS = 10;

/** What is shown, of which containers, and where. */
interface Showing {
  choice: Choice;
  since: string | undefined;
  tail: number | undefined;
  originOf: (container: PlacedContainer) => Origin;
  isShown: (line: LogLine, container: StackContainer) => boolean;
  printer: LogPrinter;
  /** Ends it. */
  signal: AbortSignal;
}

/** What was shown, or could not be. */
interface Shown {
  /** By the containers' ids, the time of the latest line of each. */
  lastTimes: Map<string, string>;
  problems: number;
  /** Whether a line was. */
  some: boolean;
}

async function logs(asked: Asked): Promise<ExitCode> {
  const choice = choiceOf(asked);
  const tail = asked.tail === undefined ? undefined : tailIn(asked.tail);
  const since = asked.since !== undefined ? sinceIn(asked.since) : tail === undefined ? SINCE : undefined;
  const found = await findStack(process.cwd(), asked.stack, (name) =>
    commandsFor(name, undefined, asked.service).logs(),
  );
  const hosts = hostsIn(found, asked);
  const { containers, silent } = await containersOn(hosts, found, asked.service);
  const missing = absence(choice, containers);
  if (missing !== undefined)
    throw new CantTellError(missing, [
      { purpose: "see what is there", command: commandsFor(found.named, undefined, asked.service).status() },
    ]);

  const meant = containers.filter(({ part }) => isChosen(choice, part));
  const { printer, signal } = screen(asked.follow);
  const showing: Showing = { choice, since, tail, printer, signal, ...rules(choice, asked.service) };
  for (const container of meant) printer.widen(showing.originOf(container));
  for (const { host, problem } of silent)
    printer.note({ label: host.name ?? "" }, `it does not answer, and nothing of it is shown: ${quotedWords(problem)}`);
  const { lastTimes, problems, some } = await showPast(showing, meant);
  if (asked.follow && !signal.aborted)
    await Promise.all(hosts.map((host) => follow(showing, host, found, asked.service, meant, lastTimes)));
  const { request } = choice;
  const isMissing = request !== undefined && !some && !asked.follow && !signal.aborted;
  if (isMissing) console.error(printableMessage(notFound(request, asked, since, meant)));
  return problems + silent.length === 0 && !isMissing ? EXIT.well : EXIT.finding;
}

/** Returns the hosts whose containers are shown; one alone needs no name. */
function hostsIn(found: FoundStack, { host, service }: Asked): readonly [StackHost, ...StackHost[]] {
  const where = whereIs(found, (line) => console.error(printableMessage(line)));
  const commands = commandsFor(found.named, undefined, service);
  const hosts = hostsNamed(hostsOf(where, HOST_SECONDS), host, (name) => commands.logs("--host", name));
  const [{ docker }, ...others] = hosts;
  return others.length === 0 ? [{ docker }] : hosts;
}

/** Returns where lines are printed, and what ends the printing: nobody who reads, and Ctrl-C where it would go on for ever. */
function screen(isEndless: boolean): { printer: LogPrinter; signal: AbortSignal } {
  const paint = painter(isColored());
  const printer = new LogPrinter(process.stdout, process.stderr, paint);
  const ended = new AbortController();
  if (isEndless) for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.abort());
  return { printer, signal: AbortSignal.any([printer.gone, ended.signal]) };
}

/** Returns what lines are called, and which of them are shown. */
const rules = (choice: Choice, service: string | undefined): Pick<Showing, "originOf" | "isShown"> => ({
  originOf: (container) => ({ label: labelOf(container, service !== undefined), color: colorOf(container.part) }),
  isShown: ({ text }, { part }) => isMeant(choice, text, part),
});

/** Shows what the containers have written until now. */
async function showPast(showing: Showing, containers: readonly PlacedContainer[]): Promise<Shown> {
  const { printer, tail, originOf, isShown, signal } = showing;
  const opened = await openAll(showing, containers);
  const of = new Map(opened.map(({ log, container }) => [log, container]));
  const latest = tail === undefined ? undefined : new Latest<LogLine & { origin: Origin }>(tail);
  const print = ({ text, origin }: { text: string; origin: Origin }) => printer.line(origin, text);
  let some = false;
  const take = (line: LogLine, log: LogSource) => {
    const container = of.get(log);
    if (container === undefined || !isShown(line, container) || signal.aborted) return;
    some = true;
    const whole = { ...line, origin: originOf(container) };
    if (latest === undefined) print(whole);
    else latest.add(whole);
  };
  await merge([...of.keys()], take, () => printer.flush());
  for (const line of latest?.all() ?? []) print(line);
  await printer.flush();
  return { ...(await tellProblems(showing, opened)), some };
}

interface Opened {
  container: PlacedContainer;
  log: LogSource;
}

/** Opens the containers' logs, a few at a time. */
function openAll({ since, tail, choice, signal }: Showing, containers: readonly PlacedContainer[]): Promise<Opened[]> {
  const logs: LogSource[] = [];
  signal.addEventListener("abort", () => {
    for (const log of logs) log.end();
  });
  return inTurns(containers, ASKED_AT_A_TIME, async (container) => {
    const log = openLog(container.docker, container.id, {
      ...(since !== undefined && { since }),
      ...(tail !== undefined && !isFilter(choice) && { tail }),
    });
    logs.push(log);
    if (signal.aborted) log.end();
    await log.more();
    return { container, log };
  });
}

/** Says which logs could not be read. */
async function tellProblems(
  { printer, originOf, signal }: Showing,
  opened: readonly Opened[],
): Promise<Omit<Shown, "some">> {
  const shown = { lastTimes: new Map<string, string>(), problems: 0 };
  for (const { container, log } of opened) {
    if (log.lastTime !== undefined) shown.lastTimes.set(container.id, log.lastTime);
    const problem = signal.aborted ? undefined : await log.problem();
    if (problem === undefined) continue;
    printer.note(originOf(container), `its log can't be read: ${quotedWords(problem)}`);
    shown.problems += 1;
  }
  return shown;
}

/** Shows what a host's containers write from now on. */
async function follow(
  { choice, since, originOf, isShown, printer, signal }: Showing,
  host: StackHost,
  { owner }: FoundStack,
  service: string | undefined,
  containers: readonly PlacedContainer[],
  lastTimes: ReadonlyMap<string, string>,
): Promise<void> {
  const { docker } = host;
  const asked = service === undefined ? owner : { ...owner, service };
  const own = containers.filter((container) => container.docker === docker);
  const list = async () => (await readParts(docker, asked)).filter(({ part }) => isChosen(choice, part));
  const what = {
    ...{ docker, list, filters: filtersOf(asked), isShown, since, printer, signal },
    originOf: (container: StackContainer) => originOf(placedOn(host, container)),
    engine: host.name === undefined ? "engine" : `${host.name} engine`,
  };
  await new Follower(what).run(own, lastTimes);
}

runCommand(USAGE, logs);
