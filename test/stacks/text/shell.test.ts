import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { commandLine, quoted } from "../../../stacks/text/shell";

test("words are what a shell makes of them again, whatever is in them", () => {
  const words = ["ls", "-l", "--", "a b", "", "it's", '"$HOME"', "`x`", "ü\t\n", "a=b,c%d@e+f", "*"];
  const line = `printf '%s\\0' ${commandLine(words)}`;
  assert.deepEqual(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1), words);
});

test("a word alone that begins with a dash goes behind `--`", () => {
  assert.deepEqual([quoted("prod"), quoted("-x"), quoted("it's")], ["prod", "-- -x", "'it'\\''s'"]);
});
