import { createHash } from "node:crypto";
import { type Color, other } from "../../stacks/service/color";
import { LABEL, type ServiceId } from "../../stacks/service/names";
import { isFromImage, partOf as stackPart } from "../../stacks/service/ours";
import { GENERATION_PLACEHOLDER, generationOf, type Serving } from "../../stacks/service/serving";
import { hide } from "../../stacks/text/hide";
import { objectIn } from "../../stacks/text/json";
import { type Difference, declaredProperties, differencesBetween, runningProperties } from "./container";
import type { Running, RunningContainer } from "./engine";
import type { Step } from "./preview";
import { type Declared, type DeclaredContainer, type DeclaredImage, nameOf } from "./state";

/** What mends a difference. */
export type Mend =
  /** The resource made anew; `remove` is the container in its way, which carries the stack's labels. */
  | { by: "replace"; urn: string; remove?: string }
  /** A run that carries out what is declared. */
  | { by: "up" }
  /** The same, after the state has been made to say what there is. */
  | { by: "refresh" }
  /** A command of the docker client's that replaces and removes nothing; `start` is the container that comes up by it. */
  | { by: "docker"; args: string[]; start?: string }
  /** What `--fix` does not do: why, and what to type. */
  | { by: "hand"; why: string; command: Command };

/** A command as it is typed on whatever engine and stack this is. */
export type Command =
  | { docker: string[] }
  | { up: string[] }
  | { activate: Color }
  | { endCanary: true }
  | { typed: string };

/** One difference between what is declared and what runs. */
export interface Row {
  /** `green`, `proxy`, `network`, `image green`, ... */
  resource: string;
  what: string;
  /** Undefined where nothing is declared. */
  declared: string | undefined;
  /** Undefined where nothing runs. */
  runs: string | undefined;
  mend: Mend;
}

/** All that is compared. */
export interface Facts {
  owner: ServiceId;
  declared: Declared;
  running: Running;
  /** What the proxy says; undefined where it does not run or serves nothing. */
  serving: Serving | undefined;
  /** nginx's configuration on the volume, and the hashes (SHA-256) of the files beside it, by name; where the proxy runs. */
  volume: { configuration: string; files: Record<string, string> } | undefined;
  /** What `pulumi refresh` found changed, and what `pulumi preview` finds to be done. */
  refreshed: Step[];
  pending: Step[];
  /** Why `pulumi preview` says that the configuration can't be carried out. */
  refused: string | undefined;
  now: Date;
}

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

const short = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);

/** A container's name without what all of the stack's have in common. */
const partOf = ({ project, stack }: ServiceId, name: string): string =>
  name.startsWith(`${project}-${stack}-`) ? name.slice(project.length + stack.length + 2) : name;

const unfinishedRow = (operation: string): Row => ({
  resource: "state",
  what: "a run that was cut off",
  declared: "none",
  runs: operation,
  mend: { by: "refresh" },
});

/** The colors that somebody is on, with who that is: live is the public's, idle may be a canary's or a session's. */
export function visitors({
  serving,
  declared,
  now,
}: Pick<Facts, "serving" | "declared" | "now">): Partial<Record<Color, string>> {
  const live = liveIn({ serving, declared });
  if (live === undefined) return {};
  const idle = other(live);
  const until = (serving?.record.sessions?.[idle].until ?? 0) * 1000;
  const share = serving?.canaryPercent ?? 0;
  return {
    [live]: `${live} is live`,
    ...(until > now.getTime() && { [idle]: `sessions hold on ${idle} until ${new Date(until).toISOString()}` }),
    ...(share > 0 && { [idle]: `${idle} has ${share} % of the new visitors` }),
  };
}

/** Who is live: by the proxy's word, or where it has none by the last cutover. */
export const liveIn = ({ serving, declared }: Pick<Facts, "serving" | "declared">): Color | undefined =>
  serving?.color ?? colorIn(declared.cutover?.configuration ?? "");

/** The color that a configuration makes active. */
export const colorIn = (configuration: string): Color | undefined =>
  /^ *map "" \$active \{$\s*^ *default (blue|green);$/m.exec(configuration)?.[1] as Color | undefined;

/** What mends a container that is not as it is declared, once whoever is on it has left. */
function mendOf({ urn, role, color }: DeclaredContainer, facts: Facts, remove?: string): Mend {
  if (role === "proxy") {
    const why = "the nginx container would be replaced, which the public notices for seconds";
    return { by: "hand", why, command: { up: ["--replace", urn] } };
  }
  const on = color === undefined ? undefined : visitors(facts)[color];
  if (color === undefined || on === undefined) return { by: "replace", urn, ...(remove !== undefined && { remove }) };
  const live = liveIn(facts) === color;
  const why = live
    ? `${on} and is not replaced in front of the public: switch, then fix`
    : `${on} and would lose its container under them: take them off it, then fix`;
  return { by: "hand", why, command: live ? { activate: other(color) } : { endCanary: true } };
}

function containerRows(declared: DeclaredContainer, facts: Facts): Row[] {
  const { running, owner } = facts;
  const resource = partOf(owner, declared.name);
  const retired = isRetired(declared, facts);
  const row = (what: string, says: string, runs: string | undefined, mend: Mend): Row => ({
    ...{ resource, what, declared: says, runs, mend },
  });
  const container = running.containers.find(({ Id }) => Id === declared.id);
  const namesake = running.containers.find(({ Id, Name }) => Id !== declared.id && Name === `/${declared.name}`);
  if (container === undefined && namesake === undefined) {
    // Nobody is on what is not there.
    const mend: Mend = retired ? { by: "up" } : { by: "replace", urn: declared.urn };
    return [row("container", short(declared.id), "gone", mend)];
  }
  if (container === undefined && namesake !== undefined) {
    const ours = stackPart(owner, namesake) !== undefined;
    const why = `the container ${declared.name} is somebody else's, and in the way`;
    const mend: Mend = ours
      ? mendOf(declared, facts, namesake.Id)
      : { by: "hand", why, command: { docker: ["rm", "--force", declared.name] } };
    return [
      row("container", short(declared.id), short(namesake.Id), mend),
      ...(ours ? propertyRows(declared, namesake, mend, facts) : []),
    ];
  }
  if (container === undefined) return [];
  const rows = propertyRows(declared, container, mendOf(declared, facts), facts);
  const { Status = "unknown", ExitCode = 0 } = container.State ?? {};
  if (retired) {
    if (container.State?.Running) rows.unshift(row("state", "stopped while idle", Status, { by: "up" }));
    return rows;
  }
  const start = declared.id;
  if (Status === "paused") {
    rows.unshift(row("state", "running", Status, { by: "docker", args: ["unpause", declared.name], start }));
  } else if (Status === "restarting") {
    const why = `${declared.name} ends again and again`;
    const command = { docker: ["logs", "--tail", "30", declared.name] };
    rows.unshift(row("state", "running", `restarting (${ExitCode})`, { by: "hand", why, command }));
  } else if (Status !== "running") {
    const runs = Status === "created" ? "never started" : `${Status} (${ExitCode})`;
    rows.unshift(row("state", "running", runs, { by: "docker", args: ["start", declared.name], start }));
  }
  return rows;
}

/** Whether the container is stopped on purpose. */
const isRetired = ({ color }: DeclaredContainer, { serving }: Facts): boolean =>
  color !== undefined && serving?.record.retired?.color === color && serving.record.retired.how === "stopped";

function propertyRows(
  declared: DeclaredContainer,
  container: RunningContainer,
  mend: Mend,
  { owner, running }: Facts,
): Row[] {
  const resource = partOf(owner, declared.name);
  const { image: wanted } = declared.inputs;
  const image = running.images.get(String(wanted));
  if (image === undefined) {
    const why = `the image ${short(String(wanted))} that ${resource} is declared with is gone: what its container should be can't be told`;
    const command = { docker: ["image", "ls"] };
    return [
      {
        resource,
        what: "image",
        declared: short(String(wanted)),
        runs: short(container.Image),
        mend: { by: "hand", why, command },
      },
    ];
  }
  const runs = runningProperties(container, running.images.get(container.Image));
  return differencesBetween(declaredProperties(declared, image), runs).map((difference) => ({
    resource,
    ...shownOf(difference, declared),
    mend,
  }));
}

/** Variables that the program itself gives to a container. */
const OWN_VARIABLES = ["COLOR", "PORT", "DRAIN_SECONDS"];

/** Properties of which a hand may have written anything: what runs is not shown, since it could be a secret. */
const FREE = /^(environment|label|command|entrypoint|health check command|log option|extra hosts|sysctls)\b/;

/** A difference without what could be a secret: of an environment only what the settings have as plain is shown. */
function shownOf({ what, declared, runs }: Difference, { labels }: DeclaredContainer): Difference {
  const variable = /^environment (.*)$/s.exec(what)?.[1];
  const { environment } = objectIn(labels[LABEL.slot]) ?? {};
  const plain =
    variable === undefined ||
    OWN_VARIABLES.includes(variable) ||
    (Array.isArray(environment) && environment.includes(variable));
  const isImage = what === "image";
  const text = (value: string) => (isImage ? short(value) : value.replaceAll("\0", " "));
  const free = FREE.test(what) && !what.startsWith("label blue-green.");
  return {
    what,
    declared: declared === undefined ? undefined : plain ? text(declared) : "[not shown]",
    runs: runs === undefined ? undefined : free ? (declared === undefined ? "set" : "another value") : text(runs),
  };
}

/** What carries the stack's labels and is not the stack's. */
function extraRows({ declared, running, owner }: Facts): Row[] {
  const names = new Set(declared.containers.map(({ name }) => `/${name}`));
  const ids = new Set(declared.containers.map(({ id }) => id));
  return running.containers
    .filter(({ Id, Name }) => !ids.has(Id) && !names.has(Name))
    .filter((container) => !isFromImage(owner, container, running.images.get(container.Image)?.Config.Labels))
    .map(({ Id, Name, State }) => ({
      resource: partOf(owner, Name.slice(1)),
      what: "container",
      declared: undefined,
      runs: `${short(Id)}, ${State?.Status ?? "unknown"}`,
      mend: {
        by: "hand",
        why: "it carries the stack's labels, and Pulumi did not make it",
        command: { docker: ["rm", "--force", Name.slice(1)] },
      },
    }));
}

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

/** What nginx serves, by its own word and by the files on its volume. */
function configurationRows({ declared: { cutover }, serving, volume, owner }: Facts): Row[] {
  if (cutover === undefined || serving === undefined) return [];
  const proxy = `${owner.project}-${owner.stack}-proxy`;
  const row = (
    what: string,
    declared: string | undefined,
    runs: string | undefined,
    mend: Mend = { by: "up" },
  ): Row => ({
    ...{ resource: "nginx", what, declared, runs, mend },
  });
  const rows: Row[] = [];
  const color = colorIn(cutover.configuration);
  if (serving.color !== color) rows.push(row("color that is served", color, serving.color));
  if (!serving.answers) {
    const command = { docker: ["logs", "--tail", "30", proxy] };
    rows.push(row("answers", "yes", "no", { by: "hand", why: "nginx does not answer", command }));
  } else if (serving.generation !== generationOf(cutover.configuration)) {
    rows.push(row("configuration that serves", generationOf(cutover.configuration), serving.generation));
  }
  if (volume !== undefined) {
    rows.push(
      ...textRows(cutover.configuration, volume.configuration).map(([what, says]) => row(what, says, "another")),
    );
    for (const [name, content] of Object.entries(cutover.files)) {
      const hash = createHash("sha256").update(content).digest("hex");
      const found = volume.files[name];
      // The cutover writes its files anew each time that it runs.
      if (found !== hash)
        rows.push(
          row(`file ${name}`, "[not shown]", found === undefined ? "gone" : "another", {
            by: "replace",
            urn: cutover.urn,
          }),
        );
    }
  }
  if (serving.answers && serving.health?.well !== true) {
    const why = `${serving.color} is live and does not answer its health path`;
    rows.push(
      row("live's health path", "2xx", serving.health?.seen ?? "not asked", {
        by: "hand",
        why,
        command: { typed: "npm run status" },
      }),
    );
  }
  return rows;
}

/** Where the text on the volume is another than the rendered one: the first line, and how many are within the change. */
function textRows(rendered: string, found: string): [what: string, declared: string | undefined][] {
  const stated = /^ *return 200 "([0-9a-f]{16}) \$active\\n";$/m.exec(found)?.[1];
  const wanted = rendered.trimEnd().split("\n");
  const seen = (stated === undefined ? found : found.replaceAll(stated, GENERATION_PLACEHOLDER)).trimEnd().split("\n");
  let first = 0;
  while (first < wanted.length && first < seen.length && wanted[first] === seen[first]) first++;
  if (first === wanted.length && first === seen.length) return [];
  let last = 0;
  while (last < Math.min(wanted.length, seen.length) - first && wanted.at(-1 - last) === seen.at(-1 - last)) last++;
  const lines = Math.max(wanted.length, seen.length) - first - last;
  return [[`nginx.conf, line ${first + 1}${lines > 1 ? ` to ${first + lines}` : ""}`, wanted[first]?.trim()]];
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
