import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { lineSplitter } from "../text/lines";
import { printable, shortened } from "../text/plain";
import { readScript } from "./scripts";
import { askSocket, socketIn } from "./socket";

/** How long one question to the Docker Engine may take; a remote one behind SSH needs a few seconds. */
const DOCKER_TIMEOUT_SECONDS = 20;

/** The most that one answer may hold: a hundred containers inspected are far below. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** So many characters are kept of what a command without such a bound has written. */
const MOST_KEPT = 64 * 1024;

/** How many characters of the client's words an error shows. */
const MOST_WORDS = 2000;

/** How a `docker` command ended, whatever its exit code was. */
export interface Ended {
  /** The exit code; null where it was ended by a signal. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  /** Its standard input; none where it is left out. */
  input?: string;
  /** After that long it is ended. */
  timeoutSeconds?: number;
  /** Environment variables beside our own. */
  env?: Record<string, string>;
  /** Gets each line of its standard output as it comes. */
  onLine?: (line: string) => void;
  /** The same for its standard error. */
  onErrorLine?: (line: string) => void;
  /** Whether it may write as much as it likes, such as a job that runs for hours: of its output only the end is kept. */
  isEndless?: boolean;
}

/** One of the two outputs of a command. */
type Stream = "stdout" | "stderr";

/** What a `docker` command writes, while it does. */
export interface Output {
  /** Its standard output with its standard error, in the order in which it wrote them. */
  stream: Readable;
  /** Its exit code once it has ended and all of it was read; null where it was ended. */
  ended: Promise<number | null>;
  /** Ends it. */
  end(): void;
}

/** A `docker` command on this process's own standard input and output. */
export interface Attached {
  /** Its exit code once it has ended; as of a shell where a signal has ended it. */
  ended: Promise<number>;
  end(signal: NodeJS.Signals): void;
}

/** Why a question to the engine had no answer. */
export class DockerError extends Error {
  override readonly name = "DockerError";

  constructor(message: string) {
    super(shortened(printable(message), MOST_WORDS));
  }
}

/** Whether the engine says that there is no such container: nothing but Pulumi makes it again. */
export const isGone = ({ message }: Error): boolean => /no such container/i.test(message);

/** A Docker Engine, asked through its command line client. */
export interface Docker {
  /**
   * Runs `docker` with these arguments; answers what it wrote to standard output.
   *
   * @throws DockerError with the client's words.
   */
  ask(...args: string[]): Promise<string>;
  /**
   * Runs `docker`, whatever its exit code will be.
   *
   * @throws DockerError where it could not be run, or not to its end.
   */
  run(args: string[], options?: RunOptions): Promise<Ended>;
  /** Starts `docker` and hands it over with its standard input open. */
  start(args: string[]): ChildProcessWithoutNullStreams;
  /** Starts `docker` and hands over what it writes; it waits where that is not read. */
  output(args: string[]): Output;
  /**
   * Starts `docker` on this process's own standard input and output.
   *
   * @param isTerminal whether it is to hear of the terminal: of its size, and that it is gone. Without, it hears no Ctrl-C either.
   */
  attach(args: string[], isTerminal: boolean): Attached;
  /** The last lines of what a container wrote, standard output before standard error. */
  log(container: string, lines: number): Promise<string>;
}

/**
 * The engine that the Docker provider uses: `host` from its own setting `docker:host`, otherwise DOCKER_HOST, otherwise the local
 * socket. The provider does not read the client's current context, so the client must not either.
 *
 * @param timeoutSeconds how long one question may take where nothing else is said.
 */
export function dockerAt(host: string | undefined, timeoutSeconds = DOCKER_TIMEOUT_SECONDS): Docker {
  const env = { ...process.env, ...dockerHost(host), DOCKER_CONTEXT: "default" };
  // A process group of its own: what interrupts us must not cut a reload in two.
  const start = (args: string[], more: Record<string, string> = {}) =>
    spawn("docker", args, { env: { ...env, ...more }, detached: true });

  const byClient = (
    args: string[],
    { input, timeoutSeconds, env, ...options }: Required<Pick<RunOptions, "timeoutSeconds">> & RunOptions,
  ) =>
    new Promise<Ended>((resolve, reject) => {
      const child = start(args, env);
      const end = (why: string) => {
        child.kill("SIGKILL");
        reject(new DockerError(why));
      };
      const late = setTimeout(() => end(lateness(args, timeoutSeconds)), timeoutSeconds * 1000);
      const output = new Collected(options, () => end(tooMuch(args)));
      for (const name of ["stdout", "stderr"] as const)
        child[name].on("data", (part: Buffer) => output.add(name, part));
      child.on("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(late);
        const missing = error.code === "ENOENT";
        reject(new DockerError(missing ? "the client `docker` is not on the PATH" : error.message));
      });
      child.on("close", (code) => {
        clearTimeout(late);
        resolve({ code, ...output.end() });
      });
      // A client that ends early does not read its input to the end.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });

  const run = async (args: string[], options: RunOptions = {}) => {
    const bounded = { timeoutSeconds, ...options };
    const socketPath = options.env === undefined ? socketIn(env) : undefined;
    return (socketPath && (await bySocket(socketPath, args, bounded))) || byClient(args, bounded);
  };

  const must = async (args: string[]) => {
    const { code, stdout, stderr } = await run(args);
    if (code !== 0) throw new DockerError((stderr || `\`docker ${args[0]}\` ended with exit code ${code}`).trim());
    return { stdout, stderr };
  };

  return {
    run,
    start: (args) => start(args),
    output: (args) => output(args, env),
    attach: (args, isTerminal) => attach(args, env, isTerminal),
    ask: async (...args) => (await must(args)).stdout,
    log: async (container, lines) => {
      const { stdout, stderr } = await must(["container", "logs", "--tail", String(lines), container]);
      return stdout + stderr;
    },
  };
}

const lateness = (args: string[], seconds: number) => `\`docker ${args[0]}\` had no answer within ${seconds} s`;
const tooMuch = (args: string[]) => `\`docker ${args[0]}\` wrote too much`;

/** What a command has written, of which each line is handed on as it comes. */
class Collected {
  private readonly text = { stdout: "", stderr: "" };
  private readonly decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  private readonly lines: Record<Stream, ReturnType<typeof lineSplitter> | undefined>;

  constructor(
    private readonly options: Pick<RunOptions, "onLine" | "onErrorLine" | "isEndless">,
    private readonly tooMuch: () => void,
  ) {
    const { onLine, onErrorLine } = options;
    this.lines = { stdout: onLine && lineSplitter(onLine), stderr: onErrorLine && lineSplitter(onErrorLine) };
  }

  add(stream: Stream, part: Buffer): void {
    this.keep(stream, this.decoders[stream].write(part));
  }

  /** Returns all of it, or the end of what is endless. */
  end(): { stdout: string; stderr: string } {
    for (const stream of ["stdout", "stderr"] as const) {
      this.keep(stream, this.decoders[stream].end());
      this.lines[stream]?.end();
    }
    return this.text;
  }

  private keep(stream: Stream, more: string): void {
    const text = this.text[stream] + more;
    this.text[stream] = this.options.isEndless ? text.slice(-MOST_KEPT) : text;
    if (this.text[stream].length > MOST_ANSWER_BYTES) this.tooMuch();
    this.lines[stream]?.add(more);
  }
}

/** Does by the engine's socket what the client would; undefined where that has to be asked. */
async function bySocket(
  socketPath: string,
  args: string[],
  { input, timeoutSeconds, ...options }: RunOptions & { timeoutSeconds: number },
): Promise<Ended | undefined> {
  const ended = new AbortController();
  let why = "";
  const end = (reason: string) => {
    why ||= reason;
    ended.abort();
  };
  const late = setTimeout(() => end(lateness(args, timeoutSeconds)), timeoutSeconds * 1000);
  const output = new Collected(options, () => end(tooMuch(args)));
  const hearer = {
    stdout: (part: Buffer) => output.add("stdout", part),
    stderr: (part: Buffer) => output.add("stderr", part),
  };
  try {
    const code = await askSocket(socketPath, args, { input, hearer, signal: ended.signal });
    if (why !== "") throw new DockerError(why);
    return code === undefined ? undefined : { code, ...output.end() };
  } catch (error) {
    throw new DockerError(why || (error as Error).message);
  } finally {
    clearTimeout(late);
  }
}

function output(args: string[], env: NodeJS.ProcessEnv): Output {
  const child = spawn("/bin/sh", ["-c", readScript("joined"), "docker", ...args], {
    env,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", resolve);
  });
  const end = () => {
    // What it has started, as ssh, may outlive it and hold this open.
    child.stdout.destroy();
    child.kill("SIGKILL");
  };
  return { stream: child.stdout, ended, end };
}

/** Begins the exit codes that say which signal ended a command. */
const SIGNAL_EXIT = 128;

/** Returns the exit code of what a signal has ended, as a shell has it. */
export const signalExit = (signal: NodeJS.Signals | null): number =>
  SIGNAL_EXIT + (signal === null ? 0 : constants.signals[signal]);

function attach(args: string[], env: NodeJS.ProcessEnv, isTerminal: boolean): Attached {
  const child = spawn("docker", args, { env, detached: !isTerminal, stdio: "inherit" });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new DockerError(error.message)));
    child.on("close", (code, signal) => resolve(code ?? signalExit(signal)));
  });
  return { ended, end: (signal) => child.kill(signal) };
}

/** The engine's address as an environment variable, where the provider's setting names one: commands don't inherit that. */
export const dockerHost = (host: string | undefined): Record<string, string> =>
  host === undefined ? {} : { DOCKER_HOST: host };

/** Why the docker client's own context stands in the way, for people; undefined where it does not. */
export function contextProblem(env: NodeJS.ProcessEnv): string | undefined {
  const context = env.DOCKER_CONTEXT;
  if (!context || context === "default") return undefined;
  return (
    `DOCKER_CONTEXT is ${JSON.stringify(context)}: containers and commands could end up on different engines. Nothing was touched. ` +
    "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && unset DOCKER_CONTEXT"
  );
}
