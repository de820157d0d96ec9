import { COLORS, type Color, other } from "../stacks/service/color";
import {
  type CutoverRecord,
  type HistoryEntry,
  isStable,
  type Result,
  type RetiredColor,
} from "../stacks/service/serving";
import type { SlotContainer } from "../stacks/service/world";
import { cutoverFacts } from "./facts";
import { letGo } from "./idle";
import { NotAnswered } from "./lock";
import { firstLine, type Run, type Served } from "./run";

/** The record of a cutover that ended well; `stable` and `tried` are what has become so in it. */
export function recordAfter(
  run: Run,
  stable: CutoverRecord["stable"],
  tried = run.before?.record.tried,
): CutoverRecord {
  const { before, order, target } = run;
  const { canaryPercent, canarySetting } = order;
  const { stable: known, endedCanary, since, retired } = run.recordBefore();
  const switched = before !== undefined && before.color !== target;
  const begins = switched || before === undefined || before.record.moving?.to === target;
  const live = begins ? new Date().toISOString() : since;
  const idle = other(target);
  const ends = switched || endedCanary === canarySetting || run.putBack?.canaryPercent !== undefined;
  const ended = canarySetting > 0 && canaryPercent === 0 && ends;
  const release = retired?.color === idle || run.slots[idle].length > 0;
  return {
    stable: { ...known, ...stable },
    ...(live !== undefined && { since: live }),
    ...(order.idle !== "running" &&
      release && { retired: { color: idle, how: order.idle, ...releaseIn(run, idle, retired) } }),
    ...(tried !== undefined && { tried }),
    ...(canaryPercent > 0 && { canary: canaryPercent }),
    ...(ended && { endedCanary: canarySetting }),
    ...(run.sessions && { sessions: run.sessions }),
    ...(run.putBack && { putBack: run.putBack }),
  };
}

/** The release that a color has, or had when it was removed. */
function releaseIn(run: Run, color: Color, retired: RetiredColor | undefined): Omit<RetiredColor, "color" | "how"> {
  const slots = run.slots[color];
  const [first] = slots;
  if (first === undefined) {
    const { version = "", image = "", stable } = retired ?? {};
    return { version, image, ...(stable && { stable }) };
  }
  const stable = isStable(run.recordBefore(), color, slots);
  return { version: first.version, image: first.made.image ?? "", ...(stable && { stable }) };
}

/** Written before the switch: whoever comes after us, should we be cut off, must know that this was not watched to its end. */
export async function noteMove(run: Run, from: Served): Promise<void> {
  const moving = { from: from.color, generation: from.generation, to: run.target };
  await run.lock.writeRecord({ ...recordAfter(run, {}), moving }).catch((error: Error) => {
    // Of one of several hosts another one may have failed meanwhile.
    if (!run.hosts.isOne) run.stopIfCancelled();
    if (!run.hosts.isOne && error instanceof NotAnswered) throw error;
    const next = "make room on the engine's disk (docker system df), then: pulumi up";
    throw run.refused("the proxy's volume can't be written", `In the proxy's words: ${error.message}`, next);
  });
}

/**
 * Ends a cutover that went well: its record, what the public has left, its line of the history, and its last word.
 *
 * @param late what only follows, such as jobs. A run that is killed while it does leaves the truth of what is served.
 */
export async function finish(run: Run, result: Result, reason?: string, late?: () => Promise<void>): Promise<void> {
  const { target, before } = run;
  await writeRecord(run, result);
  if (late !== undefined) {
    await remember(run, result, reason);
    await late();
  }
  // What goes wrong from here on takes nothing from the public: the next run does it again.
  if (run.leaving.length > 0) {
    await run
      .timed("drain", () => letGo(run))
      .catch((error: Error) => {
        run.say(
          `what the public has left is not stopped yet: ${firstLine(error.message)}; the next \`pulumi up\` does that`,
        );
      });
  }
  const notes = run.notes.join("; ");
  await remember(run, result, [reason, notes].filter(Boolean).join("; ") || undefined);
  const from = before === undefined || before.color === target ? "" : `, from ${before.color}`;
  const well = result === "reloaded" || result === "canary" ? "" : " and well";
  const share = result === "canary" ? `, and ${run.trial} has ${run.order.canaryPercent} % of the new visitors` : "";
  const steps = Object.entries(run.seconds).map(([step, value]) => `${step} ${value} s`);
  run.say(`${target} is live${from}${well}${share} (${steps.join(", ")})${notes && `; ${notes}`}`);
}

/** Writes the record of a cutover that went well. */
async function writeRecord(run: Run, result: Result): Promise<void> {
  const { target, lock } = run;
  const idsOf = (color: Color) =>
    run
      .containersOf(color)
      .map(({ id }) => id)
      .sort();
  // A canary says nothing of the color that most of the public is on.
  const record =
    result === "canary" ? recordAfter(run, {}, idsOf(run.trial)) : recordAfter(run, { [target]: idsOf(target) });
  const lost =
    result === "canary"
      ? `that ${run.trial} was well as a canary`
      : `the way back will not be at once: that ${target} is stable`;
  await lock.writeRecord(record).catch((error: Error) => {
    run.say(`${lost} could not be written (${firstLine(error.message)})`);
  });
}

/** Writes the history's line of this cutover: with how it ended, or how it stands should it be cut off. */
export async function remember(run: Run, result: Result, reason?: string): Promise<void> {
  const { before, slots, target, requests } = run;
  const each = <T>(of: (slot: SlotContainer) => T) =>
    Object.fromEntries(COLORS.flatMap((color) => slots[color].slice(0, 1).map((slot) => [color, of(slot)])));
  const entry: HistoryEntry = {
    time: run.began,
    result,
    ...(before && { from: before.color }),
    to: target,
    versions: each((slot) => slot.version),
    images: each((slot) => slot.imageId),
    sources: each((slot) => slot.source),
    seconds: run.seconds,
    ...(requests !== undefined && { requests }),
    ...(run.order.canaryPercent > 0 && { canaryPercent: run.order.canaryPercent }),
    ...(run.tools.who && { who: run.tools.who }),
    ...(reason !== undefined && { reason }),
  };
  run.entry = entry;
  await run.lock.remember(entry).catch((error: Error) => {
    run.say(`the history could not be written: ${firstLine(error.message)}`);
  });
  // An interrupted one has not ended.
  if (result === "interrupted") return;
  // Its line may be written again, with what went wrong afterwards: it is one cutover.
  await tellMetrics(run, result, run.isCounted ? "none" : result);
  run.isCounted = true;
}

/** Tells Prometheus how it is now, where anybody asks; `counted` is the result that is counted, or nothing where the history has no line. */
export async function tellMetrics(run: Run, result: Result, counted: Result | "none"): Promise<void> {
  if (!run.order.monitored) return;
  await run.lock.writeMetrics(counted, cutoverFacts(run, result)).catch((error: Error) => {
    run.say(`the metrics of this cutover could not be written: ${firstLine(error.message)}`);
  });
}
