import assert from "node:assert/strict";
import { test } from "node:test";
import { askedBy } from "../../../commands/status/arguments";

test("the stack, JSON and help, in each spelling", () => {
  assert.deepEqual(askedBy([], {}), { json: false, help: false });
  assert.deepEqual(askedBy(["--json", "--stack", "prod"], {}), { json: true, help: false, stack: "prod" });
  assert.deepEqual(askedBy(["--stack=prod"], {}), { json: false, help: false, stack: "prod" });
  assert.deepEqual(askedBy(["-s", "prod", "-h"], {}), { json: false, help: true, stack: "prod" });
  assert.deepEqual(askedBy(["--help"], {}), { json: false, help: true });
});

test("what is not known is named, and JSON stays asked for", () => {
  const problem = (...args: string[]) => askedBy(args, {}).problem;
  assert.equal(problem("prod"), 'the argument "prod" is not known');
  assert.equal(problem("--jsn"), 'the argument "--jsn" is not known');
  assert.equal(problem("--json=yes"), 'the argument "--json=yes" is not known');
  assert.equal(problem(""), 'the argument "" is not known');
  assert.equal(problem("--stack"), "--stack needs the stack's name");
  assert.equal(problem("--stack="), "--stack needs the stack's name");
  assert.equal(problem("--stack", "--json"), "--stack needs the stack's name");
  assert.equal(askedBy(["what", "--json"], {}).json, true);
});

test("a --stack that npm took for its own is said, since another stack than the meant one would be shown", () => {
  assert.equal(
    askedBy([], { npm_config_stack: "prod" }).problem,
    "npm took --stack for its own; its options come before `--`, those of status after it",
  );
  assert.equal(askedBy(["--stack", "prod"], { npm_config_stack: "prod" }).problem, undefined);
});
