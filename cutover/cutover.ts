import { isGone } from "../stacks/engine/docker";
import type { Color } from "../stacks/service/color";
import { containerName } from "../stacks/service/names";
import { isStable, type Serving } from "../stacks/service/serving";
import { bake } from "./bake";
import { raiseCanary } from "./canary";
import { keepReceiver, tell } from "./delivery";
import { followBack, followFirst, followLive } from "./follow";
import { examine, gate, healthy, prepare } from "./gate";
import { drain, scaled, startIdle, startStopped, vacate } from "./idle";
import { runLateJobs } from "./jobs";
import { holderSince, type Lock } from "./lock";
import { move } from "./move";
import type { Order } from "./order";
import { type CutoverProxy, Nginx } from "./proxy";
import { finish, noteMove, recordAfter, tellMetrics } from "./record";
import { Run, since, type Tools } from "./run";
import { orRemember } from "./settle";

/** How long another cutover in the same proxy is waited for: one whose `pulumi up` was killed goes on to its end. */
const LOCK_WAIT_SECONDS = 120;

/** Carries out one order, under the proxy's lock, and writes the history. */
export async function carryOut(order: Order, tools: Tools): Promise<void> {
  const proxy = new Nginx(tools.docker, order.proxy);
  const began = new Date().toISOString();
  const lock = await takeLock(order, tools, proxy, began);
  const run = new Run(order, tools, proxy, lock, began);
  try {
    await orRemember(run, async () => {
      await run.readSlots();
      await act(run);
      await startIdle(run);
    });
  } finally {
    await Promise.all([keepReceiver(run).then(() => lock.release()), tell(run, order.receiver)]);
  }
}

/** Takes the proxy's lock; whoever else has it is waited for. */
function takeLock(order: Order, tools: Tools, proxy: CutoverProxy, began: string): Promise<Lock> {
  return cancellable(proxy.lock(holderSince(began), LOCK_WAIT_SECONDS, tools.say), tools.signal).catch(
    (error: Error) => {
      const name = containerName(order.owner, "proxy");
      const next = isGone(error)
        ? "pulumi up --refresh, which makes it again"
        : `docker logs --tail 30 ${name}; then: pulumi up`;
      const seen = isGone(error) ? `the container ${name} is gone, so that the public gets no answer.` : error.message;
      throw new Error(`${order.target} was not switched to: ${seen} Nothing was changed.\nNext: ${next}`);
    },
  );
}

/** Names the act that an order asks for, by what serves now, and has it done. */
async function act(run: Run): Promise<void> {
  const { order, target, before, lock } = run;
  for (const [name, content] of Object.entries(order.files)) await lock.writeFile(name, content);
  if (order.sessions) run.sessions = run.nextSessions();
  await vacate(run);
  const started = await startStopped(run);

  if (before === undefined) return firstRun(run);
  if (before.color !== target) {
    const stable = isStable(before.record, target, run.containersOf(target));
    return stable && !started.includes(target) ? wayBack(run) : switchTo(run, before);
  }
  const { moving } = before.record;
  if (moving?.to === target) return finishWatch(run, moving);
  if (order.canaryPercent > (before.record.canary ?? 0)) return raiseCanary(run, before, started);
  return reload(run, before, started);
}

/** The first run: nobody is served yet, so that there is nothing to gate, to watch and to go back to. */
async function firstRun(run: Run): Promise<void> {
  await prepare(run);
  await run.timed("health", () => healthy(run));
  await run.timed("switch", () => move(run, run.order.healthTimeoutSeconds));
  await followFirst(run);
  await finish(run, "first");
}

/** The way back at once, to a color that was stable in the same containers. */
async function wayBack(run: Run): Promise<void> {
  const same = run.containersOf(run.target).length === 1 ? "its container is" : "its containers are";
  run.say(`${run.target} was stable and ${same} the same: going back at once, without smoke tests and watch`);
  await run.timed("switch", () => move(run, run.answerSeconds));
  await finish(run, "instant", undefined, () => followBack(run, run.target));
}

/** A switch: gated before, watched afterwards. */
async function switchTo(run: Run, before: Serving): Promise<void> {
  await run.timed("gate", () => gate(run));
  const from = { generation: before.generation, color: before.color };
  await noteMove(run, from);
  await run.timed("switch", () => move(run, run.answerSeconds, { watched: true }));
  if (run.vacated !== undefined) {
    run.seconds.away = since(run.vacated.since);
    run.say(`the public got no answer for ${run.seconds.away} s`);
  }
  await run.timed("watch", () => bake(run, from));
  await finish(run, "switched", undefined, () => runLateJobs(run, run.target, "after-watch"));
}

/** The rest of a switch that was cut off: its watch. */
async function finishWatch(run: Run, moving: NonNullable<Serving["record"]["moving"]>): Promise<void> {
  run.say(`${run.target} is live, but was not watched to the end after its switch: that is done now`);
  await run.timed("switch", () => move(run, run.answerSeconds, { watched: true, keepPrevious: true }));
  await run.timed("watch", () => bake(run, { generation: moving.generation, color: moving.from }));
  const late = () => runLateJobs(run, run.target, "after-watch");
  await finish(run, "switched", "the watch of a switch that was cut off", late);
}

/** A reload: the public stays on its color, and what is around it changes, as a limit or the number of containers. */
async function reload(run: Run, before: Serving, started: readonly Color[]): Promise<void> {
  const { order, target, retire } = run;
  const containers = run.containersOf(target);
  const stable = isStable(before.record, target, containers);
  const added = containers.filter((container) => !isStable(before.record, target, [container]));
  // Those that came beside the others meet the public when they are what they should be.
  if (added.length < containers.length && added.length > 0) {
    const fewer = before.replicas[target];
    const stay = order.replicas[target] === fewer ? "" : `; or stay: pulumi config set replicas ${fewer} && pulumi up`;
    const next = `docker logs --tail 30 ${added[0]?.name}; when it is mended: pulumi up${stay}`;
    await run.timed("gate", () => examine(run, added, next));
  }
  await run.timed("switch", () => move(run, run.answerSeconds));
  await followLive(run);
  if (retire !== undefined) await run.timed("drain", () => drain(run, retire, run.slots[retire]));
  // A container made anew in front of the public: there is no other one to go back to, but it must be what it should be.
  if (!stable && added.length === containers.length) await run.timed("gate", () => examine(run));

  const asked = before.generation === order.generation && before.answers && !before.edited;
  // The next one of its kind is told from this one by the history.
  if (
    !asked ||
    !stable ||
    retire !== undefined ||
    run.leaving.length > 0 ||
    started.length > 0 ||
    run.notes.length > 0
  ) {
    return finish(run, "reloaded", reloadReasons(run, before).join("; ") || undefined);
  }
  // Nothing moved: a changed limit, for example, is nothing that the history tells.
  const record = recordAfter(run, {});
  if (JSON.stringify(record) !== JSON.stringify(before.record)) await run.lock.writeRecord(record);
  await tellMetrics(run, "reloaded", "none");
}

/** What a reload was for, in words, where there is more to say than its settings. */
const reloadReasons = (run: Run, before: Serving): string[] => [
  ...(run.retire === undefined ? [] : [`${run.retire} has no visitors any more: it is replaced`]),
  ...(before.edited ? [] : scaled(run, before)),
  ...(before.edited ? ["the configuration had been changed"] : []),
];

/** A wait that ends with the run. */
const cancellable = <T>(wait: Promise<T>, signal: AbortSignal): Promise<T> =>
  Promise.race([
    wait,
    new Promise<never>((_, reject) => {
      const stop = () => reject(new Error("the run was cancelled."));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
    }),
  ]);
