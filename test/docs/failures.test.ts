import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

const root = join(__dirname, "..", "..");

const table = readFileSync(join(root, "docs", "failures.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) => line.slice(1, -1).split("|"))
  .map((cells) => cells.map((cell) => cell.trim()));

/** Without the head of each table, which is two lines. */
const rows = table.filter((_, at) => !isRule(table[at]) && !isRule(table[at + 1]));

function isRule(cells: string[] | undefined): boolean {
  return cells?.every((cell) => /^-+$/.test(cell)) ?? false;
}

/** The engine's tests, of which some are rows. */
const engine = join(root, "test", "e2e");

const sources = readdirSync(engine)
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(join(engine, file), "utf8"));

const calls = sources.flatMap((source) => [...source.matchAll(/\brow\(/g)]);

const names = sources.flatMap((source) =>
  [...source.matchAll(/\brow\(\s*t,\s*(?:stack|hosts),\s*"([^"\\]+)",/g)].map(([, name = ""]) => name),
);

describe("docs/failures.md", () => {
  test("each row of docs/failures.md has a test of the same name, and each such test its row", () => {
    assert.equal(calls.length, names.length, "a row's name stands in its test as it is, not put together");
    assert.deepEqual(rows.map(([name]) => name).sort(), names.sort());
    assert.equal(new Set(names).size, names.length);
  });

  test("each row says what happens, and has its figures from a run", () => {
    for (const row of rows) {
      const [name, what, failed, seconds] = row;
      assert.equal(row.length, 4, name);
      assert.notEqual(what, "", name);
      const next = "printed by its test: npm test -- 'test/e2e/*.test.ts'";
      assert.match(failed ?? "", /^\d[\d,]* of \d[\d,]*$/, `${name}: failed requests, ${next}`);
      assert.match(seconds ?? "", /^\d+\.\d$/, `${name}: seconds until well, ${next}`);
    }
  });
});
