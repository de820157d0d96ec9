import type { Ended } from "../stacks/engine/docker";
import { metSince } from "./proxy";
import { remember } from "./record";
import { after, CutoverFailed, firstLine, type Run, restOf } from "./run";
import { sessionsFile } from "./sessions";
import { settle } from "./settle";

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
  run.moved = true;
  const ended = await lock
    .move(order.configuration, how, (line) => {
      const since = metSince(line);
      if (since !== undefined) run.met = performance.now() - since;
      run.say(line);
    })
    .catch((error: Error): Ended => ({ code: null, stdout: "", stderr: error.message }));
  if (ended.code === 0) return;

  const why = ended.stderr.trim() || "the script in the proxy was cut off, as when the proxy or Docker restarts";
  const where = await settle(run, before && { generation: before.generation, color: before.color });
  // The script's own next command is the last line then.
  const next = why.includes("\nNext: ")
    ? ""
    : `\nNext: docker logs --tail 30 ${run.name(target)}; docker logs --tail 30 ${run.name("proxy")}; when it is mended: pulumi up`;
  const reason = firstLine(why).replace(/\.$/, "");
  throw new CutoverFailed(
    where.settled && run.wasMet ? "reverted" : "failed",
    reason,
    `${where.settled ? run.notDone : `The switch to ${target} failed`}: ${reason}.\n${where.says}${after(restOf(why))}${next}`,
  );
}
