import Mustache from "mustache";
import { COLORS, type Color } from "./color";
import type { FileNames } from "./files";
import { HTTPS_PORT, reachedAt } from "./host";
import { replicaNames } from "./names";
import type { Settings } from "./settings";

/** Where a color is reached and asked for its health: what it runs, which may be other than the settings while it is live. */
export interface Reached {
  appPort: number;
  healthPath: string;
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
  | "proxyTimeoutSeconds"
  | "canaryPercent"
  | "stickySessions"
  | "rateLimitPerSecond"
  | "maxConnections"
  | "bindAddress"
  | "httpsPort"
  | "trustedProxies"
> & { slots: Record<Color, Reached>; files: FileNames };

/** How long a container may take to accept a connection. */
const CONNECT_SECONDS = 5;
/** The same where somebody else can be asked. */
const CONNECT_AGAIN_SECONDS = 2;
/** How long after one answer's timeout another container is asked: the connections that failed before fit in, no third timeout does. */
const GO_ON_SECONDS = 5;

/** What a key of the template stands for: a text, or with `undefined` or `false` nothing, so that its sections are left out. */
type View = Record<string, string | number | boolean | readonly string[] | undefined>;

/**
 * The proxy's whole configuration, from the template `nginx/nginx.conf.mustache`. A switch changes one line of it, and what is
 * off does not stand in it.
 *
 * Mustache would escape `/` and render a missing key as nothing: values are written as they are (settings.ts has made sure
 * that none can carry anything but itself), and a key that the template asks for and the settings lack is an error.
 */
export function renderConfiguration(template: string, settings: ConfigurationSettings): string {
  const view = viewOf(settings);
  check(Mustache.parse(template), view);
  return Mustache.render(template, view, {}, { escape: String });
}

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
  return {
    ...shared,
    ...Object.fromEntries(
      COLORS.flatMap((color) => [
        [`${color}AppPort`, slots[color].appPort],
        [`${color}HealthPath`, slots[color].healthPath],
        [`${color}Away`, slots[color].replicas === 0],
        [`${color}Alone`, slots[color].replicas === 1],
        [`${color}Spread`, slots[color].replicas > 1],
        [`${color}Names`, replicaNames(color, slots[color].replicas)],
      ]),
    ),
    idle: canary || tester,
    sessions,
    replicas,
    again,
    connectSeconds: again ? CONNECT_AGAIN_SECONDS : CONNECT_SECONDS,
    goOnSeconds: shared.proxyTimeoutSeconds + GO_ON_SECONDS,
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
    scheme: trusted ? "$asked_scheme" : "$scheme",
    forwardedFor: trusted ? "$forwarded_for" : "$remote_addr",
    forwardedHost: trusted ? "$forwarded_host" : "$asked_host",
    forwardedPort: trusted ? "$forwarded_port" : "$asked_port",
    forwardedPrefix: trusted ? "$forwarded_prefix" : '""',
    drawn,
    visiting,
    tried: tester ? "$tried" : visiting,
    testing: tester ? "$tester" : "",
    upstream: sessions ? "$upstream" : "$color",
    answered: sessions ? "$answered" : "$color",
  };
}

type Token = ReturnType<typeof Mustache.parse>[number];

/** That the template has nothing but text, `{{name}}` and sections, and asks for no key that there is none of. */
function check(tokens: Token[], view: View): void {
  for (const [type, key, , , within] of tokens) {
    if (!["text", "name", "#", "^"].includes(type)) {
      throw new Error(
        `nginx.conf.mustache: only {{name}}, {{#name}} and {{^name}} are used there, not a '${type}' tag: {{${key}}}`,
      );
    }
    if (type === "text") continue;
    if (!Object.hasOwn(view, key)) {
      throw new Error(`nginx.conf.mustache asks for {{${key}}}, which the settings do not have`);
    }
    if (type === "name" && !["string", "number"].includes(typeof view[key])) {
      throw new Error(`nginx.conf.mustache writes {{${key}}} where it has no text`);
    }
    const value = view[key];
    const [first] = Array.isArray(value) ? value : [value];
    // A section that is left out is not looked into: what it needs is not there either.
    if (type === "name" || Boolean(first) !== (type === "#")) continue;
    // In a list's section {{.}} is the one whose turn it is.
    check((within ?? []) as Token[], Array.isArray(value) ? { ...view, ".": first } : view);
  }
}
