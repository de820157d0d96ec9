import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Report } from "../../../commands/drift/report";
import { COLUMNS, screenOf } from "../../../commands/drift/table";

const report = (differences: Report["differences"], more: Partial<Report> = {}): Report => ({
  ...{ exit: 1, project: "blue-green", stack: "dev", time: "2026-11-23T17:50:00Z", differences, fix: [], byHand: [] },
  ...more,
});

const FIX = "npm run drift -- dev --fix";

describe("drift's table", () => {
  test("a table that a terminal shows and an issue renders", () => {
    const screen = screenOf(
      report(
        [
          { resource: "green", what: "memory", declared: "256 MiB", runs: "300 MiB", mendedBy: "--fix" },
          { resource: "blue", what: "container", declared: null, runs: "a|b", mendedBy: "by hand (1)" },
        ],
        { fix: ["pulumi up --replace 'urn::a$b'"], byHand: [{ why: "it is live", command: "pulumi up" }] },
      ),
      FIX,
    );
    assert.equal(
      screen,
      [
        "blue-green, stack dev: 2 differences between what is declared and what runs",
        "",
        "| resource | what      | declared | runs    | mended by   |",
        "| -------- | --------- | -------- | ------- | ----------- |",
        "| green    | memory    | 256 MiB  | 300 MiB | --fix       |",
        "| blue     | container | -        | a/b     | by hand (1) |",
        "",
        "`npm run drift -- dev --fix` runs:",
        "",
        "    pulumi up --replace 'urn::a$b'",
        "",
        "By hand (1): it is live",
        "",
        "    pulumi up",
      ].join("\n"),
    );
    assert.equal(screenOf(report([]), FIX), "blue-green, stack dev: what runs is what is declared");
  });

  test("whatever the texts are, each line of the table fits and is one line", () => {
    const long = "\u001b[2J\n`x`\u202e".repeat(50);
    const rows = [
      { resource: long, what: long, declared: long, runs: long, mendedBy: "--fix" },
      { resource: "green", what: long, declared: "1", runs: null, mendedBy: "by hand (12)" },
    ];
    const table = screenOf(report(rows), FIX)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    assert.equal(table.length, 4);
    for (const line of table) {
      assert.equal(line.length, COLUMNS);
      assert.match(line, /^[ -~]*$/);
    }
  });
});
