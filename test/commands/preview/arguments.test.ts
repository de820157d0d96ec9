import assert from "node:assert/strict";
import { test } from "node:test";
import { askedBy } from "../../../commands/preview/arguments";

test("a stack, as it is typed, and what to print it as", () => {
  assert.deepEqual(askedBy([], {}), { comment: false, help: false });
  assert.deepEqual(askedBy(["prod"], {}), { stack: "prod", comment: false, help: false });
  assert.deepEqual(askedBy(["--comment", "org/prod"], {}), { stack: "org/prod", comment: true, help: false });
  for (const help of ["--help", "-h"]) assert.equal(askedBy([help], {}).help, true);
});

test("what is not known is named", () => {
  for (const argument of ["--json", "-x", "--stack=prod", "--", "", "-"]) {
    assert.equal(askedBy([argument], {}).problem, `the argument ${JSON.stringify(argument)} is not known`);
  }
  assert.equal(askedBy(["dev", "prod"], {}).problem, "more than one stack is named");
});

test("options that npm took for its own are missed", () => {
  assert.match(askedBy(["prod"], { npm_config_comment: "true" }).problem ?? "", /npm took --comment for its own/);
  assert.match(askedBy([], { npm_config_stack: "prod" }).problem ?? "", /npm took --stack for its own/);
});
