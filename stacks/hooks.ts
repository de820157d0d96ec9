import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Docker } from "./engine/docker";
import { secondsWithout } from "./engine/outage";
import { pullMissing, pullTag } from "./engine/registry";
import { accessoryWords, lossesOf, nextForAccessory, runsAlready, unmountedOfAccessory } from "./plan/container";
import { askingHost } from "./plan/hosts";
import { ofService } from "./plan/service";
import type { Plan } from "./plan/situation";
import { COLORS, type Color } from "./service/color";
import { tellColors } from "./service/colorInfo";
import { healthIn } from "./service/configuration";
import { askHealth, dockerProblem, STAYS_UP_MILLISECONDS, waitHealthy, waitReached } from "./service/health";
import type { Host } from "./service/hosts";
import {
  accessoryName,
  containerName,
  logicalName,
  nameOnEngine,
  type ReplicaName,
  replicaName,
  type ServiceId,
} from "./service/names";
import { volumesOf } from "./service/needs";
import { isFailedReceiver, isReceiverLine } from "./service/receiver";
import { remember } from "./service/serving";
import { processLimit } from "./service/slotSpec";
import { whoRuns } from "./service/who";
import type { Inspected, UnknownWorld, World } from "./service/world";
import type { AccessorySettings } from "./settings/container/named";
import type { Settings } from "./settings/settings";
import { printableLine, printableMessage } from "./text/plain";
import { blockNamed, keysOf } from "./workers";

/** What the hooks of a service's resources go by. */
export interface HookContext {
  /** The service's component, whose name the hooks' names begin with, and beside which they speak. */
  name: string;
  parent: pulumi.Resource;
  owner: ServiceId;
  /** The host that its resources are on, where the setting `hosts` names any. */
  host?: Host;
  settings: Settings;
  /** What was there when the run began. */
  world: World | UnknownWorld;
  plan: Plan;
  /** nginx's configuration, which says how a color is asked for its health. */
  configuration: string;
  engine: Docker;
  /** The color that was live when the run began; undefined before the first cutover, and where it can't be told. */
  live: Color | undefined;
}

/** Returns the hook that has an image on the engine before the provider looks for it. */
export const pullHook = (service: HookContext): pulumi.ResourceHook =>
  // Not the provider: its configuration would hold the password, and to change that would replace what was made with it.
  new pulumi.ResourceHook(`${service.name}-pull`, async (hook) => {
    const { owner, settings, engine, live, parent } = service;
    const { name: image, pullTriggers } = hook.newInputs as { name: string; pullTriggers?: string[] };
    const began = new Date().toISOString();
    const color = COLORS.find((one) => logicalName(owner, one) === hook.name);
    const [, accessory] = accessoryNamed(service, hook.name) ?? [];
    const registry = { ...settings, platform: color ? settings.container?.platform : accessory?.platform };
    const pulled =
      pullTriggers === undefined
        ? pullMissing(engine, image, registry, process.env)
        : pullTag(engine, image, registry, process.env, (line) => pulumi.log.info(printableMessage(line), parent));
    const warning = await pulled.catch(async (error: Error) => {
      if (color !== undefined && live !== undefined)
        await rememberUnready(service, { began, color, reason: error.message });
      throw error;
    });
    if (warning !== undefined) await pulumi.log.warn(printableMessage(warning), parent);
  });

/**
 * Returns the hook that keeps a container from being made whose image has volumes of its own that nothing is mounted on. A preview has
 * said it already where the engine had the image then.
 */
export const volumesHook = (service: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-volumes`, async (hook) => {
    const { settings, engine, world } = service;
    const { image: id } = hook.newInputs as { image: string };
    const accessory = accessoryNamed(service, hook.name);
    if (accessory !== undefined) {
      const [name, block] = accessory;
      const unmounted = unmountedOfAccessory(settings, block, await volumesOf(engine, id));
      if (unmounted.length === 0) return;
      throw new Error(`${accessoryWords(name, block, unmounted)}\n${nextForAccessory(name, block, unmounted)}`);
    }
    const color = colorOf(hook.name);
    if (runsAlready(color, settings, world)) return;
    const beside = blockNamed(settings, hook.name);
    const named = settings.slots[color].image ?? "(built from its Dockerfile)";
    const losses = lossesOf(color, named, settings, await volumesOf(engine, id));
    const loss = losses.find(({ of }) => of === "container" || of === beside?.place);
    if (loss !== undefined) throw new Error(`${loss.seen}\n${loss.next}`);
  });

/** Returns the hook that bounds a new container's processes, which the provider can't. */
export const limitHook = (service: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-limit`, async (hook) => {
    const { settings, engine, parent } = service;
    const [, accessory] = accessoryNamed(service, hook.name) ?? [];
    const beside = blockNamed(settings, hook.name);
    const limit = processLimit({
      container: accessory ?? (beside === undefined ? settings.container : keysOf(settings, beside.block)),
      hardened: accessory === undefined && settings.slots[colorOf(hook.name)].hardened,
    });
    if (limit === undefined) return;
    const { code, stderr } = await engine.run(["container", "update", "--pids-limit", String(limit), String(hook.id)]);
    if (code === 0) return;
    const why = printableMessage(stderr.trim());
    await pulumi.log.warn(`${hook.name}: the engine did not bound its processes to ${limit}: ${why}`, parent);
  });

/**
 * Returns the hook that starts a worker which was made again while its color is live, as one that is replaced in place or was removed by
 * hand. In all other runs the cutover starts it, when the public has moved. One that doesn't run is told, and holds up nothing.
 */
export const startHook = (service: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-start`, async (hook) => {
    const { owner, host, settings, engine, live, world, parent } = service;
    const { moving } = ("unknown" in world ? undefined : world.serving?.record) ?? {};
    if (colorOf(hook.name) !== live || settings.activeColor !== live || moving !== undefined) return;
    const id = String(hook.id);
    const { code, stderr } = await engine.run(["start", id]);
    if (code === 0) await pause(STAYS_UP_MILLISECONDS);
    const trouble = code === 0 ? await stateTrouble(engine, id) : `does not start: ${printableLine(stderr)}`;
    if (trouble === undefined) return void pulumi.log.info(`${hook.name} of the live color is started`, parent);
    const next = `docker logs --tail 30 ${nameOnEngine(owner, hook.name)}`;
    const seen = `${live} is live, but its worker ${hook.name} ${trouble}.`;
    await pulumi.log.warn(askingHost(host, `${seen} Next: ${next}`), parent);
  });

/** What is wrong with a container that was started a moment ago, as far as Docker knows; undefined for nothing. */
async function stateTrouble(engine: Docker, id: string): Promise<string | undefined> {
  const [found]: Inspected[] = JSON.parse(await engine.ask("container", "inspect", id));
  return found?.State && dockerProblem(found.State, found.RestartCount, true, "worker");
}

/**
 * Returns the hook that has the metrics say what a color runs since its container was made. A switch that follows says it itself; where none
 * does, as of an idle color, nothing else would.
 */
export const notedHook = (service: HookContext, color: Color): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-${color}-noted`, async () => {
    const { owner, settings, engine, live, parent } = service;
    if (live === undefined || (color === settings.activeColor && live !== color)) return;
    await tellColors(engine, owner).catch(({ message }: Error) =>
      pulumi.log.warn(
        `the metrics still have the release that ${color} had before, until the next cutover: ${printableMessage(message)}`,
        parent,
      ),
    );
  });

/** nginx learns a new container's address within this time: it asks for one that was not there after 2 s again. */
const REACHED_SECONDS = 5;

/** Returns the hook that waits until a color's new container is healthy, and fails with why it is not. */
export const healthyHook = (service: HookContext, color: Color): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-${color}-healthy`, async (hook) => {
    const { owner, host, settings, configuration, engine, live, parent } = service;
    const active = settings.activeColor;
    // The cutover asks that itself, in each run until it is so; this hook runs once.
    if (color === active && live !== active) return;
    const request = healthIn(configuration, color);
    // Nobody is sent to what is stopped or removed in this very run.
    if (request === undefined) return;
    const began = new Date().toISOString();
    const proxy = containerName(owner, "proxy");
    const failed = await waitHealthy(engine, String(hook.id), {
      seconds: settings.healthTimeoutSeconds,
      ask: (seconds) => askHealth(engine, proxy, replicaOf(color, hook.name), request, seconds),
      secrets: Object.values(settings.secretEnvironment),
      restarts: 0,
      say: (line) => pulumi.log.info(`${hook.name}: ${line}`, parent),
    });
    if (failed === undefined) return waitReached(engine, proxy, color, REACHED_SECONDS);
    await rememberUnready(service, { began, color, reason: failed });
    const where = `The public is on ${color === active ? "this container" : active}.`;
    const image = settings.slots[color].image === undefined ? "" : `${color}Image and `;
    const next = `docker logs ${nameOnEngine(owner, hook.name)}; then set another ${image}${color}Version or mend the settings, and: pulumi up`;
    throw new Error(`${hook.name}: ${failed}\n${askingHost(host, `${where} Next: ${next}`)}`);
  });

/** Returns the hook that says the cutover's last line again: what a command says while it runs is gone from Pulumi's display. */
export const toldHook = ({ name, owner, parent }: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${name}-told`, async ({ newOutputs }) => {
    const { live, untold } = lastSaid(await inClear((newOutputs as { stdout?: unknown } | undefined)?.stdout));
    if (live !== undefined) await pulumi.log.info(ofService(owner, live), parent);
    for (const line of untold) await pulumi.log.warn(ofService(owner, line), parent);
  });

/** What a command wrote is a secret where it was given one, as a token: Pulumi hands it over as an output then. */
const inClear = (value: unknown): Promise<unknown> =>
  pulumi.Output.isInstance(value)
    ? new Promise((resolve) => void pulumi.unsecret(value).apply(resolve))
    : Promise.resolve(value);

/** Returns the hook that says for how long the public got no answer while the proxy with this id was replaced. */
export const outageHook = ({ name, engine, parent }: HookContext, replacedProxyId: string): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${name}-outage`, async () => {
    const seconds = await secondsWithout(engine, replacedProxyId);
    const cost = seconds === undefined ? "an unknown time" : `${seconds.toFixed(1)} s`;
    await pulumi.log.info(`The proxy was replaced; the public got no answer for ${cost}.`, parent);
  });

/** The color of a container, which its resource's name says: `blue`, `shop-blue-2`, `blue-worker-mail`. */
const colorOf = (resource: string): Color =>
  /(?:^|-)(blue|green)(?:-[0-9]+|-(?:worker|job)-.+)?$/.exec(resource)?.[1] === "green" ? "green" : "blue";

/** The accessory of a container, which its resource's name says: `accessory-db`, `shop-accessory-db`. */
export const accessoryNamed = (
  { owner, settings: { accessories = {} } }: Pick<HookContext, "owner" | "settings">,
  resource: string,
): [string, AccessorySettings] | undefined =>
  Object.entries(accessories).find(([name]) => logicalName(owner, accessoryName(name)) === resource);

/** The name under which the proxy reaches a color's container, which its resource's name ends in: `blue`, `shop-blue-2`. */
const replicaOf = (color: Color, resource: string): ReplicaName =>
  replicaName(color, Number(/-([0-9]+)$/.exec(resource)?.[1] ?? 1));

/** What was not ready in a run. */
interface Unready {
  began: string;
  /** The color that it is about; of an accessory the live one. */
  color: Color;
  /** The color that is live then; the one that was live when the run began, where it is left out. */
  from?: Color;
  reason: string;
  /** The accessory's container (id), where it is about one. */
  accessory?: string;
}

/** Writes into the history that an image could not be pulled, or that a new container did not become healthy. */
export const rememberUnready = (
  { owner, engine, plan, live, parent }: HookContext,
  { began, color, from = live, reason, accessory }: Unready,
): Promise<void> =>
  remember(engine, containerName(owner, "proxy"), {
    ...{ time: began, result: "unready", ...(from && { from }), to: color },
    versions: { blue: plan.runs.blue.version, green: plan.runs.green.version },
    images: {},
    seconds: { health: Math.round((Date.now() - Date.parse(began)) / 10) / 100 },
    who: whoRuns(process.env),
    ...(accessory !== undefined && { accessory }),
    reason: reason.split("\n", 1)[0]?.replace(/\.$/, "") ?? "",
  }).catch((error: Error) => pulumi.log.warn(`the history could not be written: ${error.message}`, parent));

/**
 * The cutover's last line, which says who is live, out of all that it wrote, and behind it why somebody got no word of it. Nothing of
 * what somebody else wrote.
 */
export function lastSaid(stdout: unknown): { live?: string; untold: string[] } {
  const lines = typeof stdout === "string" ? stdout.trimEnd().split("\n") : [];
  const end = lines.findLastIndex((line) => !isReceiverLine(line));
  const live = lines[end];
  if (live === undefined || !/^(?:blue|green) is live\b/.test(live)) return { untold: [] };
  return { live, untold: lines.slice(end).filter(isFailedReceiver) };
}
