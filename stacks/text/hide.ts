import { printable, printableLine } from "./plain";

/** A value of a letter or two would blank half of the text and hide nothing. */
const HIDDEN_FROM_CHARACTERS = 4;

/** Lines of a longer secret that are shorter say nothing of it, and would blank words of every text. */
const HIDDEN_LINE_FROM_CHARACTERS = 8;

/** Text in which each of these is blanked out, in every form in which logs and answers write a value. */
export const hide = (secrets: readonly string[], text: string): string =>
  [...new Set(secrets.filter((secret) => secret.length >= HIDDEN_FROM_CHARACTERS).flatMap(formsOf))]
    .filter((form) => form.length >= HIDDEN_FROM_CHARACTERS)
    // The longest first: one that is the beginning of another would leave the other's end in sight.
    .sort((a, b) => b.length - a.length)
    .reduce((shown, form) => shown.replaceAll(form, "[secret]"), text);

/**
 * As it is, as {@link printable} leaves it, and as JSON, Python, URLs and base64 have it. Each line too: of a key of several lines
 * only the last ones may be in what is shown.
 */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const quoted = json.replaceAll('\\"', '"');
  // Half a character has no form in a URL.
  const bytes = Buffer.from(secret);
  return [
    ...[
      secret,
      printable(secret),
      printableLine(secret),
      json,
      escaped(json),
      escaped(secret),
      quoted,
      quoted.replaceAll("'", "\\'"),
    ],
    ...[encodeURIComponent(bytes.toString()), bytes.toString("base64")],
    ...secret.split(/\r?\n/).filter((line) => line.length >= HIDDEN_LINE_FROM_CHARACTERS),
  ];
}

/** All but printable ASCII as JSON can write it. */
const escaped = (text: string): string =>
  text.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
