import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What an earlier step left in the runner's temporary folder; empty where it left nothing. */
export function left(file: string, { RUNNER_TEMP }: NodeJS.ProcessEnv): string {
  if (!RUNNER_TEMP) throw new Error("RUNNER_TEMP is not set; GitHub sets it on its runners");
  try {
    return readFileSync(join(RUNNER_TEMP, file), "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** The stack that a script is asked for. */
export function stackIn(args: readonly string[]): string {
  const [stack = "", ...more] = args;
  if (more.length > 0 || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(stack))
    throw new Error(`${JSON.stringify(args.join(" "))} is not the name of a stack`);
  return stack;
}
