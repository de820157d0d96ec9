import { ComposeError } from "./compose";

const LINE = /^(?:export[ \t]+)?([^\s=#"']+)[ \t]*(?:=[ \t]*(.*))?$/s;

/** Where Compose takes what a file of variables does not say itself. */
export interface Shell {
  /** The value of a name that stands in the file alone; without one the variable is left out. */
  value(name: string): string | undefined;
  /** A variable's value with the variables in it filled in, `$$` among them; those that stand above it in the file are known. */
  filled(name: string, text: string, above: ReadonlyMap<string, string>): string;
}

/**
 * Returns the variables of a file as Compose reads it: a `#` begins a comment at the start of a line or behind a space, single quotes keep
 * a value as it is, double quotes have `\n` and the like in them and may span lines.
 *
 * @param shell where a value comes from that Compose would take from elsewhere; without it such a one is refused.
 * @throws ComposeError for a line that is none, and for a variable whose value Compose would take from elsewhere.
 */
export function envFileVariables(content: string, shell?: Shell): Map<string, string> {
  const found = new Map<string, string>();
  let rest = content.replaceAll("\r\n", "\n");
  for (let number = 1; rest !== ""; ) {
    const end = rest.indexOf("\n");
    const line = (end < 0 ? rest : rest.slice(0, end)).trim();
    if (line === "" || line.startsWith("#")) {
      rest = end < 0 ? "" : rest.slice(end + 1);
      number += 1;
      continue;
    }
    const [, name = "", value] = LINE.exec(line) ?? [];
    if (name === "") throw new ComposeError(`has no NAME=value in line ${number}`);
    if (value === undefined && shell !== undefined) {
      const set = shell.value(name);
      if (set !== undefined) found.set(name, set);
      rest = end < 0 ? "" : rest.slice(end + 1);
      number += 1;
      continue;
    }
    if (value === undefined) {
      throw new ComposeError(`takes ${name} (line ${number}) from the shell in Compose: write its value there`);
    }
    const quote = value[0] === "'" || value[0] === '"' ? value[0] : undefined;
    const began = rest.indexOf(value === "" ? "=" : value, rest.indexOf("="));
    const read = quote === undefined ? plainValue(value) : quotedValue(rest.slice(began), quote);
    if (read === undefined) throw new ComposeError(`has a quote without its end in line ${number}`);
    if (shell === undefined && quote !== "'" && /\$(?:\{|[A-Za-z_])/.test(read.value.replaceAll("\\$", ""))) {
      throw new ComposeError(
        `names another variable in ${name} (line ${number}): write the value itself, or in single quotes`,
      );
    }
    if (quote === "'") found.set(name, read.value);
    else if (shell === undefined) found.set(name, read.value.replaceAll("\\$", "$"));
    else found.set(name, shell.filled(name, read.value.replaceAll("\\$", "$$$$"), found));
    const past = quote === undefined ? (end < 0 ? rest.length : end) : began + read.length;
    const next = rest.indexOf("\n", past);
    const taken = rest.slice(0, next < 0 ? rest.length : next + 1);
    number += taken.split("\n").length - 1;
    rest = rest.slice(taken.length);
  }
  return found;
}

/** A value without quotes ends where a comment begins. */
const plainValue = (value: string) => ({
  value: value.replace(/(?:^|(?<=[ \t]))#.*$/s, "").trim(),
  length: value.length,
});

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "\\$" };

/** A value in quotes, from the first of them on; undefined where the last one is missing. */
function quotedValue(text: string, quote: string): { value: string; length: number } | undefined {
  let value = "";
  for (let at = 1; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === quote) return { value, length: at + 1 };
    const escaped = quote === '"' && character === "\\" ? text[at + 1] : undefined;
    if (escaped === undefined) value += character;
    else {
      value += ESCAPES[escaped] ?? `\\${escaped}`;
      at += 1;
    }
  }
  return undefined;
}
