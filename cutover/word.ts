import { createHash } from "node:crypto";
import { type Color, other } from "../stacks/service/color";
import type { ServiceId } from "../stacks/service/names";
import { type HistoryEntry, historyLine, type PutBack, type Result } from "../stacks/service/serving";
import { objectIn } from "../stacks/text/json";
import { printableLine } from "../stacks/text/plain";

/** What a receiver may rely on; raised where a field is taken away or means something else. */
const VERSION = 1;

/** Those after which something is to be seen to. */
const WARNINGS: readonly Result[] = ["refused", "reverted", "failed"];

/** Word of a cutover that has ended: Flagger's event, and beside it what the history's line says (docs/notifications.md). */
export interface Word {
  version: typeof VERSION;
  /** Of this cutover alone, and the same each time that its word is sent. */
  id: string;
  /** The service, or the project where it has one alone. */
  name: string;
  /** The stack. */
  namespace: string;
  phase: Result;
  metadata: {
    /** What happened, in a line for people. */
    eventMessage: string;
    eventType: "Normal" | "Warning";
    /** When it ended, in milliseconds since 1970. */
    timestamp: string;
  };
  project: string;
  cutover: Omit<HistoryEntry, "images" | "sources">;
}

/** A cutover that has ended, as it remembers itself. */
export interface EndedCutover {
  owner: ServiceId;
  entry: HistoryEntry;
  /** The color that was checked and watched. */
  trial: Color;
  /** What was taken from a color by hand. */
  putBack?: PutBack | undefined;
}

/** Returns the word of a cutover that ended at this time. */
export function wordOf(ended: EndedCutover, now: Date): Word {
  const { owner, entry } = ended;
  const { project, stack, service } = owner;
  const { images: _, sources: __, ...cutover } = objectIn(historyLine(entry)) as unknown as HistoryEntry;
  const key = JSON.stringify([project, stack, service ?? "", entry.time]);
  return {
    version: VERSION,
    // Without a dot, which divides what is signed.
    id: `cutover_${createHash("sha256").update(key).digest("hex").slice(0, 32)}`,
    name: service ?? project,
    namespace: stack,
    phase: entry.result,
    metadata: {
      eventMessage: printableLine(messageOf({ ...ended, entry: cutover as HistoryEntry })),
      eventType: WARNINGS.includes(entry.result) ? "Warning" : "Normal",
      timestamp: String(now.getTime()),
    },
    project,
    cutover,
  };
}

/** What happened, and to whom: a color with the release in it. */
function messageOf({ entry, trial, putBack }: EndedCutover): string {
  const { result, from, to, reason, canaryPercent } = entry;
  const release = (color: Color) => [color, entry.versions[color]].filter(Boolean).join(" ");
  const share = `${canaryPercent} % of the new visitors`;
  const why = reason === undefined ? "" : `: ${reason}`;
  const stays = from === undefined ? "nobody is served yet" : `the public is on ${release(from)}`;
  switch (result) {
    case "first":
      return `${release(to)} is live, the first release here${why}`;
    case "switched":
      return `${release(to)} is live, from ${release(from ?? other(to))}${why}`;
    case "instant":
      return `The public went back from ${release(from ?? other(to))} to ${release(to)}${why}`;
    case "canary":
      return `${release(trial)} has ${share}, the others are on ${release(to)}${why}`;
    case "reloaded":
      return putBack?.canaryPercent === undefined
        ? `${release(to)} stays live, with another configuration${why}`
        : `${release(putBack.from)} has no new visitors any more, all are on ${release(to)}${why}`;
    case "refused":
      if (trial !== to) return `${release(trial)} did not get ${share}${why}; ${stays}`;
      return from === to
        ? `${release(to)} is live, but not well${why}`
        : `${release(to)} was not switched to${why}; ${stays}`;
    case "reverted":
      return trial === to
        ? `${release(to)} was switched to and taken back${why}; ${stays}`
        : `${release(trial)} got ${share}, and they were taken from it again${why}; ${stays}`;
    default:
      return `The cutover to ${release(to)} failed${why}. Next: npm run status`;
  }
}
