import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDrain } from "../../../stacks/plan/settledWorld";
import type { HistoryEntry, Serving } from "../../../stacks/service/serving";
import type { World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { slotSpecOf } from "../../../stacks/slot";
import { sampleSettings } from "../settings/settings.sample";

const settings: Settings = { ...sampleSettings, activeColor: "green", keepAliveSeconds: 10, drainSeconds: 60 };

const made = slotSpecOf("blue", settings);

const now = new Date("2026-01-01T00:01:00Z");

/** Green is live, and what the latest cutover did is this many seconds ago. */
function world(ago: number, change: Partial<HistoryEntry> = {}, memoryMb = 128, more: Partial<Serving> = {}): World {
  const time = new Date(now.getTime() - ago * 1000).toISOString();
  const last: HistoryEntry = {
    ...{ time, result: "instant", from: "blue", to: "green", versions: {}, images: {}, seconds: {} },
    ...change,
  };
  const state = { Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false };
  return {
    serving: {
      ...{ generation: "0".repeat(16), color: "green", answers: true, edited: false, canaryPercent: 0 },
      replicas: { blue: 1, green: 1 },
      ...{ record: { stable: {} }, history: [last] },
      ...more,
    },
    slots: {
      blue: [
        {
          ...{ id: "b", name: "b", replica: 1, imageId: "i", state, restarts: 0, version: "1.0.0", environment: {} },
          made: { ...made, memoryMb },
        },
        // Nothing of these would be changed, or they are stopped.
        {
          ...{ id: "c", name: "c", replica: 2, imageId: "i", state, restarts: 0, version: "1.0.0", environment: {} },
          made,
        },
        {
          ...{ id: "d", name: "d", replica: 3, imageId: "i", restarts: 0, version: "1.0.0", environment: {} },
          ...{ state: { ...state, Running: false }, made: { ...made, memoryMb } },
        },
      ],
      green: [],
    },
    built: { blue: [], green: [] },
  };
}

const drained = (...args: Parameters<typeof world>) => toDrain(world(...args), settings, made, now);

const blueFor = (seconds: number, quietSeconds: number) => ({ containers: ["b"], seconds, quietSeconds });

describe("the world, once nothing is under way", () => {
  test("a color that was live until a moment ago is replaced after drainSeconds, and drained not before keepAliveSeconds", () => {
    assert.deepEqual(drained(0), blueFor(60, 10));
    assert.deepEqual(drained(4), blueFor(56, 6));
    assert.deepEqual(drained(9.9), blueFor(51, 1));
    assert.deepEqual(drained(10), blueFor(50, 0));
    assert.deepEqual(drained(59.9), blueFor(1, 0));
    assert.deepEqual([drained(60), drained(3600)], [undefined, undefined]);
  });

  test("the time counts from the switch: the gate before it does not count, the watch after it does", () => {
    const entry = { result: "switched", seconds: { gate: 14, switch: 1, watch: 5 } } as const;
    assert.deepEqual(drained(20, entry), blueFor(55, 5));
  });

  test("a color that this run leaves alone is not waited for", () => {
    assert.equal(drained(0, {}, sampleSettings.memoryMb), undefined);
  });

  test("nor after anything else than a switch away from it", () => {
    assert.equal(drained(0, { from: "green", to: "green" }), undefined);
    assert.equal(drained(0, { from: "green", to: "blue" }), undefined);
    assert.equal(toDrain({ ...world(0), serving: undefined as never }, settings, made, now), undefined);
    assert.equal(toDrain(world(0), { ...settings, activeColor: "blue" }, made, now), undefined);
    assert.equal(toDrain({ ...world(0), slots: { blue: [], green: [] } }, settings, made, now), undefined);
  });

  test("nor where it has visitors of its own still: the cutover takes them away, and waits itself", () => {
    const heldUntil = (until: number | undefined): Partial<Serving> => ({
      record: {
        stable: {},
        sessions: {
          blue: { word: "aaaaaaaaaaaaaaaa", ...(until !== undefined && { until }) },
          green: { word: "bbbbbbbbbbbbbbbb" },
        },
      },
    });
    const seconds = now.getTime() / 1000;
    assert.equal(drained(0, {}, 128, { canaryPercent: 5 }), undefined);
    assert.equal(drained(0, {}, 128, heldUntil(seconds + 1)), undefined);
    for (const over of [seconds, seconds - 1, 0])
      assert.deepEqual(drained(0, {}, 128, heldUntil(over)), blueFor(60, 10));
  });

  test("a clock that is wrong costs no more than the settings say, and a time that is none costs nothing", () => {
    assert.deepEqual(drained(-86_400), blueFor(60, 10));
    assert.equal(drained(0, { time: "yesterday" }), undefined);
  });

  test("a run after the switch that moved nobody does not make a color be replaced that still has requests in flight", () => {
    const seen = world(4);
    const { serving } = seen;
    assert.ok(serving);
    for (const result of ["refused", "unready"] as const) {
      const later = { ...serving.history[0], result, from: "green", to: "blue" } as HistoryEntry;
      const told: World = { ...seen, serving: { ...serving, history: [...serving.history, later] } };
      assert.deepEqual(toDrain(told, settings, made, now), blueFor(56, 6), result);
    }
  });
});
