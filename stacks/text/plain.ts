import { stripVTControlCharacters } from "node:util";
import { jsonOf } from "./json";

/** More than this of one text in a line is never shown; it bounds the work on a mangled one. */
const MOST_CHARACTERS = 2000;
/** How much of somebody else's words a sentence of ours quotes. */
const QUOTED_CHARACTERS = 300;
/** How much of a value an error shows. */
const SHOWN_CHARACTERS = 60;
/** How much of a block of lines is shown, and of each of them. */
const LINE_CHARACTERS = 500;
const BLOCK_CHARACTERS = 8000;
/** All that an error may have: what Pulumi, a CI's log and a person still take. */
const MESSAGE_CHARACTERS = 32_000;

/** All but ASCII and the letters of Latin script: controls, marks that turn the direction of text, what is two columns wide. */
const UNFIT = /[^ -~\u00a1-\u00ac\u00ae-\u024f]/gu;

/**
 * Characters that do something instead of being seen: controls other than tab and newline, marks that turn the direction of text or
 * join and hide characters, separators of lines, and what is no character at all.
 */
const ACTING = /[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Makes a line from elsewhere fit for a terminal: every character takes one column, all others are escaped. */
export const visible = (line: string): string => line.replace(UNFIT, escaped);

/** Makes the start of a line from elsewhere fit for a terminal. A cut is never within an escape, and says how long the text is. */
export function visibleStart(line: string, characters: number, length = line.length): string {
  if (line.length <= characters) {
    const whole = visible(line);
    if (whole.length <= characters) return whole;
  }
  let kept = "";
  for (const character of line.slice(0, characters)) {
    const next = kept + visible(character);
    if (next.length > characters) break;
    kept = next;
  }
  return `${kept}... (${length} characters)`;
}

/** Returns a value as JSON that is fit for a terminal, cut to a length that leaves the error readable. */
export function shown(value: unknown): string {
  const room = SHOWN_CHARACTERS + 2;
  if (typeof value !== "string") return visibleStart(jsonOf(value), room);
  // One character too many is enough to be cut.
  return visibleStart(JSON.stringify(value.slice(0, SHOWN_CHARACTERS + 1)), room, value.length);
}

/** Makes the start of a text from elsewhere one line that is fit for a terminal. */
export const plainStart = (text: string, characters: number = QUOTED_CHARACTERS): string =>
  visibleStart(text.replace(/\s+/g, " ").trim(), characters);

/** Makes a text from elsewhere one line that is fit for a terminal, and cuts it where it is longer than anybody reads. */
export const plain = (text: string): string => plainStart(text, MOST_CHARACTERS);

/**
 * A text from elsewhere without what a terminal, an editor or a web page would act on; its letters stay, and so do its lines. Colors
 * of a terminal are left out, other such characters are escaped.
 */
export const printable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll("\r\n", "\n").replace(ACTING, escaped);

/** The same as one line. */
export const printableLine = (text: string): string =>
  printable(text)
    .replace(/[\s\u2028\u2029]+/gu, " ")
    .trim();

/** At most so much of a text, with how much there is of it. */
export const shortened = (text: string, characters: number = QUOTED_CHARACTERS): string => {
  if (text.length <= characters) return text;
  // Not between the two halves of a character.
  const kept = text.slice(0, characters).replace(/[\ud800-\udbff]$/, "");
  return `${kept}... (${text.length} characters)`;
};

/** Somebody else's words within a sentence of ours. */
export const quotedWords = (text: string): string => shortened(printableLine(text));

/** Somebody else's lines below a sentence of ours: printable already, of which the last ones say most. */
export function lastOfLines(text: string): string {
  const lines = text.split("\n").map((line) => shortened(line, LINE_CHARACTERS));
  let room = BLOCK_CHARACTERS;
  const kept = lines.reverse().filter((line) => {
    room -= line.length + 1;
    return room >= 0;
  });
  return kept.reverse().join("\n");
}

/** A whole message for people, ours with others' words in it: the last thing that happens to it before it is printed. */
export const printableMessage = (text: string): string => shortened(printable(text), MESSAGE_CHARACTERS);

/** Returns JSON in ASCII alone: no control character and no mark that turns the direction of text reaches a terminal through it. */
export const plainJson = (value: unknown): string => inAscii(JSON.stringify(value, undefined, 2));

/** The same as one line, for programs that read many of them. */
export const jsonLine = (value: unknown): string => inAscii(JSON.stringify(value));

const inAscii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
