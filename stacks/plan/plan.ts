import { decideAccessories } from "./accessories";
import { decideCanary, decideCanaryFirst, decideVisitors } from "./canary";
import { decideContainer } from "./container";
import { decideAlerts, decideGate, decidePolicies, decideSecrets } from "./gate";
import { decideGone } from "./gone";
import { decideAlone, decideIdle } from "./idle";
import { decideImages, decideRebuilds } from "./images";
import {
  decideLive,
  decideStart,
  decideWayBack,
  lagOf,
  tellIdleIll,
  tellLiveDown,
  tellMove,
  tellReplicas,
} from "./live";
import { decideMend } from "./mend";
import { decideOpenVolumes } from "./openVolumes";
import { decideProxy } from "./proxy";
import { decidePutBack } from "./putBack";
import { keepWhatRuns } from "./recovery";
import { type Known, type Part, type Plan, type Served, type Situation, withPart } from "./situation";
import { decideMissing, decideWorkers } from "./workers";

/** One decision, made from the plan so far. */
type Step = (plan: Plan) => Part;

/**
 * Decides what a run does, from the settings and from what runs: the one place that refuses, so that a refusal is seen in the
 * preview and nothing has been touched. Each decision returns its part of the plan; here they stand in the order in which they are
 * made.
 */
export function decide(situation: Situation): Plan {
  const { world } = situation;
  const known: Known | undefined = "unknown" in world ? undefined : { ...situation, world };
  const served: Served | undefined = known?.world.serving && { ...known, serving: known.world.serving };
  const always: Step[] = [
    () => decideBlindly(situation),
    () => decideFiles(situation),
    () => decideState(situation),
    () => decidePolicies(situation),
    () => decideSecrets(situation),
    () => decideGate(situation),
    () => decideAlerts(situation),
    () => (known ? decideCanary(known) : {}),
    () => decideImages(situation),
    (plan) => decideAlone(situation, plan),
    () => decideAccessories(situation),
  ];
  const plan = inOrder(asAsked(situation), [
    ...always,
    ...(known ? [() => decideProxy(known), () => decideUntold(known)] : []),
    ...(served ? servedSteps(served) : []),
  ]);
  const kept = situation.recovers ? keepWhatRuns(plan, world) : plan;
  const last: Step[] = served ? [(soFar) => decideRebuilds(served, soFar), (soFar) => tellDisplay(served, soFar)] : [];
  const missing: Step[] = known ? [(soFar) => decideMissing(known, soFar)] : [];
  return inOrder(kept, [
    (soFar) => decideContainer(situation, soFar),
    (soFar) => decideOpenVolumes(situation, soFar),
    ...missing,
    ...last,
  ]);
}

/** Returns the decisions about the two colors, while the public is on one of them. */
function servedSteps(served: Served): Step[] {
  const lag = lagOf(served);
  return [
    () => decidePutBack(served),
    (plan) => decideVisitors(served, plan),
    (plan) => decideIdle(served, plan),
    (plan) => decideLive(served, plan, lag),
    (plan) => decideWayBack(served, plan, lag),
    (plan) => decideGone(served, plan),
    (plan) => tellLiveDown(served, plan, lag),
    () => decideCanaryFirst(served, lag.unchanged),
    (plan) => tellIdleIll(served, plan, lag),
    (plan) => decideStart(served, plan, lag),
    (plan) => decideWorkers(served, plan, lag),
    (plan) => decideMend(served, plan),
    (plan) => tellMove(served, plan, lag),
    (plan) => tellReplicas(served, plan),
  ];
}

const inOrder = (plan: Plan, steps: readonly Step[]): Plan =>
  steps.reduce((soFar, step) => withPart(soFar, step(soFar)), plan);

/** Returns the plan that does what the settings ask for, before anything is decided. */
function asAsked({ settings, slots, world }: Situation): Plan {
  const { replicas, canaryPercent } = settings;
  return {
    ...{ refusals: [], warnings: [], notes: [], pending: [] },
    canaryPercent,
    build: { blue: undefined, green: undefined },
    keep: { blue: false, green: false, proxy: false },
    runs: { blue: { ...slots.blue, replicas }, green: { ...slots.green, replicas } },
    containers: { blue: replicas, green: replicas },
    idle: "running",
    again: [],
    ...{ accessories: settings.accessories ?? {}, keptAccessories: [], accessoriesLast: false },
    replacedProxyId: undefined,
    mend: undefined,
    first: "unknown" in world || world.serving === undefined,
  };
}

/** Lets a preview go on without an engine, and says what it can't tell. */
function decideBlindly({ world, preview, host }: Situation): Part {
  if (!("unknown" in world)) return {};
  const seen = `No Docker Engine answered: ${world.reason}`;
  if (preview) {
    return {
      warnings: [
        `${seen}. What runs is unknown, so this preview can't tell whether \`pulumi up\` would refuse this change.`,
      ],
    };
  }
  // Of several hosts some may be missing (see missingHosts.ts).
  if (host !== undefined) return {};
  return {
    refusals: [
      `${seen}. Nothing was touched. It is looked for at docker:host, DOCKER_HOST or the local socket, and not at the docker ` +
        "client's current context. Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version",
    ],
  };
}

const decideFiles = ({ files }: Situation): Part => ({
  refusals: files?.problems ?? [],
  warnings: files?.warnings ?? [],
});

const decideState = ({ state }: Situation): Part => state ?? {};

/** Touches nobody while it isn't certain who is live, or about to be. */
function decideUntold({ world: { silent, serving }, settings, preview }: Known): Part {
  const seen = [
    // One that never answers again is replaced on purpose.
    ...(silent === undefined || settings.allowProxyReplace
      ? []
      : [`The proxy runs, but can't be asked which color is live: ${silent}.`]),
    ...(serving?.busy === undefined ? [] : [`A cutover runs in this proxy (${serving.busy}).`]),
  ];
  if (preview) return { warnings: seen.map((each) => `${each} This preview can't tell what \`pulumi up\` will find.`) };
  const next = "Nothing was touched. Next: npm run status; then, when that is over: pulumi up";
  return { refusals: seen.map((each) => `${each} ${next}`) };
}

/** So many columns Pulumi's display takes until it shows what a cutover says; in fewer it hides that column or cuts it short. */
const DISPLAY_COLUMNS = 120;

/** Says, before a cutover that takes a while, how its steps can be seen in a narrow terminal. */
function tellDisplay({ serving, settings, preview, columns = DISPLAY_COLUMNS }: Served, plan: Plan): Part {
  const takesWhile = serving.color !== settings.activeColor || plan.canaryPercent > serving.canaryPercent;
  if (!preview || !takesWhile || columns >= DISPLAY_COLUMNS) return {};
  return {
    notes: [
      `In ${columns} columns Pulumi's display has no room for the steps (gate, watch, drain): pulumi up --diff shows each as a line.`,
    ],
  };
}
