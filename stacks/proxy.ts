import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { containerName, LABEL, labelList, type Owner, ownerLabels, PROXY_DIRECTORY, volumeName } from "./names";
import type { Settings } from "./settings";

/**
 * The most memory that the proxy may take, in megabytes. It takes 3 MB a worker, one worker a core, and the workers of before stay
 * until they are drained: room for five generations on 64 cores.
 */
const PROXY_MEMORY_MB = 1024;

/** How long a stopping proxy waits for requests in flight before it is killed: its port is closed to everybody meanwhile. */
const PROXY_STOP_SECONDS = 10;

/** Where the template's public server listens inside the container, and where it does so for TLS. */
const PROXY_PORT = 8080;
const PROXY_TLS_PORT = 8443;

/** The part of the settings that the proxy's container is made from. A change of any of it replaces the container. */
export type ProxySettings = Pick<Settings, "nginxImage" | "bindAddress" | "httpPort" | "httpsPort" | "tlsCertificate">;

/**
 * nginx as process 1, from the configuration on the volume. In the very first run there is none yet: the container waits until
 * the cutover has put it there. Afterwards it comes up by itself with the configuration that served last.
 */
const START = [
  `cd ${PROXY_DIRECTORY}`,
  // What an nginx that was killed left behind belongs to its workers, and root without DAC_OVERRIDE can't look inside.
  "if [ -d tmp ]; then chown root tmp/*; rm -rf tmp; fi; mkdir tmp",
  "until [ -s nginx.conf ]; do sleep 0.1; done",
  `exec nginx -c ${PROXY_DIRECTORY}/nginx.conf -g 'daemon off;'`,
].join("\n");

/** Whether the public is served over TLS. */
export const hasTls = ({ tlsCertificate }: Pick<Settings, "tlsCertificate">): boolean => tlsCertificate !== undefined;

/** The proxy's container, but for what only the engine knows (ids) and for its labels. */
const proxyContainer = (owner: Owner, settings: ProxySettings) => ({
  name: containerName(owner, "proxy"),
  entrypoints: ["/bin/sh", "-c"],
  command: [START],
  user: "root",
  ports: [
    { internal: PROXY_PORT, external: settings.httpPort, ip: settings.bindAddress },
    // A stack without TLS takes no port for it.
    ...(hasTls(settings) ? [{ internal: PROXY_TLS_PORT, external: settings.httpsPort, ip: settings.bindAddress }] : []),
  ],
  readOnly: true,
  tmpfs: { "/run": "size=1m,mode=755", "/tmp": "size=16m,mode=1777" },
  securityOpts: ["no-new-privileges"],
  // The master gives its workers the unprivileged user (SETUID, SETGID) and their temporary folders (CHOWN), and ends those
  // that outlive the drain (KILL). The workers, which read what clients send, have none of these.
  capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"] },
  memory: PROXY_MEMORY_MB,
  restart: "unless-stopped",
  stopSignal: "SIGQUIT",
  stopTimeout: PROXY_STOP_SECONDS,
  destroyGraceSeconds: PROXY_STOP_SECONDS,
  // Rotated, or a busy day fills the engine's disk.
  logDriver: "local",
  logOpts: { "max-size": "20m", "max-file": "5" },
});

/**
 * What the proxy's container is made from: the settings by name, and a hash over the rest. The container carries it as a label,
 * so that a run can tell before it starts whether it would replace the proxy, and why.
 */
export function proxyMadeFrom(owner: Owner, settings: ProxySettings): Record<string, string | number> {
  const { nginxImage, bindAddress, httpPort, httpsPort } = settings;
  const rest = proxyContainer(owner, { nginxImage: "", bindAddress: "", httpPort: 0, httpsPort: 0 });
  const definition = createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 12);
  return { nginxImage, bindAddress, httpPort, ...(hasTls(settings) && { httpsPort }), definition };
}

/** What a {@link NginxProxy} is made from. */
export interface ProxyArgs {
  owner: Owner;
  settings: ProxySettings;
  /** The network on which it reaches the colors, by name. */
  network: pulumi.Input<string>;
  /** Runs before its image is made, and sees to it that the engine has it (see registry.ts). */
  beforePull: pulumi.ResourceHook;
  /** Whether it stays what it is: nothing that it is made from has changed, so neither a tag nor a drift may replace it. */
  keep: boolean;
}

/** The one nginx container that the public talks to, and the volume that holds its configuration. */
export class NginxProxy extends pulumi.ComponentResource {
  /** The container's id. */
  readonly containerId: pulumi.Output<string>;

  constructor(name: string, args: ProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Proxy", name, {}, opts);
    const { owner, settings } = args;
    const labels = labelList({ ...ownerLabels(owner), [LABEL.role]: "proxy" });

    const volume = new docker.Volume(
      name,
      { name: volumeName(owner), labels },
      // A volume that differs would take the container with it.
      { parent: this, ...(args.keep && { ignoreChanges: ["*", "driver", "driverOpts"] }) },
    );
    const image = new docker.RemoteImage(
      name,
      { name: settings.nginxImage, keepLocally: true },
      { parent: this, hooks: { beforeCreate: [args.beforePull] } },
    );
    const container = new docker.Container(
      name,
      {
        ...proxyContainer(owner, settings),
        image: image.imageId,
        labels: [...labels, { label: LABEL.proxy, value: JSON.stringify(proxyMadeFrom(owner, settings)) }],
        networksAdvanced: [{ name: args.network }],
        volumes: [{ volumeName: volume.name, containerPath: PROXY_DIRECTORY }],
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        replaceOnChanges: ["*"],
        ignoreChanges: args.keep ? ["*", "memorySwap"] : ["memorySwap"],
      },
    );

    this.containerId = container.id;
    this.registerOutputs({ containerId: this.containerId });
  }
}
