import { other } from "../service/color";
import type { BesideContainer } from "../service/world";
import type { Lag } from "./live";
import type { Part, Served } from "./situation";

/** Has the cutover put workers right that do not run where they should, and says what a switch does with workers and jobs. */
export function decideWorkers({ world, serving, settings, now }: Served, { live, active }: Lag): Part {
  if (active !== live) return tellWorkers(settings);
  const { workers } = world.beside ?? {};
  if (workers === undefined) return {};
  const stopped = workers[live].filter(({ state }) => !state.Running);
  const astray = workers[other(live)].filter(({ state, made }) => made.follow !== "both" && state.Running);
  const after = serving.history.at(-1)?.time ?? "nothing";
  const warnings = [
    ...(stopped.length > 0
      ? [`${live} is live, but ${list(stopped)} ${stopped.length === 1 ? "does" : "do"} not run: this run starts it.`]
      : []),
    ...(astray.length > 0
      ? [`${list(astray)} of the idle color takes jobs beside the live one: this run ends it, since it follows live.`]
      : []),
  ];
  if (warnings.length === 0) return {};
  return { warnings, mend: `workers of ${live} differ after ${after} at ${now.toISOString()}` };
}

/** Says when workers and jobs have their turn in a switch. */
function tellWorkers({ workers = {}, jobs = {} }: Served["settings"]): Part {
  const following = Object.entries(workers).filter(([, { follow }]) => follow === "live");
  const names = (start: string) => following.filter(([, worker]) => worker.start === start).map(([name]) => name);
  const turns = [
    ...Object.entries(jobs).map(([name, { at }]) => `the job ${name} runs ${at.replaceAll("-", " ")}`),
    ...(["after-switch", "after-watch"] as const).flatMap((start) =>
      names(start).length > 0
        ? [
            `the workers ${names(start).join(", ")} move ${start === "after-switch" ? "right after the switch" : "when the watch is over"}`,
          ]
        : [],
    ),
  ];
  return turns.length === 0 ? {} : { notes: [`In this switch ${turns.join("; ")}.`] };
}

const list = (containers: readonly BesideContainer[]): string =>
  containers.map(({ container }) => container).join(", ");
