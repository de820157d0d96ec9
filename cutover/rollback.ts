import type { Color } from "../stacks/service/color";
import { activeIn, asRendered, generationIn, withActive } from "../stacks/service/configuration";
import { containerName, PROXY_DIRECTORY, type ServiceId } from "../stacks/service/names";
import { orderVariables } from "../stacks/service/orderVariables";
import type { PutBack, Serving } from "../stacks/service/serving";
import { readContainers, type SlotContainer } from "../stacks/service/world";
import { keptReceiver, tell } from "./delivery";
import { followBack } from "./follow";
import { holderSince, LockBusy } from "./lock";
import { move } from "./move";
import { type Order, orderFrom, withoutCanary } from "./order";
import { Nginx } from "./proxy";
import { finish } from "./record";
import { ANSWER_SECONDS, CutoverFailed, firstLine, Run, type Served, type Tools } from "./run";
import { orRemember } from "./settle";

/** A run that holds the lock longer is ended by whoever wants the public back: it then takes the public back itself. */
const LOCK_WAIT_SECONDS = 5;

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

/**
 * Takes the public back without Pulumi, on the engine alone: under the proxy's lock, by the configuration that serves with another
 * color in it, and in the steps of any cutover.
 *
 * @param choose says, under the lock, where to; undefined where nothing is to be done. What it throws ends this, and nothing has moved.
 * @param moved is told when the public is there; what only follows, workers and jobs, comes afterwards.
 * @throws CutoverFailed where it could not be done; what served before serves.
 */
export async function rollBack(
  owner: ServiceId,
  choose: (found: Found) => WayBack | undefined,
  reason: string,
  tools: Tools,
  moved: (way: WayBack) => void = () => {},
): Promise<WayBack | undefined> {
  const { docker } = tools;
  const began = new Date().toISOString();
  const proxy = new Nginx(docker, containerName(owner, "proxy"));
  const lock = await proxy.lock(holderSince(began), LOCK_WAIT_SECONDS, tools.say).catch((error: Error) => {
    if (!(error instanceof LockBusy)) throw error;
    const next = "end that run where it was started (Ctrl-C): it takes the public back itself; or: npm run status";
    throw new CutoverFailed("refused", error.message, `${error.message} Nothing was changed.\nNext: ${next}`);
  });
  let run: Run | undefined;
  try {
    const read = (file: string) => docker.ask("exec", proxy.id, "cat", `${PROXY_DIRECTORY}/${file}`);
    const [containers, configuration] = await Promise.all([readContainers(docker, owner), read("nginx.conf")]);
    const way = choose({ serving: lock.serving, slots: containers.slots });
    if (way === undefined) return undefined;
    const order = orderTo(way.to, { owner, proxy: proxy.id, configuration, serving: lock.serving });
    const back = new Run(order, tools, proxy, lock, began);
    run = back;
    back.see(containers);
    back.putBack = way.putBack;
    const previous = () => read("nginx.conf.previous").catch(() => "");
    await orRemember(back, async () => {
      const switched = await goBack(back, way, previous);
      await finish(back, switched ? "instant" : "reloaded", reason, async () => {
        moved(way);
        if (switched) await followBack(back, way.to);
      });
    });
    return way;
  } finally {
    const ended = run;
    await Promise.all([lock.release(), ended && keptReceiver(ended).then((receiver) => tell(ended, receiver))]);
  }
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
