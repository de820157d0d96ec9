import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { readNginx, readScript } from "./engine/scripts";
import { pageVariables } from "./monitoringPage";
import { NGINX_DNS, nginxContainer } from "./proxy/nginxContainer";
import { renderTemplate } from "./proxy/template";
import {
  containerName,
  LABEL,
  labelList,
  logicalName,
  type MonitoringPart,
  monitoringContainer,
  monitoringName,
  ownerLabels,
  PROXY_DIRECTORY,
  type ServiceId,
  volumeName,
} from "./service/names";
import type { Settings } from "./settings/settings";
import { changeOptions, LOGGING } from "./slotContainer";

/** What one of them may take, in MiB: nginx there has one visitor, and the counts are a dozen series a color. */
const MEMORY_MB = 128;

/** Their share of a busy processor, of which the proxy and each color have 1024: they count later, and visitors don't wait for it. */
const CPU_SHARES = 102;

/** A user that is nobody's. */
const NOBODY = "65534:65534";

/**
 * The kernel's figures of what each container takes (cgroups), which every engine's host has, and where they are mounted. They show nothing
 * that a container holds, and this mount can change nothing.
 */
const CGROUPS = { hostPath: "/sys/fs/cgroup", containerPath: "/cgroup", readOnly: true };

/** The part of the settings that they are made from. */
export type MonitoringSettings = Pick<Settings, "monitoring" | "nginxImage" | "metricsPort" | "maxErrorPercent">;

/** Of a longer variable a preview says no more than that it is there: it would print all of the page. */
const MOST_SHOWN_CHARACTERS = 1000;
const unseen = (text: string): pulumi.Input<string> =>
  text.length > MOST_SHOWN_CHARACTERS ? pulumi.secret(text) : text;

/** What one of them is made from, beside what all are. */
type PartInputs = Omit<docker.ContainerArgs, "image" | "envs"> & { envs?: string[] };

/** What {@link declareMonitoring} makes them from. */
export interface MonitoringArgs {
  owner: ServiceId;
  settings: MonitoringSettings;
  network: pulumi.Input<string>;
  beforePull: pulumi.ResourceHook;
  /** They come when the public is where it is to be: nothing that is wrong with them can hold that up. */
  dependsOn: pulumi.Resource[];
}

/** One container that watches. */
export interface WatchingPart {
  name: MonitoringPart;
  image: string;
  inputs: PartInputs;
  /** What it reads, by paths in the container. */
  files?: Record<string, string>;
  /** The same of what nobody is to see: no label has a hash of it, at which somebody could guess. */
  secretFiles?: Record<string, string>;
  /** The most memory that it may take, in MiB. */
  memoryMb?: number;
  /** What its label says beside its image and a hash over its inputs. */
  told?: Record<string, unknown>;
}

/**
 * Declares what watches both colors: a container that counts what nginx notes of each request, and serves the figures on the engine's
 * loopback. It shares the proxy's volume, and the proxy doesn't know whether it runs.
 */
export const declareMonitoring = (args: MonitoringArgs, parent: pulumi.Resource): docker.Container =>
  declarePart(
    { name: "metrics", image: args.settings.nginxImage, inputs: metricsInputs(args) },
    { ...args, networks: [args.network] },
    parent,
  );

/** What a program of somebody else's can do without: it has no rights but to read its files and to answer. */
export const POWERLESS = {
  user: NOBODY,
  securityOpts: ["no-new-privileges"],
  capabilities: { drops: ["ALL"] },
  restart: "unless-stopped",
  ...LOGGING,
};

/** The proxy's own kind of nginx, so that no image more is needed. */
export function metricsInputs({ owner, settings }: Pick<MonitoringArgs, "owner" | "settings">) {
  const view = {
    own: monitoringContainer(owner, "metrics"),
    proxy: containerName(owner, "proxy"),
    // One of all services, which the page has its curves from.
    prometheus: settings.monitoring === "on" ? monitoringContainer(owner, "prometheus") : undefined,
  };
  const conf = renderTemplate("metrics.conf.mustache", readNginx("metrics.conf.mustache"), view);
  const { name: _, ...container } = nginxContainer("", [
    { internal: 8080, external: settings.metricsPort, ip: "127.0.0.1" },
  ]);
  const told = [`CONF=${conf}`, `PROXY=${view.proxy}`, `CONTAINERS=${containerName(owner, "")}`];
  return {
    ...container,
    // It asks the engine's name server whose a container is: none of these questions may leave the engine.
    ...NGINX_DNS,
    command: [readScript("metrics")],
    envs: [...told, ...pageVariables(owner, settings)],
    volumes: [{ volumeName: volumeName(owner), containerPath: PROXY_DIRECTORY }, CGROUPS],
  };
}

/** What every one of them is declared with. */
type PartArgs = Omit<MonitoringArgs, "settings" | "network"> & { networks: pulumi.Input<string>[] };

/** Declares one of them: it may be down without holding up a run, and a change of it replaces it alone. */
export function declarePart(
  { name: part, image, inputs, files = {}, secretFiles = {}, memoryMb = MEMORY_MB, told }: WatchingPart,
  { owner, networks, beforePull, dependsOn }: PartArgs,
  parent: pulumi.Resource,
): docker.Container {
  const called = logicalName(owner, monitoringName(part));
  const pulled = new docker.RemoteImage(
    called,
    { name: image, keepLocally: true },
    { parent, dependsOn, hooks: { beforeCreate: [beforePull] } },
  );
  const program = createHash("sha256").update(JSON.stringify({ inputs, files })).digest("hex").slice(0, 12);
  const uploads = [
    ...Object.entries(files).map(([file, content]) => ({ file, content })),
    ...Object.entries(secretFiles).map(([file, content]) => ({ file, content: pulumi.secret(content) })),
  ];
  return new docker.Container(
    called,
    {
      mustRun: false,
      ...inputs,
      ...(inputs.envs && { envs: inputs.envs.map(unseen) }),
      ...(uploads.length > 0 && { uploads }),
      memory: memoryMb,
      cpuShares: CPU_SHARES,
      name: containerName(owner, monitoringName(part)),
      image: pulled.imageId,
      labels: labelList({
        ...ownerLabels(owner),
        [LABEL.role]: "monitoring",
        [LABEL.monitoring]: part,
        [LABEL.spec]: JSON.stringify({ image, program, cpuShares: CPU_SHARES, ...told }),
      }),
      networksAdvanced: networks.map((name) => ({ name })),
    },
    { parent, dependsOn, ...changeOptions(false) },
  );
}
