import { spawn } from "node:child_process";

/** Aborted when the user interrupts: commands under way end, new ones are refused, and the run unwinds to its clean-up. */
export const interruption = new AbortController();

export interface CommandOptions {
  /** What the command reads from standard input. */
  input?: string;
  /** What differs from our environment. */
  env?: NodeJS.ProcessEnv;
  /** Takes what the command writes to standard output, while it does. */
  hear?: (text: string) => void;
  /** For the clean-up: this one runs although the user has interrupted. */
  always?: boolean;
}

/** Runs a command that must succeed, without a shell; answers its standard output. */
export function command(file: string, args: string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...options.env },
      // Ctrl-C in a terminal reaches the whole group; the clean-up has one of its own.
      ...(options.always ? { detached: true } : { signal: interruption.signal }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      options.hear?.(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${file} ${args.join(" ")}: ${signal ?? `exit code ${code}`}\n${stdout}${stderr}`));
    });
    // Who ends without reading it says so by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** A question to the Docker Engine, or an order. */
export const docker = (...args: string[]): Promise<string> => command("docker", args);
