/**
 * The test files that a change touches, a line each: those that changed, and those that import or name a changed file, by way of
 * whatever else they import. `npm test -- --changed` runs them; `npm test -- --changed=main` takes all since the commit `main`.
 * The engine's tests run a copy of the whole program, which no import tells of: of those only the ones that changed themselves, or
 * whose own helpers did, are among them. Tests that list a folder are all among them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildSync } from "esbuild";

const CHECKOUT = join(__dirname, "..");

const git = (command: string, ...args: string[]): string[] =>
  execFileSync("git", [command, "-z", ...args], { cwd: CHECKOUT, encoding: "utf8" })
    .split("\0")
    .filter(Boolean);

/** Return the files that differ from a commit, those included that git does not know yet. */
function changedSince(commit: string): Set<string> {
  const names = ["--name-only", "--no-renames"];
  return new Set([
    ...git("diff", ...names, "--end-of-options", commit, "--"),
    ...git("ls-files", "--others", "--exclude-standard"),
  ]);
}

/** Return for each source the files that it imports, and the files that are no sources but named in it. */
function dependencies(entries: string[], others: string[]): Map<string, string[]> {
  const { metafile } = buildSync({
    absWorkingDir: CHECKOUT,
    entryPoints: entries,
    outdir: "unused",
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    packages: "external",
    logLevel: "silent",
  });
  return new Map(
    Object.entries(metafile.inputs).map(([source, { imports }]) => {
      const text = readFileSync(join(CHECKOUT, source), "utf8");
      const named = others.filter((file) => text.includes(`"${basename(file)}"`) || text.includes(`${file}"`));
      return [source, [...imports.filter(({ external }) => !external).map(({ path }) => path), ...named]];
    }),
  );
}

/** Return the test files that a set of changed files touches. */
export function touchedBy(changed: ReadonlySet<string>): string[] {
  const files = [...git("ls-files"), ...git("ls-files", "--others", "--exclude-standard")].filter((file) =>
    existsSync(join(CHECKOUT, file)),
  );
  const tests = files.filter((file) => /^test\/.*\.test\.ts$/.test(file));
  const others = files.filter((file) => !file.endsWith(".ts"));
  const uses = dependencies(tests, others);
  // All of them stand on these.
  if (["package-lock.json", "tsconfig.json"].some((file) => changed.has(file))) return tests;
  return tests.filter((test) => {
    const seen = new Set([test]);
    // What lists a folder reads files that nothing names.
    if (!test.startsWith("test/e2e/") && readFileSync(join(CHECKOUT, test), "utf8").includes("readdirSync("))
      return true;
    for (const file of seen) for (const used of uses.get(file) ?? []) seen.add(used);
    const counts = test.startsWith("test/e2e/") ? [...seen].filter((file) => file.startsWith("test/")) : [...seen];
    return counts.some((file) => changed.has(file));
  });
}

if (require.main === module) {
  const [commit = "HEAD"] = process.argv.slice(2);
  console.log(touchedBy(changedSince(commit)).join("\n"));
}
