import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { copyProgram } from "../program";

/** How a script ended. */
export interface Ended {
  code: number;
  /** Standard output and standard error. */
  output: string;
}

/** A checkout of its own, without a state and with the npm packages of this one. */
export class Checkout {
  readonly directory = mkdtempSync(join(tmpdir(), "blue-green-setup-"));
  /** What is to be done before the folder is removed: hooks of a test run in the order in which they were given. */
  leave: () => Promise<unknown> = async () => {};
  private readonly env: NodeJS.ProcessEnv;

  constructor(t: TestContext) {
    t.after(async () => {
      try {
        await this.leave();
      } finally {
        rmSync(this.directory, { recursive: true, force: true });
      }
    });
    copyProgram(this.directory);
    const { CI: _, ...env } = process.env;
    // As in a shell in which nobody has logged in or sourced .envrc; the PATH's `pulumi` is not this checkout's.
    for (const name of Object.keys(env)) if (/^PULUMI_(?!HOME|DISABLE|SKIP)/.test(name)) delete env[name];
    this.env = env;
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  read(...parts: string[]): string {
    return readFileSync(this.file(...parts), "utf8");
  }

  /** Runs a command with nothing on its standard input. */
  run(file: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return new Promise((resolve) => {
      const options = {
        cwd: this.directory,
        env: { ...this.env, ...env },
        timeout: 300_000,
        maxBuffer: 64 * 1024 * 1024,
      };
      const child = execFile(file, args, options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 130) : 0, output: stdout + stderr }),
      );
      child.stdin?.end();
    });
  }

  /** Runs a line in a shell that has sourced .envrc, as a user types it. */
  shell(line: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.run("bash", ["-c", `. ./.envrc\n${line}`], env);
  }
}
