import { shown } from "../../../stacks/text/plain";
import { quoted } from "../../../stacks/text/shell";
import { type NextCommand, Refusal } from "../../outcome";
import type { Project } from "../compose/project";
import type { Service } from "../compose/service";
import { at } from "../compose/values";
import { isProxy, publicPorts } from "./images";

/** How `adopt` is typed with one more option. */
export type Retype = (option: string, value: string) => string;

/** How many services a list names one by one. */
const MOST_NAMED = 6;

/**
 * Returns the service that was named, or the only one that can be meant: it publishes a port, and is no proxy in front of the others.
 * Where several can be meant, all of them.
 *
 * @throws Refusal with the services to choose from where none publishes a port.
 */
export function webServices(project: Project, named: string | undefined, retype: Retype): string[] {
  const { services } = project;
  if (named !== undefined) {
    if (at(services, named) !== undefined) return [named];
    throw new Refusal(`There is no service ${shown(named)} in the file. Nothing was written`, choices(project, retype));
  }
  const open = Object.keys(services).filter((name) => publicPorts(services[name] ?? {}).length > 0);
  const apps = open.filter((name) => !isProxy(services[name] ?? {}));
  if (apps.length > 0) return apps;
  const others = Object.keys(services).filter((name) => !isProxy(services[name] ?? {}));
  if (open.length > 0 && others.length === 0) return open;
  const why =
    open.length > 0
      ? `${open.join(", ")} is a proxy in front of the others, and this program brings one of its own: which service is the app?`
      : "No service publishes a port: which one is the app?";
  throw new Refusal(`${why} Nothing was written`, choices(project, retype));
}

/** Returns the error where several services can be meant and nobody is there to be asked. */
export const severalWebs = (project: Project, names: readonly string[], retype: Retype): Refusal =>
  new Refusal(
    `${names.length} services publish a port: which one is the app? Nothing was written`,
    choices(project, retype, names),
  );

function choices({ services }: Project, retype: Retype, of?: readonly string[]): NextCommand[] {
  const names = of ?? Object.keys(services).filter((name) => !isProxy(services[name] ?? {}));
  return names.slice(0, MOST_NAMED).map((name) => ({
    purpose: `take ${name} (${whatIs(services[name] ?? {})})`,
    command: retype("--service", quoted(name)),
  }));
}

/** Says in a few words what a service is. */
export const whatIs = ({ image, build, ports = [] }: Service): string =>
  [
    image ?? (build === undefined ? "no image" : "built"),
    ...ports.flatMap(({ published, target }) => (published === undefined ? [] : [`${published}:${target}`])),
  ].join(", ");
