import type { SmokeTest } from "../service/smokeTest";
import { decimalRule, isDecimal, isWholeNumber, wholeNumberRule } from "./digits";

/** A key with one plain value. */
export type PlainKey = Exclude<keyof SmokeTest, "headers" | "json">;

export const DEFAULT_METHOD = "GET";
export const DEFAULT_STATUS = 200;
/** Below are interim answers, which the client skips. */
const LEAST_STATUS = 200;
const MOST_STATUS = 599;
export const DEFAULT_MAX_SECONDS = 5;

export const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
export const MAX_TESTS = 50;
/** They travel in one environment variable, for which Linux has 128 KiB; what the defaults add is well below the rest. */
export const MAX_KIB = 64;
const MAX_NAME_CHARACTERS = 80;
const MAX_PATH_CHARACTERS = 2000;
const MAX_BODY_KIB = 32;
const MAX_CONTAINS_CHARACTERS = 4096;
const LEAST_MAX_SECONDS = 0.1;
const MOST_MAX_SECONDS = 300;
export const MAX_HEADERS = 50;
export const MAX_HEADER_NAME_CHARACTERS = 128;
/** What servers commonly take of one line. */
export const MAX_HEADER_VALUE_CHARACTERS = 8192;
export const MAX_JSON_PATHS = 50;
export const MAX_JSON_PATH_CHARACTERS = 200;

/** RFC 9110, 5.6.2. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** They say how the message is framed and what the connection is for: with another value than the client's the two would disagree. */
export const CLIENTS_OWN_HEADERS: readonly string[] = [
  "connection",
  "content-length",
  "expect",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

export const JSON_PATH = (() => {
  const key = "[A-Za-z0-9_-]+";
  const index = "\\[(?:0|[1-9][0-9]{0,5})\\]";
  return new RegExp(`^(?:${key}|${index})(?:\\.${key}|${index})*$`);
})();

/** Without it the CLI makes a number of what looks like one, and rounds it. */
export const AS_TEXT = "--type string --path ";
export const AS_IT_LOOKS = "--path ";

/** What a key's value must be, as text: the CLI hands over a number, or true, for text that looks like it, and the other way round. */
export const PLAIN: Record<PlainKey, { rule: string; accepts(value: string): boolean; flags: string; mend: string }> = {
  name: {
    rule: `must be 1 to ${MAX_NAME_CHARACTERS} printable ASCII characters, without a space at either end`,
    accepts: (value) => value.length <= MAX_NAME_CHARACTERS && /^[!-~](?:[ -~]*[!-~])?$/.test(value),
    flags: AS_TEXT,
    mend: "<name>",
  },
  method: {
    rule: `must be one of ${METHODS.join(" ")}`,
    accepts: (value) => METHODS.includes(value),
    flags: AS_IT_LOOKS,
    mend: DEFAULT_METHOD,
  },
  path: {
    rule:
      `must be a path from the root of at most ${MAX_PATH_CHARACTERS} printable ASCII characters without space, quote, ` +
      "backslash and #, not beginning with //, without . and .. as segments",
    accepts: isPath,
    flags: AS_TEXT,
    mend: "<path>",
  },
  body: {
    rule: `must be a text of at most ${MAX_BODY_KIB} KiB, without a NUL character`,
    accepts: (value) => Buffer.byteLength(value) <= MAX_BODY_KIB * 1024 && !value.includes("\0"),
    flags: AS_TEXT,
    mend: "<text>",
  },
  status: {
    rule: wholeNumberRule(LEAST_STATUS, MOST_STATUS),
    accepts: (value) => isWholeNumber(value, LEAST_STATUS, MOST_STATUS),
    flags: AS_IT_LOOKS,
    mend: String(DEFAULT_STATUS),
  },
  contains: {
    rule: `must be a text of 1 to ${MAX_CONTAINS_CHARACTERS} characters, without a NUL character`,
    accepts: (value) => value !== "" && value.length <= MAX_CONTAINS_CHARACTERS && !value.includes("\0"),
    flags: AS_TEXT,
    mend: "<text>",
  },
  maxSeconds: {
    rule: decimalRule(LEAST_MAX_SECONDS, MOST_MAX_SECONDS),
    accepts: (value) => isDecimal(value, LEAST_MAX_SECONDS, MOST_MAX_SECONDS),
    flags: AS_IT_LOOKS,
    mend: String(DEFAULT_MAX_SECONDS),
  },
  builtOnly: {
    rule: "must be true or false",
    accepts: (value) => value === "true" || value === "false",
    flags: AS_IT_LOOKS,
    mend: "true",
  },
};

function isPath(value: string): boolean {
  if (value.length > MAX_PATH_CHARACTERS || !/^\/[!-~]*$/.test(value) || /["'`\\#]/.test(value)) return false;
  // A client that resolves it as a reference would take what follows for another host.
  if (value.startsWith("//")) return false;
  const [path = ""] = value.split("?");
  // Clients, proxies and servers resolve these, some of them once decoded: another path than the one written would be asked for.
  return !path
    .replace(/%2e/gi, ".")
    .split(/\/|%2f/i)
    .some((segment) => segment === "." || segment === "..");
}
