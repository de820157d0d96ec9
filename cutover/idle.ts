import { setTimeout as pause } from "node:timers/promises";
import type { Docker } from "../stacks/engine/docker";
import { waitDrained } from "../stacks/engine/drain";
import { COLORS, type Color, other } from "../stacks/service/color";
import type { Serving } from "../stacks/service/serving";
import type { SlotContainer } from "../stacks/service/world";
import { firstLine, type Run, since } from "./run";
import { returnWorkers, stopWorkers } from "./workers";

/** Between two looks at whether a color that was started again answers. */
const LOOK_AGAIN_MILLISECONDS = 200;

/** How long the engine may take to stop containers, beside the time that they have for it. */
const STOP_SECONDS = 60;

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
  const leaves = other(target);
  const containers = run.slots[leaves].filter(({ state }) => state.Running);
  if (!run.isAlone || containers.length === 0) return;
  run.say(
    `${leaves} is stopped before ${target} starts, since sharedWhileSwitching is false: the public gets no answer meanwhile`,
  );
  run.vacated = { containers, since: performance.now() };
  await stopWorkers(run, leaves);
  await run.timed("stop", () => stop(tools.docker, containers));
  await run.readSlots();
}

/** Brings the color back that was stopped for the target, which did not go live: it has what both share for itself again. */
export async function reoccupy(run: Run): Promise<void> {
  const { vacated, target, order, tools, proxy } = run;
  if (vacated === undefined) return;
  run.vacated = undefined;
  const old = other(target);
  await stop(
    tools.docker,
    run.slots[target].filter(({ state }) => state.Running),
  );
  await tools.docker.ask("start", ...vacated.containers.map(({ id }) => id));
  // As nginx reaches it, which looks its address up again.
  const deadline = performance.now() + order.healthTimeoutSeconds * 1000;
  const answers = () => proxy.answers(old).catch(() => false);
  while (!(await answers()) && performance.now() < deadline) await pause(LOOK_AGAIN_MILLISECONDS);
  await returnWorkers(run, old);
  run.say(`${old} is started again: the public got no answer for ${since(vacated.since)} s`);
}

/** SIGTERM first, then each container's own time to end. */
async function stop(docker: Docker, containers: readonly SlotContainer[]): Promise<void> {
  if (containers.length === 0) return;
  const grace = Math.max(...containers.map(({ made }) => made.stopGraceSeconds ?? 0));
  const ids = containers.map(({ id }) => id);
  const ended = await docker.run(["stop", ...ids], { timeoutSeconds: grace + STOP_SECONDS });
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
  if (tools.signal.aborted) throw new Error("the run was cancelled");
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
