import { type Color, other } from "../service/color";
import { colorDifferences } from "../service/slotSpec";
import type { SlotContainer } from "../service/world";
import { allVariables } from "../settings/environment";
import type { Part, Plan, Served, Situation } from "./situation";

/** Keeps the idle color stopped where only one color may run at a time, and says what a switch costs then. */
export function decideAlone({ world, settings }: Situation, plan: Plan): Part {
  const { activeColor: active, sharedWhileSwitching } = settings;
  if (sharedWhileSwitching !== false) return {};
  const idle = other(active);
  const serving = "unknown" in world ? undefined : world.serving;
  const last = serving?.history.findLast(({ seconds }) => seconds.away !== undefined)?.seconds.away;
  const before = last === undefined ? "" : ` (${last} s in the latest switch)`;
  const switches = serving !== undefined && serving.color !== active;
  return {
    idle: "stopped",
    runs: { [idle]: { ...plan.runs[idle], replicas: 0 } },
    ...(switches && {
      notes: [
        `${idle} is stopped before ${active} starts, since sharedWhileSwitching is false: the public gets no answer until ${active} ` +
          `is well${before}.`,
      ],
    }),
  };
}

/** Stops or removes the idle color when it has been idle for long enough (see {@link dueAt}). */
export function decideIdle(situation: Served, plan: Plan): Part {
  const { world, serving, settings, slots, now } = situation;
  const { activeColor, idleAfterMinutes } = settings;
  const switches = serving.color !== activeColor;
  const idle = other(activeColor);
  const containers = world.slots[idle];
  if (settings.sharedWhileSwitching === false) return {};
  const retired = serving.record.retired?.color === idle ? serving.record.retired : undefined;
  if (settings.idle === "running") {
    if (retired === undefined || switches) return {};
    return { notes: [`${idle} was ${retired.how} and comes up again, as the idle color.`] };
  }
  const does = settings.idle === "stopped" ? "stops" : "removes";
  const later = (due: Date): Part => ({
    notes: [
      `${idle} stays up while it is idle for ${duration(idleAfterMinutes)}: the first \`pulumi up\` after ${minute(due)} ${does} it.`,
    ],
  });
  const fromNow = new Date(now.getTime() + idleAfterMinutes * 60_000);
  if (switches) return later(fromNow);
  if (plan.canaryPercent > 0) return {};

  const { version, image } = slots[idle];
  const same = retired?.version === version && retired.image === image;
  const environment = allVariables(settings);
  const { own, shared } = colorDifferences(idle, containers, { made: slots[idle], environment });
  const isMade = containers.length === 0 ? !same : own.length + shared.length > 0;
  if (isMade) return later(fromNow);
  const due = dueAt(situation, idle);
  if (retired === undefined && due > now) return later(due);
  return retire(situation, plan, { idle, containers, how: retired?.how, does });
}

/** Returns the part that takes the idle color away, or keeps it away. */
function retire(
  { serving, settings }: Served,
  plan: Plan,
  { idle, containers, how, does }: { idle: Color; containers: SlotContainer[]; how: string | undefined; does: string },
): Part {
  const becomes = containers.length === 0 ? "removed" : (settings.idle as "stopped" | "removed");
  const part: Part = {
    idle: becomes,
    runs: { [idle]: { ...plan.runs[idle], replicas: 0 } },
    // One that is stopped gets more containers when it comes up again.
    containers: { [idle]: becomes === "removed" ? 0 : Math.min(settings.replicas, containers.length) },
  };
  if (containers.length > 0 && how !== becomes) {
    const stays = becomes === "removed" ? ", and its image stays" : "";
    const time = duration(settings.idleAfterMinutes);
    return {
      ...part,
      notes: [`${idle} (${containers[0]?.version}) is ${becomes}${stays}: it has been idle for ${time}.`],
    };
  }
  if (!containers.some(({ state }) => state.Running)) return part;
  return {
    ...part,
    mend: `${idle} runs after ${serving.history.at(-1)?.time ?? "nothing"}`,
    warnings: [
      `${idle} was ${how} and runs again: this run ${does} it. To have it run: pulumi config set idle running`,
    ],
  };
}

/**
 * Returns when the idle color is due to go: so long after the switch, the making of its containers, the last visitor's session, and
 * the latest cutover that tried it.
 */
function dueAt({ world, serving, settings, now }: Served, idle: Color): Date {
  const tried = serving.history.filter(({ to, canaryPercent }) => to === idle || canaryPercent !== undefined);
  const times = [
    Date.parse(serving.record.since ?? serving.history.at(-1)?.time ?? ""),
    ...world.slots[idle].map(({ created }) => Date.parse(created ?? "")),
    ...tried.map(({ time }) => Date.parse(time)),
    (serving.record.sessions?.[idle].until ?? 0) * 1000,
  ];
  const known = times.filter((time) => time > 0);
  // Where nothing tells a time it is not known to be over.
  const latest = known.length === 0 ? now.getTime() + 1 : Math.max(...known);
  return new Date(latest + settings.idleAfterMinutes * 60_000);
}

const duration = (minutes: number): string => (minutes === 1 ? "1 minute" : `${minutes} minutes`);

/** ISO 8601, UTC, rounded up to whole minutes. */
const minute = (time: Date): string =>
  `${new Date(Math.ceil(time.getTime() / 60_000) * 60_000).toISOString().slice(0, 16)}Z`;
