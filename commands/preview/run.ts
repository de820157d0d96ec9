import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventsIn, type Said } from "./events";

/** How `pulumi preview` ended and what it said. */
export interface Previewed {
  /** Its exit code; that of a process that a signal ended is 130. */
  code: number;
  /** Its diff for people, as it prints it. */
  diff: string;
  /** What it printed on standard error. */
  output: string;
  said: Said;
}

/** What begins the lines of the diff that are about the run and not about the change. */
const ABOUT_THE_RUN = /^(?:Previewing update|View (?:in Browser|Live)|Permalink)\b.*$/;

/**
 * Runs `pulumi preview --diff` once: its standard output is the diff, and the engine's events tell the rest. They hold the state
 * without its secrets and the SDK's own debug messages, so they lie in a folder that only this user can read, and only until
 * they are read.
 *
 * @throws Error where `pulumi` can't be started.
 */
export async function previewStack(stack: string): Promise<Previewed> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-preview-"));
  try {
    const log = join(directory, "events.json");
    const args = ["preview", "--diff", "--non-interactive", "--color", "never", "--suppress-permalink=true"];
    const ended = await run("pulumi", [...args, "--stack", stack, "--event-log", log]);
    return {
      ...ended,
      diff: ended.diff.replace(/^.*$/gm, (line) => (ABOUT_THE_RUN.test(line) ? "" : line)).trim(),
      said: eventsIn(read(log)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The log; empty where Pulumi did not come to write one. */
function read(log: string): string {
  try {
    return readFileSync(log, "utf8");
  } catch {
    return "";
  }
}

function run(file: string, args: string[]): Promise<{ code: number; diff: string; output: string }> {
  return new Promise((resolve, reject) => {
    // The CLI has --event-log only with this.
    const env = { ...process.env, PULUMI_DEBUG_COMMANDS: "true" };
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        said[stream] += text;
      });
    }
    // Whoever ends us ends it, and what it has written down is removed first.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new Error("`pulumi` is not on the PATH. Next: source .envrc") : error),
    );
    child.on("close", (code) => resolve({ code: code ?? 130, diff: said.stdout, output: said.stderr }));
  });
}
