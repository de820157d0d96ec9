import { local } from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { HostType } from "./plan/missingHosts";
import type { StateResource } from "./plan/stateProblem";
import { Refusal } from "./refusal";
import { UNSEEN } from "./service/hosts";
import { logicalName, type ServiceId } from "./service/names";

/** Declares a resource with nothing of its own: what the state has of it counts. */
type Declare = (name: string, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource;

const COMMAND = "command:local:Command";

const DECLARE: Record<HostType, Declare> = {
  "docker:index/network:Network": (name, opts) => new docker.Network(name, {}, opts),
  "docker:index/volume:Volume": (name, opts) => new docker.Volume(name, {}, opts),
  // What must be said is ignored as well.
  "docker:index/remoteImage:RemoteImage": (name, opts) => new docker.RemoteImage(name, { name: "" }, opts),
  "docker:index/container:Container": (name, opts) => new docker.Container(name, { image: "" }, opts),
  [COMMAND]: (name, opts) => new local.Command(name, {}, opts),
};

const NEXT = "Nothing was touched. Next, when the host answers: pulumi config rm allowMissingHosts && pulumi up";

/** What a missing host is declared with. */
export interface MissingArgs {
  owner: ServiceId;
  /** Whether the stack's end deletes the volumes of its containers. */
  deletesVolumes: boolean;
  /** What all of the host stands below. */
  parent: pulumi.Resource;
}

/**
 * Declares what the state has of a host that doesn't answer, and nothing else: all of it stays as it is there, and nobody is asked. The
 * providers compare without their engine, and Pulumi takes each input from the state (`ignoreChanges`). Each part waits for those that a
 * `pulumi destroy` has to leave until it is gone, since that goes by the state's order.
 */
export function declareMissing(resources: readonly StateResource[], args: MissingArgs): void {
  const components = new Map<StateResource, pulumi.Resource>();
  const parentOf = ({ types, name }: StateResource): pulumi.Resource => {
    if (types.length === 1) return args.parent;
    const above = types.slice(0, -1).join();
    const [nearest] = [...components.keys()]
      .filter((one) => one.types.join() === above && `${name}-`.startsWith(`${one.name}-`))
      .toSorted((a, b) => b.name.length - a.name.length);
    const parent = nearest && components.get(nearest);
    // Below another one it would be another resource for Pulumi, which it would make.
    if (parent === undefined) throw new Refusal(`${name} stands below nothing in Pulumi's state. ${NEXT}`);
    return parent;
  };
  const isCustom = (resource: StateResource) => typeOf(resource) in DECLARE;
  const byDepth = resources.toSorted((a, b) => a.types.length - b.types.length);
  for (const resource of byDepth.filter((one) => !isCustom(one))) {
    components.set(resource, new KeptComponent(resource, { parent: parentOf(resource) }));
  }
  const declared: pulumi.Resource[] = [];
  for (const rank of ranks(byDepth.filter(isCustom), args.owner)) {
    const dependsOn = [...declared];
    for (const resource of rank) {
      declared.push(declareKept(resource, { ...args, parent: parentOf(resource) }, dependsOn));
    }
  }
}

const typeOf = ({ types }: StateResource): string => types.at(-1) ?? "";

/** A component of this program's that the state has: its outputs stay. */
class KeptComponent extends pulumi.ComponentResource {
  constructor({ types, name, outputs = {} }: StateResource, opts: pulumi.ComponentResourceOptions) {
    super(types.at(-1) ?? "", name, {}, opts);
    this.registerOutputs(outputs);
  }
}

/** Returns what stands behind each other: networks, volumes and images; containers; what ends the proxy; what looks at the network first. */
function ranks(resources: readonly StateResource[], owner: ServiceId): StateResource[][] {
  const rankOf = (resource: StateResource): number => {
    const type = typeOf(resource);
    if (type === COMMAND) return resource.name === logicalName(owner, "network") ? 3 : 2;
    return type === "docker:index/container:Container" ? 1 : 0;
  };
  return [0, 1, 2, 3].map((rank) => resources.filter((resource) => rankOf(resource) === rank));
}

function declareKept(
  resource: StateResource,
  { owner, deletesVolumes, parent }: MissingArgs,
  dependsOn: pulumi.Resource[],
): pulumi.Resource {
  const type = typeOf(resource) as HostType;
  const isData = type === "docker:index/volume:Volume" && resource.name !== logicalName(owner, "proxy");
  return DECLARE[type](resource.name, {
    ...{ parent, dependsOn },
    // By its outputs' names too: the star stands for what was said of it, and not for what the Docker provider has read.
    ignoreChanges: ["*", UNSEEN, ...(type === COMMAND ? [] : resource.properties)],
    // As it is declared where the host answers (see volumes.ts).
    ...(isData && { retainOnDelete: !deletesVolumes }),
  });
}
