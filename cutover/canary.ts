import { type Color, other } from "../stacks/service/color";
import type { Serving } from "../stacks/service/serving";
import { othersWatched, watch } from "./bake";
import { followLive } from "./follow";
import { gate } from "./gate";
import { move } from "./move";
import { withoutCanary } from "./order";
import { finish, remember } from "./record";
import { ANSWER_SECONDS, CutoverFailed, firstLine, type Run } from "./run";
import { sessionsFile } from "./sessions";
import { settle } from "./settle";

/** The idle color gets a larger share of the new visitors, and none at all where it is not well with that. */
export async function raiseCanary(run: Run, before: Serving, started: readonly Color[]): Promise<void> {
  const { order, target } = run;
  run.trial = other(target);
  const share = `${order.canaryPercent} % of the new visitors`;
  if (!before.record.canary || started.includes(run.trial)) await run.timed("gate", () => gate(run));
  await run.timed("switch", () => move(run, run.answerSeconds, { watched: true }));
  run.say(`${run.trial} gets ${share}`);
  const watched = order.bakeSeconds === 0 ? undefined : await run.timed("watch", () => watch(run));
  const trouble = watched ?? (await othersWatched(run));
  if (trouble === undefined) {
    await followLive(run);
    return finish(run, "canary");
  }

  const reason = firstLine(trouble);
  run.hosts.fail(run.host, reason);
  const log = await run.log();
  run.say(`${run.trial} is not well (${reason}): it gets no visitors any more`);
  void remember(run, "interrupted", `${reason}; the run was cut off while it took ${run.trial}'s visitors away`);
  const where = await run.timed("back", () => endCanary(run, before));
  throw new CutoverFailed(
    where.settled ? "reverted" : "failed",
    reason,
    `${run.trial} got ${share} and was not well: ${trouble}.\n${where.says}\n${log}\n` +
      `Next: accept that: pulumi config set canaryPercent 0 && pulumi up; or put a mended release there: canaryPercent 0, ` +
      `${run.releaseOf(run.trial)} && pulumi up; or try again: pulumi up`,
  );
}

/** Everybody is on the live color again, whatever share the other one had before. */
async function endCanary(run: Run, before: Serving): Promise<{ settled: boolean; says: string }> {
  const { order, target, lock } = run;
  const served = { generation: before.generation, color: before.color };
  const says = `The public is on ${target}, all of it.`;
  if (before.canaryPercent === 0) {
    const where = await settle(run, served);
    return where.settled ? { ...where, says } : where;
  }
  const sessions = run.nextSessions({ canary: false });
  const how = { ...order, answerSeconds: ANSWER_SECONDS, keepPrevious: false, reload: true };
  await lock.writeSessions(sessionsFile(sessions)).catch(() => {});
  const ended = await lock.move(withoutCanary(order.configuration), how, () => {}).catch(() => undefined);
  if (ended?.code !== 0) return settle(run, served);
  const { canary: _, tried: __, ...record } = before.record;
  await lock.writeRecord({ ...record, sessions }).catch(() => {});
  return { settled: true, says };
}
