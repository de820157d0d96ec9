import { isStable } from "../service/serving";
import type { World } from "../service/world";
import type { Settings } from "../settings/settings";

/**
 * Whether a run takes the public back to a release that was stable in its color: running still, or stopped or removed since. What holds
 * a release up that nobody has tried must not hold up this.
 */
export function isWayBack({ serving, slots }: World, settings: Pick<Settings, "activeColor" | "slots">): boolean {
  const { activeColor } = settings;
  if (serving === undefined || serving.color === activeColor) return false;
  const { version, image = "" } = settings.slots[activeColor];
  const containers = slots[activeColor];
  const isSame = containers.every(
    // One that does not say what it was made from is taken for what the settings say.
    ({ made }) => made.definition === undefined || (made.version === version && made.image === image),
  );
  if (isSame && isStable(serving.record, activeColor, containers)) return true;
  const { retired } = serving.record;
  return (
    retired?.color === activeColor && retired.stable === true && retired.version === version && retired.image === image
  );
}
