import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const CHECKOUT = join(__dirname, "..", "..");

/** Has the SDK watch over a promise that is kept and one that is not, as a program does that Pulumi runs; what it notes of them. */
function watched(env: NodeJS.ProcessEnv, runner = "node_modules/@pulumi/pulumi/cmd/run"): Record<string, unknown> {
  const script = `
    process.argv[1] = ${JSON.stringify(join(CHECKOUT, runner))};
    Error.prepareStackTrace ??= (error, frames) => [error, ...frames].join("\\n    at ");
    require("./stacks/stackTraces");
    const { debuggablePromise, leakedPromises } = require("@pulumi/pulumi/runtime/debuggable");
    const limit = Error.stackTraceLimit;
    const [kept, leaked] = [Promise.resolve(1), new Promise(() => {})];
    debuggablePromise(leaked, "the leaked one");
    debuggablePromise(kept, "the kept one").then(async (value) => {
      await new Promise((resolve) => setImmediate(resolve));
      const [leaks] = leakedPromises();
      const lines = (text) => text.split("\\n").length;
      console.log(JSON.stringify({
        value, limit: Error.stackTraceLimit === limit,
        lines: lines(leaked._debugStackTrace), error: lines(new Error("said").stack) > 1,
        leaks: [...leaks].map(({ _debugCtx }) => _debugCtx),
      }));
      process.exit();
    });
  `;
  const output = execFileSync(process.execPath, ["--require", "tsx/cjs", "--eval", script], {
    ...{ cwd: CHECKOUT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    env: { ...process.env, ...env },
  });
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

test("a promise of Pulumi's SDK is watched over without a trace, and errors have theirs", () => {
  const leaks = ["the leaked one"];
  assert.deepEqual(watched({}), { value: 1, limit: true, lines: 1, error: true, leaks });
});

test("who looks for a promise that is never kept finds where it was made, and so does a program that Pulumi does not run", () => {
  const { lines } = watched({ PULUMI_DEBUG_PROMISE_LEAKS: "1" });
  assert.ok(Number(lines) > 1, String(lines));
  assert.ok(Number(watched({}, "other.js").lines) > 1);
});
