import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { readNginx, readScript } from "./engine/scripts";
import { pageVariables } from "./monitoringPage";
import { nginxContainer } from "./proxy/nginxContainer";
import { renderTemplate } from "./proxy/template";
import {
  containerName,
  LABEL,
  labelList,
  logicalName,
  type MonitoringPart,
  monitoringName,
  ownerLabels,
  PROXY_DIRECTORY,
  type ServiceId,
  volumeName,
} from "./service/names";
import type { Settings } from "./settings/settings";
import { changeOptions, LOGGING } from "./slotContainer";

/** What either of the two may take, in MiB: mtail has a dozen series a color, and nginx one visitor. */
const MEMORY_MB = 128;

/** Their share of a busy processor, of which the proxy and each color have 1024: they count later, and visitors don't wait for it. */
const CPU_SHARES = 102;

/** Where mtail has its program, and a user that is nobody's: the log of requests is readable for everybody, keys are not. */
const PROGRAM = "/requests.mtail";
const NOBODY = "65534:65534";

/** The part of the settings that they are made from. */
export type MonitoringSettings = Pick<Settings, "nginxImage" | "mtailImage" | "metricsPort" | "maxErrorPercent">;

/** A preview shows no more of a variable that is longer than that it is there: it would print all of the page. */
const MOST_SHOWN_CHARACTERS = 1000;

/** What one of them is made from, beside what all are. */
type PartInputs = Omit<docker.ContainerArgs, "image" | "envs"> & { envs?: string[] };

/** What {@link declareMonitoring} makes them from. */
export interface MonitoringArgs {
  owner: ServiceId;
  settings: MonitoringSettings;
  network: pulumi.Input<string>;
  /** The container with the Prometheus that the page asks, by its name on the network; without one the page has no curves. */
  prometheus?: string;
  beforePull: pulumi.ResourceHook;
  /** They come when the public is where it is to be: nothing that is wrong with them can hold that up. */
  dependsOn: pulumi.Resource[];
}

/**
 * Declares what watches both colors: mtail, which counts what nginx notes of each request, and an nginx of its own that serves the figures
 * on the engine's loopback. They share the proxy's volume, and the proxy doesn't know whether they run.
 */
export const declareMonitoring = (args: MonitoringArgs, parent: pulumi.Resource): docker.Container[] => [
  declarePart("mtail", args.settings.mtailImage, mtailInputs(), args, parent),
  declarePart("metrics", args.settings.nginxImage, metricsInputs(args), args, parent),
];

/** mtail reads the log of requests, and may write nothing. Its image is that binary alone. */
const mtailInputs = () => ({
  command: [
    ...["-progs", PROGRAM, "-emit_prog_label=false", "-logs", `${PROXY_DIRECTORY}/requests.log`],
    "-logtostderr",
    "-port",
    "3903",
  ],
  uploads: [{ file: PROGRAM, content: readNginx("requests.mtail") }],
  user: NOBODY,
  securityOpts: ["no-new-privileges"],
  capabilities: { drops: ["ALL"] },
  restart: "unless-stopped",
  ...LOGGING,
});

/** The proxy's own kind of nginx, so that no image more is needed. */
export function metricsInputs({
  owner,
  settings,
  prometheus,
}: Pick<MonitoringArgs, "owner" | "settings" | "prometheus">) {
  const own = containerName(owner, monitoringName("metrics"));
  const [proxy, mtail] = [containerName(owner, "proxy"), containerName(owner, monitoringName("mtail"))];
  const view = { own, proxy, mtail, prometheus };
  const conf = renderTemplate("metrics.conf.mustache", readNginx("metrics.conf.mustache"), view);
  const { name: _, ...container } = nginxContainer("", [
    { internal: 8080, external: settings.metricsPort, ip: "127.0.0.1" },
  ]);
  const { maxErrorPercent } = settings;
  const page = pageVariables({ owner, maxErrorPercent, hasPrometheus: prometheus !== undefined });
  const envs = [`CONF=${conf}`, `PROXY=${proxy}`, `MTAIL=${mtail}`, ...page];
  return { ...container, command: [readScript("metrics")], envs };
}

function declarePart(
  part: MonitoringPart,
  image: string,
  { envs = [], ...inputs }: PartInputs,
  { owner, network, beforePull, dependsOn }: MonitoringArgs,
  parent: pulumi.Resource,
): docker.Container {
  const called = logicalName(owner, monitoringName(part));
  const pulled = new docker.RemoteImage(
    called,
    { name: image, keepLocally: true },
    { parent, dependsOn, hooks: { beforeCreate: [beforePull] } },
  );
  const program = createHash("sha256")
    .update(JSON.stringify({ ...inputs, envs }))
    .digest("hex")
    .slice(0, 12);
  return new docker.Container(
    called,
    {
      mustRun: false,
      ...inputs,
      ...(envs.length > 0 && {
        envs: envs.map((text) => (text.length > MOST_SHOWN_CHARACTERS ? pulumi.secret(text) : text)),
      }),
      memory: MEMORY_MB,
      cpuShares: CPU_SHARES,
      name: containerName(owner, monitoringName(part)),
      image: pulled.imageId,
      labels: labelList({
        ...ownerLabels(owner),
        [LABEL.role]: "monitoring",
        [LABEL.monitoring]: part,
        [LABEL.spec]: JSON.stringify({ image, program, cpuShares: CPU_SHARES }),
      }),
      networksAdvanced: [{ name: network }],
      volumes: [
        { volumeName: volumeName(owner), containerPath: PROXY_DIRECTORY, ...(part === "mtail" && { readOnly: true }) },
      ],
    },
    { parent, dependsOn, ...changeOptions(false) },
  );
}
