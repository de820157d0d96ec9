import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { cut, listed, wrapped } from "../../../stacks/text/columns";

const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "-"), maxLength: 300 });

describe("columns", () => {
  test("a text that fits stays, a longer one ends with three dots within its columns", () => {
    assert.equal(cut("blue", 4), "blue");
    assert.equal(cut("green", 4), "g...");
    assert.equal(cut("green", 2), "..");
    assert.equal(cut("green", 0), "");
    fc.assert(fc.property(text, fc.nat(120), (text, columns) => cut(text, columns).length <= columns));
  });

  test("lines break between words, and inside a word only where it is longer than a line", () => {
    assert.deepEqual(wrapped("", 9), [""]);
    assert.deepEqual(wrapped("blue is live", 12), ["blue is live"]);
    assert.deepEqual(wrapped("blue is live", 8), ["blue is", "live"]);
    assert.deepEqual(wrapped("aaaaaaaaaa b", 4), ["aaaa", "aaaa", "aa b"]);
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 120 }), (text, columns) => {
        const lines = wrapped(text, columns);
        assert.ok(lines.every((line) => line.length <= columns));
        assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      }),
    );
  });

  test("a list names the items that fit and counts the others", () => {
    assert.equal(listed([], 20), "");
    assert.equal(listed(["blue", "green"], 20), "blue, green");
    assert.equal(listed(["blue", "green", "gateway"], 19), "blue and 2 more");
    assert.equal(listed(["environment", "image"], 12), "2: enviro...");
    assert.equal(listed(["environment"], 8), "envir...");
    fc.assert(fc.property(fc.array(text), fc.nat(120), (items, columns) => listed(items, columns).length <= columns));
  });
});
