import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  accessoryName,
  containerName,
  LABEL,
  labelList,
  logicalName,
  ownerLabels,
  type ServiceId,
} from "./service/names";
import { type AccessorySettings, accessorySpec, type NamedKeys } from "./settings/container/named";
import { changeOptions, containerInputs, LOGGING } from "./slotContainer";
import type { SlotVolumes } from "./volumes";

/** A database may have much to write when it is asked to end. */
const GRACE_SECONDS = 60;

/** What {@link declareAccessories} makes them from. */
export interface AccessoriesArgs {
  owner: ServiceId;
  accessories: Readonly<Record<string, AccessorySettings>>;
  network: pulumi.Input<string>;
  volumes: SlotVolumes;
  /** Those that stay as they are, whatever a tag or the settings say by now. */
  keep: readonly string[];
  beforePull: pulumi.ResourceHook;
  /** What they wait for. */
  after: pulumi.Resource[];
  /** Runs before each container is made, and after it. */
  beforeCreate: pulumi.ResourceHook;
  afterCreate: pulumi.ResourceHook[];
  /** Runs where an image or a container can't be made. */
  onError: pulumi.ErrorHook;
}

/** Declares what stands beside both colors, each under its own name on the stack's network. Returns the containers. */
export const declareAccessories = (args: AccessoriesArgs, parent: pulumi.Resource): docker.Container[] =>
  Object.entries(args.accessories).map(([name, accessory]) => declareAccessory(name, accessory, args, parent));

function declareAccessory(
  name: string,
  accessory: AccessorySettings,
  { owner, network, volumes, keep, after, beforePull, beforeCreate, afterCreate, onError }: AccessoriesArgs,
  parent: pulumi.Resource,
): docker.Container {
  const called = logicalName(owner, accessoryName(name));
  const kept = keep.includes(name);
  const { image, environment = {}, mem_limit, stop_grace_period: grace = GRACE_SECONDS, ...keys } = accessory;
  const pulled = new docker.RemoteImage(
    called,
    { name: image, keepLocally: true },
    {
      ...{ parent, ...(kept && { ignoreChanges: ["*"] }), dependsOn: after },
      hooks: { beforeCreate: [beforePull], onError: [onError] },
    },
  );
  return new docker.Container(
    called,
    {
      ...{ restart: "unless-stopped", mustRun: false, ...LOGGING, stopTimeout: grace, destroyGraceSeconds: grace },
      ...(mem_limit !== undefined && { memory: mem_limit }),
      ...containerInputs(keys as NamedKeys, false, (volume) => volumes.nameOf(volume, undefined)),
      name: containerName(owner, accessoryName(name)),
      image: pulled.imageId,
      envs: Object.entries(environment)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([variable, value]) => pulumi.secret(`${variable}=${value}`)),
      labels: labelList({
        ...keys.labels,
        ...ownerLabels(owner),
        [LABEL.role]: "accessory",
        [LABEL.accessory]: name,
        [LABEL.spec]: JSON.stringify(accessorySpec(accessory)),
      }),
      networksAdvanced: [
        { name: network, aliases: [name] },
        ...(keys.networks ?? []).map((other) => ({ name: other })),
      ],
    },
    {
      ...{ parent, ...changeOptions(kept), dependsOn: after },
      hooks: { beforeCreate: [beforeCreate], afterCreate, onError: [onError] },
    },
  );
}
