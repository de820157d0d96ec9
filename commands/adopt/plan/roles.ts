import { isDeepStrictEqual } from "node:util";
import { shown } from "../../../stacks/text/plain";
import { Refusal } from "../../outcome";
import type { Project } from "../compose/project";
import type { Service } from "../compose/service";
import { at } from "../compose/values";
import { isProxy, isSameProgram } from "./images";
import { nameFor } from "./names";

/** What becomes of a service. */
export type Role =
  | { kind: "web" }
  | { kind: "worker" | "job" | "accessory"; name: string }
  /** It stays with Compose, where the stack reaches it; `isAsked` where somebody wants that. */
  | { kind: "kept"; why: string; isAsked?: true }
  /** Nothing of it is taken. */
  | { kind: "left"; why: string };

/** What becomes of each service, by its name. */
export type Roles = Record<string, Role>;

/** As many workers, jobs and accessories a stack may have, of each. */
const MOST = 20;

/** Commands of processes that never end, whatever `restart` says. */
const ENDLESS = /\b(?:worker|celery|sidekiq|beat|queue|consumer|consume|scheduler?|cron|listen|serve|server|daemon)\b/i;

/**
 * Decides what becomes of each service.
 *
 * @param keep services that stay with Compose.
 * @throws Refusal where one of those is not there, or is the app itself.
 */
export function rolesOf(project: Project, web: string, keep: readonly string[]): Roles {
  const { services } = project;
  const unknown = keep.find((name) => at(services, name) === undefined);
  if (unknown !== undefined) {
    throw new Refusal(
      `--keep names ${shown(unknown)}, and the services are ${Object.keys(services).join(", ")}. Nothing was written`,
    );
  }
  if (keep.includes(web)) throw new Refusal(`--keep names ${web}, which is the app itself. Nothing was written`);
  const used = { worker: new Set<string>(), job: new Set<string>(), accessory: new Set<string>() };
  const roles = Object.keys(services).map((name): [string, Role] => {
    if (name === web) return [name, { kind: "web" }];
    const role = keep.includes(name)
      ? { ...kept("--keep names it"), isAsked: true as const }
      : roleOf(name, project, web);
    if (role.kind !== "worker" && role.kind !== "job" && role.kind !== "accessory") return [name, role];
    const names = used[role.kind];
    if (names.size >= MOST) return [name, kept(`a stack has at most ${MOST} of them`)];
    const found = nameFor(name, names);
    names.add(found);
    return [name, { kind: role.kind, name: found }];
  });
  return Object.fromEntries(roles);
}

const kept = (why: string): Role & { kind: "kept" } => ({ kind: "kept", why });

function roleOf(name: string, { services }: Project, web: string): Role {
  const [service, app]: [Service, Service] = [services[name] ?? {}, services[web] ?? {}];
  const isOnce = isWaitedFor(name, services) || ["no", "false"].includes(String(service.restart));
  const ports = service.ports ?? [];
  if (String(service.scale ?? service.deploy?.replicas) === "0") {
    return { kind: "left", why: "the file gives it no container (scale, or deploy.replicas)" };
  }
  if (isSameProgram(service, app) && ports.length === 0) return ofSameProgram(name, service, app, isOnce);
  if (isProxy(service) && ports.length > 0) {
    return { kind: "left", why: "the stack's own nginx takes its place: httpPort is the public's port" };
  }
  if (isOnce) return { kind: "left", why: `it runs once, from another image: docker compose run --rm ${name}` };
  const mode = String(service.network_mode ?? "");
  if (mode !== "" && mode !== "bridge") {
    return kept(`its network_mode is ${shown(mode)}, and an accessory is on the stack's network`);
  }
  if (service.image === undefined) {
    return kept(
      "an accessory needs an image by name, and this one is built: push it, and write its image into the file",
    );
  }
  return { kind: "accessory", name };
}

function ofSameProgram(name: string, service: Service, app: Service, isOnce: boolean): Role {
  const { command, entrypoint } = service;
  const isTwin = isDeepStrictEqual([command, entrypoint], [app.command, app.entrypoint]);
  if (isTwin || (command === undefined && entrypoint === undefined)) {
    const why =
      "it runs the app's own command, as both colors do (replicas); to be a worker it needs a command of its own";
    return { kind: "left", why };
  }
  const words = [command, entrypoint].flat().join(" ");
  const mayEnd = /^on-failure/.test(String(service.restart)) && !ENDLESS.test(words);
  return { kind: isOnce || mayEnd ? "job" : "worker", name };
}

const isWaitedFor = (name: string, services: Project["services"]): boolean =>
  Object.values(services).some(
    ({ depends_on: waits = {} }) => at(waits, name)?.condition === "service_completed_successfully",
  );
