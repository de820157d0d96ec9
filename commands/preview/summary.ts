import { type Color, other } from "../../stacks/service/color";
import type { Decision } from "../../stacks/service/decision";
import { AGAIN } from "../../stacks/service/missing";
import { plainVariables } from "../../stacks/service/orderVariables";
import { EXIT, type ExitCode } from "../outcome";
import { causesIn } from "../pulumi";
import {
  COMMAND,
  CONTAINER,
  type ConfigurationLine,
  configurationLines,
  containerChanges,
  cutoverChanges,
} from "./changes";
import type { Said, Step } from "./events";
import { type Hosts, hostChanges, hostLines, linesOnHosts, onHosts } from "./hosts";
import { DONE, isGateway, nameOf, requestsOf } from "./requests";
import { type Text, text } from "./text";

/** What a preview comes to, for people. */
export interface Summary {
  stack: string;
  /** In a few words, what this is about. */
  headline: Text;
  entries: Entry[];
  /** Lines of nginx's configuration that go or come. */
  configuration: ConfigurationLine[];
  /** 0 the change may go on; 1 it is refused, or the preview failed; 3 can't tell. */
  exit: ExitCode;
}

/** One point of a summary: a line, or several below its name. */
export interface Entry {
  name: string;
  lines: Text[];
}

/** The most lines of one entry, and of nginx's configuration. */
const MOST_LINES = 40;

/**
 * Sums up what the engine and the program said in a preview. Who is live and why something is refused is the program's own word;
 * what is touched, and so whether requests drop, follows from the engine's steps.
 *
 * @param code the exit code of `pulumi preview`.
 * @param output what it printed besides the diff: all there is to go by where it did not get so far.
 * @param inFile the hosts of the stack's file.
 */
export function summaryOf(
  stack: string,
  said: Said,
  { code, output }: { code: number; output: string },
  inFile: Hosts = [],
): Summary {
  const { decisions, steps } = said;
  const missing = decisions.flatMap((decision) => decision.missing ?? []);
  const hosts = inFile.filter(({ name }) => !missing.includes(name));
  const refusals = refusalsOf(said);
  if (!said.began && code !== 0) {
    const words = causesIn(linesOf(output));
    const lines = (words.length > 0 ? words : [`nothing, and exits with ${code}`]).map((line) => text`${line}`);
    return {
      stack,
      headline: ["can't tell: Pulumi did not come to a preview"],
      entries: entries(["Pulumi says", lines]),
      configuration: [],
      exit: EXIT.unknown,
    };
  }
  const failed = code !== 0 || refusals.length > 0;
  const why = refusals.length > 0 ? refusals : failed ? causesIn(linesOf(output)) : [];
  const warnings: [string, Text[]] = [
    "Warnings",
    all(decisions, "warnings", said.warnings).map((line) => text`${line}`),
  ];
  if (failed) {
    const headline: Text = refusals.length > 0 ? ["refused, nothing is touched"] : ["the preview failed"];
    const reasons: [string, Text[]] = [refusals.length > 0 ? "Refused" : "Failed", why.map((line) => text`${line}`)];
    return { stack, headline, entries: entries(reasons, warnings), configuration: [], exit: EXIT.finding };
  }

  if (decisions.length === 0) {
    const untold: Text[] = [["it can't be told whether any is dropped: the program has not said what it found"]];
    const headline: Text = ["can't tell: the program has not said what it decided"];
    return { stack, headline, entries: entries(["Requests", untold], warnings), configuration: [], exit: EXIT.unknown };
  }

  const changes = hostChanges(steps, hosts);
  const owned = decisions.map((decision) => ({ decision, steps: stepsOf(decision, changes.others, decisions) }));
  const services = owned.flatMap((each) => {
    const own = serviceEntries(each.decision, each.steps, hosts);
    const name = decisions.length > 1 ? `${each.decision.containers.replace(/-$/, "")}: ` : "";
    return own.map((entry) => ({ ...entry, name: `${name}${entry.name}` }));
  });
  const cutovers = steps.filter(({ type }) => type === COMMAND);
  const lines = cutovers.map(configurationLines);
  return {
    stack,
    headline: [...headlineOf(decisions, steps), ...onHosts(hosts)],
    entries: [
      ...services,
      ...entries(
        ["Notes", all(decisions, "notes").map((line) => text`${line}`)],
        warnings,
        ["Hosts", hostLines(changes)],
        ["Settings", settingLines(changes.others)],
        ["Containers", containerLines(changes.others, hosts)],
        ["Also", otherLines(changes.others, hosts)],
        ["nginx's configuration", lines.includes(undefined) ? [["changes in more than can be shown here"]] : []],
      ),
    ],
    configuration: lines.flatMap((each) => each ?? []).slice(0, MOST_LINES),
    exit: EXIT.well,
  };
}

/** The program's refusals in its own words; what else stands in the way, such as bad settings or a policy, as the engine has it. */
function refusalsOf({ decisions, errors }: Said): string[] {
  const own = all(decisions, "refusals");
  const known = new Set(own.flatMap(linesOf));
  return causesIn([...own, ...errors.flatMap(linesOf).filter((line) => !known.has(line))]);
}

const all = (decisions: Decision[], what: "refusals" | "warnings" | "notes", more: string[] = []): string[] => [
  ...new Set([...decisions.flatMap((decision) => decision[what]), ...more]),
];

const linesOf = (output: string): string[] =>
  output
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Points with something to say, each cut to a length that can be read. */
const entries = (...given: [name: string, lines: Text[]][]): Entry[] =>
  given
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) => {
      const more: Text[] = lines.length > MOST_LINES ? [[`and ${lines.length - MOST_LINES} more`]] : [];
      return { name, lines: [...lines.slice(0, MOST_LINES), ...more] };
    });

/**
 * The steps that are of a service: its containers, network and volume by their names, its cutover by what it is given; and those of the
 * gateway, which it is reached through.
 */
export function stepsOf(decision: Decision, steps: readonly Step[], decisions: readonly Decision[]): Step[] {
  const prefixes = decisions.map(({ containers }) => containers);
  const ownerOf = (name: string) =>
    prefixes.filter((prefix) => `${name}-`.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
  return steps.filter((step) => {
    const variables = (step.new.environment ?? step.old.environment ?? {}) as Record<string, unknown>;
    const { PROJECT, STACK, SERVICE } = plainVariables(variables);
    const name = step.type === COMMAND ? [PROJECT, STACK, SERVICE].filter(Boolean).join("-") : nameOf(step);
    return ownerOf(name) === decision.containers || isGateway(step);
  });
}

function headlineOf(decisions: readonly Decision[], steps: readonly Step[]): Text {
  if (decisions.some(({ unknown }) => unknown !== undefined)) return ["can't tell who is live"];
  const moves = decisions.filter(({ live, active }) => live !== undefined && live !== active);
  if (moves.length > 0) return [`${moves.map(({ active }) => active).join(", ")} goes live`];
  if (steps.length === 0) return ["nothing to do"];
  const [first] = decisions;
  if (first === undefined) return ["changes"];
  if (first.live === undefined) return [`begins, with ${first.active}`];
  if (first.canaryPercent.after > 0 && first.canaryPercent.after !== first.canaryPercent.before)
    return [`${first.live} stays live, ${other(first.live)} gets ${first.canaryPercent.after} % of the new visitors`];
  const { before: closed, after: closes } = first.maintenance;
  if (closes !== closed) return [`${first.live} stays live, and maintenance ${closes ? "begins" : "ends"}`];
  return [`${first.live} stays live`];
}

/** What is to be said of one service. */
function serviceEntries(decision: Decision, steps: readonly Step[], hosts: Hosts): Entry[] {
  const requests: [string, Text[]] = ["Requests", [requestsOf(decision, steps, hosts).says]];
  const { live, active, unknown, before, after } = decision;
  if (unknown !== undefined) {
    const asked = text`unknown (${unknown}); asked for is ${active}. What follows is told from Pulumi's state alone`;
    return entries(["Live", [asked]], requests);
  }
  const gets = (color: Color) => text`${color} ${after[color].version}`;
  const was = (color: Color) => text`${color} ${before[color]?.version ?? "(no container)"}`;
  const idle = other(active);
  if (live === undefined) {
    return entries(["Goes live", [text`${gets(active)}; nobody is served now`]], ["Idle", [gets(idle)]], requests);
  }
  const becomes = { running: "stays up", stopped: "is stopped", removed: "is removed" }[decision.idle];
  if (live !== active) {
    return entries(
      ["Goes live", [text`${gets(active)}, in place of ${was(live)}`]],
      ["Becomes idle", [text`${was(live)}; it ${[becomes]}`]],
      requests,
    );
  }
  const version =
    before[live]?.version === after[live].version ? was(live) : text`${was(live)} -> ${after[live].version}`;
  const ended = decision.idle === "running" ? [] : [`, and ${becomes}`];
  const release =
    before[idle]?.version === after[idle].version || after[idle].containers === 0
      ? text`${was(idle)}${ended}`
      : text`${was(idle)} -> ${after[idle].version}${ended}`;
  return entries(["Stays live", [version]], ["Idle", [release]], requests);
}

/** The settings that the run brings to where they take effect: to containers that it makes anew, or to the switch. */
function settingLines(steps: readonly Step[]): Text[] {
  const changes = steps.flatMap((step) => {
    if (step.type === COMMAND) return cutoverChanges(step);
    return isRemade(step) ? containerChanges(step) : [];
  });
  return [...new Set(changes)].map((change) => text`${change}`);
}

/** What becomes of each container, and why. */
function containerLines(steps: readonly Step[], hosts: Hosts): Text[] {
  const lines = steps
    .filter(({ type }) => type === CONTAINER)
    .map((step) => {
      const changes = isRemade(step) ? reasons(step) : [];
      const why = changes.length > 0 ? text` (${changes.join(", ")})` : [];
      return { step, line: text`${nameOf(step)} is ${[DONE[step.op]]}${why}` };
    });
  return linesOnHosts(lines, hosts);
}

const isRemade = ({ type, op }: Step): boolean => type === CONTAINER && (op === "replace" || op === "update");

/** The settings behind a change; where none is, what differs of the resource. */
function reasons(step: Step): string[] {
  const settings = containerChanges(step);
  if (step.differs.includes(AGAIN)) return ["its container is gone"];
  return settings.length > 0 ? settings : step.differs.slice(0, 10);
}

/** Types that stand for nothing on an engine: Pulumi's own, and this program's components. */
const OURS = /^(?:pulumi:|blue-green:)/;

function otherLines(steps: readonly Step[], hosts: Hosts): Text[] {
  const lines = steps
    .filter(({ type }) => type !== CONTAINER && type !== COMMAND && !OURS.test(type))
    .map((step) => {
      const kind = step.type.split(":").at(-1) ?? step.type;
      const was = typeof step.old.name === "string" && step.op === "replace" ? step.old.name : undefined;
      const instead = was === undefined || was === nameOf(step) ? [] : text`, in place of ${was}`;
      return { step, line: text`${kind} ${nameOf(step)} is ${[DONE[step.op]]}${instead}` };
    });
  return linesOnHosts(lines, hosts);
}
