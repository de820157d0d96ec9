import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "./checkout";

/** A file of `nginx/`, which travels with this program. */
export const readNginx = (file: string): string => readFileSync(join(CHECKOUT, "nginx", file), "utf8");

/** A file of `monitoring/`, which does too. */
export const readMonitoring = (file: string): string => readFileSync(join(CHECKOUT, "monitoring", file), "utf8");

/** Every script that this program runs, by the files of `nginx/` that stand behind each other in one shell. */
export const SCRIPTS = {
  /** Moves the public, inside the proxy. */
  cutover: ["reload.sh", "well.sh", "cutover.sh"],
  /** Holds the proxy's lock, and writes what the cutovers leave behind. */
  hold: ["ask.sh", "well.sh", "ask-health.sh", "hold.sh", "generation.sh", "read.sh", "write.sh"],
  /** Says what the proxy serves. */
  read: ["ask.sh", "well.sh", "ask-health.sh", "generation.sh", "read.sh"],
  /** Counts a color's answers. */
  sample: ["ask.sh", "well.sh", "ask-health.sh", "sample.sh"],
  /** Says whether nginx reaches a color. */
  reach: ["ask.sh", "well.sh", "ask-health.sh", "reach.sh"],
  /** Asks a color's container for its health until it is well. */
  health: ["ask.sh", "well.sh", "ask-health.sh", "health.sh"],
  /** Sends one request. */
  curl: ["curl.sh"],
  /** Has the metrics say what the colors run. */
  colors: ["colors.sh"],
  /** Notes what Pulumi's state holds. */
  declare: ["declare.sh"],
  /** Appends to the history. */
  remember: ["remember.sh"],
  /** Lists the workers that a reload has retired, and the connections. */
  draining: ["draining.sh"],
  /** Prints what is on the proxy's volume. */
  volume: ["volume.sh"],
  /** Changes the gateway's routes. */
  gateway: ["reload.sh", "gateway.sh"],
  /** Says what the gateway serves. */
  readGateway: ["ask.sh", "generation.sh", "read-gateway.sh"],
  /** Process 1 of an nginx container. */
  start: ["start.sh"],
  /** Process 1 of the container that serves the metrics. */
  metrics: ["well.sh", "generation.sh", "containers.sh", "requests.sh", "metrics.sh"],
  /** Runs the gate command, and ends it with us. */
  guard: ["guard.sh"],
  /** Runs the docker client with its errors among its output. */
  joined: ["joined.sh"],
  /** Passes a signal on to a command in a container. */
  signal: ["signal.sh"],
  /** Says whose containers keep a network. */
  network: ["network.sh"],
  /** Ends the proxy of a host that the stack leaves. */
  leave: ["leave.sh"],
} as const satisfies Record<string, readonly string[]>;

/** A line that is nothing but a comment. */
const COMMENT = /^[ \t]*#.*\n/gm;

/**
 * Returns a script's text without its comments: some are a part of a container, which a mended comment must not replace.
 */
export const readScript = (name: keyof typeof SCRIPTS): string =>
  SCRIPTS[name].map((file) => readNginx(file).replace(COMMENT, "").trim()).join("\n");

/** The command that runs a script in a container, for `docker exec`; the arguments are `$1` and so on. */
export const shell = (name: keyof typeof SCRIPTS, ...args: (string | number)[]): string[] => [
  ...["sh", "-c", readScript(name)],
  ...(args.length === 0 ? [] : ["sh", ...args.map(String)]),
];
