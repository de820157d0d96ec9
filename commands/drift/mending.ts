import { activeIn } from "../../stacks/service/configuration";
import { quoted } from "../../stacks/text/shell";
import type { Commands } from "../typed";
import type { Step } from "./preview";
import { type Command, type Compared, type Facts, liveIn, NOT_CARRIED_OUT, type Row } from "./row";
import { nameOf } from "./state";

/** What `--fix` runs, in this order, and what it leaves to people. */
export interface Mending {
  /** Containers in the way of others that carry the stack's labels: stopped with their time to end, then removed. */
  remove: string[];
  /** Commands of the docker client's. */
  docker: string[][];
  /** Containers that come up by them. */
  starts: string[];
  /** The resources that `pulumi up` makes anew; undefined where no `up` is needed. */
  up: { replace: string[]; refresh: boolean } | undefined;
  left: Left[];
}

/** A difference that `--fix` does not mend. */
export interface Left {
  rows: Row[];
  why: string;
  command: string;
}

/** What stands in the way of any `pulumi up`, with the command that ends that. */
export interface Blocked {
  why: string;
  command: string;
}

/** How commands are typed for a service by name; for a service alone, and for the whole stack, where none is named. */
export type CommandsOf = (service?: string) => Commands;

/**
 * Decides what mends these differences.
 *
 * @param blocked why no `pulumi up` may be run on its own account.
 */
export function mendingOf(rows: readonly Row[], commands: CommandsOf, blocked: Blocked | undefined): Mending {
  const replace = new Set<string>();
  const remove = new Set<string>();
  const left: Left[] = [];
  const leave = (row: Row, why: string, command: string) => {
    const same = left.find((one) => one.why === why && one.command === command);
    if (same === undefined) left.push({ rows: [row], why, command });
    else same.rows.push(row);
  };
  let up = false;
  let refresh = false;
  for (const row of rows) {
    const { mend } = row;
    if (mend.by === "hand") leave(row, mend.why, typed(mend.command, commands(row.service)));
    else if (mend.by !== "docker") {
      if (blocked !== undefined) {
        leave(row, blocked.why, blocked.command);
        continue;
      }
      up = true;
      if (mend.by === "refresh") refresh = true;
      if (mend.by === "replace") {
        replace.add(mend.urn);
        if (mend.remove !== undefined) remove.add(mend.remove);
      }
    }
  }
  // What is going to be made anew needs no start.
  const anew = new Set(rows.flatMap(({ resource, mend }) => (mend.by === "replace" ? [resource] : [])));
  const docker = rows.flatMap(({ resource, mend }) =>
    mend.by !== "docker" || (blocked === undefined && mend.start !== undefined && anew.has(resource)) ? [] : [mend],
  );
  return {
    remove: [...remove],
    docker: docker.map(({ args }) => args),
    starts: docker.flatMap(({ start }) => start ?? []),
    up: up ? { replace: [...replace], refresh } : undefined,
    left,
  };
}

/** The flags of the `pulumi up` that mends. */
export const upFlags = ({ replace, refresh }: NonNullable<Mending["up"]>): string[] => [
  ...replace.flatMap((urn) => ["--replace", urn]),
  ...(refresh ? ["--refresh"] : []),
];

/** The commands that `--fix` runs, as they would be typed. */
export function commandsOf({ remove, docker, up }: Mending, commands: Commands): string[] {
  return [
    ...docker.map((args) => commands.docker(...args.map(quoted))),
    ...remove.flatMap((id) => [commands.docker("stop", id.slice(0, 12)), commands.docker("rm", id.slice(0, 12))]),
    ...(up === undefined ? [] : [commands.up(...upFlags(up).map(quotedUrn))]),
  ];
}

/** Flags stay flags: a URN never begins with a dash. */
const quotedUrn = (word: string): string => (word.startsWith("--") ? word : quoted(word));

function typed(command: Command, commands: Commands): string {
  if ("docker" in command)
    return commands.docker(...command.docker.map((word) => (word.startsWith("--") ? word : quoted(word))));
  if ("up" in command) return commands.up(...command.up.map(quotedUrn));
  if ("activate" in command) return commands.activate(command.activate);
  if ("status" in command) return commands.status();
  if ("endCanary" in command) return commands.upWith(["canaryPercent", "0"]);
  return command.typed;
}

/**
 * Why `--fix` runs no `pulumi up`: it would move the public of a service, take away what the public is on, carry out nothing, or carry
 * out what is pending of services that nobody asked for.
 *
 * @param others what is not told since it is of other services.
 */
export function blockedBy(compared: Compared, commands: CommandsOf, others: readonly Row[] = []): Blocked | undefined {
  const { services, pending, refused } = compared;
  if (refused !== undefined)
    return { why: "pulumi preview refuses the settings: first mend what it says", command: "pulumi preview" };
  for (const step of pending) {
    const service = services.find(({ declared }) => declared.cutover?.urn === step.urn);
    const declared = activeIn(service?.declared.cutover?.configuration ?? "");
    const asked = activeIn(step.configuration ?? "");
    const takes = step.op === "delete" || step.op === "replace";
    if (takes && services.some((facts) => isServing(step, facts))) {
      const why = `\`pulumi up\` would ${step.op} ${nameOf(step.urn)}, which the public is served by: --fix does not`;
      return { why, command: "pulumi preview --diff" };
    }
    if (asked === undefined || declared === undefined || asked === declared) continue;
    const whose = service?.owner.service === undefined ? "activeColor" : `activeColor of ${service.owner.service}`;
    return {
      why: `${whose} is ${asked}, and ${declared} was the last one that was switched to: any \`pulumi up\` would switch, which --fix does not`,
      command: commands(service?.owner.service).up(),
    };
  }
  const [other] = others.filter(({ what }) => what === NOT_CARRIED_OUT);
  if (other === undefined) return undefined;
  const why = `any \`pulumi up\` would carry out what is pending of others too, first of all ${other.resource}: look at all of them`;
  return { why, command: "pulumi preview" };
}

/** Reports whether a step is about what the public of a service is served by. */
function isServing({ urn }: Step, facts: Facts): boolean {
  const { containers, network, volume, cutover, routes } = facts.declared;
  const live = liveIn(facts);
  const isThere = (id: string) => facts.running.containers.some(({ Id }) => Id === id);
  const serve = containers.filter(({ id, role, color }) => {
    if (role === "slot") return color === live;
    // One that is gone does nothing, and a job serves nobody.
    return role === "worker" ? color === live && isThere(id) : role !== "job";
  });
  return [...serve, network, volume, cutover, routes].some((each) => each?.urn === urn);
}
