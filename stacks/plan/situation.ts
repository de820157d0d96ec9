import type { Color } from "../service/color";
import type { Host } from "../service/hosts";
import type { BesideName, ReplicaName, ServiceId } from "../service/names";
import type { Found } from "../service/needs";
import type { RetiredColor, Serving } from "../service/serving";
import type { SlotSpec } from "../service/slotSpec";
import type { BuiltImage, UnknownWorld, World } from "../service/world";
import type { AccessorySettings } from "../settings/container/named";
import type { Settings } from "../settings/settings";
import type { StateFindings } from "./stateProblem";

/** What a run is going to do, decided before any resource is declared. */
export interface Plan {
  /** Why this run must not happen; empty where it may. Each names what to do instead. */
  refusals: string[];
  /** What the person who reads the preview should know. */
  warnings: string[];
  /** What is going to happen to the public, in a line. */
  notes: string[];
  /** The share of new visitors that the idle color gets, in percent: the setting, but for where a switch has ended that. */
  canaryPercent: number;
  /** Per color, the release that its image is built as; undefined where the image is pulled. */
  build: Record<Color, BuiltImage | undefined>;
  /** What stays as it is, whatever the settings say by now: the proxy, and the color that is live when the run begins. */
  keep: Record<Color | "proxy", boolean>;
  /** What the live color does not run yet of the settings; it takes them on the first run after it has become idle. */
  pending: string[];
  /** What each color runs when this run has ended well. */
  runs: Record<Color, Runs>;
  /** How many containers each color has; none where it is removed. */
  containers: Record<Color, number>;
  /** What becomes of the idle color. */
  idle: "running" | RetiredColor["how"];
  /** The colors' containers that are gone and that this run makes again, of which Pulumi's state doesn't know that. */
  again: (ReplicaName | BesideName)[];
  /** The accessories that are declared, by name: those of the settings, and those that stay although they are not in them. */
  accessories: Record<string, AccessorySettings>;
  /** Those of them that stay as they are. */
  keptAccessories: string[];
  /** Whether those that are made come after the cutover: in a way back nothing that is wrong with them may hold up the public. */
  accessoriesLast: boolean;
  /** The proxy that this run replaces on purpose. */
  replacedProxyId: string | undefined;
  /**
   * Set where Pulumi's state says that nothing is to be done, while the proxy serves something else: has the cutover run again.
   * Differs from what it was in any run before.
   */
  mend: string | undefined;
  /** Whether the public has a color already: without one there is nothing to guard, and the active color comes first. */
  first: boolean;
}

/** What a color runs, as far as the proxy and people need it. */
export type Runs = Pick<SlotSpec, "version" | "image" | "appPort" | "healthPath"> & {
  /** How many containers requests go to; none where it is stopped or removed. */
  replicas: number;
};

/** What {@link decide} decides from. */
export interface Situation {
  owner: ServiceId;
  settings: Settings;
  world: World | UnknownWorld;
  /** The hash of the sources as they are now (see source.ts). */
  source: string;
  /** What the proxy would be made from now (see proxy.ts): a change of any of it replaces the container. */
  proxy: Record<string, unknown>;
  /** What each color would be made from now (see slot.ts). */
  slots: Record<Color, SlotSpec>;
  /** The generation of the configuration (see serving.ts) that the settings ask for with colors that run this. */
  generation: (plan: Pick<Plan, "runs" | "canaryPercent">) => string;
  /** Why the proxy's files can't be what the settings ask for, and what is to be known of them. */
  files?: { problems: string[]; warnings: string[] };
  /** The host that it is decided for, where the setting `hosts` names any. */
  host?: Host;
  /** What the engine has of what the colors' containers need; undefined where it was not asked. */
  found?: Found | undefined;
  /** The other services of the program. */
  others?: readonly OtherService[];
  /** What Pulumi's own state says beside it (see stateProblem.ts). */
  state?: StateFindings;
  now: Date;
  /** Whether this is a preview, which may go on where no engine answers. */
  preview: boolean;
  /** Whether this is the preview of `npm run recover`, which declares what runs (see recovery.ts). */
  recovers?: boolean;
  /** Whether a policy pack looks at this run (see policyPack.ts). */
  policyPack?: boolean;
  /** Whether the stack has secrets and an empty passphrase (see passphrase.ts): whoever reads its file can read them. */
  openSecrets?: boolean;
  /** How many columns the terminal has in which this run was typed, where there is one. */
  columns?: number | undefined;
  /** The engine's address, where it is not the local socket: `docker:host`, otherwise DOCKER_HOST. */
  dockerHost?: string;
}

/** Another service of the same program, whose accessories may want the same folders. */
export interface OtherService {
  owner: ServiceId;
  settings: Pick<Settings, "accessories">;
}

/** A situation in which the engine answers. */
export type Known = Situation & { world: World };

/** A situation in which the public has a color already. */
export type Served = Known & { serving: Serving };

/** What one decision adds to the plan (see {@link withPart}). */
export interface Part {
  refusals?: string[];
  warnings?: string[];
  notes?: string[];
  canaryPercent?: number;
  build?: Partial<Plan["build"]>;
  keep?: Partial<Plan["keep"]>;
  pending?: string[];
  runs?: Partial<Plan["runs"]>;
  containers?: Partial<Plan["containers"]>;
  idle?: Plan["idle"];
  again?: Plan["again"];
  accessories?: Plan["accessories"];
  keptAccessories?: string[];
  accessoriesLast?: boolean;
  replacedProxyId?: string | undefined;
  mend?: string | undefined;
}

/** Returns the plan with a part: texts are added, the first reason to mend stays, and anything else is the part's where it has it. */
export const withPart = (plan: Plan, part: Part): Plan => ({
  ...plan,
  ...part,
  refusals: [...plan.refusals, ...(part.refusals ?? [])],
  warnings: [...plan.warnings, ...(part.warnings ?? [])],
  notes: [...plan.notes, ...(part.notes ?? [])],
  again: [...plan.again, ...(part.again ?? [])],
  build: { ...plan.build, ...part.build },
  keep: { ...plan.keep, ...part.keep },
  runs: { ...plan.runs, ...part.runs },
  containers: { ...plan.containers, ...part.containers },
  mend: plan.mend ?? part.mend,
});
