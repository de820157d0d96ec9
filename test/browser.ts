import { spawnSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "google-chrome"];
const NAME = NAMES.find((name) => spawnSync(name, ["--version"]).status === 0);

/** Why a test in a browser is left out; false where there is one. */
export const NO_BROWSER: string | false = NAME === undefined && `no ${NAMES.join(" or ")} is installed`;

/** Starts this machine's browser. */
export function startBrowser(): Promise<Browser> {
  const { stdout } = spawnSync("sh", ["-c", `command -v ${NAME}`], { encoding: "utf8" });
  return chromium.launch({ executablePath: stdout.trim(), args: ["--no-sandbox"] });
}
