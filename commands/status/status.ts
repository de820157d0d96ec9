import { COLORS, type Color, other } from "../../stacks/service/color";
import { dockerProblem, isLooping, PAST_SECONDS } from "../../stacks/service/health";
import type { HealthAnswer } from "../../stacks/service/healthAnswer";
import { containerName, replicaName, replicaNames, type ServiceId } from "../../stacks/service/names";
import { colorHealth, isStable, type Result } from "../../stacks/service/serving";
import { type SlotInstance, type SlotSpec, specDifferences } from "../../stacks/service/slotSpec";
import type { ContainerState, SlotContainer, UnknownWorld, World } from "../../stacks/service/world";
import { hide } from "../../stacks/text/hide";
import { shortened } from "../../stacks/text/plain";
import { type CantTell, cantTell, EXIT } from "../outcome";
import type { Limits } from "../stackFile";
import { type Commands, commandsFor } from "../typed";
import type { Traffic } from "./answers";
import { besideOf } from "./beside";
import { findings, NOT_WELL } from "./findings";
import { cutoverOf } from "./history";
import { nextCommands } from "./next";
import type { Past } from "./past";
import type { ColorReport, ContainerReport, Pending, ProxyReport, Report } from "./report";
import { hasNoContainer } from "./services";

/** All that is known, before anything is concluded from it. */
export interface Facts {
  owner: ServiceId;
  /** The color that the stack's file asks for, or why it asks for none. */
  active: { color: Color } | { problem: string };
  /** The engine's address where the stack's file names one. */
  host?: string;
  /** Whether this is the engine with what a stack has once, such as its workers: of several hosts the first one. */
  isLead?: boolean;
  /** The stack as commands have to name it, where it is not the one that `pulumi` takes by itself. */
  flag?: string;
  world: World | UnknownWorld;
  /** What the proxy answered of late, where that could be read. */
  traffic?: Traffic;
  /** What happened to the colors' containers of late, by their ids. */
  past?: ReadonlyMap<string, Past>;
  /** What the stack's file calls too many errors, and too slow. */
  limits?: Limits;
  now: Date;
}

/** The exit code of each level. */
export const EXIT_OF = {
  well: EXIT.well,
  degraded: EXIT.finding,
  down: EXIT.broken,
  unknown: EXIT.unknown,
} as const;

/** What is shown of a container's last words, in characters. */
const MOST_WORDS = 200;

/** So many of the latest cutovers are reported. */
const CUTOVERS = 5;

/** Begins the reason where an engine does not answer; its own words follow. */
export const NO_ENGINE = "The Docker Engine could not be asked: ";

/** Concludes from what runs how the stack is, what is not as it should be and what to type. */
export function statusOf(facts: Facts): Report | CantTell {
  const { owner, world } = facts;
  const commands = commandsFor(facts.flag, facts.host, owner.service);
  if ("unknown" in world) {
    const find = "export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version";
    const next = facts.host === undefined ? find : commands.docker("version");
    return cantTell(`${NO_ENGINE}${world.reason}`, [{ purpose: "find the engine", command: next }]);
  }
  const untold = untoldBy(facts, world, commands);
  if (untold !== undefined) return untold;

  const { serving } = world;
  const live = serving?.color ?? null;
  const pending = pendingIn(world, live);
  const colors = Object.fromEntries(
    COLORS.map((color) => [color, colorOf(color, facts, world, live, pending)]),
  ) as Record<Color, ColorReport>;
  const stable = COLORS.filter((color) => colors[color].stable);
  const active = "color" in facts.active ? facts.active.color : null;
  const proxy = proxyOf(owner, world);
  const beside = besideOf(world, live, serving?.now ?? facts.now.getTime() / 1000, facts.isLead);
  const all = (serving?.history ?? []).map(cutoverOf).reverse();
  const history = all.slice(0, CUTOVERS);
  const cutOff = serving?.declared !== undefined && serving.declared !== serving.generation;

  const unwatched = live !== null && serving?.record.moving?.to === live;

  const traffic = facts.traffic === undefined ? null : trafficOf(facts.traffic);
  const { limits = {} } = facts;
  const known = {
    ...{ active, live, colors, proxy, beside, traffic, limits, cutOff, unwatched },
    putBack: serving?.record.putBack,
    service: owner.service,
    latest: history[0],
  };
  const found = findings(known, "problem" in facts.active ? facts.active.problem : undefined);
  const level =
    (["down", "degraded"] as const).find((each) => found.some((finding) => finding.level === each)) ?? "well";
  return {
    exit: EXIT_OF[level],
    level,
    project: owner.project,
    stack: owner.stack,
    ...(owner.service !== undefined && { service: owner.service }),
    time: facts.now.toISOString(),
    active,
    live,
    stable,
    agree: active !== null && active === live && stable.includes(active),
    colors,
    proxy,
    beside,
    traffic,
    pending,
    findings: found,
    history,
    next: nextCommands(known, commands),
  };
}

/** Returns why nothing can be told of an engine that answers: nothing of the stack runs there, or its proxy can't be asked. */
function untoldBy({ owner, active }: Facts, world: World, commands: Commands): CantTell | undefined {
  if (hasNoContainer(world)) {
    if (world.proxyGone === true) {
      return cantTell(`The containers of the stack ${owner.stack} are gone, and its volume is there`, [
        { purpose: "make them again", command: commands.up("--refresh") },
      ]);
    }
    const bring = { purpose: "bring it up", command: commands.up() };
    const reason = `Nothing of the stack ${owner.stack} runs on this engine`;
    if ("color" in active) return cantTell(reason, [bring]);
    return cantTell(`${reason}, and ${active.problem}`, [{ ...bring, command: commands.activate("blue") }]);
  }

  if (world.silent !== undefined) {
    const name = containerName(owner, "proxy");
    return cantTell(`${name} runs, but can't be asked which color is live: ${world.silent}`, [
      { purpose: "see what it says", command: commands.docker("logs", "--tail", "30", name) },
      { purpose: "start it anew", command: commands.docker("restart", name) },
    ]);
  }
  return undefined;
}

function colorOf(color: Color, facts: Facts, world: World, live: Color | null, pending: Pending | null): ColorReport {
  const { owner, traffic, past } = facts;
  // The engine's clock is what its times are of.
  const now = world.serving?.now ?? facts.now.getTime() / 1000;
  const answers = world.serving?.health ?? {};
  const problemWith = (slot: SlotContainer) =>
    problemOf(slot, answers[replicaName(color, slot.replica)], past?.get(slot.id), now);
  const slots = world.slots[color];
  const [slot] = slots;
  const { retired } = world.serving?.record ?? {};
  const purpose = retired?.color === color ? retired.how : null;
  const containers = slots.map((slot) => {
    const isAsked = answers[replicaName(color, slot.replica)] !== undefined;
    return containerOf(slot, { seen: problemWith(slot), isAsked }, purpose, past?.get(slot.id));
  });
  const missing = replicaNames(color, world.serving?.replicas[color] ?? 0)
    .map((name) => containerName(owner, name))
    .filter((_, at) => slots.length > 0 && !slots.some(({ replica }) => replica === at + 1));
  const well = containers.length > 0 && missing.length === 0 && slots.every((slot) => problemWith(slot) === undefined);
  const stable = world.serving !== undefined && isStable(world.serving.record, color, slots);
  const role = live === null ? null : live === color ? "live" : "idle";
  return {
    role,
    version: slot?.version ?? null,
    image: slot === undefined ? null : imageOf(color, slot, world),
    well,
    stable,
    wasLive: wasLive(color, slot, world),
    retired: purpose,
    // One that is behind is made anew by the run that switches to it.
    instant: role === "idle" && well && stable && pending?.color !== color,
    containers,
    missing,
    answers: traffic?.colors[color] ?? null,
  };
}

const trafficOf = ({ seconds, sample, nginx }: Traffic): Report["traffic"] => ({ seconds, sample, nginx });

/** Results of cutovers that left the public on their color. */
const LIVE_SINCE: readonly string[] = ["first", "switched", "instant"] satisfies Result[];

/** Whether a cutover of the history brought the public to the release that the color has, and left it there. */
function wasLive(color: Color, slot: SlotContainer | undefined, { serving }: World): ColorReport["wasLive"] {
  const results = (serving?.history ?? [])
    .map(cutoverOf)
    .filter(({ to, versions }) => to === color && slot !== undefined && versions[color] === slot.version)
    .map(({ result }) => result);
  if (results.some((result) => LIVE_SINCE.includes(result))) return "yes";
  return results.includes("reverted") ? "reverted" : "never";
}

function imageOf(color: Color, slot: SlotContainer, world: World): ColorReport["image"] {
  const reference = typeof slot.made.image === "string" && slot.made.image !== "" ? slot.made.image : null;
  const built = world.built[color].find(({ version }) => version === slot.version);
  return {
    id: slot.imageId.replace(/^sha256:/, ""),
    reference,
    source: reference === null ? (built?.source ?? null) : null,
  };
}

function containerOf(
  slot: SlotContainer,
  { seen, isAsked }: { seen: string | undefined; isAsked: boolean },
  retired: ColorReport["retired"],
  past: Past | undefined,
): ContainerReport {
  const { id, name, state, restarts } = slot;
  const since = state.Running ? state.StartedAt : state.FinishedAt;
  // Docker's year 1 stands for never.
  const known = since !== undefined && Date.parse(since) > 0;
  // One that was stopped on purpose has nothing wrong with it.
  const problem = retired !== null && state.Status === "exited" ? undefined : seen;
  return {
    id,
    name,
    state: state.Status,
    health: healthWord(state, seen, isAsked),
    problem: problem === undefined ? null : shortened(hide(secretsOf(slot), problem)),
    since: known ? new Date(since).toISOString() : null,
    restarts,
    kills: past?.kills ?? 0,
  };
}

/** How a container is in a word; null where it does not run, or nobody could ask it. */
function healthWord({ Running, Health }: ContainerState, seen: string | undefined, isAsked: boolean): string | null {
  if (!Running) return null;
  if (Health?.Status === "starting") return "starting";
  if (seen !== undefined) return "unhealthy";
  return isAsked ? "healthy" : null;
}

/** What is wrong with a container, said of it: what keeps happening to it before how it is at this moment. */
function problemOf(
  slot: SlotContainer,
  answer: HealthAnswer | undefined,
  past: Past | undefined,
  now: number,
): string | undefined {
  const problem = stateProblem(slot, answer);
  if (isLooping(slot, now)) return loopOf(slot, past);
  if (!past?.kills || !slot.state.Running) return problem;
  const often = past.kills === 1 ? "once" : `${past.kills} times`;
  const last = past.lastKill === undefined ? "" : `, last ${Math.max(0, Math.round(now - past.lastKill / 1000))} s ago`;
  return `ran out of memory and had a process killed ${often} in ${PAST_SECONDS / 60} min${last} (raise memoryMb)`;
}

/** An engine that has forgotten how it ended knows it while it is about to start it again. */
function loopOf(slot: SlotContainer, past: Past | undefined): string {
  const { state, restarts } = slot;
  const starts = state.Status === "restarting" ? Math.max(1, restarts) : restarts + 1;
  const code = past?.exitCode ?? (state.Running && state.Status !== "restarting" ? undefined : state.ExitCode);
  const exit = code === undefined ? "and ends again and again" : `last exit ${code}`;
  // Hidden before it is cut: half a secret would not be known for one.
  const words = past?.lastWords === undefined ? "" : `: ${hide(secretsOf(slot), past.lastWords).slice(0, MOST_WORDS)}`;
  return `was started ${starts === 1 ? "once" : `${starts} times`}, ${exit}${words}`;
}

function stateProblem({ state }: SlotContainer, answer: HealthAnswer | undefined): string | undefined {
  switch (state.Status) {
    case "created":
      return "was never started";
    case "paused":
      return "is paused";
  }
  return state.Health?.Status === "starting" ? "is starting" : (dockerProblem(state) ?? illnessIn(answer));
}

const secretsOf = ({ made, environment }: SlotContainer): string[] =>
  namesIn(made.secretEnvironment).map((name) => environment[name] ?? "");

const namesIn = (list: unknown): string[] => (Array.isArray(list) ? list.map(String) : []);

const illnessIn = (answer: HealthAnswer | undefined): string | undefined =>
  answer?.well === false ? `${NOT_WELL}: ${answer.seen}` : undefined;

function healthOf(serving: World["serving"], color: Color | undefined): ProxyReport["health"] {
  const answer = color && colorHealth(serving?.health, color);
  return answer === undefined ? null : { well: answer.well, seen: answer.seen };
}

function proxyOf(owner: ServiceId, { proxy, serving }: World): ProxyReport {
  return {
    name: containerName(owner, "proxy"),
    exists: proxy !== undefined,
    running: proxy?.running === true,
    answers: serving?.answers === true,
    generation: serving?.generation || null,
    edited: serving?.edited ?? null,
    canaryPercent: serving?.canaryPercent ?? null,
    health: healthOf(serving, serving?.color),
    idleHealth: healthOf(serving, serving && other(serving.color)),
    maintenance: serving === undefined ? null : serving.maintenance === true,
    busy: serving?.busy ?? null,
  };
}

/** What the two colors run differently, beside what each has of its own, as a change of the one that was made first. */
function pendingIn({ slots }: World, live: Color | null): Pending | null {
  const [blue] = slots.blue;
  const [green] = slots.green;
  if (blue === undefined || green === undefined) return null;
  const color = olderOf(blue, green) ?? live ?? "blue";
  const from = makingOf(color === "blue" ? blue : green);
  const to = makingOf(color === "blue" ? green : blue);
  // Without its label nothing can be compared with it.
  if (from.made.definition === undefined) return { color, settings: specDifferences(color, from, from).shared };
  if (to.made.definition === undefined) return { color: other(color), settings: specDifferences(color, to, to).shared };

  const { shared } = specDifferences(color, from, { ...to, made: { ...to.made, ...ownOf(from.made) } });
  return shared.length === 0 ? null : { color, settings: shared };
}

/** What a color has of its own. */
const ownOf = ({ version, image, port }: Partial<SlotSpec>) => ({ version, image, port }) as Partial<SlotSpec>;

/** Labels can be anything: lists that are none count as empty. */
const makingOf = ({ made, environment }: SlotContainer): SlotInstance => ({
  made: { ...made, environment: namesIn(made.environment), secretEnvironment: namesIn(made.secretEnvironment) },
  environment,
});

/** Of the two colors the one whose container was made first: its settings are the older ones. */
function olderOf(blue: SlotContainer, green: SlotContainer): Color | undefined {
  const age = Date.parse(blue.created ?? "") - Date.parse(green.created ?? "");
  if (Number.isNaN(age) || age === 0) return undefined;
  return age < 0 ? "blue" : "green";
}
