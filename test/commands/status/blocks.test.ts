import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type Block, clipped, fitted } from "../../../commands/status/blocks";

const lines = (name: string, count: number) => Array.from({ length: count }, (_, at) => `${name} ${at}`);

const BLOCKS: Block[] = [
  { lines: lines("head", 4) },
  { lines: lines("past", 6), spare: { name: "last cutovers", least: 4 } },
  { lines: lines("next", 3) },
];

const fit = (rows: number, columns = 80) => fitted(BLOCKS, { columns, rows, least: 60 });

describe("a page on a terminal of a size", () => {
  test("with room for all nothing is said", () => {
    assert.deepEqual(fit(13), [...lines("head", 4), ...lines("past", 6), ...lines("next", 3)]);
  });

  test("the block that can be spared is shortened first, and left out where too little of it is left", () => {
    assert.deepEqual(fit(12), [
      ...[...lines("head", 4), ...lines("past", 4), ...lines("next", 3)],
      "... 2 lines more (last cutovers); 13 lines show all",
    ]);
    assert.deepEqual(fit(11), [
      ...[...lines("head", 4), ...lines("next", 3)],
      "... 6 lines more (last cutovers); 13 lines show all",
    ]);
  });

  test("of two such blocks the last one goes first", () => {
    const some: Block[] = [{ lines: lines("details", 5), spare: { name: "details", least: 3 } }, ...BLOCKS.slice(1)];
    assert.deepEqual(fitted(some, { columns: 80, rows: 7, least: 60 }), [
      ...[...lines("details", 3), ...lines("next", 3)],
      "... 8 lines more (last cutovers, details); 14 lines show all",
    ]);
  });

  test("then the end of the page goes", () => {
    assert.deepEqual(fit(6), [
      ...[...lines("head", 4), "next 0"],
      "... 8 lines more (last cutovers, the end); 13 lines show all",
    ]);
    for (let rows = 1; rows < 20; rows += 1) assert.ok(fit(rows).length <= rows);
    assert.equal(fit(1).length, 1);
  });

  test("on a terminal that is too narrow lines are cut off, and that is said though it is high enough", () => {
    assert.deepEqual(fit(20, 40).at(-1), "... more with 60 columns and 13 lines");
    assert.deepEqual(fit(20, 4).slice(0, 2), ["head", "head"]);
    for (const line of fit(20, 4)) assert.ok(line.length <= 4, line);
  });

  test("a style takes no room, and is ended where its text is cut off", () => {
    const line = "\u001b[1mstrong\u001b[0m and \u001b[31mred\u001b[0m";
    assert.equal(stripVTControlCharacters(clipped(line, 8)), "strong a");
    assert.ok(clipped(line, 3).startsWith("\u001b[1mstr\u001b[0m"));
    assert.equal(clipped(line, 3).at(-1), "m");
    assert.equal(clipped(line, 80), line);
  });
});
