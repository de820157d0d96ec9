import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventsIn } from "../../../commands/preview/events";
import { decisionLine } from "../../../stacks/service/decision";
import { decision } from "./said.sample";

const log = (...events: object[]) => events.map((event) => JSON.stringify(event)).join("\n");

const message = (severity: string, text: string) => ({ diagnosticEvent: { severity, message: text } });

const pre = (op: string, name: string, more: object = {}) => ({
  resourcePreEvent: {
    metadata: { op, urn: `urn::${name}`, type: "t", old: { inputs: { a: 1 } }, new: { inputs: { a: 2 } }, ...more },
  },
});

describe("the events of a preview", () => {
  test("steps are told once each: a replacement by its logical step, what stays and what is read not at all", () => {
    const { steps } = eventsIn(
      log(
        pre("same", "stays"),
        pre("read", "read"),
        pre("delete-replaced", "anew"),
        pre("replace", "anew", { detailedDiff: { "envs[0]": {} }, diffs: ["envs"] }),
        pre("create-replacement", "anew"),
        pre("update", "changes", { diffs: ["stdin"] }),
        pre("create", "comes", { old: null }),
        pre("delete", "goes", { new: null }),
      ),
    );
    assert.deepEqual(
      steps.map(({ op, urn, old, new: now, differs }) => [op, urn, old, now, differs]),
      [
        ["replace", "urn::anew", { a: 1 }, { a: 2 }, ["envs[0]"]],
        ["update", "urn::changes", { a: 1 }, { a: 2 }, ["stdin"]],
        ["create", "urn::comes", {}, { a: 2 }, []],
        ["delete", "urn::goes", { a: 1 }, {}, []],
      ],
    );
  });

  test("what a run that was cut off left behind is a deletion", () => {
    assert.deepEqual(
      eventsIn(log(pre("delete-replaced", "left"))).steps.map(({ op, urn }) => [op, urn]),
      [["delete", "urn::left"]],
    );
  });

  test("messages are told once each, without the engine's marks for colors, and the program's decision is found among them", () => {
    const said = eventsIn(
      log(
        { preludeEvent: { config: {} } },
        message("warning", "<{%reset%}>blue is ill<{%reset%}>\n"),
        message("warning", "blue is ill"),
        message("error", "<{%fg 1%}>no"),
        message("info", "hello"),
        message("debug", "RegisterResource RPC prepared"),
        message("debug", `${decisionLine(decision({ active: "green" }))}\n`),
        { policyEvent: { enforcementLevel: "mandatory", policyName: "no-root", message: "runs as root" } },
        { policyEvent: { enforcementLevel: "advisory", policyName: "labels", message: "has no labels" } },
      ),
    );
    assert.deepEqual(said, {
      began: true,
      steps: [],
      decisions: [decision({ active: "green" })],
      warnings: ["blue is ill", "labels: has no labels"],
      errors: ["no", "no-root: runs as root"],
    });
  });

  test("a decision is only taken from the program's own debug messages", () => {
    const line = decisionLine(decision());
    assert.deepEqual(eventsIn(log(message("info", line), message("debug", `x ${line}`))).decisions, []);
  });

  test("an empty log, one that is cut off and one of other things say that nothing began", () => {
    for (const text of [
      "",
      "\n\n",
      '{"preludeEvent": {',
      "null\n7\n[]\n",
      '{"resourcePreEvent": {"metadata": {"op": 7}}}',
    ]) {
      assert.deepEqual(eventsIn(text), { began: false, steps: [], decisions: [], warnings: [], errors: [] });
    }
  });
});
