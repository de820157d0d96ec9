import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hide } from "../../../stacks/text/hide";

describe("hiding secrets", () => {
  test("a secret is hidden as it is, whatever it is full of, and one of a few letters hides nothing else", () => {
    for (const secret of ["$&$1", "a.*b", "[secret]x", "ü\u{1f986}ü", "line\nline"]) {
      assert.equal(hide([secret], `<${secret}> ${secret}`), "<[secret]> [secret]");
    }
    assert.equal(hide(["", "a", "abc"], "an abc"), "an abc");
  });

  test("a secret is hidden in every form in which logs and answers write a value", () => {
    const secret = `pa"ss'\\w\u00f6rd/+ 1\nsecond line of it`;
    for (const form of [
      JSON.stringify(secret),
      JSON.stringify(secret).replace("\u00f6", "\\u00f6"),
      // A smoke test's answer.
      secret.replace("\u00f6", "\\u00f6").replace("\n", "\\u000a"),
      // Python: repr, also of a text with both quotes.
      `'pa"ss\\'\\\\w\u00f6rd/+ 1\\nsecond line of it'`,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      // The end of a log begins in the middle of it.
      "second line of it",
    ]) {
      assert.doesNotMatch(hide([secret], form), /pa"ss|pa%22|second|c2Vjb25k/, form);
    }
    assert.equal(hide(["abcdef\nyes\n"], "yes, abcdef"), "yes, abcdef");
    assert.equal(hide(["half \ud800 a character"], "half \ud800 a character"), "[secret]");
  });

  test("of secrets that begin alike the longest is hidden first, in whichever order they are given", () => {
    const secrets = ["abcd", "abcdefgh", "abcdef"];
    for (const given of [secrets, secrets.toReversed()]) {
      assert.equal(hide(given, "abcdefgh abcdef abcd abcdefg"), "[secret] [secret] [secret] [secret]g");
    }
    assert.deepEqual(secrets, ["abcd", "abcdefgh", "abcdef"]);
  });
});
