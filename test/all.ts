/**
 * All tests, four files at a time: first those without an engine, then those on the engine. The files that measure a load or a time
 * come last, one at a time. Then the ten slowest files, and a last line `N passed, N failed` (`npm test` runs this, after its checks).
 */
import { globSync } from "node:fs";
import { relative } from "node:path";
import { PassThrough } from "node:stream";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { CHECKOUT, makeBundles } from "./program";

const SLOWEST = 10;
/** How a test file is run: the first has what Pulumi's SDK hardly uses loaded late, which took a second of each. */
const TYPESCRIPT = ["--require", "./setup/sdk.cjs", "--import", "tsx"];

const files = globSync("test/**/*.test.ts", { cwd: CHECKOUT }).sort();
/** It looks for this machine's base images, and other tests on the engine give those other names for a time. */
const BEFORE_OTHERS = "test/e2e/start.test.ts";
const isOnEngine = (file: string) => file.startsWith("test/e2e/") && file !== BEFORE_OTHERS;
/** What these measure, a load or a time, must not be another test's doing. */
const ALONE = new Set(["load", "slowClients"].map((name) => `test/e2e/${name}.test.ts`));
/** Twice as many as CI has cores. With six, tests of times failed that a slow machine spoils; those on the engine fill the cores with four. */
const AT_A_TIME = 4;
/** They take longest, in this order: begun first, so that nothing waits for them at the end. */
const LONGEST = [
  ...["test/cutover/cutover.test.ts", BEFORE_OTHERS],
  ...[
    ...["alerts", "prometheus"],
    ...["workers", "failuresAfter", "hostsFailures", "traffic", "replicas", "failures", "images", "apps", "release"],
    ...["engines", "hostsNetwork", "hostsComeAndGo", "library", "drift", "tls", "currentEngine", "rollback"],
    ...["secrets", "accessories", "delivery", "hostsMissing"],
  ].map((name) => `test/e2e/${name}.test.ts`),
];
const ordered = [...LONGEST.filter((file) => files.includes(file)), ...files.filter((file) => !LONGEST.includes(file))];
const ROUNDS = [
  { files: ordered.filter((file) => !isOnEngine(file)), concurrency: AT_A_TIME },
  { files: ordered.filter((file) => isOnEngine(file) && !ALONE.has(file)), concurrency: AT_A_TIME },
  { files: ordered.filter((file) => ALONE.has(file)), concurrency: 1 },
];

/** Run all rounds, and print what node's own reporter prints, with one list of failures at the end. */
async function main(): Promise<void> {
  const events = new PassThrough({ objectMode: true });
  const report = events.pipe(new spec());
  report.pipe(process.stdout);
  // Whoever ends this run ends the tests that it started.
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());
  makeBundles();
  const counts = { passed: 0, failed: 0 };
  const seconds = new Map<string, number>();
  for (const round of ROUNDS) {
    if (ended.signal.aborted) break;
    const tests = run({
      files: round.files,
      cwd: CHECKOUT,
      concurrency: round.concurrency,
      signal: ended.signal,
      execArgv: TYPESCRIPT,
    });
    for await (const event of tests) {
      // A summary belongs to a round; the counts of all of them are printed at the end.
      if (event.type === "test:summary") {
        if (event.data.file === undefined) {
          counts.passed += event.data.counts.passed;
          counts.failed += event.data.counts.tests - event.data.counts.passed - event.data.counts.skipped;
        } else seconds.set(relative(CHECKOUT, event.data.file), event.data.duration_ms / 1000);
      } else if (!(event.type === "test:diagnostic" && event.data.file === undefined)) events.write(event);
    }
  }
  events.end();
  await new Promise((resolve) => report.once("end", resolve));
  console.log(`\nThe ${SLOWEST} slowest files`);
  for (const [file, took] of [...seconds].sort(([, a], [, b]) => b - a).slice(0, SLOWEST))
    console.log(`${took.toFixed(0).padStart(6)} s  ${file}`);
  console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 && !ended.signal.aborted ? 0 : 1;
}

void main();
