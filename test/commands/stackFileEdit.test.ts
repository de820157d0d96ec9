import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { withValues } from "../../commands/stackFileEdit";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const IMAGE = `registry.example:5000/team/shop@${DIGEST}`;

const edited = (text: string, values: Record<string, string> = { "p:greenImage": IMAGE, "p:greenVersion": "1.5.0" }) =>
  withValues("Pulumi.prod.yaml", text, values);

describe("editing a stack's file", () => {
  test("two values change, and no comment, order or spacing beside them", () => {
    const text = `# What the public gets.
encryptionsalt: v1:abc=
config:

  p:activeColor:   blue   # the public
  "p:greenImage": 'old@sha256:1'  # by digest
  # the release
  p:greenVersion: "1.4.0"
  p:environment:
      A: 1
  p:tlsKey:
    secure: v1:xyz
`;
    const expected = text.replace("'old@sha256:1'", IMAGE).replace('"1.4.0"', "1.5.0");
    assert.equal(edited(text), expected);
  });

  test("a setting that isn't there yet comes last, with the others' indentation; a comment stays where it is", () => {
    const lines = `  p:greenImage: ${IMAGE}\n  p:greenVersion: 1.5.0\n`;
    assert.equal(edited("config:\n  p:a: b # why\n"), `config:\n  p:a: b # why\n${lines}`);
    assert.equal(edited("config:\n  p:a: b"), `config:\n  p:a: b\n${lines}`);
    assert.equal(edited("config:\n  p:a: b\nother: 1\n"), `config:\n  p:a: b\n${lines}other: 1\n`);
    assert.equal(
      edited("config:\n  p:a:\n    - 1\n    - 2\n# end\n"),
      `config:\n  p:a:\n    - 1\n    - 2\n${lines}# end\n`,
    );
    assert.equal(edited("config:\n  p:a: |\n    x\n    y\n"), `config:\n  p:a: |\n    x\n    y\n${lines}`);
    assert.equal(
      edited("config:\r\n    p:a: b\r\n", { "p:v": "1.0.0" }),
      "config:\r\n    p:a: b\r\n    p:v: 1.0.0\r\n",
    );
  });

  test("a setting without a value gets one", () => {
    assert.equal(edited("config:\n  p:v:\n  p:w: x\n", { "p:v": "1.0.0" }), "config:\n  p:v: 1.0.0\n  p:w: x\n");
    assert.equal(edited('config:\n  p:v: ""\n', { "p:v": "1.0.0" }), "config:\n  p:v: 1.0.0\n");
  });

  test("what a YAML reader could take for a number, a date or a truth value is quoted", () => {
    for (const version of ["1.10", "1e3", "2026-01-01", "yes", "null", "0x1F", "1_000", "012", "v1"]) {
      assert.equal(
        edited("config:\n  p:v: 1.0.0\n", { "p:v": version }),
        `config:\n  p:v: ${JSON.stringify(version)}\n`,
      );
    }
  });

  test("a file without a place for them is refused, and not written anew", () => {
    for (const text of [
      ...["", "config:\n", "config: {}\n", "config: {p:v: 1.0.0}\n", "config: [1]\n", "other: 1\n"],
      ...["config:\n  p:v: |\n    1.0.0\n", "config:\n  p:v:\n    secure: v1:abc\n", "config:\n  p:v: [1]\n"],
      ...["a: &a 1\nconfig:\n  p:v: *a\n", "config: &c\n  p:w: 1\nother: *c\n", 'config:\n  p:v: "1.0\n    .0"\n'],
    ]) {
      try {
        // An anchor of the whole map is no obstacle, as long as what is written reads as it is meant.
        assert.equal(parse(edited(text, { "p:v": "2.0.0" })).config["p:v"], "2.0.0");
        assert.match(text, /&c/);
      } catch (error) {
        const { message } = error as Error;
        assert.match(message, /^Pulumi\.prod\.yaml is written in a way that leaves no place for single settings/, text);
      }
    }
  });

  test("whatever the file holds, what is written reads as it was but for the values, or nothing is", () => {
    const name = fc.stringMatching(/^p:[a-z]{1,5}$/);
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant({ secure: "v1:x" }),
      fc.array(fc.string()),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1 }), fc.string(), (config, version) => {
        const text = `config:\n${Object.entries(config)
          .map(([key, each]) => `  ${key}: ${JSON.stringify(each)}\n`)
          .join("")}`;
        const after = edited(text, { "p:greenVersion": version });
        assert.deepEqual(parse(after).config, { ...parse(text).config, "p:greenVersion": version });
      }),
    );
  });
});
