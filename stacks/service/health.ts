import { setTimeout as pause } from "node:timers/promises";
import type { Docker } from "../engine/docker";
import { hide } from "../text/hide";
import { lastOfLines, printable, printableLine, shortened } from "../text/plain";
import type { ContainerState } from "./world";

/** How often it is looked at meanwhile, and how often that is said. */
const LOOK_EVERY_MILLISECONDS = 300;
/** A container that ends again and again is looked at until it has ended once more: only then its exit code is told. */
const LOOK_AGAIN_MILLISECONDS = 100;
const MOST_LOOKS_AGAIN = 30;
const SAY_EVERY_SECONDS = 10;

/** Lines of a container's log that an error shows. */
const LOG_LINES = 30;

const CANCELLED = "was not waited for any longer, since the run was cancelled";

/** Which container is waited for, and what its errors must not show. */
export interface HealthWait {
  /** How long it may take, in seconds. */
  seconds: number;
  /** Values that the container was given and that may be in its log. */
  secrets: readonly string[];
  /** How often it had been started again before; each one more is a failure. */
  restarts: number;
  /** Whether Docker had marked it as killed for want of memory before: the mark stays for as long as it runs. */
  wasKilled?: boolean;
  /** Gets a line for people now and then. */
  say: (line: string) => unknown;
  /** Aborted when the run is cancelled: nothing is waited for any longer then. */
  signal?: AbortSignal;
}

/** Whether it runs, so that its state has forgotten how it ended the last time. */
const isUpAgain = ({ Running, Status }: ContainerState): boolean => Running && Status !== "restarting";

/**
 * What one look at a container's state says: well, not yet, or why it never will be.
 *
 * @param restarts how often the engine has started it again meanwhile.
 * @param wasKilled whether Docker's mark "killed for want of memory" may be an old one: the mark outlives the engine's own restart, and
 * is also set where the kernel has killed another process of the container. Of a container that runs, an old mark says nothing.
 */
export function verdict(
  state: ContainerState,
  restarts: number,
  wasKilled = true,
): "healthy" | "starting" | { failed: string } {
  const health = state.Health?.Status;
  if (state.OOMKilled && !(wasKilled && isUpAgain(state)))
    return { failed: "was killed for want of memory (setting memoryMb)" };
  if (restarts > 0 && isUpAgain(state)) return { failed: "ended and was started again" };
  if (restarts > 0 || !state.Running) return { failed: `ended with exit code ${state.ExitCode}` };
  if (health === "unhealthy") {
    return { failed: `is unhealthy${checkSays(state)}` };
  }
  return health === "healthy" ? "healthy" : "starting";
}

/** The engine's words where an image has no shell, whatever its version puts around them. */
const NO_SHELL = /exec: "(?:\/bin\/)?sh": (?:executable file not found|stat \S+: no such file)/;

/** What a health check printed, or what it means where the engine's words alone don't tell. */
const explained = (output: string): string =>
  NO_SHELL.test(output)
    ? `nothing, since it can't run: the image has no shell (sh), which the check needs. Take an image that has one (${output})`
    : output;

/** What the latest health check printed, to follow what was seen; empty where it printed nothing. */
function checkSays({ Health }: ContainerState): string {
  const last = explained(printableLine(Health?.Log?.at(-1)?.Output ?? ""));
  return last && `; its health check says: ${last}`;
}

/**
 * Waits until the container is healthy; one that ended or is unhealthy is not waited for, nor any once the run is cancelled.
 *
 * @returns undefined once it is healthy, otherwise what was seen, with the end of the container's log (without the secrets).
 */
export async function waitHealthy(
  docker: Docker,
  containerId: string,
  waited: HealthWait,
): Promise<string | undefined> {
  // The wall clock may be set meanwhile.
  const started = performance.now();
  let said = 0;
  let again = 0;
  for (;;) {
    const [container] = JSON.parse(await docker.ask("container", "inspect", containerId));
    const name = container.Name.slice(1);
    const restarts = container.RestartCount - waited.restarts;
    const seen = verdict(container.State, restarts, waited.wasKilled === true);
    if (seen === "healthy") return undefined;
    if (restarts > 0 && isUpAgain(container.State) && again < MOST_LOOKS_AGAIN && waited.signal?.aborted !== true) {
      again += 1;
      await pause(LOOK_AGAIN_MILLISECONDS);
      continue;
    }

    const seconds = Math.floor((performance.now() - started) / 1000);
    const cancelled = waited.signal?.aborted === true;
    if (seen !== "starting" || cancelled || seconds >= waited.seconds) {
      const why = cancelled
        ? CANCELLED
        : `is not healthy after ${seconds} s (setting healthTimeoutSeconds)${checkSays(container.State)}`;
      const failed = seen === "starting" ? why : seen.failed;
      // Cut when the secrets are hidden: half of one would not be known.
      return `the container ${name} ${shortened(hide(waited.secrets, failed))}.\n${await lastLines(docker, containerId, waited.secrets)}`;
    }
    if (seconds >= said + SAY_EVERY_SECONDS) {
      said = seconds;
      await waited.say(`health ${seconds}/${waited.seconds} s, not healthy yet (${name})`);
    }
    const { signal } = waited;
    // Cut short, it is looked at once more.
    await pause(LOOK_EVERY_MILLISECONDS, undefined, signal && { signal }).catch(() => {});
  }
}

/** The end of a container's log for an error, without the secrets that it was given and without what a terminal would act on. */
export async function lastLines(docker: Docker, container: string, secrets: readonly string[]): Promise<string> {
  const log = await docker.log(container, LOG_LINES).catch(String);
  const text = printable(log).trimEnd();
  return text === ""
    ? "Its log is empty."
    : `The last lines of its log:\n${lastOfLines(hide(secrets, text)).replace(/^/gm, "  ")}`;
}
