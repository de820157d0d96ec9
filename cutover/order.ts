import { COLORS, type Color } from "../stacks/service/color";
import { activeIn, type HealthRequest, healthIn } from "../stacks/service/configuration";
import { PROXY_DIRECTORY, type ServiceId } from "../stacks/service/names";
import { FILE_KINDS, fileVariable, isFileName, orderVariable, orderVariables } from "../stacks/service/orderVariables";
import { type Receiver, receiverIn } from "../stacks/service/receiver";
import { generationOf, type RetiredColor } from "../stacks/service/serving";
import type { SmokeTest } from "../stacks/service/smokeTest";
import type { Limits } from "./watch";

/** What the program asks of a cutover: its environment and standard input, made sense of (see stacks/cutover.ts). */
export interface Order {
  owner: ServiceId;
  /** The proxy's container, by id. */
  proxy: string;
  /** The rendered configuration. */
  configuration: string;
  generation: string;
  /** The color that the configuration names. */
  target: Color;
  /** How each color is asked for its health; absent where the configuration sends nobody to it. */
  health: Partial<Record<Color, HealthRequest>>;
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
  /** The share of new visitors that the configuration gives to the idle color, in percent. */
  canaryPercent: number;
  /** The setting of that share: a switch has it end, whatever it says. */
  canarySetting: number;
  /** How many containers the configuration names for each color: none for one that is stopped or removed. */
  replicas: Record<Color, number>;
  /** Whether figures are served for Prometheus (setting `monitoring`). */
  monitored: boolean;
  /** Whether the configuration gives sessions to visitors. */
  sessions: boolean;
  /** How long sessions stay on the color that is left, in seconds; undefined where they move with everybody. */
  stickySeconds: number | undefined;
  /**
   * The color that loses its last visitors, since its containers are going to be replaced. It counts only right after the cutover of
   * that time: the variable stays as it was until another run needs it.
   */
  retire: { color: Color; after: string } | undefined;
  /** What becomes of the idle color's containers. */
  idle: "running" | RetiredColor["how"];
  drainSeconds: number;
  keepAliveSeconds: number;
  /** The files that the configuration names, by name. */
  files: Record<string, string>;
  /** Who gets word of how the cutover ended; undefined for nobody. */
  receiver: Receiver | undefined;
}

/** An order for one of several hosts, whose engine is at `address`: the stack's own where that is left out. */
export interface HostOrder {
  host?: string;
  address?: string;
  order: Order;
}

/** The line of the configuration that gives the idle color its share. */
const CANARY_LINE = /^ *([0-9]{1,2})% 1;\n/m;

/** The line of the configuration at which it says figures of itself. */
const MONITORED = /^ *location = \/metrics \{$/m;

/** The same configuration with no share for the idle color. */
export const withoutCanary = (configuration: string): string => configuration.replace(CANARY_LINE, "");

/**
 * Reads an order. Of the environment it reads nothing but the order's own variables (see stacks/service/orderVariables.ts).
 *
 * @throws Error with the name of what is missing: it is run by the program, which has validated the values.
 */
export function orderFrom(env: NodeJS.ProcessEnv, configuration: string): Order {
  const text = (name: string): string => {
    const value = orderVariable(env, name);
    if (value === undefined) throw new Error(`the cutover is run by \`pulumi up\`, and by hand lacks ${name}`);
    return value;
  };
  const number = (name: string) => {
    const value = Number(text(name) || Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`${name} is no number`);
    return value;
  };
  const target = activeIn(configuration);
  if (target === undefined) {
    throw new Error(
      "the configuration names no active color. Nothing was changed.\n" +
        "Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up",
    );
  }
  return {
    owner: {
      project: text("PROJECT"),
      stack: text("STACK"),
      ...(text("SERVICE") !== "" && { service: text("SERVICE") }),
    },
    proxy: text("PROXY"),
    configuration,
    generation: generationOf(configuration),
    target,
    health: Object.fromEntries(COLORS.map((color) => [color, healthIn(configuration, color)])),
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
    canaryPercent: Number(CANARY_LINE.exec(configuration)?.[1] ?? 0),
    canarySetting: number("CANARY_PERCENT"),
    replicas: replicasIn(configuration),
    monitored: MONITORED.test(configuration),
    sessions: configuration.includes(`include ${PROXY_DIRECTORY}/sessions.conf;`),
    stickySeconds: number("STICKY_SECONDS") || undefined,
    retire: retireIn(orderVariable(env, "MEND")),
    idle: text("IDLE") as Order["idle"],
    drainSeconds: number("DRAIN_SECONDS"),
    keepAliveSeconds: number("KEEP_ALIVE_SECONDS"),
    files: filesIn(env),
    receiver: receiverIn(text("NOTIFY")),
  };
}

/**
 * Reads the orders of all hosts: one alone where the setting `hosts` says nothing. The gate command runs once, for the first of them.
 *
 * @throws Error as {@link orderFrom}.
 */
export function ordersFrom(env: NodeJS.ProcessEnv, configuration: string): HostOrder[] {
  const text = orderVariable(env, "HOSTS");
  if (!text) return [{ order: orderFrom(env, configuration) }];
  const hosts = JSON.parse(text) as HostVariables[];
  return hosts.map(({ name, address, proxy, configuration: own, idle, mend }, at) => {
    const its = orderVariables({
      PROXY: proxy,
      ...(idle !== undefined && { IDLE: idle }),
      ...(mend !== undefined && { MEND: mend }),
      ...(at > 0 && { GATE_COMMAND: "" }),
    });
    const order = orderFrom({ ...env, ...its }, own ?? configuration);
    return { host: name, ...(address !== undefined && { address }), order };
  });
}

/** A host in the variable `HOSTS`: what it has of its own. */
interface HostVariables {
  name: string;
  address?: string;
  proxy: string;
  configuration?: string;
  idle?: string;
  mend?: string;
}

/** Each file's variable holds its name, the end of the line and its content. */
function filesIn(env: NodeJS.ProcessEnv): Order["files"] {
  const files = FILE_KINDS.map(fileVariable).flatMap((variable) => {
    const value = orderVariable(env, variable);
    if (!value) return [];
    const [name = "", content = ""] = value.split(/\n(.*)/s);
    if (!isFileName(name)) throw new Error(`${variable} names no file of the proxy's. Nothing was changed`);
    return [[name, content]];
  });
  return Object.fromEntries(files);
}

/** What the upstreams `blue` and `green` say; each container stands there once, and maybe again as a backup. */
const replicasIn = (configuration: string): Order["replicas"] =>
  Object.fromEntries(
    [...configuration.matchAll(/^ *upstream (blue|green) \{\n([^}]*)\}/gm)].map(([, color, servers = ""]) => [
      color,
      [...servers.matchAll(/^ *server (?:blue|green)(?:-[0-9]+)?:[0-9]+ resolve(?!.* backup)/gm)].length,
    ]),
  ) as Order["replicas"];

function retireIn(mend: string | undefined): Order["retire"] {
  const [, color, after] = /^retire (blue|green) after (.+)$/.exec(mend ?? "") ?? [];
  return color === undefined || after === undefined ? undefined : { color: color as Color, after };
}
