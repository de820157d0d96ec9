import type { LogLine } from "./reader";

/** Lines in the order of their time, of which the next one is known or can be waited for. */
export interface Lines {
  readonly head: LogLine | undefined;
  next(): void;
  more(): Promise<boolean>;
}

/** Sorts behind every time. */
const NEVER = "\uffff";

/**
 * Takes the lines of several logs in the order of their time. It waits until each of them has a line or is at its end, so that it
 * holds no more than what each of them has read.
 *
 * @param take gets a line, and the log that it is of.
 * @param wait runs before more of a log is read: the time to write what was taken.
 */
export async function merge<Log extends Lines>(
  logs: readonly Log[],
  take: (line: LogLine, log: Log) => void,
  wait: () => Promise<void>,
): Promise<void> {
  let open: Log[] = [];
  for (const log of logs) if (await log.more()) open.push(log);
  while (open.length > 0) {
    const { log, until } = earliest(open);
    for (let line = log.head; line !== undefined && line.time <= until; line = log.head) {
      take(line, log);
      log.next();
    }
    if (log.head !== undefined) continue;
    await wait();
    if (!(await log.more())) open = open.filter((each) => each !== log);
  }
}

/** Returns the log whose next line is the earliest, and the time of the next line of any other. */
function earliest<Log extends Lines>([first, ...others]: readonly Log[]): { log: Log; until: string } {
  let log = first as Log;
  let least = timeOf(log);
  let until = NEVER;
  for (const other of others) {
    const time = timeOf(other);
    if (time < least) {
      until = least;
      [log, least] = [other, time];
    } else if (time < until) until = time;
  }
  return { log, until };
}

const timeOf = ({ head }: Lines): string => head?.time ?? NEVER;
