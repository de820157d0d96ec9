import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readNginx, readScript, SCRIPTS } from "../stacks/engine/scripts";
import { PROXY_DIRECTORY } from "../stacks/service/names";

const CHECKOUT = join(__dirname, "..");

const NAMES = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

/** Files that are brought or made, and none of ours. */
const FOREIGN = ["node_modules", ".git", ".state", "dist"];

/** The project's files that begin as a shell script does. */
function shellScripts(folder: string): string[] {
  return readdirSync(join(CHECKOUT, folder), { withFileTypes: true })
    .filter(({ name }) => !FOREIGN.includes(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return shellScripts(path);
      if (!entry.isFile() || entry.name.includes(".")) return [];
      return /^#!.*\b(?:ba|da)?sh\b/.test(readFileSync(join(CHECKOUT, path), "utf8").slice(0, 100)) ? [path] : [];
    });
}

/** As the scripts name the files that they source. */
const FOLLOW = ["-x", "-P", "SCRIPTDIR"];

/**
 * What is known and meant in scripts whose own text decides whether what they make is made again, so that it can't be said there: what is
 * for another shell or for dpkg, a list of folders by time, a lock on a folder, a trap's variable.
 */
const EXCLUDED: Record<string, string> = {
  "setup/base-images": "SC2016",
  "setup/toolchain/build": "SC2012",
  "test/e2e/current-engine": "SC2016,SC2094,SC2154",
};

/** What shellcheck has against these files, or against a text on its standard input. */
function shellcheck(args: string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("shellcheck", args, { encoding: "utf8", cwd: CHECKOUT, input });
  return status === 0 ? "" : stdout + stderr;
}

const missing = spawnSync("shellcheck", ["--version"]).error && "no shellcheck here (Debian's package of that name)";

describe("the shell scripts", () => {
  test("shellcheck finds nothing in the shell scripts", { skip: missing }, () => {
    const scripts = shellScripts("");
    for (const known of [
      "setup/start",
      "setup/base-images",
      ".github/scripts/up",
      "test/run",
      "bench/run",
      "app/test",
    ]) {
      assert.ok(scripts.includes(known), known);
    }
    const asTheyAre = Object.keys(EXCLUDED);
    assert.equal(shellcheck([...FOLLOW, ...scripts.filter((path) => !asTheyAre.includes(path))]), "");
    for (const path of asTheyAre) assert.equal(shellcheck([...FOLLOW, `--exclude=${EXCLUDED[path]}`, path]), "");
  });

  test("shellcheck finds nothing in the scripts that containers run, each as one shell runs it", {
    skip: missing,
  }, () => {
    for (const name of NAMES) {
      // What stands in single quotes there is for sed and awk.
      const args = ["--shell=sh", "--exclude=SC2016", "-"];
      assert.equal(shellcheck(args, SCRIPTS[name].map(readNginx).join("\n")), "", name);
    }
  });

  test("each script of nginx/ is run by the program, and no other one is", () => {
    const files = readdirSync(join(CHECKOUT, "nginx")).filter((file) => file.endsWith(".sh"));
    assert.deepEqual([...new Set<string>(Object.values(SCRIPTS).flat())].sort(), files.sort());
  });

  test("a script is run without its comments, and with all of its commands", () => {
    for (const name of NAMES) {
      const text = readScript(name);
      assert.doesNotMatch(text, /^\s*#/m, name);
      assert.equal(spawnSync("sh", ["-n"], { input: text }).status, 0, name);
      const commands = (lines: string) => lines.split("\n").filter((line) => line !== "" && !/^\s*#/.test(line));
      assert.deepEqual(commands(text), commands(SCRIPTS[name].map(readNginx).join("\n")), name);
    }
  });

  test("the scripts and the program agree where the proxy's volume is", () => {
    for (const name of NAMES) {
      for (const [path] of readScript(name).matchAll(/\/var\/lib\/[\w-]+/g)) assert.equal(path, PROXY_DIRECTORY, name);
    }
  });
});
