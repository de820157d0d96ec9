import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { gatewayName, LABEL, labelList, ownerLabels, type ServiceId } from "../service/names";

/** What a {@link GatewayNetwork} is made from. */
export interface GatewayNetworkArgs {
  owner: ServiceId;
  /** An IPv4 network, such as `10.213.0.0/24`. */
  subnet: string;
  /** The gateway's own address on it. */
  address: string;
}

/** The Docker network between a gateway and the proxies of its services. There is one a stack. */
export class GatewayNetwork extends pulumi.ComponentResource {
  /** What Docker calls it. */
  readonly name: string;
  readonly address: string;
  readonly network: docker.Network;

  constructor(name: string, { owner, subnet, address }: GatewayNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:GatewayNetwork", name, {}, opts);
    this.name = gatewayName(owner);
    this.address = address;
    this.network = new docker.Network(
      name,
      {
        name: this.name,
        ipamConfigs: [{ subnet }],
        labels: labelList({ ...ownerLabels(owner), [LABEL.role]: "gateway" }),
      },
      // A network that differs would take the gateway and every proxy with it. Another subnet is refused by the gateway's plan.
      { parent: this, ignoreChanges: ["*", ...READ_BACK] },
    );
    this.registerOutputs();
  }
}

/** What the provider reads back of it although this program says nothing of it. */
const READ_BACK = ["attachable", "driver", "ingress", "internal", "ipamDriver", "ipamOptions", "ipv6", "options"];
