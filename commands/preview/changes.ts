import { COLORS, type Color } from "../../stacks/service/color";
import type { Host } from "../../stacks/service/hosts";
import { LABEL } from "../../stacks/service/names";
import { plainVariable, plainVariables } from "../../stacks/service/orderVariables";
import { type SlotInstance, type SlotSpec, specDifferences } from "../../stacks/service/slotSpec";
import { isObject, type JsonObject, jsonIn, objectIn } from "../../stacks/text/json";
import { shown } from "../../stacks/text/plain";
import type { Step } from "./events";

export const CONTAINER = "docker:index/container:Container";
export const COMMAND = "command:local:Command";

/** A line of nginx's configuration that goes, or that comes. */
export type ConfigurationLine = `- ${string}` | `+ ${string}`;

/** The most lines that are compared with each other; a rendered configuration has some hundreds. */
const MOST_LINES = 3000;

/** What of a color's or the proxy's container differs, in words such as `memoryMb 256 -> 512`; of secrets the name alone. */
export function containerChanges({ old, new: now, differs }: Step): string[] {
  const labels = { old: labelsOf(old), now: labelsOf(now) };
  if (LABEL.proxy in labels.old || LABEL.proxy in labels.now)
    return proxyChanges(objectIn(labels.old[LABEL.proxy]) ?? {}, objectIn(labels.now[LABEL.proxy]) ?? {});
  const color = COLORS.find((each) => each === (labels.now[LABEL.color] ?? labels.old[LABEL.color]));
  if (color === undefined) return [];
  return slotChanges(color, makingOf(old, labels.old), makingOf(now, labels.now), differs);
}

function slotChanges(color: Color, before: SlotInstance, after: SlotInstance, differs: string[]): string[] {
  if (before.made.definition === undefined) return [];
  const { own, shared } = specDifferences(color, before, after);
  const all = [...own, ...shared];
  // The values of secrets are not in the events: that one has changed is told by the place where it stands.
  const hasSecrets = (after.made.secretEnvironment ?? []).length > 0;
  const explained = all.some((change) => /^(?:secretE|e)nvironment\./.test(change));
  const secret = hasSecrets && !explained && differs.some((path) => /^envs\b/.test(path));
  return [...all, ...(secret ? ["secretEnvironment (a value)"] : [])];
}

function makingOf(inputs: JsonObject, labels: Record<string, string>): SlotInstance {
  const envs = Array.isArray(inputs.envs) ? inputs.envs.filter((each) => typeof each === "string") : [];
  return {
    made: (objectIn(labels[LABEL.slot]) ?? {}) as Partial<SlotSpec>,
    environment: Object.fromEntries(envs.map((line: string) => line.split(/=(.*)/s).slice(0, 2))),
  };
}

function proxyChanges(before: JsonObject, after: JsonObject): string[] {
  return Object.keys({ ...before, ...after })
    .filter((key) => before[key] !== after[key])
    .map((key) =>
      key === "definition"
        ? "how this program makes the proxy"
        : `${key} ${before[key] ?? "(none)"} -> ${after[key] ?? "(none)"}`,
    );
}

export function labelsOf({ labels }: JsonObject): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of Array.isArray(labels) ? labels : []) {
    if (isObject(entry) && typeof entry.label === "string" && typeof entry.value === "string")
      found[entry.label] = entry.value;
  }
  return found;
}

/** What the cutover gets that no setting names, or that is told elsewhere in the summary. */
const NO_SETTINGS = ["PROXY", "PROJECT", "STACK", "SERVICE", "MEND", "IDLE", "DOCKER_CONTEXT"];

/** What the cutover's variables are called as settings, where that isn't the same in other letters. */
const SETTINGS: Record<string, string> = {
  DOCKER_HOST: "docker:host",
  FILE_TESTER: "testerToken",
  FILE_MAINTENANCE: "the maintenance page",
  FILE_TLSCERTIFICATE: "tlsCertificate",
  FILE_TLSKEY: "tlsKey",
  NOTIFY: "notifyUrl, its kind or its secret",
};

/** What is too long to be shown, or must not be. */
const UNSHOWN = ["SMOKE_TESTS", "NOTIFY"];

/** The settings that a cutover goes by and that differ, such as `bakeSeconds 10 -> 30`. */
export function cutoverChanges({ op, old, new: now, differs }: Step): string[] {
  if (op === "create" || op === "delete") return [];
  const raw = isObject(old.environment) ? old.environment : {};
  const before = plainVariables(raw);
  const rawNow = isObject(now.environment) ? now.environment : {};
  const after = plainVariables(rawNow);
  // A release of this program that calls a variable otherwise changes nothing by that.
  const differing = Object.keys(raw)
    .filter((name) => name in rawNow && differs.includes(`environment.${name}`))
    .map(plainVariable);
  const plainly = (value: unknown) => JSON.stringify(value ?? "");
  return (
    Object.keys({ ...before, ...after })
      .filter((name) => !NO_SETTINGS.includes(name))
      // A secret that has changed looks the same here: Pulumi names the place.
      .filter((name) => plainly(before[name]) !== plainly(after[name]) || differing.includes(name))
      .flatMap((name) => {
        if (name === "HOSTS") return hostsChange(before[name], after[name]) ?? [];
        const setting = SETTINGS[name] ?? camelCase(name);
        // Files and lists are long, and a secret is no text here.
        const isShown = [before[name], after[name]].every((value) => value === undefined || typeof value === "string");
        if (!isShown || name.startsWith("FILE_") || UNSHOWN.includes(name)) return setting;
        return `${setting} ${value(before[name])} -> ${value(after[name])}`;
      })
      .sort()
  );
}

/** What of the hosts that a cutover goes by has changed: their names, or an address; undefined for what no setting names. */
function hostsChange(before: unknown, after: unknown): string | undefined {
  const [was, is] = [hostsIn(before), hostsIn(after)];
  if (was === undefined || is === undefined) return "hosts";
  const words = (hosts: readonly Host[]) => hosts.map(({ name }) => name).join(", ") || "(none)";
  if (words(was) !== words(is)) return `hosts ${words(was)} -> ${words(is)}`;
  const moved = is.filter(({ address }, at) => address !== was[at]?.address).map(({ name }) => name);
  return moved.length === 0 ? undefined : `hosts (the address of ${moved.join(", ")})`;
}

/** The hosts in the cutover's variable; undefined where they are not known yet. */
function hostsIn(variable: unknown): Host[] | undefined {
  if (variable === undefined || variable === "") return [];
  const list = jsonIn(variable);
  if (!Array.isArray(list)) return undefined;
  return list
    .filter(isObject)
    .map(({ name, address }) => ({ name: String(name), ...(typeof address === "string" && { address }) }));
}

const camelCase = (name: string): string =>
  name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const value = (given: unknown): string =>
  given === undefined || given === ""
    ? "(none)"
    : /^[\w.:/@-]{1,80}$/.test(String(given))
      ? String(given)
      : shown(given);

/** The lines of nginx's configuration that a cutover takes out and puts in, in their order; undefined where it can't be shown. */
export function configurationLines({ op, old, new: now }: Step): ConfigurationLine[] | undefined {
  if (op === "create" || op === "delete") return [];
  if (typeof old.stdin !== "string" || typeof now.stdin !== "string") return undefined;
  return changedLines(old.stdin.split("\n"), now.stdin.split("\n"));
}

/** The fewest lines that make one text of the other (longest common subsequence). */
function changedLines(before: string[], after: string[]): ConfigurationLine[] | undefined {
  let [from, to] = [0, 0];
  while (from < before.length && before[from] === after[from]) from++;
  while (to < Math.min(before.length, after.length) - from && before.at(-1 - to) === after.at(-1 - to)) to++;
  const a = before.slice(from, before.length - to);
  const b = after.slice(from, after.length - to);
  if (a.length > MOST_LINES || b.length > MOST_LINES) return undefined;

  // longest[i][j]: of what is left of both from there on.
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = longest[i] as Uint16Array;
    for (let j = b.length - 1; j >= 0; j--)
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: ConfigurationLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) [i, j] = [i + 1, j + 1];
    else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) lines.push(`- ${a[i++]?.trim()}`);
    else lines.push(`+ ${b[j++]?.trim()}`);
  }
  return lines.filter((line) => line.trim().length > 1);
}
