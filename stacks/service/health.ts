import { setTimeout as pause } from "node:timers/promises";
import type { Docker } from "../engine/docker";
import { shell } from "../engine/scripts";
import { hide } from "../text/hide";
import { lastOfLines, printable, printableLine, shortened } from "../text/plain";
import type { Color } from "./color";
import type { HealthRequest } from "./configuration";
import { type HealthAnswer, healthAnswer } from "./healthAnswer";
import type { ReplicaName } from "./names";
import type { ContainerState } from "./world";

/** How long the proxy asks a container before its state is looked at again: one that has ended is not asked any longer. */
const ASK_SECONDS = 1;
/** Between two looks at a container that is not asked yet, or that ends again and again: only once it has ended is its exit code known. */
const LOOK_AGAIN_MILLISECONDS = 100;
const MOST_LOOKS_AGAIN = 30;
/** The proxy may fail to be asked so many times in a row. */
const MOST_UNASKED = 3;
const SAY_EVERY_SECONDS = 10;

/** Lines of a container's log that an error shows. */
const LOG_LINES = 30;

const CANCELLED = "was not waited for any longer, since the run was cancelled";

/**
 * Has the proxy ask a container for its health until it is well, for about so many seconds.
 *
 * @throws Error where the proxy can't be asked.
 */
export async function askHealth(
  docker: Docker,
  proxy: string,
  container: ReplicaName,
  { port, path, host, scheme, statuses }: HealthRequest,
  seconds: number,
): Promise<HealthAnswer> {
  const command = shell("health", seconds, container, port, path, host, scheme, statuses);
  const text = await docker.ask("exec", proxy, ...command);
  const answer = healthAnswer(text);
  if (answer === undefined) throw new Error(`the proxy said of ${container}'s health: ${printableLine(text)}`);
  return answer;
}

/**
 * Waits until nginx reaches a color by the way that visitors take, for so many seconds at most: of a container that has just been made it
 * knows the address a moment later. Whoever reports how a color is would call it ill until then.
 */
export async function waitReached(docker: Docker, proxy: string, color: Color, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  const reached = async () =>
    healthAnswer((await docker.ask("exec", proxy, ...shell("reach", color)).catch(() => "")).trim())?.well === true;
  while (!(await reached()) && performance.now() < deadline) await pause(LOOK_AGAIN_MILLISECONDS);
}

/** Which container is waited for, and what its errors must not show. */
export interface HealthWait {
  /** How long it may take, in seconds. */
  seconds: number;
  /** Has the proxy ask it, until it is well or for about so many seconds. */
  ask: (seconds: number) => Promise<HealthAnswer>;
  /** Values that the container was given and that may be in its log. */
  secrets: readonly string[];
  /** How often it had been started again before; each one more is a failure. */
  restarts: number;
  /** Whether Docker had marked it as killed for want of memory before: the mark stays for as long as it runs. */
  wasKilled?: boolean;
  /** What it is; one of a color's web containers where it is left out. */
  kind?: MemoryKind;
  /** Gets a line for people now and then. */
  say: (line: string) => unknown;
  /** Aborted when the run is cancelled: nothing is waited for any longer then. */
  signal?: AbortSignal;
}

/** How long what was started, and has no check of its own, must run before it counts as up: what can't find its files ends within that time. */
export const STAYS_UP_MILLISECONDS = 2000;

/** How far back what happened to a container says something of how it is now. */
export const PAST_SECONDS = 600;

/** So often started again within that time it is not over a mishap. */
const LOOP_RESTARTS = 2;

/**
 * Reports whether a container ends and is started again and again. One that waits for its next start counts as running for Docker.
 *
 * @param now the engine's clock, in seconds since 1970.
 */
export const isLooping = ({ state, restarts }: { state: ContainerState; restarts: number }, now: number): boolean =>
  isBetweenStarts(state) ||
  (restarts >= LOOP_RESTARTS && state.Running && now - Date.parse(state.StartedAt) / 1000 < PAST_SECONDS);

/** Whether the engine waits before it starts it again: none of its processes runs. */
const isBetweenStarts = ({ Status }: ContainerState): boolean => Status === "restarting";

/** Whether it runs, so that its state has forgotten how it ended the last time. */
const isUpAgain = (state: ContainerState): boolean => state.Running && !isBetweenStarts(state);

/**
 * What is said of each kind of container that the kernel has killed, with what bounds its memory as whoever sets it knows that; of those
 * that watch both colors nobody sets it.
 */
const KILLED = {
  web: "was killed for want of memory (setting memoryMb)",
  worker: "was killed for want of memory (its mem_limit, or else the setting memoryMb)",
  accessory: "was killed for want of memory (its mem_limit)",
  monitoring: "was killed for want of memory",
} as const;

/** A kind of container, as far as it matters what bounds its memory. */
export type MemoryKind = keyof typeof KILLED;

/**
 * Returns what Docker says of a container: `running`, which the proxy may ask; `starting` or `unhealthy` where the image has a health
 * check of its own; or why it never will be well.
 *
 * @param restarts how often the engine has started it again meanwhile.
 * @param wasKilled whether Docker's mark "killed for want of memory" may be an old one: the mark outlives the engine's own restart, and
 * is also set where the kernel has killed another process of the container. Of a container that runs, an old mark says nothing.
 */
export function verdict(
  state: ContainerState,
  restarts: number,
  wasKilled = true,
  kind: MemoryKind = "web",
): "running" | "starting" | "unhealthy" | { failed: string } {
  if (state.OOMKilled && !(wasKilled && isUpAgain(state))) return { failed: KILLED[kind] };
  if (restarts > 0 && isUpAgain(state)) return { failed: "ended and was started again" };
  if (restarts > 0 || !state.Running) return { failed: `ended with exit code ${state.ExitCode}` };
  const health = state.Health?.Status;
  return health === "starting" || health === "unhealthy" ? health : "running";
}

/**
 * Returns what is wrong with a container that should be well, as far as Docker knows; undefined for nothing.
 *
 * @param restarts see {@link verdict}, as for `wasKilled`.
 */
export function dockerProblem(
  state: ContainerState,
  restarts = 0,
  wasKilled = true,
  kind: MemoryKind = "web",
): string | undefined {
  const seen = verdict(state, restarts, wasKilled, kind);
  if (typeof seen === "object") return seen.failed;
  // However often it was started again before it was looked at first.
  if (isBetweenStarts(state)) return `ended with exit code ${state.ExitCode}`;
  if (seen !== "unhealthy") return undefined;
  const says = checkSays(state);
  return says === undefined ? "is unhealthy" : `is unhealthy; ${says}`;
}

/** What was seen of a container that runs and was not well in time. */
function lateness(state: ContainerState, answer: HealthAnswer | Error | undefined, seconds: number): string {
  if (answer instanceof Error) return `can't be asked for its health by the proxy: ${printableLine(answer.message)}`;
  const own = {
    starting: "its image's own health check has not said yet that it is well",
    unhealthy: checkSays(state) ?? "its image's health check calls it unhealthy",
  }[state.Health?.Status ?? ""];
  const seen = [answer?.well === false && `its health path says: ${answer.seen}`, own].filter((one) => one);
  return [`is not healthy after ${seconds} s (setting healthTimeoutSeconds)`, ...seen].join("; ");
}

/** What an image's own health check printed last; undefined where that is nothing. */
function checkSays({ Health }: ContainerState): string | undefined {
  const last = printableLine(Health?.Log?.at(-1)?.Output ?? "");
  return last === "" ? undefined : `its image's health check says: ${last}`;
}

/**
 * Waits until the container is well: the proxy gets the answer that it should from it, and the image's own health check, where it has
 * one, agrees. A container that has ended is not waited for, nor any once the run is cancelled.
 *
 * @returns undefined once it is well, otherwise what was seen, with the end of the container's log (without the secrets).
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
  let unasked = 0;
  for (;;) {
    const [container] = JSON.parse(await docker.ask("container", "inspect", containerId));
    const name = container.Name.slice(1);
    const restarts = container.RestartCount - waited.restarts;
    const seen = verdict(container.State, restarts, waited.wasKilled === true, waited.kind);
    const cancelled = waited.signal?.aborted === true;
    if (restarts > 0 && isUpAgain(container.State) && again < MOST_LOOKS_AGAIN && !cancelled) {
      again += 1;
      await pause(LOOK_AGAIN_MILLISECONDS);
      continue;
    }
    const failed = typeof seen === "object" ? seen.failed : cancelled ? CANCELLED : undefined;
    const answer = failed === undefined ? await waited.ask(ASK_SECONDS).catch((error: Error) => error) : undefined;
    if (seen === "running" && !(answer instanceof Error) && answer?.well) return undefined;
    unasked = answer instanceof Error ? unasked + 1 : 0;

    const seconds = Math.floor((performance.now() - started) / 1000);
    if (failed !== undefined || unasked >= MOST_UNASKED || seconds >= waited.seconds) {
      const words = failed ?? lateness(container.State, answer, seconds);
      // Cut when the secrets are hidden: half of one would not be known.
      const log = await lastLines(docker, containerId, waited.secrets);
      const hint = strictHint(log, container.HostConfig);
      return `the container ${name} ${shortened(hide(waited.secrets, words))}.\n${log}${hint === undefined ? "" : `\n${hint}`}`;
    }
    if (seconds >= said + SAY_EVERY_SECONDS) {
      said = seconds;
      await waited.say(`health ${seconds}/${waited.seconds} s, not healthy yet (${name})`);
    }
    // One that was asked has been waited for already.
    const { signal } = waited;
    if (answer instanceof Error || answer?.well)
      await pause(1000 * ASK_SECONDS, undefined, signal && { signal }).catch(() => {});
  }
}

/** What a container may do, as `docker inspect` has it. */
interface Allowed {
  ReadonlyRootfs?: boolean;
  CapDrop?: string[] | null;
}

/** Returns which key opens what a container's log complains of, where it is the strict set that closes it; undefined otherwise. */
export function strictHint(log: string, { ReadonlyRootfs, CapDrop }: Allowed = {}): string | undefined {
  const all = "or run it as its image is made to: pulumi config set hardened false";
  if (ReadonlyRootfs === true && /read-only file ?system|\bEROFS\b/i.test(log)) {
    return (
      "Its root file system is read-only. What opens it: a folder in memory (pulumi config set --path 'container.tmpfs[0]' <path>), " +
      `all of it (pulumi config set --path container.read_only false), ${all}`
    );
  }
  const denied =
    /operation not permitted|permission denied|\bEPERM\b|\bEACCES\b|\bset[ug]id\b|\bsetgroups\b|\bchown\b/i;
  if ((CapDrop ?? []).includes("ALL") && denied.test(log)) {
    return (
      "It has no capabilities. What opens it: the ones that it needs, such as CHOWN, SETUID and SETGID (pulumi config set --path " +
      `'container.cap_add[0]' CHOWN), ${all}`
    );
  }
  return undefined;
}

/** The end of a container's log for an error, without the secrets that it was given and without what a terminal would act on. */
export async function lastLines(docker: Docker, container: string, secrets: readonly string[]): Promise<string> {
  const log = await docker.log(container, LOG_LINES).catch(String);
  const text = printable(log).trimEnd();
  return text === ""
    ? "Its log is empty."
    : `The last lines of its log:\n${lastOfLines(hide(secrets, text)).replace(/^/gm, "  ")}`;
}
