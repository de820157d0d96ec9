import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Refusal } from "./refusal";

const run = promisify(execFile);

/** How long one question to the Docker Engine may take; a remote one behind SSH needs a few seconds. */
const DOCKER_TIMEOUT_SECONDS = 20;

/** A Docker Engine, asked through its command line client. */
export interface Docker {
  /** Runs `docker` with these arguments; answers what it wrote to standard output. */
  ask(...args: string[]): Promise<string>;
  /** The last lines of what a container wrote, standard output before standard error. */
  log(container: string, lines: number): Promise<string>;
}

/**
 * The engine that the Docker provider uses: `host` from its own setting `docker:host`, otherwise DOCKER_HOST, otherwise the local
 * socket. The provider does not read the client's current context, so the client must not either. An error carries what the
 * client wrote.
 *
 * @throws Refusal where DOCKER_CONTEXT is set: the provider would take it before the host, and the client after it.
 */
export function dockerAt(host: string | undefined): Docker {
  const context = process.env.DOCKER_CONTEXT;
  if (context && context !== "default") {
    throw new Refusal(
      `DOCKER_CONTEXT is ${JSON.stringify(context)}: containers and commands could end up on different engines. Nothing was touched. ` +
        "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && unset DOCKER_CONTEXT",
    );
  }
  const env = { ...process.env, ...dockerHost(host), DOCKER_CONTEXT: "default" };
  const docker = (args: string[]) =>
    run("docker", args, { env, timeout: DOCKER_TIMEOUT_SECONDS * 1000, maxBuffer: 64 * 1024 * 1024 });
  return {
    ask: async (...args) => (await docker(args)).stdout,
    log: async (container, lines) => {
      const { stdout, stderr } = await docker(["container", "logs", "--tail", String(lines), container]);
      return stdout + stderr;
    },
  };
}

/** The engine's address as an environment variable, where the provider's setting names one: commands don't inherit that. */
export const dockerHost = (host: string | undefined): Record<string, string> =>
  host === undefined ? {} : { DOCKER_HOST: host };
