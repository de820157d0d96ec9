import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readScript } from "../stacks/engine/scripts";
import type { Color } from "../stacks/service/color";

/** A command of the user's that decides by its exit code whether the public may be moved. */
export interface Gate {
  command: string;
  timeoutSeconds: number;
  /** Where the color answers. */
  url: string;
  color: Color;
  version: string;
}

/** How long the command's processes have between the request to end and their end. */
const GRACE_MILLISECONDS = 2000;

/** How long the output is still read when the command has ended: a process behind it, such as a `tee`, may have some left. */
const DRAIN_MILLISECONDS = 500;

/** What is handed on: a longer line is cut, and of an output longer than that only its last lines still come, at its end. */
const LINE_BYTES = 64 * 1024;
const OUTPUT_BYTES = 1024 * 1024;
const LAST_LINES = 20;

/**
 * Runs the command by `/bin/sh -c` in a process group of its own, with TARGET_URL, TARGET_COLOR and TARGET_VERSION in its
 * environment and nothing on its standard input; hands each line of its output to `say` as it comes. Answers undefined when it
 * exited with 0, otherwise what happened in words. No process of the group is left either way; one that made itself a group of
 * its own (setsid) is not waited for.
 */
export async function runGateCommand(
  gate: Gate,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (signal?.aborted) return "was not started, since the run was cancelled";
  const pipe = openPipe();
  let child: ChildProcess;
  try {
    child = spawn("/bin/sh", ["-c", readScript("guard"), "sh", gate.command, String(GRACE_MILLISECONDS / 1000)], {
      detached: true,
      env: { ...process.env, TARGET_URL: gate.url, TARGET_COLOR: gate.color, TARGET_VERSION: gate.version },
      stdio: ["ignore", pipe.writeEnd, pipe.writeEnd, "pipe"],
    });
  } catch (error) {
    closeSync(pipe.readEnd);
    return notStarted(error as Error);
  } finally {
    closeSync(pipe.writeEnd);
  }
  const lines = new Lines(say);
  const output = new Socket({ fd: pipe.readEnd, readable: true, writable: false });
  output.on("data", (chunk) => lines.push(chunk));
  const drained = new Promise((resolve) => output.on("close", resolve));
  const exited = exit(child);

  const interrupted = await interruption(gate, signal, exited);
  if (interrupted) {
    endGroup(child, "SIGTERM");
    await pause(GRACE_MILLISECONDS);
  } else {
    await atMost(DRAIN_MILLISECONDS, drained);
  }
  endGroup(child, "SIGKILL");
  await atMost(DRAIN_MILLISECONDS, Promise.all([exited, drained]));
  child.stdio[3]?.destroy();
  child.unref();
  output.destroy();
  lines.end();
  return interrupted ? `${interrupted}; its whole process group was ended` : exited;
}

const notStarted = (error: Error) => `could not be started: ${error.message}`;

/** How the command ended by itself: undefined for well, otherwise in words. */
const exit = (child: ChildProcess): Promise<string | undefined> =>
  new Promise((resolve) => {
    child.on("error", (error) => resolve(notStarted(error)));
    child.on("exit", (code, signal) =>
      resolve(signal ? `was ended by ${signal}` : code ? `exited with ${code}` : undefined),
    );
  });

/** Waits until the command has ended; answers why it must be ended where that comes first. */
function interruption(
  { timeoutSeconds }: Gate,
  signal: AbortSignal | undefined,
  exited: Promise<unknown>,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const onAbort = () => resolve("was ended, since the run was cancelled");
    const timer = setTimeout(() => resolve(`did not end within ${timeoutSeconds} s`), timeoutSeconds * 1000);
    signal?.addEventListener("abort", onAbort);
    exited.then(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(undefined);
    });
  });
}

function endGroup({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // None of it is left, the guard included: the command has ended them all itself. macOS says EPERM while they are zombies.
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** The timer alone keeps nothing alive: where it is the last thing left, the promise is settled already. */
const atMost = (milliseconds: number, promise: Promise<unknown>) =>
  Promise.race([promise, pause(milliseconds, undefined, { ref: false })]);

/**
 * A pipe, one for both outputs so that their lines keep their order. Node's own for a child are sockets, and a shell's
 * `echo ... >/dev/stderr` fails on those.
 */
function openPipe(): { readEnd: number; writeEnd: number } {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-gate-"));
  try {
    const path = join(directory, "output");
    execFileSync("mkfifo", [path]);
    // Without O_NONBLOCK it would wait for somebody who writes.
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Makes lines of what comes; bounded, however much that is. */
class Lines {
  private readonly line = Buffer.alloc(LINE_BYTES);
  private length = 0;
  private isCut = false;
  private handedOn = 0;
  private readonly last: string[] = [];
  private leftOut = 0;

  constructor(private readonly say: (line: string) => void) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf("\n"); end !== -1; end = chunk.indexOf("\n", start)) {
      this.append(chunk.subarray(start, end));
      this.finishLine();
      start = end + 1;
    }
    this.append(chunk.subarray(start));
  }

  /** The output is at its end: what stands without a line's end is a line too. */
  end(): void {
    if (this.length > 0) this.finishLine();
    if (this.leftOut > 0) this.say(`[${this.leftOut} lines are left out here]`);
    for (const line of this.last) this.say(line);
  }

  private append(bytes: Buffer): void {
    const copied = bytes.copy(this.line, this.length);
    this.length += copied;
    this.isCut ||= copied < bytes.length;
  }

  private finishLine(): void {
    const bytes = this.line.subarray(0, this.length);
    // As a stream: the part of a character that a cut leaves behind waits for the rest, which never comes.
    const text = this.isCut
      ? `${new TextDecoder().decode(bytes, { stream: true })} [cut after ${LINE_BYTES / 1024} KiB]`
      : bytes.toString().replace(/\r$/, "");
    this.handedOn += this.length + 1;
    this.handOn(text);
    this.length = 0;
    this.isCut = false;
  }

  private handOn(line: string): void {
    if (this.handedOn <= OUTPUT_BYTES) {
      this.say(line);
      return;
    }
    this.last.push(line);
    if (this.last.length > LAST_LINES) {
      this.last.shift();
      this.leftOut++;
    }
  }
}
