import assert from "node:assert/strict";
import { test } from "node:test";
import { askedBy } from "../../../commands/drift/arguments";

const none = { fix: false, json: false, help: false };

test("the stack by itself or as --stack, and what is to be done", () => {
  assert.deepEqual(askedBy([], {}), none);
  assert.deepEqual(askedBy(["prod", "--fix", "--json"], {}), { ...none, stack: "prod", fix: true, json: true });
  assert.deepEqual(askedBy(["--stack", "prod"], {}), { ...none, stack: "prod" });
  assert.deepEqual(askedBy(["--stack=prod", "-h"], {}), { ...none, stack: "prod", help: true });
});

test("what is not known, or asked for twice, is named", () => {
  const problem = (args: string[], env: NodeJS.ProcessEnv = {}) => askedBy(args, env).problem;
  assert.equal(problem(["--fx"]), 'the argument "--fx" is not known');
  assert.equal(problem([""]), 'the argument "" is not known');
  assert.equal(problem(["--fix=yes"]), 'the argument "--fix=yes" is not known');
  assert.equal(problem(["--stack"]), "--stack needs the stack's name");
  assert.equal(problem(["--stack", "--fix"]), "--stack needs the stack's name");
  assert.equal(problem(["dev", "prod"]), 'one stack at a time, and not "prod" too');
  assert.equal(
    problem([], { npm_config_fix: "true" }),
    "npm took --fix for its own; its options come before `--`, those of drift after it",
  );
  assert.equal(
    problem(["--fix"], { npm_config_stack: "prod" }),
    "npm took --stack for its own; its options come before `--`, those of drift after it",
  );
});
