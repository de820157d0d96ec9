import { COLORS } from "./color";
import type { Plan } from "./plan";
import type { Settings } from "./settings";
import type { UnknownWorld, World } from "./world";

/** Set by `npm run recover` for its preview, which declares what runs instead of what the settings ask for. */
export const RECOVERY = "BLUE_GREEN_RECOVERY";

/** Whether this is the preview of `npm run recover`: it is never believed in a run that could change something. */
export const isRecovery = (env: NodeJS.ProcessEnv, preview: boolean): boolean => preview && env[RECOVERY] === "preview";

/** The settings as what runs has them: a switch or a release that is asked for waits for the `pulumi up` after the recovery. */
export function settingsThatRun(settings: Settings, world: World | UnknownWorld): Settings {
  if ("unknown" in world || world.serving === undefined) return settings;
  const slots = { ...settings.slots };
  for (const color of COLORS) {
    const made = world.slots[color][0]?.made;
    if (made?.version === undefined) continue;
    const { image: _, ...slot } = slots[color];
    slots[color] = { ...slot, version: made.version, ...(made.image && { image: made.image }) };
  }
  return {
    ...{ ...settings, slots, activeColor: world.serving.color, canaryPercent: world.serving.canaryPercent },
    ...{ canaryFirst: false, allowLiveReplace: false, allowProxyReplace: false },
  };
}

/** Has both colors and as many containers of them declared as there are. */
export function keepWhatRuns(plan: Plan, world: World | UnknownWorld): void {
  if ("unknown" in world) return;
  for (const color of COLORS) {
    const { length } = world.slots[color];
    plan.containers[color] = length;
    plan.keep[color] = length > 0;
  }
  plan.mend = undefined;
}
