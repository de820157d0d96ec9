import { COLORS, type Color, other } from "../service/color";
import { isLooping } from "../service/health";
import { expectedBeside, goneWords, type MissingContainer, missingBeside } from "../service/missing";
import type { JobMoment, WorkerStart } from "../service/moments";
import { hasStableRelease } from "../service/serving";
import { type BesideContainer, isStoppedAsIdle } from "../service/world";
import { isAtOnce, type Lag } from "./live";
import type { Known, Part, Plan, Served } from "./situation";

/** Has the cutover put workers right that do not run where they should, and says what a switch does with workers and jobs. */
export function decideWorkers(served: Served, plan: Plan, lag: Lag): Part {
  const { world, serving, settings, now } = served;
  const { live, active } = lag;
  if (active !== live) return tellWorkers(settings, isAtOnce(world, plan, lag), goesToStable(served, lag));
  const { workers } = world.beside ?? {};
  if (workers === undefined) return {};
  const idle = other(live);
  const stopped = workers[live].filter(({ state }) => !state.Running);
  const looping = workers[live].filter((worker) => isLooping(worker, serving.now ?? now.getTime() / 1000));
  const isStopped = plan.idle !== "running" && isStoppedAsIdle(world, idle);
  const astray = workers[idle].filter(({ state, made }) => (isStopped || made.follow !== "both") && state.Running);
  const after = serving.history.at(-1)?.time ?? "nothing";
  const [isOneStopped, isOneAstray] = [stopped.length === 1, astray.length === 1];
  const warnings = [
    ...(stopped.length > 0
      ? [
          `${live} is live, but ${list(stopped)} ${isOneStopped ? "does not run: this run starts it" : "do not run: this run starts them"}.`,
        ]
      : []),
    ...(astray.length > 0
      ? [
          `${list(astray)} of the idle color ${isOneAstray ? "takes" : "take"} jobs beside the live one: this run ends ` +
            `${isOneAstray ? "it" : "them"}, since ${isStopped ? `${idle} is stopped while it is idle` : isOneAstray ? "it follows live" : "they follow live"}.`,
        ]
      : []),
  ];
  const [first] = looping;
  const told =
    first === undefined
      ? []
      : [
          `${live} is live, but ${list(looping)} ${looping.length === 1 ? "ends" : "end"} again and again. ` +
            `Next: docker logs --tail 30 ${first.container}`,
        ];
  if (warnings.length === 0) return { warnings: told };
  return { warnings: [...warnings, ...told], mend: `workers of ${live} differ after ${after} at ${now.toISOString()}` };
}

/**
 * Has the run make workers' and jobs' containers again that are gone, as after `docker system prune`: Pulumi's state doesn't know that
 * they are. Those of an idle color that is stopped or removed are made when it comes back.
 */
export function decideMissing({ world, settings, recovers }: Known, plan: Plan): Part {
  if (recovers) return {};
  const missing = COLORS.flatMap((color) => missingOf(color, { world, settings }, plan));
  if (missing.length === 0) return {};
  const how = missing.length === 1 ? "this run makes it" : "this run makes them";
  const words = goneWords(missing);
  return {
    again: missing.map(({ part }) => part),
    warnings: [
      `${words[0]?.toUpperCase()}${words.slice(1)}, as after docker system prune, which removes what doesn't run: ${how} again.`,
    ],
  };
}

/** Those of a color that it was made with and is going to have. */
function missingOf(
  color: Color,
  { world, settings }: Pick<Known, "world" | "settings">,
  plan: Plan,
): MissingContainer[] {
  const isAway = plan.containers[color] === 0 || (plan.idle !== "running" && color !== settings.activeColor);
  if (isAway) return [];
  const wanted = new Set(expectedBeside(color, settings).map(({ part }) => part));
  return missingBeside(world, color).filter(({ part }) => plan.keep[color] || wanted.has(part));
}

const MOMENTS: Readonly<Record<JobMoment, string>> = {
  "before-gate": "before the gate",
  "after-switch": "after the switch",
  "after-watch": "after the watch",
  "after-way-back": "after the way back",
};
const STARTS: Readonly<Record<WorkerStart, string>> = {
  "after-switch": "right after the switch",
  "after-watch": "when the watch is over",
};

/** Whether the public goes to a release that was stable, whose jobs before the gate don't run again. */
function goesToStable({ serving, settings }: Served, { active, wasStable, goesBack, unchanged }: Lag): boolean {
  if (wasStable && (goesBack || unchanged)) return true;
  const { version, image = "" } = settings.slots[active];
  return hasStableRelease({ ...serving.record, stable: {} }, active, [{ id: "", version, made: { image } }]);
}

/**
 * Says when workers and jobs have their turn in a switch.
 *
 * @param isBack whether it is a way back that has neither gate nor watch.
 */
function tellWorkers({ workers = {}, jobs = {} }: Served["settings"], isBack: boolean, isStable: boolean): Part {
  const turn = Object.entries(jobs).filter(
    ([, { at }]) => (at === "after-way-back") === isBack && !(isStable && at === "before-gate"),
  );
  const moving = Object.entries(workers).filter(([, { follow }]) => follow === "live");
  const starting = (when: WorkerStart) => moving.filter(([, { start }]) => (isBack ? "after-switch" : start) === when);
  const turns = [
    ...turn.map(([name, { at }]) => `the job ${name} runs ${MOMENTS[at]}`),
    ...(["after-switch", "after-watch"] as const).flatMap((when) => {
      const names = starting(when).map(([name]) => name);
      if (names.length === 0) return [];
      return [
        `the ${names.length === 1 ? "worker" : "workers"} ${names.join(", ")} ${names.length === 1 ? "moves" : "move"} ${STARTS[when]}`,
      ];
    }),
  ];
  return turns.length === 0 ? {} : { notes: [`In this switch ${turns.join("; ")}.`] };
}

const list = (containers: readonly BesideContainer[]): string =>
  containers.map(({ container }) => container).join(", ");
