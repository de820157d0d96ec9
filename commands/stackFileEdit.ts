import { chmodSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { Refusal } from "./outcome";
import { configIn } from "./stackFile";

/** Never a number, a date or a truth value, in any YAML. */
const PLAIN =
  /^(?:[0-9]+\.[0-9]+\.[0-9]+(?:-[A-Za-z][A-Za-z0-9.-]*)?|[a-z0-9.-]+(?::[0-9]+)?\/[a-z0-9._/-]+(?::[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64})$/;

/**
 * A stack's file in which some settings have other values, and nothing else is changed: no comment, no order, no spacing.
 *
 * @param file its name, for messages.
 * @param values by whole names, such as `blue-green:greenVersion`.
 * @throws Refusal where the file is written in a way that leaves no place for them.
 */
export function withValues(file: string, text: string, values: Readonly<Record<string, string>>): string {
  const edited = Object.entries(values).reduce((before, [key, value]) => withValue(file, before, key, value), text);
  // Whatever the file looks like: what is written is what is meant, and all else as it was.
  if (!isDeepStrictEqual(configIn(file, edited), { ...configIn(file, text), ...values })) throw unwritable(file);
  return edited;
}

/**
 * Writes a stack's file, whole or not at all. A link to it stays a link.
 *
 * @param file its name and what it held when it was read.
 * @throws Refusal where it has changed since, or can't be written.
 */
export function writeStackFile(
  directory: string,
  { file, text: before }: { file: string; text: string },
  text: string,
): void {
  let next: string | undefined;
  try {
    const path = realpathSync(join(directory, file));
    if (readFileSync(path, "utf8") !== before)
      throw new Refusal(`Somebody has just changed ${file}. Nothing was changed by this`);
    next = `${path}.${process.pid}.next`;
    writeFileSync(next, text, { flag: "wx" });
    chmodSync(next, statSync(path).mode);
    renameSync(next, path);
  } catch (error) {
    if (next !== undefined) rmSync(next, { force: true });
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${file} can't be written: ${(error as Error).message}`);
  }
}

function withValue(file: string, text: string, key: string, value: string): string {
  const written = PLAIN.test(value) ? value : JSON.stringify(value);
  const config = parseDocument(text).get("config", true);
  if (!isMap(config) || config.flow === true) throw unwritable(file);
  const pair = config.items.find(({ key: name }) => isScalar(name) && name.value === key);
  if (pair === undefined) return withLine(file, text, config, `${key}: ${written}`);
  const { value: node } = pair;
  if (!isScalar(node) || node.range == null || !isOnOneLine(text, node)) throw unwritable(file);
  const [from, to] = node.range;
  // `key:` without a value has its place right behind the colon.
  const gap = /\s$/.test(text.slice(0, from)) ? "" : " ";
  return text.slice(0, from) + gap + written + text.slice(to);
}

/** Puts a line behind the first of the settings, where their indentation is known. */
function withLine(file: string, text: string, config: YAMLMap, line: string): string {
  const last = config.items.at(-1);
  const [first] = config.items;
  const at = isScalar(first?.key) ? first.key.range?.[0] : undefined;
  const end = endOf(last?.value) ?? endOf(last?.key);
  if (at === undefined || end === undefined) throw unwritable(file);
  const indentation = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  if (indentation.trim() !== "") throw unwritable(file);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  // A comment behind the last value stays on its line.
  const lineEnd = text[end - 1] === "\n" ? end - 1 : text.indexOf("\n", end);
  if (lineEnd === -1) return `${text}${newline}${indentation}${line}${newline}`;
  return `${text.slice(0, lineEnd + 1)}${indentation}${line}${newline}${text.slice(lineEnd + 1)}`;
}

const endOf = (node: unknown): number | undefined => {
  const range = (node as { range?: [number, number, number] | null } | null | undefined)?.range;
  return range?.[1];
};

const isOnOneLine = (text: string, { range, type }: Scalar): boolean =>
  type !== "BLOCK_FOLDED" && type !== "BLOCK_LITERAL" && !text.slice(range?.[0], range?.[1]).includes("\n");

const unwritable = (file: string): Refusal =>
  new Refusal(
    `${file} is written in a way that leaves no place for single settings: each has to stand on a line below \`config:\``,
    ["pulumi config set <setting> <value>, by hand"],
  );
