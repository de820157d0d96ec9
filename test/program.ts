import { execFileSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";

export const CHECKOUT = join(__dirname, "..");

/** What a command of the checkout is run with: `node --require BUNDLE commands/status/main.ts`. */
export const BUNDLE = join(CHECKOUT, "setup", "bundle.cjs");

/** The environment of a test that has a stand-in for the docker client: no engine of this machine is asked past it. */
export const NO_SOCKET = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

/** What this checkout's bundles are kept in (see setup/bundle.cjs). */
const BUNDLES = join(".state", "bundles");

/** What runs in copies of the program. */
const ENTRIES = [
  ...["index.ts", "cutover/main.ts"],
  ...["status", "preview", "drift", "rollback"].map((command) => `commands/${command}/main.ts`),
];

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

/** Makes the bundles of what runs in copies of the program, where they are not made yet. */
export function makeBundles(): void {
  const script = `for (const entry of process.argv.slice(1)) require(${JSON.stringify(BUNDLE)}).bundleOf(entry);`;
  const entries = ENTRIES.map((entry) => join(CHECKOUT, entry));
  execFileSync(process.execPath, ["--eval", script, ...entries], { cwd: CHECKOUT });
}

/** Has a copy of the program begin with this checkout's bundles: of sources that are the same nothing is bundled again. */
export function copyBundles(directory: string): void {
  if (existsSync(join(CHECKOUT, BUNDLES)))
    cpSync(join(CHECKOUT, BUNDLES), join(directory, BUNDLES), { recursive: true });
}
