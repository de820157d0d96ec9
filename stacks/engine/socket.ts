import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { objectIn } from "../text/json";

/** Between two looks at a command whose output has ended: the engine hears of its end a moment later. */
const LOOK_AGAIN_MILLISECONDS = 5;

/** Where the engine's socket is when nobody says so. */
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Begins each piece of a command's output: which one of the two it is of, and its length. */
const FRAME_BYTES = 8;
const STDERR = 2;

/** A command of the client that the engine's own socket answers as well. */
type Known =
  | { what: "list"; path: string }
  | { what: "inspect"; paths: string[] }
  | { what: "exec"; container: string; body: object };

/** Who gets what a command writes. */
export interface Hearer {
  stdout: (part: Buffer) => void;
  stderr: (part: Buffer) => void;
}

/** How a command is asked for. */
export interface Asking {
  input: string | undefined;
  hearer: Hearer;
  /** Aborted when nobody waits for it any longer. */
  signal: AbortSignal;
}

/**
 * Returns the path of the engine's socket; undefined where it has none on this machine, or where the client is told what to speak.
 *
 * @param env the environment that the client would be started in.
 */
export function socketIn({ DOCKER_HOST: host, DOCKER_API_VERSION: version }: NodeJS.ProcessEnv): string | undefined {
  return version ? undefined : /^unix:\/\/(\/.+)$/.exec(host || DEFAULT_HOST)?.[1];
}

/**
 * Does what the client would for these arguments, by the engine's socket, and returns the exit code. Starting the client takes more of the
 * machine than the engine's answer does, and a run asks it some twenty times.
 *
 * @returns undefined where nothing was done: the client says best what is wrong, and knows all the other commands.
 * @throws Error where a command in a container was started and its end is not known.
 */
export async function askSocket(
  socketPath: string,
  args: readonly string[],
  asking: Asking,
): Promise<number | undefined> {
  const known = knownAs(args);
  if (known === undefined) return undefined;
  if (known.what === "exec") return exec(socketPath, known, asking);
  const paths = known.what === "list" ? [known.path] : known.paths;
  const answers = await Promise.all(paths.map((path) => answerTo(socketPath, "GET", path, asking.signal)));
  if (answers.some((answer) => answer === undefined)) return undefined;
  const text = known.what === "list" ? idsIn(answers[0] ?? "") : `[${answers.join(",")}]`;
  asking.hearer.stdout(Buffer.from(text));
  return 0;
}

/** Returns the request that a command's arguments stand for; undefined where they are none of those that are known here. */
function knownAs([kind = "", verb = "", ...rest]: readonly string[]): Known | undefined {
  if (kind === "exec") return execIn([verb, ...rest]);
  if (kind !== "container" && kind !== "image") return undefined;
  if (verb === "inspect" && rest.length > 0 && !rest.some((id) => id.startsWith("-")))
    return { what: "inspect", paths: rest.map((id) => `/${kind}s/${encodeURIComponent(id)}/json`) };
  const [all, quiet, whole, ...filters] = rest;
  if (verb !== "ls" || all !== "--all" || quiet !== "--quiet" || whole !== "--no-trunc") return undefined;
  const labels = filters.map((word, at) => (at % 2 === 0 ? word === "--filter" : word.startsWith("label=")));
  if (filters.length % 2 !== 0 || labels.includes(false)) return undefined;
  const label = filters.filter((_, at) => at % 2 === 1).map((word) => word.slice("label=".length));
  return { what: "list", path: `/${kind}s/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label }))}` };
}

function execIn(args: readonly string[]): Known | undefined {
  const words = [...args];
  const Env: string[] = [];
  let AttachStdin = false;
  while (words[0]?.startsWith("-")) {
    const option = words.shift();
    if (option === "-i") AttachStdin = true;
    else if (option === "-e" && words[0]?.includes("=")) Env.push(words.shift() ?? "");
    else return undefined;
  }
  const [container = "", ...Cmd] = words;
  if (container === "" || Cmd.length === 0) return undefined;
  return { what: "exec", container, body: { AttachStdin, AttachStdout: true, AttachStderr: true, Env, Cmd } };
}

/** Returns the ids of a list, a line each, as `--quiet --no-trunc` has them. */
function idsIn(list: string): string {
  const all = JSON.parse(list) as { Id: string }[];
  return all.map(({ Id }) => `${Id}\n`).join("");
}

async function exec(
  socketPath: string,
  { container, body }: Known & { what: "exec" },
  { input, hearer, signal }: Asking,
): Promise<number | undefined> {
  const made = await answerTo(socketPath, "POST", `/containers/${encodeURIComponent(container)}/exec`, signal, body);
  const id = objectIn(made)?.Id;
  if (typeof id !== "string") return undefined;
  const connection = await started(socketPath, id, signal);
  if (connection === undefined) return undefined;
  const end = () => connection.destroy();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  await heard(connection, input, hearer);
  signal.removeEventListener("abort", end);
  for (;;) {
    const { Running, ExitCode } = objectIn(await answerTo(socketPath, "GET", `/exec/${id}/json`, signal)) ?? {};
    if (Running === false && typeof ExitCode === "number") return ExitCode;
    if (Running !== true || signal.aborted) throw new Error("the engine does not say how the command has ended");
    await pause(LOOK_AGAIN_MILLISECONDS);
  }
}

/**
 * Starts what was made, and returns the connection that is its standard input and output; undefined where the engine says that it did not
 * start.
 *
 * @throws Error where the engine says nothing: it may run.
 */
function started(socketPath: string, id: string, signal: AbortSignal): Promise<Duplex | undefined> {
  return new Promise((resolve, reject) => {
    const asked = ask(socketPath, "POST", `/exec/${id}/start`, signal, { Detach: false, Tty: false });
    asked.on("upgrade", (_: IncomingMessage, connection: Duplex, head: Buffer) => {
      if (head.length > 0) connection.unshift(head);
      resolve(connection);
    });
    asked.on("response", (response) => {
      response.resume();
      resolve(undefined);
    });
    asked.on("error", () => reject(new Error("the engine does not say whether the command was started")));
  });
}

/** Writes a command's input, and hands over its output until that ends. */
function heard(connection: Duplex, input: string | undefined, hearer: Hearer): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  connection.on("data", (part: Buffer) => {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    while (rest.length >= FRAME_BYTES) {
      const end = FRAME_BYTES + rest.readUInt32BE(4);
      if (rest.length < end) return;
      (rest[0] === STDERR ? hearer.stderr : hearer.stdout)(rest.subarray(FRAME_BYTES, end));
      rest = rest.subarray(end);
    }
  });
  return new Promise((resolve) => {
    // A command that ends early does not read its input to the end.
    connection.on("error", () => {});
    connection.on("end", () => connection.destroy());
    connection.on("close", () => resolve());
    connection.end(input);
  });
}

/** Returns the engine's answer; undefined where it has none, or says that it can't. */
function answerTo(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  signal: AbortSignal,
  body?: object,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = ask(socketPath, method, path, signal, body);
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      const well = response.statusCode !== undefined && response.statusCode < 300;
      response.on("end", () => resolve(well ? text : undefined));
      response.on("error", () => resolve(undefined));
    });
    asked.on("error", () => resolve(undefined));
  });
}

function ask(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  signal: AbortSignal,
  body?: object,
): ClientRequest {
  const content = body === undefined ? "" : JSON.stringify(body);
  const headers = {
    ...{ Host: "docker" },
    ...(body !== undefined && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) }),
    // The connection becomes the command's own.
    ...(path.endsWith("/start") && { Connection: "Upgrade", Upgrade: "tcp" }),
  };
  const asked = request({ socketPath, method, path, headers, agent: false, signal });
  asked.end(content);
  return asked;
}
