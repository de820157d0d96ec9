import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LogLine, LogReader, timeAfter } from "../../../commands/logs/reader";

const AT = "2026-11-24T03:12:00.123456789Z";
const TIME = AT.slice(0, -1);

/** Reads what comes in chunks of so many bytes. */
function read(text: string | Buffer, size = 7): { lines: LogLine[]; words: string } {
  const bytes = Buffer.from(text);
  const reader = new LogReader();
  const lines: LogLine[] = [];
  for (let at = 0; at < bytes.length; at += size) lines.push(...reader.add(bytes.subarray(at, at + size)));
  lines.push(...reader.end());
  return { lines, words: reader.words };
}

describe("a container's log, as `docker logs --timestamps` writes it", () => {
  test("lines with their times, however they come; the last one may have no end", () => {
    const text = `${AT} one\n${AT} \n${AT} grüße 😀\tend\r\n2026-11-24T03:12:01.5Z last`;
    const lines = [
      { time: TIME, text: "one" },
      { time: TIME, text: "" },
      { time: TIME, text: "grüße 😀\tend" },
      { time: "2026-11-24T03:12:01.500000000", text: "last" },
    ];
    for (const size of [1, 2, 7, 31, 1000]) assert.deepEqual(read(text, size), { lines, words: "" });
  });

  test("a time in another zone is sorted as one in UTC", () => {
    const { lines } = read("2026-11-24T01:00:00.000000001+02:00 a\n2026-11-23T18:30:00-05:00 b\n");
    assert.deepEqual(
      lines.map(({ time }) => time),
      ["2026-11-23T23:00:00.000000001", "2026-11-23T23:30:00.000000000"],
    );
  });

  test("a long line that the engine keeps in pieces is whole again, a character on the seam too", () => {
    const text = `x${"é".repeat(20_000)}`;
    const bytes = Buffer.from(text);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 16_384)
      pieces.push(Buffer.from(`${AT} `), bytes.subarray(at, at + 16_384));
    const { lines } = read(Buffer.concat([...pieces, Buffer.from("\n")]), 65_536);
    assert.deepEqual(lines, [{ time: TIME, text }]);
    const whole = `${AT} ${"a".repeat(40_000)}\n`;
    assert.equal(read(whole, 65_536).lines[0]?.text.length, 40_000, "one that is not in pieces stays as it is");
    const hostile = `${AT} ${"a".repeat(16_384)}2026-99-99T99:99:99+99:99 b\n`;
    assert.match(read(hostile, 65_536).lines[0]?.text ?? "", /a2026-99-99T99:99:99\+99:99 b$/);
  });

  test("of a line without an end a beginning is kept, and the rest is counted", () => {
    const reader = new LogReader();
    assert.deepEqual(reader.add(Buffer.from(`${AT} `)), []);
    for (let written = 0; written < 400; written += 1) assert.deepEqual(reader.add(Buffer.alloc(1 << 20, 0x61)), []);
    const [line] = reader.add(Buffer.from(`\n${AT} next\n`));
    assert.ok((line?.text.length ?? 0) < 140_000);
    assert.match(line?.text ?? "", /a{1000}\.\.\. \(419299359 bytes more\)$/);
  });

  test("what has no time is the client's own, and bounded", () => {
    const { lines, words } = read(`Error response from daemon: no\n${AT} one\n${"x".repeat(5000)}\n`, 100);
    assert.deepEqual(lines, [{ time: TIME, text: "one" }]);
    assert.match(words, /^Error response from daemon: no\nx+$/);
    assert.equal(words.length, 2000);
  });

  test("the time after a line's is a nanosecond later", () => {
    assert.equal(timeAfter(TIME), `${Date.parse("2026-11-24T03:12:00Z") / 1000}.123456790`);
    assert.equal(timeAfter("2026-11-24T03:12:00.999999999"), `${Date.parse("2026-11-24T03:12:01Z") / 1000}.000000000`);
  });
});
