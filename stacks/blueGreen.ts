import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { confirmLive, illLive } from "./confirmLive";
import { Cutover } from "./cutover";
import type { Docker } from "./engine/docker";
import { HTTPS_PORT, reachedAt } from "./engine/host";
import { removeLeftLogins } from "./engine/loginFolder";
import { secondsWithout } from "./engine/outage";
import { pullMissing, pullTag } from "./engine/registry";
import type { GatewayNetwork } from "./gateway/network";
import { declareNetworkCheck, SERVICE_ENDS } from "./networkCheck";
import { hasRelease } from "./plan/images";
import { APP_DIRECTORY, decideService, ofService, type ServicePlan } from "./plan/service";
import type { StatePart } from "./plan/stateProblem";
import { hasTls } from "./proxy/nginxContainer";
import { NginxProxy } from "./proxy/proxy";
import { COLORS, type Color, other } from "./service/color";
import { waitHealthy } from "./service/health";
import {
  containerName,
  labelList,
  logicalName,
  nameOnEngine,
  networkName,
  ownerLabels,
  type ServiceId,
} from "./service/names";
import { generationOf, type HistoryEntry, remember } from "./service/serving";
import { whoRuns } from "./service/who";
import type { UnknownWorld, World } from "./service/world";
import type { Settings } from "./settings/settings";
import { Slot, settingsOf } from "./slot";
import { printableMessage } from "./text/plain";

/** What the provider reads back of a network although this program says nothing of it. */
const NETWORK_READ_BACK = [
  "attachable",
  "driver",
  "ingress",
  "internal",
  "ipamConfigs",
  "ipamDriver",
  "ipamOptions",
  "ipv6",
  "options",
];

/** What a {@link BlueGreen} is made from. */
export interface BlueGreenArgs {
  owner: ServiceId;
  settings: Settings;
  /** What runs now (see world.ts), read before anything is declared. */
  world: World | UnknownWorld;
  /** What Pulumi's own state has of the stack (see ownState.ts); nothing is compared where it is left out. */
  state?: readonly StatePart[] | undefined;
  /** The engine that all of it runs on. */
  engine: Docker;
  /** The folder with the Dockerfile that colors without an image of their own are built from, relative to the program; `app`. */
  appDirectory?: string;
  /** The network on which a {@link Gateway} reaches this service; the gateway's word about its clients is believed then. */
  gateway?: GatewayNetwork;
  /** @internal What was decided already, together with other services. */
  decided?: ServicePlan;
}

/** A service as two identical environments behind one proxy. The public sees the one that `activeColor` names. */
export class BlueGreen extends pulumi.ComponentResource {
  /** Where the public reaches the active color. */
  readonly url: pulumi.Output<string>;
  /** Where each color is reached directly, on the engine's own loopback. */
  readonly blueUrl: pulumi.Output<string>;
  readonly greenUrl: pulumi.Output<string>;
  readonly activeColor: pulumi.Output<Color>;
  readonly activeVersion: pulumi.Output<string>;
  readonly idleColor: pulumi.Output<Color>;
  readonly idleVersion: pulumi.Output<string>;
  /** What the color that was live when the run began does not run yet of the settings. */
  readonly pending: pulumi.Output<string[]>;
  /** @internal For the gateway: what it routes to. */
  readonly owner: ServiceId;
  /** @internal */
  readonly settings: Settings;
  /** @internal */
  readonly gateway: GatewayNetwork | undefined;
  /** @internal What has to have ended well before requests are sent here. */
  readonly moved: pulumi.Resource;

  constructor(name: string, args: BlueGreenArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:BlueGreen", name, {}, opts);
    const { owner, world, engine, gateway, appDirectory = APP_DIRECTORY } = args;
    const { settings, plan, files, configuration } = args.decided ?? decideService(args);
    for (const warning of plan.warnings) pulumi.log.warn(printableMessage(ofService(owner, warning)), this);
    for (const note of plan.notes) pulumi.log.info(printableMessage(ofService(owner, note)), this);
    this.owner = owner;
    this.settings = settings;
    this.gateway = gateway;
    const active = settings.activeColor;
    const idle = other(active);

    const network = new docker.Network(
      name,
      { name: networkName(owner), labels: labelList(ownerLabels(owner)) },
      // A network that differs would take the proxy and both colors with it.
      { parent: this, ...(!plan.first && { ignoreChanges: ["*", ...NETWORK_READ_BACK] }) },
    );

    removeLeftLogins();
    // Not the provider: its configuration would hold the password, and to change that would replace what was made with it.
    const beforePull = new pulumi.ResourceHook(`${name}-pull`, async (hook) => {
      const { name: image, pullTriggers } = hook.newInputs as { name: string; pullTriggers?: string[] };
      const began = new Date().toISOString();
      const pulled =
        pullTriggers === undefined
          ? pullMissing(engine, image, settings, process.env)
          : pullTag(engine, image, settings, process.env, (line) => pulumi.log.info(printableMessage(line), this));
      const warning = await pulled.catch(async (error: Error) => {
        const color = COLORS.find((one) => logicalName(owner, one) === hook.name);
        if (color !== undefined && live !== undefined) await rememberUnready(began, color, error.message);
        throw error;
      });
      if (warning !== undefined) await pulumi.log.warn(printableMessage(warning), this);
    });

    const live = "unknown" in world ? undefined : world.serving?.color;
    const rememberUnready = (began: string, color: Color, reason: string) =>
      remember(
        engine,
        containerName(owner, "proxy"),
        unreadyEntry({ began, color, reason, ...(live !== undefined && { live }), versions: plan.runs }),
      ).catch((error: Error) => pulumi.log.warn(`the history could not be written: ${error.message}`, this));

    const slot = (color: Color, after?: pulumi.Resource): Slot => {
      const afterCreate = new pulumi.ResourceHook(`${name}-${color}-healthy`, async (hook) => {
        // The cutover asks that itself, in each run until it is so; this hook runs once.
        if (color === active && live !== active) return;
        const began = new Date().toISOString();
        const failed = await waitHealthy(engine, String(hook.id), {
          seconds: settings.healthTimeoutSeconds,
          secrets: Object.values(settings.secretEnvironment),
          restarts: 0,
          say: (line) => pulumi.log.info(`${hook.name}: ${line}`, this),
        });
        if (failed === undefined) return;
        await rememberUnready(began, color, failed);
        const where = `The public is on ${color === active ? "this container" : active}.`;
        const image = settings.slots[color].image === undefined ? "" : `${color}Image and `;
        const next = `docker logs ${nameOnEngine(owner, hook.name)}; then set another ${image}${color}Version or mend the settings, and: pulumi up`;
        throw new Error(`${hook.name}: ${failed}\n${where} Next: ${next}`);
      });
      // What is kept is what another container beside it is like.
      const [kept] = plan.keep[color] && !("unknown" in world) ? world.slots[color] : [];
      const made = kept === undefined ? settings : settingsOf(color, kept, settings);
      const shared = { owner, network: network.name, appDirectory, beforePull, afterCreate };
      const own = {
        color,
        settings: made,
        replicas: plan.containers[color],
        build: plan.build[color],
        keep: plan.keep[color],
        keepImage: hasRelease(world, color, settings),
      };
      return new Slot(logicalName(owner, color), { ...shared, ...own, ...(after && { after }) }, { parent: this });
    };

    const proxy = new NginxProxy(
      logicalName(owner, "proxy"),
      {
        ...{
          owner,
          settings,
          network: network.name,
          beforePull,
          keep: plan.keep.proxy,
        },
        ...(gateway && { gateway: { name: gateway.name, network: gateway.network.name } }),
      },
      { parent: this },
    );

    // With visitors of its own it must be there before them. Otherwise it comes afterwards, so that nothing that is wrong with it
    // can keep the public from where it is to go.
    const canary = plan.canaryPercent > 0 ? [slot(idle)] : [];

    // What the command says while it runs is gone from Pulumi's display when it has ended.
    const told = new pulumi.ResourceHook(`${name}-told`, async ({ newOutputs }) => {
      const line = lastSaid((newOutputs as { stdout?: unknown } | undefined)?.stdout);
      if (line !== undefined) await pulumi.log.info(ofService(owner, line), this);
    });
    const { replacedProxyId } = plan;
    const cutover = new Cutover(
      logicalName(owner, "cutover"),
      {
        settings,
        owner,
        proxyId: proxy.containerId,
        target: plan.runs[active],
        configuration,
        files,
        idle: plan.idle,
        mend: plan.mend,
        told,
        ...(replacedProxyId !== undefined && {
          afterUpdate: new pulumi.ResourceHook(`${name}-outage`, async () => {
            const seconds = await secondsWithout(engine, replacedProxyId);
            const cost = seconds === undefined ? "an unknown time" : `${seconds.toFixed(1)} s`;
            await pulumi.log.info(`The proxy was replaced; the public got no answer for ${cost}.`, this);
          }),
        }),
      },
      // Of the colors only those that visitors are on: one that is broken or slow otherwise holds up nothing.
      { parent: this, dependsOn: [proxy, slot(active), ...canary] },
    );
    const idleSlot = canary[0] ?? slot(idle, cutover.command);
    declareNetworkCheck(
      logicalName(owner, "network"),
      {
        network: networkName(owner),
        ...{ begins: containerName(owner, ""), ends: SERVICE_ENDS },
        dockerHost: settings.dockerHost,
        dependsOn: [network, cutover, idleSlot],
      },
      this,
    );
    this.moved = cutover.command;

    if (!pulumi.runtime.isDryRun()) {
      pulumi.all([proxy.containerId, cutover.command.stdout]).apply(([proxyId]) =>
        confirmLive(
          engine,
          {
            ...{ proxyId, active, generation: generationOf(configuration), containers: containerName(owner, "") },
            ill: "unknown" in world ? [] : illLive(world, active),
          },
          (line) => pulumi.log.warn(line, this),
        ),
      );
    }

    this.url = pulumi.output(publicUrl(settings));
    this.blueUrl = pulumi.output(`http://127.0.0.1:${settings.slots.blue.port}`);
    this.greenUrl = pulumi.output(`http://127.0.0.1:${settings.slots.green.port}`);
    // A preview says what is going to be. A run that fails leaves the outputs as the latest one that ended well has left them: what
    // was only asked for must not stand there. In a first run there are none yet, and the idle color can't make the live one untrue.
    const carriedOut = pulumi.all([cutover.command.id, plan.first ? "" : idleSlot.imageId]);
    const once = <T>(value: T) =>
      (pulumi.runtime.isDryRun() ? pulumi.output(value) : carriedOut.apply(() => value)) as pulumi.Output<T>;
    this.activeColor = once(active);
    this.activeVersion = once(plan.runs[active].version);
    this.idleColor = once(idle);
    this.idleVersion = once(plan.runs[idle].version);
    this.pending = once(plan.pending);
    const { url, activeColor, idleColor, pending } = this;
    this.registerOutputs({ url, activeColor, idleColor, pending });
  }
}

/** The history's line for a color whose new image could not be pulled, or whose new container did not become healthy. */
function unreadyEntry(unready: {
  began: string;
  color: Color;
  live?: Color;
  versions: Record<Color, { version: string }>;
  reason: string;
}): HistoryEntry {
  const { began, color, live, versions, reason } = unready;
  return {
    ...{ time: began, result: "unready", ...(live && { from: live }), to: color },
    versions: { blue: versions.blue.version, green: versions.green.version },
    images: {},
    seconds: { health: Math.round((Date.now() - Date.parse(began)) / 10) / 100 },
    who: whoRuns(process.env),
    reason: reason.split("\n", 1)[0]?.replace(/\.$/, "") ?? "",
  };
}

/** The cutover's last line, which says who is live, out of all that it wrote; undefined for what somebody else wrote. */
export function lastSaid(stdout: unknown): string | undefined {
  const line = typeof stdout === "string" ? stdout.trimEnd().split("\n").at(-1) : undefined;
  return line !== undefined && /^(?:blue|green) is live\b/.test(line) ? line : undefined;
}

/** Where the public reaches the service: where it has a certificate, HTTP only leads there. */
function publicUrl(settings: Settings): string {
  const host = reachedAt(settings.bindAddress);
  if (!hasTls(settings)) return `http://${host}:${settings.httpPort}`;
  return `https://${host}${settings.httpsPort === HTTPS_PORT ? "" : `:${settings.httpsPort}`}`;
}
