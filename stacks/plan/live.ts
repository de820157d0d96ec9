import { COLORS, type Color, other } from "../service/color";
import { replicaName } from "../service/names";
import { isStable } from "../service/serving";
import { colorDifferences, definedIn, type SpecDifferences } from "../service/slotSpec";
import { isStoppedAsIdle, type SlotContainer, type World } from "../service/world";
import { allVariables } from "../settings/environment";
import type { Settings } from "../settings/settings";
import { afterWhat } from "./canary";
import { count, type Illness, illness, isStopped, notRunning, problemOf, STARTS_FIRST } from "./containers";
import type { Part, Plan, Served } from "./situation";

/** How the colors differ from what the settings ask for, while the public is on one of them. */
export interface Lag {
  live: Color;
  active: Color;
  /** What live does not run of its settings. */
  behind: SpecDifferences;
  /** What the active color does not run of its settings. */
  ahead: SpecDifferences;
  /** Whether the active color was stable in the containers that it has, and is not live. */
  wasStable: boolean;
  /**
   * Whether the active color goes live as it was: only what both share has changed since, and the color that is left has that
   * already. The change may be what is gone back from, and must not come along.
   */
  goesBack: boolean;
  /** Whether the active color runs what is asked for. */
  unchanged: boolean;
}

/** Returns what the settings change of a color's containers. */
function differences({ world, settings, slots }: Served, color: Color): SpecDifferences {
  return colorDifferences(color, world.slots[color], { made: slots[color], environment: allVariables(settings) });
}

/** Compares both colors with what the settings ask for. */
export function lagOf(situation: Served): Lag {
  const { world, serving, settings } = situation;
  const live = serving.color;
  const active = settings.activeColor;
  const [behind, ahead] = [differences(situation, live), differences(situation, active)];
  const wasStable = isStable(serving.record, active, active === live ? [] : world.slots[active]);
  const onlyShared = ahead.own.length === 0 && ahead.shared.length > 0;
  const goesBack = wasStable && onlyShared && world.slots[live].length > 0 && behind.shared.length === 0;
  return { live, active, behind, ahead, wasStable, goesBack, unchanged: ahead.own.length + ahead.shared.length === 0 };
}

/** Keeps the live color as it runs, refuses the run, or replaces it on purpose. */
export function decideLive({ world, settings }: Served, plan: Plan, { live, behind }: Lag): Part {
  const [first] = world.slots[live];
  if (first === undefined) return {};
  const { own, shared } = behind;
  const staysLive = settings.activeColor === live;
  const all = [...own, ...shared];
  const list = all.join(", ");
  if (all.length > 0 && staysLive && settings.allowLiveReplace) {
    const warning =
      `${live} is live and is replaced in place (${list}), as allowLiveReplace allows: the public gets no answer until the new ` +
      "container is up. Afterwards: pulumi config rm allowLiveReplace";
    return { warnings: [warning] };
  }
  if (own.length > 0 && staysLive) return { refusals: [refuseOwn(live, first, own, settings)] };
  const when = staysLive ? "on the first `pulumi up` after it has become idle" : "on the next `pulumi up`";
  return {
    keep: { [live]: true },
    pending: all,
    runs: { [live]: { ...plan.runs[live], ...definedIn(first) } },
    ...(all.length > 0 && { warnings: [`${live} is live and keeps what it runs. It takes ${list} ${when}.`] }),
  };
}

function refuseOwn(live: Color, { version, made }: SlotContainer, own: string[], settings: Settings): string {
  const idle = other(live);
  const asked = settings.slots[live];
  const names = own.map((change) => change.split(" ", 1)[0]);
  const imageIs = (color: Color, image: string | undefined) => `pulumi config set ${color}Image ${image || "''"}`;
  const versionIs = (color: Color, release: string) => `pulumi config set ${color}Version ${release}`;
  const back = names.map((name) => (name === `${live}Image` ? imageIs(live, made.image) : versionIs(live, version)));
  const put = [
    ...(asked.image === settings.slots[idle].image ? [] : [imageIs(idle, asked.image)]),
    versionIs(idle, asked.version),
  ];
  return (
    `${live} is live, and this would replace its container in front of the public (${own.join(", ")}). Nothing was touched. ` +
    `Put the release on ${idle} and switch: put ${names.join(" and ")} back ` +
    `(${back.join(" && ")}), then ${put.join(" && ")} && pulumi up, then pulumi config set activeColor ${idle} && pulumi up. ` +
    "Or replace it on purpose: pulumi config set allowLiveReplace true && pulumi up"
  );
}

/** Takes the active color live as it was, where that is the way back from a change of what both share. */
export function decideWayBack({ world }: Served, plan: Plan, { live, active, ahead, goesBack }: Lag): Part {
  if (!goesBack) return {};
  return {
    keep: { [active]: true },
    pending: ahead.shared,
    runs: { [active]: { ...plan.runs[active], ...definedIn(world.slots[active][0]) } },
    warnings: [
      `${active} goes live again as it was: it does not take ${ahead.shared.join(", ")}, which ${live} runs with, before it is idle again.`,
    ],
  };
}

/** What a run does with containers that are gone. */
const againWords = ({ seen }: Illness): string => `makes ${seen === "are gone" ? "them" : "it"} again`;

const moveTo = (color: Color): string => `pulumi config set activeColor ${color} && pulumi up, which moves the public`;

/** Warns of a live color with a container that is not well or does not run, with the way to the other color first where that can serve. */
export function tellLiveDown({ world, serving }: Served, { again }: Plan, { live, active }: Lag): Part {
  const containers = world.slots[live];
  const idle = other(live);
  const expected = serving.replicas[live] || 1;
  const down = illness(live, containers, expected, notRunning, again);
  const canMove =
    active === live && (serving.record.retired?.color === idle || world.slots[idle].some(({ state }) => state.Running));
  if (down === undefined) {
    const ill = illness(live, containers, expected, (container) => problemOf(container, live, serving), again);
    if (ill === undefined) return {};
    const next = `docker logs --tail 30 ${ill.container?.name}${canMove ? `; or: ${moveTo(idle)}` : ""}`;
    return { warnings: [`${live} is live, but ${ill.whose} ${ill.seen}. Next: ${next}`] };
  }
  const some = containers.some(({ state }) => state.Running);
  const meets = some ? "the others serve the public" : "the public gets errors";
  const does =
    down.revive === undefined
      ? againWords(down)
      : active === live && down.container !== undefined
        ? "starts it"
        : undefined;
  const back = canMove && !some ? moveTo(idle) : "";
  const next =
    does === undefined ? `Next: ${back && `${back}; or `}${down.revive}` : `This run ${does}${back && `; or: ${back}`}`;
  return { warnings: [`${live} is live, but ${down.whose} ${down.seen}: ${meets}. ${next}`] };
}

/** Warns of an idle color that is no way back, or not at once. */
export function tellIdleIll({ world, serving, settings }: Served, plan: Plan, { live, active }: Lag): Part {
  const { replicas } = serving;
  const idle = other(live);
  const retired = plan.idle !== "running" || isStoppedAsIdle(world, idle);
  const problem = (container: SlotContainer) => problemOf(container, idle, serving);
  const ill =
    active === live && !retired
      ? illness(idle, world.slots[idle], replicas[idle] || 1, problem, plan.again)
      : undefined;
  if (ill === undefined) return {};
  const whose =
    replicas[idle] > 1
      ? `, and ${ill.whose} ${ill.seen}`
      : ill.container
        ? ` and ${ill.seen}`
        : " and has no container";
  const stopped = ill.container !== undefined && isStopped([ill.container]);
  const next = ill.container === undefined || stopped ? ill.revive : `docker logs --tail 30 ${ill.container.name}`;
  // The way back to what was stable asks whether it answers, and not its image's own check.
  const asked = ill.container && serving.health?.[replicaName(idle, ill.container.replica)];
  const mayAnswer =
    ill.container?.state.Running === true && asked?.well !== false && isStable(serving.record, idle, world.slots[idle]);
  const answers = mayAnswer ? "it is a way back only if it answers" : "it is no way back";
  if (ill.revive === undefined)
    return { warnings: [`${idle} is idle${whose}: it is no way back. This run ${againWords(ill)}.`] };
  const image = settings.slots[idle].image === undefined ? "" : `pulumi config set ${idle}Image <an image> && `;
  return {
    warnings: [
      `${idle} is idle${whose}: ${stopped ? "it is no way back at once, a switch starts it first" : answers}. Next: ${next}; ` +
        `or put another release on it: ${image}pulumi config set ${idle}Version <a new version> && pulumi up`,
    ],
  };
}

/** Has the cutover start what visitors are on and what does not run, and an idle color that never was started. */
export function decideStart(situation: Served, plan: Plan, { live, active }: Lag): Part {
  if (active !== live) return {};
  const { world, serving, now } = situation;
  const idle = other(live);
  const { own, shared } = differences(situation, idle);
  const idleStays = own.length + shared.length === 0;
  const after = serving.history.at(-1)?.time ?? "nothing";
  const needed = (color: Color) => world.slots[color].filter(({ replica }) => replica <= plan.runs[color].replicas);
  if (isStopped(needed(live))) return { mend: `${live} is stopped after ${after}` };
  if (idleStays && plan.canaryPercent > 0 && isStopped(needed(idle))) {
    return {
      mend: `${idle} is stopped after ${after}`,
      notes: [`${idle} is stopped and has visitors: this run starts it.`],
    };
  }
  if (!idleStays || !needed(idle).some(({ state }) => state.Status === "created")) return {};
  return {
    // Not by the history: what does not start is tried again.
    mend: `${idle} was never started at ${now.toISOString()}`,
    notes: [`${idle} was never started: this run starts it.`],
  };
}

/** Says where the public moves, when, and what comes up before. */
export function tellMove({ world, serving, settings }: Served, plan: Plan, lag: Lag): Part {
  const { live, active, goesBack, unchanged } = lag;
  if (active === live) return {};
  const target = world.slots[active];
  const comesUp =
    serving.record.retired?.color === active
      ? `; it was ${serving.record.retired.how} and comes up first`
      : (goesBack || unchanged) && isStopped(target)
        ? `; ${STARTS_FIRST}`
        : "";
  const from = world.slots[live][0]?.version ?? "gone";
  const how = isAtOnce(world, plan, lag) ? atOnce(active) : afterWhat(settings, active, world.slots[active]);
  return {
    notes: [
      `The public moves from ${live} (${from}) to ${active} (${settings.slots[active].version}), ${how}${comesUp}.`,
    ],
  };
}

/** Reports whether the public moves without a gate and a watch: to what was stable and is still the same. */
export function isAtOnce(world: World, plan: Plan, { active, wasStable, goesBack, unchanged }: Lag): boolean {
  const target = world.slots[active];
  const isReady = target.length >= plan.runs[active].replicas && target.every(({ state }) => state.Running);
  return wasStable && isReady && (goesBack || unchanged);
}

const atOnce = (target: Color): string => `at once: ${target} was stable and its container is the same`;

/** Says which color gets more or fewer containers. */
export const tellReplicas = ({ serving: { replicas } }: Served, plan: Plan): Part => ({
  notes: COLORS.filter((color) => {
    const wanted = plan.runs[color].replicas;
    return replicas[color] !== wanted && wanted !== 0 && replicas[color] !== 0;
  }).map(
    (color) =>
      `${color} gets ${count(plan.runs[color].replicas)} (${replicas[color]} now); those that stay are not touched.`,
  ),
});
