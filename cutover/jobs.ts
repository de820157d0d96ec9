import type { Color } from "../stacks/service/color";
import type { BesideContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { printableLine } from "../stacks/text/plain";
import { firstLine, type Run } from "./run";

/** When jobs run (see stacks/settings/container/named.ts). */
export type JobMoment = "before-gate" | "after-switch" | "after-watch" | "after-way-back";

/** How long the engine may take to start and to stop a job, beside its own time. */
const ENGINE_SECONDS = 60;

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
  run.notes.push(failed.reason);
}

async function runJob(
  run: Run,
  { id, container, name, made, state }: BesideContainer,
): Promise<JobFailure | undefined> {
  const { docker, signal } = run.tools;
  if (state.Running) {
    const next = `docker wait ${container}, or end it: docker stop ${container}; then: pulumi up`;
    return { reason: `the job ${name} runs already, since an earlier run was cut off`, more: "", next };
  }
  const seconds = typeof made.timeoutSeconds === "number" ? made.timeoutSeconds : 600;
  run.say(`job ${name} runs, ${seconds} s at most`);
  const lines: string[] = [];
  const hear = (line: string) => {
    const said = printableLine(hide(run.secrets, line));
    lines.push(said);
    if (lines.length > MOST_LINES) lines.shift();
    run.say(`job ${name}: ${said}`);
  };
  let why: string | undefined;
  const end = (reason: string) => {
    why ??= reason;
    void docker.run(["stop", id], { timeoutSeconds: seconds + ENGINE_SECONDS }).catch(() => {});
  };
  const late = setTimeout(() => end(`took longer than ${seconds} s and was ended`), seconds * 1000);
  const cancel = () => end("was ended, since the run was cancelled");
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    const timeoutSeconds = seconds + STOP_MOST_SECONDS + ENGINE_SECONDS;
    const heard = { onLine: hear, onErrorLine: hear, isEndless: true };
    const { code } = await docker.run(["start", "--attach", id], { timeoutSeconds, ...heard });
    if (code === 0 && why === undefined) {
      run.say(`job ${name} ended well`);
      return undefined;
    }
    const reason = `the job ${name} ${why ?? `ended with exit code ${code}`}`;
    return { reason, more: lines.join("\n"), next: `docker logs ${container}` };
  } finally {
    clearTimeout(late);
    signal.removeEventListener("abort", cancel);
  }
}

/** The most that stopGraceSeconds gives a container to end. */
const STOP_MOST_SECONDS = 3600;
