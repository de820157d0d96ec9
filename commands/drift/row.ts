import { type Color, other } from "../../stacks/service/color";
import { activeIn } from "../../stacks/service/configuration";
import type { GatewayServing } from "../../stacks/service/gateway";
import type { ServiceId } from "../../stacks/service/names";
import type { Serving } from "../../stacks/service/serving";
import type { Running } from "./engine";
import type { Step } from "./preview";
import { type Declared, hasGateway } from "./state";

/** What mends a difference. */
export type Mend =
  /** The resource made anew; `remove` is the container in its way, which carries the stack's labels. */
  | { by: "replace"; urn: string; remove?: string }
  /** A run that carries out what is declared. */
  | { by: "up" }
  /** The same, after the state has been made to say what there is. */
  | { by: "refresh" }
  /** A command of the docker client's that replaces and removes nothing; `start` is the container that comes up by it. */
  | { by: "docker"; args: string[]; start?: string }
  /** What `--fix` does not do: why, and what to type. */
  | { by: "hand"; why: string; command: Command };

/** A command as it is typed on whatever engine and stack this is. */
export type Command =
  | { docker: string[] }
  | { up: string[] }
  | { activate: Color }
  | { endCanary: true }
  | { status: true }
  | { typed: string };

/** One difference between what is declared and what runs. */
export interface Row {
  /** `green`, `proxy`, `network`, `image green`, ...; `shop-green`, `shop network` and so on of a service by name. */
  resource: string;
  /** The service's name, where it has one. */
  service?: string;
  what: string;
  /** Undefined where nothing is declared. */
  declared: string | undefined;
  /** Undefined where nothing runs. */
  runs: string | undefined;
  mend: Mend;
}

/** All that is compared of a stack. */
export interface Compared {
  /** Of each of its services, and of the gateway; of a service alone without a name. */
  services: Facts[];
  /** What `pulumi refresh` found changed, and what `pulumi preview` finds to be done. */
  refreshed: Step[];
  pending: Step[];
  /** Why `pulumi preview` says that the configuration can't be carried out. */
  refused: string | undefined;
}

/** What is compared of one service. */
export interface Facts {
  owner: ServiceId;
  declared: Declared;
  running: Running;
  /** What the proxy says; undefined where it does not run or serves nothing. */
  serving: Serving | undefined;
  /** nginx's configuration on the volume, and the hashes (SHA-256) of the files beside it, by name; where the proxy runs. */
  volume: { configuration: string; files: Record<string, string> } | undefined;
  /** What the gateway says; of the gateway alone, where it runs. */
  gateway?: GatewayServing;
  now: Date;
}

/** What is said of a change that the settings ask for and that no run has made. */
export const NOT_CARRIED_OUT = "not carried out yet";

export const short = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);

/** A container's name without what all of the stack's have in common. */
export const partOf = ({ project, stack }: ServiceId, name: string): string =>
  name.startsWith(`${project}-${stack}-`) ? name.slice(project.length + stack.length + 2) : name;

/** What a part without a name of its own is called in the table: `network`, `shop network`, `gateway network`. */
export function called({ owner, declared }: Pick<Facts, "owner" | "declared">, part: string): string {
  const of = owner.service ?? (hasGateway(declared) ? "gateway" : undefined);
  return of === undefined ? part : `${of} ${part}`;
}

/** The colors that somebody is on, with who that is: live is the public's, idle may be a canary's or a session's. */
export function visitors({
  serving,
  declared,
  now,
}: Pick<Facts, "serving" | "declared" | "now">): Partial<Record<Color, string>> {
  const live = liveIn({ serving, declared });
  if (live === undefined) return {};
  const idle = other(live);
  const until = (serving?.record.sessions?.[idle].until ?? 0) * 1000;
  const share = serving?.canaryPercent ?? 0;
  return {
    [live]: `${live} is live`,
    ...(until > now.getTime() && { [idle]: `sessions hold on ${idle} until ${new Date(until).toISOString()}` }),
    ...(share > 0 && { [idle]: `${idle} has ${share} % of the new visitors` }),
  };
}

/** Who is live: by the proxy's word, or where it has none by the last cutover. */
export const liveIn = ({ serving, declared }: Pick<Facts, "serving" | "declared">): Color | undefined =>
  serving?.color ?? activeIn(declared.cutover?.configuration ?? "");
