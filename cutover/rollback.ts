import type { Docker } from "../stacks/engine/docker";
import type { Color } from "../stacks/service/color";
import { activeIn, asRendered, generationIn, withActive } from "../stacks/service/configuration";
import { containerName, PROXY_DIRECTORY, type ServiceId } from "../stacks/service/names";
import { orderVariables } from "../stacks/service/orderVariables";
import type { PutBack, Serving } from "../stacks/service/serving";
import { readContainers, type SlotContainer } from "../stacks/service/world";
import { keptReceiver, tell } from "./delivery";
import { followBack } from "./follow";
import { Hosts } from "./hosts";
import { holderSince, type Lock, LockBusy } from "./lock";
import { move } from "./move";
import { type Order, orderFrom, withoutCanary } from "./order";
import { boundOf, failureOf, lastWord, sayingWhere } from "./places";
import { Nginx } from "./proxy";
import { finish } from "./record";
import { ANSWER_SECONDS, CutoverFailed, firstLine, Run, type Served, type Tools } from "./run";
import { orRemember } from "./settle";
import { untilSilent } from "./silence";

/** A run that holds the lock longer is ended by whoever wants the public back: it then takes the public back itself. */
const LOCK_WAIT_SECONDS = 5;

/** Where there are several hosts, one that takes longer to answer is gone back without. */
const ANSWERS_SECONDS = 6;

/** As the setting verifyRequests has it where nobody sets it. */
const VERIFY_REQUESTS = 8;

/** What a script says of a volume without room. */
const NO_ROOM = /can't be written|no space left/i;

/** What is served, under the lock. */
export interface Found {
  serving: Serving | undefined;
  slots: Record<Color, SlotContainer[]>;
}

/** Where the public goes. */
export interface WayBack {
  to: Color;
  /** The color that its visitors are taken from. */
  from: Color;
  /** What the next runs have to know of that; undefined where an earlier way back by hand is undone. */
  putBack: PutBack | undefined;
}

/** A host whose public is taken back. */
export interface BackPlace {
  /** Its name; absent where there is one alone. */
  host?: string;
  /** Its engine. */
  docker: Docker;
}

/** A host that did not answer, and what it said. */
export interface MissedHost {
  host: string;
  error: Error;
}

/** How a way back by hand ended. */
export interface RolledBack {
  /** Where the public went; undefined where it was there already. */
  way: WayBack | undefined;
  /** The hosts that went; empty where there is one alone. */
  hosts: string[];
  /** Those that did not answer, and have what they had. */
  missed: MissedHost[];
}

/**
 * Takes the public back without Pulumi, on the engine alone: under the proxy's lock, by the configuration that serves with another
 * color in it, and in the steps of any cutover. Where there are several hosts, all that answer go back together.
 *
 * @param choose says, under the lock, where to; undefined where nothing is to be done. What it throws ends this, and nothing has moved.
 * @param moved is told when the public is there; what only follows, workers and jobs, comes afterwards.
 * @param places the hosts; that of `tools` where they are left out.
 * @throws CutoverFailed where it could not be done; what served before serves.
 */
export async function rollBack(
  owner: ServiceId,
  choose: (found: Found, host: string | undefined) => WayBack | undefined,
  reason: string,
  tools: Tools,
  moved: (way: WayBack) => void = () => {},
  places: readonly BackPlace[] = [{ docker: tools.docker }],
): Promise<RolledBack> {
  const began = new Date().toISOString();
  const { locked, missed } = await lockThose(owner, places, tools, began);
  let runs: Run[] = [];
  try {
    const found = await Promise.all(locked.map((place) => lookAt(owner, place, choose)));
    const backs = found.flatMap(({ way, ...back }) => (way === undefined ? [] : [{ ...back, way }]));
    const [first] = backs;
    if (first === undefined) return { way: undefined, hosts: [], missed };
    refuseTwoWays(backs);
    const hosts = new Hosts(backs.map(({ host = "" }) => host));
    hosts.before = first.lock.serving;
    const made = backs.map((back) => ({ ...back, run: runOf(owner, back, tools, began, hosts) }));
    runs = made.map(({ run }) => run);
    const tell = once(() => moved(first.way));
    const ends = await Promise.allSettled(made.map((back) => goAndFinish(back, reason, tell)));
    const failed = failureOf(runs, ends);
    if (failed !== undefined) throw failed;
    const last = lastWord(runs);
    if (last !== undefined) tools.say(last);
    return { way: first.way, hosts: backs.flatMap(({ host }) => host ?? []), missed };
  } finally {
    const [ended] = runs;
    await Promise.all([
      ...locked.map(({ lock }) => lock.release()),
      ended && keptReceiver(ended).then((receiver) => tell(ended, receiver)),
    ]);
  }
}

/** A place whose lock is held. */
interface LockedPlace extends BackPlace {
  proxy: Nginx;
  lock: Lock;
  silence: AbortSignal;
}

/**
 * Takes the locks. Nobody waits long for a host that does not answer: the others go back without it.
 *
 * @throws CutoverFailed where another cutover runs on any of them, and the error of the first where none answers.
 */
async function lockThose(
  owner: ServiceId,
  places: readonly BackPlace[],
  { say }: Tools,
  began: string,
): Promise<{ locked: LockedPlace[]; missed: MissedHost[] }> {
  const isOne = places.length === 1;
  const ends = await Promise.allSettled(
    places.map(async (place) => {
      const silence = new AbortController();
      const docker = untilSilent(place.docker, silence.signal);
      const proxy = new Nginx(docker, containerName(owner, "proxy"));
      const bound = isOne ? {} : { ...boundOf(silence), answerSeconds: ANSWERS_SECONDS };
      const lock = await proxy.lock(holderSince(began), LOCK_WAIT_SECONDS, say, bound);
      return { ...place, docker, proxy, lock, silence: silence.signal };
    }),
  );
  const locked = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  const missed = ends.flatMap((end, at) =>
    end.status === "rejected" ? [{ host: places[at]?.host ?? "", error: end.reason as Error }] : [],
  );
  const busy = missed.find(({ error }) => error instanceof LockBusy);
  if (busy === undefined && locked.length > 0) return { locked, missed };
  await Promise.all(locked.map(({ lock }) => lock.release()));
  if (busy === undefined) throw missed[0]?.error ?? new Error("there is no host");
  const next = "end that run where it was started (Ctrl-C): it takes the public back itself; or: npm run status";
  const where = busy.host === "" ? "" : `On host ${busy.host}: `;
  throw new CutoverFailed(
    "refused",
    busy.error.message,
    `${where}${busy.error.message} Nothing was changed.\nNext: ${next}`,
  );
}

/** Reads what is there, and asks where its public goes. */
async function lookAt(
  owner: ServiceId,
  place: LockedPlace,
  choose: (found: Found, host: string | undefined) => WayBack | undefined,
) {
  const { docker, proxy, lock, host } = place;
  const read = (file: string) => docker.ask("exec", proxy.id, "cat", `${PROXY_DIRECTORY}/${file}`);
  const [containers, configuration] = await Promise.all([readContainers(docker, owner), read("nginx.conf")]);
  const way = choose({ serving: lock.serving, slots: containers.slots }, host);
  const previous = () => read("nginx.conf.previous").catch(() => "");
  return { ...place, containers, configuration, way, previous };
}

/** What is known of a place whose public goes back. */
type Back = Omit<Awaited<ReturnType<typeof lookAt>>, "way"> & { way: WayBack };

/** Hosts of which each would go another way have been apart before: a person says where to. */
function refuseTwoWays(backs: readonly Back[]): void {
  const ways = backs.map(({ host, way }) => `${host} to ${way.to}`);
  if (new Set(backs.map(({ way }) => way.to)).size < 2) return;
  const seen = `the hosts serve different colors, and would go back ${ways.join(", ")}`;
  const next = "npm run rollback -- --to <blue or green>; or have all as the settings say: pulumi up";
  throw new CutoverFailed("refused", seen, `T${seen.slice(1)}. Nothing was changed.\nNext: ${next}`);
}

function runOf(owner: ServiceId, back: Back, tools: Tools, began: string, hosts: Hosts): Run {
  const { docker, host, proxy, lock, configuration, containers, way, silence } = back;
  const order = orderTo(way.to, { owner, proxy: proxy.id, configuration, serving: lock.serving });
  const own = { ...tools, docker, say: sayingWhere(host ?? "", tools.say) };
  const run = new Run(order, own, proxy, lock, began, hosts, host ?? "", silence);
  run.see(containers);
  run.putBack = way.putBack;
  return run;
}

/** Takes one host's public back, and ends that cutover. */
async function goAndFinish(
  { run, way, previous }: Back & { run: Run },
  reason: string,
  moved: () => void,
): Promise<void> {
  try {
    await orRemember(run, async () => {
      const switched = await goBack(run, way, previous);
      await finish(run, switched ? "instant" : "reloaded", reason, async () => {
        moved();
        if (switched) await followBack(run, way.to);
      });
    });
  } finally {
    run.hosts.leave(run.host);
  }
}

/** Does something the first time it is asked to. */
function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

/** Moves the public; reports whether that was from one color to the other. */
async function goBack(run: Run, { to, from }: WayBack, previous: () => Promise<string>): Promise<boolean> {
  // Nobody stays where it is not well: sessions and the canary's visitors come along.
  if (run.order.sessions) run.sessions = run.nextSessions({ stickySeconds: undefined, canary: false, retire: from });
  // Should we be killed, no run takes it forward again all the same.
  const noted = { ...run.recordBefore(), ...(run.putBack && { putBack: run.putBack }) };
  await run.lock.writeRecord(noted).catch((error: Error) => {
    run.say(`no run is kept from going forward again: that can't be written (${firstLine(error.message)})`);
  });
  const switched = run.before?.color !== to;
  await run
    .timed("switch", () => move(run, run.answerSeconds))
    .catch(async (error: Error) => {
      if (!switched || !NO_ROOM.test(error.message)) throw error;
      await putPrevious(run, to, await previous(), error);
    });
  return switched;
}

/**
 * Puts back the configuration that served before, which needs no room on the volume.
 *
 * @throws the error for which nothing else is left, where that configuration is no way back: it is of another color, gives visitors to
 * the color that is left, or its color does not answer.
 */
async function putPrevious(run: Run, to: Color, text: string, error: Error): Promise<void> {
  const before = servedBy(text);
  if (before?.color !== to || withoutCanary(text) !== text || !(await run.proxy.answers(to).catch(() => false)))
    throw error;
  const sessions = run.sessions === undefined ? "" : "; sessions that hold stay on their color until a `pulumi up`";
  run.say(`the proxy's volume is full: the configuration that served before is put back${sessions}`);
  const ended = await run.proxy.back(before);
  if (ended.code === 0) return;
  const why = ended.stderr.trim() || "nginx did not take the configuration that served before";
  throw new CutoverFailed("failed", firstLine(why), `${to} was not gone back to: ${why}\nNext: npm run status`);
}

/** What serves, where, and whose it is. */
interface Current {
  owner: ServiceId;
  /** The proxy's container. */
  proxy: string;
  configuration: string;
  serving: Serving | undefined;
}

/** The order of a cutover to this color, all else as it is. */
function orderTo(color: Color, { owner, proxy, configuration, serving }: Current): Order {
  const wanted = withoutCanary(withActive(asRendered(configuration), color));
  const canary = serving?.canaryPercent || serving?.record.endedCanary || 0;
  const variables = orderVariables({
    PROXY: proxy,
    PROJECT: owner.project,
    STACK: owner.stack,
    SERVICE: owner.service ?? "",
    HEALTH_TIMEOUT_SECONDS: String(ANSWER_SECONDS),
    VERIFY_REQUESTS: String(VERIFY_REQUESTS),
    CANARY_PERCENT: String(canary),
    // Nothing is gated, watched or stopped on the way back.
    ...{ SMOKE_TESTS: "[]", GATE_COMMAND: "", GATE_TIMEOUT_SECONDS: "1", TARGET_HOST: "" },
    ...{ BAKE_SECONDS: "0", MAX_ERROR_PERCENT: "100", MIN_REQUESTS: "1", MAX_P95_SECONDS: "0" },
    ...{ IDLE: "running", NOTIFY: "", STICKY_SECONDS: "0", DRAIN_SECONDS: "1", KEEP_ALIVE_SECONDS: "1" },
  });
  return orderFrom(variables, wanted);
}

/** What a configuration on the proxy's volume says of itself. */
function servedBy(configuration: string): Served | undefined {
  const generation = generationIn(configuration);
  const color = activeIn(configuration);
  return generation === undefined || color === undefined ? undefined : { generation, color };
}
