import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decisionOf } from "../../../stacks/plan/decision";
import { decide } from "../../../stacks/plan/plan";
import { proxyMadeFrom } from "../../../stacks/proxy/proxy";
import { decisionIn, decisionLine } from "../../../stacks/service/decision";
import type { SlotContainer, UnknownWorld, World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { slotSpecOf } from "../../../stacks/slot";
import { sampleSettings } from "../settings/settings.sample";

const owner = { project: "blue-green", stack: "dev" };

const container = (color: "blue" | "green", Running = true): SlotContainer => ({
  id: color.repeat(8),
  name: `blue-green-dev-${color}`,
  replica: 1,
  imageId: "sha256:1",
  state: { Running, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false },
  restarts: 0,
  version: "1.0.0",
  made: slotSpecOf(color, sampleSettings),
  environment: {},
});

const world = (change: Partial<World> = {}): World => ({
  proxy: { id: "p", running: true, made: proxyMadeFrom(owner, sampleSettings) },
  serving: {
    generation: "g",
    color: "blue",
    answers: true,
    edited: false,
    declared: "g",
    canaryPercent: 0,
    replicas: { blue: 1, green: 1 },
    record: { stable: {} },
    history: [],
  },
  slots: { blue: [container("blue")], green: [container("green", false)] },
  built: { blue: [], green: [] },
  ...change,
});

function decision(settings: Settings, now: World | UnknownWorld) {
  const plan = decide({
    owner,
    settings,
    world: now,
    source: "s",
    proxy: proxyMadeFrom(owner, settings),
    slots: { blue: slotSpecOf("blue", settings), green: slotSpecOf("green", settings) },
    generation: () => "asked",
    now: new Date(0),
    preview: true,
  });
  return decisionOf(owner, settings, now, plan);
}

describe("a plan as the preview reads it", () => {
  test("a decision says who is live, what runs, and what will", () => {
    const said = decision(
      {
        ...sampleSettings,
        activeColor: "green",
        slots: { ...sampleSettings.slots, green: { version: "2", port: 5002 } },
      },
      world(),
    );
    const { warnings, notes, ...rest } = said;
    assert.deepEqual(rest, {
      containers: "blue-green-dev-",
      proxyRuns: true,
      live: "blue",
      active: "green",
      before: {
        blue: { version: "1.0.0", containers: 1, running: 1 },
        green: { version: "1.0.0", containers: 1, running: 0 },
      },
      after: { blue: { version: "1.0.0", containers: 1 }, green: { version: "2", containers: 1 } },
      idle: "running",
      canaryPercent: { before: 0, after: 0 },
      maintenance: { before: false, after: false },
      pending: [],
      refusals: [],
    });
    assert.match(notes.join("\n"), /The public moves from blue \(1\.0\.0\) to green \(2\)/);
    assert.deepEqual(warnings, []);
  });

  test("what can't be known is said with the reason", () => {
    assert.equal(decision(sampleSettings, { unknown: true, reason: "no engine" }).unknown, "no engine");
    const { serving: _, ...mute } = world({ silent: "timed out" });
    assert.equal(decision(sampleSettings, mute).unknown, "timed out");
    const { serving } = world();
    assert.ok(serving);
    const busy = decision(sampleSettings, world({ serving: { ...serving, busy: "pid 7" } }));
    assert.equal(busy.unknown, "a cutover runs in the proxy (pid 7)");
    assert.equal("live" in decision(sampleSettings, { ...mute, slots: { blue: [], green: [] } }), false);
  });

  test("no secret is in it", () => {
    const secret = "hunter2hunter2";
    const settings = { ...sampleSettings, secretEnvironment: { TOKEN: secret }, testerToken: secret };
    const now = world({
      slots: { blue: [{ ...container("blue"), environment: { TOKEN: `${secret}old` } }], green: [] },
    });
    assert.equal(decisionLine(decision(settings, now)).includes(secret), false);
  });

  test("a decision survives as a line of the log, and no other line is taken for one", () => {
    const said = decision(sampleSettings, world());
    assert.deepEqual(decisionIn(decisionLine(said)), said);
    for (const line of [
      "",
      "blue-green decision: ",
      "blue-green decision: {",
      "blue-green decision: 7",
      ` ${decisionLine(said)}`,
    ])
      assert.equal(decisionIn(line), undefined);
  });
});
