import { type Color, other } from "../stacks/service/color";
import { runJobs, runLateJobs } from "./jobs";
import { after, CutoverFailed, firstLine, type Run } from "./run";
import { returnWorkers, startWorkers, stopWorkers } from "./workers";

/**
 * Has the workers of the color that the public has, and no other ones.
 *
 * @throws CutoverFailed where one does not run: the public has what it should, and the run is not done.
 */
export async function followLive(run: Run): Promise<void> {
  const { target } = run;
  await stopWorkers(run, other(target));
  const trouble = await startWorkers(run, target);
  if (trouble === undefined) return;
  const next = "docker logs --tail 30 <that container>; when it is mended: pulumi up";
  const seen = `${target} is live, but ${trouble}`;
  throw new CutoverFailed("failed", trouble, `${seen}.\nThe public stays on ${target}.\nNext: ${next}`);
}

/** Right after a switch that is watched: the workers move, and the jobs of that moment run. Returns what is wrong, in words. */
export async function followSwitch(run: Run, old: Color): Promise<string | undefined> {
  try {
    await stopWorkers(run, old);
    const trouble = await startWorkers(run, run.target, "after-switch");
    if (trouble !== undefined) return trouble;
    const failed = await runJobs(run, run.target, "after-switch");
    return failed && `${failed.reason}${after(failed.more)}\n${failed.next}`;
  } catch (error) {
    return firstLine((error as Error).message);
  }
}

/** After a way back at once, which nothing of this may hold up: the workers follow, and the jobs of that moment run. */
export async function followBack(run: Run): Promise<void> {
  await returnWorkers(run, run.target);
  await runLateJobs(run, run.target, "after-way-back");
}
