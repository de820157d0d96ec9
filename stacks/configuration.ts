import Mustache from "mustache";
import { COLORS, type Color } from "./color";
import type { Settings } from "./settings";

/** Where a color is reached and asked for its health: what it runs, which may be other than the settings while it is live. */
export interface Reached {
  appPort: number;
  healthPath: string;
}

/** The part of the settings that the proxy's configuration is made from, and where each color is. */
export type ConfigurationSettings = Pick<
  Settings,
  "activeColor" | "drainSeconds" | "keepAliveSeconds" | "maxBodyMb" | "proxyTimeoutSeconds"
> & { slots: Record<Color, Reached> };

/**
 * The proxy's whole configuration, from the template `nginx/nginx.conf.mustache`. A switch changes one line of it.
 *
 * Mustache would escape `/` and render a missing key as nothing: values are written as they are (settings.ts has made sure
 * that none can carry anything but itself), and a key that the template asks for and the settings lack is an error.
 */
export function renderConfiguration(template: string, settings: ConfigurationSettings): string {
  const { slots, ...shared } = settings;
  const view: Record<string, unknown> = { ...shared };
  for (const color of COLORS) {
    view[`${color}AppPort`] = slots[color].appPort;
    view[`${color}HealthPath`] = slots[color].healthPath;
  }
  for (const [type, key] of Mustache.parse(template)) {
    if (type !== "text" && type !== "name") {
      throw new Error(`nginx.conf.mustache: only {{name}} is used there, not a '${type}' tag: {{${key}}}`);
    }
    if (type === "name" && view[key] === undefined) {
      throw new Error(`nginx.conf.mustache asks for {{${key}}}, which the settings do not have`);
    }
  }
  return Mustache.render(template, view, {}, { escape: String });
}
