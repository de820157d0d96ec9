import { plain } from "../../stacks/text/plain";

/** Words of our own, and values from elsewhere between them: a value is never taken for anything but text. */
export type Text = readonly (string | { value: string })[];

/** A text from a template: what stands in `${}` is a value, or a text. */
export function text(words: TemplateStringsArray, ...values: (string | Text)[]): Text {
  return words.flatMap((word, at) => {
    const value = values[at];
    const next = value === undefined ? [] : typeof value === "string" ? [{ value }] : value;
    return [...(word === "" ? [] : [word]), ...next];
  });
}

/** For a terminal: one line, fit for it. */
export const inTerminal = (line: Text): string =>
  line.map((part) => (typeof part === "string" ? part : plain(part.value))).join("");

/**
 * For a comment on GitHub: each value is a code span. Nothing in a code span is taken for Markdown, HTML, a mention, a reference or
 * a link, and no run of backticks in it is as long as the one that ends it.
 */
export const inComment = (line: Text): string =>
  line.map((part) => (typeof part === "string" ? part : codeSpan(plain(part.value)))).join("");

function codeSpan(value: string): string {
  if (value === "") return "(empty)";
  const fence = fenceFor(value, 1);
  const edge = /^`|`$/.test(value) ? " " : "";
  return `${fence}${edge}${value}${edge}${fence}`;
}

/** Backticks, of which the text has no run as long. */
export function fenceFor(content: string, least: number): string {
  const longest = Math.max(0, ...Array.from(content.matchAll(/`+/g), ([run]) => run.length));
  return "`".repeat(Math.max(least, longest + 1));
}
