import { readMonitoring } from "../engine/scripts";
import { WELL } from "../proxy/nginxConfiguration";
import { HTTP_INSIDE, HTTPS_INSIDE, hasTls } from "../proxy/nginxContainer";
import { renderTemplate } from "../proxy/template";
import { COLORS } from "../service/color";
import { containerName, gatewayName, monitoringContainer, PROBE_PORTS, type ServiceId } from "../service/names";
import type { AlertReceiver } from "../settings/alertReceiver";
import type { Settings } from "../settings/settings";

/** A service that is watched: whose it is, and the part of its settings that says how its front door is asked. */
export interface WatchedService {
  owner: ServiceId;
  settings: Pick<Settings, "slots" | "healthPath" | "healthHost" | "healthStatus" | "tlsCertificate">;
}

/** The gateway in front of several services: it is asked whether it takes connections, and no request is sent that it would pass on. */
export interface WatchedGateway {
  tls: boolean;
}

/** What blackbox exporter calls the question to a gateway, which no service's is called. */
const GATEWAY_MODULE = "gateway";

/** One way in of a service's front door. */
interface Front {
  module: string;
  url: string;
  statuses: number[];
  host: string;
  tls: boolean;
  /** Whether an answer may send visitors on, but not to another host. */
  redirects: boolean;
}

/** What nginx sends everybody to TLS with. */
const TO_TLS = 308;
const isRedirect = (status: number): boolean => status >= 300 && status < 400;

/** Where the front door of a service is asked: over TLS where it has a certificate, and over HTTP, which leads there then. */
function frontsOf({ owner, settings }: WatchedService): Front[] {
  const { service = "service" } = owner;
  const { healthPath, healthHost: host = COLORS[0], healthStatus, slots } = settings;
  const proxy = containerName(owner, "proxy");
  // The same for both colors, so that no switch replaces anything.
  const isBuilt = COLORS.every((color) => slots[color].image === undefined);
  const statuses = statusesIn(healthStatus ?? (isBuilt ? WELL.built : WELL.image));
  const redirects = statuses.some(isRedirect);
  const front = (scheme: keyof typeof PROBE_PORTS): Front => {
    const url = `${scheme}://${proxy}:${PROBE_PORTS[scheme]}${healthPath}`;
    return { module: `${service}-${scheme}`, url, statuses, host, tls: scheme === "https", redirects };
  };
  if (!hasTls(settings)) return [front("http")];
  return [front("https"), { ...front("http"), statuses: [TO_TLS], redirects: true }];
}

/** Returns all statuses of a list of statuses and ranges, such as `200-299,401`. */
const statusesIn = (list: string): number[] =>
  list.split(",").flatMap((range) => {
    const [least = 0, most = least] = range.split("-").map(Number);
    return Array.from({ length: most - least + 1 }, (_, at) => least + at);
  });

/** Returns what Prometheus asks and where it sends alerts. */
export const prometheusConfiguration = (
  all: ServiceId,
  services: readonly WatchedService[],
  gateway?: WatchedGateway,
): string => {
  const door = `${gatewayName(all)}:${gateway?.tls ? HTTPS_INSIDE : HTTP_INSIDE}`;
  const asked = (of: ServiceId, url: string, module: string) => ({
    labels: yamlText({ ...labelsOf(of), instance: url, __param_target: url, __param_module: module }),
  });
  const at = (part: "alertmanager" | "blackbox", port: number) => yamlText(`${monitoringContainer(all, part)}:${port}`);
  return render("prometheus.yml.mustache", {
    alertmanager: at("alertmanager", 9093),
    blackbox: at("blackbox", 9115),
    pages: services.map(({ owner }) => ({
      target: yamlText(`${monitoringContainer(owner, "metrics")}:8080`),
      labels: yamlText(labelsOf(owner)),
    })),
    fronts: [
      ...services.flatMap((service) => frontsOf(service).map(({ url, module }) => asked(service.owner, url, module))),
      ...(gateway === undefined ? [] : [asked(all, door, GATEWAY_MODULE)]),
    ],
  });
};

const labelsOf = ({ project, stack, service }: ServiceId) => ({
  ...{ project, stack },
  ...(service !== undefined && { service }),
});

/** Returns how blackbox exporter asks the front doors. */
export const blackboxConfiguration = (services: readonly WatchedService[], gateway?: WatchedGateway): string =>
  render("blackbox.yml.mustache", {
    gateway: gateway !== undefined && yamlText(GATEWAY_MODULE),
    gatewayTls: gateway?.tls === true,
    modules: services.flatMap(frontsOf).map(({ module, host, statuses, tls, redirects }) => ({
      name: yamlText(module),
      headers: yamlText({ Host: host }),
      statuses: yamlText(statuses),
      location: redirects && yamlText(sameHost(host)),
      serverName: tls && yamlText(host),
    })),
  });

/** A Location of the same host, as a regular expression: a path, or a URL of that host's on whatever port (see nginx/well.sh). */
const sameHost = (host: string): string =>
  `(?i)^(?:$|[?#]|/(?:[^/]|$)|[^/:?#]+(?:[/?#]|$)|(?:https?:)?//${host.replaceAll(".", "\\.")}(?::[0-9]+)?(?:[/?#]|$))`;

/** What the receiver is called, and what it is called where nobody gets alerts: they are shown all the same. */
const RECEIVER = "alerts";
const NOBODY = "nobody";

/** Returns who gets the alerts; a secret, where there is a receiver. */
export const alertmanagerConfiguration = (receiver: AlertReceiver | undefined): string => {
  const name = receiver === undefined ? NOBODY : RECEIVER;
  return render("alertmanager.yml.mustache", {
    receiver: yamlText(name),
    receiverBlock: yamlText({ name, ...receiver }),
  });
};

const render = (file: string, view: Parameters<typeof renderTemplate>[2]): string =>
  renderTemplate(file, readMonitoring(file), view);

/**
 * Returns a value as JSON that is YAML as well: some of the characters that JSON leaves as they are end a line of YAML or are refused
 * there, and of those beyond 16 bits JSON writes two halves.
 */
export const yamlText = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^ -~]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`,
  );
