import { shown } from "../text/plain";
import { quoted } from "../text/shell";

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** The setting's name; for a value within a setting its path, as `pulumi config --path` takes it. */
  setting: string;
  /** The value that was given, fit for a terminal: escaped, cut, and `[secret]` where it could be one. */
  given: string;
  /** What is allowed. */
  rule: string;
  /** The command that mends it. */
  mend: string;
}

/** Where a value is within its setting: names and, in lists, indices. */
export type Place = readonly (string | number)[];

/** What an error says of a value at a place that not everybody may read. */
export interface Reserve {
  /** The rule without what was given, where that is in it: for a setting that is secret. */
  bare?: string | undefined;
  /** The value is shown as `[secret]`, whether or not its setting is one. */
  secret?: boolean | undefined;
}

/** Takes what is wrong at a place of a setting: what is allowed, and the command that mends it. */
export type Refuse = (place: Place, rule: string, mend: string, reserve?: Reserve) => void;

/** A longer name is not shown whole. */
const SHOWN_NAME_CHARACTERS = 200;

export const EDIT_BY_HAND = "edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell";

/** `pulumi config set` of a setting or, with the flag `--path`, of a value within one. */
export const setCommand = (path: string, value = "<value>", flags = "") =>
  `pulumi config set ${flags}${quoted(path)} ${quoted(value)}`;

/** `pulumi config rm` of a value within a setting. */
export function removeCommand(setting: string, ...place: Place): string {
  // In the CLI's grammar a backslash before the closing quote makes the quote part of the name.
  const isReachable = (name: string | number) => typeof name === "number" || (isTypable(name) && !name.endsWith("\\"));
  return place.every(isReachable) ? `pulumi config rm --path ${quoted(pathTo(setting, ...place))}` : EDIT_BY_HAND;
}

/** The path of a value, in the CLI's grammar (`environment.NAME`, `environment["a b"]`, `smokeTests[0].name`). */
export function pathTo(setting: string, ...place: Place): string {
  const steps = place.map((name) => {
    if (typeof name === "number") return `[${name}]`;
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `.${name}`;
    return isTypable(name) ? `["${name.replaceAll('"', '\\"')}"]` : `[${shown(name)}]`;
  });
  return [setting, ...steps].join("");
}

export const isTypable = (name: string) => name.length <= SHOWN_NAME_CHARACTERS && /^[ -~]*$/.test(name);
