import { execFileSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";

export const CHECKOUT = join(__dirname, "..");

/** What a command of the checkout is run with: `node --require BUNDLE commands/status/main.ts`. */
export const BUNDLE = join(CHECKOUT, "setup", "bundle.cjs");

/** Nothing of these runs in a copy: only `npm test` and `npm run bench` themselves do, which the set-up's tests start. */
const NOT_COPIED = /^(?:test\/(?!run$)|docs\/|\.github\/|examples\/)/;

/**
 * Copies what git lists in this checkout into a folder: the program, its commands and its set-up, with the npm packages as a link.
 *
 * @param except the files that stay behind.
 */
export function copyProgram(directory: string, except?: RegExp): void {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: CHECKOUT,
    encoding: "utf8",
  });
  for (const file of listed.split("\0").filter(Boolean)) {
    if (NOT_COPIED.test(file) || except?.test(file) || !existsSync(join(CHECKOUT, file))) continue;
    cpSync(join(CHECKOUT, file), join(directory, file));
  }
  symlinkSync(join(CHECKOUT, "node_modules"), join(directory, "node_modules"));
}
