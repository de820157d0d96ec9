import type { SmokeTest } from "../service/smokeTest";
import { isObject, isRounded, type JsonObject, jsonIn, jsonOf } from "../text/json";
import { closest } from "./closest";
import { EDIT_BY_HAND, isTypable, type Place, pathTo, type Refuse, removeCommand, setCommand } from "./problem";
import {
  AS_IT_LOOKS,
  AS_TEXT,
  CLIENTS_OWN_HEADERS,
  DEFAULT_MAX_SECONDS,
  DEFAULT_METHOD,
  DEFAULT_STATUS,
  JSON_PATH,
  MAX_HEADER_NAME_CHARACTERS,
  MAX_HEADER_VALUE_CHARACTERS,
  MAX_HEADERS,
  MAX_JSON_PATH_CHARACTERS,
  MAX_JSON_PATHS,
  MAX_KIB,
  MAX_TESTS,
  METHODS,
  PLAIN,
  type PlainKey,
  TOKEN,
} from "./smokeTestRules";

/** A test as it was set: the default of its path is another setting. */
type Draft = Omit<SmokeTest, "path"> & { path?: string };

/** How a value of a test is set, where it can't be said which. */
export const SET_SMOKE_TEST = setCommand("smokeTests[<n>].<key>", "<value>", "--path ");

const ROUNDED = "is too large for a number and would be rounded; must be set as text";
const NOT_A_NAME = "is not possible as a name";

const KEYS: readonly (keyof SmokeTest)[] = [...(Object.keys(PLAIN) as PlainKey[]), "headers", "json"];

/** Where one test is in the configuration: takes what is wrong with it, and makes the commands that mend it. */
const atIndex = (index: number, refuse: Refuse) => ({
  refuse: (place: Place, rule: string, mend: string) => refuse([index, ...place], rule, mend),
  set: (place: Place, value: string, flags: string) => setCommand(pathTo("smokeTests", index, ...place), value, flags),
  remove: (place: Place) => removeCommand("smokeTests", index, ...place),
});
type Position = ReturnType<typeof atIndex>;

/**
 * The smoke tests out of the JSON text that Pulumi hands over for a list, with the defaults of all but the path; without those that
 * are refused. `{color}` and `{version}` stay as they are: each switch replaces them by its own.
 */
export function parseSmokeTests(json: unknown, refuse: Refuse): Draft[] {
  const given = jsonIn(json);
  if (!Array.isArray(given)) {
    refuse([], "must be a list of tests: one key a time, with --path", "pulumi config rm smokeTests");
    return [];
  }
  // Nothing is said about each of too many.
  if (given.length > MAX_TESTS || Buffer.byteLength(jsonOf(given)) > MAX_KIB * 1024) {
    const rule = `must be at most ${MAX_TESTS} tests and ${MAX_KIB} KiB of JSON in all`;
    refuse([], rule, "pulumi config rm --path 'smokeTests[<n>]'");
    return [];
  }

  const holders = new Map<string, number>();
  return given.flatMap((test: unknown, index) => {
    const position = atIndex(index, refuse);
    if (!isObject(test)) {
      // Not a command: once it is removed, the commands for those behind it would mean others.
      position.refuse([], "must be an object with at least a name", "edit the stack's Pulumi.<stack>.yaml");
      return [];
    }
    const draft = parseSmokeTest(test, position);
    if (draft === undefined) return [];
    const holder = holders.get(draft.name);
    if (holder === undefined) holders.set(draft.name, index);
    else {
      const rule = `must differ from smokeTests[${holder}].name, which is the same`;
      position.refuse(["name"], rule, position.set(["name"], PLAIN.name.mend, AS_TEXT));
    }
    return [draft];
  });
}

function parseSmokeTest(given: JsonObject, position: Position): Draft | undefined {
  const name = plainValue("name", given, position);
  if (!Object.hasOwn(given, "name") && !unknownKeys(given).some(({ meant }) => meant === "name")) {
    const { rule, flags, mend } = PLAIN.name;
    position.refuse(["name"], rule, position.set(["name"], mend, flags));
  }
  // What a wrong method means for the rest can't be said.
  const method = Object.hasOwn(given, "method") ? plainValue("method", given, position) : DEFAULT_METHOD;
  const path = plainValue("path", given, position);
  const body = plainValue("body", given, position);
  const status = Number(plainValue("status", given, position) ?? DEFAULT_STATUS);
  const contains = plainValue("contains", given, position);
  const maxSeconds = Number(plainValue("maxSeconds", given, position) ?? DEFAULT_MAX_SECONDS);
  const builtOnly = plainValue("builtOnly", given, position) === "true";
  const headers = parseHeaders(given.headers, position);
  const json = parseExpectedJson(given.json, position);

  const useMethod = position.set(["method"], body === undefined ? "GET" : "POST", AS_IT_LOOKS);
  if (body !== undefined && (method === "GET" || method === "HEAD")) {
    position.refuse(["body"], `can't be sent with ${method}`, useMethod);
  }
  if (method === "HEAD") {
    const rule = "can't be expected of HEAD, whose answer has no body";
    if (contains !== undefined) position.refuse(["contains"], rule, useMethod);
    if (Object.keys(json).length > 0) position.refuse(["json"], rule, useMethod);
  }
  refuseUnknownKeys(given, position);

  if (name === undefined || method === undefined) return undefined;
  return {
    name,
    method,
    ...(path === undefined ? {} : { path }),
    headers,
    ...(body === undefined ? {} : { body }),
    status,
    ...(contains === undefined ? {} : { contains }),
    json,
    maxSeconds,
    ...(builtOnly && { builtOnly }),
  };
}

/** The value of a key as text, and undefined where it isn't set or is refused. */
function plainValue(key: PlainKey, given: JsonObject, position: Position): string | undefined {
  if (!Object.hasOwn(given, key)) return undefined;
  const value = given[key];
  const { rule, accepts, flags, mend } = PLAIN[key];
  const text = isPlain(value) ? String(value) : undefined;
  if (flags === AS_TEXT && isRounded(value)) position.refuse([key], ROUNDED, position.set([key], mend, flags));
  else if (text === undefined || !accepts(text)) {
    const method = key === "method" && text !== undefined ? closest(text, METHODS) : undefined;
    position.refuse([key], rule, position.set([key], method ?? mend, flags));
  } else return text;
  return undefined;
}

/** Keys that don't exist, each with the one that was probably meant. */
const unknownKeys = (given: JsonObject) =>
  Object.keys(given)
    .filter((key) => !(KEYS as readonly string[]).includes(key))
    .map((key) => ({ key, meant: closest(key, KEYS) }));

function refuseUnknownKeys(given: JsonObject, position: Position): void {
  for (const { key, meant } of unknownKeys(given)) {
    const rule = meant === undefined ? `a test has ${KEYS.join(", ")}` : `${meant} was meant?`;
    const remove = position.remove([key]);
    const isDone = meant === undefined || Object.hasOwn(given, meant) || remove === EDIT_BY_HAND;
    const mend = isDone ? remove : `${remove} && ${setInstead(meant, given[key], position)}`;
    position.refuse([key], `there is no such key; ${rule}`, mend);
  }
}

/** Sets the key that was meant, to the value that was given if it fits. */
function setInstead(key: keyof SmokeTest, value: unknown, position: Position): string {
  if (key === "headers" || key === "json") return position.set([key, "<name>"], "<value>", AS_IT_LOOKS);
  const { accepts, flags, mend } = PLAIN[key];
  const fits = isPlain(value) && !isRounded(value) && isTypable(String(value)) && accepts(String(value));
  return position.set([key], fits ? String(value) : mend, flags);
}

function parseHeaders(given: unknown, position: Position): SmokeTest["headers"] {
  const accepted = new Map<string, string>();
  const spellings = new Map<string, string>();
  for (const [name, value] of entriesOf("headers", given, MAX_HEADERS, position)) {
    const place = ["headers", name];
    const rule = headerNameRule(name, spellings.get(name.toLowerCase()));
    spellings.set(name.toLowerCase(), name);
    const text = isPlain(value) ? String(value) : undefined;
    const set = position.set(place, "<value>", AS_TEXT);
    if (rule !== undefined) position.refuse(place, rule, position.remove(place));
    else if (isRounded(value)) position.refuse(place, ROUNDED, set);
    else if (text === undefined || !isHeaderValue(text)) position.refuse(place, HEADER_VALUE_RULE, set);
    else accepted.set(name, text);
  }
  // Not by assignment: a name such as __proto__ would change the object instead of becoming a key.
  return Object.fromEntries(accepted);
}

function headerNameRule(name: string, otherSpelling: string | undefined): string | undefined {
  if (!TOKEN.test(name) || name.length > MAX_HEADER_NAME_CHARACTERS) {
    return `must have a name of A-Z a-z 0-9 !#$%&'*+-.^_\`|~ only, at most ${MAX_HEADER_NAME_CHARACTERS} characters`;
  }
  if (name === "__proto__") return NOT_A_NAME;
  if (CLIENTS_OWN_HEADERS.includes(name.toLowerCase())) return "is set by the client itself";
  if (otherSpelling !== undefined) return `is ${otherSpelling} in another spelling; must be there once only`;
  return undefined;
}

const HEADER_VALUE_RULE =
  `must be at most ${MAX_HEADER_VALUE_CHARACTERS} printable ASCII characters and tabs, ` +
  "without space or tab at either end";

/** RFC 9110, 5.5, without the bytes beyond ASCII, which servers read in different ways. */
const isHeaderValue = (value: string) =>
  value.length <= MAX_HEADER_VALUE_CHARACTERS && /^(?:[!-~](?:[\t -~]*[!-~])?)?$/.test(value);

function parseExpectedJson(given: unknown, position: Position): SmokeTest["json"] {
  const accepted = new Map<string, string | number | boolean | null>();
  for (const [path, value] of entriesOf("json", given, MAX_JSON_PATHS, position)) {
    const place = ["json", path];
    const rule = jsonPathRule(path);
    if (rule !== undefined) position.refuse(place, rule, position.remove(place));
    else if (isRounded(value)) position.refuse(place, ROUNDED, position.set(place, "<value>", AS_TEXT));
    else if (value === null || isPlain(value)) accepted.set(path, value);
    else {
      const rule = `must be a text, a number, true, false or null; a deeper value is named as in json["${path}.<key>"]`;
      position.refuse(place, rule, position.remove(place));
    }
  }
  return Object.fromEntries(accepted);
}

function jsonPathRule(path: string): string | undefined {
  if (!JSON_PATH.test(path) || path.length > MAX_JSON_PATH_CHARACTERS) {
    return `must have a path such as database.ok or items[0].id as its name, at most ${MAX_JSON_PATH_CHARACTERS} characters`;
  }
  return path.split(/[.[]/).includes("__proto__") ? NOT_A_NAME : undefined;
}

/** The entries of a key that has an object. Nothing is said about each of too many. */
function entriesOf(key: "headers" | "json", given: unknown, most: number, position: Position): [string, unknown][] {
  if (given === undefined) return [];
  if (!isObject(given)) {
    position.refuse([key], "must be an object: one name a time, with --path", position.remove([key]));
    return [];
  }
  const entries = Object.entries(given);
  if (entries.length <= most) return entries;
  position.refuse([key], `must have at most ${most} names`, position.remove([key, "<name>"]));
  return [];
}

const isPlain = (value: unknown): value is string | number | boolean =>
  ["string", "number", "boolean"].includes(typeof value);
