import { objectIn } from "../text/json";
import type { Color } from "./color";
import type { RetiredColor } from "./serving";

/**
 * What a run found and what it is going to do, as `npm run preview` reads it: said by the program itself, since only the program
 * has asked the proxy who is live. Holds no secret.
 */
export interface Decision {
  /** How the names of the service's containers begin, e.g. `blue-green-dev-`. */
  containers: string;
  /** Why it isn't known what runs, for people; absent where it is. */
  unknown?: string;
  /** The hosts that the run goes on without, since they do not answer; absent where there are none. */
  missing?: readonly string[];
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
  idle: "running" | RetiredColor["how"];
  /** The share of new visitors that the idle color has, and gets, in percent. */
  canaryPercent: { before: number; after: number };
  /** Whether everybody but testers gets 503 and the maintenance page. */
  maintenance: { before: boolean; after: boolean };
  /** What live does not take yet of the settings. */
  pending: string[];
  refusals: string[];
  warnings: string[];
  notes: string[];
}

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
