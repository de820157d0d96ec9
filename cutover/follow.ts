import { type Color, other } from "../stacks/service/color";
import { runJobs, runLateJobs } from "./jobs";
import { after, CutoverFailed, firstLine, type Run } from "./run";
import { moveWorkers, returnWorkers, startBoth, startWorkers, stopWorkers } from "./workers";

/**
 * Starts the workers of the first color that is live.
 *
 * @throws CutoverFailed where one does not run: the public has what it should, and the run is not done.
 */
export async function followFirst(run: Run): Promise<void> {
  const { target } = run;
  const trouble = await startWorkers(run, target);
  if (trouble === undefined) return;
  // The live color keeps what it has: what is mended in the settings reaches the other one.
  const mended = `pulumi up && pulumi config set activeColor ${other(target)} && pulumi up`;
  throw new CutoverFailed(
    "failed",
    trouble,
    `${target} is live, but ${trouble}.\nThe public stays on ${target}.\n${await run.log()}\nNext: mend it in the settings, and switch to what has it: ${mended}`,
  );
}

/**
 * Has the workers of the color that the public stays on, and no other ones. What can't be done is told and holds up nothing: a mended
 * release could not come up beside it otherwise.
 */
export async function followLive(run: Run): Promise<void> {
  await moveWorkers(run, run.target);
  await startBoth(run, other(run.target));
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

/** When the watch is over: the workers start that wait for that. Returns what is wrong, in words. */
export const followWatch = (run: Run): Promise<string | undefined> =>
  startWorkers(run, run.target, "after-watch").catch((error: Error) => firstLine(error.message));

/** After a way back at once, which nothing of this may hold up: the workers follow, and the jobs of that moment run. */
export async function followBack(run: Run): Promise<void> {
  await returnWorkers(run, run.target);
  await runLateJobs(run, run.target, "after-way-back");
}
