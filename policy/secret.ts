/**
 * Tells a secret among plain values, by what it is called and by what it looks like. What is secret by mistake costs one command, what is
 * plain by mistake is in the repository's history for ever; so in doubt a name counts, and of the looks only what words, paths,
 * versions, host names and hashes never have.
 */

/** A word of a name that ends like this says that the value is secret: PGPASSWORD and apiToken, but not TOKENIZER. */
const SECRET_WORD =
  /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|TOKEN|APIKEY|ACCESSKEY|PRIVATEKEY|AUTHORIZATION)(S?)$/;

/** `..._KEY` is secret, unless the word before says which kind of key it is. */
const OPEN_KEYS = new Set("CACHE FOREIGN GROUP INDEX PARTITION PRIMARY PUBLIC ROUTING SORT".split(" "));

/** With such a last word the name is about a secret, and the value is none: DB_PASSWORD_FILE, TOKEN_TTL. */
const ABOUT = new Set(
  (
    "AGE ALGORITHM ARN AUDIENCE COUNT DAYS DIR DIRECTORY DISABLED ENABLED ENDPOINT EXPIRATION EXPIRY FIELD FILE FORMAT HEADER HOST " +
    "HOURS ID ISSUER LENGTH LIFETIME LIMIT MAX MIN MINUTES MODE MS NAME PARALLELISM PATH POLICY PORT PREFIX PROVIDER REGION REQUIRED " +
    "ROTATION SECONDS SIZE TIMEOUT TTL TYPE URI URL VERSION"
  ).split(" "),
);

/** What can't be a secret, whatever it is called. */
const NO_SECRET = /^(?:|true|false|yes|no|on|off|none|null)$/i;
const FILE_PATH = /^\/[\w.-]+(?:\/[\w.-]+)+$/;

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
/** Of a certificate anybody may read everything. */
const PUBLIC_PEM = /-----BEGIN ([A-Z0-9 ]{1,40})-----[\s\S]*?-----END \1-----/g;
/** `scheme://user:password@`; a password that is a variable of the shell's is not in there. */
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/?#@:"']{0,200}:(?!\$)[^\s/?#@"']{1,200}@/i;

/** Keys are longer (128 bits take 22 characters in base64); of fewer characters chance makes too much. */
export const KEY_CHARACTERS = 20;
/** In bits a character (Shannon). Random text of 20 characters has 3.5 and more; below are fillers such as xxxx and repetitions. */
export const KEY_BITS = 3.5;
/**
 * Entropy alone can't tell words from a key: CamelCaseWords have nearly as much. What they have less of is changes of kind (a-z, A-Z,
 * 0-9) from one character to the next, where a capital before a small letter, as each such word begins, counts as none: at most 0.26
 * of them in words with a number here and there, about 0.47 in random letters and digits. With letters of one case it is 0.1 and 0.3 to 0.4.
 */
export const KEY_CHANGES = { bothCases: 0.27, oneCase: 0.2 };

const KEY_TEXT = new RegExp(`[A-Za-z0-9+/_-]{${KEY_CHARACTERS},}`, "g");
/** Hashes, commits, UUIDs and the numbers of requests look the same as a key in hexadecimal: there the name alone counts. */
const HEXADECIMAL = /^[0-9a-f-]+$/i;
/** Subresource integrity, as in lockfiles. */
const INTEGRITY = /^sha(?:256|384|512)-/;

/** Why a plain value looks like a secret, in words that show nothing of it; undefined where it does not. */
export function suspicion(name: string, value: string): string | undefined {
  if (saysSecret(name, value)) return "is secret by its name";
  if (PRIVATE_KEY.test(value)) return "has a private key in it";
  if (URL_PASSWORD.test(value)) return "has a password in a URL";
  if (looksRandom(value.replace(PUBLIC_PEM, " "))) return "is as random as a key";
  return undefined;
}

function saysSecret(name: string, value: string): boolean {
  if (NO_SECRET.test(value.trim()) || FILE_PATH.test(value)) return false;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .map((word) => word.replace(/[0-9]+$/, ""))
    .filter((word) => word !== "");
  const last = words.at(-1) ?? "";
  if (ABOUT.has(last)) return false;
  const kind = words.at(-2);
  if (kind !== undefined && (/^KEYS?$/.test(last) ? !OPEN_KEYS.has(kind) : last === "PWD")) return true;
  return words.some((word) => {
    const [found, plural] = SECRET_WORD.exec(word) ?? [];
    // MAX_TOKENS=4096 counts them.
    return found !== undefined && !(plural === "S" && /^[0-9]+$/.test(value));
  });
}

function looksRandom(text: string, decoded = false): boolean {
  return (text.match(KEY_TEXT) ?? []).some((word) => {
    if (HEXADECIMAL.test(word) || INTEGRITY.test(word)) return false;
    const words = decoded ? undefined : wordsIn(word);
    if (words !== undefined) return looksRandom(words, true);
    // Of letters alone there are words in all languages.
    if (!/[0-9]/.test(word)) return false;
    if (/[a-z]/.test(word) && /[A-Z]/.test(word)) return isKey(word, KEY_CHANGES.bothCases);
    // Names of small letters and numbers, such as an engine's or a host's, are made of parts.
    return word.split(/[+/_-]/).some((part) => isKey(part, KEY_CHANGES.oneCase));
  });
}

const isKey = (word: string, leastChanges: number): boolean =>
  word.length >= KEY_CHARACTERS && bits(word) >= KEY_BITS && changes(word) >= leastChanges;

/** What base64 stands for, where that is text. Random bytes are, in 20 characters, once in three million times. */
function wordsIn(base64: string): string | undefined {
  const text = Buffer.from(base64, "base64").toString("latin1");
  return /^[\t\n\r -~]+$/.test(text) ? text : undefined;
}

/** Shannon's entropy, in bits a character. */
function bits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return -[...counts.values()].reduce((sum, count) => sum + (count / text.length) * Math.log2(count / text.length), 0);
}

/** The share of neighbours, both of them letters or digits, that are of different kinds, but for a capital before a small letter. */
function changes(text: string): number {
  const pairs = text.match(/[A-Za-z0-9](?=[A-Za-z0-9])/g)?.length ?? 0;
  const changed = text.match(/[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])/g)?.length ?? 0;
  return pairs === 0 ? 0 : changed / pairs;
}
