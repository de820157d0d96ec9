import * as pulumi from "@pulumi/pulumi";
import { Cutover } from "./cutover";
import type { Docker } from "./engine/docker";
import { HTTPS_PORT, reachedAt } from "./engine/host";
import { removeLeftLogins } from "./engine/loginFolder";
import type { GatewayNetwork } from "./gateway/network";
import { outageHook, toldHook } from "./hooks";
import { declareMissing } from "./missingHost";
import { confirm, declareFront, declareRest, type Front, type Place } from "./place";
import { isMissing } from "./plan/missingHosts";
import { decideService, ofService, type PlacePlan } from "./plan/service";
import type { StatePart, StateResource } from "./plan/stateProblem";
import { hasTls } from "./proxy/nginxContainer";
import { type Color, other } from "./service/color";
import type { Host } from "./service/hosts";
import { logicalName, type ServiceId } from "./service/names";
import type { UnknownWorld, World } from "./service/world";
import { ServiceHost } from "./serviceHost";
import { readProvider } from "./settings/read";
import type { Settings } from "./settings/settings";
import type { Slot } from "./slot";
import { printableMessage } from "./text/plain";

/** A service where it runs, on one engine. */
export interface PlaceArgs {
  owner: ServiceId;
  settings: Settings;
  /** What runs now (see world.ts), read before anything is declared. */
  world: World | UnknownWorld;
  /** The engine that all of it runs on. */
  engine: Docker;
}

/** What a {@link BlueGreen} is made from. */
export interface BlueGreenArgs extends PlaceArgs {
  /** What Pulumi's own state has of the stack (see ownState.ts); nothing is compared where it is left out. */
  state?: readonly StatePart[] | undefined;
  /** @internal The same by what all of it is called, for hosts that do not answer. */
  resources?: readonly StateResource[] | undefined;
  /** The folder with the Dockerfile that colors without an image of their own are built from, relative to the program; `app`. */
  appDirectory?: string;
  /** The network on which a {@link Gateway} reaches this service; the gateway's word about its clients is believed then. */
  gateway?: GatewayNetwork;
  /** @internal Its hosts, where the setting `hosts` names any; the first one is the lead. */
  places?: readonly (PlaceArgs & { host: Host })[];
  /** @internal What was decided already, together with other services: for each place. */
  decided?: readonly PlacePlan[];
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
    const { owner, gateway, places: placed = [args] } = args;
    const decided = args.decided ?? decideService(placed.map((place) => ({ ...args, ...place })));
    const places = placed.flatMap((place, at) => placeOf(name, this, { ...args, ...place }, decided[at] as PlacePlan));
    // The first host that is there.
    const [lead] = places as [Place];
    const { settings, plan } = lead;
    for (const warning of plan.warnings) pulumi.log.warn(printableMessage(ofService(owner, warning)), this);
    for (const note of plan.notes) pulumi.log.info(printableMessage(ofService(owner, note)), this);
    this.owner = owner;
    this.settings = settings;
    this.gateway = gateway;

    removeLeftLogins();
    const fronts = places.map(declareFront);
    const [front] = fronts as [Front];
    this.network = front.network.name;
    this.beforePull = front.beforePull;
    const cutover = declareCutover(owner, fronts, this);
    const idle = fronts.map((each) => declareRest(each, cutover));
    this.moved = cutover.command;
    if (!pulumi.runtime.isDryRun()) for (const each of fronts) confirm(each, cutover);

    this.url = pulumi.output(publicUrl(settings));
    this.blueUrl = pulumi.output(`http://127.0.0.1:${settings.slots.blue.port}`);
    this.greenUrl = pulumi.output(`http://127.0.0.1:${settings.slots.green.port}`);
    const served = servedOutputs(lead, cutover, idle);
    this.activeColor = served.activeColor;
    this.activeVersion = served.activeVersion;
    this.idleColor = served.idleColor;
    this.idleVersion = served.idleVersion;
    this.pending = served.pending;
    const { url, activeColor, idleColor, pending } = this;
    this.registerOutputs({ url, activeColor, idleColor, pending });
  }
}

/**
 * Returns a place as its parts are declared from it: another engine than the stack's own has a component with its own provider. A host that
 * is missing is none, and is declared as it is.
 */
function placeOf(
  name: string,
  service: BlueGreen,
  args: Omit<BlueGreenArgs, "decided"> & { host?: Host },
  decided: PlacePlan,
): Place[] {
  const { host, owner, settings, world } = args;
  // Of a host that was never there nothing is declared.
  if (isMissing(decided) && decided.missing.length === 0) return [];
  const called = host?.address === undefined ? name : `${name}-${host.name}`;
  const parent =
    host?.address === undefined
      ? service
      : new ServiceHost(called, { address: host.address, provider: readProvider() }, { parent: service });
  if (isMissing(decided)) {
    declareMissing(decided.missing, { owner, deletesVolumes: settings.deleteVolumes, parent });
    return [];
  }
  const live = "unknown" in world ? undefined : world.serving?.color;
  return [{ ...args, ...decided, name: called, parent, live }];
}

/** Declares the one act that moves the public at all places. Of the colors it waits only for those that visitors are going to be on. */
function declareCutover(owner: ServiceId, fronts: readonly Front[], parent: BlueGreen): Cutover {
  const [lead] = fronts.map(({ place }) => place) as [Place];
  const { settings, files } = lead;
  const places = fronts.map(({ place: { host, plan, configuration }, proxy }) => ({
    ...(host && { host }),
    ...{ proxyId: proxy.containerId, configuration, idle: plan.idle, mend: plan.mend },
  }));
  const outages = fronts.flatMap(({ place }) => {
    const { replacedProxyId } = place.plan;
    return replacedProxyId === undefined ? [] : [outageHook(place, replacedProxyId)];
  });
  const dependsOn = fronts.flatMap(({ proxy, visited: { active, canary } }) => [
    proxy,
    active,
    ...(canary ? [canary] : []),
  ]);
  return new Cutover(
    logicalName(owner, "cutover"),
    { owner, settings, files, places, told: toldHook(lead), afterUpdate: outages },
    { parent, dependsOn },
  );
}

/**
 * Returns the outputs that say what the public has. A preview says what is going to be. A run that fails leaves them as the latest one
 * that ended well has left them: what was only asked for must not stand there. In a first run there are none yet, and the idle color
 * can't make the live one untrue.
 */
function servedOutputs({ settings, plan }: Place, cutover: Cutover, idleSlots: readonly Slot[]) {
  const active = settings.activeColor;
  const idle = other(active);
  const carriedOut = pulumi.all([cutover.command.id, ...(plan.first ? [] : idleSlots.map(({ imageId }) => imageId))]);
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
