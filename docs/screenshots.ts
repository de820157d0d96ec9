/**
 * Makes the pictures in docs/images of the stack `dev`, which must run: its page, `npm run status`, and the preview of a switch.
 *
 *     source .envrc && npm run screenshots
 *
 * The setting that the preview needs is put back afterwards. The pictures of the monitoring's page need no stack and come from
 * monitoring-screenshots.ts. Needs chromium, tmux and aha, which are Debian packages of these names.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { photographMonitoring } from "./monitoring-screenshots";

const NEEDED = ["chromium", "tmux", "aha"];
const IMAGES = resolve("docs", "images");
const SETTINGS = "Pulumi.dev.yaml";
const PAGE = "http://127.0.0.1:8080/";
/** A terminal as people have it, high enough that nothing scrolls away. */
const TERMINAL = { columns: 80, lines: 70 };
/** Of the terminal's font, in pixels. */
const CHARACTER = { width: 9, height: 19 };
const MOST_SECONDS = 60;

/** Run a command to its end and return what it printed. */
function run(command: string, args: string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", input });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Take a picture of a page, so many pixels wide and high. */
function photograph(url: string, name: string, width: number, height: number): void {
  const to = join(IMAGES, `${name}.png`);
  const size = `--window-size=${width},${height}`;
  run("chromium", ["--headless", "--no-sandbox", "--hide-scrollbars", size, `--screenshot=${to}`, url]);
  console.log(`docs/images/${name}.png: ${width} x ${height}`);
}

/** Type a command into a terminal, and take a picture of what it shows when the command has ended. */
async function photographTerminal(folder: string, name: string, command: string): Promise<void> {
  const tmux = (...args: string[]) => run("tmux", ["-S", join(folder, "tmux"), "-f", "/dev/null", ...args]);
  const done = join(folder, `${name}.done`);
  const size = ["-x", String(TERMINAL.columns), "-y", String(TERMINAL.lines)];
  const typed = `echo '$ ${command}'; ${command}; touch ${done}; sleep ${MOST_SECONDS}`;
  tmux("new-session", "-d", ...size, `bash -c "${typed}"`);
  try {
    await until(() => existsSync(done), `${command} has not ended within ${MOST_SECONDS} s`);
    const screen = tmux("capture-pane", "-e", "-p").trimEnd();
    const page = join(folder, `${name}.html`);
    const style = "body { margin: 12px; font: 15px/19px monospace; } pre { margin: 0; }";
    const html = run("aha", ["--black", "--no-header"], screen);
    writeFileSync(page, `<style>${style} body { background: #111; color: #ddd; }</style><pre>${html}</pre>`);
    const height = (screen.split("\n").length + 1) * CHARACTER.height + 24;
    photograph(`file://${page}`, name, TERMINAL.columns * CHARACTER.width + 24, height);
  } finally {
    tmux("kill-server");
  }
}

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const deadline = Date.now() + MOST_SECONDS * 1000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(otherwise);
    await pause(200);
  }
}

async function main(): Promise<void> {
  // It would say where this checkout is.
  delete process.env.PULUMI_OPTION_POLICY_PACK;
  const missing = NEEDED.filter((command) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0);
  if (missing.length > 0)
    throw new Error(`${missing.join(", ")} is missing. Next: apt-get install ${missing.join(" ")}`);
  mkdirSync(IMAGES, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "blue-green-screenshots-"));
  const before = join(folder, SETTINGS);
  copyFileSync(SETTINGS, before);
  const putBack = () => {
    copyFileSync(before, `${SETTINGS}.next`);
    renameSync(`${SETTINGS}.next`, SETTINGS);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      putBack();
      process.exit(1);
    });
  try {
    await photographMonitoring();
    photograph(PAGE, "page", 900, 620);
    await photographTerminal(folder, "status", "npm run --silent status -- dev");
    run("pulumi", ["config", "set", "activeColor", "green", "--stack", "dev"]);
    await photographTerminal(folder, "preview", "npm run --silent preview -- dev");
  } finally {
    putBack();
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
