import { setTimeout as pause } from "node:timers/promises";
import type { Ended } from "../stacks/engine/docker";
import { failureWords } from "./hosts";
import { isStopped, type Move, NotAnswered } from "./lock";
import { metSince } from "./proxy";
import { remember } from "./record";
import { after, CutoverFailed, firstLine, type Run, restOf } from "./run";
import { sessionsFile } from "./sessions";
import { settle } from "./settle";

/** What is said of a script that has no exit code. */
const CUT_OFF = "the script in the proxy was cut off, as when the proxy or Docker restarts";

/** When a host has moved, so long it waits for the others, which begin at the same time. */
const OTHERS_SECONDS = 60;

/**
 * Where there are several hosts, nginx on this one checks the configuration, and the color answers there, before any of them moves.
 *
 * @throws CutoverFailed where this host or another one can't; nothing has moved anywhere.
 */
async function meetReady(run: Run, how: Move): Promise<void> {
  const { hosts, order, lock } = run;
  if (hosts.isOne) return;
  // Only now, so that a host which has gone away while another one was gated is noticed before any of them moves.
  await hosts.meet(run.host, "gated");
  run.stopIfCancelled();
  const checked = await lock.check(order.configuration, how, (line) => run.say(line));
  run.stopIfCancelled();
  if (checked.code !== 0) {
    const [why = "", next] = (checked.stderr.trim() || CUT_OFF).split("\nNext: ");
    throw run.refused(firstLine(why).replace(/\.$/, ""), restOf(why), next);
  }
  const failed = await hosts.meet(run.host, "ready");
  if (failed !== undefined) throw run.refused(failureWords(failed), "", "pulumi up");
  run.stopIfCancelled();
}

/** How a move ends that is still under way {@link OTHERS_SECONDS} after another host has failed: it is waited for no longer. */
async function othersFail({ hosts, host }: Run): Promise<Ended> {
  await hosts.whenFailed;
  await pause(OTHERS_SECONDS * 1000, undefined, { ref: false });
  const why = hosts.othersFailure(host);
  const late = `it did not answer within ${OTHERS_SECONDS} s`;
  return { code: null, stdout: "", stderr: why === undefined ? late : `${why}; ${late}` };
}

/** The switch itself; when it fails the configuration of before serves. */
export async function move(
  run: Run,
  answerSeconds: number,
  { watched = false, keepPrevious = false } = {},
): Promise<void> {
  const { order, target, lock, before } = run;
  const { sessions } = run;
  const reload = JSON.stringify(sessions) !== JSON.stringify(before?.record.sessions);
  const how = { ...order, answerSeconds, keepPrevious, reload };
  // Before the first answer of the new color, so that none is missed.
  if (watched && order.bakeSeconds > 0) await lock.watch();
  // Words that nobody has been told yet change nothing until the switch.
  if (sessions !== undefined) await lock.writeSessions(sessionsFile(sessions));
  // Should we be killed, the history has the move all the same.
  if (before?.generation !== order.generation || before.record.moving?.to === target) {
    await remember(run, "interrupted", "the run was cut off before it ended");
  }
  await meetReady(run, how);
  run.moved = true;
  const moved = lock
    .move(order.configuration, how, (line) => {
      const since = metSince(line);
      if (since !== undefined) run.met = performance.now() - since;
      run.say(line);
    })
    .catch((error: Error): Ended => {
      // It was never told to.
      if (error instanceof NotAnswered && !run.hosts.isOne) run.moved = false;
      return { code: null, stdout: "", stderr: error.message };
    });
  const ended = await Promise.race([moved, othersFail(run)]);
  if (ended.code === 0 && (await run.hosts.meet(run.host, "moved", OTHERS_SECONDS)) === undefined) return;

  const own = ended.code === 0 || run.isAway ? "" : ended.stderr.trim() || CUT_OFF;
  const why = own || run.hosts.failureFor(run.host) || CUT_OFF;
  run.hosts.fail(run.host, firstLine(why).replace(/\.$/, ""));
  const logs = `docker logs --tail 30 ${run.name(target)}; docker logs --tail 30 ${run.name("proxy")}`;
  const mend = isStopped(why)
    ? `docker start ${run.name("proxy")}; then: pulumi up`
    : `${logs}; when it is mended: pulumi up`;
  if (!run.moved) throw run.refused(firstLine(why).replace(/\.$/, ""), restOf(why), mend);
  if (!run.hosts.isOne && before !== undefined)
    run.say(`${firstLine(why).replace(/\.$/, "")}: going back to ${before.color}`);
  const where = await settle(run, before && { generation: before.generation, color: before.color });
  // The script's own next command is the last line then.
  const next = why.includes("\nNext: ") ? "" : `\nNext: ${mend}`;
  const reason = firstLine(why).replace(/\.$/, "");
  throw new CutoverFailed(
    where.settled && run.wasMet ? "reverted" : "failed",
    reason,
    `${where.settled ? run.notDone : `The switch to ${target} failed`}: ${reason}.\n${where.says}${after(restOf(why))}${next}`,
  );
}
