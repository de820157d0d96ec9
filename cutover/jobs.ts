import { setTimeout as pause } from "node:timers/promises";
import type { Color } from "../stacks/service/color";
import { JOB_SECONDS, type JobMoment } from "../stacks/service/moments";
import type { BesideContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { printable, printableLine } from "../stacks/text/plain";
import { patiently, STOP_SECONDS } from "./patience";
import { CANCELLED, firstLine, type Run } from "./run";

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

/**
 * Runs a color's jobs of a moment, one after the other in the order of their names; returns the first that fails, and runs no other one.
 *
 * @param signal ends the job that runs.
 */
export async function runJobs(
  run: Run,
  color: Color,
  moment: JobMoment,
  signal = run.tools.signal,
): Promise<JobFailure | undefined> {
  for (const job of run.beside.jobs[color].filter(({ made }) => made.at === moment)) {
    const failed = await run.timed(`job ${job.name}`, () => runJob(run, job, signal));
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

async function runJob(run: Run, job: BesideContainer, signal: AbortSignal): Promise<JobFailure | undefined> {
  const { container, name, made, state } = job;
  if (signal.aborted) {
    const next = `docker start --attach ${container}`;
    return { reason: `the job ${name} did not run, since ${whyEnded(run)}`, more: "", next };
  }
  const seconds = typeof made.timeoutSeconds === "number" ? made.timeoutSeconds : JOB_SECONDS;
  const runsAlready = state.Running ? " already, since an earlier run was cut off: it is waited for" : "";
  run.say(`job ${name} runs${runsAlready}, ${seconds} s at most`);
  const bound = boundOf(run, job.id, seconds, signal);
  try {
    const ended = await patiently(
      run.tools.signal,
      state.Running ? waitFor(run, job, seconds) : start(run, job, seconds),
    );
    const why = bound.reached();
    if (ended?.code === 0 && why === undefined) {
      run.say(`job ${name} ended well`);
      return undefined;
    }
    if (ended === undefined) {
      const reason = `the job ${name} was asked to end, since ${CANCELLED}, and still does`;
      return { reason, more: "", next: `docker wait ${container}` };
    }
    const reason = `the job ${name} ${why ?? `ended with exit code ${ended.code}`}`;
    return { reason, more: ended.lines, next: `docker logs ${container}` };
  } finally {
    bound.release();
  }
}

/** How a job ended, and the last that it wrote. */
interface JobEnd {
  code: number | null;
  lines: string;
}

/** Runs it to its end, and says what it writes. */
async function start(run: Run, { id, name }: BesideContainer, seconds: number): Promise<JobEnd> {
  const lines: string[] = [];
  const hear = (line: string) => {
    const said = printableLine(hide(run.secrets, line));
    lines.push(said);
    if (lines.length > MOST_LINES) lines.shift();
    run.say(`job ${name}: ${said}`);
  };
  const heard = { onLine: hear, onErrorLine: hear, isEndless: true };
  const timeoutSeconds = seconds + STOP_SECONDS;
  const { code } = await run.tools.docker.run(["start", "--attach", id], { timeoutSeconds, ...heard });
  return { code, lines: lines.join("\n") };
}

/** Waits for the end of one that an earlier run has started. */
async function waitFor(run: Run, { id }: BesideContainer, seconds: number): Promise<JobEnd> {
  const { docker } = run.tools;
  const { code, stdout, stderr } = await docker.run(["wait", id], { timeoutSeconds: seconds + STOP_SECONDS });
  if (code !== 0) throw new Error(firstLine(stderr.trim()));
  const log = await docker.log(id, MOST_LINES).catch(String);
  return { code: Number(stdout.trim()), lines: printable(hide(run.secrets, log)).trimEnd() };
}

const whyEnded = ({ tools }: Run): string => (tools.signal.aborted ? CANCELLED : "the switch is taken back");

/** Ends a job that takes too long, or that nobody needs any longer; says which bound was reached, if any. */
function boundOf(run: Run, id: string, seconds: number, signal: AbortSignal) {
  const { docker } = run.tools;
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
  const cancel = () => void end(`was ended, since ${whyEnded(run)}`);
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
