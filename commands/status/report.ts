import type { Color } from "../../stacks/service/color";
import type { Result } from "../../stacks/service/serving";
import type { CantTell, NextCommand } from "../outcome";
import type { Answers } from "./answers";

/** How a stack is, or all of its services, or why that can't be told. */
export type Status = Report | Overview | CantTell;

/** How a stack is: this is what `npm run status -- --json` prints. Keys are added to it and never change their meaning. */
export interface Report {
  /** The exit code: 0 well; 1 the public is served, but something is not as it should be; 2 the public gets errors. */
  exit: 0 | 1 | 2;
  level: "well" | "degraded" | "down";
  project: string;
  stack: string;
  /** Which one of the stack's services; absent where it has one alone. */
  service?: string;
  /** When it was asked; ISO 8601, UTC. */
  time: string;
  /** The color that the stack's file asks for; null where it names none. */
  active: Color | null;
  /** The color that the proxy serves, or would when it answered again; null where it serves nothing. */
  live: Color | null;
  /** The colors that went through their bake time with the containers that they have now. */
  stable: Color[];
  /** Whether the active color is live and stable; of several hosts on all of them, with one configuration. */
  agree: boolean;
  /** Each host of a stack with several, the lead first; all else but the findings is then of the first one that can be told of. */
  hosts?: HostReport[];
  colors: Record<Color, ColorReport>;
  proxy: ProxyReport;
  /** The workers of both colors, the accessories, and what watches both colors; the jobs whose container is gone. */
  beside: BesideReport[];
  /** What time the colors' answers are of; null where the access log could not be read. */
  traffic: TrafficReport | null;
  /** What one color does not run yet of what the other one runs; null where both run the same, or one is gone. */
  pending: Pending | null;
  /** What is not as it should be, the worst first. */
  findings: Finding[];
  /** The latest cutovers, newest first. */
  history: CutoverReport[];
  /** What can be typed now, the most useful first. */
  next: NextCommand[];
}

/** How all services of a stack are, where it has several; `--service` prints a {@link Report} of one. */
export interface Overview {
  /** The worst of all of them: 2 and 1 as in a report; 3 where one can't be told and none is worse. */
  exit: 0 | 1 | 2 | 3;
  level: Report["level"] | "unknown";
  project: string;
  stack: string;
  /** When it was asked; ISO 8601, UTC. */
  time: string;
  /** Whether the gateway's container runs; null where the stack has no gateway. */
  gateway: { name: string; running: boolean } | null;
  /** By name. */
  services: Record<string, Report | CantTell>;
  /** What can be typed now, the most useful first. */
  next: NextCommand[];
}

/** One of a stack's several hosts. */
export interface HostReport {
  name: string;
  /** Its engine's address; null for this machine's, or that of DOCKER_HOST. */
  address: string | null;
  level: Report["level"] | "unknown";
  /** The color that its proxy serves; null where it serves nothing, or that can't be told. */
  live: Color | null;
  /** The release in that color. */
  version: string | null;
  /** Since when that color is live there; ISO 8601, UTC. */
  since: string | null;
  /** What that color answered to the public of late; null where the access log could not be read. */
  answers: Answers | null;
  /** The hash of the configuration that serves. */
  generation: string | null;
  /** Whether it serves the color and the configuration that most hosts serve; null where that can't be told, or a cutover runs. */
  agrees: boolean | null;
  /** Why nothing can be told of it, in words; null where something can. */
  reason: string | null;
}

/** A container of a worker or an accessory, or one that watches both colors; of a job only where it is gone. */
export interface BesideReport {
  kind: "worker" | "job" | "accessory" | "monitoring";
  name: string;
  /** The worker's or the job's; null for the others. */
  color: Color | null;
  /** What Docker calls it. */
  container: string;
  /** Docker's word, such as `running` or `exited`; `gone` where it has no such container. */
  state: string;
  restarts: number;
  /** What is wrong with it; null where nothing is, as with an idle color's worker that does not run. */
  problem: string | null;
}

/** One color. */
export interface ColorReport {
  role: "live" | "idle" | null;
  /** The release; null without a container. */
  version: string | null;
  image: {
    /** The id, without its `sha256:`. */
    id: string;
    /** As the setting names it; null where `app/` was built. */
    reference: string | null;
    /** The hash over the sources that were built; null for an image of another origin. */
    source: string | null;
  } | null;
  /** Whether it has containers and all of them are healthy. */
  well: boolean;
  stable: boolean;
  /** What the history knows of its release as live: one that was live and is not stable was made again since. */
  wasLive: "never" | "reverted" | "yes";
  /** Whether its containers were stopped or removed on purpose since it is idle; null where they were not. */
  retired: "stopped" | "removed" | null;
  /** Whether a switch to it would be at once, without gate and bake. */
  instant: boolean;
  containers: ContainerReport[];
  /** The names of containers that nginx asks and that are gone. */
  missing: string[];
  /** What it answered to the public of late; null where the access log could not be read. */
  answers: Answers | null;
}

/** From when the answers are, and whose they are beside the colors'. */
export interface TrafficReport {
  /** How many seconds they cover, up to now. */
  seconds: number;
  /** Whether more was answered in the last minute than status reads: these are the latest of it. */
  sample: boolean;
  /** Answers of nginx alone: the maintenance page, redirects, what it refuses. */
  nginx: number;
}

/** One container of a color. */
export interface ContainerReport {
  id: string;
  name: string;
  /** Docker's word: `running`, `exited`, `paused`, ... */
  state: string;
  /** `healthy`, `starting`, `unhealthy`, by its health path and its image's own health check; null where it does not run or was not asked. */
  health: string | null;
  /** What is wrong with it, in words; null where it is healthy, or stopped on purpose. */
  problem: string | null;
  /** Since when it runs, or does not; ISO 8601, UTC; null where it never ran. */
  since: string | null;
  /** How often the engine has started it again. */
  restarts: number;
  /** How often a process in it was killed for want of memory in the last ten minutes, as far as the engine remembers. */
  kills: number;
}

/** The proxy. */
export interface ProxyReport {
  name: string;
  /** Whether there is a container. */
  exists: boolean;
  running: boolean;
  /** Whether nginx itself said what it serves. */
  answers: boolean;
  /** The hash of the configuration that serves. */
  generation: string | null;
  /** Whether that was changed by hand; null where it can't be read. */
  edited: boolean | null;
  /** The share of new visitors that goes to the idle color, in percent; null where it can't be read. */
  canaryPercent: number | null;
  /** What the live color's health path answered through nginx; null where it could not be asked. */
  health: { well: boolean; seen: string } | null;
  /** The same of the idle color. */
  idleHealth: { well: boolean; seen: string } | null;
  /** Whether everybody but testers gets 503 and the maintenance page; null where it can't be read. */
  maintenance: boolean | null;
  /** Who carries out a cutover at this moment; null where nobody does. */
  busy: string | null;
}

/** What a color does not run yet. */
export interface Pending {
  /** The color whose container was made before the other one's. */
  color: Color;
  /** Each in words, such as `memoryMb 256 -> 512`; of environments the name alone. */
  settings: string[];
}

/** One thing that is not as it should be; a note changes nothing about how the stack is. */
export interface Finding {
  level: "note" | "degraded" | "down";
  text: string;
}

/** One cutover of the history. What is not as the program writes it is null. */
export interface CutoverReport {
  /** When it began; ISO 8601, UTC. */
  time: string | null;
  /** A {@link Result}. */
  result: Result | string;
  from: string | null;
  to: string;
  /** The release in each color at that time. */
  versions: Record<string, string>;
  /** The image of each color at that time, by id. */
  images: Record<string, string>;
  /** How long it took in all. */
  seconds: number | null;
  /** How long each step took. */
  steps: Record<string, number>;
  /** Answers that were watched after the switch. */
  requests: number | null;
  /** The share of new visitors that it gave, or was to give, to the color beside `to`, in percent; null where there was none. */
  canaryPercent: number | null;
  reason: string | null;
  /** Who ran it: a user's name, a machine's, and a CI run's address or number; what is not known is not there. */
  who: Record<string, string>;
}
