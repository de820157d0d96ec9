import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { declareAccessories } from "./accessories";
import { accessoryErrorHook, accessoryHook, ofAccessory } from "./accessoryHooks";
import { confirmLive, illLive } from "./confirmLive";
import { Cutover } from "./cutover";
import type { Docker } from "./engine/docker";
import { HTTPS_PORT, reachedAt } from "./engine/host";
import { removeLeftLogins } from "./engine/loginFolder";
import type { GatewayNetwork } from "./gateway/network";
import {
  type HookContext,
  healthyHook,
  limitHook,
  notedHook,
  outageHook,
  pullHook,
  startHook,
  toldHook,
  volumesHook,
} from "./hooks";
import { declareMonitoring } from "./monitoring";
import { declareNetworkCheck, serviceEnds, watchersOn } from "./networkCheck";
import { hasRelease } from "./plan/images";
import { APP_DIRECTORY, decideService, ofService, type ServicePlan } from "./plan/service";
import type { StatePart } from "./plan/stateProblem";
import { hasTls } from "./proxy/nginxContainer";
import { NginxProxy } from "./proxy/proxy";
import { type Color, other } from "./service/color";
import { containerName, labelList, logicalName, networkName, ownerLabels, type ServiceId } from "./service/names";
import { generationOf } from "./service/serving";
import type { UnknownWorld, World } from "./service/world";
import { mountsIn } from "./settings/container/volumes";
import type { Settings } from "./settings/settings";
import { Slot, type SlotArgs, settingsOf } from "./slot";
import { printableMessage } from "./text/plain";
import { declareVolumes, type SlotVolumes } from "./volumes";
import { mountsOf } from "./workers";

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
  /** @internal What watches it together with other services, once that is declared. */
  watching?: Promise<pulumi.Resource[]>;
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
  /** @internal For what watches it. */
  readonly network: pulumi.Output<string>;
  /** @internal */
  readonly beforePull: pulumi.ResourceHook;

  constructor(name: string, args: BlueGreenArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:BlueGreen", name, {}, opts);
    const { owner, world, gateway } = args;
    const decided = args.decided ?? decideService(args);
    const { settings, plan } = decided;
    for (const warning of plan.warnings) pulumi.log.warn(printableMessage(ofService(owner, warning)), this);
    for (const note of plan.notes) pulumi.log.info(printableMessage(ofService(owner, note)), this);
    this.owner = owner;
    this.settings = settings;
    this.gateway = gateway;
    const idle = other(settings.activeColor);
    const live = "unknown" in world ? undefined : world.serving?.color;
    const service: Service = { ...args, ...decided, name, parent: this, live };

    const network = declareNetwork(service);
    removeLeftLogins();
    const beforePull = pullHook(service);
    this.network = network.name;
    this.beforePull = beforePull;
    const volumes = declareAllVolumes(service);
    const hooks = { beforePull, beforeCreate: volumesHook(service), limit: limitHook(service) };
    const shared = { network: network.name, volumes, ...hooks };
    const started = startHook(service);
    const accessories = accessoriesOf(service, shared);
    const first = accessories.declare((name) => isFirst(plan, name));
    const slot = (color: Color, after: pulumi.Resource[] = []) =>
      declareSlot(service, color, { ...shared, started, after: [...first, ...after] });
    const proxy = new NginxProxy(
      logicalName(owner, "proxy"),
      {
        ...{ owner, settings, network: network.name, beforePull, keep: plan.keep.proxy },
        ...(gateway && { gateway: { name: gateway.name, network: gateway.network.name } }),
      },
      { parent: this },
    );
    // With visitors of its own it must be there before them. Otherwise it comes afterwards, so that nothing that is wrong with it
    // can keep the public from where it is to go.
    const canary = plan.canaryPercent > 0 ? [slot(idle)] : [];
    // Of the colors only those that visitors are on: one that is broken or slow otherwise holds up nothing.
    const cutover = declareCutover(service, proxy, [proxy, slot(settings.activeColor), ...canary]);
    const last = accessories.declare((name) => !isFirst(plan, name), [cutover.command]);
    const idleSlot = canary[0] ?? slot(idle, [cutover.command, ...last]);
    const monitoring = declareAllMonitoring(service, network.name, beforePull, [cutover.command]);
    declareEnd(service, [network, ...first, ...last, cutover, idleSlot, ...monitoring]);
    this.moved = cutover.command;
    if (!pulumi.runtime.isDryRun()) confirm(service, proxy, cutover);

    this.url = pulumi.output(publicUrl(settings));
    this.blueUrl = pulumi.output(`http://127.0.0.1:${settings.slots.blue.port}`);
    this.greenUrl = pulumi.output(`http://127.0.0.1:${settings.slots.green.port}`);
    const served = servedOutputs(service, cutover, idleSlot);
    this.activeColor = served.activeColor;
    this.activeVersion = served.activeVersion;
    this.idleColor = served.idleColor;
    this.idleVersion = served.idleVersion;
    this.pending = served.pending;
    const { url, activeColor, idleColor, pending } = this;
    this.registerOutputs({ url, activeColor, idleColor, pending });
  }
}

/** What the resources of a service are declared from. */
interface Service extends Omit<BlueGreenArgs, "settings">, ServicePlan, HookContext {
  settings: Settings;
}

/** Has `pulumi destroy` look first who else is on the network: it comes after all that is on it. */
function declareEnd(
  { owner, settings, plan, world, parent, watching = Promise.resolve([]) }: Service,
  after: pulumi.Resource[],
): void {
  const declared = asDeclared({ settings, plan });
  declareNetworkCheck(
    logicalName(owner, "network"),
    {
      network: networkName(owner),
      ...{ begins: containerName(owner, ""), ends: serviceEnds(declared, world) },
      also: watchersOn(owner, settings, world),
      dockerHost: settings.dockerHost,
      dependsOn: watching.then((others) => [...after, ...others]),
    },
    parent,
  );
}

const declareNetwork = ({ name, owner, plan, parent }: Service): docker.Network =>
  new docker.Network(
    name,
    { name: networkName(owner), labels: labelList(ownerLabels(owner)) },
    // A network that differs would take the proxy and both colors with it.
    { parent, ...(!plan.first && { ignoreChanges: ["*", ...NETWORK_READ_BACK] }) },
  );

/** Declares the volumes of all containers: those of the accessories first, which are never deleted with the stack. */
function declareAllVolumes({ owner, settings, plan, parent }: Service): SlotVolumes {
  const { deleteVolumes } = settings;
  const kept = Object.values(plan.accessories).flatMap(mountsIn);
  return declareVolumes(
    owner,
    [
      { mounts: kept, deletes: false },
      { mounts: mountsOf(settings), deletes: deleteVolumes },
    ],
    parent,
  );
}

/** What containers of every kind are declared with. */
type Shared = Pick<SlotArgs, "network" | "beforePull" | "beforeCreate" | "volumes" | "limit">;

/** Whether an accessory comes before the colors: all do but for those that a way back does not wait for. */
const isFirst = ({ accessoriesLast, keptAccessories }: ServicePlan["plan"], name: string): boolean =>
  !accessoriesLast || keptAccessories.includes(name);

/** The settings with the accessories that this run declares; none where there are none. */
const asDeclared = ({
  settings: { accessories: _, ...settings },
  plan: { accessories },
}: Pick<Service, "settings" | "plan">) => ({
  ...settings,
  ...(Object.keys(accessories).length > 0 && { accessories }),
});

/** Returns what declares the accessories of these names, after those resources. */
function accessoriesOf(service: Service, { limit, beforePull, beforeCreate, ...shared }: Shared) {
  const { owner, plan, parent } = service;
  const all = Object.entries(plan.accessories);
  if (all.length === 0) return { declare: () => [] };
  const hooks = {
    beforePull: ofAccessory(service, beforePull),
    beforeCreate: ofAccessory(service, beforeCreate),
    afterCreate: [limit, accessoryHook(service)],
    onError: accessoryErrorHook(service),
  };
  return {
    declare: (isNow: (name: string) => boolean, after: pulumi.Resource[] = []): docker.Container[] => {
      const accessories = Object.fromEntries(all.filter(([name]) => isNow(name)));
      return declareAccessories({ owner, accessories, keep: plan.keptAccessories, after, ...shared, ...hooks }, parent);
    },
  };
}

function declareAllMonitoring(
  { owner, settings, parent }: Service,
  network: pulumi.Input<string>,
  beforePull: pulumi.ResourceHook,
  dependsOn: pulumi.Resource[],
): docker.Container[] {
  if (settings.monitoring === "off") return [];
  return [declareMonitoring({ owner, settings, network, beforePull, dependsOn }, parent)];
}

function declareSlot(service: Service, color: Color, shared: Shared & Pick<SlotArgs, "after" | "started">): Slot {
  const { owner, settings, plan, world, parent, appDirectory = APP_DIRECTORY } = service;
  // What is kept is what another container beside it is like.
  const [kept] = plan.keep[color] && !("unknown" in world) ? world.slots[color] : [];
  return new Slot(
    logicalName(owner, color),
    {
      ...{ owner, color, appDirectory, ...shared },
      noted: settings.monitoring === "off" ? undefined : notedHook(service, color),
      healthy: healthyHook(service, color),
      settings: kept === undefined ? settings : settingsOf(color, kept, settings),
      replicas: plan.containers[color],
      build: plan.build[color],
      keep: plan.keep[color],
      again: plan.again,
      keepImage: hasRelease(world, color, settings),
    },
    { parent },
  );
}

function declareCutover(service: Service, proxy: NginxProxy, dependsOn: pulumi.Resource[]): Cutover {
  const { owner, settings, plan, configuration, files, parent } = service;
  const { replacedProxyId } = plan;
  return new Cutover(
    logicalName(owner, "cutover"),
    {
      ...{ settings, owner, configuration, files },
      proxyId: proxy.containerId,
      idle: plan.idle,
      mend: plan.mend,
      told: toldHook(service),
      ...(replacedProxyId !== undefined && { afterUpdate: outageHook(service, replacedProxyId) }),
    },
    { parent, dependsOn },
  );
}

/** Asks once the cutover has ended whether what the run was to bring is what serves, and warns of what is not well. */
function confirm(
  { owner, engine, settings, world, configuration, parent }: Service,
  proxy: NginxProxy,
  cutover: Cutover,
) {
  const active = settings.activeColor;
  pulumi.all([proxy.containerId, cutover.command.stdout]).apply(([proxyId]) =>
    confirmLive(
      engine,
      {
        ...{ proxyId, active, generation: generationOf(configuration), containers: containerName(owner, "") },
        ill: "unknown" in world ? [] : illLive(world, active),
      },
      (line) => pulumi.log.warn(line, parent),
    ),
  );
}

/**
 * Returns the outputs that say what the public has. A preview says what is going to be. A run that fails leaves them as the latest one
 * that ended well has left them: what was only asked for must not stand there. In a first run there are none yet, and the idle color
 * can't make the live one untrue.
 */
function servedOutputs({ settings, plan }: Service, cutover: Cutover, idleSlot: Slot) {
  const active = settings.activeColor;
  const idle = other(active);
  const carriedOut = pulumi.all([cutover.command.id, plan.first ? "" : idleSlot.imageId]);
  const once = <T>(value: T) =>
    (pulumi.runtime.isDryRun() ? pulumi.output(value) : carriedOut.apply(() => value)) as pulumi.Output<T>;
  return {
    activeColor: once(active),
    activeVersion: once(plan.runs[active].version),
    idleColor: once(idle),
    idleVersion: once(plan.runs[idle].version),
    pending: once(plan.pending),
  };
}

/** Where the public reaches the service: where it has a certificate, HTTP only leads there. */
function publicUrl(settings: Settings): string {
  const host = reachedAt(settings.bindAddress);
  if (!hasTls(settings)) return `http://${host}:${settings.httpPort}`;
  return `https://${host}${settings.httpsPort === HTTPS_PORT ? "" : `:${settings.httpsPort}`}`;
}
