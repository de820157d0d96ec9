import type { Host } from "../service/hosts";
import { logicalName, OWN_SERVICE, type ServiceId } from "../service/names";
import type { UnknownWorld } from "../service/world";
import type { Settings } from "../settings/settings";
import { type HostSituation, hostsGone } from "./hostChanges";
import type { Part } from "./situation";
import { isProxy, type StateResource } from "./stateProblem";

/** What is decided for a host whose engine does not answer: all of it stays as Pulumi's state has it. */
export interface MissingHost {
  /** What the state has of the host, seen from its component, or from the service's on the stack's own engine; nothing where it was never there. */
  missing: readonly StateResource[];
}

/** A service on a host, with all that the state has of the stack. */
export interface MissingSituation extends HostSituation {
  resources?: readonly StateResource[] | undefined;
}

/** The custom resources that this program declares for a host. */
export const HOST_TYPES = [
  "docker:index/network:Network",
  "docker:index/volume:Volume",
  "docker:index/remoteImage:RemoteImage",
  "docker:index/container:Container",
  "command:local:Command",
] as const;
export type HostType = (typeof HOST_TYPES)[number];

const SERVICE = "blue-green:index:BlueGreen";
const HOST = "blue-green:index:Host";
const CUTOVER = "blue-green:index:Cutover";
const OURS = "blue-green:";

/** Reports whether a plan is that of a host which does not answer. */
export const isMissing = (plan: object): plan is MissingHost => "missing" in plan;

/** A host that was asked in vain. */
type Silent = MissingSituation & { host: Host; world: UnknownWorld };

/** Reports whether a host's engine did not answer when the world was read. */
const isSilent = (place: MissingSituation): place is Silent => place.host !== undefined && "unknown" in place.world;

/**
 * Decides whether a run goes on without the hosts whose engines do not answer (setting `allowMissingHosts`). Nothing of such a host is made,
 * changed or deleted.
 *
 * @param places all hosts, the lead first.
 * @param preview whether this is a preview, which goes on without engines anyway where they are too many.
 * @returns what is to be said, and the hosts that the run goes on without.
 */
export function decideMissingHosts<Place extends MissingSituation>(
  places: readonly Place[],
  preview: boolean,
): { part: Part; without: ReadonlyMap<Place, MissingHost> } {
  const silent = places.filter(isSilent) as (Place & Silent)[];
  const allowed = places[0]?.settings.allowMissingHosts ?? 0;
  if (silent.length > allowed || silent.length === places.length) {
    return {
      part: { refusals: preview ? [] : silent.map((place) => refusal(place, silent, places)) },
      without: new Map(),
    };
  }
  const without = new Map(silent.map((place) => [place, { missing: keptOf(place) }]));
  return {
    part: {
      refusals: silent
        .flatMap((place) => keepingProblem(place))
        .concat(silent.length > 0 ? goneBeside(places, silent) : []),
      warnings: silent.map((place) => warning(place, without.get(place)?.missing ?? [], places)),
    },
    without,
  };
}

const namesOf = (places: readonly Silent[]): string => places.map(({ host }) => host.name).join(", ");

/** An engine's own words begin with the client's, and end as a line does. */
const wordsOf = ({ world: { reason } }: Silent): string => reason.trim().replace(/\.$/, "");

function refusal(place: Silent, silent: readonly Silent[], places: readonly MissingSituation[]): string {
  const { host } = place;
  const engine =
    host.address === undefined
      ? "It is looked for at docker:host, DOCKER_HOST or the local socket, and not at the docker client's current context. " +
        "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version"
      : `Next: DOCKER_HOST=${host.address} docker version`;
  const them = silent.length === 1 ? "it" : `them (${namesOf(silent)})`;
  const without =
    silent.length < places.length
      ? `; or go on without ${them}: pulumi config set allowMissingHosts ${silent.length} && pulumi up`
      : "";
  return (
    `${host.name}: No Docker Engine answered: ${wordsOf(place)}. Nothing was touched, on no host. ${engine}; ` +
    `then, when it answers: pulumi up${without}`
  );
}

/** Why a host can't be kept as it is: what it has must be known, and at the address that is set. */
function keepingProblem({ host, owner, state = [], resources }: Silent): string[] {
  if (resources === undefined) {
    return [
      `${host.name} does not answer, and Pulumi's state can't be read: what the host has can't be kept as it is. Nothing was touched. Next: pulumi stack export`,
    ];
  }
  const was = state.find((part) => isProxy(part) && part.host !== undefined && part.host.name === owner.host)?.host
    ?.address;
  if (was === undefined || was === host.address) return [];
  return [
    `${host.name} was at ${was}, and no Docker Engine answers at ${host.address}: whether it is the same one can't be told. Nothing was touched. ` +
      `Next: pulumi config set --path hosts.${host.name} ${was}`,
  ];
}

/** Refuses to take hosts away while others are missing: nobody knows whether those serve, or are the ones that go under another name. */
function goneBeside(places: readonly MissingSituation[], silent: readonly Silent[]): string[] {
  const going = hostsGone(places);
  if (going.length === 0) return [];
  return [
    `This run would take away what is on ${going.join(", ")} while ${namesOf(silent)} does not answer, so that nobody knows who serves then. ` +
      "Nothing was touched. Next: put it back into hosts until all of them answer, then: pulumi up",
  ];
}

function warning(place: Silent, kept: readonly StateResource[], places: readonly MissingSituation[]): string {
  const { host, settings } = place;
  const seen = `${host.name} does not answer (${wordsOf(place)})`;
  const allowed = `(allowMissingHosts ${settings.allowMissingHosts})`;
  if (kept.length === 0) {
    return `${seen}, and Pulumi's state has nothing there: it is left out ${allowed}. The first \`pulumi up\` that reaches it makes it.`;
  }
  const lead = place === places[0] ? leadWords(settings) : "";
  return `${seen}: it keeps what it has and serves what it served ${allowed}.${lead} The first \`pulumi up\` that reaches it puts it right.`;
}

/** What is the lead's alone. Nobody knows whether it runs there. */
function leadWords({ workers = {}, jobs = {} }: Settings): string {
  const own = [
    ...(Object.keys(workers).length > 0 ? [`workers (${Object.keys(workers).join(", ")})`] : []),
    ...(Object.keys(jobs).length > 0 ? [`jobs (${Object.keys(jobs).join(", ")})`] : []),
  ];
  return own.length === 0
    ? ""
    : ` It is the lead: its ${own.join(" and ")} stay there, and none of them runs elsewhere meanwhile.`;
}

/** Returns what the state has of a host, with the types from the component that all of the host stands below. */
function keptOf({ owner, resources = [] }: Silent): StateResource[] {
  const base = owner.host === undefined ? SERVICE : HOST;
  return resources.flatMap((resource) => {
    const types = resource.types.slice(resource.types.indexOf(base) + 1);
    const isBelow = resource.types.includes(base) && types.length > 0;
    return isBelow && isOfHost(types, resource.name, owner) ? [{ ...resource, types }] : [];
  });
}

/** Reports whether something below that component is of this host: not another one, nor the cutover, nor what a program added. */
function isOfHost(types: readonly string[], name: string, owner: ServiceId): boolean {
  const [first = ""] = types;
  const last = types.at(-1) ?? "";
  if ([HOST, CUTOVER].includes(first)) return false;
  const isOurs = types.slice(0, -1).every((type) => type.startsWith(OURS));
  if (!isOurs || !(last.startsWith(OURS) || (HOST_TYPES as readonly string[]).includes(last))) return false;
  const { host, service } = owner;
  return (host === undefined && name === (service ?? OWN_SERVICE)) || name.startsWith(logicalName(owner, ""));
}
