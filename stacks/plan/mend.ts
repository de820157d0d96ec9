import type { Color } from "../service/color";
import { isStable, putBackBy, type Serving } from "../service/serving";
import type { SlotContainer } from "../service/world";
import type { Part, Plan, Served } from "./situation";

/** What the cutover must put right although Pulumi's state has what is asked for: what was seen, and the sentence for people. */
interface Reason {
  seen: string;
  says: string;
}

/** Has the cutover run again where Pulumi's state says that nothing is to be done, while the proxy serves something else. */
export function decideMend({ world, serving, settings, generation }: Served, plan: Plan): Part {
  const why = mendReason(serving, generation(plan), settings.activeColor, world.slots[serving.color]);
  if (why === undefined) return {};
  return { mend: `${why.seen} after ${serving.history.at(-1)?.time ?? "nothing"}`, warnings: [why.says] };
}

/** @param asked the generation of the configuration that the settings ask for. */
function mendReason(
  { color: live, generation, declared, edited, record }: Serving,
  asked: string,
  active: Color,
  containers: SlotContainer[],
): Reason | undefined {
  if (edited) {
    const says =
      "The proxy's configuration is not the one that the latest cutover left (changed by hand, or a run was cut off): this run puts it right.";
    return { seen: "edited", says };
  }
  if (generation !== asked) {
    if (declared !== asked) return undefined;
    const says = `The proxy serves ${live}, although the latest run that ended well left ${active} live (a run was cut off, or somebody's hand): this run puts it right.`;
    return { seen: generation, says };
  }
  if (record.moving?.to === live) {
    const says = `The switch to ${live} was not watched to its end: this run does that.`;
    return { seen: `moving to ${live}`, says };
  }
  if (record.putBack !== undefined) {
    const { from, canaryPercent } = record.putBack;
    const what =
      canaryPercent === undefined
        ? `The public was put back from ${from} to ${live}`
        : `The canary of ${from} was ended`;
    const says = `${what} by hand, ${putBackBy(record.putBack)}: this run has Pulumi agree.`;
    return { seen: "put back by hand", says };
  }
  const anew = containers.find((container) => container.state.Running && !isStable(record, live, [container]));
  if (anew === undefined) return undefined;
  const says = `${live} is live, but its container${containers.length > 1 ? ` ${anew.name}` : ""} was made anew since it was switched to: this run asks it the smoke tests.`;
  return { seen: anew.id.slice(0, 12), says };
}
