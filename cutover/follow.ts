import { type Color, other } from "../stacks/service/color";
import { runJobs, runLateJobs } from "./jobs";
import { after, CANCELLED, CutoverFailed, firstLine, type Run } from "./run";
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

/** The workers' move and the jobs right after a switch, which go on beside its watch: nothing of it holds up a way back. */
export class Following {
  /** What is wrong, in words, as soon as something is. */
  trouble: string | undefined;
  /** Whether nothing of it goes on any longer. */
  isDone = false;
  /** Resolves when that is so. */
  readonly ended: Promise<void>;
  private readonly halted = new AbortController();

  constructor(run: Run, old: Color) {
    const { signal } = run.tools;
    signal.addEventListener("abort", () => this.halted.abort(), { once: true });
    if (signal.aborted) this.halted.abort();
    this.ended = followSwitch(run, old, this.halted.signal).then((trouble) => {
      this.isDone = true;
      this.trouble = trouble;
    });
  }

  /** Has it begin nothing more and end the job that runs; waits until what was asked to end has ended. */
  halt(): Promise<void> {
    this.halted.abort();
    return this.ended;
  }
}

async function followSwitch(run: Run, old: Color, signal: AbortSignal): Promise<string | undefined> {
  // Only a run that is cancelled, or taken back for another reason, ends before all is done.
  if (signal.aborted) return CANCELLED;
  try {
    await stopWorkers(run, old);
    if (signal.aborted) return CANCELLED;
    const trouble = await startWorkers(run, run.target, "after-switch", signal);
    if (trouble !== undefined || signal.aborted) return trouble ?? CANCELLED;
    const failed = await runJobs(run, run.target, "after-switch", signal);
    return failed && `${failed.reason}${after(failed.more)}\n${failed.next}`;
  } catch (error) {
    return firstLine((error as Error).message);
  }
}

/** When the watch is over: the workers start that wait for that. Returns what is wrong, in words. */
export const followWatch = (run: Run): Promise<string | undefined> =>
  startWorkers(run, run.target, "after-watch").catch((error: Error) => firstLine(error.message));

/** After a way back to a color, which nothing of this may hold up: the workers follow, and the jobs of that moment run. */
export async function followBack(run: Run, color: Color): Promise<void> {
  await returnWorkers(run, color);
  await runLateJobs(run, color, "after-way-back");
}
