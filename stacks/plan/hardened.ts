import { imageNamed } from "../engine/image";
import { COLORS, type Color } from "../service/color";
import type { UnknownWorld, World } from "../service/world";
import type { Settings } from "../settings/settings";

/** Returns the settings in which each color says whether it runs with the strict set (see slotContainer.ts). */
export function withHardening(settings: Settings, world: World | UnknownWorld): Settings {
  const slotOf = (color: Color) => ({ ...settings.slots[color], hardened: isHardened(color, settings, world) });
  return { ...settings, slots: { blue: slotOf("blue"), green: slotOf("green") } };
}

/**
 * Whether a color runs with the strict set: where the setting says so, and a release of `app/` otherwise. An image of somebody else's runs
 * as it was made to, but for a stack that has run such images with the strict set, as all did before 2026-12: it keeps what it has.
 */
function isHardened(color: Color, { hardened, registry, slots }: Settings, world: World | UnknownWorld): boolean {
  if (hardened !== undefined) return hardened;
  const { image } = slots[color];
  if (image === undefined || (registry !== undefined && isIn(registry, image))) return true;
  if ("unknown" in world) return false;
  const others = COLORS.flatMap((one) => world.slots[one]).filter(
    ({ made }) => made.image && !(registry !== undefined && isIn(registry, made.image)),
  );
  return others.length > 0 && others.every(({ made }) => made.hardened !== false);
}

/** Whether an image is in the stack's own registry, where `npm run release` puts what was built from `app/`. */
const isIn = (registry: string, image: string): boolean => {
  const [own, named] = [imageNamed(registry), imageNamed(image)];
  return own.host === named.host && own.path === named.path;
};
