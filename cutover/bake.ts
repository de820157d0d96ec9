import { setTimeout as pause } from "node:timers/promises";
import type { Color } from "../stacks/service/color";
import { dockerProblem } from "../stacks/service/health";
import { replicaName } from "../stacks/service/names";
import { readContainers, type SlotContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { Following, followBack, followWatch } from "./follow";
import { details, direct, FRONT, smoke } from "./gate";
import { failureWords } from "./hosts";
import type { Sample } from "./proxy";
import { remember } from "./record";
import { ANSWER_SECONDS, after, CANCELLED, CutoverFailed, firstLine, type Run, type Served } from "./run";
import { settle } from "./settle";
import type { Watch } from "./watch";
import { workersChanged } from "./workers";

/** The proxy may fail to be asked so many times in a row while it is watched. */
const MOST_UNASKED = 3;

/** nginx hands on what it has counted after at most half a second. */
const COUNTED_AFTER_MILLISECONDS = 700;

/** After the bake time a look is said once in so many seconds: what goes on beside the watch may take an hour. */
const SAY_EVERY_SECONDS = 10;

/** After the switch: the new color's own answers are watched, and it goes back when they are not good enough. */
export async function bake(run: Run, old: Served): Promise<void> {
  const following = new Following(run, old.color);
  run.following = following;
  const watched = run.order.bakeSeconds === 0 ? unwatched(run, following) : watch(run, following);
  const trouble = (await watched) ?? (await followWatch(run)) ?? (await othersWatched(run));
  if (trouble !== undefined) await takeBack(run, old, trouble);
}

/** Waits until all other hosts have been watched to the end; answers which of them was not well. */
export async function othersWatched({ hosts, host }: Run): Promise<string | undefined> {
  const failed = await hosts.meet(host, "watched");
  return failed && failureWords(failed);
}

/** Where there is no watch: what is wrong with the workers and the jobs that have their turn right after the switch. */
async function unwatched(run: Run, following: Following): Promise<string | undefined> {
  const { signal } = run.tools;
  const either = AbortSignal.any([signal, run.hosts.signal]);
  const stopped = new Promise<void>((resolve) => {
    if (either.aborted) resolve();
    either.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([following.ended, stopped]);
  return following.isDone ? following.trouble : (run.hosts.othersFailure(run.host) ?? CANCELLED);
}

/**
 * Takes the switch back: the public at once, and then, in the time that they have for it, the workers.
 *
 * @throws CutoverFailed in any case.
 */
async function takeBack(run: Run, old: Served, trouble: string): Promise<never> {
  const { target } = run;
  const reason = firstLine(trouble);
  run.hosts.fail(run.host, reason);
  void run.following?.halt();
  // The log of the host that failed says why.
  const log = run.hosts.othersFailure(run.host) === undefined && !run.isAway ? await run.log() : "";
  // One that was stopped for the target is started again, and there is nobody left to leave the public with.
  if (run.vacated === undefined && !run.isAway && !(await canGoBackTo(run, old.color))) {
    throw new CutoverFailed(
      "failed",
      `${reason}; ${old.color} does not answer either`,
      `${target} is live and not well: ${trouble}.\nThe public was left there, since ${old.color} did not answer for ${ANSWER_SECONDS} s.\n${log}\n` +
        `Next: docker logs --tail 30 ${run.name(old.color)}; when one of them is mended: pulumi up`,
    );
  }
  run.say(`${target} is not well (${reason}): going back to ${old.color}`);
  // Not waited for: a disk that hangs must not hold up the way back.
  void remember(run, "interrupted", `${reason}; the run was cut off while it went back to ${old.color}`);
  const where = await run.timed("back", () => settle(run, old));
  if (!where.settled) {
    throw new CutoverFailed(
      "failed",
      `${reason}; the way back failed`,
      `${target} is live and not well: ${trouble}.\n${where.says}${after(log)}\nNext: npm run status; docker logs --tail 30 ${run.name("proxy")}; then: pulumi up`,
    );
  }
  const met = run.wasMet ? `${run.visitorsMet}.\n` : "";
  const back = `he public is back on ${old.color}, after ${run.seconds.back} s`;
  run.say(`t${back}`);
  await remember(run, "reverted", reason);
  await followBack(run, old.color);
  const again = `try ${target} again, as it is or after ${run.releaseOf(target)}: pulumi up`;
  const next = `accept ${old.color}: pulumi config set activeColor ${old.color} && pulumi up; or ${again}`;
  throw new CutoverFailed(
    "reverted",
    reason,
    `${target} was switched to and taken back: ${trouble}.\n${met}T${back}.${after(log)}\n` + `Next: ${next}`,
  );
}

/** Whether the old color answers; after a restart of Docker both may be on their way up. */
async function canGoBackTo(run: Run, old: Color): Promise<boolean> {
  const deadline = performance.now() + ANSWER_SECONDS * 1000;
  for (;;) {
    if (await run.proxy.answers(old).catch(() => true)) return true;
    if (performance.now() > deadline) return false;
    await pause(300);
  }
}

/**
 * Watches for the bake time, and until what goes on beside it is done; answers what is wrong, as soon as something is.
 *
 * @param following what goes on beside it; nothing in the watch of a canary.
 */
export async function watch(run: Run, following?: Following): Promise<string | undefined> {
  const { order, trial, proxy, tools, hosts } = run;
  const answers = hosts.watchWith(order.limits);
  const first = run.containersOf(trial);
  if (trial === run.target) run.watchedWorkers = run.beside.workers[trial].filter(({ state }) => state.Running);
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  // As long as workers and jobs follow on any host, all are watched.
  const isDone = () => {
    if (following?.isDone ?? true) hosts.reach(run.host, "followed");
    return hosts.haveReached("followed");
  };
  const stops = AbortSignal.any([tools.signal, hosts.signal]);
  let offset = 0;
  let unasked = 0;
  let sayAt = 0;
  for (;;) {
    const left = order.bakeSeconds - passed();
    const wait = left <= 1 && left > 0 ? left * 1000 + COUNTED_AFTER_MILLISECONDS : 1000;
    await pause(wait, undefined, { signal: stops }).catch(() => {});
    if (tools.signal.aborted) return CANCELLED;
    if (hosts.failure !== undefined) return hosts.failureFor(run.host);
    if (following?.trouble !== undefined) return following.trouble;
    const last = left <= 1 && isDone();
    const seen = await Promise.all([proxy.sample(offset, trial), readContainers(tools.docker, order.owner)]).catch(
      (error: Error) => error,
    );
    if (seen instanceof Error) {
      // One question may fail, as over a slow line.
      unasked += 1;
      if (unasked >= MOST_UNASKED) return `the proxy could not be asked: ${firstLine(seen.message)}`;
      continue;
    }
    unasked = 0;
    const [sample, { slots, beside }] = seen;
    offset = sample.offset;
    answers.add(sample, run.host);
    run.requests = answers.figures.count;
    const second = Math.min(Math.max(1, Math.floor(passed())), order.bakeSeconds);
    const goesOn = left <= 0 && !last;
    if (run.isLead && (!goesOn || passed() > sayAt)) {
      sayAt = passed() + SAY_EVERY_SECONDS;
      const why = goesOn ? "; it goes on until workers and jobs have followed" : "";
      run.say(`watch ${second}/${order.bakeSeconds} s, ${answers.short}${why}`);
    }
    const trouble =
      troubleIn(run, answers, sample, first, slots[trial]) ??
      workersChanged(run, run.watchedWorkers, beside?.workers[trial] ?? []);
    if (trouble !== undefined) return trouble;
    // A last look that was missed is looked at again.
    if (last && answers.answered) break;
  }
  return answers.enough ? undefined : smokeAgain(run, answers, first);
}

/** What one look finds wrong, with the proxy, the containers or the answers. */
function troubleIn(
  run: Run,
  answers: Watch,
  sample: Sample,
  first: readonly SlotContainer[],
  now: SlotContainer[],
): string | undefined {
  if (sample.serves !== `${run.order.generation} ${run.target}`) {
    return `somebody else changed what the proxy serves (${sample.serves || "no answer"})`;
  }
  const trouble = [
    ...first.flatMap((slot) => changed(run, slot, now) ?? []).slice(0, 1),
    answers.verdictOn(run.host),
  ].filter((one) => one !== undefined);
  return trouble.length > 0 ? trouble.join("; ") : undefined;
}

/** Where there were too few answers to judge by, the smoke tests are asked again; answers which one failed. */
async function smokeAgain(run: Run, answers: Watch, first: readonly SlotContainer[]): Promise<string | undefined> {
  const { order, target, trial } = run;
  const { count } = answers.figures;
  const few =
    count === 0 ? `no visitor has tried ${trial} yet` : `${count}/${order.limits.minRequests} requests (minRequests)`;
  if (run.smokeTests.length === 0) {
    run.say(`${few}: only its health was watched, since it has no smoke tests`);
    return undefined;
  }
  // The front itself answers the cutover from the live color alone.
  const where = trial === target ? " through the front" : "";
  run.say(`${few}: smoke tests again${where}`);
  for (const slot of trial === target ? first.slice(0, 1) : first) {
    const failure = await smoke(run, trial === target ? FRONT : direct(run, slot), slot);
    if (failure !== undefined) return `the smoke test "${failure.test}" failed${where}\n${details(run, failure)}`;
  }
  return undefined;
}

/** What happened to a container since the switch, in words. */
function changed(run: Run, first: SlotContainer, slots: SlotContainer[]): string | undefined {
  const now = slots.find(({ id }) => id === first.id);
  const its = run.order.replicas[run.trial] === 1 ? "its container" : replicaName(run.trial, first.replica);
  if (now === undefined) return `${its} is gone`;
  const problem = dockerProblem(now.state, now.restarts - first.restarts, first.state.OOMKilled);
  if (problem !== undefined) return `${its} ${hide(run.secrets, problem)}`;
  return now.state.StartedAt === first.state.StartedAt ? undefined : `${its} was started again`;
}
