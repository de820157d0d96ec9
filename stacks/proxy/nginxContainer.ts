import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { readScript } from "../engine/scripts";
import { labelList, PROXY_DIRECTORY } from "../service/names";
import type { Settings } from "../settings/settings";

/**
 * The most memory that it may take, in megabytes. It takes 5 MB a worker, 2 of them for its 8,192 connections, one worker a core,
 * and the workers of before stay until they are drained: room for three generations on 64 cores.
 */
const MEMORY_MB = 1024;

/** How long one that stops waits for requests in flight before it is killed: its port is closed to everybody meanwhile. */
const STOP_SECONDS = 10;

/** Where the templates' public servers listen inside the container, and where they do so for TLS. */
export const HTTP_INSIDE = 8080;
export const HTTPS_INSIDE = 8443;

/** A port of the host's that leads into the container. */
export interface Published {
  internal: number;
  external: number;
  ip: string;
}

/** The ports of one that serves the public. */
export const publishedPorts = (
  settings: Pick<Settings, "bindAddress" | "httpPort" | "httpsPort" | "tlsCertificate">,
): Published[] => [
  { internal: HTTP_INSIDE, external: settings.httpPort, ip: settings.bindAddress },
  // Without TLS no port is taken for it.
  ...(hasTls(settings) ? [{ internal: HTTPS_INSIDE, external: settings.httpsPort, ip: settings.bindAddress }] : []),
];

/** Whether the public is served over TLS. */
export const hasTls = ({ tlsCertificate }: Pick<Settings, "tlsCertificate">): boolean => tlsCertificate !== undefined;

/** An nginx container, but for what only the engine knows (ids) and for its labels. */
export const nginxContainer = (name: string, ports: Published[]) => ({
  name,
  entrypoints: ["/bin/sh", "-c"],
  command: [readScript("start")],
  user: "root",
  ports,
  readOnly: true,
  tmpfs: { "/run": "size=1m,mode=755", "/tmp": "size=16m,mode=1777" },
  securityOpts: ["no-new-privileges"],
  // The master gives its workers the unprivileged user (SETUID, SETGID) and their temporary folders (CHOWN), and ends those
  // that outlive the drain (KILL). The workers, which read what clients send, have none of these.
  capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"] },
  memory: MEMORY_MB,
  restart: "unless-stopped",
  stopSignal: "SIGQUIT",
  stopTimeout: STOP_SECONDS,
  destroyGraceSeconds: STOP_SECONDS,
  // Rotated, or a busy day fills the engine's disk.
  logDriver: "local",
  logOpts: { "max-size": "20m", "max-file": "5" },
});

/**
 * Docker's DNS hands a name that it doesn't know to the host's name servers, and `blue` is such a name while its container is away:
 * whoever answers there would get the visitors. With `ndots` set, Docker keeps a name without a dot to itself, and without search
 * domains curl makes no name with a dot out of it.
 */
export const NGINX_DNS = { dnsOpts: ["ndots:1"], dnsSearches: ["."] };

/** {@link NGINX_DNS} in what a container was made from; absent from one that an earlier version made. */
export const DNS_MADE = { dns: "ndots:1 search:." };

/** Tells apart what containers are made of besides what is named. */
export const definitionOf = (container: unknown): string =>
  createHash("sha256").update(JSON.stringify(container)).digest("hex").slice(0, 12);

/** What {@link declareNginx} makes. */
export interface NginxArgs {
  container: ReturnType<typeof nginxContainer>;
  image: string;
  volumeName: string;
  labels: Record<string, string>;
  /** On the container alone: what it was made from. */
  madeFrom: { label: string; value: unknown };
  networks: docker.types.input.ContainerNetworksAdvanced[];
  /** Runs before the image is made, and sees to it that the engine has it (see registry.ts). */
  beforePull?: pulumi.ResourceHook;
  /** Whether it stays what it is: nothing that it is made from has changed, so neither a tag nor a drift may replace it. */
  keep: boolean;
}

/** Declares an nginx container with its image and the volume that holds its configuration. */
export function declareNginx(name: string, args: NginxArgs, parent: pulumi.Resource): docker.Container {
  const labels = labelList(args.labels);
  const volume = new docker.Volume(
    name,
    { name: args.volumeName, labels },
    // A volume that differs would take the container with it.
    { parent, ...(args.keep && { ignoreChanges: ["*", "driver", "driverOpts"] }) },
  );
  const image = new docker.RemoteImage(
    name,
    { name: args.image, keepLocally: true },
    { parent, ...(args.beforePull && { hooks: { beforeCreate: [args.beforePull] } }) },
  );
  const { label, value } = args.madeFrom;
  return new docker.Container(
    name,
    {
      ...args.container,
      ...NGINX_DNS,
      image: image.imageId,
      labels: [...labels, { label, value: JSON.stringify(value) }],
      networksAdvanced: args.networks,
      volumes: [{ volumeName: volume.name, containerPath: PROXY_DIRECTORY }],
    },
    {
      parent,
      deleteBeforeReplace: true,
      replaceOnChanges: ["*"],
      ignoreChanges: args.keep ? ["*", "memorySwap"] : ["memorySwap"],
    },
  );
}
