import { type CantTell, cantTell, type NextCommand } from "../outcome";
import { type Commands, commandsFor } from "../typed";
import { pendingSwitch } from "./findings";
import type { Finding, HostReport, Report, Status } from "./report";
import { EXIT_OF, NO_ENGINE } from "./status";

/** How a stack is on one of its hosts. */
export interface SeenHost {
  name: string;
  /** Its engine's address, where commands have to name it. */
  address?: string;
  status: Status;
  /** Since when the live color is live there. */
  since?: string;
}

/** A host of which something can be told. */
type ToldHost = SeenHost & { status: Report };

/** A host of which nothing can be told. */
type UntoldHost = SeenHost & { status: CantTell };

/** More commands than these nobody reads. */
const MOST_NEXT = 4;

/**
 * Puts together how a stack is on all of its hosts: the first one that can be told of in full, of the others what is not as it should be.
 *
 * @param commands how commands are typed for one of the services, or for the stack, wherever it is.
 */
export function statusOfHosts(seen: readonly SeenHost[], commands: (service?: string) => Commands): Status {
  const services = seen.flatMap(({ status }) => ("services" in status ? Object.keys(status.services) : []));
  if (services.length > 0) {
    const next = [...new Set(services)].map((name) => ({ purpose: `see ${name}`, command: commands(name).status() }));
    return cantTell("This stack has several services on several hosts: which service?", next.slice(0, MOST_NEXT));
  }
  const told = seen.filter((host): host is ToldHost => "findings" in host.status);
  const untold = seen.filter((host): host is UntoldHost => "reason" in host.status);
  const [first] = told;
  if (first === undefined) return nothingTold(untold);

  const isBusy = told.some(({ status }) => status.proxy.busy !== null);
  const common = mostCommon(told.filter(({ status }) => status.live !== null));
  const apart = isBusy ? [] : told.filter((host) => host.status.live !== null && !isLike(host, common));
  const findings = [
    ...apart.map((host) => apartFinding(host, common, told)),
    ...levelled("down", told, seen, apart),
    ...untold.map(({ name, status }): Finding => ({ level: "degraded", text: untoldText(name, status) })),
    ...levelled("degraded", told, seen, apart),
    ...levelled("note", told, seen, apart),
  ];
  const level = (["down", "degraded"] as const).find((each) => findings.some((one) => one.level === each)) ?? "well";
  return {
    ...first.status,
    ...{ exit: EXIT_OF[level], level },
    agree: told.every(({ status }) => status.agree) && untold.length === 0 && apart.length === 0,
    hosts: seen.map((host) => hostReport(host, isBusy ? undefined : common)),
    findings,
    next: nextOf(first, told, untold, apart, commands()),
  };
}

function nothingTold(untold: readonly UntoldHost[]): CantTell {
  const reasons = [...new Set(untold.map(({ status }) => status.reason))];
  const [reason = ""] = reasons;
  const all = untold.map(({ name, status }) => untoldText(name, status)).join("; ");
  return reasons.length === 1
    ? cantTell(reason, untold[0]?.status.next)
    : cantTell(all, firstOnes(untold.flatMap(untoldNext)));
}

/** What a host serves: the same word for the same color and configuration. */
const servedBy = ({ status }: ToldHost): string => `${status.live} ${status.proxy.generation}`;

/** Returns the host that serves what most serve; of two halves one of the lead's. */
const mostCommon = (hosts: readonly ToldHost[]): ToldHost | undefined => {
  const count = (host: ToldHost) => hosts.filter((other) => servedBy(other) === servedBy(host)).length;
  return hosts.toSorted((a, b) => count(b) - count(a))[0];
};

const isLike = (host: ToldHost, common: ToldHost | undefined): boolean =>
  common !== undefined && servedBy(host) === servedBy(common);

/** Says what a host serves in place of what the others do. */
function apartFinding(host: ToldHost, common: ToldHost | undefined, told: readonly ToldHost[]): Finding {
  const others = listOf(told.filter((each) => isLike(each, common)).map(({ name }) => name));
  const release = ({ status: { live, colors } }: ToldHost) =>
    live === null ? "nothing" : [live, colors[live].version].filter(Boolean).join(" ");
  const isColor = host.status.live !== common?.status.live;
  const configuration = (of: ToldHost | undefined) => of?.status.proxy.generation ?? "unknown";
  const text = isColor
    ? `${host.name} serves ${release(host)}, and ${others} ${common === undefined ? "" : release(common)}`
    : `${host.name} serves another configuration (${configuration(host)}) than ${others} (${configuration(common)})`;
  return { level: "degraded", text: `${text}: pulumi up makes them agree` };
}

/** `a`, `a and b`, `a, b and c`. */
export const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** An engine's own words begin with those of the client: what SSH said stands at their end. */
const wordsOf = (reason: string): string => {
  const words = reason.slice(NO_ENGINE.length);
  return /\bstderr=(\S[\s\S]*)$/.exec(words)?.[1] ?? words;
};

const untoldText = (name: string, { reason }: CantTell): string =>
  reason.startsWith(NO_ENGINE) ? `${name} does not answer: ${wordsOf(reason)}` : `${name}: ${reason}`;

const untoldNext = (host: UntoldHost): NextCommand[] =>
  host.status.reason.startsWith(NO_ENGINE)
    ? [{ purpose: `ask ${host.name} again`, command: commandsFor(undefined, host.address).docker("version") }]
    : commandsOn(host, host.status.next).slice(0, 1);

/** Lists the findings of one level: once where all hosts have the same, otherwise with the names of those that do. */
function levelled(
  level: Finding["level"],
  told: readonly ToldHost[],
  seen: readonly SeenHost[],
  apart: readonly ToldHost[],
): Finding[] {
  const names = new Map<string, string[]>();
  for (const host of told) {
    for (const { text } of ownFindings(host, apart).filter((finding) => finding.level === level))
      names.set(text, [...(names.get(text) ?? []), host.name]);
  }
  return [...names].map(([text, of]) => ({
    level,
    text: of.length === seen.length ? text : `${of.join(", ")}: ${text}`,
  }));
}

/** A host's findings; that it has another color than is asked for is told before them, where the others have that. */
const ownFindings = ({ status, name }: ToldHost, apart: readonly ToldHost[]): Finding[] => {
  const isTold = apart.some((host) => host.name === name);
  const { active, live } = status;
  const told = isTold && active !== null && live !== null ? pendingSwitch(active, live) : undefined;
  return status.findings.filter(({ text }) => text !== told);
};

function hostReport({ name, status, since, ...at }: SeenHost, common: ToldHost | undefined): HostReport {
  const address = at.address ?? null;
  if (!("findings" in status)) {
    const unknown = { live: null, version: null, since: null, answers: null, generation: null, agrees: null };
    return { ...{ name, address }, level: "unknown", ...unknown, reason: "reason" in status ? status.reason : "" };
  }
  const { live, level, colors, proxy } = status;
  return {
    ...{ name, address, level, live },
    version: live === null ? null : colors[live].version,
    since: since ?? null,
    answers: live === null ? null : colors[live].answers,
    generation: proxy.generation,
    agrees: live === null || common === undefined ? null : isLike({ name, status }, common),
    reason: null,
  };
}

/** What can be typed now: for a host with errors, for those that can't be told of, for all to agree, for what is not well on one. */
function nextOf(
  first: ToldHost,
  told: readonly ToldHost[],
  untold: readonly UntoldHost[],
  apart: readonly ToldHost[],
  { up }: Commands,
): NextCommand[] {
  const own = (host: ToldHost) => (host === first ? host.status.next : commandsOn(host, host.status.next));
  const known = new Set(first.status.findings.map(({ text }) => text));
  const isIll = (host: ToldHost) =>
    host !== first && host.status.findings.some(({ level, text }) => level !== "note" && !known.has(text));
  const down = told.find(({ status }) => status.level === "down");
  return firstOnes([
    ...(down === undefined ? [] : own(down).slice(0, 2)),
    ...untold.flatMap(untoldNext),
    ...(apart.length > 0 ? [{ purpose: "make the hosts agree", command: up() }] : []),
    ...told.filter(isIll).flatMap((host) => own(host).slice(0, 1)),
    ...first.status.next,
  ]);
}

/** Returns commands with the host's name beside what is typed for one engine. */
const commandsOn = ({ name }: SeenHost, next: readonly NextCommand[]): NextCommand[] =>
  next.map(({ purpose, command }) => ({
    purpose: /(^|\s)docker /.test(command) ? `${purpose} (${name})` : purpose,
    command,
  }));

function firstOnes(all: readonly NextCommand[]): NextCommand[] {
  const first = new Map<string, NextCommand>();
  for (const next of all) if (!first.has(next.command)) first.set(next.command, next);
  return [...first.values()].slice(0, MOST_NEXT);
}
