import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { problemsInFile, writtenProblems } from "../../../stacks/settings/writtenForms";

const problems = (written: string, got: string) =>
  writtenProblems(`config:\n  p:greenVersion: ${written}\n`, { "p:greenVersion": got }, "p");

describe("a value and how it is written", () => {
  test("a text without quotes of which YAML has made another one is refused, with the command that quotes it", () => {
    for (const [written, got] of [
      ...[
        ["1.10", "1.1"],
        ["0123456", "42798"],
        ["1_000", "1000"],
        ["0x1f", "31"],
        ["0o17", "15"],
        ["1e3", "1000"],
        ["+5", "5"],
      ],
      ...[
        ["1.0", "1"],
        [".5", "0.5"],
        ["0b11", "3"],
        ["yes", "true"],
        ["True", "true"],
        ["12345678901234567890123", "1.2345678901234568e+22"],
      ],
      ["2026-01-02", "2026-01-02 00:00:00 +0000 UTC"],
    ] as [string, string][]) {
      const [problem, ...more] = problems(written, got);
      assert.deepEqual(more, []);
      assert.equal(problem?.setting, "greenVersion", written);
      assert.match(String(problem?.rule), /must be in quotes$/);
      assert.ok(
        problem?.mend.endsWith(
          ` ${/^[+\w.-]+$/.test(written) && !written.includes("+") ? written : problem.mend.split(" ").at(-1)}`,
        ),
      );
    }
  });

  test("what is quoted, what YAML leaves as it is, and what the file does not explain is nothing to refuse", () => {
    for (const [written, got] of [
      ...[
        ['"1.10"', "1.10"],
        ["'0123456'", "0123456"],
        ["1.2.3", "1.2.3"],
        ["42", "42"],
        ["v1.10", "v1.10"],
        ["1.1", "1.1"],
      ],
      // Given by --config-file, whose file is not known here.
      ...[
        ["1.10", "2.0.0"],
        ["1.10", "1.10"],
        ["7", "8"],
        ["", ""],
        ["~", ""],
        ["{secure: x}", "1.1"],
        ["|\n    1.10", "1.1"],
      ],
    ] as [string, string][]) {
      assert.deepEqual(problems(written, got), [], written);
    }
    for (const text of ["", "config:", "config: x", "- a", "config: [", "\t", "config: {p:greenVersion: *x}"]) {
      assert.deepEqual(writtenProblems(text, { "p:greenVersion": "1.1" }, "p"), [], text);
    }
  });

  test("variables of the environment are texts too", () => {
    const text = 'config:\n  p:environment:\n    A: 1.10\n    B: "1.10"\n    C: 8080\n    D: yes\n';
    const given = { "p:environment": JSON.stringify({ A: 1.1, B: "1.10", C: 8080, D: "yes" }) };
    assert.deepEqual(writtenProblems(text, given, "p"), [
      {
        setting: "environment.A",
        given: "1.1",
        rule: "is 1.10 without quotes in the stack's file, of which YAML makes 1.1; must be in quotes",
        mend: "pulumi config set --type string --path environment.A 1.10",
      },
    ]);
  });

  test("without Pulumi the same is found in the file alone, by either version of YAML, each setting once", () => {
    const inFile = (written: string) =>
      problemsInFile(`config:\n  p:greenVersion: ${written}\n`, "p").map(({ rule }) => rule);
    for (const [written, made] of [
      ["1.10", "1.1"],
      ["0123456", "42798"],
      ["1_000", "1000"],
      ["0x1f", "31"],
      ["0o17", "15"],
      ["1e3", "1000"],
      ["+5", "5"],
      ["1.0", "1"],
      [".5", "0.5"],
      ["yes", "true"],
      ["True", "true"],
      ["2026-01-02", "2026-01-02T00:00:00.000Z"],
    ]) {
      const rule = `is ${written} without quotes in the stack's file, of which YAML makes ${made}; must be in quotes`;
      assert.deepEqual(inFile(String(written)), [rule], written);
    }
    for (const written of [
      '"1.10"',
      "'0123456'",
      "1.2.3",
      "42",
      "v1.10",
      "1.1",
      "",
      "~",
      "{secure: x}",
      "|\n    1.10",
    ]) {
      assert.deepEqual(inFile(written), [], written);
    }
    for (const text of ["", "config:", "config: x", "- a", "config: [", "\t", "config: {p:greenVersion: *x}"]) {
      assert.deepEqual(problemsInFile(text, "p"), [], text);
    }
    const several =
      'config:\n  p:blueVersion: 1.10\n  p:blueImage: 0x10\n  p:environment:\n    A: 1.10\n    B: "1.10"\n';
    assert.deepEqual(
      problemsInFile(several, "p")
        .map(({ setting }) => setting)
        .sort(),
      ["blueImage", "blueVersion", "environment.A"],
    );
  });
});
