import { type Host, OWN_ENGINE } from "../service/hosts";
import { LABEL, type ServiceId } from "../service/names";
import type { UnknownWorld, World } from "../service/world";
import { mountsIn } from "../settings/container/volumes";
import type { Settings } from "../settings/settings";
import { blocksOf } from "../workers";
import type { Part } from "./situation";
import { isProxy, type StatePart } from "./stateProblem";

/** A service on one of its hosts, or on the stack's own engine alone. */
export interface HostSituation {
  host?: Host;
  owner: ServiceId;
  settings: Settings;
  world: World | UnknownWorld;
  state?: readonly StatePart[] | undefined;
  /** Which engine answers there, as it says itself; undefined where it doesn't, or was not asked. */
  engineId?: string | undefined;
}

/** Decides what one host alone can't tell: which hosts come and go, and whether each is the engine that it was. */
export function decideHosts(hosts: readonly HostSituation[]): Part {
  return {
    refusals: [...sameEngines(hosts), ...hosts.flatMap(movedEngine), ...gone(hosts, true)],
    warnings: [...gone(hosts, false), ...ownVolumes(hosts), ...ownAddress(hosts)],
    notes: newHosts(hosts),
  };
}

/** What the state has of this service, on whatever host. */
const partsOf = ({ owner, state = [] }: HostSituation): StatePart[] =>
  state.filter((part) => isProxy(part) && part.labels[LABEL.service] === owner.service);

/** How people call a host of the state's: its name, or the stack's own engine. */
const called = ({ host }: Pick<StatePart, "host">): string =>
  host === undefined ? "the stack's own engine" : `the host ${host.name}`;

/** Refuses two names for one engine, which addresses alone don't tell. */
function sameEngines(hosts: readonly HostSituation[]): string[] {
  const names = new Map<string, string>();
  return hosts.flatMap(({ host, engineId }) => {
    if (host === undefined || engineId === undefined) return [];
    const first = names.get(engineId);
    names.set(engineId, first ?? host.name);
    if (first === undefined) return [];
    return [
      `The hosts ${first} and ${host.name} are one engine (${engineId}), on which each would take the other's names and ports. Nothing was touched. ` +
        `Next: pulumi config rm --path hosts.${host.name}`,
    ];
  });
}

/** Refuses a host that is another engine than the state believes: Pulumi would leave what is gone, or make what is there. */
function movedEngine(situation: HostSituation): string[] {
  const { host, owner, world } = situation;
  if (host === undefined || "unknown" in world) return [];
  const proxies = partsOf(situation);
  const here = world.proxy?.id;
  const holder = proxies.find(({ id }) => id === here);
  if (holder !== undefined && holder.host?.name !== owner.host) {
    const name = holder.host?.name ?? host.name;
    const address = holder.host === undefined ? OWN_ENGINE : host.address;
    return [
      `The host ${host.name} is ${called(holder)} in Pulumi's state: this run would make everything there again, beside what serves. Nothing was touched. ` +
        `Next: ${name === host.name ? "" : `pulumi config rm --path hosts.${host.name} && `}pulumi config set --path hosts.${name} ${address}`,
    ];
  }
  const before = proxies.find((part) => part.host !== undefined && part.host.name === owner.host);
  const was = before?.host?.address;
  if (was === undefined || was === host.address || before?.id === here) return [];
  return [
    `The host ${host.name} was at ${was}. At ${host.address} is another engine, which has none of its containers, and Pulumi would believe that they are there. ` +
      `Nothing was touched. Next: pulumi config set --path hosts.${host.name} ${was}; another machine gets a name of its own in hosts`,
  ];
}

/** Returns how people call the hosts that the state has and that this run takes away. */
export function hostsGone(hosts: readonly HostSituation[]): string[] {
  const names = new Set(hosts.map(({ owner }) => owner.host));
  return proxiesOf(hosts)
    .filter(({ host }) => !names.has(host?.name))
    .map(called);
}

const proxiesOf = ([lead]: readonly HostSituation[]): StatePart[] => (lead === undefined ? [] : partsOf(lead));

/** Hosts that serve and that this run takes away: refused where none stays that serves. */
function gone(hosts: readonly HostSituation[], refuses: boolean): string[] {
  const going = hostsGone(hosts);
  if (going.length === 0 || refuses === going.length < proxiesOf(hosts).length) return [];
  const list = going.join(", ");
  if (refuses) {
    return [
      `This run would take away what serves now, on ${list}, and no host stays that serves. Nothing was touched. Next: keep it in hosts beside the ` +
        "others, pulumi up, lead the visitors to those, and take it out in a run after that",
    ];
  }
  return [
    `${list} is no longer in hosts: at the end of this run its proxy answers what it has begun, and all of it is removed. Whoever is led ` +
      "there still gets no answer: lead the visitors to the other hosts first.",
  ];
}

/** Says which hosts come to those that serve. */
function newHosts(hosts: readonly HostSituation[]): string[] {
  const serves = ({ world }: HostSituation) => !("unknown" in world) && world.serving !== undefined;
  if (!hosts.some(serves)) return [];
  return hosts.flatMap(({ host, world, settings: { activeColor } }) => {
    if (host === undefined || "unknown" in world || world.proxy !== undefined) return [];
    return [
      `The host ${host.name} comes to the others, with ${activeColor}: lead visitors to it when this run has ended well.`,
    ];
  });
}

/** Says of named volumes that each host has its own. */
function ownVolumes(hosts: readonly HostSituation[]): string[] {
  const [lead] = hosts;
  if (lead === undefined || hosts.length < 2) return [];
  const blocks = [lead.settings.container ?? {}, ...blocksOf(lead.settings)];
  const named = new Set(blocks.flatMap(mountsIn).flatMap(({ type, source }) => (type === "volume" ? [source] : [])));
  if (named.size === 0) return [];
  return [
    `Each host has its own volume ${[...named].join(", ")}: what is written on one host, the others don't see. What visitors save belongs in a ` +
      "database or a store that all hosts reach.",
  ];
}

/** Says of an address that it is one machine's. */
function ownAddress(hosts: readonly HostSituation[]): string[] {
  const { bindAddress } = hosts[0]?.settings ?? { bindAddress: "" };
  const isEverywhere = ["0.0.0.0", "::", "::1"].includes(bindAddress) || bindAddress.startsWith("127.");
  if (hosts.length < 2 || isEverywhere) return [];
  return [
    `bindAddress is ${bindAddress}, which one machine has as a rule: on the others the proxy could not be made. ` +
      "Next, for all addresses of each host: pulumi config set bindAddress 0.0.0.0",
  ];
}
