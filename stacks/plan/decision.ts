import { COLORS, type Color } from "../service/color";
import type { Decision } from "../service/decision";
import { containerName, type ServiceId } from "../service/names";
import type { UnknownWorld, World } from "../service/world";
import type { Settings } from "../settings/settings";
import type { Plan } from "./situation";

/** Sums up what a plan was made from and came to. */
export function decisionOf(
  owner: ServiceId,
  settings: Settings,
  world: World | UnknownWorld,
  plan: Plan,
  missing: readonly string[] = [],
): Decision {
  const { activeColor: active } = settings;
  const known = "unknown" in world ? undefined : world;
  const unknown = "unknown" in world ? world.reason : (world.silent ?? busy(world));
  const live = known?.serving?.color;
  const before: Decision["before"] = {};
  for (const color of COLORS) {
    const containers = known?.slots[color] ?? [];
    const [first] = containers;
    if (first === undefined) continue;
    const running = containers.filter(({ state }) => state.Running).length;
    before[color] = { version: first.version, containers: containers.length, running };
  }
  const after = (color: Color) => ({ version: plan.runs[color].version, containers: plan.containers[color] });
  return {
    containers: containerName(owner, ""),
    ...(unknown !== undefined && { unknown }),
    ...(missing.length > 0 && { missing }),
    proxyRuns: known?.proxy?.running === true,
    ...(live !== undefined && { live }),
    active,
    before,
    after: { blue: after("blue"), green: after("green") },
    idle: plan.idle,
    canaryPercent: { before: known?.serving?.canaryPercent ?? 0, after: plan.canaryPercent },
    maintenance: { before: known?.serving?.maintenance === true, after: settings.maintenance },
    pending: plan.pending,
    refusals: plan.refusals,
    warnings: plan.warnings,
    notes: plan.notes,
  };
}

/** While a cutover goes on, who is live is about to change. */
const busy = ({ serving }: World): string | undefined =>
  serving?.busy === undefined ? undefined : `a cutover runs in the proxy (${serving.busy})`;
