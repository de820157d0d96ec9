import { quoted } from "../../../stacks/text/shell";
import { ComposeError, words } from "../rules";
import { type SecretVariable, secretsIn, whySecret } from "../secrecy";
import { escaped, type Part, takeKey, textsIn } from "./part";
import { lost, taken } from "./rows";
import { keepSecret } from "./variables";

/** Options whose value is a secret although their name doesn't say so. */
const SECRET_OPTIONS = ["REQUIREPASS", "MASTERAUTH"];

/**
 * Takes a command. One with a secret in it runs by a shell, which puts the secret in from the environment: a command stands readable in
 * the stack's file.
 */
export function takeCommand(part: Part, value: unknown, key: string): void {
  const line = wordsOf(value);
  const secrets = secretsOf(part, value, line ?? []);
  if (secrets.length === 0 || line === undefined) {
    if (takeKey(part, "command", value, key)) part.rows.push(taken(key, `${part.place}.command`));
    return;
  }
  if (!keepInEnvironment(part, secrets, key)) return;
  const script = `exec ${line.map((word, at) => shellWord(word, at, secrets)).join(" ")}`;
  part.keys.command = ["sh", "-c", String(escaped(script))];
  const names = secrets.map(({ name }) => name).join(", ");
  part.rows.push(lost(key, `by sh -c, which puts ${names} in from the environment: its image must have a shell`));
}

/** Returns a health check's test without the secrets in it, which a shell puts in; undefined where that can't be done. */
export function testWithoutSecrets(part: Part, test: unknown): unknown {
  const secrets = secretsOf(part, test, []);
  if (secrets.length === 0) return test;
  const [kind, ...line] = Array.isArray(test) ? test.map(String) : ["CMD-SHELL", String(test)];
  const text =
    kind === "CMD"
      ? line.map((word, at) => shellWord(word, at, secrets)).join(" ")
      : textWithoutSecrets(line[0] ?? "", secrets);
  if (text === undefined || !keepInEnvironment(part, secrets, "healthcheck")) return undefined;
  return ["CMD-SHELL", text];
}

/** Returns the words of a command; undefined where a shell could not tell them. */
function wordsOf(value: unknown): string[] | undefined {
  try {
    return words(escaped(value));
  } catch (error) {
    if (error instanceof ComposeError) return undefined;
    throw error;
  }
}

/** Returns the secrets in a command: variables that were filled in, and values of options that are called like one. */
function secretsOf({ context }: Part, value: unknown, line: readonly string[]): SecretVariable[] {
  const filled = textsIn(value).flatMap((text) => secretsIn(context.project.secretTexts, text));
  const literal = line.flatMap((word, at) => {
    const [, option = "", own] = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.+))?$/s.exec(word) ?? [];
    const name = option.toUpperCase().replaceAll("-", "_");
    const given = own ?? line[at + 1] ?? "";
    const isSecret =
      SECRET_OPTIONS.includes(name) || (name !== "" && whySecret(name, given) === "is secret by its name");
    return isSecret && given !== "" && !given.startsWith("-") ? [{ name, value: given }] : [];
  });
  const all = [...filled, ...literal.filter(({ value }) => !filled.some((other) => value.includes(other.value)))];
  const known = new Map(all.filter(({ value }) => value !== "").map((secret) => [secret.name, secret]));
  // The longest first: one that is the beginning of another would leave the other's end in sight.
  return [...known.values()].sort((one, other) => other.value.length - one.value.length);
}

/** Gives the container the variables; a row says why not where it has other ones under these names. */
function keepInEnvironment(part: Part, secrets: readonly SecretVariable[], key: string): boolean {
  const { environment } = part.service;
  const other = secrets.find(({ name, value }) => Object.hasOwn(environment, name) && environment[name] !== value);
  if (other !== undefined) {
    const why = `not taken: it has a secret in it, and ${other.name} is another variable of the container's`;
    part.rows.push(lost(key, why));
    return false;
  }
  const isSet = (name: string) => part.secrets.some(({ setting }) => setting === `${part.secretPlace}.${name}`);
  const missing = secrets.filter(({ name }) => !Object.hasOwn(environment, name) && !isSet(name));
  const added = Object.fromEntries(missing.map(({ name, value }) => [name, value]));
  keepSecret(part, part.secretPlace === "secretEnvironment" ? added : (escaped(added) as typeof added));
  return true;
}

/** A word for a shell, in which secrets are variables. The first one is the program itself. */
function shellWord(word: string, at: number, secrets: readonly SecretVariable[]): string {
  if (at === 0 || !secrets.some(({ value }) => word.includes(value))) return quoted(word).replace(/^-- /, "");
  const pieces = secrets.reduce<(string | { name: string })[]>(
    (before, { name, value }) =>
      before.flatMap((piece) =>
        typeof piece === "string"
          ? piece.split(value).flatMap((text, index) => (index === 0 ? [text] : [{ name }, text]))
          : [piece],
      ),
    [word],
  );
  const text = pieces.map((piece) =>
    typeof piece === "string" ? piece.replace(/["\\$`]/g, "\\$&") : `$\{${piece.name}}`,
  );
  return `"${text.join("")}"`;
}

/** A line for a shell in which secrets are variables; undefined where one is in single quotes. */
function textWithoutSecrets(line: string, secrets: readonly SecretVariable[]): string | undefined {
  return secrets.reduce<string | undefined>((text, { name, value }) => {
    const parts = text?.split(value) ?? [];
    const quotesBefore = (at: number) =>
      parts
        .slice(0, at + 1)
        .join("")
        .split("'").length - 1;
    const isQuoted = parts.slice(0, -1).some((_, at) => quotesBefore(at) % 2 === 1);
    return text === undefined || isQuoted ? undefined : parts.join(`$\{${name}}`);
  }, line);
}
