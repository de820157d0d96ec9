import { type Document, isAlias, isScalar, LineCounter, parseDocument, type Scalar, visit } from "yaml";
import { isObject } from "../../../stacks/text/json";
import { plain, shown } from "../../../stacks/text/plain";
import { ComposeError } from "../rules";
import type { Tree } from "./values";

/** How often an alias may repeat what it stands for: files for some fifty services that share a block have a few hundred. */
const MOST_ALIASES = 2000;

/** Tags of YAML's own, which say a value's type. */
const OWN_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/**
 * Reads the text of a compose file: anchors and aliases are resolved, and `<<` is a key with what it names.
 *
 * @throws ComposeError with the line of what is wrong.
 */
export function treeIn(text: string): Tree {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      ...{ lineCounter: lines, prettyErrors: false },
      // Where it is silent it says nothing of a second document either.
      logLevel: "error",
      // Compose's own reader takes no notice of `%YAML 1.1`.
      schema: "core",
      // It compares each key with each other one: that took minutes for 100,000. They are looked at below.
      uniqueKeys: false,
    });
    const [error] = document.errors;
    if (error !== undefined) throw new ComposeError(`line ${lines.linePos(error.pos[0]).line}: ${wordsOf(error)}`);
    refuseOddNodes(document, lines);
    const tree: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    if (!isObject(tree)) throw new ComposeError("is no compose file: it must be a map with the key services");
    return tree;
  } catch (error) {
    if (error instanceof ComposeError) throw error;
    if (error instanceof RangeError) throw new ComposeError("is nested too deeply");
    throw new ComposeError(`can't be resolved: ${plain((error as Error).message)}`);
  }
}

function wordsOf({ code, message }: { code: string; message: string }): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins there: one file must have one";
  return `this is not valid YAML: ${plain(message)}`;
}

/** Refuses what a compose file can't have, and writes numbers as Compose reads them. */
function refuseOddNodes(document: Document.Parsed, lines: LineCounter): void {
  const fail = (node: { range?: [number, number, number] | null }, rule: string): never => {
    throw new ComposeError(`line ${lines.linePos(node.range?.[0] ?? 0).line}: ${rule}`);
  };
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? String(key.value) : key;
        if (seen.has(name)) fail(key as Scalar, "a key stands there a second time");
        seen.add(name);
      }
    },
    Pair: (_, { key }) => {
      if (isAlias(key) || !isScalar(key)) fail((key ?? {}) as Scalar, "a key must be a text");
      const name = String((key as Scalar).value);
      if (name === "__proto__") fail(key as Scalar, "__proto__ is not possible as a key");
      if (/\p{Cc}/u.test(name)) fail(key as Scalar, `the key ${shown(name)} has a control character`);
    },
    Value: (_, node) => {
      if (node.tag !== undefined && node.tag !== "!" && !OWN_TAG.test(node.tag)) fail(node, ruleOfTag(node.tag));
      if (isScalar(node)) node.value = numberIn(node);
    },
  });
}

const ruleOfTag = (tag: string): string =>
  /^!(?:reset|override)$/.test(tag)
    ? `${tag} is not done here: write the merged file with \`docker compose config\`, or take the key out of the file before`
    : `the tag ${shown(tag)} is not known`;

/**
 * Returns a number as Compose reads it: 0644 is an octal one, as in YAML 1.1, and 1_000 and 0b11 are numbers too. One that would be rounded
 * stays the text that it was.
 */
function numberIn({ value, source = "", type }: Scalar): unknown {
  if (type !== "PLAIN") return value;
  if (/^[-+]?0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
  if (/^(?:0b[01]+|[1-9][0-9]*(?:_[0-9]+)+)$/.test(source)) return Number(source.replaceAll("_", ""));
  const isRounded =
    typeof value === "number" && (Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value));
  return isRounded ? source : value;
}
