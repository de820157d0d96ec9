import type { Docker } from "../../stacks/engine/docker";
import { COLORS, type Color, isColor } from "../../stacks/service/color";
import { objectIn } from "../../stacks/text/json";
import { lineSplitter } from "../../stacks/text/lines";

/** What is looked at: the proxy's access log of so many seconds. */
const WINDOW_SECONDS = 60;

/** Of a busy proxy the latest answers stand for the minute: status takes no longer, whatever the traffic. */
const MOST_LINES = 10_000;
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_MILLISECONDS = 1500;

/** A client that leaves sooner was going elsewhere; one that waited so long for nothing met a page that hangs. */
const PATIENCE_SECONDS = 1;

/** nginx's status for a client that left before the answer began. */
const CLIENT_LEFT = 499;

/** What one color answered. */
export interface Answers {
  count: number;
  perSecond: number;
  /** Answers with 5xx. */
  errors: number;
  /** Their share in percent; 0 without an answer. */
  errorPercent: number;
  /** Requests whose client waited for a second or more and left without a byte. */
  unanswered: number;
  /** 95th percentile of the time of an answer, in seconds; null without one. WebSockets are left out: they last. */
  p95Seconds: number | null;
}

/** What the proxy answered of late. */
export interface Traffic {
  /** How many seconds it covers. */
  seconds: number;
  /** Whether these are only a part of the last minute's answers, since there were more than status reads. */
  sample: boolean;
  colors: Record<Color, Answers>;
  /** Answers of nginx alone: the maintenance page, redirects, what it refuses. */
  nginx: number;
}

/** One answer, as the access log has it. */
interface Answer {
  color: Color;
  status: number;
  seconds: number;
  bytes: number;
  /** Whether a color was asked at all. */
  asked: boolean;
}

/**
 * Reads what the proxy answered in the last minute, from its access log on the engine. The log is read from its end, and no more of
 * it than some thousand lines.
 *
 * @param proxy the container's name or id.
 * @param now the engine's clock, in seconds since 1970.
 * @returns undefined where the engine has no log to read, as with a log driver that keeps none.
 */
export async function readTraffic(docker: Docker, proxy: string, now: number): Promise<Traffic | undefined> {
  const since = now - WINDOW_SECONDS;
  const bounds = ["--timestamps", "--since", String(since), "--tail", String(MOST_LINES)];
  const read = await tail(docker, ["container", "logs", ...bounds, proxy]);
  return read && trafficIn(read.lines, { since, now, whole: read.whole });
}

/** Starts `docker` and takes of what it writes as much as is allowed, in the time that is allowed. */
function tail(docker: Docker, args: string[]): Promise<{ lines: string[]; whole: boolean } | undefined> {
  return new Promise((resolve) => {
    const child = docker.start(args);
    const lines: string[] = [];
    let bytes = 0;
    let whole = true;
    const splitter = lineSplitter((line) => lines.push(line));
    const stop = () => {
      whole = false;
      // What it has started, as ssh, may outlive it and hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill("SIGKILL");
    };
    const late = setTimeout(stop, MOST_MILLISECONDS);
    child.stdin.on("error", () => {});
    child.stdin.end();
    child.stderr.resume();
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      bytes += text.length;
      splitter.add(text);
      if (bytes > MOST_BYTES) stop();
    });
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => {
      clearTimeout(late);
      resolve(whole && code !== 0 ? undefined : { lines, whole: whole && lines.length < MOST_LINES });
    });
  });
}

/**
 * Adds up lines of the access log, each behind the engine's own time. A line that nginx did not write whole, or not at all, counts
 * as none: what a client sends stands in it escaped, and its time is the engine's.
 *
 * @param whole whether the lines are all of the time asked for.
 */
export function trafficIn(
  lines: readonly string[],
  { since, now, whole }: { since: number; now: number; whole: boolean },
): Traffic {
  const answers: Answer[] = [];
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const line of lines) {
    const space = line.indexOf(" ");
    const time = Date.parse(line.slice(0, space)) / 1000;
    if (!(time >= since)) continue;
    const answer = answerIn(line.slice(space + 1));
    if (answer === undefined) continue;
    first = Math.min(first, time);
    last = Math.max(last, time);
    answers.push(answer);
  }
  // Of a part of them the time from the first to the last is known, and it is short where there are many.
  const seconds = whole || answers.length === 0 ? now - since : Math.max(0.1, Math.round((last - first) * 10) / 10);
  const of = (color: Color) =>
    summed(
      answers.filter((answer) => answer.asked && answer.color === color),
      seconds,
    );
  return {
    seconds,
    sample: !whole,
    colors: Object.fromEntries(COLORS.map((color) => [color, of(color)])) as Record<Color, Answers>,
    nginx: answers.filter(({ asked }) => !asked).length,
  };
}

function answerIn(line: string): Answer | undefined {
  const { color, status, requestTime, upstreamTime, bytes, client } = objectIn(line) ?? {};
  // The cutover's own questions come from inside the container.
  if (!isColor(color) || client === "127.0.0.1") return undefined;
  if (!isWithin(status, 100, 599) || !isWithin(requestTime, 0, 1e6)) return undefined;
  const asked = status === CLIENT_LEFT || (typeof upstreamTime === "string" && /[0-9]/.test(upstreamTime));
  return { color, status, seconds: requestTime, bytes: typeof bytes === "number" ? bytes : 0, asked };
}

const isWithin = (value: unknown, least: number, most: number): value is number =>
  typeof value === "number" && value >= least && value <= most;

function summed(answers: readonly Answer[], seconds: number): Answers {
  const count = answers.length;
  const errors = answers.filter(({ status }) => status >= 500).length;
  const hangs = ({ status, bytes, seconds }: Answer) =>
    status === CLIENT_LEFT && bytes === 0 && seconds >= PATIENCE_SECONDS;
  const times = answers.filter(({ status }) => status !== 101).map((answer) => answer.seconds);
  times.sort((a, b) => a - b);
  return {
    count,
    perSecond: Math.round((count / seconds) * 10) / 10,
    errors,
    errorPercent: count === 0 ? 0 : Math.round((10_000 * errors) / count) / 100,
    unanswered: answers.filter(hangs).length,
    p95Seconds: times[Math.ceil(times.length * 0.95) - 1] ?? null,
  };
}
