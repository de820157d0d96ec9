import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { declareAccessories } from "./accessories";
import { accessoryErrorHook, accessoryHook, ofAccessory } from "./accessoryHooks";
import { confirmLive, illLive } from "./confirmLive";
import type { Cutover } from "./cutover";
import type { GatewayNetwork } from "./gateway/network";
import { type HookContext, healthyHook, limitHook, notedHook, pullHook, startHook, volumesHook } from "./hooks";
import { declareMonitoring } from "./monitoring";
import { declareLeave, declareNetworkCheck, serviceEnds, watchersOn } from "./networkCheck";
import { onHost } from "./plan/hosts";
import { hasRelease } from "./plan/images";
import { APP_DIRECTORY, type ServicePlan } from "./plan/service";
import { NginxProxy } from "./proxy/proxy";
import { Refusal } from "./refusal";
import { type Color, other } from "./service/color";
import { containerName, labelList, logicalName, networkName, ownerLabels } from "./service/names";
import { generationOf } from "./service/serving";
import { mountsIn } from "./settings/container/volumes";
import { Slot, type SlotArgs, settingsOf } from "./slot";
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

/** A service on one of its hosts, or on the stack's own engine alone: what its parts there are declared from. */
export interface Place extends ServicePlan, HookContext {
  /** The folder with the Dockerfile that colors without an image of their own are built from, relative to the program; `app`. */
  appDirectory?: string;
  /** The network on which a gateway reaches it. */
  gateway?: GatewayNetwork;
  /** What watches it together with other services, once that is declared. */
  watching?: Promise<pulumi.Resource[]>;
}

/** What stands at a place before the public is moved. */
export interface Front {
  place: Place;
  network: docker.Network;
  beforePull: pulumi.ResourceHook;
  proxy: NginxProxy;
  /** The colors that visitors are going to be on: of the idle one that is so with a canary alone. */
  visited: { active: Slot; canary?: Slot };
  accessories: docker.Container[];
  /** Declares the idle color, and the accessories that come last. */
  rest: { accessories: (after: pulumi.Resource[]) => docker.Container[]; idle: (after: pulumi.Resource[]) => Slot };
}

/** Declares what has to stand at a place before the public is moved: the network, the proxy, and the color that is to be live. */
export function declareFront(place: Place): Front {
  const { owner, settings, plan, gateway, parent } = place;
  const network = declareNetwork(place);
  const beforePull = pullHook(place);
  const volumes = declareAllVolumes(place);
  const hooks = { beforePull, beforeCreate: volumesHook(place), limit: limitHook(place) };
  const shared = { network: network.name, volumes, ...hooks };
  const started = startHook(place);
  const accessories = accessoriesOf(place, shared);
  const first = accessories.declare((name) => isFirst(plan, name));
  const slot = (color: Color, after: pulumi.Resource[] = []) =>
    declareSlot(place, color, { ...shared, started, after: [...first, ...after] });
  const proxy = new NginxProxy(
    logicalName(owner, "proxy"),
    {
      ...{ owner, settings, network: network.name, beforePull, keep: plan.keep.proxy },
      ...(gateway && { gateway: { name: gateway.name, network: gateway.network.name } }),
    },
    { parent },
  );
  const idle = other(settings.activeColor);
  // With visitors of its own it must be there before them. Otherwise it comes afterwards, so that nothing that is wrong with it
  // can keep the public from where it is to go.
  const canary = plan.canaryPercent > 0 ? { canary: slot(idle) } : {};
  return {
    ...{ place, network, beforePull, proxy, accessories: first },
    visited: { active: slot(settings.activeColor), ...canary },
    rest: {
      accessories: (after) => accessories.declare((name) => !isFirst(plan, name), after),
      idle: (after) => slot(idle, after),
    },
  };
}

/**
 * Declares what comes when the public has been moved: the idle color, what watches, and what a `pulumi destroy` begins with.
 *
 * @returns the idle color.
 */
export function declareRest(
  { place, network, beforePull, proxy, visited, accessories, rest }: Front,
  cutover: Cutover,
): Slot {
  const { command } = cutover;
  const last = rest.accessories([command]);
  const idle = visited.canary ?? rest.idle([command, ...last]);
  const monitoring = declareAllMonitoring(place, network.name, beforePull, [command]);
  const all = [network, ...accessories, ...last, cutover, idle, ...monitoring];
  // When its host is taken away the cutover stays, behind which these stand otherwise.
  const leave = place.owner.host === undefined ? [] : [declareLeaveOf(place, [...all, proxy, visited.active])];
  declareEnd(place, [...all, ...leave]);
  return idle;
}

/** Asks once the cutover has ended whether what the run was to bring is what serves, and warns of what is not well. */
export function confirm({ place, proxy }: Front, { command }: Cutover): void {
  const { owner, host, engine, settings, world, configuration, parent } = place;
  const active = settings.activeColor;
  pulumi.all([proxy.containerId, command.stdout]).apply(([proxyId]) =>
    confirmLive(
      engine,
      {
        ...{ proxyId, active, generation: generationOf(configuration), containers: containerName(owner, "") },
        ill: "unknown" in world ? [] : illLive(world, active),
      },
      (line) => pulumi.log.warn(onHost(host, line), parent),
    ).catch((error: Error) => {
      throw error instanceof Refusal ? new Refusal(onHost(host, error.message)) : error;
    }),
  );
}

/** Has the proxy of a host that is taken away end before all that is behind it. */
const declareLeaveOf = ({ owner, settings, parent }: Place, dependsOn: pulumi.Resource[]): pulumi.Resource => {
  const { drainSeconds: seconds, dockerHost } = settings;
  const leave = { proxy: containerName(owner, "proxy"), seconds, dockerHost, dependsOn };
  return declareLeave(logicalName(owner, "leave"), leave, parent);
};

/** Has `pulumi destroy` look first who else is on the network: it comes after all that is on it. */
function declareEnd(
  { owner, settings, plan, world, parent, watching = Promise.resolve([]) }: Place,
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

const declareNetwork = ({ name, owner, plan, parent }: Place): docker.Network =>
  new docker.Network(
    owner.host === undefined ? name : logicalName(owner, "network"),
    { name: networkName(owner), labels: labelList(ownerLabels(owner)) },
    // A network that differs would take the proxy and both colors with it.
    { parent, ...(!plan.first && { ignoreChanges: ["*", ...NETWORK_READ_BACK] }) },
  );

/** Declares the volumes of all containers: those of the accessories first, which are never deleted with the stack. */
function declareAllVolumes({ owner, settings, plan, parent }: Place): SlotVolumes {
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
}: Pick<Place, "settings" | "plan">) => ({
  ...settings,
  ...(Object.keys(accessories).length > 0 && { accessories }),
});

/** Returns what declares the accessories of these names, after those resources. */
function accessoriesOf(place: Place, { limit, beforePull, beforeCreate, ...shared }: Shared) {
  const { owner, plan, parent } = place;
  const all = Object.entries(plan.accessories);
  if (all.length === 0) return { declare: () => [] };
  const hooks = {
    beforePull: ofAccessory(place, beforePull),
    beforeCreate: ofAccessory(place, beforeCreate),
    afterCreate: [limit, accessoryHook(place)],
    onError: accessoryErrorHook(place),
  };
  return {
    declare: (isNow: (name: string) => boolean, after: pulumi.Resource[] = []): docker.Container[] => {
      const accessories = Object.fromEntries(all.filter(([name]) => isNow(name)));
      return declareAccessories({ owner, accessories, keep: plan.keptAccessories, after, ...shared, ...hooks }, parent);
    },
  };
}

function declareAllMonitoring(
  { owner, settings, parent }: Place,
  network: pulumi.Input<string>,
  beforePull: pulumi.ResourceHook,
  dependsOn: pulumi.Resource[],
): docker.Container[] {
  if (settings.monitoring === "off") return [];
  return [declareMonitoring({ owner, settings, network, beforePull, dependsOn }, parent)];
}

function declareSlot(place: Place, color: Color, shared: Shared & Pick<SlotArgs, "after" | "started">): Slot {
  const { owner, settings, plan, world, parent, appDirectory = APP_DIRECTORY } = place;
  // What is kept is what another container beside it is like.
  const [kept] = plan.keep[color] && !("unknown" in world) ? world.slots[color] : [];
  return new Slot(
    logicalName(owner, color),
    {
      ...{ owner, color, appDirectory, ...shared },
      noted: settings.monitoring === "off" ? undefined : notedHook(place, color),
      healthy: healthyHook(place, color),
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
