import { LineCounter, parseDocument } from "yaml";
import { COLORS, type Color } from "../stacks/service/color";
import { type Host, OWN_ENGINE, orderedHosts } from "../stacks/service/hosts";
import { isObject, jsonIn } from "../stacks/text/json";
import { shown } from "../stacks/text/plain";
import { CantTellError } from "./outcome";

/** What a stack's file says of what has to be known to look at the stack. */
export interface StackFile {
  active: { color: Color } | { problem: string };
  /** The engine's address, where it is set. */
  host?: string;
  /** The hosts that it names, the lead first; absent where it names none. */
  hosts?: readonly Host[];
  limits: Limits;
}

/** From when on answers are too bad, as the watch of a switch has it; absent where no file says. */
export interface Limits {
  /** The setting maxErrorPercent. */
  maxErrorPercent?: number;
  /** The setting maxP95Seconds, where it is more than 0. */
  maxP95Seconds?: number;
}

/** Ends a command at a file that it can't make sense of; the message names the file and never shows of it what could be a secret. */
const fileError = (reason: string, mend?: string): CantTellError =>
  new CantTellError(reason, mend === undefined ? [] : [{ purpose: "mend it", command: mend }]);

/** The project's name, out of Pulumi.yaml. */
export function projectIn(text: string): string {
  const { name } = valuesIn("Pulumi.yaml", text);
  if (typeof name !== "string" || !/^[A-Za-z0-9_.-]{1,100}$/.test(name)) {
    throw fileError("Pulumi.yaml has no name that is a project's");
  }
  return name;
}

/** The limits that hold where a stack's file sets none, out of Pulumi.yaml. */
export function defaultLimits(text: string): Limits {
  const { config } = valuesIn("Pulumi.yaml", text);
  return limitsIn((name) => {
    const setting = isObject(config) ? config[name] : undefined;
    return isObject(setting) ? setting.default : undefined;
  });
}

/** A value that can't be read, such as a secret, counts as none: `pulumi up` is what refuses it. */
function limitsIn(settingOf: (name: string) => unknown, defaults: Limits = {}): Limits {
  const number = (name: keyof Limits) => {
    const value = settingOf(name);
    const isNumber = typeof value === "number" || (typeof value === "string" && /^\d{1,6}(\.\d{1,6})?$/.test(value));
    return isNumber && Number.isFinite(Number(value)) && Number(value) >= 0 ? Number(value) : defaults[name];
  };
  const [maxErrorPercent, maxP95Seconds] = [number("maxErrorPercent"), number("maxP95Seconds")];
  return { ...(maxErrorPercent !== undefined && { maxErrorPercent }), ...(maxP95Seconds && { maxP95Seconds }) };
}

/** What has to be known, out of `Pulumi.<stack>.yaml`. */
export function stackIn(file: string, text: string, project: string, defaults: Limits = {}): StackFile {
  const settings = configIn(file, text);
  const host = hostIn(file, settings);
  const hosts = hostsIn(file, settings[`${project}:hosts`]);
  const limits = limitsIn((name) => settings[`${project}:${name}`], defaults);
  return {
    active: activeIn(file, settings[`${project}:activeColor`]),
    ...(host !== undefined && { host }),
    ...(hosts.length > 0 && { hosts }),
    limits,
  };
}

/** All that a stack's file sets, by whole names; what is secret is an object with the key `secure`. */
export function configIn(file: string, text: string): Record<string, unknown> {
  const { config } = valuesIn(file, text);
  return isObject(config) ? config : {};
}

function activeIn(file: string, value: unknown): StackFile["active"] {
  const color = COLORS.find((each) => each === value);
  if (color !== undefined) return { color };
  if (value === undefined) return { problem: `activeColor is not set in ${file}` };
  const given = isObject(value) ? "[not shown]" : shown(value);
  return { problem: `activeColor in ${file} is ${given}, which is neither blue nor green` };
}

/** As the program itself takes it (stacks/settings/dockerProvider.ts). */
function hostIn(file: string, settings: Record<string, unknown>): string | undefined {
  const set = "pulumi config set docker:host '<scheme://address>'";
  if ("docker:context" in settings) {
    throw fileError(`docker:context in ${file} is not supported`, `pulumi config rm docker:context && ${set}`);
  }
  const host = settings["docker:host"];
  if (host === undefined || host === "") return undefined;
  if (isObject(host)) throw fileError(`docker:host in ${file} is a secret, and commands need it as DOCKER_HOST`, set);
  if (!isAddress(host)) throw fileError(`docker:host in ${file} is ${shown(host)}, which is no engine's address`, set);
  return host;
}

const isAddress = (value: unknown): value is string =>
  typeof value === "string" && /^[a-z]+:\/\/[!-~]{1,1000}$/.test(value);

/** What commands need of the setting `hosts`; the program judges the rest of it (stacks/settings/hosts.ts). */
function hostsIn(file: string, value: unknown): readonly Host[] {
  const given = typeof value === "string" ? jsonIn(value) : value;
  if (value === undefined || value === "") return [];
  const fail = (rule: string): never => {
    throw fileError(`hosts in ${file} ${rule}`, "pulumi config set --path 'hosts.<name>' '<address>'");
  };
  if (!isObject(given)) return fail("is no list of engines' addresses by name");
  if ("secure" in given) return fail("is a secret, and commands need it");
  const hosts = Object.entries(given).map(([name, address]): Host => {
    if (!/^[a-z][a-z0-9]{0,19}$/.test(name)) return fail(`has ${shown(name)}, which is no host's name`);
    if (address === OWN_ENGINE) return { name };
    // Not shown: a wrong one may hold a password.
    return isAddress(address) ? { name, address } : fail(`has no engine's address for ${name}`);
  });
  return orderedHosts(hosts);
}

/** The top level of a YAML file. Its errors would quote the file: only the place is told. */
function valuesIn(file: string, text: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) throw fileError(`${file} is not valid YAML (line ${lines.linePos(error.pos[0]).line})`);
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    throw fileError(`${file} is YAML that can't be resolved`);
  }
  return isObject(value) ? value : {};
}
