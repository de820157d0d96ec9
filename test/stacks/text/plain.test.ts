import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DockerError } from "../../../stacks/engine/docker";
import { lastWords } from "../../../stacks/engine/registry";
import { Refusal } from "../../../stacks/refusal";
import { lastLines, waitHealthy } from "../../../stacks/service/health";
import { healthAnswer } from "../../../stacks/service/healthAnswer";
import {
  lastOfLines,
  plain,
  plainJson,
  plainStart,
  printable,
  printableLine,
  printableMessage,
  quotedWords,
  shortened,
  shown,
} from "../../../stacks/text/plain";
import { stubDocker } from "../engine/docker.stub";
import { FIT, HOSTILE_TEXTS } from "./hostile.sample";

/** What a container answers that is well. */
const well = { well: true, status: 200, seen: "200" };

/** Turns of the text's direction, marks of it, separators of lines, controls, joiners, tags, halves of characters. */
const ACTING = [
  ..."\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029\u200b\u200d\ufeff\u00ad",
  ..."\u0000\u0007\b\v\f\r\u0085\u007f\u009b\u{e0041}\ue000\uffff",
  ...["\ud800", "\udc00"],
];

const ACTS = /[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u;

describe("foreign text, made plain", () => {
  test("no text from elsewhere acts in what is printed of it, and each character that would is seen for what it is", () => {
    for (const character of ACTING) {
      const name = character.codePointAt(0)?.toString(16);
      assert.equal(printable(`a${character}b`), `a\\u{${name}}b`);
      assert.doesNotMatch(printableLine(`a${character}b`), ACTS, name);
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(printable(text), ACTS);
        assert.doesNotMatch(printableLine(text), new RegExp(`${ACTS.source}|[\\n\\t]`, "u"));
      }),
    );
  });

  test("letters of every script, lines and tabs stay, and colors of a terminal go", () => {
    assert.equal(printable("Größe 漢字 שלום \u{1f600}\r\n\tnext"), "Größe 漢字 שלום \u{1f600}\n\tnext");
    assert.equal(printable("\u001b[31mred\u001b[0m \u001b]0;title\u0007end"), "red end");
  });

  test("a plain text is one line of one column a character, cut between characters, and says how long it is", () => {
    assert.equal(plain(" a\r\n\tb\u00a0c "), "a b c");
    assert.equal(plain("\u001b[2J\u202e Größe \u6f22"), "\\u{1b}[2J\\u{202e} Größe \\u{6f22}");
    assert.equal(plain("x".repeat(500_000)), `${"x".repeat(2000)}... (500000 characters)`);
    assert.equal(plainStart("abcd", 4), "abcd");
    assert.equal(plainStart("abcde", 4), "abcd... (5 characters)");
    assert.equal(plainStart("ab\u202e", 9), "ab... (3 characters)");
    assert.equal(plainStart("ab\u202e", 10), "ab\\u{202e}");
    assert.equal(plainStart("ab\u{1f600}d", 3), "ab... (5 characters)");
    for (const hostile of HOSTILE_TEXTS) {
      assert.match(plain(hostile), FIT);
      assert.ok(plain(hostile).length <= 2000 + "... (500000 characters)".length);
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, most) => {
        assert.match(plainStart(text, most), FIT);
        assert.ok(plainStart(text, most).replace(/\.\.\. \(\d+ characters\)$/, "").length <= most);
      }),
    );
  });

  test("what is quoted is one line, and says how much of it there is", () => {
    assert.equal(quotedWords("a\nNext: rm -rf /\r\n\u2028b"), "a Next: rm -rf / \\u{2028}b");
    assert.match(quotedWords("x".repeat(462_000)), /^x{300}\.\.\. \(462000 characters\)$/);
    assert.equal(shortened("ab\u{1f600}", 3), "ab... (4 characters)");
  });

  test("of many lines the last ones are shown, each of them cut", () => {
    const shown = lastOfLines(`${"first\n".repeat(5000)}${"x".repeat(9000)}\nlast`);
    assert.ok(shown.length <= 8000);
    assert.match(shown, /^first\n/);
    assert.match(shown, /\nx{500}\.\.\. \(9000 characters\)\nlast$/);
  });

  test("errors of the program, of docker, of a registry and of a container are bounded and act nowhere", async () => {
    const hostile = `${ACTING.join("")}\u001b[2J`;
    const long = `${hostile}${"x".repeat(462_000)}`;
    const state = { Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false };
    const container = {
      Name: "/green",
      RestartCount: 0,
      State: { ...state, Health: { Status: "unhealthy", Log: [{ Output: `${long}\nNext: x` }] } },
    };
    const docker = stubDocker({
      ask: async () => JSON.stringify([container]),
      log: async () => `${long}\n`.repeat(30),
    });
    const elsewhere = healthAnswer(`ill 302, to https://${long}`);
    assert.ok(elsewhere !== undefined);
    const waited = { seconds: 0, secrets: [], restarts: 0, say: () => {} };
    const failed = (await waitHealthy(docker, "id", { ...waited, ask: async () => well })) ?? "";
    const redirected = (await waitHealthy(docker, "id", { ...waited, ask: async () => elsewhere })) ?? "";
    const unasked = (await waitHealthy(docker, "id", { ...waited, ask: () => Promise.reject(new Error(long)) })) ?? "";
    const log = await lastLines(docker, "id", []);
    const messages = [
      new Refusal(long).message,
      new DockerError(long).message,
      lastWords(long),
      ...[elsewhere.seen, failed, redirected, unasked],
      log,
      printableMessage(long),
    ];
    for (const message of messages) {
      assert.doesNotMatch(message, ACTS);
      assert.ok(message.length < 33_000, String(message.length));
    }
    assert.match(elsewhere.seen, /^302, to https:\/\/.{1,300}\.\.\. \(\d+ characters\)$/);
    assert.match(
      failed,
      /^the container green is not healthy after 0 s \(setting healthTimeoutSeconds\); its image's health check says: .{1,300}\.\.\. \(\d+ characters\)\.\nThe last lines/,
    );
    assert.equal(new Refusal(long).stack, new Refusal(long).message);
  });

  test("a secret of which a cut would leave half is hidden before", async () => {
    const secret = "hunter2-hunter2-hunter2";
    const output = `${"x".repeat(220)}${secret}${"y".repeat(1000)}`;
    const state = { Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false };
    const docker = (Output: string) =>
      stubDocker({
        ask: async () =>
          JSON.stringify([
            {
              Name: "/green",
              RestartCount: 0,
              State: { ...state, Health: { Status: "unhealthy", Log: [{ Output }] } },
            },
          ]),
        log: async () => "",
      });
    for (let shift = 0; shift < 60; shift++) {
      const waited = {
        seconds: 0,
        secrets: [secret, "two\nlines of it"],
        restarts: 0,
        say: () => {},
        ask: async () => well,
      };
      const failed = (await waitHealthy(docker(output.slice(shift)), "id", waited)) ?? "";
      assert.doesNotMatch(failed, /hunter/);
      assert.doesNotMatch((await waitHealthy(docker("two\nlines of it"), "id", waited)) ?? "", /two/);
    }
  });

  test("JSON for programs is ASCII, and a program reads from it exactly what was there", () => {
    const hostile = { [`\u202e${ACTING.join("")}`]: "\u001b]0;owned\u0007\r\n\u{1f600} 漢字" };
    assert.match(plainJson(hostile), /^[ -~\n]*$/);
    assert.deepEqual(JSON.parse(plainJson(hostile)), hostile);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.match(plainJson([text]), /^[ -~\n]*$/);
        assert.deepEqual(JSON.parse(plainJson([text])), [text]);
      }),
    );
  });

  test("a value in an error is one short line that moves no cursor, whatever it is", () => {
    for (const hostile of HOSTILE_TEXTS) {
      for (const value of [hostile, [hostile], { [hostile]: hostile }]) {
        assert.match(shown(value), FIT);
        assert.ok(shown(value).length <= 62 + "... (9999999 characters)".length, shown(value));
      }
      assert.ok(shown("x".repeat(61) + hostile).endsWith(`... (${61 + hostile.length} characters)`));
    }
    assert.equal(
      shown("\u202e".repeat(30)),
      `"${"\\u{202e}".repeat(7)}... (30 characters)`,
      "never cut within an escape",
    );
    assert.equal(shown("a\u00a0 \u0430"), '"a\\u{a0} \\u{430}"', "no space is folded");
    assert.equal(shown(undefined), "undefined");
  });
});
