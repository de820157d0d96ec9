import { isDeepStrictEqual } from "node:util";
import { remoteHost } from "../engine/host";
import { COLORS, type Color, other } from "../service/color";
import { replicaName, replicaNames } from "../service/names";
import { isStable, type Retired, type Serving } from "../service/serving";
import { colorDifferences, definedIn, type SlotSpec, type SpecDifferences } from "../service/slotSpec";
import type { BuiltImage, SlotContainer, UnknownWorld, World } from "../service/world";
import { allVariables } from "../settings/environment";
import type { Settings } from "../settings/settings";
import { decideRebuilds, warnOfSources } from "./images";
import { RUN_POLICY_PACK } from "./policyPack";
import { keepWhatRuns } from "./recovery";
import type { StateFindings } from "./stateProblem";
import { isWayBack } from "./wayBack";

/** What a run is going to do, decided before any resource is declared. */
export interface Plan {
  /** Why this run must not happen; empty where it may. Each names what to do instead. */
  refusals: string[];
  /** What the person who reads the preview should know. */
  warnings: string[];
  /** What is going to happen to the public, in a line. */
  notes: string[];
  /** The share of new visitors that the idle color gets, in percent: the setting, but for where a switch has ended that. */
  canaryPercent: number;
  /** Per color, the release that its image is built as; undefined where the image is pulled. */
  build: Record<Color, BuiltImage | undefined>;
  /** What stays as it is, whatever the settings say by now: the proxy, and the color that is live when the run begins. */
  keep: Record<Color | "proxy", boolean>;
  /** What the live color does not run yet of the settings; it takes them on the first run after it has become idle. */
  pending: string[];
  /** What each color runs when this run has ended well. */
  runs: Record<Color, Runs>;
  /** How many containers each color has; none where it is removed. */
  containers: Record<Color, number>;
  /** What becomes of the idle color. */
  idle: "running" | Retired["how"];
  /** The proxy that this run replaces on purpose. */
  replacedProxyId: string | undefined;
  /**
   * Set where Pulumi's state says that nothing is to be done, while the proxy serves something else: has the cutover run again.
   * Differs from what it was in any run before.
   */
  mend: string | undefined;
  /** Whether the public has a color already: without one there is nothing to guard, and the active color comes first. */
  first: boolean;
}

/** What a color runs, as far as the proxy and people need it. */
export type Runs = Pick<SlotSpec, "version" | "appPort" | "healthPath"> & {
  /** How many containers requests go to; none where it is stopped or removed. */
  replicas: number;
};

/** What {@link decide} decides from. */
export interface Situation {
  settings: Settings;
  world: World | UnknownWorld;
  /** The hash of the sources as they are now (see source.ts). */
  source: string;
  /** What the proxy would be made from now (see proxy.ts): a change of any of it replaces the container. */
  proxy: Record<string, unknown>;
  /** What each color would be made from now (see slot.ts). */
  slots: Record<Color, SlotSpec>;
  /** The generation of the configuration (see serving.ts) that the settings ask for with colors that run this. */
  generation: (plan: Pick<Plan, "runs" | "canaryPercent">) => string;
  /** Why the proxy's files can't be what the settings ask for, and what is to be known of them. */
  files?: { problems: string[]; warnings: string[] };
  /** What Pulumi's own state says beside it (see stateProblem.ts). */
  state?: StateFindings;
  now: Date;
  /** Whether this is a preview, which may go on where no engine answers. */
  preview: boolean;
  /** Whether this is the preview of `npm run recover`, which declares what runs (see recovery.ts). */
  recovers?: boolean;
  /** Whether a policy pack looks at this run (see policyPack.ts). */
  policyPack?: boolean;
  /** Whether the stack has secrets and an empty passphrase (see passphrase.ts): whoever reads its file can read them. */
  openSecrets?: boolean;
  /** How many columns the terminal has in which this run was typed, where there is one. */
  columns?: number | undefined;
  /** The engine's address, where it is not the local socket: `docker:host`, otherwise DOCKER_HOST. */
  dockerHost?: string;
}

/**
 * Decides what a run does, from the settings and from what runs: the one place that refuses, so that a refusal is seen in the
 * preview and nothing has been touched.
 */
export function decide(situation: Situation): Plan {
  const { world, slots } = situation;
  const { replicas } = situation.settings;
  const plan: Plan = {
    refusals: [],
    warnings: [],
    notes: [],
    canaryPercent: situation.settings.canaryPercent,
    build: { blue: undefined, green: undefined },
    keep: { blue: false, green: false, proxy: false },
    pending: [],
    runs: { blue: { ...slots.blue, replicas }, green: { ...slots.green, replicas } },
    containers: { blue: replicas, green: replicas },
    idle: "running",
    replacedProxyId: undefined,
    mend: undefined,
    first: "unknown" in world || world.serving === undefined,
  };
  if ("unknown" in world) decideBlindly(plan, world, situation);
  plan.refusals.push(...(situation.files?.problems ?? []));
  plan.warnings.push(...(situation.files?.warnings ?? []));
  plan.refusals.push(...(situation.state?.refusals ?? []));
  plan.warnings.push(...(situation.state?.warnings ?? []));
  plan.replacedProxyId = situation.state?.replacedProxyId;
  decidePolicies(plan, situation);
  decideSecrets(plan, situation);
  decideGate(plan, situation);
  if (!("unknown" in world)) decideCanary(plan, world, situation);
  decideImages(plan, situation);
  if (!("unknown" in world)) {
    decideProxy(plan, world, situation);
    const { silent, serving } = world;
    // One that never answers again is replaced on purpose.
    if (silent !== undefined && !situation.settings.allowProxyReplace)
      decideUntold(plan, `The proxy runs, but can't be asked which color is live: ${silent}.`, situation);
    if (serving?.busy !== undefined) decideUntold(plan, `A cutover runs in this proxy (${serving.busy}).`, situation);
    if (serving !== undefined) {
      decideVisitors(plan, world, serving, situation);
      decideIdle(plan, world, serving, situation);
      decideLive(plan, world, serving, situation);
    }
    if (situation.recovers) keepWhatRuns(plan, world);
    if (serving !== undefined) {
      decideRebuilds(plan, world, serving, situation);
      tellDisplay(plan, serving, situation);
    }
  }
  return plan;
}

/** Without an engine: a preview may go on, and says what it can't tell. */
function decideBlindly(plan: Plan, world: UnknownWorld, { preview }: Situation): void {
  const seen = `No Docker Engine answered: ${world.reason}`;
  if (preview) {
    plan.warnings.push(
      `${seen}. What runs is unknown, so this preview can't tell whether \`pulumi up\` would refuse this change.`,
    );
  } else {
    plan.refusals.push(
      `${seen}. Nothing was touched. It is looked for at docker:host, DOCKER_HOST or the local socket, and not at the docker ` +
        "client's current context. Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version",
    );
  }
}

/** Where `policies` asks for the policy pack no run goes without it, but for the way back. */
function decidePolicies(plan: Plan, { settings, world, policyPack }: Situation): void {
  if (!settings.policies || policyPack) return;
  const seen =
    "The setting policies is true, but this run has no policy pack: PULUMI_OPTION_POLICY_PACK is not set (--policy-pack is not seen here)";
  if (!("unknown" in world) && isWayBack(world, settings)) {
    plan.warnings.push(`${seen}. The way back goes on without it. Afterwards: ${RUN_POLICY_PACK}`);
  } else {
    plan.refusals.push(`${seen}. Nothing was touched. Next: ${RUN_POLICY_PACK}, then the same command again`);
  }
}

/** Secrets that anybody can open are said in each run; where `policies` asks for more, no run goes on with them but the way back. */
function decideSecrets(plan: Plan, { settings, world, openSecrets }: Situation): void {
  if (!openSecrets) return;
  const seen = "The stack's passphrase is empty: whoever can read its file can read its secrets";
  const next =
    "npm run passphrase, then: source .envrc; for a state outside of this folder: pulumi stack change-secrets-provider passphrase";
  if (!settings.policies) plan.warnings.push(`${seen}. Next: ${next}`);
  else if (!("unknown" in world) && isWayBack(world, settings)) {
    plan.warnings.push(`${seen}. The way back goes on, although the setting policies is true. Afterwards: ${next}`);
  } else {
    plan.refusals.push(`${seen}, which the setting policies forbids. Nothing was touched. Next: ${next}`);
  }
}

/** So many columns Pulumi's display takes until it shows what a cutover says; in fewer it hides that column or cuts it short. */
const DISPLAY_COLUMNS = 120;

/** Before a cutover that takes a while: how its steps can be seen in a narrow terminal. */
function tellDisplay(plan: Plan, serving: Serving, { settings, preview, columns = DISPLAY_COLUMNS }: Situation): void {
  const takesWhile = serving.color !== settings.activeColor || plan.canaryPercent > serving.canaryPercent;
  if (!preview || !takesWhile || columns >= DISPLAY_COLUMNS) return;
  plan.notes.push(
    `In ${columns} columns Pulumi's display has no room for the steps (gate, watch, drain): pulumi up --diff shows each as a line.`,
  );
}

/** While it isn't certain who is live, or about to be, nobody is touched. */
function decideUntold(plan: Plan, seen: string, { preview }: Situation): void {
  if (preview) plan.warnings.push(`${seen} This preview can't tell what \`pulumi up\` will find.`);
  else plan.refusals.push(`${seen} Nothing was touched. Next: npm run status; then, when that is over: pulumi up`);
}

/** What each color's image is built from: a version once built stays what it is. */
function decideImages(plan: Plan, { settings, world, source }: Situation): void {
  for (const color of COLORS) {
    const slot = settings.slots[color];
    if (slot.image !== undefined) continue;
    const built = "unknown" in world ? undefined : world.built[color].find((image) => image.version === slot.version);
    plan.build[color] = built ?? {
      version: slot.version,
      source,
      base: settings.appBaseImage,
      reused: false,
    };
  }
  warnOfSources(plan, { settings, source });

  const { blue, green } = plan.build;
  if (blue !== undefined && green !== undefined && blue.version === green.version && blue.source !== green.source) {
    plan.warnings.push(
      `Both colors are called ${blue.version}, but blue is from sources ${blue.source} and green from ${green.source}.`,
    );
  }
}

/** The proxy stays what it is, unless it is meant to be replaced. */
function decideProxy(plan: Plan, world: World, { settings, proxy }: Situation): void {
  if (world.proxyGone) {
    plan.warnings.push(
      "The proxy's container is gone and its volume is there. Where it was removed by hand (docker rm, docker system prune), or the network with it, " +
        "only this makes again what is gone: pulumi up --refresh",
    );
  }
  if (!world.proxy?.running) return;
  const { made, id } = world.proxy;
  const changes = changed(made, proxy);
  const needed = neededChanges(made, proxy);
  if (changes.length === 0) {
    plan.keep.proxy = true;
  } else if (needed.length === 0 && !settings.allowProxyReplace) {
    plan.keep.proxy = true;
    plan.warnings.push(
      `${lacksDns("proxy")} To replace it, for some seconds without an answer: pulumi config set allowProxyReplace true && ` +
        "pulumi up && pulumi config rm allowProxyReplace",
    );
  } else if (settings.allowProxyReplace) {
    plan.replacedProxyId = id;
    plan.warnings.push(
      `The proxy is replaced (${changes.join(", ")}), as allowProxyReplace allows: the public gets no answer for some seconds. ` +
        "Afterwards: pulumi config rm allowProxyReplace",
    );
  } else {
    plan.refusals.push(
      `This would replace the nginx container (${needed.join(", ")}), and the public would get no answer for some seconds. ` +
        "Nothing was touched. Either put the setting back, or do it on purpose: pulumi config set allowProxyReplace true && pulumi up",
    );
  }
}

/** A switch ends the canary: what the setting still says is of the color that is live then. */
function decideCanary(plan: Plan, { serving }: World, { settings }: Situation): void {
  const { canaryPercent, activeColor } = settings;
  if (canaryPercent === 0) return;
  const off = "Next: pulumi config set canaryPercent 0";
  if (serving === undefined) {
    plan.canaryPercent = 0;
    plan.warnings.push(`Nobody is served yet: canaryPercent ${canaryPercent} counts from the next \`pulumi up\` on.`);
  } else if (serving.color !== activeColor) {
    plan.canaryPercent = 0;
    plan.warnings.push(
      `The switch ends the canary: all visitors move to ${activeColor}. Afterwards: pulumi config set canaryPercent 0`,
    );
  } else if (serving.record.endedCanary === canaryPercent) {
    plan.canaryPercent = 0;
    plan.warnings.push(
      `canaryPercent ${canaryPercent} was ${activeColor}'s before the switch; ${other(activeColor)} gets no visitors by it. ${off}`,
    );
  }
}

/** Visitors of the idle color: it is not changed under them, and they leave it before it is replaced. */
function decideVisitors(plan: Plan, world: World, serving: Serving, { settings, slots, now }: Situation): void {
  const idle = other(settings.activeColor);
  const containers = world.slots[idle];
  const [first] = containers;
  if (serving.color !== settings.activeColor || first === undefined) return;
  const environment = allVariables(settings);
  const { own, shared } = colorDifferences(idle, containers, { made: slots[idle], environment });
  const [has, gets] = [serving.canaryPercent, plan.canaryPercent];

  if (has > 0 && gets > 0 && own.length > 0) {
    plan.refusals.push(
      `${idle} has ${has} % of the new visitors, and this would replace its container under them (${own.join(", ")}). Nothing was touched. ` +
        "Next: pulumi config set canaryPercent 0 && pulumi up, which gives it the release; then raise canaryPercent again",
    );
  } else if (has > 0 && gets > 0 && shared.length > 0) {
    plan.keep[idle] = true;
    plan.runs[idle] = { ...plan.runs[idle], ...definedIn(first) };
    plan.warnings.push(
      `${idle} has ${has} % of the new visitors and keeps what it runs. It takes ${shared.join(", ")} without them.`,
    );
  }
  const until = settings.stickySessions === "cookie" ? (serving.record.sessions?.[idle].until ?? 0) : 0;
  const held = until * 1000 > now.getTime();
  if (gets === 0 && (has > 0 || held) && own.length + shared.length > 0) {
    plan.mend = `retire ${idle} after ${serving.history.at(-1)?.time ?? "nothing"}`;
    const whose = held ? `sessions, which would hold until ${new Date(until * 1000).toISOString()},` : "visitors";
    plan.warnings.push(
      `${idle} is replaced (${[...own, ...shared].join(", ")}): its ${whose} move to ${settings.activeColor} before.`,
    );
  }
  if (gets !== has) {
    const share = gets === 0 ? "no visitors any more" : `${gets} % of the new visitors`;
    const how =
      gets > has ? `, ${has === 0 ? afterWhat(settings) : `and is watched there for ${settings.bakeSeconds} s`}` : "";
    const starts = gets > 0 && isStopped(containers) ? `; ${STARTS_FIRST}` : "";
    plan.notes.push(`${idle} (${first.version}) gets ${share} (${has} % now)${how}${starts}.`);
  }
}

/**
 * The idle color is stopped or removed when it has been idle for long enough: so long after the switch, the making of its
 * containers, the last visitor's session, and the latest cutover that tried it.
 */
function decideIdle(plan: Plan, world: World, serving: Serving, { settings, slots, now }: Situation): void {
  const { activeColor, idleAfterMinutes } = settings;
  const switches = serving.color !== activeColor;
  const idle = other(activeColor);
  const containers = world.slots[idle];
  const retired = serving.record.retired?.color === idle ? serving.record.retired : undefined;
  if (settings.idle === "running") {
    if (retired !== undefined && !switches)
      plan.notes.push(`${idle} was ${retired.how} and comes up again, as the idle color.`);
    return;
  }
  const does = settings.idle === "stopped" ? "stops" : "removes";
  const later = (due: Date) =>
    plan.notes.push(
      `${idle} stays up while it is idle for ${duration(idleAfterMinutes)}: the first \`pulumi up\` after ${minute(due)} ${does} it.`,
    );
  const after = (time: number) => new Date(time + idleAfterMinutes * 60_000);
  if (switches) {
    later(after(now.getTime()));
    return;
  }
  if (plan.canaryPercent > 0) return;

  const { version, image } = slots[idle];
  const same = retired?.version === version && retired.image === image;
  const { own, shared } = colorDifferences(idle, containers, {
    made: slots[idle],
    environment: allVariables(settings),
  });
  const made = containers.length === 0 ? !same : own.length + shared.length > 0;
  if (made) {
    later(after(now.getTime()));
    return;
  }
  const latest = serving.history.at(-1);
  const tried = serving.history.filter(({ to, canaryPercent }) => to === idle || canaryPercent !== undefined);
  const times = [
    Date.parse(serving.record.since ?? latest?.time ?? ""),
    ...containers.map(({ created }) => Date.parse(created ?? "")),
    ...tried.map(({ time }) => Date.parse(time)),
    (serving.record.sessions?.[idle].until ?? 0) * 1000,
  ];
  const known = times.filter((time) => time > 0);
  // Where nothing tells a time it is not known to be over.
  const due = after(known.length === 0 ? now.getTime() + 1 : Math.max(...known));
  if (retired === undefined && due > now) {
    later(due);
    return;
  }
  plan.idle = containers.length === 0 ? "removed" : settings.idle;
  plan.runs[idle].replicas = 0;
  // One that is stopped gets more containers when it comes up again.
  plan.containers[idle] = plan.idle === "removed" ? 0 : Math.min(settings.replicas, containers.length);
  if (containers.length > 0 && retired?.how !== plan.idle) {
    const stays = plan.idle === "removed" ? ", and its image stays" : "";
    plan.notes.push(
      `${idle} (${containers[0]?.version}) is ${plan.idle}${stays}: it has been idle for ${duration(idleAfterMinutes)}.`,
    );
  } else if (containers.some(({ state }) => state.Running)) {
    plan.mend ??= `${idle} runs after ${latest?.time ?? "nothing"}`;
    plan.warnings.push(
      `${idle} was ${retired?.how} and runs again: this run ${settings.idle === "stopped" ? "stops" : "removes"} it. To have it run: pulumi config set idle running`,
    );
  }
}

const duration = (minutes: number): string => (minutes === 1 ? "1 minute" : `${minutes} minutes`);

/** ISO 8601, UTC, rounded up to whole minutes. */
const minute = (time: Date): string =>
  `${new Date(Math.ceil(time.getTime() / 60_000) * 60_000).toISOString().slice(0, 16)}Z`;

/** The color that the public is on is not changed in place; what is going to happen to the public is said. */
function decideLive(plan: Plan, world: World, serving: Serving, { settings, slots, generation, now }: Situation): void {
  const live = serving.color;
  const active = settings.activeColor;
  const containers = world.slots[live];
  const target = active === live ? [] : world.slots[active];
  const environment = allVariables(settings);
  const differs = (color: Color) => colorDifferences(color, world.slots[color], { made: slots[color], environment });
  const lag = differs(live);

  keepLive(plan, live, containers, lag, settings);
  const ahead = differs(active);
  const wasStable = isStable(serving.record, active, target);
  // Only what both share has changed since, and the color that is left has that already: the change may be what is gone back
  // from, and must not come along.
  const goesBack =
    wasStable && ahead.own.length === 0 && ahead.shared.length > 0 && containers.length > 0 && lag.shared.length === 0;
  if (goesBack) {
    plan.keep[active] = true;
    plan.pending = ahead.shared;
    plan.runs[active] = { ...plan.runs[active], ...definedIn(target[0]) };
    plan.warnings.push(
      `${active} goes live again as it was: it does not take ${ahead.shared.join(", ")}, which ${live} runs with, before it is idle again.`,
    );
  }
  const asked = generation(plan);
  const { replicas } = serving;
  const down = illness(live, containers, replicas[live] || 1, (container) => container.state.Running);
  if (down !== undefined) {
    const canMove =
      active === live &&
      (serving.record.retired?.color === other(live) || world.slots[other(live)].some(({ state }) => state.Running));
    const away = `pulumi config set activeColor ${other(live)} && pulumi up, which moves the public`;
    const some = containers.some(({ state }) => state.Running);
    const meets = some ? "the others serve the public" : "the public gets errors";
    const starts = active === live && down.container !== undefined;
    const back = canMove && !some ? away : "";
    const next = starts
      ? `This run starts it${back && `; or: ${back}`}`
      : `Next: ${back && `${back}; or `}${down.revive}`;
    plan.warnings.push(`${live} is live, but ${down.whose} ${down.seen}: ${meets}. ${next}`);
  }

  const unchanged = ahead.own.length + ahead.shared.length === 0;
  decideCanaryFirst(plan, world, serving, { settings, unchanged });
  const idle = other(live);
  const retired = plan.idle !== "running" || serving.record.retired?.color === idle;
  const ill = active === live && !retired ? illness(idle, world.slots[idle], replicas[idle] || 1, isWell) : undefined;
  if (ill !== undefined) {
    const whose =
      replicas[idle] > 1
        ? `, and ${ill.whose} ${ill.seen}`
        : ill.container
          ? ` and ${ill.seen}`
          : " and has no container";
    const stopped = ill.container !== undefined && isStopped([ill.container]);
    const next = ill.container === undefined || stopped ? ill.revive : `docker logs --tail 30 ${ill.container.name}`;
    // The way back to what was stable asks whether it answers, and not its container's own check.
    const mayAnswer = ill.container?.state.Running === true && isStable(serving.record, idle, world.slots[idle]);
    const answers = mayAnswer ? "it is a way back only if it answers" : "it is no way back";
    plan.warnings.push(
      `${idle} is idle${whose}: ${stopped ? "it is no way back at once, a switch starts it first" : answers}. Next: ${next}; ` +
        `or put another release on it: ${settings.slots[idle].image === undefined ? "" : `pulumi config set ${idle}Image <an image> && `}` +
        `pulumi config set ${idle}Version <a new version> && pulumi up`,
    );
  }

  const { own, shared } = differs(idle);
  if (active === live) decideStart(plan, world, serving, { now, idleStays: own.length + shared.length === 0 });
  const why = mendReason(serving, asked, active, containers);
  if (why !== undefined) {
    // A color's last visitors leave it by a run of the cutover as well.
    plan.mend ??= `${why.seen} after ${serving.history.at(-1)?.time ?? "nothing"}`;
    plan.warnings.push(why.says);
  }
  if (active !== live) {
    const ready = target.length >= plan.runs[active].replicas && target.every(({ state }) => state.Running);
    const comesUp =
      serving.record.retired?.color === active
        ? `; it was ${serving.record.retired.how} and comes up first`
        : (goesBack || unchanged) && isStopped(target)
          ? `; ${STARTS_FIRST}`
          : "";
    const move = `The public moves from ${live} (${containers[0]?.version ?? "gone"}) to ${active} (${settings.slots[active].version})`;
    const how = wasStable && ready && (goesBack || unchanged) ? atOnce(active) : afterWhat(settings);
    plan.notes.push(`${move}, ${how}${comesUp}.`);
  }
  for (const color of COLORS) {
    const wanted = plan.runs[color].replicas;
    if (replicas[color] === wanted || wanted === 0 || replicas[color] === 0) continue;
    plan.notes.push(`${color} gets ${count(wanted)} (${replicas[color]} now); those that stay are not touched.`);
  }
}

/** Whether any of a color's containers is stopped: by hand, or it was never started. */
const isStopped = (containers: readonly SlotContainer[]): boolean => containers.some(({ state }) => !state.Running);

const STARTS_FIRST = "it is stopped and is started first";

/** What visitors are on and what does not run is started by the cutover, and so is an idle color that never was. */
function decideStart(
  plan: Plan,
  { slots }: World,
  { color: live, history }: Serving,
  { now, idleStays }: { now: Date; idleStays: boolean },
): void {
  const idle = other(live);
  const after = history.at(-1)?.time ?? "nothing";
  const needed = (color: Color) => slots[color].filter(({ replica }) => replica <= plan.runs[color].replicas);
  if (isStopped(needed(live))) {
    plan.mend ??= `${live} is stopped after ${after}`;
  } else if (idleStays && plan.canaryPercent > 0 && isStopped(needed(idle))) {
    plan.mend ??= `${idle} is stopped after ${after}`;
    plan.notes.push(`${idle} is stopped and has visitors: this run starts it.`);
  } else if (idleStays && needed(idle).some(({ state }) => state.Status === "created")) {
    // Not by the history: what does not start is tried again.
    plan.mend ??= `${idle} was never started at ${now.toISOString()}`;
    plan.notes.push(`${idle} was never started: this run starts it.`);
  }
}

/** With `canaryFirst` nobody is moved to what has had no visitors yet, but for the way back and where live is not well. */
function decideCanaryFirst(
  plan: Plan,
  world: World,
  { color: live, record }: Serving,
  { settings, unchanged }: { settings: Settings; unchanged: boolean },
): void {
  const { activeColor, slots, canaryFirst } = settings;
  if (!canaryFirst || activeColor === live || isWayBack(world, settings) || !world.slots[live].some(isWell)) return;
  const { version } = slots[activeColor];
  const { tried = [], endedCanary } = record;
  if (unchanged && world.slots[activeColor].some(({ id }) => tried.includes(id))) return;
  const share = [5, 10].find((percent) => percent !== endedCanary);
  plan.refusals.push(
    `${activeColor} (${version}) has had no visitors as a canary yet, which canaryFirst asks for before a switch. Nothing was touched. ` +
      `Next: pulumi config set activeColor ${live} && pulumi up, which makes ${activeColor} ready; then pulumi config set canaryPercent ${share} && pulumi up; ` +
      `when it was well: pulumi config set activeColor ${activeColor} && pulumi up. Or without it: pulumi config set canaryFirst false`,
  );
}

const count = (containers: number): string => (containers === 1 ? "1 container" : `${containers} containers`);

/** What is wrong with a color's containers, of which it should have so many, and the command that brings them back. */
function illness(
  color: Color,
  containers: SlotContainer[],
  expected: number,
  isFine: (container: SlotContainer) => boolean,
): { whose: string; seen: string; revive: string; container?: SlotContainer } | undefined {
  const names = replicaNames(color, expected);
  const gone = names.filter((_, at) => !containers.some(({ replica }) => replica === at + 1));
  const ill = containers.filter((container) => !isFine(container));
  const which = (list: string[]) => (expected === 1 ? "its container" : `${list.join(", ")} of its ${count(expected)}`);
  const [first] = ill;
  if (gone.length > 0)
    return { whose: which(gone), seen: gone.length > 1 ? "are gone" : "is gone", revive: "pulumi up --refresh" };
  if (first === undefined) return undefined;
  const { Running, Health, Status } = first.state;
  return {
    whose: which([replicaName(color, first.replica)]),
    seen: `is ${Running ? Health?.Status : Status}`,
    revive: `docker start ${ill.map(({ name }) => name).join(" ")}`,
    container: first,
  };
}

const atOnce = (target: Color): string => `at once: ${target} was stable and its container is the same`;

/** What a switch waits for, and what follows it. */
function afterWhat({ smokeTests, gateCommand, bakeSeconds }: Settings): string {
  const gates = [
    "its health",
    smokeTests.length === 1 ? "1 smoke test" : `${smokeTests.length} smoke tests`,
    ...(gateCommand === undefined ? [] : ["the gate command"]),
  ].join(", ");
  return `after ${gates}${bakeSeconds === 0 ? "" : `, and is watched there for ${bakeSeconds} s`}`;
}

/** The live color keeps what it runs, or the run is refused, or it is replaced on purpose. */
function keepLive(
  plan: Plan,
  live: Color,
  containers: SlotContainer[],
  { own, shared }: SpecDifferences,
  settings: Settings,
): void {
  const [first] = containers;
  if (first === undefined) return;
  const staysLive = settings.activeColor === live;
  const all = [...own, ...shared];
  const list = all.join(", ");
  if (all.length > 0 && staysLive && settings.allowLiveReplace) {
    plan.warnings.push(
      `${live} is live and is replaced in place (${list}), as allowLiveReplace allows: the public gets no answer until the new ` +
        "container is up. Afterwards: pulumi config rm allowLiveReplace",
    );
    return;
  }
  if (own.length > 0 && staysLive) {
    plan.refusals.push(refuseOwn(live, first, own, settings));
    return;
  }
  plan.keep[live] = true;
  plan.pending = all;
  plan.runs[live] = { ...plan.runs[live], ...definedIn(first) };
  if (all.length > 0) {
    const when = staysLive ? "on the first `pulumi up` after it has become idle" : "on the next `pulumi up`";
    plan.warnings.push(`${live} is live and keeps what it runs. It takes ${list} ${when}.`);
  }
}

/** Why the cutover must run although Pulumi's state has what is asked for: what was seen, and in words. */
function mendReason(
  serving: Serving,
  asked: string,
  active: Color,
  containers: SlotContainer[],
): { seen: string; says: string } | undefined {
  const { color: live, generation, declared, edited, record } = serving;
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
  const anew = containers.find((container) => container.state.Running && !isStable(record, live, [container]));
  if (anew !== undefined) {
    const says = `${live} is live, but its container${containers.length > 1 ? ` ${anew.name}` : ""} was made anew since it was switched to: this run asks it the smoke tests.`;
    return { seen: anew.id.slice(0, 12), says };
  }
  return undefined;
}

/** Whether a color could take over, as far as its container tells; one that is still starting may. */
const isWell = ({ state }: SlotContainer): boolean => state.Running && state.Health?.Status !== "unhealthy";

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

/** Each difference in words: `httpPort 8080 -> 9090`. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const isKnown = Object.keys(before).length > 0;
  return Object.keys({ ...before, ...after })
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => `${key} ${text(before[key], isKnown)} -> ${text(after[key], true)}`);
}

/** Those of {@link changed} without which an nginx that runs can't go on: one of an earlier version goes on without its DNS options. */
export const neededChanges = (before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
  changed(before, before.dns === undefined ? { ...after, dns: undefined } : after);

/** What an nginx of an earlier version does, for warnings. */
export const lacksDns = (what: "proxy" | "gateway"): string =>
  `The ${what}'s container was made by an earlier version. While a container behind it is away, it asks the host's name servers for ` +
  "that name, and whoever answers there gets the requests; a new one does not ask.";

/** A setting that is not there was not set; where nothing can be read of what was, nobody knows. */
const text = (value: unknown, isKnown: boolean): string =>
  value === undefined ? (isKnown ? "(none)" : "unknown") : String(value);

/** What `targetHost` is where nobody has set it: this machine, which is the engine's own unless the engine is elsewhere. */
const OWN_HOST = "127.0.0.1";

/** The gate command must not pass because of what happens to answer on this machine, while the color is on another one. */
function decideGate(plan: Plan, { settings, dockerHost }: Situation): void {
  const host = remoteHost(dockerHost);
  if (host === undefined || settings.gateCommand === undefined || settings.targetHost !== OWN_HOST) return;
  plan.refusals.push(
    `gateCommand would ask http://${OWN_HOST}:${settings.slots[settings.activeColor].port} on this machine, but the engine is at ` +
      `${host}: what answers there may be something else. Nothing was touched. Next: pulumi config set targetHost <the host at which ` +
      "this machine reaches the engine's loopback ports, as by a tunnel; `localhost` where the tunnel begins here>; " +
      "or pulumi config rm gateCommand",
  );
}
