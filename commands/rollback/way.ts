import type { Found, WayBack } from "../../cutover/rollback";
import { type Color, other } from "../../stacks/service/color";
import { isStable, latestSwitch, putBackBy, type Serving } from "../../stacks/service/serving";
import type { SlotContainer } from "../../stacks/service/world";
import { printable } from "../../stacks/text/plain";
import { Refusal } from "../outcome";
import type { Commands } from "../typed";

/** How the way back is asked for. */
export interface Asked {
  /** The color to go to; undefined for the one that served before. */
  to: Color | undefined;
  /** Who goes back, in a word. */
  by: string;
  now: Date;
  commands: Commands;
}

/**
 * Returns where the public goes back to; undefined where it is there already.
 *
 * @throws Refusal where there is no way back, with what to type instead.
 */
export function wayBack({ serving, slots }: Found, asked: Asked): WayBack | undefined {
  if (serving === undefined) throw new Refusal("Nobody is served yet, so that there is nothing to go back to");
  const live = serving.color;
  const idle = other(live);
  const { to = serving.canaryPercent > 0 ? live : idle } = asked;
  if (to === live && serving.canaryPercent > 0)
    return { to, from: idle, putBack: leaving(idle, slots, serving, asked) };
  if (to === live) return undefined;
  const { putBack } = serving.record;
  const already = asked.to === undefined ? wentBack(serving) : undefined;
  if (already !== undefined)
    throw new Refusal(`${already} already. Nothing was changed`, [
      { purpose: `go to ${idle} all the same`, command: asked.commands.rollback(idle) },
    ]);
  refuseUnready(to, slots[to].slice(0, serving.replicas[to] || undefined), serving, asked.commands);
  // Whoever goes back to what was left has changed their mind: nothing is left to be kept from.
  return { to, from: live, putBack: putBack?.from === to ? undefined : leaving(live, slots, serving, asked) };
}

/** Says that the public went back a moment ago: whoever types it once more, or at the same time, must not take it forward again. */
function wentBack(serving: Serving): string | undefined {
  const { putBack } = serving.record;
  if (putBack?.canaryPercent !== undefined)
    return `The canary of ${putBack.from} was ended by hand, ${putBackBy(putBack)},`;
  if (putBack !== undefined)
    return `The public was put back from ${putBack.from} to ${serving.color}, ${putBackBy(putBack)},`;
  const latest = latestSwitch(serving);
  if (latest?.result !== "instant" || latest.to !== serving.color) return undefined;
  return `The public went back from ${latest.from} to ${latest.to} at ${printable(latest.time)}`;
}

/** What is left by it, as the next runs have to know it. */
function leaving(from: Color, slots: Found["slots"], { color, canaryPercent, history }: Serving, { by, now }: Asked) {
  const [first] = slots[from];
  // A container that was removed: the history knows the release that it had.
  const version = first?.version ?? history.findLast(({ versions }) => versions[from])?.versions[from] ?? "";
  return {
    ...{ from, version: String(version), image: first?.made.image ?? "", time: now.toISOString(), by },
    ...(from !== color && { canaryPercent }),
  };
}

/** Refuses a color that nobody knows to be well. Whether it answers is asked later, by the switch itself. */
function refuseUnready(
  to: Color,
  slots: SlotContainer[],
  { color, record, replicas }: Serving,
  commands: Commands,
): void {
  const next = [
    // To the release that was left by hand no run goes before one has agreed.
    ...(record.putBack?.from === to ? [{ purpose: "have Pulumi agree first", command: commands.activate(color) }] : []),
    { purpose: "have it made ready, checked and switched to", command: commands.activate(to) },
  ];
  const refuse = (seen: string) => new Refusal(`${to} ${seen}. Nothing was changed`, next);
  const running = slots.filter(({ state }) => state.Running);
  const [first] = slots;
  if (first === undefined) throw refuse("has no container");
  if (running.length === 0 || replicas[to] === 0)
    throw refuse(`is ${record.retired?.color === to ? record.retired.how : first.state.Status}`);
  if (!isStable(record, to, running))
    throw refuse(`(${first.version}) was never live and well in this container, so that it is no way back`);
}
