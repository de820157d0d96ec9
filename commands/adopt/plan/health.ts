import { ComposeError, isPlainPath, seconds, words } from "../rules";
import { escaped } from "./part";

/** Long options of curl and wget that say nothing of which answer is a good one. */
const LONG =
  "fail|silent|show-error|quiet|spider|location|head|no-verbose|insecure|no-check-certificate|output|max-time|connect-timeout|retry|tries|timeout|output-document";
/** The same, and short ones. */
const OPTION = new RegExp(`^(?:-[fsSqkLIi]+|-nv|-qO-?|-[oOTm]|--(?:${LONG})(?:=.*)?)$`);
/** Those that take the next word as their value. */
const WITH_VALUE = /^(?:-[oOTm]|-qO|--(?:output|max-time|connect-timeout|retry|tries|timeout|output-document))$/;

/** A longer check is more than a command. */
const MOST_CHARACTERS = 1000;

const LOCAL = /^(?:http:\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::([0-9]{1,5}))?(\/[^\s]*)?$/;

/**
 * Returns the path that a health check asks the app for, where it asks that alone: with curl or wget, at its own port. The proxy asks for
 * it as well, so the container need not.
 */
export function healthPathIn(test: unknown, appPort: number): string | undefined {
  const [program = "", ...rest] = lineOf(test) ?? [];
  if (!/^(?:\/usr\/bin\/|\/bin\/)?(?:curl|wget)$/.test(program)) return undefined;
  const urls: string[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? "";
    if (!word.startsWith("-")) urls.push(word);
    else if (!OPTION.test(word)) return undefined;
    else if (WITH_VALUE.test(word)) at += 1;
  }
  const [url] = urls;
  const found = url !== undefined && urls.length === 1 ? LOCAL.exec(url) : null;
  if (found === null) return undefined;
  const [, port = "80", path = "/"] = found;
  return Number(port) === appPort && isPlainPath(path) ? path : undefined;
}

/** Returns the words of a check; undefined for one that is more than a command. */
function lineOf(test: unknown): string[] | undefined {
  if (Array.isArray(test) && test[0] === "CMD") return test.slice(1).map(String);
  const text = Array.isArray(test) && test[0] === "CMD-SHELL" ? test[1] : test;
  if (typeof text !== "string" || text.length > MOST_CHARACTERS) return undefined;
  const command = text
    .trim()
    .replace(/\s*\|\|\s*(?:exit\s+\d+|false)$/, "")
    .replace(/(?:\s*(?:&>|\d?>)\s*(?:\/dev\/null|&\d))+$/, "");
  if (/[;&|<>`$()\n]/.test(command)) return undefined;
  try {
    return words(escaped(command));
  } catch (error) {
    if (error instanceof ComposeError) return undefined;
    throw error;
  }
}

/** Docker's own, where a check says nothing. */
const INTERVAL_SECONDS = 30;
const RETRIES = 3;

/** Returns how long a check lets a container take until it is well, in seconds; undefined where it does not say. */
export function secondsToStart(check: Readonly<Record<string, unknown>>): number | undefined {
  if (check.start_period === undefined && check.interval === undefined && check.retries === undefined) return undefined;
  const time = (value: unknown, otherwise: number) => {
    try {
      return value === undefined ? otherwise : seconds(value);
    } catch {
      return otherwise;
    }
  };
  const retries = Number(check.retries ?? RETRIES) || RETRIES;
  return Math.ceil(time(check.start_period, 0) + time(check.interval, INTERVAL_SECONDS) * retries);
}
