import type { Color } from "../stacks/service/color";
import { isStable, type Serving } from "../stacks/service/serving";
import { bake } from "./bake";
import { raiseCanary } from "./canary";
import { keepReceiver, tell } from "./delivery";
import { followBack, followFirst, followLive } from "./follow";
import { examine, gate, healthy, prepareAll } from "./gate";
import { failureWords } from "./hosts";
import { drain, scaled, startIdle, startStopped, vacate } from "./idle";
import { runLateJobs } from "./jobs";
import { move } from "./move";
import type { Order } from "./order";
import { failureOf, lastWord, type Place, startRuns } from "./places";
import { finish, noteMove, recordAfter, tellMetrics } from "./record";
import { type Run, since, type Tools } from "./run";
import { orRemember } from "./settle";

/** Carries out one order, under the proxy's lock, and writes the history. */
export function carryOut(order: Order, tools: Tools): Promise<void> {
  return carryOutOn([{ order, docker: tools.docker }], tools);
}

/**
 * Carries out one cutover on several hosts, each under its proxy's lock: all of them move or none.
 *
 * @throws CutoverFailed with what failed first, and what became of the other hosts.
 */
export async function carryOutOn(places: readonly Place[], tools: Tools): Promise<void> {
  const runs = await startRuns(places, tools);
  const ends = await Promise.allSettled(runs.map(carryOutOne));
  const failed = failureOf(runs, ends);
  const last = failed === undefined ? lastWord(runs) : undefined;
  if (last !== undefined) tools.say(last);
  // Each host has its line of the history, and word goes out once.
  const told = runs.find(({ entry }) => entry !== undefined);
  await Promise.all([
    ...runs.map((run) => keepReceiver(run).then(() => run.lock.release())),
    told && tell(told, told.order.receiver),
  ]);
  if (failed !== undefined) throw failed;
}

/** Does what an order asks for, on its host. */
async function carryOutOne(run: Run): Promise<void> {
  try {
    await orRemember(run, async () => {
      await run.readSlots();
      await act(run);
      await startIdle(run);
    });
  } finally {
    run.hosts.leave(run.host);
  }
}

/** Names the act that an order asks for, by what serves now, and has it done. */
async function act(run: Run): Promise<void> {
  const { order, target, before, lock } = run;
  for (const [name, content] of Object.entries(order.files)) await lock.writeFile(name, content);
  if (order.sessions) run.sessions = run.nextSessions();
  await vacate(run);
  const started = await startStopped(run);

  if (before === undefined) return run.hosts.before === undefined ? firstRun(run) : join(run);
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
  await prepareAll(run);
  await run.timed("health", () => healthy(run));
  await run.timed("switch", () => move(run, run.order.healthTimeoutSeconds));
  await followFirst(run);
  await finish(run, "first");
}

/** A host that comes beside others: nobody waits for it, and it opens when what the others serve was watched to the end. */
async function join(run: Run): Promise<void> {
  run.hosts.leave(run.host);
  const failed = await run.hosts.meet(run.host, "watched");
  if (failed !== undefined) throw run.refused(failureWords(failed), "", "pulumi up");
  await firstRun(run);
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
