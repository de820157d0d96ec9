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
