import assert from "node:assert/strict";
import { test } from "node:test";
import { cantTellLine } from "../../commands/outcome";
import { FIT, HOSTILE_TEXTS } from "../stacks/text/hostile.sample";

test("why a command can't tell is one line that moves no cursor, whatever an engine or Pulumi said", () => {
  assert.equal(cantTellLine("no engine answered"), "Can't tell: no engine answered");
  for (const hostile of HOSTILE_TEXTS) {
    assert.match(cantTellLine(hostile), FIT);
    assert.ok(cantTellLine(hostile).length < 2100);
  }
});
