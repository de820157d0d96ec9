import { isRelease } from "../engine/image";
import { type Color, other } from "../service/color";
import { putBackBy } from "../service/serving";
import { colorDifferences, definedIn } from "../service/slotSpec";
import { testsFor } from "../service/smokeTest";
import { runsRelease, type SlotContainer } from "../service/world";
import { allVariables } from "../settings/environment";
import type { Settings } from "../settings/settings";
import { isLiveWell, isStopped, STARTS_FIRST } from "./containers";
import type { Known, Part, Plan, Served } from "./situation";
import { isWayBack } from "./wayBack";

/** Ends the canary with a switch: what the setting still says is of the color that is live then. */
export function decideCanary({ world: { serving }, settings }: Known): Part {
  const { canaryPercent, activeColor } = settings;
  if (canaryPercent === 0) return {};
  const ends = (warning: string): Part => ({ canaryPercent: 0, warnings: [warning] });
  if (serving === undefined)
    return ends(`Nobody is served yet: canaryPercent ${canaryPercent} counts from the next \`pulumi up\` on.`);
  if (serving.color !== activeColor)
    return ends(
      `The switch ends the canary: all visitors move to ${activeColor}. Afterwards: pulumi config set canaryPercent 0`,
    );
  const { putBack } = serving.record;
  if (putBack !== undefined && putBack.canaryPercent === undefined && putBack.from === other(activeColor))
    return ends(
      `The public was put back from ${putBack.from}, ${putBackBy(putBack)}: canaryPercent ${canaryPercent} gives it no visitors in this run. ` +
        "Next: pulumi config set canaryPercent 0",
    );
  if (serving.record.endedCanary !== canaryPercent) return {};
  if (putBack?.canaryPercent !== undefined)
    return ends(
      `The canary of ${putBack.from} was ended by hand, ${putBackBy(putBack)}: canaryPercent ${canaryPercent} begins no other one. ` +
        "Next: pulumi config set canaryPercent 0",
    );
  return ends(
    `canaryPercent ${canaryPercent} was ${activeColor}'s before the switch; ${other(activeColor)} gets no visitors by it. ` +
      "Next: pulumi config set canaryPercent 0",
  );
}

/** Keeps the idle color unchanged under its visitors, who leave it before it is replaced. */
export function decideVisitors({ world, serving, settings, slots, now }: Served, plan: Plan): Part {
  const idle = other(settings.activeColor);
  const containers = world.slots[idle];
  const [first] = containers;
  if (serving.color !== settings.activeColor || first === undefined) return {};
  const environment = allVariables(settings);
  const { own, shared } = colorDifferences(idle, containers, { made: slots[idle], environment });
  const [has, gets] = [serving.canaryPercent, plan.canaryPercent];
  const part: Part & { warnings: string[] } = { warnings: [] };

  if (has > 0 && gets > 0 && own.length > 0) {
    part.refusals = [
      `${idle} has ${has} % of the new visitors, and this would replace its container under them (${own.join(", ")}). Nothing was touched. ` +
        "Next: pulumi config set canaryPercent 0 && pulumi up, which gives it the release; then raise canaryPercent again",
    ];
  } else if (has > 0 && gets > 0 && shared.length > 0) {
    part.keep = { [idle]: true };
    part.runs = { [idle]: { ...plan.runs[idle], ...definedIn(first) } };
    part.warnings.push(
      `${idle} has ${has} % of the new visitors and keeps what it runs. It takes ${shared.join(", ")} without them.`,
    );
  }
  const until = settings.stickySessions === "cookie" ? (serving.record.sessions?.[idle].until ?? 0) : 0;
  const held = until * 1000 > now.getTime();
  if (gets === 0 && (has > 0 || held) && own.length + shared.length > 0) {
    part.mend = `retire ${idle} after ${serving.history.at(-1)?.time ?? "nothing"}`;
    const whose = held ? `sessions, which would hold until ${new Date(until * 1000).toISOString()},` : "visitors";
    part.warnings.push(
      `${idle} is replaced (${[...own, ...shared].join(", ")}): its ${whose} move to ${settings.activeColor} before.`,
    );
  }
  if (gets !== has) {
    const share = gets === 0 ? "no visitors any more" : `${gets} % of the new visitors`;
    const how =
      gets > has
        ? `, ${has === 0 ? afterWhat(settings, idle, containers) : `and is watched there for ${settings.bakeSeconds} s`}`
        : "";
    const starts = gets > 0 && isStopped(containers) ? `; ${STARTS_FIRST}` : "";
    part.notes = [`${idle} (${first.version}) gets ${share} (${has} % now)${how}${starts}.`];
  }
  return part;
}

/**
 * Refuses, with `canaryFirst`, to move the public to what has had no visitors yet, but for the way back and where live is not well.
 *
 * @param unchanged whether the active color runs what is asked for.
 */
export function decideCanaryFirst({ world, serving, settings }: Served, unchanged: boolean): Part {
  const { color: live, record } = serving;
  const { activeColor, slots, canaryFirst } = settings;
  if (!canaryFirst || activeColor === live || isWayBack(world, settings) || !isLiveWell({ world, serving })) return {};
  const { version } = slots[activeColor];
  const { tried = [], endedCanary } = record;
  if (unchanged && world.slots[activeColor].some(({ id }) => tried.includes(id))) return {};
  const share = [5, 10].find((percent) => percent !== endedCanary);
  return {
    refusals: [
      `${activeColor} (${version}) has had no visitors as a canary yet, which canaryFirst asks for before a switch. Nothing was touched. ` +
        `Next: pulumi config set activeColor ${live} && pulumi up, which makes ${activeColor} ready; then pulumi config set canaryPercent ${share} && pulumi up; ` +
        `when it was well: pulumi config set activeColor ${activeColor} && pulumi up. Or without it: pulumi config set canaryFirst false`,
    ],
  };
}

/** Says what a switch waits for, and what follows it. */
export function afterWhat(settings: Settings, trial: Color, [container]: readonly SlotContainer[]): string {
  const { smokeTests, gateCommand, bakeSeconds, registry } = settings;
  const { image } = settings.slots[trial];
  const ofApp =
    isRelease(image, registry) || (container !== undefined && container.made.image === image && runsRelease(container));
  const tests = testsFor(smokeTests, { ofApp }).length;
  const gates = [
    "its health",
    ...(tests === 0 ? [] : [tests === 1 ? "1 smoke test" : `${tests} smoke tests`]),
    ...(gateCommand === undefined ? [] : ["the gate command"]),
  ].join(", ");
  return `after ${gates}${bakeSeconds === 0 ? "" : `, and is watched there for ${bakeSeconds} s`}`;
}
