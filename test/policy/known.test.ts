import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as proxy from "@pulumi/policy/proxy";
import { at, items, known, UNKNOWN } from "../../policy/known";

/** What Pulumi itself wraps inputs with; its types leave it out. */
const { unknownCheckingProxy, unknownStringValue } = proxy as unknown as {
  unknownCheckingProxy(inputs: object): object;
  unknownStringValue: string;
};

describe("what a preview does not know yet", () => {
  test("what Pulumi does not know yet is told from what is not there, however deep, and no look at it throws", () => {
    const inputs = known(
      unknownCheckingProxy({
        image: unknownStringValue,
        ports: [{ internal: 80, ip: unknownStringValue }, unknownStringValue],
        labels: [{ label: "a", value: "b", __defaults: [] }],
        memory: 0,
        none: null,
        // A provider's own note on them, which differs between two runs.
        __defaults: ["memory"],
      }),
    );
    assert.deepEqual(inputs, {
      image: UNKNOWN,
      ports: [{ internal: 80, ip: UNKNOWN }, UNKNOWN],
      labels: [{ label: "a", value: "b" }],
      memory: 0,
      none: null,
    });
    assert.equal(at(inputs, "ports", "0", "ip"), UNKNOWN);
    assert.equal(at(inputs, "image", "deeper"), UNKNOWN);
    assert.equal(at(inputs, "memory", "deeper"), undefined);
    assert.equal(at(inputs, "none", "deeper"), undefined);
    assert.deepEqual(items(inputs.ports), [{ internal: 80, ip: UNKNOWN }]);
    assert.deepEqual(items("no list"), []);
  });

  test("names that every object has are no inputs", () => {
    for (const name of ["constructor", "__proto__", "toString"]) assert.equal(at({}, name), undefined);
  });
});
