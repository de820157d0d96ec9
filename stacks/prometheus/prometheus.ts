import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { readMonitoring } from "../engine/scripts";
import { declarePart, POWERLESS, type WatchingPart } from "../monitoring";
import { NGINX_DNS } from "../proxy/nginxContainer";
import {
  LABEL,
  labelList,
  logicalName,
  monitoringContainer,
  monitoringName,
  ownerLabels,
  type ServiceId,
  type WatchPart,
} from "../service/names";
import type { WatchSettings } from "./agreement";
import {
  alertmanagerConfiguration,
  blackboxConfiguration,
  prometheusConfiguration,
  type WatchedGateway,
  type WatchedService,
} from "./configuration";

type Part = WatchingPart & { name: WatchPart };

/** How long what was seen is kept, and the most disk that it takes. */
const KEPT = { time: "15d", size: "512MB" };

/** What each may take of the memory of all three, of which Prometheus needs most. */
const MEMORY_SHARES: Record<WatchPart, number> = { prometheus: 3 / 4, alertmanager: 1 / 8, blackbox: 1 / 8 };

const memoryOf = (part: WatchPart, { monitoringMemoryMb }: WatchSettings): number =>
  Math.floor(monitoringMemoryMb * MEMORY_SHARES[part]);

/**
 * How many questions are answered at a time, how many samples each may look at for a MiB of memory, and how many may wait for their
 * answers: with the defaults of 20, 50 million and 512 a few of them got Prometheus killed (docs/decisions/0084).
 */
const QUESTIONS = { atATime: 4, samplesForMb: 1000, connections: 16 };

/** Of its memory, what Go's runtime clears up before: it would be killed at the limit otherwise. */
const GO_MEMORY = 0.9;

/** How long it has to write what it knows when it is stopped. */
const STOP_SECONDS = 10;

/** Where each has what it is made of, and what it keeps. */
const FILES = {
  prometheus: "/prometheus.yml",
  alerts: "/alerts.yml",
  alertmanager: "/alertmanager.yml",
  blackbox: "/blackbox.yml",
};
const DATA = { prometheus: "/prometheus", alertmanager: "/alertmanager" };

/** What {@link Prometheus} is made from. */
export interface PrometheusArgs {
  /** The stack's: there is one of each, whatever services it watches. */
  owner: ServiceId;
  settings: WatchSettings;
  services: readonly WatchedService[];
  /** The gateway in front of them, and its network. */
  gateway?: WatchedGateway & { network: pulumi.Input<string> };
  /** The services' networks. */
  networks: pulumi.Input<string>[];
  beforePull: pulumi.ResourceHook;
  /** They come when the public of each service is where it is to be. */
  dependsOn: pulumi.Resource[];
}

/**
 * What watches all services of a stack that say `monitoring: on`: Prometheus, which asks each for its figures and looks for alerts,
 * Alertmanager, which sends them, and blackbox exporter, which asks each front door. No proxy knows whether they run.
 */
export class Prometheus extends pulumi.ComponentResource {
  /** @internal */
  readonly containers: docker.Container[];

  /** @internal */
  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Prometheus", name, {}, opts);
    const { owner, settings, services, gateway, networks, beforePull, dependsOn } = args;
    const volumes = (["prometheus", "alertmanager"] as const).map((part) => declareVolume(owner, part, this));
    const parts = [prometheusPart(args), alertmanagerPart(owner, settings), blackboxPart(args)];
    // By it each service knows that it is watched, where it has a name.
    const told = { services: services.flatMap(({ owner: { service } }) => service ?? []) };
    this.containers = parts.map((part) => {
      const memoryMb = memoryOf(part.name, settings);
      const envs = [`GOMEMLIMIT=${Math.floor(memoryMb * GO_MEMORY)}MiB`];
      const inputs = {
        ...POWERLESS,
        stopTimeout: STOP_SECONDS,
        destroyGraceSeconds: STOP_SECONDS,
        envs,
        ...part.inputs,
      };
      return declarePart(
        { ...part, inputs, memoryMb, ...(told.services.length > 0 && { told }) },
        {
          ...{ owner, beforePull, dependsOn: [...dependsOn, ...volumes] },
          networks: part.name === "blackbox" && gateway ? [...networks, gateway.network] : networks,
        },
        this,
      );
    });
    this.registerOutputs();
  }
}

/** Keeps what one of them has seen when its container is made again, and goes with the stack. */
const declareVolume = (owner: ServiceId, part: keyof typeof DATA, parent: pulumi.Resource): docker.Volume =>
  new docker.Volume(
    logicalName(owner, monitoringName(part)),
    {
      name: monitoringContainer(owner, part),
      labels: labelList({ ...ownerLabels(owner), [LABEL.role]: "monitoring" }),
    },
    { parent },
  );

const keeping = (owner: ServiceId, part: keyof typeof DATA) => ({
  volumes: [{ volumeName: monitoringContainer(owner, part), containerPath: DATA[part] }],
});

/** Only who is on the engine's host gets there. */
const onLoopback = (internal: number, external: number) => [{ internal, external, ip: "127.0.0.1" }];
const addressOf = (port: number): string => `http://127.0.0.1:${port}/`;

const prometheusPart = ({ owner, settings, services, gateway }: PrometheusArgs): Part => ({
  name: "prometheus",
  image: settings.prometheusImage,
  files: {
    [FILES.prometheus]: prometheusConfiguration(owner, services, gateway),
    [FILES.alerts]: readMonitoring("alerts.yml"),
  },
  inputs: {
    ...NGINX_DNS,
    ...keeping(owner, "prometheus"),
    ports: onLoopback(9090, settings.prometheusPort),
    command: [
      `--config.file=${FILES.prometheus}`,
      `--storage.tsdb.path=${DATA.prometheus}`,
      `--storage.tsdb.retention.time=${KEPT.time}`,
      `--storage.tsdb.retention.size=${KEPT.size}`,
      `--query.max-concurrency=${QUESTIONS.atATime}`,
      `--query.max-samples=${memoryOf("prometheus", settings) * QUESTIONS.samplesForMb}`,
      `--web.max-connections=${QUESTIONS.connections}`,
      "--web.listen-address=0.0.0.0:9090",
      `--web.external-url=${addressOf(settings.prometheusPort)}`,
      // A page in the browser of somebody who has it open reads nothing: no origin is called so.
      "--web.cors.origin=none",
    ],
  },
});

const alertmanagerPart = (
  owner: ServiceId,
  { alertmanagerImage, alertmanagerPort, alertReceiver }: WatchSettings,
): Part => ({
  name: "alertmanager",
  image: alertmanagerImage,
  secretFiles: { [FILES.alertmanager]: alertmanagerConfiguration(alertReceiver) },
  inputs: {
    ...keeping(owner, "alertmanager"),
    ports: onLoopback(9093, alertmanagerPort),
    command: [
      `--config.file=${FILES.alertmanager}`,
      `--storage.path=${DATA.alertmanager}`,
      "--data.retention=120h",
      "--web.listen-address=0.0.0.0:9093",
      `--web.external-url=${addressOf(alertmanagerPort)}`,
      // It is alone.
      "--cluster.listen-address=",
    ],
  },
});

const blackboxPart = ({ settings: { blackboxImage }, services, gateway }: PrometheusArgs): Part => ({
  name: "blackbox",
  image: blackboxImage,
  files: { [FILES.blackbox]: blackboxConfiguration(services, gateway) },
  inputs: {
    ...NGINX_DNS,
    command: [`--config.file=${FILES.blackbox}`, "--web.listen-address=0.0.0.0:9115"],
  },
});
