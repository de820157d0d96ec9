import { quoted, shown } from "../text/shell";

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

/** Takes what is wrong at a place of a setting: what is allowed, and the command that mends it. */
export type Refuse = (place: Place, rule: string, mend: string) => void;

/** How much of a name an error shows. */
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

/**
 * The candidate that someone who wrote `name` most likely meant: a third of its letters may be wrong, case and separators don't
 * count; failing that, the only one that contains it or is contained in it.
 */
export function closest<Name extends string>(name: string, candidates: readonly Name[]): Name | undefined {
  const plain = (word: string) =>
    word
      .slice(0, 100)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
  const wanted = plain(name);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best !== undefined && best.distance <= best.candidate.length / 3) return best.candidate;

  const related = candidates.filter(
    (candidate) => plain(candidate).includes(wanted) || wanted.includes(plain(candidate)),
  );
  return wanted.length >= 4 && related.length === 1 ? related[0] : undefined;
}

/** Levenshtein's: how many letters must be inserted, left out or replaced to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
