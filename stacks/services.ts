import "./stackTraces";
import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "./blueGreen";
import { contextProblem, dockerAt } from "./engine/docker";
import {
  type DecidedGateway,
  decideGateway,
  GATEWAY,
  Gateway,
  type GatewayArgs,
  type GatewaySettings,
  gatewaySettings,
} from "./gateway/gateway";
import { GatewayNetwork } from "./gateway/network";
import { lastAddress, subnetProblems } from "./gateway/subnet";
import { readOwnState } from "./plan/ownState";
import { decideService, type PlacePlan } from "./plan/service";
import { watchClashes, watchedOf } from "./prometheus/agreement";
import { Prometheus, type PrometheusArgs } from "./prometheus/prometheus";
import { hasTls } from "./proxy/nginxContainer";
import { Refusal } from "./refusal";
import { readGateway } from "./service/gateway";
import type { Host } from "./service/hosts";
import { gatewayName, OWN_SERVICE, type ServiceId, serviceNameRule } from "./service/names";
import { readProvider, readSettings } from "./settings/read";
import { completeSettings, type ServiceSettings, withSecrets } from "./settings/serviceSettings";
import type { Settings } from "./settings/settings";
import { readSites, type SeenSite } from "./sites";
import { shown } from "./text/plain";

/** What a service is made from. */
export interface ServiceArgs {
  settings: ServiceSettings;
  /** The folder with the Dockerfile that colors without an image of their own are built from, relative to the program; `app`. */
  appDirectory?: string;
}

/** The services by name. */
export type Services<Name extends string> = Record<Name, BlueGreen>;

/**
 * Makes services of one program, each with two colors, a proxy and an `activeColor` of its own, and with `gateway` one public address in
 * front of them. What runs is read from the engine first, once for all of them, and all is decided before anything is declared.
 *
 * @param services by name; the name is a part of what Docker and Pulumi call everything of that service.
 * @param gateway where there is to be one.
 * @throws Refusal with everything for which the run must not happen; nothing was touched then.
 */
export function createServices<Name extends string>(
  services: Readonly<Record<Name, ServiceArgs>>,
  gateway: GatewayArgs<NoInfer<Name>>,
  opts?: pulumi.ComponentResourceOptions,
): Promise<Services<Name> & { gateway: Gateway }>;
export function createServices<Name extends string>(
  services: Readonly<Record<Name, ServiceArgs>>,
  gateway?: undefined,
  opts?: pulumi.ComponentResourceOptions,
): Promise<Services<Name>>;
export async function createServices<Name extends string>(
  services: Readonly<Record<Name, ServiceArgs>>,
  gateway?: GatewayArgs<Name>,
  opts: pulumi.ComponentResourceOptions = {},
): Promise<Services<Name> & { gateway?: Gateway }> {
  const all = ownerOfStack();
  const names = Object.keys(services) as Name[];
  refuseAll([...names.flatMap((name) => nameProblems(name, all)), ...(gateway ? subnetProblems(gateway.subnet) : [])]);

  const provider = readProvider();
  const [front, ...settings] = await everyOne<Settings | GatewaySettings | undefined>([
    gateway && gatewaySettings(gateway, provider),
    ...names.map(async (name) => completeSettings(await withSecrets(services[name].settings, name), name, provider)),
  ]);
  const given = names.map((name, at) => ({
    ...{ name, owner: { ...all, service: name }, settings: settings[at] as Settings },
    ...(services[name].appDirectory !== undefined && { appDirectory: services[name].appDirectory }),
  }));
  refuseAll([
    ...hostsAlone(given, front !== undefined),
    ...portClashes([...(front === undefined ? [] : [{ name: GATEWAY, settings: front }]), ...given]),
    ...watchClashes(given.map((service) => ({ ...service, given: { ...services[service.name].settings } }))),
  ]);
  const made = await declareAll(all, given, gateway && front && { args: gateway, settings: front }, opts);
  return { ...(made.services as Services<Name>), ...(made.gateway && { gateway: made.gateway }) };
}

/**
 * Makes the service of a program that has one alone, without a name, as the stack's settings configure it: this project's own.
 *
 * @throws Refusal with everything for which the run must not happen; nothing was touched then.
 */
export async function createOwnService(): Promise<BlueGreen> {
  const owner = ownerOfStack();
  const { services } = await declareAll(owner, [{ name: OWN_SERVICE, owner, settings: readSettings() }], undefined, {});
  return services[OWN_SERVICE] as BlueGreen;
}

/** What Pulumi calls what watches all services. */
const PROMETHEUS = "monitoring";

/** Returns whose the program's resources are; refuses an engine that the Docker provider would not find. */
function ownerOfStack(): ServiceId {
  const problem = contextProblem(process.env);
  if (problem !== undefined) throw new Refusal(problem);
  return { project: pulumi.getProject(), stack: pulumi.getStack() };
}

/** A service whose settings are read. */
interface GivenService {
  name: string;
  owner: ServiceId;
  settings: Settings;
  appDirectory?: string;
}

/** A gateway whose settings are read. */
interface GivenGateway {
  args: GatewayArgs<string>;
  settings: GatewaySettings;
}

/** Reads what runs, decides all of it, and only then declares it. */
async function declareAll(
  all: ServiceId,
  given: readonly GivenService[],
  front: GivenGateway | undefined,
  opts: pulumi.ComponentResourceOptions,
): Promise<{ services: Record<string, BlueGreen>; gateway?: Gateway }> {
  const engine = dockerAt(given[0]?.settings.dockerHost);
  const [sites, seen, own] = await Promise.all([
    readSites(all, withOthers(given)),
    front && readGateway(engine, all),
    readOwnState(),
  ]);

  const address = front && lastAddress(front.args.subnet);
  const behind = address === undefined ? {} : { gateway: { name: gatewayName(all), address } };
  const undecided = sites.map((places) => places.map((place) => ({ ...place, ...behind, ...own })));
  const [routes, ...decided] = await everyOne<DecidedGateway | PlacePlan[] | undefined>([
    (async () =>
      front && seen
        ? decideGateway({
            ...{ owner: all, ...front, seen },
            services: Object.fromEntries(given.map((service) => [service.name, service])),
          })
        : undefined)(),
    ...undecided.map(async (places) => decideService(places)),
  ]);

  const network =
    front && address !== undefined
      ? new GatewayNetwork(GATEWAY, { owner: all, subnet: front.args.subnet, address }, opts)
      : undefined;
  let tell = (_: pulumi.Resource[]): void => {};
  // Each service's network waits for them at its end, and they are declared after all services.
  const watching = new Promise<pulumi.Resource[]>((resolve) => {
    tell = resolve;
  });
  const made = given.map(({ name, owner, settings, appDirectory }, at) => {
    const places = sites[at] as [SeenSite<GivenService>];
    const args = {
      ...{ ...places[0], owner, settings, ...own, decided: decided[at] as PlacePlan[], watching },
      ...(appDirectory !== undefined && { appDirectory }),
      ...(places.every(isOnHost) && { places }),
      ...(network && { gateway: network }),
    };
    return [name, new BlueGreen(name, args, opts)] as const;
  });
  const services = Object.fromEntries(made);
  const before = front && network && { network: network.network.name, tls: hasTls(front.settings) };
  tell(declarePrometheus(all, Object.values(services), opts, before));
  if (front === undefined || network === undefined) return { services };
  // The services that it routes to, and no other one: it does not wait for those.
  const after = made.filter(([name]) => front.args.routes.some(({ service }) => service === name));
  const inputs = {
    ...{ owner: all, network, engine, decided: routes as DecidedGateway, watching },
    after: after.map(([, { moved }]) => moved),
  };
  return { services, gateway: new Gateway(GATEWAY, inputs, opts) };
}

/** Declares what watches all services that say so, with the settings of the first of them; nothing where none does. Returns the containers. */
export function declarePrometheus(
  owner: ServiceId,
  services: readonly BlueGreen[],
  opts: pulumi.ComponentResourceOptions,
  gateway?: PrometheusArgs["gateway"],
): pulumi.Resource[] {
  const watched = watchedOf(services);
  const [first] = watched;
  if (first === undefined) return [];
  const { settings, beforePull } = first;
  const args = {
    ...{ owner, settings, services: watched, beforePull, ...(gateway && { gateway }) },
    networks: watched.map(({ network }) => network),
    dependsOn: watched.map(({ moved }) => moved),
  };
  return new Prometheus(PROMETHEUS, args, opts).containers;
}

/** Makes one service of a program, without a gateway. */
export async function createService(
  name: string,
  args: ServiceArgs,
  opts?: pulumi.ComponentResourceOptions,
): Promise<BlueGreen> {
  const { [name]: service } = await createServices({ [name]: args }, undefined, opts);
  return service as BlueGreen;
}

function nameProblems(name: string, all: ServiceId): string[] {
  const rule = serviceNameRule(name, all);
  return rule === undefined ? [] : [`The service's name ${shown(name)} ${rule}.`];
}

function refuseAll(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new Refusal(`${problems.join("\n")}\nNothing was touched. Mend it in the program, then: pulumi up`);
}

/** What hosts of a service can't be had with yet, in a sentence for each service with any. */
const hostsAlone = (services: readonly GivenService[], isBehind: boolean): string[] =>
  services.flatMap(({ name, settings: { hosts } }) => {
    if (hosts === undefined || (services.length === 1 && !isBehind)) return [];
    const beside = isBehind
      ? "a gateway, which reaches the containers of one engine alone"
      : "other services in the program";
    return [`hosts of ${name} can't be had with ${beside}: give the service a program of its own, or leave hosts out.`];
  });

/** All results, or one refusal with what each of them was refused for. */
async function everyOne<Result>(acts: readonly (Promise<Result> | Result)[]): Promise<Result[]> {
  const ended = await Promise.allSettled(acts);
  const failed = ended.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []));
  const other = failed.find((error) => !(error instanceof Refusal));
  if (other !== undefined) throw other;
  if (failed.length > 0) throw new Refusal(failed.map(({ message }) => message).join("\n"));
  return ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
}

/** Reports whether it is on a host that the setting `hosts` names. */
const isOnHost = <Place extends { host?: Host }>(place: Place): place is Place & { host: Host } =>
  place.host !== undefined;

/** Returns the services, each with the others of its program. */
export const withOthers = <Service>(services: readonly Service[]): (Service & { others?: Service[] })[] =>
  services.map((service) => {
    const others = services.filter((other) => other !== service);
    return { ...service, ...(others.length > 0 && { others }) };
  });

/** Settings of a service that say which ports of the host's it takes, and of no gateway. */
type ServicePorts = "slots" | "monitoring" | "metricsPort" | "prometheusPort" | "alertmanagerPort";

/** Ports of the host's that two of the services would take, each in a sentence. */
export function portClashes(
  services: readonly {
    name: string;
    settings: Omit<GatewaySettings, "tlsKey"> & Partial<Pick<Settings, ServicePorts>>;
  }[],
): string[] {
  const taken = new Map<number, string>();
  // Of these there is one of each, with the settings of the first service that asks for them.
  const first = services.find(({ settings }) => settings.monitoring === "on");
  return services.flatMap(({ name, settings }) => {
    const ports = {
      httpPort: settings.httpPort,
      ...(hasTls(settings) && { httpsPort: settings.httpsPort }),
      ...(settings.slots && { bluePort: settings.slots.blue.port, greenPort: settings.slots.green.port }),
      ...((settings.monitoring ?? "off") !== "off" && { metricsPort: settings.metricsPort }),
      ...(settings === first?.settings && {
        prometheusPort: settings.prometheusPort,
        alertmanagerPort: settings.alertmanagerPort,
      }),
    };
    return Object.entries(ports).flatMap(([setting, port]) => {
      if (port === undefined) return [];
      const holder = taken.get(port);
      taken.set(port, holder ?? `${setting} of ${name}`);
      return holder === undefined ? [] : [`${setting} of ${name} is ${port}, which is ${holder} already.`];
    });
  });
}
