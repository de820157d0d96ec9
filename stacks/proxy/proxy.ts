import * as pulumi from "@pulumi/pulumi";
import { containerName, gatewayAlias, LABEL, ownerLabels, type ServiceId, volumeName } from "../service/names";
import type { Settings } from "../settings/settings";
import { DNS_MADE, declareNginx, definitionOf, hasTls, nginxContainer, publishedPorts } from "./nginxContainer";

/** The part of the settings that the proxy's container is made from. A change of any of it replaces the container. */
export type ProxySettings = Pick<Settings, "nginxImage" | "bindAddress" | "httpPort" | "httpsPort" | "tlsCertificate">;

/** The proxy's container, but for what only the engine knows (ids) and for its labels. */
const proxyContainer = (owner: ServiceId, settings: ProxySettings) =>
  nginxContainer(containerName(owner, "proxy"), publishedPorts(settings));

/**
 * What the proxy's container is made from: the settings by name, and a hash over the rest. The container carries it as a label,
 * so that a run can tell before it starts whether it would replace the proxy, and why.
 *
 * @param gateway the network on which a gateway reaches it, by name.
 */
export function proxyMadeFrom(
  owner: ServiceId,
  settings: ProxySettings,
  gateway?: string,
): Record<string, string | number> {
  const { nginxImage, bindAddress, httpPort, httpsPort } = settings;
  const rest = proxyContainer(owner, { nginxImage: "", bindAddress: "", httpPort: 0, httpsPort: 0 });
  return {
    ...{ nginxImage, bindAddress, httpPort, ...(hasTls(settings) && { httpsPort }) },
    ...(gateway !== undefined && { gateway }),
    definition: definitionOf(rest),
    ...DNS_MADE,
  };
}

/** What a {@link NginxProxy} is made from. */
export interface ProxyArgs {
  owner: ServiceId;
  settings: ProxySettings;
  /** The network on which it reaches the colors, by name. */
  network: pulumi.Input<string>;
  /** The network on which a gateway reaches it, where there is one. */
  gateway?: { name: string; network: pulumi.Input<string> };
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
    const { owner, settings, network, gateway, beforePull, keep } = args;
    const container = declareNginx(
      name,
      {
        container: proxyContainer(owner, settings),
        image: settings.nginxImage,
        volumeName: volumeName(owner),
        labels: { ...ownerLabels(owner), [LABEL.role]: "proxy" },
        madeFrom: { label: LABEL.proxy, value: proxyMadeFrom(owner, settings, gateway?.name) },
        networks: [
          { name: network },
          ...(gateway === undefined ? [] : [{ name: gateway.network, aliases: [gatewayAlias(owner)] }]),
        ],
        beforePull,
        keep,
      },
      this,
    );

    this.containerId = container.id;
    this.registerOutputs({ containerId: this.containerId });
  }
}
