import { COLORS, other } from "../service/color";
import { RECOVERY } from "../service/names";
import { definedIn } from "../service/slotSpec";
import type { UnknownWorld, World } from "../service/world";
import type { Settings } from "../settings/settings";
import type { Plan } from "./situation";

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

/** Returns the plan that declares both colors as they are: what runs, how many containers there are, and whether one was stopped. */
export function keepWhatRuns(plan: Plan, world: World | UnknownWorld): Plan {
  if ("unknown" in world) return plan;
  const { serving } = world;
  const [containers, keep, runs] = [{ ...plan.containers }, { ...plan.keep }, { ...plan.runs }];
  for (const color of COLORS) {
    const slot = world.slots[color];
    // Not how many there are: where the second of three is gone, the third one must be declared under its own name.
    containers[color] = Math.max(0, ...slot.map(({ replica }) => replica));
    keep[color] = slot.length > 0;
    runs[color] = { ...runs[color], ...definedIn(slot[0]), ...(serving && { replicas: serving.replicas[color] }) };
  }
  const retired = serving?.record.retired;
  const idle = serving === undefined ? plan.idle : retired?.color === other(serving.color) ? retired.how : "running";
  return { ...plan, containers, keep, runs, idle, mend: undefined };
}
