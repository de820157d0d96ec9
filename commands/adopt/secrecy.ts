import { suspicion } from "../../policy/secret";

/** Last words of a name by which compose files call a secret, beside those that the policy knows. */
const SECRET_NAME = /(?:^|[_-])(?:PASS|SALT|PEPPER)$|^KEY$/i;

/** What can be seen to be no secret. */
const NO_SECRET = /^(?:|true|false|yes|no|on|off|none|null|[0-9]{1,5})$/i;

/** No variable may have more, so nothing more is looked at. */
const MOST_CHARACTERS = 32 * 1024;

/** Returns why a variable is kept secret, by its name or by its looks; undefined where it is not. The policy's own rule, and some more. */
export const whySecret = (name: string, value: string): string | undefined =>
  suspicion(name, value.slice(0, MOST_CHARACTERS)) ??
  (SECRET_NAME.test(name) && !NO_SECRET.test(value) ? "is secret by its name" : undefined);

/** A variable of the shell's or of `.env` that is secret, and what it says. */
export interface SecretVariable {
  name: string;
  value: string;
}

/**
 * Texts of the file that a secret variable was filled into, each with those variables. The text itself is the key, since a list that is
 * merged with another one moves what is in it.
 */
export type SecretTexts = Record<string, SecretVariable[]>;

/** Returns the secret variables that were filled into a text. */
export const secretsIn = (texts: SecretTexts, text: string): readonly SecretVariable[] =>
  Object.hasOwn(texts, text) ? (texts[text] ?? []) : [];
