import type { Host } from "../../stacks/service/hosts";
import { CONTAINER } from "./changes";
import type { Step } from "./events";
import { type Text, text } from "./text";

/** What stands in a resource's name for Pulumi where it is on a host with an address of its own (stacks/serviceHost.ts). */
const HOST = "blue-green:index:Host$";

/** The hosts of a stack, as its file has them: none where it is on one engine. */
export type Hosts = readonly Host[];

/** Hosts that come or go with all that is on them. */
export interface HostChanges {
  added: string[];
  removed: string[];
  /** The steps that are of none of these. */
  others: readonly Step[];
}

/** Returns ` on 3 hosts (a, b, c)`; nothing where there is one alone. Their names are letters and digits. */
export const onHosts = (hosts: Hosts): Text =>
  hosts.length < 2 ? [] : [` on ${hosts.length} hosts (${hosts.map(({ name }) => name).join(", ")})`];

/** Tells apart the steps of hosts that come or go as a whole. */
export function hostChanges(steps: readonly Step[], hosts: Hosts): HostChanges {
  const places = new Map<string, Step[]>();
  for (const step of steps) {
    const place = placeOf(step, hosts);
    if (place !== undefined) places.set(place, [...(places.get(place) ?? []), step]);
  }
  const whole = (op: Step["op"]) =>
    [...places]
      .filter(([, of]) => of.every((step) => step.op === op) && of.some(isProxy))
      .map(([name]) => name)
      .sort();
  const added = whole("create");
  const removed = whole("delete");
  // In a first run all of them come.
  const come = hosts.every(({ name }) => added.includes(name)) ? [] : added;
  const gone = [...come, ...removed].flatMap((name) => places.get(name) ?? []);
  return { added: come, removed, others: steps.filter((step) => !gone.includes(step)) };
}

/** Says what comes and goes. */
export const hostLines = ({ added, removed }: HostChanges): Text[] => [
  ...added.map((name) => text`${name} is added: all that is there is created, and its proxy opens on the live color`),
  ...removed.map((name) => text`${name} is removed, with all that is there: whoever is led to it gets no answer`),
];

/** Returns each line once, with the hosts that it is of where it isn't of all of them. */
export function linesOnHosts(lines: readonly { step: Step; line: Text }[], hosts: Hosts): Text[] {
  if (hosts.length === 0) return lines.map(({ line }) => line);
  const places = new Map<string, { line: Text; names: Set<string> }>();
  for (const { step, line } of lines) {
    const known = places.get(JSON.stringify(line)) ?? { line, names: new Set() };
    const place = placeOf(step, hosts);
    if (place !== undefined) known.names.add(place);
    places.set(JSON.stringify(line), known);
  }
  return [...places.values()].map(({ line, names }) => {
    const isEverywhere = names.size === 0 || hosts.every(({ name }) => names.has(name));
    return isEverywhere ? line : text`${line} on ${[...names].sort().join(", ")}`;
  });
}

/** The host that a step is of; undefined for what is of none, such as the cutover. */
function placeOf({ type, urn }: Step, hosts: Hosts): string | undefined {
  if (!type.startsWith("docker:")) return undefined;
  if (!urn.includes(HOST) && hosts.length === 0) return undefined;
  if (!urn.includes(HOST)) return hosts.find(({ address }) => address === undefined)?.name ?? OWN_PLACE;
  const words = urn.slice(urn.lastIndexOf("::") + 2).split("-");
  // The service's name stands before the host's, where it has one.
  return hosts.find(({ name }) => words.slice(0, -1).includes(name))?.name ?? words[0];
}

/** How the stack's own engine is called where it is no host any more. */
const OWN_PLACE = "the stack's own engine";

const isProxy = ({ type, urn }: Step): boolean => type === CONTAINER && urn.endsWith("proxy");
