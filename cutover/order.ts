import type { Color } from "../stacks/color";
import type { Owner } from "../stacks/names";
import { generationOf } from "../stacks/serving";
import type { SmokeTest } from "../stacks/smokeTests";
import type { Limits } from "./watch";

/** What the program asks of a cutover: its environment and standard input, made sense of (see stacks/cutover.ts). */
export interface Order {
  owner: Owner;
  /** The proxy's container, by id. */
  proxy: string;
  /** The rendered configuration. */
  configuration: string;
  generation: string;
  /** The color that the configuration names. */
  target: Color;
  appPort: number;
  healthPath: string;
  healthTimeoutSeconds: number;
  smokeTests: SmokeTest[];
  /** Empty where there is none. */
  gateCommand: string;
  gateTimeoutSeconds: number;
  /** The host at which the gate command reaches the colors' own ports. */
  targetHost: string;
  verifyRequests: number;
  bakeSeconds: number;
  limits: Limits;
}

/**
 * Reads an order.
 *
 * @throws Error with the name of what is missing: it is run by the program, which has validated the values.
 */
export function orderFrom(env: NodeJS.ProcessEnv, configuration: string): Order {
  const text = (name: string): string => {
    const value = env[name];
    if (value === undefined) throw new Error(`the cutover is run by \`pulumi up\`, and by hand lacks ${name}`);
    return value;
  };
  const number = (name: string) => {
    const value = Number(text(name) || Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`${name} is no number`);
    return value;
  };
  const target = /^ *map "" \$color \{$\s*^ *default (blue|green);$/m.exec(configuration)?.[1];
  if (target === undefined) {
    throw new Error(
      "the configuration names no active color. Nothing was changed.\n" +
        "Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up",
    );
  }
  return {
    owner: { project: text("PROJECT"), stack: text("STACK") },
    proxy: text("PROXY"),
    configuration,
    generation: generationOf(configuration),
    target: target as Color,
    appPort: number("APP_PORT"),
    healthPath: text("HEALTH_PATH"),
    healthTimeoutSeconds: number("HEALTH_TIMEOUT_SECONDS"),
    smokeTests: JSON.parse(text("SMOKE_TESTS")) as SmokeTest[],
    gateCommand: text("GATE_COMMAND"),
    gateTimeoutSeconds: number("GATE_TIMEOUT_SECONDS"),
    targetHost: text("TARGET_HOST"),
    verifyRequests: number("VERIFY_REQUESTS"),
    bakeSeconds: number("BAKE_SECONDS"),
    limits: {
      maxErrorPercent: number("MAX_ERROR_PERCENT"),
      minRequests: number("MIN_REQUESTS"),
      maxP95Seconds: number("MAX_P95_SECONDS"),
    },
  };
}
