import { createHash } from "node:crypto";
import type { Docker } from "../engine/docker";
import { readScript, shell } from "../engine/scripts";
import { isObject, objectIn } from "../text/json";
import { printable } from "../text/plain";
import { COLORS, type Color, isColor } from "./color";
import { type HealthAnswer, type HealthAnswers, healthAnswers } from "./healthAnswer";
import type { Who } from "./who";

/** Stands in the template where the configuration tells its own generation, so that a switch changes one line and not two. */
export const GENERATION_PLACEHOLDER = "@GENERATION@";

/** What the proxy serves, in its own words. */
export interface Serving {
  /** Hash of the configuration that serves, as it was rendered (see {@link generationOf}). */
  generation: string;
  /** The color that the public sees: **live**. */
  color: Color;
  /** Whether nginx itself said so; otherwise it is what the file says that nginx would start with. */
  answers: boolean;
  /** Whether the file is another than the one that the cutover wrote: somebody changed it by hand. */
  edited: boolean;
  /** Generation that Pulumi's state holds, as the latest run that ended well found it. */
  declared?: string;
  /** The share of new visitors that goes to the idle color, in percent. */
  canaryPercent: number;
  /** How many containers of each color requests go to. */
  replicas: Record<Color, number>;
  /** The fingerprint of the pair that it speaks TLS with (see tls.ts). */
  tls?: string;
  /** Who carries out a cutover in this proxy at this moment. */
  busy?: string;
  record: CutoverRecord;
  /** How each container that requests may go to answered its health path through nginx, where they were asked. */
  health?: HealthAnswers;
  /** Whether everybody but testers meets the maintenance page. */
  maintenance?: boolean;
  /** The engine's clock, in seconds since 1970: ours may be another one. */
  now?: number;
  /** The latest cutovers, oldest first, as they are written in the history. */
  history: HistoryEntry[];
}

/** What the cutovers leave on the proxy's volume for the runs after them. */
export interface CutoverRecord {
  /** A switch that has begun and was not watched to its end: what served before it, and to where it goes. */
  moving?: { from: Color; generation: string; to: Color };
  /** Per color, the containers (ids, sorted) that went through their bake time while live. */
  stable: Partial<Record<Color, string[]>>;
  /** The containers (ids) that were well with visitors as a canary. */
  tried?: string[];
  /** The share of new visitors that the idle color took and was well with, in percent. */
  canary?: number;
  /** The setting `canaryPercent` that a switch has ended: as long as it stays the same it begins no other canary. */
  endedCanary?: number;
  /** What visitors' cookies mean, where there are sessions. */
  sessions?: Sessions;
  /** Since when the live color is live; ISO 8601, UTC. */
  since?: string;
  /** The idle color that is stopped or removed on purpose, and the release that it had then. */
  retired?: RetiredColor;
  /** What was taken from a color by hand, until a `pulumi up` agrees to it. */
  putBack?: PutBack;
}

/** A way back that was taken by hand (`npm run rollback`), past Pulumi: a run must not take it forward again by itself. */
export interface PutBack {
  /** The color that the public, or the canary's visitors, were taken from. */
  from: Color;
  /** The release that it had. */
  version: string;
  /** Its image as the setting names it; empty where `app/` is built. */
  image: string;
  /** The share of new visitors that it had as a canary, in percent; absent where all of the public was on it. */
  canaryPercent?: number;
  /** When; ISO 8601, UTC. */
  time: string;
  /** By whom, in a word: `ann@build-7`. */
  by: string;
}

/** A color whose containers were stopped or removed since it is idle. */
export interface RetiredColor {
  color: Color;
  how: "stopped" | "removed";
  version: string;
  /** The image as the setting names it; empty where `app/` is built. */
  image: string;
  /** Whether it had been stable. */
  stable?: boolean;
}

/** What a color's visitors have in their cookie. */
export interface Session {
  /** Told to nobody else, and not to be guessed. */
  word: string;
  /** Until when it names the color, in seconds since 1970; 0 for not any more; without an end where it is absent. */
  until?: number;
}

/** The sessions of both colors. */
export type Sessions = Record<Color, Session>;

/**
 * How a cutover ended. `interrupted` stands in the history from just before the public is moved until the cutover ends: it stays there
 * when the run was killed. `unready` is no cutover: the image of a color could not be pulled, or the new container of a color or of an accessory did not
 * become healthy.
 */
export type Result = (typeof RESULTS)[number] | "interrupted" | "unready";

/** How a cutover ends that was not cut off. */
export const RESULTS = ["first", "switched", "instant", "canary", "refused", "reverted", "failed", "reloaded"] as const;

/** Those after which `to` is live; after the others it is `from`. */
const MOVED: readonly string[] = ["first", "switched", "instant", "canary", "reloaded", "interrupted"];

/** One line of the history. */
export interface HistoryEntry {
  /** When it began, as of the machine that ran it; ISO 8601, UTC. */
  time: string;
  result: Result;
  /** The live color before; absent in the first run. */
  from?: Color;
  to: Color;
  /** The release in each of the two colors at that time. */
  versions: Partial<Record<Color, string>>;
  /** The image of each of the two colors at that time, by id. */
  images: Partial<Record<Color, string>>;
  /** The hash of the sources that each was built from, where it was. */
  sources?: Partial<Record<Color, string>>;
  /** How long each step took, in seconds. */
  seconds: Record<string, number>;
  /** Answers of the new color that were watched after the switch. */
  requests?: number;
  /** The share of new visitors that goes to the idle color since then, in percent. */
  canaryPercent?: number;
  /** The accessory's container (id) that did not become healthy, where it is about one. */
  accessory?: string;
  /** Why it did not stay, or what was put right, in words. */
  reason?: string;
  /** Who ran it. */
  who?: Who;
}

/** The history's bound, in lines. */
export const MOST_HISTORY_LINES = 1000;

/** So many of them a run looks at: the latest ones may be of runs that moved nobody. */
export const RECENT_HISTORY_LINES = 20;

/** The most characters of a reason: it may quote what a container wrote. */
const MOST_REASON_CHARACTERS = 500;

/** A line of the history. Its time comes first: by that a cutover finds its own line again. */
export function historyLine({ time, reason, ...entry }: HistoryEntry): string {
  const cut = reason?.slice(0, MOST_REASON_CHARACTERS);
  return JSON.stringify({ time, ...entry, ...(cut !== undefined && { reason: cut }) });
}

/** The color that was live after this line of the history. */
export const liveAfter = ({ result, from, to }: Pick<HistoryEntry, "result" | "from" | "to">): Color =>
  !MOVED.includes(result) && isColor(from) ? from : to;

/** The latest line of the history that tells of the public's move from one color to the other. */
export const latestSwitch = ({ history }: Pick<Serving, "history">): HistoryEntry | undefined =>
  history.findLast(({ result, from, to }) => MOVED.includes(result) && isColor(from) && from !== to);

/** The hash by which a rendered configuration is told from any other. */
export const generationOf = (configuration: string): string =>
  createHash("sha256").update(configuration).digest("hex").slice(0, 16);

/** How long a container may take to answer its health path where somebody wants to know how it is, in seconds. */
export const HEALTH_SECONDS = 5;

/** The same where a run is decided, which a container that hangs must not hold up for long. */
export const RUN_HEALTH_SECONDS = 2;

/** Asks nginx and reads its volume (see nginx/read.sh). */
export const READ = readScript("read");

/**
 * What the proxy serves now, read from itself; undefined where it serves nothing yet, as in a first run.
 *
 * @param proxy the container's name or id.
 * @param asked how many lines of the history, and for how many seconds at most each container may answer its health path; 0 asks none.
 * @throws DockerError where the container can't be asked.
 */
export async function readServing(
  docker: Docker,
  proxy: string,
  asked: { history?: number; healthSeconds?: number } = {},
): Promise<Serving | undefined> {
  const { history = RECENT_HISTORY_LINES, healthSeconds = 0 } = asked;
  const variables = ["-e", `HISTORY=${history}`, "-e", `HEALTH=${healthSeconds}`];
  return servingOf(await docker.ask("exec", ...variables, proxy, ...shell("read")));
}

/** The last of a script's lines that begin with this word, without the word; "" where there is none. */
export const lastLine = (text: string, word: string): string =>
  text
    .split("\n")
    .findLast((line) => line.startsWith(`${word} `))
    ?.slice(word.length + 1) ?? "";

/** Makes sense of what {@link READ} printed. */
export function servingOf(text: string): Serving | undefined {
  const lines = text.split("\n").map((line) => [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)] as const);
  const last = (word: string) => lastLine(text, word);
  const answer = last("answer").trim().split(" ");
  const file = last("file").trim().split(" ");
  const history = lines.filter(([name]) => name === "history").flatMap(([, line]) => entryOf(line));
  const [generation = "", said] = isColor(answer[1]) ? answer : file;
  // A hand has spoilt the very word: what it was is told by the latest cutover.
  const [latest] = history.slice(-1);
  const color = isColor(said) ? said : latest && liveAfter(latest);
  if (color === undefined) return undefined;
  const declared = last("declared").trim();
  const busy = lines.find(([name]) => name === "busy")?.[1];
  const health = healthAnswers(text);
  const tls = last("tls").trim();
  const [, blue = 0, green = 0] = /^(\d{1,3}) (\d{1,3})$/.exec(last("replicas"))?.map(Number) ?? [];
  return {
    generation,
    color,
    answers: isColor(answer[1]),
    edited: file[0] !== generation || file[1] !== color,
    ...(declared !== "" && { declared }),
    canaryPercent: Number(last("canary")) || 0,
    replicas: { blue, green },
    ...(tls !== "" && { tls }),
    ...(busy !== undefined && { busy: busy.trim() || "nobody knows who" }),
    record: recordOf(last("record")),
    ...(Object.keys(health).length > 0 && { health }),
    ...(last("maintenance").trim() === "on" && { maintenance: true }),
    ...(/^\d{1,12}$/.test(last("now").trim()) && { now: Number(last("now")) }),
    history,
  };
}

/** Returns how a color is that was asked: well where any of its containers is; undefined where none was asked. */
export function colorHealth(health: HealthAnswers | undefined, color: Color): HealthAnswer | undefined {
  const answers = Object.entries(health ?? {}).flatMap(([name, answer]) =>
    name.split("-")[0] === color ? [answer] : [],
  );
  return answers.find(({ well }) => well) ?? answers[0];
}

/** A file that a hand has spoilt counts as one that isn't there: what it forgets is that a color was stable. */
function recordOf(text: string): CutoverRecord {
  const { moving, stable, tried, canary, endedCanary, sessions, since, retired, putBack } = objectIn(text) ?? {};
  const ids = (color: Color) => {
    const list = (stable as Record<string, unknown> | undefined)?.[color];
    return areIds(list) ? { [color]: list } : {};
  };
  return {
    ...(isMoving(moving) && { moving }),
    stable: { ...ids("blue"), ...ids("green") },
    ...(areIds(tried) && { tried }),
    ...(typeof canary === "number" && { canary }),
    ...(typeof endedCanary === "number" && { endedCanary }),
    ...(areSessions(sessions) && { sessions }),
    ...(typeof since === "string" && !Number.isNaN(Date.parse(since)) && { since }),
    ...(isRetired(retired) && { retired }),
    ...(isPutBack(putBack) && { putBack }),
  };
}

const areIds = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((id) => typeof id === "string");

function isMoving(value: unknown): value is NonNullable<CutoverRecord["moving"]> {
  return isObject(value) && isColor(value.from) && isColor(value.to) && typeof value.generation === "string";
}

function isRetired(value: unknown): value is RetiredColor {
  return (
    isObject(value) &&
    isColor(value.color) &&
    (value.how === "stopped" || value.how === "removed") &&
    typeof value.version === "string" &&
    typeof value.image === "string" &&
    (value.stable === undefined || typeof value.stable === "boolean")
  );
}

function isPutBack(value: unknown): value is PutBack {
  return (
    isObject(value) &&
    isColor(value.from) &&
    [value.version, value.image, value.time, value.by].every((text) => typeof text === "string") &&
    (value.canaryPercent === undefined || typeof value.canaryPercent === "number")
  );
}

/** Returns who took a way back by hand and when, in words: `by ann@build-7 at 2026-11-29 03:12 UTC`. */
export const putBackBy = ({ by, time }: PutBack): string =>
  printable(`by ${by} at ${time.slice(0, 16).replace("T", " ")} UTC`);

/** Words go into nginx's configuration: nothing else may. */
function areSessions(value: unknown): value is Sessions {
  return (
    isObject(value) &&
    COLORS.every((color) => {
      const session = value[color];
      return (
        isObject(session) &&
        typeof session.word === "string" &&
        /^[A-Za-z0-9_-]{8,64}$/.test(session.word) &&
        (session.until === undefined || (Number.isSafeInteger(session.until) && Number(session.until) >= 0))
      );
    })
  );
}

function entryOf(line: string): HistoryEntry[] {
  const entry = objectIn(line) ?? {};
  return typeof entry.time === "string" && typeof entry.result === "string" && isColor(entry.to)
    ? [entry as unknown as HistoryEntry]
    : [];
}

/** Whether the color was stable with each of these containers; it may have had more of them. */
export const isStable = (record: CutoverRecord, color: Color, containers: readonly { id: string }[]): boolean =>
  containers.length > 0 && containers.every(({ id }) => record.stable[color]?.includes(id));

/** A container, as far as it says which release it runs. */
interface Released {
  id: string;
  version: string;
  made: { image?: string };
}

/**
 * Whether a color has the release with which it was stable: in a container that it has still, or, where it was stopped or removed since,
 * by what was written down then.
 */
export function hasStableRelease(record: CutoverRecord, color: Color, containers: readonly Released[]): boolean {
  const { retired } = record;
  const isOf = (version: string, image = "") =>
    containers.length > 0 &&
    containers.every(({ made, ...one }) => one.version === version && (made.image ?? "") === image);
  const known = containers.find((container) => isStable(record, color, [container]));
  if (known !== undefined && isOf(known.version, known.made.image)) return true;
  return retired?.color === color && retired.stable === true && isOf(retired.version, retired.image);
}

/** Notes beside the configuration what Pulumi's state holds; whole or not at all, since it travels as an argument. */
export async function writeDeclared(docker: Docker, proxy: string, generation: string): Promise<void> {
  await docker.ask("exec", proxy, ...shell("declare", generation));
}

/** Appends a line to the history from outside of a cutover. */
export async function remember(docker: Docker, proxy: string, entry: HistoryEntry): Promise<void> {
  await docker.ask("exec", proxy, ...shell("remember", MOST_HISTORY_LINES, historyLine(entry)));
}
