import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cantTell } from "../../../commands/outcome";
import { overviewOf } from "../../../commands/status/overview";
import { pictureAfter, pictureLines } from "../../../commands/status/picture";
import { statusOf } from "../../../commands/status/status";
import { commandsFor } from "../../../commands/typed";
import { facts } from "./facts.sample";

process.env.TZ = "Europe/Berlin";

const NOW = new Date("2026-11-23T17:53:00Z");
const AWAY = cantTell("The Docker Engine could not be asked: \u001b[2J\u202ebad\nline", [
  { purpose: "find the engine", command: "docker version" },
]);

const report = () => {
  const status = statusOf(facts());
  assert.ok(status.exit !== 3);
  return status;
};

describe("a picture of the status", () => {
  test("that can't be read again says so, since when and why, before what it said, with what to type about that", () => {
    const lines = pictureLines(pictureAfter({ last: report() }, AWAY), NOW, { columns: 110 });
    assert.match(lines[0] ?? "", /^blue-green, stack dev: unknown +23 Nov 18:50:00$/);
    assert.deepEqual(lines.slice(1, 4), [
      "! can't tell how it is now; this is how it was 3 min ago, at 23 Nov 18:50:00",
      "! The Docker Engine could not be asked: \\u{1b}[2J\\u{202e}bad line",
      "",
    ]);
    assert.deepEqual(lines.slice(-2), ["Next", "  find the engine  docker version"]);
  });

  test("of all services is kept the same way", () => {
    const of = { project: "blue-green", stack: "dev", time: "2026-11-23T17:50:00.000Z" };
    const last = overviewOf(of, null, { shop: report() }, () => commandsFor(undefined, undefined));
    const lines = pictureLines(pictureAfter({ last }, AWAY), NOW, { columns: 80, rows: 40 });
    assert.match(lines[1] ?? "", /^! can't tell how it is now; this is how it was 3 min ago/);
    assert.ok(
      lines.some((line) => /^shop +blue 1\.0\.0/.test(line)),
      lines.join("\n"),
    );
  });

  test("is the new one alone as soon as that can be told", () => {
    const after = pictureAfter(pictureAfter({ last: report() }, AWAY), report());
    assert.deepEqual(after, { last: report() });
  });

  test("of what could never be told has why, within the terminal", () => {
    const lines = pictureLines(pictureAfter({}, AWAY), NOW, { columns: 30, rows: 4 });
    assert.equal(lines.length, 4);
    for (const line of lines) assert.match(line, /^[ -~]{1,30}$/);
    assert.match(lines.join(" "), /^Can't tell: The Docker Engine could not be asked/);
    assert.deepEqual(pictureLines({}, NOW, {}), []);
  });
});
