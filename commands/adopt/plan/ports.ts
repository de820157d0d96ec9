import type { Port } from "../compose/ports";
import type { Project } from "../compose/project";
import { isProxy, publicPorts } from "./images";
import type { Context, Part } from "./part";
import { lost, taken } from "./rows";

/** The settings' own defaults, for where a file says nothing. */
const DEFAULT_HTTP_PORT = 8080;
const DEFAULT_APP_PORT = 5000;
const MAX_PORT = 65_535;
/** Where the search for a free port goes on when it has come to the end. */
const LOWER_PORT = 20_000;
/** Where TLS ends in the app. */
const TLS_PORTS = [443, 8443];

/** Takes the port that the public comes in by, and the one on which the app listens. */
export function takePorts(part: Part): void {
  const { context, service, settings, rows } = part;
  const open = publicPorts(service);
  const main = open.find(({ target }) => !TLS_PORTS.includes(target)) ?? open[0];
  const outer = main?.published === undefined ? proxyPort(part) : undefined;
  const appPort = main?.target ?? exposedPort(part);
  const httpPort = main?.published ?? outer?.published ?? DEFAULT_HTTP_PORT;
  const taken = new Set([httpPort, ...takenPorts(context)]);
  const anyAddress = main !== undefined || outer !== undefined ? "0.0.0.0" : "127.0.0.1";
  settings.bindAddress = (outer ?? main)?.hostIp ?? anyAddress;
  settings.httpPort = httpPort;
  settings.bluePort = freePort(httpPort + 1, taken);
  settings.greenPort = freePort(Number(settings.bluePort) + 1, taken);
  settings.appPort = appPort ?? DEFAULT_APP_PORT;
  tellMain(part, main, outer);
  if (appPort === undefined) {
    const why = `nothing says on which port it listens: appPort is ${DEFAULT_APP_PORT}, and so is the container's PORT`;
    rows.push(lost("ports", why));
  }
  const stack = context.stackPorts[httpPort];
  if (stack !== undefined) {
    rows.push(lost("ports", `the stack ${stack} has ${httpPort} too: both can't be up on one engine`));
  }
  for (const port of (service.ports ?? []).filter((each) => each !== main)) {
    rows.push(lost("ports", `not taken: ${writtenPort(port)}. One port goes through the proxy, ${httpPort}`));
  }
}

function tellMain({ settings, rows }: Part, main: Port | undefined, outer: Port | undefined): void {
  const { httpPort, bindAddress, appPort, bluePort, greenPort } = settings;
  const colors = `bluePort ${bluePort} and greenPort ${greenPort} lead to the colors, on the loopback`;
  const own = main?.published === undefined ? "no port is published" : writtenPort(main);
  const from = outer === undefined ? own : `${writtenPort(outer)} of the proxy`;
  rows.push(
    taken("ports", `${from}: httpPort ${httpPort} on bindAddress ${bindAddress}, appPort ${appPort}; ${colors}`),
  );
}

/** Returns a port as the short form has it. */
export const writtenPort = ({ hostIp, published, target, protocol }: Port): string =>
  [...(hostIp === undefined ? [] : [hostIp]), ...(published === undefined ? [] : [published]), target].join(":") +
  (protocol === "tcp" ? "" : `/${protocol}`);

/** The port at which a proxy in front of the app is reached. */
function proxyPort({ context }: Part): Port | undefined {
  const ports = Object.values(context.project.services).filter(isProxy).flatMap(publicPorts);
  return ports.find(({ published, target }) => published !== undefined && !TLS_PORTS.includes(target));
}

/** The port that the app has by its own word. */
function exposedPort({ service }: Part): number | undefined {
  const said = [...(service.expose ?? []), service.environment.PORT ?? ""];
  return said
    .map((text) => Number(/^([0-9]{1,5})(?:\/tcp)?$/.exec(text)?.[1]))
    .find((port) => port > 0 && port <= MAX_PORT);
}

/** Returns the ports of the host that services publish. */
const publishedPorts = ({ services }: Project): number[] =>
  Object.values(services).flatMap(({ ports = [] }) => ports.flatMap(({ published }) => published ?? []));

/** Returns the ports of the host that something else has. */
export const takenPorts = ({ project, stackPorts, busyPorts = [] }: PortContext): number[] => [
  ...[...publishedPorts(project), ...Object.keys(stackPorts).map(Number), ...busyPorts],
];

type PortContext = Pick<Context, "project" | "stackPorts" | "busyPorts">;

/** As many free ports behind a port are looked for. */
const LOOKED_AT = 10;
/** A range may have published a hundred. */
const MOST_PUBLISHED = 20;

/** Returns the ports that a stack may get, for whoever looks which of them are busy. */
export const possiblePorts = (project: Project, otherPort: number): number[] =>
  [otherPort - 1, DEFAULT_HTTP_PORT, ...publishedPorts(project).slice(0, MOST_PUBLISHED)]
    .flatMap((port) => Array.from({ length: LOOKED_AT }, (_, at) => port + 1 + at))
    .filter((port) => port <= MAX_PORT);

/** Returns the first port from one on that nothing else has; at the end of all ports it goes on from a lower one. */
export function freePort(from: number, taken: ReadonlySet<number>): number {
  for (let port = from; port <= MAX_PORT; port += 1) if (!taken.has(port)) return port;
  return freePort(LOWER_PORT, taken);
}
