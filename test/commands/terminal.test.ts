import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { BUNDLE, CHECKOUT } from "../program";
import { NO_TERMINAL, Terminal } from "./terminal";

const SAMPLE = join(CHECKOUT, "test", "commands", "terminal.sample.ts");

describe("a terminal that is drawn on", { skip: NO_TERMINAL }, () => {
  for (const [how, code, said] of [
    ["throw", 1, /Error: thrown/],
    ["reject", 1, /Error: rejected/],
    ["exit", 7, /BEFORE/],
    ["return", 0, /BEFORE/],
  ] as const)
    test(`is as it was before when the process ends by ${how}, with the last picture and what went wrong`, async (t) => {
      const words = [process.execPath, "--require", BUNDLE, SAMPLE, how];
      const env = { PATH: dirname(process.execPath) };
      const shown = new Terminal(t, words, { cwd: CHECKOUT, env, columns: 120, rows: 40 });
      const text = await shown.shows(new RegExp(`^ENDED ${code}$`, "m"));
      assert.match(text, /^BEFORE\nthe last picture\n/);
      assert.match(text, said);
      assert.doesNotMatch(text, /drawn/);
      assert.deepEqual(shown.modes, { second: false, cursor: true });
    });
});
