import { spawn } from "node:child_process";
import { isObject, objectIn } from "../../stacks/text/json";
import { causesIn } from "../status/selected";
import { listIn } from "./state";

/** The most that one command may take: a backend and an engine far away. */
const TIMEOUT_SECONDS = 300;

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What Pulumi would do, or found changed, with one resource. */
export interface Step {
  urn: string;
  type: string;
  /** `update`, `replace`, `create`, `delete`. */
  op: string;
  /** The properties because of which. */
  reasons: string[];
}

/** What a preview says. */
export interface Preview {
  steps: Step[];
  /** Its error, for people. */
  error?: string;
}

/**
 * Runs `pulumi` for a stack, as the user's shell would; what it prints is kept in memory alone.
 *
 * @throws Error where it can't be run.
 */
export function askPulumi(stack: string, args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", [...args, "--stack", stack, "--non-interactive", "--color", "never"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended: Ended = { code: null, stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        ended[stream] += text;
      });
    }
    const late = setTimeout(() => {
      child.kill("SIGTERM");
      reject(new Error(`\`pulumi ${args[0]}\` did not end within ${TIMEOUT_SECONDS} s`));
    }, TIMEOUT_SECONDS * 1000);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      reject(new Error(error.code === "ENOENT" ? "`pulumi` is not on the PATH" : error.message));
    });
    child.on("close", (code) => {
      clearTimeout(late);
      resolve({ ...ended, code });
    });
  });
}

/** Runs `pulumi` for a stack and shows what it says; answers its exit code, and null where a signal ended it. */
export function showPulumi(stack: string, args: string[], to: "stdout" | "stderr"): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const out = to === "stdout" ? "inherit" : process.stderr;
    spawn("pulumi", [...args, "--stack", stack, "--non-interactive"], { stdio: ["ignore", out, "inherit"] })
      .on("error", reject)
      .on("close", resolve);
  });
}

/** What is nothing to be done. */
const IDLE_OPS = ["same", "refresh", "read"];

/** Makes sense of what `pulumi preview --json` or `pulumi refresh --preview-only --json` printed; undefined where it is no such text. */
export function previewIn(json: string): Preview | undefined {
  const preview = objectIn(json);
  if (!Array.isArray(preview?.steps)) return undefined;
  const steps = new Map<string, Step>();
  for (const { op, urn, newState, oldState, diffReasons, replaceReasons } of preview.steps.filter(isObject)) {
    if (typeof op !== "string" || typeof urn !== "string" || IDLE_OPS.includes(op)) continue;
    const state = isObject(newState) ? newState : isObject(oldState) ? oldState : {};
    const type = typeof state.type === "string" ? state.type : "";
    if (type === "pulumi:pulumi:Stack") continue;
    const before = steps.get(urn);
    const reasons = [...(before?.reasons ?? []), ...listIn(replaceReasons), ...listIn(diffReasons)];
    // A replacement is told as its two halves beside the whole.
    const simple = op.includes("replace") || before?.op === "replace" ? "replace" : op;
    steps.set(urn, { urn, type, op: simple, reasons: [...new Set(reasons)] });
  }
  const [error] = causesIn(
    (Array.isArray(preview.diagnostics) ? preview.diagnostics : [])
      .filter(isObject)
      .flatMap((each) =>
        each.severity === "error" && typeof each.message === "string"
          ? [each.message.replace(/^error: /, "").trim()]
          : [],
      ),
  );
  return { steps: [...steps.values()], ...(error !== undefined && { error }) };
}
