import { jsonOf } from "./json";
import { visibleStart } from "./plain";

/** How much of a value an error shows. */
const SHOWN_CHARACTERS = 60;

/** Returns a word as a POSIX shell takes it. A word that begins with a dash goes behind `--`. */
export function quoted(word: string): string {
  const safe = /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return word.startsWith("-") ? `-- ${safe}` : safe;
}

/** Returns a value as JSON that is fit for a terminal, cut to a length that leaves the error readable. */
export function shown(value: unknown): string {
  const room = SHOWN_CHARACTERS + 2;
  if (typeof value !== "string") return visibleStart(jsonOf(value), room);
  // One character too many is enough to be cut.
  return visibleStart(JSON.stringify(value.slice(0, SHOWN_CHARACTERS + 1)), room, value.length);
}
