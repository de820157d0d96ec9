import { HTTPS_PORT, reachedAt } from "../engine/host";
import { COLORS, type Color } from "../service/color";
import { PROBE_PORTS, replicaNames } from "../service/names";
import type { Settings } from "../settings/settings";
import type { FileNames } from "./files";
import { headerView } from "./headers";
import { proxyMetrics } from "./proxyMetrics";
import { renderTemplate, type View } from "./template";

/** Where a color is reached and asked for its health: what it runs, which may be other than the settings while it is live. */
export interface Endpoint {
  appPort: number;
  healthPath: string;
  /** The image that it runs as it was set; empty or absent where it is built. */
  image?: string;
  /** How many containers requests go to; none where it is stopped or removed. */
  replicas: number;
}

/** The part of the settings that the proxy's configuration is made from, where each color is, and the files that it names. */
export type ConfigurationSettings = Pick<
  Settings,
  | "activeColor"
  | "drainSeconds"
  | "keepAliveSeconds"
  | "maxBodyMb"
  | "maxHeaderKb"
  | "underscoreHeaders"
  | "proxyTimeoutSeconds"
  | "canaryPercent"
  | "stickySessions"
  | "rateLimitPerSecond"
  | "maxConnections"
  | "maxUploads"
  | "maxBufferMb"
  | "bindAddress"
  | "httpsPort"
  | "healthHost"
  | "healthStatus"
  | "trustedProxies"
  | "assetPaths"
  | "monitoring"
> & {
  slots: Record<Color, Endpoint>;
  files: FileNames;
  /** The gateway's address, where there is one: it is among the trusted proxies, and requests keep the id that it gave them. */
  gateway?: string;
  /** When the certificate ends, in seconds since 1970, where there is one. */
  certificateEnd?: number;
};

/** How long a container may take to accept a connection. */
const CONNECT_SECONDS = 5;
/** The same where somebody else can be asked. */
const CONNECT_AGAIN_SECONDS = 2;
/** How long after one answer's timeout another container is asked: the connections that failed before fit in, no third timeout does. */
const GO_ON_SECONDS = 5;

/** One client's share of `maxUploads` is the one part in so many: no one client keeps all others from uploading. */
const CLIENT_UPLOADS = 4;

/** In KiB: what of a body waits in memory before it goes to the disk, at the most and least, and what of all bodies together may. */
const BODY_BUFFER_KB = { most: 128, least: 16, all: 128 * 1024 };

/** The statuses of a release that is well, where no setting says them: an application of somebody else may send visitors on to its page. */
export const WELL = { built: "200-299", image: "200-399" };

/**
 * The proxy's whole configuration, from the template `nginx/nginx.conf.mustache`. A switch changes one line of it, and what is
 * off does not stand in it. No value can carry anything but itself (see settings/shape.ts).
 */
export const renderConfiguration = (template: string, settings: ConfigurationSettings): string =>
  renderTemplate("nginx.conf.mustache", template, viewOf(settings));

/** Returns the buffer of one body in KiB: what all of them together may take, shared out; the least where that is less. */
const bodyBufferKb = (maxUploads: number): number =>
  Math.max(BODY_BUFFER_KB.least, Math.min(BODY_BUFFER_KB.most, Math.floor(BODY_BUFFER_KB.all / maxUploads)));

/** What is set, and the names of nginx's variables: one that a feature defines, or the one that it would have changed. */
function viewOf({ slots, files, stickySessions, bindAddress, ...shared }: ConfigurationSettings): View {
  const canary = shared.canaryPercent > 0;
  const sessions = canary || stickySessions === "cookie";
  const tester = files.tester !== undefined;
  const drawn = canary ? "$drawn" : "$active";
  const tls = files.tlsCertificate !== undefined;
  const trusted = shared.trustedProxies.length > 0;
  const visiting = sessions ? "$visiting" : drawn;
  const replicas = COLORS.some((color) => slots[color].replicas > 1);
  const again = sessions || replicas;
  const scheme = trusted ? "$asked_scheme" : "$scheme";
  const visited = sessions ? "$answered" : "$color";
  // Where only one color is up there is nobody else to ask.
  const assets = shared.assetPaths.length > 0 && COLORS.every((color) => slots[color].replicas > 0);
  return {
    ...shared,
    ...headerView(shared),
    ...Object.assign({}, ...COLORS.map((color) => colorView(color, slots[color], shared))),
    idle: canary || tester,
    sessions,
    replicas,
    again,
    connectSeconds: again ? CONNECT_AGAIN_SECONDS : CONNECT_SECONDS,
    goOnSeconds: shared.proxyTimeoutSeconds + GO_ON_SECONDS,
    counted: shared.maxConnections > 0 || shared.maxUploads > 0,
    clientUploads: Math.ceil(shared.maxUploads / CLIENT_UPLOADS),
    bodyBufferKb: bodyBufferKb(shared.maxUploads),
    limited: shared.rateLimitPerSecond > 0 || shared.maxConnections > 0,
    tester: files.tester,
    maintenance: files.maintenance,
    tls,
    tlsCertificate: files.tlsCertificate,
    tlsKey: files.tlsKey,
    host: reachedAt(bindAddress),
    redirectPort: shared.httpsPort === HTTPS_PORT ? "" : `:${shared.httpsPort}`,
    redirected: tls ? "$redirected" : "",
    trusted,
    scheme,
    forwardedScheme: tls ? "$forwarded_scheme" : scheme,
    askedScheme: tls ? "https" : "http",
    forwardedFor: trusted ? "$forwarded_for" : "$remote_addr",
    forwardedHost: trusted ? "$forwarded_host" : "$asked_host",
    forwardedPort: trusted ? "$forwarded_port" : "$asked_port",
    forwardedUser: trusted ? "$forwarded_user" : '""',
    forwardedPrefix: trusted ? "$forwarded_prefix" : '""',
    gateway: shared.gateway?.replaceAll(".", "\\."),
    requestId: shared.gateway === undefined ? "$request_id" : "$asked_id",
    drawn,
    visiting,
    tried: tester ? "$tried" : visiting,
    testing: tester ? "$tester" : "",
    upstream: sessions ? "$upstream" : "$color",
    assets,
    assetPatterns: shared.assetPaths.map((path) => path.replaceAll(".", "\\.")),
    visited,
    answered: assets ? "$answerer" : visited,
    ...monitoringView(shared, files),
  };
}

/** What is counted, and what nginx says of itself. */
function monitoringView(
  {
    monitoring,
    canaryPercent,
    certificateEnd,
  }: Pick<ConfigurationSettings, "monitoring" | "canaryPercent" | "certificateEnd">,
  { maintenance }: FileNames,
): View {
  return {
    monitored: monitoring !== "off",
    probed: monitoring === "on",
    httpProbePort: PROBE_PORTS.http,
    httpsProbePort: PROBE_PORTS.https,
    // Who is on the color that is not active, and no tester: while there is a canary, its visitors.
    idleVisitor: canaryPercent > 0 ? "canary" : "sticky",
    metricsText: proxyMetrics({ canaryPercent, maintenance: maintenance !== undefined, certificateEnd }),
  };
}

/** Where a color is reached and asked for its health. */
function colorView(
  color: Color,
  { appPort, healthPath, image, replicas }: Endpoint,
  { healthHost, healthStatus }: Pick<ConfigurationSettings, "healthHost" | "healthStatus">,
): View {
  return {
    [`${color}AppPort`]: appPort,
    [`${color}HealthPath`]: healthPath,
    [`${color}HealthHost`]: healthHost ?? color,
    [`${color}HealthStatus`]: healthStatus ?? (image ? WELL.image : WELL.built),
    [`${color}Away`]: replicas === 0,
    [`${color}Alone`]: replicas === 1,
    [`${color}Spread`]: replicas > 1,
    [`${color}Names`]: replicaNames(color, replicas),
  };
}
