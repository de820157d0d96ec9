import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { commandLine } from "../../stacks/text/shell";
import { until } from "./standIn";

/** Whether this machine can make terminals; `npm test` brings what it takes. */
export const NO_TERMINAL = spawnSync("tmux", ["-V"]).status === 0 ? false : "tmux is not installed";

/** Where a command runs. */
interface Place {
  cwd: string;
  env: Record<string, string>;
  columns: number;
  rows: number;
  then?: string[];
}

/** A terminal of a test's own, with a command in it as a shell runs it. */
export class Terminal {
  private readonly directory = mkdtempSync(join(tmpdir(), "blue-green-terminal-"));

  /**
   * @param env the whole environment of the command, but for what a terminal says of itself.
   * @param then what the shell runs when the command has ended, or was suspended.
   */
  constructor(test: TestContext, words: readonly string[], { cwd, env, columns, rows, then = [] }: Place) {
    test.after(() => {
      this.tmux("kill-server");
      rmSync(this.directory, { recursive: true, force: true });
    });
    const assigned = Object.entries(env).map(([name, value]) => `${name}=${commandLine([value])}`);
    const script = join(this.directory, "script");
    const lines = [
      // Jobs of their own, so that Ctrl-Z suspends the command alone.
      ...["set -m", `cd ${commandLine([cwd])}`, "echo BEFORE", `${assigned.join(" ")} ${commandLine(words)}`],
      ...['echo "ENDED $?"', ...then, "exec /bin/sleep 300", ""],
    ];
    writeFileSync(script, lines.join("\n"));
    const shell = `exec /bin/bash --norc --noprofile ${commandLine([script])}`;
    const { status, stderr } = this.tmux(
      ...["-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", String(rows), shell],
    );
    if (status !== 0) throw new Error(`tmux: ${stderr}`);
  }

  /** What it shows. */
  get text(): string {
    return this.tmux("capture-pane", "-p").stdout.replace(/[ ]+$/gm, "").trimEnd();
  }

  /** The same with the styles of the text. */
  get styled(): string {
    return this.tmux("capture-pane", "-p", "-e").stdout;
  }

  get lines(): string[] {
    return this.text.split("\n");
  }

  /** Whether the second screen is shown, and whether the cursor is. */
  get modes(): { second: boolean; cursor: boolean } {
    const [second, cursor] = this.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}")
      .stdout.trim()
      .split(" ");
    return { second: second === "1", cursor: cursor === "1" };
  }

  resize(columns: number, rows: number): void {
    this.tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  type(...keys: string[]): void {
    this.tmux("send-keys", ...keys);
  }

  /** Waits until it shows something. */
  async shows(what: RegExp): Promise<string> {
    let text = "";
    const isShown = () => {
      text = this.text;
      return what.test(text);
    };
    await until(String(what), isShown).catch((error: Error) => {
      throw new Error(`${error.message}\n${text}`);
    });
    return text;
  }

  private tmux(...args: string[]) {
    return spawnSync("tmux", ["-S", join(this.directory, "tmux"), ...args], { encoding: "utf8" });
  }
}
