import { hide } from "../../stacks/text/hide";
import { configurationRows } from "./configurationRows";
import { containerRows, extraRows, mendOf } from "./containerRows";
import type { Step } from "./preview";
import { type Compared, called, type Facts, type Mend, NOT_CARRIED_OUT, partOf, type Row, short } from "./row";
import { type DeclaredImage, isKept, nameOf } from "./state";

/** All differences, in the order in which the stack is built. */
export function rowsOf(compared: Compared): Row[] {
  const { services } = compared;
  const { unfinished = [], secrets = [] } = services[0]?.declared ?? {};
  const rows = [...unfinished.map(unfinishedRow), ...services.flatMap(serviceRows)];
  const known = new Set(rows.map(({ resource }) => resource));
  rows.push(...stepRows(compared, known));
  return rows.map((row) => ({ ...row, ...hidden(row, secrets) }));
}

/** What is no service's own, and so stands in the way of each. */
const OF_ALL = ["state", "settings"];

/** Reports whether a difference is told where one service was asked for. */
export const isAbout = (row: Row, service: string | undefined): boolean =>
  service === undefined || row.service === service || OF_ALL.includes(row.resource);

/** The differences of one service, or of the gateway. */
const serviceRows = (facts: Facts): Row[] => {
  const { service } = facts.owner;
  return [
    ...networkRows(facts),
    ...volumeRows(facts),
    ...facts.declared.images.flatMap((image) => imageRows(image, facts)),
    ...facts.declared.containers.flatMap((container) => containerRows(container, facts)),
    ...extraRows(facts),
    ...configurationRows(facts),
  ].map((row) => ({ ...row, ...(service !== undefined && { service }) }));
};

const hidden = ({ what, declared, runs }: Row, secrets: string[]) => ({
  what: hide(secrets, what),
  declared: declared === undefined ? undefined : hide(secrets, declared),
  runs: runs === undefined ? undefined : hide(secrets, runs),
});

const unfinishedRow = (operation: string): Row => ({
  resource: "state",
  what: "a run that was cut off",
  declared: "none",
  runs: operation,
  mend: { by: "refresh" },
});

function networkRows(facts: Facts): Row[] {
  const { network } = facts.declared;
  const { running } = facts;
  if (network === undefined) return [];
  const [found] = running.networks.filter(({ Name }) => Name === network.name);
  const extra = running.networks.filter(({ Name, Id }) => Name !== network.name && Id !== network.id);
  return [
    ...namedRows(facts, "network", network, found && { id: found.Id, labels: found.Labels ?? {} }),
    ...extra.map(({ Name }) => extraRow("network", Name)),
  ];
}

function volumeRows(facts: Facts): Row[] {
  const { volume, data = [] } = facts.declared;
  const { running } = facts;
  const gone = data
    .filter(({ name }) => !running.volumes.some(({ Name }) => Name === name))
    .map(
      ({ name }): Row => ({
        ...{ resource: `volume ${name}`, what: "volume", declared: short(name), runs: "gone" },
        mend: { by: "refresh" },
      }),
    );
  if (volume === undefined) return gone;
  const [found] = running.volumes.filter(({ Name }) => Name === volume.name);
  // What users saved stays on the engine when nothing names it any more.
  const extra = running.volumes.filter(({ Name, Labels }) => Name !== volume.name && !isKept({ labels: Labels ?? {} }));
  return [
    ...gone,
    ...namedRows(facts, "volume", volume, found && { id: found.Name, labels: found.Labels ?? {} }),
    ...extra.map(({ Name }) => extraRow("volume", Name)),
  ];
}

const extraRow = (kind: "network" | "volume", name: string): Row => ({
  resource: `${kind} ${name}`,
  what: kind,
  declared: undefined,
  runs: "there",
  mend: {
    by: "hand",
    why: "it carries the stack's labels, and Pulumi did not make it",
    command: { docker: [kind, "rm", name] },
  },
});

/** A network or volume: all containers are on it, so that nothing but a new stack brings another one. */
function namedRows(
  facts: Facts,
  kind: "network" | "volume",
  declared: { urn: string; id: string; labels: Record<string, string> },
  found: { id: string; labels: Record<string, string> } | undefined,
): Row[] {
  const why = `every container is on the ${kind}: only a new stack mends it, which the public notices`;
  const mend: Mend = { by: "hand", why, command: { typed: "pulumi destroy && pulumi up" } };
  const row = (what: string, says: string | undefined, runs: string | undefined): Row => ({
    ...{ resource: called(facts, kind), what, declared: says, runs, mend },
  });
  if (found === undefined) return [row(kind, short(declared.id), "gone")];
  const names = [...new Set([...Object.keys(declared.labels), ...Object.keys(found.labels)])].sort();
  return [
    ...(found.id === declared.id ? [] : [row("id", short(declared.id), short(found.id))]),
    ...names
      .filter((name) => declared.labels[name] !== found.labels[name])
      .map((name) => {
        const runs = found.labels[name];
        const shown = runs === undefined || name.startsWith("blue-green.") ? runs : "set";
        return row(`label ${name}`, declared.labels[name], shown);
      }),
  ];
}

/** An image is what it was, and is found by its name. */
function imageRows({ part, name, imageId }: DeclaredImage, { running }: Facts): Row[] {
  const named = running.images.get(name);
  if (named?.Id === imageId) return [];
  const there = running.images.has(imageId);
  const byDigest = name.includes("@");
  const why = there ? "" : `the image ${short(imageId)} is gone from the engine`;
  const mend: Mend =
    there && !byDigest
      ? { by: "docker", args: ["tag", imageId, name] }
      : byDigest
        ? { by: "docker", args: ["pull", name] }
        : { by: "hand", why: `${why}: put another release on the color`, command: { status: true } };
  return [
    {
      resource: `image ${part}`,
      what: "id by its name",
      declared: short(imageId),
      runs: named === undefined ? "gone" : short(named.Id),
      mend,
    },
  ];
}

/** What Pulumi finds beside all that: the resources of which there is no row yet. */
function stepRows({ services, refreshed, pending, refused }: Compared, known: Set<string>): Row[] {
  const rows: Row[] = [];
  const declared = new Map(services.flatMap((facts) => declaredParts(facts).map((part) => [part.urn, part] as const)));
  const partOfStep = ({ urn, type }: Step): Omit<Part, "urn"> =>
    declared.get(urn) ?? { resource: `${kindOf(type)}${nameOf(urn)}`, ...serviceNamed(services, nameOf(urn)) };
  for (const step of refreshed) {
    const { resource, service, mend = { by: "refresh" } } = partOfStep(step);
    if (known.has(resource)) continue;
    rows.push({
      ...{ resource, ...(service !== undefined && { service }) },
      what: step.reasons.join(", ") || step.op,
      declared: "as in the state",
      runs: "changed",
      mend,
    });
  }
  const drifted = new Set([...known, ...rows.map(({ resource }) => resource)]);
  for (const step of pending) {
    const { resource, service, follows = resource.replace(/^image /, "") } = partOfStep(step);
    if (drifted.has(resource) || drifted.has(follows)) continue;
    const why = step.reasons.length === 0 ? "" : ` (${step.reasons.join(", ")})`;
    rows.push({
      ...{ resource, ...(service !== undefined && { service }) },
      what: NOT_CARRIED_OUT,
      declared: `${step.op}${why}`,
      runs: "as before",
      mend: { by: "up" },
    });
  }
  if (refused !== undefined) {
    rows.push({
      resource: "settings",
      what: "pulumi preview",
      declared: "possible",
      runs: "refused",
      mend: { by: "hand", why: refused, command: { typed: "pulumi preview" } },
    });
  }
  return rows;
}

/** A resource that is declared: what the table calls it, and what mends it where that is not a refresh. */
interface Part {
  urn: string;
  resource: string;
  service?: string;
  mend?: Mend;
  /** The resource whose differences have it changed as well. */
  follows?: string;
}

function declaredParts(facts: Facts): Part[] {
  const { owner, declared } = facts;
  const part = (urn: string, resource: string, more: Pick<Part, "mend" | "follows"> = {}): Part => ({
    ...{ urn, resource, ...(owner.service !== undefined && { service: owner.service }), ...more },
  });
  const follows = called(facts, "nginx");
  const { network, volume, cutover, routes } = declared;
  return [
    ...declared.containers.map((each) => part(each.urn, partOf(owner, each.name), { mend: mendOf(each, facts) })),
    ...(network === undefined ? [] : [part(network.urn, called(facts, "network"))]),
    ...(volume === undefined ? [] : [part(volume.urn, called(facts, "volume"))]),
    ...(declared.data ?? []).map(({ urn, name }) => part(urn, `volume ${name}`)),
    ...[cutover, routes].flatMap((command) =>
      command === undefined ? [] : [part(command.urn, nameOf(command.urn), { follows })],
    ),
  ];
}

/** The service that a resource's name begins with. */
function serviceNamed(services: readonly Facts[], name: string): { service?: string } {
  const fitting = services.flatMap(({ owner }) => owner.service ?? []).filter((each) => name.startsWith(`${each}-`));
  const [service] = fitting.sort((a, b) => b.length - a.length);
  return service === undefined ? {} : { service };
}

/** How the table calls what has no other name there than the program's. */
const kindOf = (type: string): string =>
  type.endsWith(":RemoteImage") ? "image " : type.endsWith(":Volume") ? "volume " : "";
