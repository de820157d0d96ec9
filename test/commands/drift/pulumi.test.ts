import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { previewIn } from "../../../commands/drift/preview";

const URN = "urn:pulumi:dev::blue-green::docker:index/container:Container::green";

const newState = { type: "docker:index/container:Container" };

describe("what a preview of Pulumi's says to drift", () => {
  test("what is to be done with each resource, once", () => {
    const steps = [
      { op: "same", urn: "urn::same", newState },
      { op: "refresh", urn: "urn::refresh", newState },
      { op: "update", urn: "urn::stack", newState: { type: "pulumi:pulumi:Stack" }, diffReasons: ["outputs"] },
      { op: "create-replacement", urn: URN, newState, diffReasons: ["memory"], replaceReasons: ["memory"] },
      { op: "replace", urn: URN, newState, diffReasons: ["memory", "envs"] },
      { op: "delete-replaced", urn: URN, oldState: newState },
      { op: "delete", urn: "urn::gone", oldState: newState },
    ];
    assert.deepEqual(previewIn(JSON.stringify({ steps })), {
      steps: [
        { urn: URN, type: newState.type, op: "replace", reasons: ["memory", "envs"] },
        { urn: "urn::gone", type: newState.type, op: "delete", reasons: [] },
      ],
    });
  });

  test("the configuration that a cutover would carry", () => {
    const carrying = { type: "command:local:Command", inputs: { stdin: "new" } };
    const old = { type: "command:local:Command", inputs: { stdin: "old" } };
    const steps = [
      { op: "update", urn: "urn::cutover", newState: carrying, oldState: old },
      { op: "update", urn: "urn::secret", newState: { ...carrying, inputs: { stdin: { secret: true } } } },
    ];
    assert.deepEqual(
      previewIn(JSON.stringify({ steps }))?.steps.map(({ configuration }) => configuration),
      ["new", undefined],
    );
  });

  test("why it can't be carried out", () => {
    const diagnostics = [
      { severity: "warning", message: "warning: something" },
      { severity: "error", message: "error: blue is live, and this would replace it. Nothing was touched.\n" },
    ];
    assert.deepEqual(previewIn(JSON.stringify({ steps: [], diagnostics })), {
      steps: [],
      error: "blue is live, and this would replace it. Nothing was touched.",
    });
  });

  test("what is no preview", () => {
    for (const text of ["", "error: no", "[]", "{}", '{"steps": 1}']) assert.equal(previewIn(text), undefined);
    assert.deepEqual(previewIn('{"steps": [null, 1, {"op": 1}, {"op": "update"}], "diagnostics": 1}'), { steps: [] });
  });

  test("the error is the cause, and not what Pulumi stopped because of it", () => {
    const error = (message: string) => ({ severity: "error", message });
    const told = (...messages: string[]) =>
      previewIn(JSON.stringify({ steps: [], diagnostics: messages.map(error) }))?.error;
    assert.equal(told("error: context canceled", "error: no engine"), "no engine");
    assert.equal(told("error: context canceled"), "context canceled", "all there is");
  });
});
