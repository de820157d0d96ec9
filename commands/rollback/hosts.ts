import type { Found, MissedHost } from "../../cutover/rollback";
import { type Docker, isGone } from "../../stacks/engine/docker";
import { type Color, other } from "../../stacks/service/color";
import { containerName, type ServiceId } from "../../stacks/service/names";
import { readServing, type Serving } from "../../stacks/service/serving";
import { readContainers } from "../../stacks/service/world";
import { quotedWords } from "../../stacks/text/plain";
import type { StackHost } from "../hosts";
import { CantTellError, Refusal } from "../outcome";
import { type Commands, commandsFor } from "../typed";
import { type Asked, wayBack } from "./way";

/** A host whose proxy answers. */
export interface ThereHost {
  name: string;
  docker: Docker;
  found: Found & { serving: Serving };
}

/** A host that does not take part. */
export interface AwayHost {
  name: string;
  /** Why, said of it; in its own words where it has some. */
  problem: string;
  /** What brings it back: to ask it again, a run that makes it ready; nothing where nothing of the stack is there. */
  mend?: "ask" | "run";
  /** Its engine's address, where commands have to name it. */
  host?: string;
}

/** A stack's hosts, by whether they can take part in the way back. */
export interface FoundHosts {
  there: ThereHost[];
  away: AwayHost[];
}

/** Asks several hosts, all at once, what they serve. */
export async function findHosts(hosts: readonly StackHost[], owner: ServiceId): Promise<FoundHosts> {
  const found: FoundHosts = { there: [], away: [] };
  const proxy = containerName(owner, "proxy");
  const ask = ({ docker }: StackHost) =>
    Promise.all([readServing(docker, proxy), readContainers(docker, owner)]).catch((error: Error) => error);
  const answers = await Promise.all(hosts.map(ask));
  for (const [at, { name = "", docker, host }] of hosts.entries()) {
    const answer = answers[at] ?? new Error("it was not asked");
    const away = (problem: string, mend?: AwayHost["mend"]) =>
      found.away.push({ name, problem, ...(mend && { mend }), ...(host !== undefined && { host }) });
    if (answer instanceof Error) {
      if (isGone(answer)) away("has no proxy");
      else if (/is not running/.test(answer.message)) away(`serves nobody: ${proxy} does not run there`, "run");
      else away(`does not answer: ${quotedWords(answer.message)}`, "ask");
    } else {
      const [serving, { slots }] = answer;
      if (serving === undefined) away("serves nobody yet");
      else found.there.push({ name, docker, found: { serving, slots } });
    }
  }
  return found;
}

/** Where the public of several hosts goes, and on which ones it does. */
export interface HostsWay {
  /** Undefined for the color that served before. */
  to: Color | undefined;
  /** None where all are there already. */
  hosts: readonly ThereHost[];
  away: readonly AwayHost[];
}

/**
 * Returns where the public of several hosts goes back to. Where only some of them went back before, the others follow them; a host that
 * has no way back holds up none of the others.
 *
 * @throws Stop where none can go, or where they serve different colors and nobody says which one is meant.
 */
export function wayOfHosts({ there, away }: FoundHosts, asked: Asked): HostsWay {
  const to = asked.to ?? commonTarget(there, asked.commands);
  const hosts: ThereHost[] = [];
  const refused: { host: ThereHost; refusal: Refusal }[] = [];
  for (const host of there) {
    try {
      if (wayBack(host.found, { ...asked, to }) !== undefined) hosts.push(host);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.push({ host, refusal: error });
    }
  }
  const [first] = refused;
  if (hosts.length === 0 && first !== undefined) {
    const { host, refusal } = first;
    throw refused.length === there.length ? refusal : new Refusal(`${host.name}: ${refusal.message}`, refusal.next);
  }
  const unready = refused.map(({ host: { name }, refusal }): AwayHost => {
    return { name, problem: `has no way back (${refusal.message.replace(". Nothing was changed", "")})`, mend: "run" };
  });
  return { to, hosts, away: [...away, ...unready] };
}

/** The color that some hosts went back to, where the others did not; undefined where all serve alike. */
function commonTarget(there: readonly ThereHost[], commands: Commands): Color | undefined {
  const all = there.map(({ found: { serving } }) => serving);
  if (new Set(all.map(({ color, canaryPercent }) => `${color} ${canaryPercent > 0}`)).size < 2) return undefined;
  // Of hosts that serve one color some have a canary still: all of its visitors go back to that color.
  const wentBack = all.filter(({ color, record }) => record.putBack?.from === other(color));
  const [color, another] = new Set((wentBack.length > 0 ? wentBack : all).map((serving) => serving.color));
  if (color !== undefined && another === undefined) return color;
  const seen = there.map(({ name, found }) => `${name} serves ${found.serving.color}`).join(", ");
  throw new CantTellError(`The hosts don't agree (${seen}): where to?`, [
    { purpose: "take all to blue", command: commands.rollback("blue") },
    { purpose: "take all to green", command: commands.rollback("green") },
  ]);
}

/** The error where no host can take part. */
export const nobodyThere = (away: readonly AwayHost[], commands: Commands): CantTellError =>
  new CantTellError(`${away.map(wordsOf).join("; ")}. Nothing was changed`, [
    ...away.slice(0, 3).flatMap(({ name, host, mend }) => {
      const { docker } = commandsFor(undefined, host);
      return mend === "ask" ? [{ purpose: `ask ${name} again`, command: docker("version") }] : [];
    }),
    { purpose: "see what is known", command: commands.status() },
  ]);

/** Says before it begins which hosts are left out. */
export function leftOut({ hosts, away }: HostsWay): string[] {
  const names = hosts.map(({ name }) => name).join(", ");
  return hosts.length === 0 ? [] : away.map((host) => `${wordsOf(host)}: the public goes back on ${names} without it`);
}

/** Says at the end what to type for the hosts that were left out; nothing where there are none, or nothing of the stack is on them. */
export function whatIsLeft(away: readonly AwayHost[], to: Color | undefined, commands: Commands): string[] {
  const ask = away.filter(({ mend }) => mend === "ask").map(({ name }) => name);
  const run = away.filter(({ mend }) => mend === "run").map(({ name }) => name);
  return [
    ...(ask.length === 0
      ? []
      : [`Not on ${ask.join(", ")}, which did not answer. Next, once that is back: ${commands.rollback(to)}`]),
    ...(run.length === 0 ? [] : [`Not on ${run.join(", ")}. Next, to make that ready: ${commands.up()}`]),
  ];
}

/** A host that answered at first, and not when the public was about to move. */
export const awayAfter = ({ host, error }: MissedHost): AwayHost => ({
  name: host,
  problem: `does not answer: ${quotedWords(error.message)}`,
  mend: "ask",
});

const wordsOf = ({ name, problem }: AwayHost): string => `${name} ${problem}`;
