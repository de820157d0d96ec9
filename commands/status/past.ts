import type { Docker } from "../../stacks/engine/docker";
import { isLooping, PAST_SECONDS } from "../../stacks/service/health";
import type { SlotContainer } from "../../stacks/service/world";
import { isObject, objectIn } from "../../stacks/text/json";

/** The engine keeps its latest events in memory: a question that takes longer waits for new ones. */
const EVENTS_SECONDS = 2;

/** The end of a log in which the reason is looked for. */
const LOG_LINES = 50;

/** What happened to one container of late, beyond what its state tells. */
export interface Past {
  /** How often a process in it was killed for want of memory, its first process or another one. */
  kills: number;
  /** When that was the last time, in milliseconds since 1970. */
  lastKill?: number;
  /** The exit code with which it ended the last time. */
  exitCode?: number;
  /** What it wrote before it ended the last time: the line that says why, as far as one does. */
  lastWords?: string;
}

/**
 * Asks the engine what happened to these containers of late. What it does not tell is left out: it keeps only its latest events.
 *
 * @param now the engine's clock, in seconds since 1970.
 */
export async function readPast(
  docker: Docker,
  containers: readonly SlotContainer[],
  now: number,
): Promise<Map<string, Past>> {
  if (containers.length === 0) return new Map();
  const lines: string[] = [];
  const args = [
    ...["events", "--since", String(now - PAST_SECONDS), "--until", String(now), "--format", "{{json .}}"],
    ...["--filter", "type=container", "--filter", "event=oom", "--filter", "event=die"],
    ...containers.flatMap(({ id }) => ["--filter", `container=${id}`]),
  ];
  const events = docker.run(args, { timeoutSeconds: EVENTS_SECONDS, onLine: (line) => lines.push(line) });
  const words = Promise.all(
    containers
      .filter((container) => isLooping(container, now))
      .map(async (container) => [container.id, await lastWords(docker, container)] as const),
  );
  await events.catch(() => undefined);
  const past = pastIn(lines);
  for (const [id, said] of await words)
    if (said !== undefined) past.set(id, { kills: 0, ...past.get(id), lastWords: said });
  return past;
}

/** Adds up the engine's events by the container's id, a JSON object a line. */
export function pastIn(lines: readonly string[]): Map<string, Past> {
  const past = new Map<string, Past>();
  for (const line of lines) {
    const { Action, Actor, timeNano } = objectIn(line) ?? {};
    if (!isObject(Actor) || typeof Actor.ID !== "string" || typeof timeNano !== "number") continue;
    const of = past.get(Actor.ID) ?? { kills: 0 };
    past.set(Actor.ID, of);
    const { exitCode } = isObject(Actor.Attributes) ? Actor.Attributes : {};
    if (Action === "oom") Object.assign(of, { kills: of.kills + 1, lastKill: timeNano / 1e6 });
    if (Action === "die" && /^\d{1,3}$/.test(String(exitCode))) of.exitCode = Number(exitCode);
  }
  return past;
}

/** What a container wrote before it ended the last time; undefined where it wrote nothing. */
async function lastWords(docker: Docker, { id, state }: SlotContainer): Promise<string | undefined> {
  const args = ["container", "logs", "--timestamps", "--tail", String(LOG_LINES), id];
  const said = await docker.run(args, { timeoutSeconds: EVENTS_SECONDS }).catch(() => undefined);
  return said === undefined
    ? undefined
    : lastWordsIn(`${said.stdout}\n${said.stderr}`, Date.parse(state.FinishedAt ?? ""));
}

/** Words of a runtime that come after the reason: a call in a trace, a name and version. */
const AFTERWORDS = /^(?:\s+at |\s*$|Node\.js v\d|\s*\^+\s*$|\s*[})\]]+;?\s*$)/;

/**
 * The line that says why: the last one that speaks of an error, or else the last one.
 *
 * @param log each line behind its time, in any order.
 * @param until when it ended, in milliseconds since 1970: what it wrote after that is of its next start.
 */
export function lastWordsIn(log: string, until: number): string | undefined {
  const lines = log
    .split("\n")
    .map((line) => ({ time: Date.parse(line.slice(0, line.indexOf(" "))), text: line.slice(line.indexOf(" ") + 1) }))
    .filter(({ time, text }) => (Number.isNaN(until) || until < 0 || time <= until) && !AFTERWORDS.test(text))
    .sort((a, b) => a.time - b.time)
    .map(({ text }) => text.trim());
  const speaks = /error|exception|fatal|panic|cannot|can't|failed|denied|refused|not found/i;
  return lines.findLast((line) => speaks.test(line)) ?? lines.at(-1);
}
