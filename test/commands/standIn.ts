import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../program";

/** A container as `docker inspect` tells of it: its name on the engine begins with the project and the stack. */
export const container = (
  part: string,
  labels: Record<string, string>,
  more: { state?: object; service?: string; [key: string]: unknown } = {},
) => {
  const { state, service, ...others } = more;
  const name = `blue-green-dev-${service === undefined ? "" : `${service}-`}${part}`;
  return {
    ...{ Id: `id-of-${name}`, Name: `/${name}`, Created: "2026-11-24T03:00:00Z", Image: `sha256:${"1".repeat(64)}` },
    State: {
      ...{ Running: true, Status: "running", ExitCode: 0, OOMKilled: false, StartedAt: "2026-11-24T03:00:00Z" },
      ...state,
    },
    Config: {
      Env: [],
      Labels: {
        ...{ "blue-green.project": "blue-green", "blue-green.stack": "dev" },
        ...(service !== undefined && { "blue-green.service": service }),
        ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [`blue-green.${label}`, value])),
      },
    },
    ...others,
  };
};

export const slot = (color: string, replica = 1, more = {}) =>
  container(replica === 1 ? color : `${color}-${replica}`, { role: "slot", color, replica: String(replica) }, more);

export const proxy = (more = {}) => container("proxy", { role: "proxy" }, more);

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A project's folder with the stack `dev`, with a stand-in for `docker` beside it. */
export class Project {
  readonly directory = mkdtempSync(join(tmpdir(), "blue-green-command-"));

  /**
   * @param script what `docker` does, in its folder: `$*` are its arguments, which the file `asked` gets too.
   * @param before what it does before it answers anything.
   */
  constructor(
    test: TestContext,
    private readonly command: string,
    containers: unknown[],
    script: string,
    stackFile = "config:\n  blue-green:activeColor: blue\n",
    before = "",
  ) {
    test.after(() => rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 }));
    mkdirSync(this.file("project"));
    mkdirSync(this.file("bin"));
    symlinkSync(join(CHECKOUT, "node_modules"), this.file("project", "node_modules"));
    writeFileSync(this.file("project", "Pulumi.yaml"), "name: blue-green\n");
    writeFileSync(this.file("project", "Pulumi.dev.yaml"), stackFile);
    this.have(containers);
    const known = `"container ls") [ "$(cat containers)" = "[]" ] || echo one; exit ;;
        "container inspect") [ "$#" -gt 3 ] || { cat containers; exit; } ;;`;
    const path = this.file("bin", "docker");
    const text = `#!/bin/sh\nPATH=/usr/bin:/bin\ncd "${this.directory}"\necho "$*" >>asked\n${before}case "$1 $2" in\n${known}\nesac\n${script}\n`;
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** What the engine has from now on. */
  have(containers: unknown[]): void {
    writeFileSync(this.file("containers"), JSON.stringify(containers));
  }

  /** What `docker` was asked until now. */
  asked(): string[] {
    return existsSync(this.file("asked")) ? readFileSync(this.file("asked"), "utf8").split("\n").filter(Boolean) : [];
  }

  /** Starts the command as `npm run` does; its standard input is open. */
  start(args: string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; ended: Promise<Ended>; seen: Ended } {
    const child = spawn(
      process.execPath,
      ["--require", BUNDLE, join(CHECKOUT, "commands", this.command, "main.ts"), ...args],
      {
        cwd: this.file("project"),
        env: { PATH: this.file("bin"), HOME: this.directory, PULUMI_STACK: "dev", ...NO_SOCKET, ...env },
      },
    );
    const seen: Ended = { code: null, stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        seen[stream] += text;
      });
    }
    child.stdin.on("error", () => {});
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve(Object.assign(seen, { code })));
    });
    return { child, ended, seen };
  }

  /** Runs the command to its end. */
  run(args: string[], { input, ...env }: NodeJS.ProcessEnv & { input?: string } = {}): Promise<Ended> {
    const { child, ended } = this.start(args, env);
    child.stdin?.end(input);
    return ended;
  }
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within 20 s: ${what}`);
}
