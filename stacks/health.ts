import * as pulumi from "@pulumi/pulumi";
import { type Color, other } from "./color";
import type { Docker } from "./docker";

/** How long a container that was just made may take to become healthy. */
const HEALTHY_WITHIN_SECONDS = 60;

/** How often it is looked at meanwhile, and how often that is said. */
const LOOK_EVERY_MILLISECONDS = 300;
const SAY_EVERY_SECONDS = 10;

/** Lines of a container's log that an error shows. */
const LOG_LINES = 30;

interface State {
  Running: boolean;
  ExitCode: number;
  OOMKilled: boolean;
  Health?: { Status: string; Log?: { Output: string }[] };
}

/** Which container is waited for, and what its errors must not show. */
export interface Waited {
  color: Color;
  isActive: boolean;
  /** Values that the container was given and that may be in its log. */
  secrets: string[];
}

/** What one look at a container's state says: well, not yet, or why it never will be. */
export function verdict(state: State, restarts: number): "healthy" | "starting" | { failed: string } {
  const health = state.Health?.Status;
  if (state.OOMKilled) return { failed: "was killed for want of memory (setting memoryMb)" };
  if (restarts > 0 || !state.Running) return { failed: `ended with exit code ${state.ExitCode}` };
  if (health === "unhealthy") {
    const last = state.Health?.Log?.at(-1)?.Output.trim();
    return { failed: `is unhealthy${last ? `; its health check says: ${last}` : ""}` };
  }
  return health === "healthy" ? "healthy" : "starting";
}

/**
 * Waits until the container is healthy; a container that ended or is unhealthy is not waited for.
 *
 * @throws Error with what was seen, the end of the container's log (without the secrets) and the next command.
 */
export async function waitHealthy(
  docker: Docker,
  containerId: string,
  { color, isActive, secrets }: Waited,
): Promise<void> {
  const started = Date.now();
  let said = 0;
  for (;;) {
    const [container] = JSON.parse(await docker.ask("container", "inspect", containerId));
    const name = container.Name.slice(1);
    const seen = verdict(container.State, container.RestartCount);
    if (seen === "healthy") return;

    const seconds = Math.floor((Date.now() - started) / 1000);
    const failed =
      seen !== "starting" ? seen.failed : seconds >= HEALTHY_WITHIN_SECONDS && `is not healthy after ${seconds} s`;
    if (failed) {
      const log = await docker.log(containerId, LOG_LINES).catch(String);
      // The cutover comes after the active color and before the idle one.
      const where = isActive ? "The public was not moved." : `The public is on ${other(color)}.`;
      const text =
        `${color}: the new container ${name} ${failed}. ${where}\n` +
        `The last lines of its log:\n${indented(log)}\n` +
        `Next: docker logs ${name}; then set another ${color}Version or mend the settings, and: pulumi up`;
      throw new Error(hide(secrets, text));
    }
    if (seconds >= said + SAY_EVERY_SECONDS) {
      said = seconds;
      await pulumi.log.info(
        `${color}: waiting for ${name} to become healthy, ${seconds} of ${HEALTHY_WITHIN_SECONDS} s`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MILLISECONDS));
  }
}

/** A value of a letter or two would blank half of the text and hide nothing. */
const HIDDEN_FROM_CHARACTERS = 4;

const hide = (secrets: string[], text: string): string =>
  secrets
    .filter((secret) => secret.length >= HIDDEN_FROM_CHARACTERS)
    .reduce((shown, secret) => shown.replaceAll(secret, "[secret]"), text);

const indented = (text: string): string => text.trimEnd().replace(/^/gm, "  ");
