import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEntry } from "../stacks/serving";
import { secondsToDrain } from "../stacks/settled";
import { slotMadeFrom } from "../stacks/slot";
import type { World } from "../stacks/world";
import { sampleSettings } from "./settings.sample";

const owner = { project: "blue-green", stack: "dev" };
const settings = { ...sampleSettings, activeColor: "green" as const, keepAliveSeconds: 10 };
const made = slotMadeFrom(owner, "blue", settings);
const now = new Date("2026-01-01T00:01:00Z");

/** Green is live, and what the latest cutover did is this many seconds ago. */
function world(ago: number, change: Partial<HistoryEntry> = {}, memoryMb = 128): World {
  const time = new Date(now.getTime() - ago * 1000).toISOString();
  const last: HistoryEntry = {
    ...{ time, result: "instant", from: "blue", to: "green", versions: {}, images: {}, seconds: {} },
    ...change,
  };
  const state = { Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false };
  return {
    serving: {
      ...{ generation: "0".repeat(16), color: "green", answers: true, edited: false },
      ...{ record: { stable: {} }, history: [last] },
    },
    slots: {
      blue: {
        ...{ id: "b", name: "b", imageId: "i", state, restarts: 0, version: "1.0.0", environment: {} },
        made: { ...made, memoryMb },
      },
    },
    built: { blue: [], green: [] },
  };
}

const seconds = (...args: Parameters<typeof world>) => secondsToDrain(world(...args), settings, made, now);

test("a color that was live until a moment ago is replaced only after keepAliveSeconds", () => {
  assert.equal(seconds(0), 10);
  assert.equal(seconds(4), 6);
  assert.equal(seconds(9.9), 1);
  assert.equal(seconds(10), 0);
  assert.equal(seconds(3600), 0);
});

test("the time counts from the switch: the gate before it does not count, the watch after it does", () => {
  assert.equal(seconds(20, { result: "switched", seconds: { gate: 14, switch: 1, watch: 5 } }), 5);
});

test("a color that this run leaves alone is not waited for", () => {
  assert.equal(seconds(0, {}, sampleSettings.memoryMb), 0);
});

test("nor after anything else than a switch away from it", () => {
  assert.equal(seconds(0, { from: "green", to: "green" }), 0);
  assert.equal(seconds(0, { from: "green", to: "blue" }), 0);
  assert.equal(secondsToDrain({ ...world(0), serving: undefined as never }, settings, made, now), 0);
  assert.equal(secondsToDrain(world(0), { ...settings, activeColor: "blue" }, made, now), 0);
});

test("a clock that is wrong costs no more than keepAliveSeconds, and a time that is none costs nothing", () => {
  assert.equal(seconds(-86_400), 10);
  assert.equal(seconds(0, { time: "yesterday" }), 0);
});
