import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { gatewayName, LABEL, labelList, ownerLabels } from "./names";
import { shown } from "./problem";
import { Refusal } from "./refusal";

/** What a {@link GatewayNetwork} is made from. */
export interface GatewayNetworkArgs {
  /**
   * An IPv4 network that nothing else on the engine uses, such as `172.30.99.0/24`; /16 to /28. One address of it is the gateway's, which
   * the services must know to believe its word about its clients. It stays what it is until everything on it is gone.
   */
  subnet: string;
}

/** The Docker network between a gateway and the proxies of its services. There is one a stack. */
export class GatewayNetwork extends pulumi.ComponentResource {
  /** What Docker calls it. */
  readonly name: string;
  readonly subnet: string;
  /** The gateway's address on it: the last one, since the engine gives out the first ones. */
  readonly address: string;
  readonly network: docker.Network;

  constructor(name: string, { subnet }: GatewayNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:GatewayNetwork", name, {}, opts);
    const address = lastAddress(subnet);
    if (address === undefined) {
      throw new Refusal(
        `subnet = ${shown(subnet)}: must be an IPv4 network from /16 to /28 by its first address, such as 172.30.99.0/24. ` +
          "Nothing was touched. Next: mend it where the program makes the GatewayNetwork, then: pulumi up",
      );
    }
    const owner = { project: pulumi.getProject(), stack: pulumi.getStack() };
    this.name = gatewayName(owner);
    this.subnet = subnet;
    this.address = address;
    this.network = new docker.Network(
      name,
      {
        name: this.name,
        ipamConfigs: [{ subnet }],
        labels: labelList({ ...ownerLabels(owner), [LABEL.role]: "gateway" }),
      },
      // A network that differs would take the gateway and every proxy with it. Another subnet is refused by the gateway's own plan.
      { parent: this, ignoreChanges: ["*", ...READ_BACK] },
    );
    this.registerOutputs();
  }
}

/** What the provider reads back of it although this program says nothing of it. */
const READ_BACK = ["attachable", "driver", "ingress", "internal", "ipamDriver", "ipamOptions", "ipv6", "options"];

const LEAST_BITS = 16;
const MOST_BITS = 28;

/** The last address of a network that a host can have; undefined where the text is no such network. */
export function lastAddress(subnet: unknown): string | undefined {
  const octet = "(0|[1-9][0-9]{0,2})";
  const found = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}/([1-9][0-9])$`).exec(String(subnet));
  const [a = 256, b = 256, c = 256, d = 256, bits = 0] = (found ?? []).slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits < LEAST_BITS || bits > MOST_BITS) return undefined;
  const size = 2 ** (32 - bits);
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  if (first % size !== 0) return undefined;
  const last = first + size - 2;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join(".");
}
