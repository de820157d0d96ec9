import { isObject } from "../../../stacks/text/json";
import type { Project } from "../compose/project";
import type { Service } from "../compose/service";
import { at } from "../compose/values";
import { type Context, type Part, takeKey } from "./part";
import { lost, needless, taken } from "./rows";

/** Returns the networks of a service, by the names that the file has for them. */
const networksOf = ({ networks = { default: null } }: Service): string[] => Object.keys(networks);

/**
 * Takes the networks that exist beside the stack's own: those that are none of this project's, and those on which a service stays with
 * Compose that this one shares a network with.
 */
export function takeNetworks(part: Part): void {
  const { context, service, rows } = part;
  const { networks } = context.project;
  const outer = networksOf(service).filter((name) => at(networks, name)?.external || isKept(name, context));
  const names = outer.map((name) => at(networks, name)?.name ?? name);
  if (names.length > 0 && takeKey(part, "networks", names)) {
    rows.push(taken("networks", `${part.place}.networks: ${names.join(", ")}`));
  }
  for (const [name, options] of Object.entries(service.networks ?? {})) {
    if (!outer.includes(name)) {
      rows.push(needless("networks", `${name}: the stack's own network has all of its containers`));
    }
    const given = isObject(options) ? Object.keys(options) : [];
    if (given.length > 0) rows.push(lost("networks", `not taken of ${name}: ${given.join(", ")}`));
  }
}

/** Reports whether a service that stays with Compose is on a network. */
const isKept = (network: string, { project, roles }: Context): boolean =>
  Object.entries(project.services).some(
    ([name, service]) => at(roles, name)?.kind === "kept" && networksOf(service).includes(network),
  );

/** Returns the names under which others reach a service, beside its own. */
export const aliasesOf = ({ networks = {}, container_name: own }: Project["services"][string]): string[] => [
  ...(typeof own === "string" ? [own] : []),
  ...Object.values(networks).flatMap((options) => {
    const aliases = isObject(options) ? options.aliases : undefined;
    return Array.isArray(aliases) ? aliases.map(String) : [];
  }),
];
