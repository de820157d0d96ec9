import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CantTellError,
  cantTellLine,
  cantTellScreen,
  Refusal,
  stopOf,
  stopReport,
  stopScreen,
} from "../../commands/outcome";
import { FIT, HOSTILE_TEXTS } from "../stacks/text/hostile.sample";

const next = [{ purpose: "see", command: "docker version" }];

describe("how a command ends early", () => {
  test("why a command can't tell is one line that moves no cursor, whatever an engine or Pulumi said", () => {
    assert.equal(cantTellLine("no engine answered"), "Can't tell: no engine answered");
    for (const hostile of HOSTILE_TEXTS) {
      assert.match(cantTellLine(hostile), FIT);
      assert.ok(cantTellLine(hostile).length < 2100);
      const refusal = stopScreen(new Refusal(hostile, [hostile, { purpose: "see", command: hostile }]));
      for (const line of refusal.split("\n")) assert.match(line, FIT);
      assert.equal(refusal.split("\n").length, 3);
    }
  });

  test("why nothing can be told, and what to type", () => {
    const screen = "Can't tell: no engine\nNext, to see: docker version";
    assert.equal(cantTellScreen({ exit: 3, level: "unknown", reason: "no\nengine", next }), screen);
    assert.equal(stopScreen(new CantTellError("no\nengine", next)), screen);
    assert.equal(stopScreen(new Refusal("no", ["pulumi up"])), "Refused: no\nNext: pulumi up");
  });

  test("the same as JSON, with the exit code", () => {
    assert.deepEqual(stopReport(new CantTellError("no", next)), { exit: 3, level: "unknown", reason: "no", next });
    assert.deepEqual(stopReport(new Refusal("no", ["pulumi up"])), {
      ...{ exit: 1, level: "refused", reason: "no", next: [{ purpose: "go on", command: "pulumi up" }] },
    });
  });

  test("an error that nobody foresaw can't be told from", () => {
    const refusal = new Refusal("no");
    assert.equal(stopOf(refusal), refusal);
    assert.deepEqual([stopOf(new TypeError("x is no function")).exit, stopOf("odd").message], [3, "odd"]);
  });
});
