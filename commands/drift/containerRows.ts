import { other } from "../../stacks/service/color";
import { LABEL } from "../../stacks/service/names";
import { isFromImage, isGateway, partOf as stackPart } from "../../stacks/service/ours";
import { isOneOff } from "../../stacks/service/parts";
import { objectIn } from "../../stacks/text/json";
import { type Difference, declaredProperties, differencesBetween, runningProperties } from "./container";
import type { RunningContainer } from "./engine";
import { type Facts, liveIn, type Mend, partOf, type Row, short, visitors } from "./row";
import type { DeclaredContainer } from "./state";

/** What mends a container that is not as it is declared, once whoever is on it has left. */
export function mendOf({ urn, role, color }: DeclaredContainer, facts: Facts, remove?: string): Mend {
  if (role === "accessory") {
    const why = "both colors need it, and would get errors while it is replaced";
    return { by: "hand", why, command: { up: ["--replace", urn] } };
  }
  if (role === "proxy" || role === "gateway") {
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

export function containerRows(declared: DeclaredContainer, facts: Facts): Row[] {
  const { running, owner } = facts;
  const resource = partOf(owner, declared.name);
  // Workers of the idle color and jobs don't run, and that is as it should be.
  const retired = isRetired(declared, facts) || isFollower(declared, facts);
  const row = (what: string, says: string, runs: string | undefined, mend: Mend): Row => ({
    ...{ resource, what, declared: says, runs, mend },
  });
  const container = running.containers.find(({ Id }) => Id === declared.id);
  const namesake = running.containers.find(({ Id, Name }) => Id !== declared.id && Name === `/${declared.name}`);
  if (container === undefined && namesake === undefined) {
    // Nobody is on what is not there.
    const mend: Mend = declared.role === "slot" && retired ? { by: "up" } : { by: "replace", urn: declared.urn };
    return [row("container", short(declared.id), "gone", mend)];
  }
  if (container === undefined && namesake !== undefined) {
    const ours = stackPart(owner, namesake) !== undefined || isGateway(owner, namesake);
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
  if (declared.role === "job") return rows;
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

/** Whether it is a container of a worker that follows live, of the color that is not, or a job's. */
function isFollower({ role, color, labels }: DeclaredContainer, facts: Facts): boolean {
  if (role !== "worker") return role === "job";
  const { follow } = objectIn(labels[LABEL.spec]) ?? {};
  return follow !== "both" && color !== liveIn(facts);
}

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

/** What carries the stack's labels and is not the stack's. A container of `npm run exec -- --new` ends with its command. */
export function extraRows({ declared, running, owner }: Facts): Row[] {
  const names = new Set(declared.containers.map(({ name }) => `/${name}`));
  const ids = new Set(declared.containers.map(({ id }) => id));
  return running.containers
    .filter(({ Id, Name }) => !ids.has(Id) && !names.has(Name))
    .filter((container) => !isOneOff(owner, container))
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
