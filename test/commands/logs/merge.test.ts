import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Latest } from "../../../commands/logs/latest";
import { type Lines, merge } from "../../../commands/logs/merge";
import type { LogLine } from "../../../commands/logs/reader";
import { OrderWindow } from "../../../commands/logs/window";

/** A log that hands over a few lines at a time, each time after a while. */
class SlowLog implements Lines {
  private read: LogLine[] = [];
  /** How many lines it held at most. */
  most = 0;

  constructor(
    private readonly lines: LogLine[],
    private readonly piece: number,
  ) {}

  get head() {
    return this.read[0];
  }

  next() {
    this.read.shift();
  }

  async more() {
    if (this.read.length > 0) return true;
    await new Promise((resolve) => setImmediate(resolve));
    this.read = this.lines.splice(0, this.piece);
    this.most = Math.max(this.most, this.read.length);
    return this.read.length > 0;
  }
}

const lineAt = (time: number, text = ""): LogLine => ({ time: String(time).padStart(6, "0"), text });

async function merged(logs: Lines[]): Promise<string[]> {
  const taken: string[] = [];
  await merge(
    logs,
    ({ time, text }) => taken.push(`${time} ${text}`),
    async () => {},
  );
  return taken;
}

describe("the logs of several containers", () => {
  test("come in the order of their times, whatever each brings at a time", async () => {
    const times = fc.array(fc.nat(1000), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(times, fc.integer({ min: 1, max: 4 })), { maxLength: 6 }), async (all) => {
        const sorted = all.map(([list, piece]) => [list.toSorted((a, b) => a - b), piece] as const);
        const logs = sorted.map(
          ([list, piece], at) =>
            new SlowLog(
              list.map((time) => lineAt(time, `${at}`)),
              piece,
            ),
        );
        const taken = await merged(logs);
        const expected = sorted.flatMap(([list]) => list).sort((a, b) => a - b);
        assert.deepEqual(
          taken.map((line) => Number(line.split(" ")[0])),
          expected,
        );
      }),
      { numRuns: 100 },
    );
  });

  test("a log whose own lines are not in order loses none, and keeps its order", async () => {
    const log = new SlowLog([lineAt(5, "a"), lineAt(3, "b"), lineAt(9, "c")], 2);
    const other = new SlowLog([lineAt(4, "d"), lineAt(8, "e")], 1);
    const taken = (await merged([log, other])).map((line) => line.split(" ")[1]);
    assert.deepEqual(
      taken.filter((text) => "abc".includes(text ?? "")),
      ["a", "b", "c"],
    );
    assert.equal(taken.length, 5);
  });

  test("no more of a log is read while the others are behind it", async () => {
    const logs = [0, 1, 2].map(
      (at) =>
        new SlowLog(
          Array.from({ length: 5000 }, (_, time) => lineAt(time * 3 + at)),
          10,
        ),
    );
    let count = 0;
    await merge(
      logs,
      () => {
        count += 1;
      },
      async () => {},
    );
    assert.equal(count, 15_000);
    for (const { most } of logs) assert.equal(most, 10);
  });
});

describe("the latest lines", () => {
  test("are as many as were asked for, the oldest first", () => {
    for (const count of [1, 3, 10, 100]) {
      const latest = new Latest<{ text: string }>(count);
      for (let at = 0; at < 57; at += 1) latest.add({ text: String(at) });
      const expected = Array.from({ length: Math.min(57, count) }, (_, at) => String(57 - Math.min(57, count) + at));
      assert.deepEqual(
        latest.all().map(({ text }) => text),
        expected,
      );
    }
  });

  test("are fewer where they are long", () => {
    const latest = new Latest<{ text: string }>(10_000);
    const long = "x".repeat(100_000);
    for (let at = 0; at < 2000; at += 1) latest.add({ text: `${at}${long}` });
    const kept = latest.all();
    assert.ok(kept.length < 700 && kept.length > 600, `${kept.length}`);
    assert.match(kept.at(-1)?.text ?? "", /^1999x/);
  });
});

describe("lines that come from several containers at once", () => {
  const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

  test("are put into order within a third of a second, and none is held much longer", async () => {
    const shown: string[] = [];
    const window = new OrderWindow<string>(async (items) => {
      shown.push(...items);
    });
    window.add("3", "c");
    window.add("1", "a");
    await pause(100);
    window.add("2", "b");
    assert.equal(shown.length, 0);
    await pause(350);
    assert.deepEqual(shown, ["a", "b", "c"]);

    // One that goes on bringing older ones holds up nothing.
    window.add("9", "late");
    for (let at = 0; at < 10; at += 1) {
      window.add("4", `old ${at}`);
      await pause(50);
    }
    assert.ok(shown.includes("late"));
    await window.flush();
    assert.equal(shown.length, 14);
  });

  test("those of one time stay as they came", async () => {
    const shown: number[] = [];
    const window = new OrderWindow<number>(async (items) => {
      shown.push(...items);
    });
    for (let at = 0; at < 50; at += 1) window.add("1", at);
    await window.flush();
    assert.deepEqual(
      shown,
      Array.from({ length: 50 }, (_, at) => at),
    );
  });

  test("whoever brings too many waits until they are shown", async () => {
    const window = new OrderWindow<number>(() => pause(20));
    for (let at = 0; at < 10_000; at += 1) window.add("1", at);
    let isThrough = false;
    const through = window.room().then(() => {
      isThrough = true;
    });
    await pause(100);
    assert.equal(isThrough, false);
    await through;
    await window.room();
  });
});
