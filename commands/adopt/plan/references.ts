import { at } from "../compose/values";
import { aliasesOf } from "./networks";
import type { Context, Part } from "./part";
import { lost } from "./rows";

/** A variable that is called like this may have nothing but a host in it. */
const IS_HOST = /HOST|URL|URI|ADDR|SERVER|ENDPOINT|UPSTREAM|BROKER|DSN|PEER|NODE/i;

/** Says which of a service's variables, and of the words of its command, name another one by a name that leads nowhere any more. */
export function tellReferences(part: Part): void {
  const { context, name: own, service, rows } = part;
  const places: [string, string][] = [
    ...Object.entries(service.environment).map(([name, value]): [string, string] => [`environment.${name}`, value]),
    ...[service.command, service.entrypoint].flat().map((word): [string, string] => ["command", String(word ?? "")]),
  ];
  const said = new Set<string>();
  for (const [other, names] of Object.entries(hostNames(context))) {
    for (const [key, value] of places) {
      const name = names.find((each) => isNamed(each, key, value));
      const problem = name === undefined ? undefined : problemOf(name, other, context, own);
      if (problem === undefined || said.has(`${key} ${problem}`)) continue;
      said.add(`${key} ${problem}`);
      rows.push(lost(key, problem));
    }
  }
}

/** All names under which services reach one another in Compose, by service. */
const hostNames = ({ project }: Context): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(project.services).map(([name, service]) => [name, [...new Set([name, ...aliasesOf(service)])]]),
  );

/** Reports whether a value names a host: in a URL, before a port, in a list of such, or as all of it. */
function isNamed(host: string, key: string, value: string): boolean {
  if (value === host) return IS_HOST.test(key);
  const name = host.replace(/[^A-Za-z0-9_-]/g, "\\$&");
  return new RegExp(`(?:^|//|@|,)${name}:[0-9]|(?://|@)${name}(?=$|[/,?:])`).test(value);
}

/** Returns why a name leads nowhere; undefined where it is the one that the service still has. */
function problemOf(name: string, service: string, { roles, liveAddress }: Context, own: string): string | undefined {
  const role = at(roles, service);
  const who = service === own ? `${name}, itself` : service === name ? name : `${name}, which is ${service}`;
  switch (role?.kind) {
    case "accessory":
      return role.name === name ? undefined : `names ${name}, which is called ${role.name} here: change it`;
    case "web":
      return `names ${who}: the live color is ${liveAddress} on the stack's network`;
    case "worker":
    case "job":
      return `names ${who}: a worker or a job can't be reached by a name here`;
    case "left":
      return `names ${name}, which is not taken`;
    default:
      return undefined;
  }
}
