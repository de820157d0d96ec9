import { HTTPS_PORT } from "../engine/host";
import { headerView } from "../proxy/headers";
import { renderTemplate, type View } from "../proxy/template";
import { gatewayAlias, type ServiceId } from "../service/names";
import type { Settings } from "../settings/settings";
import { isHostName, isPlainPath } from "../settings/values";
import { shown } from "../text/plain";

/** Where requests go: those for a host, for a path, or for both. */
export interface RouteTo<Service> {
  /** The name that clients ask for, such as `shop.example`, without a port. Absent: every host that no other route names. */
  host?: string;
  /** `/api` is that path and everything below it. The longest one of a host's paths wins. Absent: everything. */
  path?: string;
  service: Service;
}

/** A service as far as the gateway needs it. */
export interface Routed {
  owner: ServiceId;
  settings: Pick<Settings, "keepAliveSeconds" | "proxyTimeoutSeconds" | "maxHeaderKb" | "underscoreHeaders">;
}

/** What a gateway's configuration is made from beside its routes. */
export interface GatewayConfiguration {
  keepAliveSeconds: number;
  drainSeconds: number;
  httpsPort: number;
  /** The names of the files that it speaks TLS with. */
  tls?: { certificate: string; key: string };
}

/** An idle connection to a proxy is given up after this part of the time after which the proxy gives it up, and after 4 s at most. */
const IDLE_SHARE = 0.5;
const MOST_IDLE_MILLISECONDS = 4000;
/** So much later than the proxy, which knows why: its answer is the one to get. */
const LATER_SECONDS = 5;
const MAX_ROUTES = 500;

const pathOf = (route: { path?: string }): string => (route.path ?? "/").replace(/(?<=.)\/$/, "");
const hostOf = (route: { host?: string }): string => (route.host ?? "").toLowerCase();

/** What is wrong with routes, each in a sentence. No value can carry anything but itself into nginx's configuration then. */
export function routeProblems(routes: readonly RouteTo<string>[], services: readonly string[]): string[] {
  if (!Array.isArray(routes) || routes.length === 0) return ["There is no route: a gateway needs one at least."];
  if (routes.length > MAX_ROUTES) return [`There are ${routes.length} routes; at most ${MAX_ROUTES} are possible.`];
  const seen = new Set<string>();
  return routes.flatMap((route, index) => {
    const { host, path, service } = route ?? {};
    const place = `routes[${index}]`;
    const problems = [
      ...(host !== undefined && !(typeof host === "string" && isHostName(host))
        ? [
            `${place}.host = ${shown(host)}: must be a host name such as shop.example; no port, no http://, no wildcard.`,
          ]
        : []),
      ...(path !== undefined && !(typeof path === "string" && isPlainPath(path))
        ? [
            `${place}.path = ${shown(path)}: must be a path of A-Z a-z 0-9 . _ ~ - / from the root, without // and a segment of dots alone.`,
          ]
        : []),
      ...(services.includes(service)
        ? []
        : [`${place}.service = ${shown(service)}: must be one of the services: ${services.join(", ")}.`]),
    ];
    if (problems.length > 0) return problems;
    const key = `${hostOf(route)} ${pathOf(route)}`;
    if (seen.has(key)) return [`${place} is for the same host and path as another route.`];
    seen.add(key);
    return [];
  });
}

/** The gateway's whole configuration, from the template `nginx/gateway.conf.mustache`: one more route is some more lines of it. */
export function renderGateway(
  template: string,
  routes: readonly RouteTo<Routed>[],
  { keepAliveSeconds, drainSeconds, httpsPort, tls }: GatewayConfiguration,
): string {
  const services = new Map(routes.map(({ service }) => [service.owner.service ?? "", service]));
  const hosts = [...new Set(routes.map(hostOf))].sort();
  const port = tls === undefined ? "8080" : "8443 ssl";
  const all = [...services.values()].map(({ settings }) => settings);
  const view: View = {
    // Never less than any of the services has: each has its own limit behind the gateway.
    ...headerView(
      {
        maxHeaderKb: Math.max(...all.map(({ maxHeaderKb }) => maxHeaderKb)),
        underscoreHeaders: all.some(({ underscoreHeaders }) => underscoreHeaders),
      },
      1,
    ),
    keepAliveSeconds,
    drainSeconds,
    timeoutSeconds: Math.max(...routes.map(({ service }) => service.settings.proxyTimeoutSeconds)) + LATER_SECONDS,
    upstreams: [...services]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([service, { owner, settings }]) => ({
        service,
        alias: gatewayAlias(owner),
        idleMilliseconds: Math.min(MOST_IDLE_MILLISECONDS, settings.keepAliveSeconds * 1000 * IDLE_SHARE),
      })),
    tls: tls !== undefined,
    tlsCertificate: tls?.certificate,
    tlsKey: tls?.key,
    redirectPort: httpsPort === HTTPS_PORT ? "" : `:${httpsPort}`,
    // Hosts that no route names, first: their server is there in any case.
    servers: [...new Set(["", ...hosts])].map((host) => {
      const own = routes.filter((route) => hostOf(route) === host);
      return {
        host: host === "" ? '""' : host,
        listen: host === "" ? `${port} default_server backlog=4096` : port,
        locations: own
          .map((route) => ({ path: pathOf(route), service: route.service.owner.service ?? "" }))
          .sort((a, b) => (a.path < b.path ? -1 : 1))
          .flatMap(({ path, service }) =>
            // As a prefix alone, /api would be the beginning of /apiary too.
            path === "/" ? [{ path, service }] : [`= ${path}`, `${path}/`].map((path) => ({ path, service })),
          ),
        rest: !own.some((route) => pathOf(route) === "/"),
      };
    }),
  };
  return renderTemplate("gateway.conf.mustache", template, view);
}
