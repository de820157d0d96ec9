import { setTimeout as pause } from "node:timers/promises";
import type { Ended } from "../stacks/engine/docker";
import { reoccupy } from "./idle";
import { remember } from "./record";
import { after, CutoverFailed, firstLine, NOBODY, type Run, restOf, type Served } from "./run";
import { sessionsFile } from "./sessions";
import { returnWorkers } from "./workers";

/** How long the proxy may be away, as when Docker restarts, before nothing more can be done for it. */
const RECOVER_SECONDS = 90;

/** The same for one of several hosts: the run says at its end how all of them are, and ends within a minute or so. */
const HOST_RECOVER_SECONDS = 30;

/** How long one attempt on one of several hosts may take: over a network that was cut the next one gets through first. */
const HOST_ATTEMPT_SECONDS = 10;

/** How long it may take to write what visitors' cookies mean. */
const WRITE_SECONDS = 10;

/** Makes sure that what served before serves, whatever became of the script, also when the proxy is away for a while. */
export async function settle(run: Run, old: Served | undefined): Promise<{ settled: boolean; says: string }> {
  if (old === undefined) return { settled: true, says: "Nobody was served before; the next run begins anew." };
  await reoccupy(run);
  const seconds = run.hosts.isOne ? RECOVER_SECONDS : HOST_RECOVER_SECONDS;
  const deadline = performance.now() + seconds * 1000;
  // A session that began on the color that is left must not hold there.
  const known = run.before?.record.sessions;
  const sessions =
    known === undefined || run.before?.color === old.color
      ? known
      : run.nextSessions({ active: old.color, stickySeconds: undefined, canary: false, retire: run.target });
  let untold: string | undefined;
  for (;;) {
    if (sessions !== undefined) {
      const written = Promise.race([run.lock.writeSessions(sessionsFile(sessions)), tooLate()]);
      untold = await written.then(
        () => undefined,
        (error: Error) => firstLine(error.message),
      );
    }
    // A full volume must not keep the public where it is not well.
    const ended = await run.proxy
      .back(old, run.hosts.isOne ? {} : { isLast: true, timeoutSeconds: HOST_ATTEMPT_SECONDS })
      .catch((error: Error): Ended => ({ code: null, stdout: "", stderr: error.message }));
    if (ended.code === 0) {
      run.moved = false;
      if (untold !== undefined) {
        run.say(
          `sessions that began since then hold until the next \`pulumi up\`: they could not be ended (${untold})`,
        );
      }
      if (old.color !== run.target) {
        await run.lock.writeRecord({ ...run.recordBefore(), ...(sessions && { sessions }) }).catch(() => {});
      }
      const says = run.wasMet
        ? `The public is back on ${old.color}. ${run.visitorsMet}.`
        : `Nothing was changed: the public is on ${old.color}.`;
      return { settled: true, says };
    }
    if (performance.now() > deadline) {
      const now = await run.proxy.serving().catch(() => undefined);
      const says = now?.answers
        ? `The way back to ${old.color} failed (${ended.stderr.trim()}): the public is on ${now.color}.`
        : unanswered(run, seconds);
      return { settled: false, says };
    }
    await pause(500);
  }
}

/** What is said of a proxy that nobody can tell anything. */
function unanswered(run: Run, seconds: number): string {
  const unknown = `The proxy does not answer for ${seconds} s`;
  if (run.hosts.isOne) return `${unknown}; it is made to run again by: docker start ${run.name("proxy")}`;
  return `${unknown}: it may still serve ${run.target}, until a \`pulumi up\` puts it right.`;
}

/** The proxy's own lock may wait for a move that hangs, which must not hold up the way back. */
async function tooLate(): Promise<never> {
  await pause(WRITE_SECONDS * 1000, undefined, { ref: false });
  throw new Error(`the proxy did not answer within ${WRITE_SECONDS} s`);
}

/**
 * Does what moves the public, and writes the history's line where that fails.
 *
 * @throws CutoverFailed with the message for people; what served before serves.
 */
export async function orRemember(run: Run, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    run.hosts.fail(run.host, firstLine(error instanceof CutoverFailed ? error.reason : (error as Error).message));
    const failed = error instanceof CutoverFailed ? error : await unforeseen(run, error as Error);
    await reoccupy(run).catch((left: Error) =>
      run.say(`what was stopped for ${run.target} does not start: ${firstLine(left.message)}`),
    );
    if ((run.workersMoved || run.following !== undefined) && run.before !== undefined) {
      await remember(run, failed.result, failed.reason);
      await returnWorkers(run, run.moved ? run.target : run.before.color);
    }
    const told = withNotes(await withEngine(run, failed), run.notes);
    await remember(run, told.result, told.reason);
    throw told;
  }
}

/** Where the engine of one of several hosts does not answer, that is the reason for whatever failed there, and what is to be mended. */
async function withEngine(run: Run, failed: CutoverFailed): Promise<CutoverFailed> {
  const problem = await run.engineProblem();
  if (problem === undefined) return failed;
  const { result, reason, message } = failed;
  const [, what = message] = /^(.*)\nNext: .*$/s.exec(message) ?? [];
  if (run.moved || run.isAway || run.met !== undefined) {
    return new CutoverFailed(result, reason, `${what}\nNext: ${run.onceBack}`);
  }
  const refused = run.refused(problem.replace(/\.$/, ""), "", run.onceBack);
  return new CutoverFailed(result, refused.reason, refused.message);
}

/** Says beside why a cutover failed what went wrong afterwards, such as a worker that did not come back. */
function withNotes(failed: CutoverFailed, notes: readonly string[]): CutoverFailed {
  if (notes.length === 0) return failed;
  const [, what = failed.message, next = ""] = /^(.*)(\nNext: .*)$/s.exec(failed.message) ?? [];
  return new CutoverFailed(
    failed.result,
    [failed.reason, ...notes].join("; "),
    `${what}\nBeside that: ${notes.join("; ")}.${next}`,
  );
}

/** What nobody has thought of, such as an engine that stops answering: what served before serves. */
async function unforeseen(run: Run, error: Error): Promise<CutoverFailed> {
  const { target, before, moved } = run;
  const where =
    moved && before !== undefined
      ? await settle(run, { generation: before.generation, color: before.color })
      : { says: `Nothing was changed: ${before === undefined ? NOBODY : `the public is on ${before.color}`}.` };
  const reason = firstLine(error.message).replace(/\.$/, "");
  return new CutoverFailed(
    "failed",
    reason,
    `${run.wasMet ? run.notDone : `${target} was not switched to`}: ${reason}.${after(restOf(error.message))}\n${where.says}\nNext: npm run status; then: pulumi up`,
  );
}
