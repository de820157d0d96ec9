import { other } from "../service/color";
import type { BesideContainer } from "../service/world";
import type { JobMoment } from "../settings/container/named";
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

/** What a job's moment is called in a sentence; one after a way back has no turn in a switch. */
const TURNS: Partial<Record<JobMoment, string>> = {
  "before-gate": "before the gate",
  "after-switch": "right after the switch",
  "after-watch": "after the watch",
};

/** Says when workers and jobs have their turn in a switch. */
function tellWorkers({ workers = {}, jobs = {} }: Served["settings"]): Part {
  const turns = [
    ...Object.entries(jobs).flatMap(([name, { at }]) => (TURNS[at] ? [`the job ${name} runs ${TURNS[at]}`] : [])),
    ...Object.entries(workers).flatMap(([name, { follow, start }]) =>
      follow === "live" ? [`the worker ${name} moves ${TURNS[start]}`] : [],
    ),
  ];
  return turns.length === 0 ? {} : { notes: [`In this switch ${turns.join("; ")}.`] };
}

const list = (containers: readonly BesideContainer[]): string =>
  containers.map(({ container }) => container).join(", ");
