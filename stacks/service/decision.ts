import type { Plan } from "../plan/plan";
import type { Settings } from "../settings/settings";
import { objectIn } from "../text/json";
import { COLORS, type Color } from "./color";
import { containerName, type Owner } from "./names";
import type { UnknownWorld, World } from "./world";

/**
 * What a run found and what it is going to do, as `npm run preview` reads it: said by the program itself, since only the program
 * has asked the proxy who is live. Holds no secret.
 */
export interface Decision {
  /** How the names of the service's containers begin, e.g. `blue-green-dev-`. */
  containers: string;
  /** Why it isn't known what runs, for people; absent where it is. */
  unknown?: string;
  /** Whether the public can meet the proxy when the run begins. */
  proxyRuns: boolean;
  /** The color that the public is on when the run begins; absent where nobody is served, or that isn't known. */
  live?: Color;
  /** The color that the public is to be on. */
  active: Color;
  /** Per color, what runs when the run begins: the release, and how many of its containers run; absent where it has none. */
  before: Partial<Record<Color, { version: string; containers: number; running: number }>>;
  /** Per color, what it is when the run has ended well. */
  after: Record<Color, { version: string; containers: number }>;
  /** What becomes of the color that is idle then. */
  idle: Plan["idle"];
  /** The share of new visitors that the idle color has, and gets, in percent. */
  canaryPercent: { before: number; after: number };
  /** What live does not take yet of the settings. */
  /** Whether everybody but testers gets 503 and the maintenance page. */
  maintenance: { before: boolean; after: boolean };
  pending: string[];
  refusals: string[];
  warnings: string[];
  notes: string[];
}

/** Sums up what a plan was made from and came to. */
export function decisionOf(owner: Owner, settings: Settings, world: World | UnknownWorld, plan: Plan): Decision {
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

/** What a line of the log begins with that holds a decision. */
const BEGINS = "blue-green decision: ";

/** The decision as a line of the log. It goes out as a debug message: people never see it, whoever reads the engine's events does. */
export const decisionLine = (decision: Decision): string => `${BEGINS}${JSON.stringify(decision)}`;

/** The decision that a line of the log holds; undefined for any other line. */
export function decisionIn(line: string): Decision | undefined {
  if (!line.startsWith(BEGINS)) return undefined;
  // Written by this program, of this version: its shape is known.
  return objectIn(line.slice(BEGINS.length)) as Decision | undefined;
}
