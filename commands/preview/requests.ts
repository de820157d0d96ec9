import { type Color, other } from "../../stacks/service/color";
import type { Decision } from "../../stacks/service/decision";
import { AGAIN } from "../../stacks/service/missing";
import { LABEL } from "../../stacks/service/names";
import { COMMAND, CONTAINER, labelsOf } from "./changes";
import type { Step } from "./events";
import { type Hosts, linesOnHosts } from "./hosts";
import { type Text, text } from "./text";

/** Whether a run drops requests of the public, as far as its steps and the program's own word tell. */
export interface Requests {
  /** `none`: it drops none; `dropped`: it does; `nobody`: nobody is served now; `unknown`: it can't be told. */
  verdict: "none" | "dropped" | "nobody" | "unknown";
  says: Text;
}

/** What stands for the proxy's and the colors' way to each other: gone, it takes them along. */
const CARRIERS = ["docker:index/network:Network", "docker:index/volume:Volume"];

/**
 * Tells whether a run drops requests. Everything that is done to a container counts against it, but for what is known to have no
 * visitors by then: the idle color's, which a canary's visitors leave by a cutover before, and live ones beyond `replicas`, which
 * a cutover drains before.
 *
 * @param steps those of this service.
 * @param hosts where it runs on several.
 */
export function requestsOf(decision: Decision, steps: readonly Step[], hosts: Hosts = []): Requests {
  const { live, unknown, before } = decision;
  if (unknown !== undefined)
    return { verdict: "unknown", says: text`it can't be told whether any is dropped: ${unknown}` };
  if (live === undefined || !decision.proxyRuns) {
    const why = live === undefined ? "the proxy serves no color yet" : "the proxy does not run";
    return { verdict: "nobody", says: [`nobody is served now (${why}), so none can be dropped`] };
  }

  const threats = linesOnHosts(
    steps.flatMap((step) => {
      const line = threatOf(step, decision, live, steps);
      return line === undefined ? [] : [{ step, line }];
    }),
    hosts,
  );
  if (threats.length > 0) {
    const says = threats.flatMap((threat, at) => (at === 0 ? threat : text`; ${threat}`));
    return { verdict: "dropped", says: text`the public gets no answer for some seconds: ${says}` };
  }

  if ((before[live]?.running ?? 0) === 0)
    return {
      verdict: "none",
      says: [`the public gets errors already, since no container of ${live} runs; this run drops none besides`],
    };
  const { before: closed, after: closes } = decision.maintenance;
  if (closes && !closed)
    return { verdict: "dropped", says: ["maintenance begins: everybody but testers gets 503 from this run on"] };
  if (closed) {
    const ends = closes
      ? "while maintenance is on; this run drops none besides"
      : "until this run has ended maintenance";
    return { verdict: "none", says: [`everybody but testers gets 503 ${ends}`] };
  }
  const reloads = steps.some(({ type }) => type === COMMAND);
  const how = reloads
    ? "nginx stays up and takes its new configuration while it serves"
    : "nginx and its configuration stay as they are";
  return { verdict: "none", says: [`none is dropped: ${how}, and ${live} keeps its containers`] };
}

/** Why a step may drop requests; undefined where it can't. */
function threatOf(step: Step, decision: Decision, live: Color, steps: readonly Step[]): Text | undefined {
  const { op, type } = step;
  // What is made beside the others, or again where nothing is, takes nothing away.
  if (op === "create") return undefined;
  if (CARRIERS.includes(type)) {
    const carrier = type === CARRIERS[0] ? "network" : "volume";
    return op === "update"
      ? undefined
      : text`the ${carrier} ${nameOf(step)} is ${DONE[op]}, and the containers on it with it`;
  }
  if (type !== CONTAINER || servesNobody(step) || step.differs.includes(AGAIN)) return undefined;
  const name = nameOf(step);
  const { color, replica } = partOf(name, decision);
  const byCutover = steps.some((each) => each.type === COMMAND && (each.op === "update" || each.op === "replace"));
  if (color === other(live) && (decision.canaryPercent.before === 0 || byCutover)) return undefined;
  if (color === live && op === "delete" && replica > decision.after[live].containers && byCutover)
    return decision.after[live].containers > 0 ? undefined : text`${name}, which is live, is ${DONE[op]}`;
  if (isGateway(step)) return text`the gateway ${name}, which all services are reached through, is ${DONE[op]}`;
  if (name === `${decision.containers}proxy`) return text`the nginx container ${name} is ${DONE[op]}`;
  if (color === live) return text`${name}, which is live, is ${DONE[op]}`;
  if (color !== undefined) return text`${name}, which has visitors as a canary, is ${DONE[op]}`;
  return text`${name} is ${DONE[op]}, and is neither color's`;
}

/** Reports whether a resource is the gateway's, in front of all services: its container, network or volume. */
export const isGateway = ({ old, new: now }: Step): boolean =>
  [now, old].some((inputs) => labelsOf(inputs)[LABEL.role] === "gateway");

/** Reports whether a container is a worker's or a job's, or watches both colors: no request comes to it. */
const servesNobody = ({ old, new: now }: Step): boolean =>
  [now, old].some((inputs) => ["worker", "job", "monitoring"].includes(labelsOf(inputs)[LABEL.role] ?? ""));

/** What is done to a resource, as people say it. */
export const DONE: Record<Step["op"], string> = {
  create: "created",
  update: "changed in place",
  delete: "deleted",
  replace: "replaced",
};

/** What a resource is called on the engine; by Pulumi's name where that is not known. */
export function nameOf({ old, new: now, urn }: Step): string {
  for (const { name } of [now, old]) if (typeof name === "string" && name !== "") return name;
  return urn.split("::").at(-1) ?? urn;
}

/** Which color's container a name is, and which one of them. */
function partOf(name: string, { containers }: Decision): { color?: Color; replica: number } {
  const [, color, replica] =
    /^(blue|green)(?:-(\d+))?$/.exec(name.startsWith(containers) ? name.slice(containers.length) : "") ?? [];
  return { ...(color !== undefined && { color: color as Color }), replica: Number(replica ?? 1) };
}
