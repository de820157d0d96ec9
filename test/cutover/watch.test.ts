import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Limits, Watch } from "../../cutover/watch";

type Seen = Parameters<Watch["add"]>[0];

/** How a container answered its health path: with 200, or otherwise. */
const answer = (status: number) => ({
  ...{ well: status === 200, status, seen: status === 0 ? "no answer" : String(status) },
});

/** What was seen in one second: a number of answers, in a time each. */
const seen = (count: number, errors = 0, milliseconds = 10, health = 200): Seen => ({
  ...{ count, errors, health: { green: answer(health) } },
  times: count === 0 ? [] : [[milliseconds, count]],
});

const watch = (limits: Partial<Limits>, ...samples: Seen[]): Watch => {
  const watched = new Watch({ maxErrorPercent: 1, minRequests: 20, maxP95Seconds: 0, ...limits });
  for (const sample of samples) watched.add(sample);
  return watched;
};

describe("the watch", () => {
  test("without an answer there is nothing to judge by, and nothing is divided by it", () => {
    const watched = watch({}, seen(0), seen(0));
    assert.deepEqual(watched.figures, { count: 0, errors: 0, errorPercent: 0, p95Seconds: 0 });
    assert.equal(watched.enough, false);
    assert.equal(watched.verdict, undefined);
    assert.equal(watched.summary, "no requests yet");
    assert.equal(watched.short, "no requests yet");
  });

  test("a share of errors that is exactly the limit is not over it; one more error is, and is said with the figures", () => {
    assert.equal(watch({}, seen(100, 1)).verdict, undefined);
    assert.equal(watch({}, seen(199, 1)).verdict, undefined);
    assert.equal(
      watch({}, seen(100, 2)).verdict,
      "100 answers, 2 of them 5xx (2.00 %), 95 % within 0.010 s (maxErrorPercent 1)",
    );
    assert.equal(watch({ maxErrorPercent: 100 }, seen(50, 50)).verdict, undefined);
    assert.equal(watch({ maxErrorPercent: 0 }, seen(50, 0)).verdict, undefined);
    assert.equal(
      watch({ maxErrorPercent: 0 }, seen(1000, 1, 7)).verdict,
      "1000 answers, 1 of them 5xx (0.10 %), 95 % within 0.007 s (maxErrorPercent 0)",
    );
    assert.equal(watch({}, seen(40, 20)).short.split(", p95")[0], "20 ok, 20 bad");
    assert.match(watch({}, seen(40, 20)).verdict ?? "", /^40 answers, 20 of them 5xx \(50 %\), /);
  });

  test("the share is one of all seconds together, not of the latest", () => {
    assert.equal(watch({}, seen(980), seen(20, 10)).verdict, undefined);
    assert.notEqual(watch({}, seen(980), seen(20, 11)).verdict, undefined);
  });

  test("below minRequests neither errors nor times count, from it on they do", () => {
    const limits = { maxP95Seconds: 0.001 };
    const few = watch(limits, seen(10, 10, 900), seen(9, 9, 900));
    assert.deepEqual([few.enough, few.verdict], [false, undefined]);
    few.add(seen(1, 1, 900));
    assert.equal(few.enough, true);
    assert.equal(few.verdict, "20 answers, 20 of them 5xx (100 %), 95 % within 0.900 s (maxErrorPercent 1)");
  });

  test("an answer time that is exactly the limit is not over it, and a limit of 0 is none", () => {
    assert.equal(watch({ maxP95Seconds: 0.25 }, seen(100, 0, 250)).verdict, undefined);
    assert.equal(
      watch({ maxP95Seconds: 0.25 }, seen(100, 0, 251)).verdict,
      "100 answers, 0 of them 5xx (0.00 %), 95 % within 0.251 s (maxP95Seconds 0.25)",
    );
    assert.equal(watch({ maxP95Seconds: 0 }, seen(100, 0, 60_000)).verdict, undefined);
  });

  test("one slow answer in twenty is no reason to go back, two are", () => {
    const limits = { maxP95Seconds: 1 };
    assert.equal(watch(limits, seen(19), seen(1, 0, 5000)).verdict, undefined);
    assert.match(watch(limits, seen(18), seen(2, 0, 5000)).verdict ?? "", /95 % within 5\.000 s \(maxP95Seconds 1\)$/);
  });

  test("three looks in a row at an unwell health path are too many, with or without answers", () => {
    for (const count of [0, 100]) {
      assert.equal(watch({}, seen(count, 0, 1, 503), seen(count, 0, 1, 503)).verdict, undefined);
      assert.equal(
        watch({}, seen(count, 0, 1, 503), seen(count, 0, 1, 404), seen(count, 0, 1, 502)).verdict,
        "its health path was not answered well 3 times in a row (502)",
      );
      assert.equal(
        watch({}, seen(count, 0, 1, 0), seen(count, 0, 1, 0), seen(count, 0, 1, 0), seen(count, 0, 1, 0)).verdict,
        "its health path was not answered well 4 times in a row (no answer)",
      );
    }
  });

  test("one look that is well begins the count anew", () => {
    const [well, unwell] = [seen(0), seen(0, 0, 1, 500)];
    assert.equal(watch({}, unwell, unwell, well, unwell, unwell).verdict, undefined);
    assert.equal(watch({}, unwell, unwell, well).answered, true);
    assert.equal(watch({}, unwell).answered, false);
    assert.notEqual(watch({}, unwell, unwell, well, unwell, unwell, unwell).verdict, undefined);
  });

  test("each of several containers has its own count, and is named", () => {
    const look = (first: number, second: number): Seen => ({
      ...seen(0),
      health: { green: answer(first), "green-2": answer(second) },
    });
    assert.equal(watch({}, look(503, 200), look(200, 503), look(503, 200), look(200, 503)).verdict, undefined);
    assert.equal(
      watch({}, look(200, 503), look(200, 503), look(503, 0)).verdict,
      "green-2's health path was not answered well 3 times in a row (no answer)",
    );
  });

  test("a color whose containers could not be asked at all is no color that is well", () => {
    const none: Seen = { ...seen(0), health: {} };
    assert.equal(watch({}, none, none).verdict, undefined);
    assert.equal(
      watch({}, none, none, none).verdict,
      "its health path was not answered well 3 times in a row (not asked)",
    );
    assert.equal(watch({}, none, seen(0)).answered, true);
  });

  test("a health path that is unwell is said before any figure", () => {
    const look = seen(100, 100, 9000, 500);
    assert.match(watch({ maxP95Seconds: 1 }, look, look, look).verdict ?? "", /^its health path /);
  });

  test("the 95th percentile is what a plain sort of all times gives, however they come in", () => {
    const answers = fc.array(fc.nat(3000), { maxLength: 300 });
    fc.assert(
      fc.property(fc.array(answers, { maxLength: 5 }), (seconds) => {
        const watched = watch({});
        for (const times of seconds) {
          const counted = new Map<number, number>();
          for (const time of times) counted.set(time, (counted.get(time) ?? 0) + 1);
          watched.add({ count: times.length, errors: 0, health: { green: answer(200) }, times: [...counted] });
        }
        const sorted = seconds.flat().sort((a, b) => a - b);
        // The smallest time within which at least 95 in 100 were.
        const expected = sorted.find(
          (time) => 100 * sorted.filter((other) => other <= time).length >= 95 * sorted.length,
        );
        assert.equal(watched.figures.p95Seconds, (expected ?? 0) / 1000);
        assert.equal(watched.figures.count, sorted.length);
      }),
      { numRuns: 200 },
    );
  });
});
