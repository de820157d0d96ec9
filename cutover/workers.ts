import { setTimeout as pause } from "node:timers/promises";
import type { Ended } from "../stacks/engine/docker";
import { type Color, other } from "../stacks/service/color";
import { dockerProblem, STAYS_UP_MILLISECONDS } from "../stacks/service/health";
import type { WorkerStart } from "../stacks/service/moments";
import type { BesideContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { printableLine } from "../stacks/text/plain";
import { goneOf } from "./missing";
import { patiently, STOP_SECONDS } from "./patience";
import { firstLine, type Run, since } from "./run";

/** Whether a worker's containers run for the live color alone: all do where only one color may run at a time. */
const followsLive = (run: Run, { made }: BesideContainer): boolean =>
  made.follow !== "both" || run.isAlone || run.order.idle !== "running";

/**
 * Stops the workers of the color that the public has left, so that two releases never take jobs from one queue.
 *
 * @throws Error where they do not end, or still do when a cancelled run waits no longer.
 */
export async function stopWorkers(run: Run, color: Color): Promise<void> {
  const running = run.beside.workers[color].filter(
    (worker) => followsLive(run, worker) && worker.state.Running && !run.ending.has(worker.id),
  );
  if (running.length === 0) return;
  run.say(`${namesOf(running)} of ${color}: asked to end`);
  const ended = await run.timed("workers", () => askToEnd(run, running));
  if (ended === undefined)
    throw new Error(
      `${namesOf(running)} of ${color} still ${running.length === 1 ? "ends" : "end"}, and the run was cancelled`,
    );
  if (ended.code !== 0) throw new Error(`the workers of ${color} do not end: ${firstLine(ended.stderr.trim())}`);
  await run.readSlots();
  tellKilled(run, color, running);
}

/** The exit code of what was ended by force. */
const KILLED = 137;

/** Says which of the workers that were asked to end had to be killed: what they were at may be done twice, or never. */
function tellKilled(run: Run, color: Color, asked: readonly BesideContainer[]): void {
  const ids = new Set(asked.map(({ id }) => id));
  for (const { id, container, state } of run.beside.workers[color]) {
    if (!ids.has(id) || state.Running || state.ExitCode !== KILLED) continue;
    const killed = `the worker ${container} was killed (exit code ${KILLED}), as after its stop_grace_period`;
    run.say(killed);
    run.note(killed);
  }
}

/** Has the engine end containers, each in its own time; undefined where a cancelled run waits no longer. */
export function askToEnd(run: Run, containers: readonly BesideContainer[]): Promise<Ended | undefined> {
  const ids = containers.map(({ id }) => id);
  run.workersMoved = true;
  for (const id of ids) run.ending.add(id);
  const ended = run.tools.docker.run(["stop", ...ids], { timeoutSeconds: STOP_SECONDS }).finally(() => {
    for (const id of ids) run.ending.delete(id);
  });
  return patiently(run.tools.signal, ended);
}

/**
 * Starts a color's workers, and looks whether they stay up; from then on they are watched. Returns what is wrong with one, in words;
 * undefined for nothing.
 *
 * @param which those that start then, or follow both; all where it is left out.
 * @param signal ends the look.
 */
export async function startWorkers(
  run: Run,
  color: Color,
  which: WorkerStart | "both" | "all" = "all",
  signal = run.tools.signal,
): Promise<string | undefined> {
  const isDue = (worker: BesideContainer) =>
    which === "all" || (which === "both" ? !followsLive(run, worker) : (worker.made.start ?? "after-switch") === which);
  const due = run.beside.workers[color].filter(isDue);
  const stopped = due.filter(({ state }) => !state.Running);
  // For Docker one that waits for its next start runs.
  const looping = due.find(({ id, state }) => state.Status === "restarting" && !run.ending.has(id));
  if (looping !== undefined) return illness(run, looping, `ends again and again (exit code ${looping.state.ExitCode})`);
  const trouble = stopped.length === 0 ? undefined : await start(run, color, stopped, signal);
  const ending = due.find(({ id, state }) => state.Running && run.ending.has(id));
  if (trouble !== undefined || ending === undefined) return trouble;
  const { container } = ending;
  return `its worker ${container} was asked to end and still does: docker wait ${container} && docker start ${container}`;
}

async function start(
  run: Run,
  color: Color,
  stopped: readonly BesideContainer[],
  signal: AbortSignal,
): Promise<string | undefined> {
  run.say(`${namesOf(stopped)} of ${color}: started`);
  run.workersMoved = true;
  const started = performance.now();
  const ended = await run.tools.docker.run(["start", ...stopped.map(({ id }) => id)], { timeoutSeconds: STOP_SECONDS });
  if (ended.code !== 0) {
    const ill = stopped.find(({ id }) => ended.stderr.includes(id)) ?? stopped[0];
    const why = printableLine(firstLine(ended.stderr.trim()));
    return ill && illness(run, ill, `does not start: ${why}`);
  }
  await pause(STAYS_UP_MILLISECONDS, undefined, { signal }).catch(() => {});
  await run.readSlots();
  run.seconds.workers = (run.seconds.workers ?? 0) + since(started);
  for (const worker of stopped) {
    const now = run.beside.workers[color].find(({ id }) => id === worker.id);
    // The engine counts from zero again when somebody starts a container.
    const trouble = now === undefined ? "is gone" : dockerProblem(now.state, now.restarts, true, "worker");
    if (trouble !== undefined) return illness(run, worker, trouble);
    if (now !== undefined) run.watchedWorkers.push(now);
  }
  return undefined;
}

/** Has the workers of the color that serves, and no other ones; what can't be done is said, and is in the last line too. */
export const moveWorkers = (run: Run, color: Color): Promise<void> =>
  orNote(run, color, async () => {
    await stopWorkers(run, other(color));
    return (await startWorkers(run, color)) ?? goneOf(run, color);
  });

/** The same after a way back: whatever of the way forth still goes on ends first. */
export const returnWorkers = (run: Run, color: Color): Promise<void> =>
  orNote(run, color, async () => {
    await run.readSlots();
    const [stopped] = await Promise.allSettled([stopWorkers(run, other(color)), run.following?.halt()]);
    if (stopped.status === "rejected") throw stopped.reason;
    if (run.following !== undefined) {
      // One of them may have been about to start.
      await run.readSlots();
      await stopWorkers(run, other(color));
    }
    return (await startWorkers(run, color)) ?? goneOf(run, color);
  }).finally(() => {
    run.following = undefined;
    run.workersMoved = color !== run.before?.color;
  });

/** Starts those of the idle color's workers that follow both, as after it was stopped as a whole. */
export async function startBoth(run: Run, idle: Color): Promise<void> {
  if (run.order.replicas[idle] > 0) await orNote(run, idle, () => startWorkers(run, idle, "both"));
}

async function orNote(run: Run, color: Color, act: () => Promise<string | undefined>): Promise<void> {
  const trouble = await act().catch(
    (error: Error) => `the workers do not follow to ${color}: ${firstLine(error.message)}`,
  );
  if (trouble === undefined) return;
  run.say(`${trouble}; next: npm run status`);
  run.note(trouble);
}

/** What happened to the workers of the color on trial since they were looked at first, in words; undefined for nothing. */
export function workersChanged(
  run: Run,
  first: readonly BesideContainer[],
  now: readonly BesideContainer[],
): string | undefined {
  for (const worker of first) {
    const seen = now.find(({ id }) => id === worker.id);
    if (seen === undefined) return `its worker ${worker.container} is gone`;
    const problem = dockerProblem(seen.state, seen.restarts - worker.restarts, worker.state.OOMKilled, "worker");
    if (problem !== undefined) return illness(run, worker, problem);
    if (seen.state.StartedAt !== worker.state.StartedAt) return illness(run, worker, "was started again");
  }
  return undefined;
}

/** Says what is wrong with a worker, whose log is what is shown of this run then. */
function illness(run: Run, worker: BesideContainer, what: string): string {
  run.illWorker = worker;
  return `its worker ${worker.container} ${hide(run.secrets, what)}`;
}

const namesOf = (workers: readonly BesideContainer[]): string => {
  const names = [...new Set(workers.map(({ name }) => name))];
  return `${names.length === 1 ? "worker" : "workers"} ${names.join(", ")}`;
};
