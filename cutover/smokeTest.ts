import type { Color } from "../stacks/service/color";
import type { SmokeTest } from "../stacks/service/smokeTest";
import { plain, plainStart } from "../stacks/text/plain";

/** Who must answer: stands in for `{color}` and `{version}` in a test. */
export interface Identity {
  color: Color;
  version: string;
  /** The host that is asked for where the test names none; the URL's where it is absent. */
  host?: string;
  /** What the request says that its visitor came by, where it says so and the test does not. */
  scheme?: "http" | "https";
}

/**
 * Runs `curl -q --config -` where the proxy is, with this text as its standard input; answers what it wrote. Never throws for
 * curl's own failures.
 */
export type Curl = (configuration: string) => Promise<{ code: number; stdout: string; stderr: string }>;

/** Takes the secrets out of an answer before it is cut: the part of one that is left would not be known as such. */
export type Hide = (text: string) => string;

/** Why a smoke test failed, in words for a person. */
export interface SmokeFailure {
  test: string;
  /** Such as `GET http://green:5000/health`. */
  request: string;
  expected: string;
  came: string;
}

/** An answer to a smoke test's request. */
export interface Answer {
  status: number;
  milliseconds: number;
  contentType: string | null;
  body: string;
}

type Verdict = Pick<SmokeFailure, "expected" | "came"> | undefined;

/** How much a failure shows of a value, beside the start of the body. */
const VALUE_CHARACTERS = 100;

/** The longest line that every curl since 7.73 reads from a configuration file, its end included (10 MiB since 8.2.0). */
const LINE_BYTES = 100 * 1024 - 1;

const USER_AGENT = "blue-green-smoke-test";

/** curl's description of the transfer as one line of JSON, apart from the body on standard output. */
const RESULT = "%{stderr}%{json}\n";

/** Runs the tests in their order; stops at the first that fails. */
export async function runSmokeTests(
  tests: readonly SmokeTest[],
  base: string,
  identity: Identity,
  curl: Curl,
  hide: Hide = String,
): Promise<SmokeFailure | undefined> {
  for (const test of tests) {
    const verdict = await run(test, base, identity, curl, hide);
    if (verdict) {
      const request = `${test.method} ${base}${filled(test.path, identity)}`;
      return { test: plain(test.name), request: plain(request), ...verdict };
    }
  }
  return undefined;
}

async function run(test: SmokeTest, base: string, identity: Identity, curl: Curl, hide: Hide): Promise<Verdict> {
  let configuration: string;
  try {
    configuration = curlConfiguration(test, base, identity);
  } catch (error) {
    return { expected: "a request that can be sent", came: plain((error as Error).message) };
  }
  const { code, stdout, stderr } = await curl(configuration);
  const result = resultIn(stderr);
  if (code === 0 && result) {
    const milliseconds = Math.round(result.time_total * 1000);
    const answer = { status: result.http_code, milliseconds, contentType: result.content_type, body: stdout };
    return judge(test, identity, answer, hide);
  }
  const words = result?.errormsg || stderr.trim() || `curl ended with exit code ${code} and said nothing`;
  return {
    expected: `status ${test.status} within ${test.maxSeconds} s`,
    came: `no whole answer: ${plainStart(hide(words))}`,
  };
}

/** The fields of curl's `%{json}` that are read here. */
interface Result {
  http_code: number;
  time_total: number;
  content_type: string | null;
  errormsg: string | null;
}

/** The last line of standard error: whatever else curl, or what runs it, has to say comes before. */
function resultIn(stderr: string): Result | undefined {
  try {
    const result = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
    return typeof result?.http_code === "number" && typeof result.time_total === "number" ? result : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The request as a configuration file for curl, in which every value is quoted: whatever the test's texts hold, they are sent
 * and not obeyed.
 *
 * @throws Error where a text can't be sent as it is.
 */
export function curlConfiguration(test: SmokeTest, base: string, identity: Identity): string {
  const fill = (text: string) => filled(text, identity);
  const headers = Object.entries(test.headers).map(([name, value]) => header(name, fill(value)));
  const given = new Set(Object.keys(test.headers).map((name) => name.toLowerCase()));
  const body = test.body === undefined ? bodyOfNone(test.method) : fill(test.body);
  if (!TOKEN.test(test.method)) throw new Error(`${JSON.stringify(test.method)} can't be a method`);
  if (body !== undefined && test.method === "HEAD") throw new Error("curl sends no body with HEAD");
  if (body?.includes("\0")) throw new Error("the body has a NUL character, at which curl would end it");
  const lines = [
    "silent",
    "show-error",
    "http1.1",
    "globoff",
    "path-as-is",
    // A proxy that the container's environment names must not answer instead of the color.
    option("noproxy", "*"),
    option("proto", "=http"),
    option("max-time", String(test.maxSeconds)),
    option("user-agent", USER_AGENT),
    option("write-out", RESULT),
    // curl writes the header to where the body would go.
    ...(test.method === "HEAD" ? ["head", option("output", "/dev/null")] : [option("request", test.method)]),
    ...headers.map((line) => option("header", line)),
    ...(identity.host === undefined || given.has("host") ? [] : [option("header", `Host: ${identity.host}`)]),
    ...(identity.scheme === undefined || given.has("x-forwarded-proto")
      ? []
      : [option("header", `X-Forwarded-Proto: ${identity.scheme}`)]),
    ...(given.has("connection") ? [] : [option("header", "Connection: close")]),
    // curl would call every body a filled in form.
    ...(body === undefined || given.has("content-type") ? [] : [option("header", "Content-Type:")]),
    // Never `data`, which takes what comes after an @ for a file's name.
    ...(body === undefined ? [] : [option("data-raw", body)]),
    option("url", base + target(fill(test.path))),
  ];
  const long = lines.find((line) => Buffer.byteLength(line) >= LINE_BYTES);
  if (long)
    throw new Error(`the request's ${long.split(" ")[0]} is longer than the ${LINE_BYTES} bytes that curl reads`);
  // With the end of the last line: older versions of curl lose a last line of some lengths without it (curl/curl#17030).
  return `${lines.join("\n")}\n`;
}

/** A request that could have a body says that it has none: some servers answer 411 otherwise. */
const bodyOfNone = (method: string) => (["POST", "PUT", "PATCH"].includes(method) ? "" : undefined);

/** As `--config` in curl's manual has it: what stands in quotes ends at the next bare quote or at the end of the line. */
const option = (name: string, value: string) =>
  `${name} = "${value.replace(/["\\\t\n\r\v]/g, (character) => ESCAPES[character] ?? `\\${character}`)}"`;

const ESCAPES: Record<string, string> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\v": "\\v" };

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function header(name: string, value: string): string {
  // curl would take what comes after an @ for a file of headers, and send a line break as the beginning of another header.
  if (!TOKEN.test(name)) throw new Error(`${JSON.stringify(name)} can't be a header's name`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
    throw new Error(`the header ${name} has a control character in its value`);
  // With a colon and nothing behind it curl would leave the header out.
  return value.trim() === "" ? `${name};` : `${name}: ${value}`;
}

/** A path as it can stand in a request: what can't is percent-encoded, the rest is left as it was given. */
function target(path: string): string {
  // Behind a base such as http://green:5000 it could name another host.
  if (!path.startsWith("/")) throw new Error(`the path ${JSON.stringify(path)} does not begin with /`);
  return path.replace(/[^\x21-\x7e]|#/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** What the answer lacks; the first thing that is wrong with it, in the order status, text, JSON, time. */
export function judge(test: SmokeTest, identity: Identity, answer: Answer, hide: Hide = String): Verdict {
  const { status, milliseconds, contentType, body } = answer;
  const head = `${status} after ${milliseconds} ms`;
  const words = plainStart(hide(body));
  const shown = words === "" ? "" : `: ${words}`;
  const failed = (expected: string, detail: string): Verdict => ({
    expected: plain(expected),
    came: `${head}, ${detail}${shown}`,
  });
  const type = body === "" ? "no body" : plainStart(hide(contentType ?? "no content type"), VALUE_CHARACTERS);

  if (status !== test.status) return failed(`status ${test.status}`, type);
  const contains = test.contains === undefined ? "" : filled(test.contains, identity);
  if (!body.includes(contains)) return failed(`a body that contains ${JSON.stringify(contains)}`, type);

  const wanted = Object.entries(test.json);
  const json = wanted.length === 0 ? undefined : parsed(body);
  for (const [path, value] of wanted) {
    const expected = typeof value === "string" ? filled(value, identity) : value;
    const words = `json ${path} = ${JSON.stringify(expected)}`;
    if (!json) return failed(words, `not JSON (${type})`);
    const seen = valueAt(json.value, path);
    if (seen === undefined) return failed(words, `json ${plain(path)} is missing`);
    if (seen !== expected)
      return failed(words, `json ${plain(path)} = ${plainStart(hide(JSON.stringify(seen)), VALUE_CHARACTERS)}`);
  }
  if (milliseconds > test.maxSeconds * 1000) return failed(`an answer within ${test.maxSeconds} s`, type);
  return undefined;
}

function parsed(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

/** The value at a path such as `items[0].id`; undefined where there is none, which no JSON value is. */
function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    const key = index ?? name ?? "";
    if (typeof value !== "object" || value === null) return undefined;
    // Own properties only: what every object inherits, and an array's length, is nothing that the service said.
    if (Array.isArray(value) !== (index !== undefined) || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** In one pass, so that nothing that was put in is replaced again. */
const filled = (text: string, identity: Identity) =>
  text.replace(/\{(color|version)\}/g, (_, name: "color" | "version") => identity[name]);
