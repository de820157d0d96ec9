import { setTimeout as pause } from "node:timers/promises";
import type { Docker } from "../stacks/engine/docker";
import { waitDrained } from "../stacks/engine/drain";
import { COLORS, type Color, other } from "../stacks/service/color";
import type { Serving } from "../stacks/service/serving";
import type { BesideContainer, SlotContainer } from "../stacks/service/world";
import { CANCELLED, firstLine, type Run, since } from "./run";
import { askToEnd, stopWorkers } from "./workers";

/** Between two looks at whether a color that was started again answers. */
const LOOK_AGAIN_MILLISECONDS = 200;

/** How long the engine may take to stop containers, beside the time that they have for it. */
const STOP_SECONDS = 60;

/** How long a container may take to end where its color does not say how long, in seconds: as in Docker. */
const DEFAULT_GRACE_SECONDS = 10;

/**
 * Starts what this run needs and what does not run: the containers of the colors that visitors are to be on, whoever stopped them,
 * and those of one that was stopped because it was idle. Answers which colors came up by it.
 */
export async function startStopped(run: Run): Promise<Color[]> {
  const { order, target, before } = run;
  const retired = before?.record.retired;
  const needed = COLORS.filter((color) => color === target || order.canaryPercent > 0 || color === retired?.color);
  const started: Color[] = [];
  for (const color of needed.filter((color) => order.replicas[color] > 0)) {
    const stopped = run.containersOf(color).filter(({ state }) => !state.Running);
    const wasRetired = color === retired?.color;
    if (stopped.length > 0) await start(run, color, stopped, wasRetired ? `was ${retired.how}` : "is stopped");
    if (stopped.length > 0 || wasRetired) started.push(color);
  }
  return started;
}

async function start(run: Run, color: Color, stopped: readonly SlotContainer[], seen: string): Promise<void> {
  const whole = stopped.length === run.containersOf(color).length;
  run.say(`${whole ? color : stopped.map(({ name }) => name).join(", ")} ${seen}: it is started`);
  await run.timed("start", () => run.tools.docker.ask("start", ...stopped.map(({ id }) => id)));
  await run.readSlots();
}

/** Stops the color that is not to be live before the other one starts, where the two must not have their volumes at the same time. */
export async function vacate(run: Run): Promise<void> {
  const { target, tools } = run;
  if (!run.isAlone) return;
  const leaves = other(target);
  // In their own time: the web containers still answer the public.
  await stopWorkers(run, leaves);
  await stopJobs(run, leaves);
  run.stopIfCancelled();
  const containers = run.slots[leaves].filter(({ state }) => state.Running);
  if (containers.length === 0) return;
  run.say(
    `${leaves} is stopped before ${target} starts, since sharedWhileSwitching is false: the public gets no answer meanwhile`,
  );
  run.vacated = { containers, since: performance.now() };
  await run.timed("stop", () => stop(tools.docker, containers));
  await run.readSlots();
}

/** Brings the color back that was stopped for the target, which did not go live: it has what both share for itself again. */
export async function reoccupy(run: Run): Promise<void> {
  const { vacated, target, order, tools, proxy } = run;
  if (vacated === undefined) return;
  run.vacated = undefined;
  const old = other(target);
  await clear(run, target);
  await tools.docker.ask("start", ...vacated.containers.map(({ id }) => id));
  // As nginx reaches it, which looks its address up again.
  const deadline = performance.now() + order.healthTimeoutSeconds * 1000;
  const answers = () => proxy.answers(old).catch(() => false);
  let isWell = await answers();
  while (!isWell && performance.now() < deadline) {
    await pause(LOOK_AGAIN_MILLISECONDS);
    isWell = await answers();
  }
  if (!isWell) run.note(`${old} was started again and does not answer yet`);
  run.say(`${old} is started again: the public got no answer for ${since(vacated.since)} s`);
}

/** Ends the jobs of an earlier run that was cut off, which the other color may not run beside. */
async function stopJobs(run: Run, color: Color): Promise<void> {
  const running = run.beside.jobs[color].filter(({ state }) => state.Running);
  if (running.length === 0) return;
  run.say(`${running.map(({ name }) => `job ${name}`).join(", ")} of ${color}: asked to end`);
  const ended = await askToEnd(run, running);
  if (ended?.code !== 0)
    throw new Error(`the jobs of ${color} do not end: ${firstLine(ended?.stderr.trim() ?? CANCELLED)}`);
}

/**
 * Ends all of a color that the other one must not run beside, while the public waits: workers and jobs get no longer for it than the
 * web containers.
 */
async function clear(run: Run, color: Color): Promise<void> {
  const halted = run.following?.halt() ?? Promise.resolve();
  run.workersMoved = true;
  for (let isOver = false; ; ) {
    await run.readSlots();
    const isUp = ({ state }: { state: { Running: boolean } }) => state.Running;
    const beside = [...run.beside.workers[color], ...run.beside.jobs[color]].filter(isUp);
    await Promise.all([stop(run.tools.docker, run.slots[color].filter(isUp)), endSoon(run, color, beside)]);
    if (isOver) return;
    // What was about to start may have done so meanwhile.
    isOver = await Promise.race([halted.then(() => true), pause(LOOK_AGAIN_MILLISECONDS).then(() => false)]);
  }
}

/** Ends workers and jobs; those that take longer than a web container may are killed. */
async function endSoon(run: Run, color: Color, running: readonly BesideContainer[]): Promise<void> {
  if (running.length === 0) return;
  const { docker } = run.tools;
  const seconds = graceOf(run.slots[color]) || DEFAULT_GRACE_SECONDS;
  const names = running.map(({ name }) => name).join(", ");
  const ids = running.map(({ id }) => id);
  run.say(`${names} of ${color}: asked to end, and killed after ${seconds} s, since the public waits`);
  const late = setTimeout(() => void docker.run(["kill", ...ids]).catch(() => {}), seconds * 1000);
  const ended = await docker
    .run(["stop", ...ids], { timeoutSeconds: seconds + STOP_SECONDS })
    .finally(() => clearTimeout(late));
  if (ended.code !== 0) throw new Error(ended.stderr.trim());
}

/** How long the longest of these may take to end, in seconds. */
const graceOf = (containers: readonly SlotContainer[]): number =>
  Math.max(0, ...containers.map(({ made }) => made.stopGraceSeconds ?? 0));

/** SIGTERM first, then each container's own time to end. */
async function stop(docker: Docker, containers: readonly SlotContainer[]): Promise<void> {
  if (containers.length === 0) return;
  const ids = containers.map(({ id }) => id);
  const ended = await docker.run(["stop", ...ids], { timeoutSeconds: graceOf(containers) + STOP_SECONDS });
  if (ended.code !== 0) throw new Error(ended.stderr.trim());
}

/** The idle color's containers that were never started, as when their network was gone: no one stopped them on purpose. */
export async function startIdle(run: Run): Promise<void> {
  const idle = other(run.target);
  if (run.isAlone) return;
  const stopped = run.containersOf(idle).filter(({ state }) => state.Status === "created");
  if (stopped.length === 0) return;
  await start(run, idle, stopped, "was never started").catch((error: Error) => {
    run.say(`${idle} does not start: ${firstLine(error.message)}; the next \`pulumi up\` tries it again`);
  });
}

/** Waits until these have answered their last request, or the time for that is over. */
export async function drain(run: Run, what: string, containers: readonly SlotContainer[]): Promise<void> {
  const { order, tools, proxy } = run;
  const ids = containers.filter(({ state }) => state.Running).map(({ id }) => id);
  if (ids.length === 0) return;
  await waitDrained(tools.docker, proxy.id, ids, {
    what,
    seconds: order.drainSeconds,
    quietSeconds: order.keepAliveSeconds,
    retired: true,
    say: tools.say,
    signal: tools.signal,
  });
}

/** Those that leave answer their last requests; the idle color's are stopped where it is to be, others are Pulumi's to remove. */
export async function letGo(run: Run): Promise<void> {
  const { order, target, tools, leaving } = run;
  const idle = other(target);
  if (leaving.length === 0) return;
  const whole = order.replicas[idle] === 0;
  const names = leaving.filter((container) => !whole || !run.slots[idle].includes(container));
  const what = [...(whole ? [idle] : []), ...names.map(({ name }) => name)].join(", ");
  await drain(run, what, leaving);
  if (tools.signal.aborted) throw new Error(CANCELLED);
  const stops = order.idle === "stopped" && whole ? run.slots[idle].filter(({ state }) => state.Running) : [];
  if (whole) await stopWorkers(run, idle);
  if (stops.length === 0) return;
  await stop(tools.docker, stops);
  run.say(`${idle} is stopped; it comes up again with: pulumi config set activeColor ${idle} && pulumi up`);
}

/** What became of the number of containers, in words. */
export function scaled(run: Run, { replicas: before }: Serving): string[] {
  const { replicas } = run.order;
  return COLORS.filter((color) => replicas[color] !== before[color]).map((color) => {
    if (replicas[color] === 0) return `${color} is ${run.order.idle}`;
    if (before[color] === 0) return `${color} comes up again`;
    return `${color} has ${replicas[color] === 1 ? "1 container" : `${replicas[color]} containers`} (${before[color]} before)`;
  });
}
