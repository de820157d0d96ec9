import type { Color } from "./color";
import { GENERATION_PLACEHOLDER } from "./serving";

/** Where a configuration of the proxy names the color that the public sees. */
const ACTIVE = /^( *map "" \$active \{$\s*^ *default )(blue|green);$/m;

/** Where a configuration on the proxy's volume names its own generation. */
const STATED = /^ *return 200 "([0-9a-f]{16}) \$active\\n";$/m;

/** Returns the color that a configuration makes active. */
export const activeIn = (configuration: string): Color | undefined =>
  ACTIVE.exec(configuration)?.[2] as Color | undefined;

/** Returns the same configuration with the public on this color. */
export const withActive = (configuration: string, color: Color): string => configuration.replace(ACTIVE, `$1${color};`);

/** Returns the generation that a configuration on the volume names. */
export const generationIn = (configuration: string): string | undefined => STATED.exec(configuration)?.[1];

/** Returns a configuration on the volume as it was rendered, before it had its generation. */
export function asRendered(configuration: string): string {
  const generation = generationIn(configuration);
  return generation === undefined ? configuration : configuration.replaceAll(generation, GENERATION_PLACEHOLDER);
}

/** How the proxy asks a color's containers for their health, and which statuses are well. */
export interface HealthRequest {
  port: number;
  path: string;
  /** What the request names as its host. */
  host: string;
  /** What the request says that its visitor came by. */
  scheme: "http" | "https";
  /** Statuses and ranges of them, such as `200-299,401`. */
  statuses: string;
}

/**
 * Returns how a configuration has a color asked for its health; undefined where it sends nobody there. A configuration
 * from before 2026-12 lacks some of it. nginx/well.sh reads the same.
 */
export function healthIn(configuration: string, color: Color): HealthRequest | undefined {
  const block = new RegExp(`^ *location = /${color} \\{\n([^}]*)`, "m").exec(configuration)?.[1] ?? "";
  const port = new RegExp(`^ *server ${color}:([0-9]+) resolve`, "m").exec(configuration)?.[1];
  if (port === undefined) return undefined;
  return {
    port: Number(port),
    path: /^ *proxy_pass http:\/\/\w+(\/.*);$/m.exec(block)?.[1] ?? "/",
    host: /^ *proxy_set_header Host (.+);$/m.exec(block)?.[1] ?? color,
    scheme: /^ *proxy_set_header X-Forwarded-Proto https;$/m.test(block) ? "https" : "http",
    statuses: /^ *add_header X-Health-Status ([0-9,-]+) always;$/m.exec(block)?.[1] ?? "200-299",
  };
}
