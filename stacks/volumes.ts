import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { COLORS, type Color } from "./service/color";
import { LABEL, labelList, logicalName, nameOnEngine, ownerLabels, type ServiceId } from "./service/names";
import type { VolumeMount } from "./settings/container/volumes";

/** The volumes that a service's stack has made for its colors. */
export interface SlotVolumes {
  /** Returns a volume's name on the engine; of a color, that of its own one. */
  nameOf(volume: string, color: Color | undefined): pulumi.Input<string>;
}

/** What a volume is called by Pulumi, and behind project and stack by the engine. */
const partOf = (volume: string, color: Color | undefined): string =>
  color === undefined ? `data-${volume}` : `${color}-data-${volume}`;

/** Returns what the engine calls a volume of a service's; of a color, that of its own one. */
export const dataVolumeName = (owner: ServiceId, volume: string, color?: Color): string =>
  nameOnEngine(owner, logicalName(owner, partOf(volume, color)));

/** Volumes of some containers, and whether they may go with the stack. */
export interface VolumeUse {
  mounts: readonly VolumeMount[];
  deletes: boolean;
}

/**
 * Declares the named volumes that containers mount, once for both colors or one for each. They stay on the engine when the stack is
 * destroyed or no longer names them, unless that is asked for: what users saved is in them. Of two uses the first counts.
 */
export function declareVolumes(owner: ServiceId, uses: readonly VolumeUse[], parent: pulumi.Resource): SlotVolumes {
  const made = new Map<string, docker.Volume>();
  const mounts = uses.flatMap(({ mounts, deletes }) => mounts.map((mount) => ({ ...mount, deletes })));
  for (const { type, source, external, perColor, deletes } of mounts) {
    if (type !== "volume" || external) continue;
    for (const color of perColor ? COLORS : [undefined]) {
      const part = logicalName(owner, partOf(source, color));
      if (made.has(part)) continue;
      const labels = labelList({ ...ownerLabels(owner), [LABEL.role]: "data" });
      const name = nameOnEngine(owner, part);
      // Its labels can't be changed any more, and to replace it would lose what is in it.
      const options = { parent, retainOnDelete: !deletes, ignoreChanges: ["*"] };
      made.set(part, new docker.Volume(part, { name, labels }, options));
    }
  }
  return {
    nameOf: (volume, color) =>
      made.get(logicalName(owner, partOf(volume, color)))?.name ?? dataVolumeName(owner, volume, color),
  };
}
