import { hide } from "../../stacks/text/hide";
import { configurationRows } from "./configurationRows";
import { containerRows, extraRows, mendOf } from "./containerRows";
import type { Step } from "./preview";
import { type Facts, type Mend, partOf, type Row, short } from "./row";
import { type DeclaredImage, nameOf } from "./state";

/** All differences, in the order in which the stack is built. */
export function rowsOf(facts: Facts): Row[] {
  const rows = [
    ...facts.declared.unfinished.map(unfinishedRow),
    ...networkRows(facts),
    ...volumeRows(facts),
    ...facts.declared.images.flatMap((image) => imageRows(image, facts)),
    ...facts.declared.containers.flatMap((container) => containerRows(container, facts)),
    ...extraRows(facts),
    ...configurationRows(facts),
  ];
  const known = new Set(rows.map(({ resource }) => resource));
  rows.push(...stepRows(facts, known));
  return rows.map((row) => ({ ...row, ...hidden(row, facts.declared.secrets) }));
}

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

function networkRows({ declared: { network }, running }: Facts): Row[] {
  if (network === undefined) return [];
  const [found] = running.networks.filter(({ Name }) => Name === network.name);
  const extra = running.networks.filter(({ Name, Id }) => Name !== network.name && Id !== network.id);
  return [
    ...namedRows("network", network, found && { id: found.Id, labels: found.Labels ?? {} }),
    ...extra.map(({ Name }) => extraRow("network", Name)),
  ];
}

function volumeRows({ declared: { volume }, running }: Facts): Row[] {
  if (volume === undefined) return [];
  const [found] = running.volumes.filter(({ Name }) => Name === volume.name);
  const extra = running.volumes.filter(({ Name }) => Name !== volume.name);
  return [
    ...namedRows("volume", volume, found && { id: found.Name, labels: found.Labels ?? {} }),
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
  kind: "network" | "volume",
  declared: { urn: string; id: string; labels: Record<string, string> },
  found: { id: string; labels: Record<string, string> } | undefined,
): Row[] {
  const why = `every container is on the ${kind}: only a new stack mends it, which the public notices`;
  const mend: Mend = { by: "hand", why, command: { typed: "pulumi destroy && pulumi up" } };
  const row = (what: string, says: string | undefined, runs: string | undefined): Row => ({
    ...{ resource: kind, what, declared: says, runs, mend },
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
        : { by: "hand", why: `${why}: put another release on the color`, command: { typed: "npm run status" } };
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
function stepRows(facts: Facts, known: Set<string>): Row[] {
  const rows: Row[] = [];
  const { refreshed, pending, refused, declared, owner } = facts;
  const resourceOf = ({ urn, type }: Step) => {
    const container = declared.containers.find((each) => each.urn === urn);
    if (container !== undefined) return partOf(owner, container.name);
    const kind = { RemoteImage: "image ", Command: "", Container: "", Network: "", Volume: "" }[
      type.split(":").at(-1) ?? ""
    ];
    if (type.endsWith(":Network")) return "network";
    if (type.endsWith(":Volume")) return "volume";
    return `${kind ?? ""}${nameOf(urn)}`;
  };
  for (const step of refreshed) {
    const resource = resourceOf(step);
    if (known.has(resource)) continue;
    const container = declared.containers.find(({ urn }) => urn === step.urn);
    const mend: Mend = container === undefined ? { by: "refresh" } : mendOf(container, facts);
    rows.push({
      resource,
      what: step.reasons.join(", ") || step.op,
      declared: "as in the state",
      runs: "changed",
      mend,
    });
  }
  const drifted = new Set([...known, ...rows.map(({ resource }) => resource)]);
  for (const step of pending) {
    const resource = resourceOf(step);
    const isConsequence = step.type.endsWith(":Command")
      ? drifted.has("nginx")
      : drifted.has(resource) || drifted.has(resource.replace(/^image /, ""));
    if (isConsequence) continue;
    const why = step.reasons.length === 0 ? "" : ` (${step.reasons.join(", ")})`;
    rows.push({
      resource,
      what: "not carried out yet",
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
