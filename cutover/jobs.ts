import { setTimeout as pause } from "node:timers/promises";
import type { Color } from "../stacks/service/color";
import { JOB_SECONDS, type JobMoment } from "../stacks/service/moments";
import type { BesideContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { printableLine } from "../stacks/text/plain";
import { firstLine, type Run } from "./run";

/** How long a job may take to end once it was asked to: the most that stopGraceSeconds gives it, and the engine's own time. */
const STOP_SECONDS = 3600 + 60;

/** After so long a job that was asked to end, and has not, is asked again. */
const STOP_AGAIN_MILLISECONDS = 1000;

/** So many lines of a job's output an error shows; all of it was shown while it ran. */
const MOST_LINES = 20;

/** A job that did not end well. */
export interface JobFailure {
  /** In a line, such as `the job migrate ended with exit code 3`. */
  reason: string;
  /** The last that it wrote. */
  more: string;
  /** What to type to see all of it, or to have it out of the way. */
  next: string;
}

/** Runs a color's jobs of a moment, one after the other in the order of their names; returns the first that fails, and runs no other one. */
export async function runJobs(run: Run, color: Color, moment: JobMoment): Promise<JobFailure | undefined> {
  for (const job of run.beside.jobs[color].filter(({ made }) => made.at === moment)) {
    const failed = await run.timed(`job ${job.name}`, () => runJob(run, job));
    if (failed !== undefined) return failed;
  }
  return undefined;
}

/** The same where the public stays where it is, whatever becomes of them: the last line says which one failed. */
export async function runLateJobs(run: Run, color: Color, moment: JobMoment): Promise<void> {
  const failed = await runJobs(run, color, moment).catch((error: Error) => ({
    reason: `a job did not run: ${firstLine(error.message)}`,
    next: "see npm run status",
  }));
  if (failed === undefined) return;
  // What it wrote was said while it ran.
  run.say(`${failed.reason}; ${failed.next}`);
  run.note(failed.reason);
}

async function runJob(run: Run, job: BesideContainer): Promise<JobFailure | undefined> {
  const { id, container, name, made, state } = job;
  const { docker, signal } = run.tools;
  if (state.Running) {
    const next = `docker wait ${container}, or end it: docker stop ${container}`;
    return { reason: `the job ${name} runs already, since an earlier run was cut off`, more: "", next };
  }
  if (signal.aborted) {
    const next = `docker start --attach ${container}`;
    return { reason: `the job ${name} did not run, since the run was cancelled`, more: "", next };
  }
  const seconds = typeof made.timeoutSeconds === "number" ? made.timeoutSeconds : JOB_SECONDS;
  run.say(`job ${name} runs, ${seconds} s at most`);
  const lines: string[] = [];
  const hear = (line: string) => {
    const said = printableLine(hide(run.secrets, line));
    lines.push(said);
    if (lines.length > MOST_LINES) lines.shift();
    run.say(`job ${name}: ${said}`);
  };
  const bound = boundOf(run, id, seconds);
  try {
    const timeoutSeconds = seconds + STOP_SECONDS;
    const heard = { onLine: hear, onErrorLine: hear, isEndless: true };
    const { code } = await docker.run(["start", "--attach", id], { timeoutSeconds, ...heard });
    const why = bound.reached();
    if (code === 0 && why === undefined) {
      run.say(`job ${name} ended well`);
      return undefined;
    }
    const reason = `the job ${name} ${why ?? `ended with exit code ${code}`}`;
    return { reason, more: lines.join("\n"), next: `docker logs ${container}` };
  } finally {
    bound.release();
  }
}

/** Ends a job that takes too long, or whose run is cancelled; says which bound was reached, if any. */
function boundOf({ tools: { docker, signal } }: Run, id: string, seconds: number) {
  let reason: string | undefined;
  let isOver = false;
  const end = async (why: string) => {
    if (reason !== undefined) return;
    reason = why;
    // More than once: it may not have been started yet.
    while (!isOver) {
      await docker.run(["stop", id], { timeoutSeconds: STOP_SECONDS }).catch(() => {});
      await pause(STOP_AGAIN_MILLISECONDS, undefined, { ref: false });
    }
  };
  const late = setTimeout(() => void end(`took longer than ${seconds} s and was ended`), seconds * 1000);
  const cancel = () => void end("was ended, since the run was cancelled");
  signal.addEventListener("abort", cancel, { once: true });
  return {
    reached: () => reason,
    release: () => {
      isOver = true;
      clearTimeout(late);
      signal.removeEventListener("abort", cancel);
    },
  };
}
