import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { brokenCommand, commandLine, quoted } from "../../../stacks/text/shell";

test("words are what a shell makes of them again, whatever is in them", () => {
  const words = ["ls", "-l", "--", "a b", "", "it's", '"$HOME"', "`x`", "ü\t\n", "a=b,c%d@e+f", "*"];
  const line = `printf '%s\\0' ${commandLine(words)}`;
  assert.deepEqual(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1), words);
});

test("a word alone that begins with a dash goes behind `--`", () => {
  assert.deepEqual([quoted("prod"), quoted("-x"), quoted("it's")], ["prod", "-- -x", "'it'\\''s'"]);
});

test("a command over several lines is the same command, with quotes in it too", () => {
  const words = [
    "a b c d e f g",
    "it's a long one's",
    "&& x && y",
    "# no comment # here",
    "short",
    "plain-but-longer-than-a-line",
    '"q" \\ "',
  ];
  const command = `true && printf '%s\\0' ${commandLine([...words, ...words])} && true`;
  for (const columns of [5, 10, 20, 40, 79, 400]) {
    const lines = brokenCommand(command, columns);
    const printed = execFileSync("/bin/sh", ["-c", lines.join("\n")], { encoding: "utf8" });
    assert.deepEqual(printed.split("\0").slice(0, -1), [...words, ...words], lines.join("\n"));
  }
  assert.deepEqual(brokenCommand("echo one && echo two", 12), ["echo one &&", "echo two"]);
  assert.deepEqual(brokenCommand("echo one two", 10), ["echo one \\", "two"]);
  assert.deepEqual(brokenCommand("echo 'a # b' # what it is", 14), ["echo 'a # b'", "# what it is"]);
  assert.deepEqual(brokenCommand("echo one # what it is", 40), ["echo one # what it is"]);
});
