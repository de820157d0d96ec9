import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPulumi } from "../pulumi";
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

/** The exit code of a process that a signal ended. */
const SIGNAL_CODE = 130;

/** What begins the lines of the diff that are about the run and not about the change. */
const ABOUT_THE_RUN = /^(?:Previewing update|View (?:in Browser|Live)|Permalink)\b.*$/;

/**
 * Runs `pulumi preview --diff` once: its standard output is the diff, and the engine's events tell the rest. They hold the state
 * without its secrets and the SDK's own debug messages, so they lie in a folder that only this user can read, and only until
 * they are read.
 *
 * @throws CantTellError where `pulumi` can't be run.
 */
export async function previewStack(stack: string): Promise<Previewed> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-preview-"));
  try {
    const log = join(directory, "events.json");
    const args = ["preview", "--diff", "--suppress-permalink=true", "--stack", stack, "--event-log", log];
    const { code, stdout, stderr } = await runPulumi(args, {
      // The CLI has --event-log only with this.
      env: { PULUMI_DEBUG_COMMANDS: "true" },
      tellInterrupted: true,
    });
    return {
      code: code ?? SIGNAL_CODE,
      output: stderr,
      diff: stdout.replace(/^.*$/gm, (line) => (ABOUT_THE_RUN.test(line) ? "" : line)).trim(),
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
