/** How long the engine may take to stop a worker or a job: the most that `stop_grace_period` gives it, and the engine's own time. */
export const STOP_SECONDS = 3600 + 60;

/** So long a run that is cancelled still waits for what it has asked to end: most ends by then, and can be put right. */
const CANCELLED_WAIT_MILLISECONDS = 5000;

/**
 * Waits for something that may take as long as a container's time to end, an hour at most.
 *
 * @returns undefined where the run was cancelled and it still goes on a moment later: nobody waits for it any longer.
 */
export async function patiently<T>(signal: AbortSignal, waits: Promise<T>): Promise<T | undefined> {
  let begin = () => {};
  let stop = () => {};
  const lost = new Promise<undefined>((resolve) => {
    begin = () => {
      const timer = setTimeout(resolve, CANCELLED_WAIT_MILLISECONDS);
      stop = () => clearTimeout(timer);
    };
    if (signal.aborted) begin();
    else signal.addEventListener("abort", begin, { once: true });
  });
  // What becomes of it afterwards nobody hears.
  waits.catch(() => {});
  try {
    return await Promise.race([waits, lost]);
  } finally {
    stop();
    signal.removeEventListener("abort", begin);
  }
}
