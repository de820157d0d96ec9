import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { excuse, type Judged } from "../../policy/excuse";
import { REMOTE_IMAGE } from "../../policy/image";
import { CONTAINER } from "../../policy/workload";
import { UNSEEN } from "../../stacks/service/hosts";
import type { Serving } from "../../stacks/service/serving";
import type { SlotContainer, World } from "../../stacks/service/world";
import { slotSpecOf } from "../../stacks/slot";
import { sampleSettings } from "../stacks/settings/settings.sample";

const owner = { project: "blue-green", stack: "prod" };

const container = (color: "blue" | "green"): SlotContainer => ({
  id: `${color}-1`,
  name: `blue-green-prod-${color}`,
  replica: 1,
  imageId: "sha256:1",
  state: { Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
  restarts: 0,
  version: "1.0.0",
  made: slotSpecOf(color, sampleSettings),
  environment: {},
});

/** Green is live; blue was stable before. */
const world = (record: Serving["record"] = { stable: { blue: ["blue-1"] } }): World => ({
  proxy: { id: "p", running: true, made: {} },
  slots: { blue: [container("blue")], green: [container("green")] },
  built: { blue: [], green: [] },
  serving: {
    ...{ generation: "g", color: "green", answers: true, edited: false, canaryPercent: 0 },
    ...{ replicas: { blue: 1, green: 1 }, record, history: [] },
  },
});

const toGreen = { ...sampleSettings, activeColor: "green" as const };

const judged = (name: string, change: Partial<Judged> = {}): Judged => ({
  ...{ type: CONTAINER, name, inputs: { name: `blue-green-prod-${name}` }, ignoreChanges: ["*", "memorySwap"] },
  ...change,
});

describe("what excuses a run from the policies", () => {
  test("the way back to a color that was stable is let through, whatever is judged", () => {
    for (const each of [undefined, judged("blue"), judged("extra", { ignoreChanges: [] })])
      assert.equal(excuse(world(), owner, sampleSettings, each), "this is the way back to blue");
  });

  test("a switch to what was never stable, or to another release, is no way back", () => {
    assert.equal(excuse(world({ stable: {} }), owner, sampleSettings), undefined);
    assert.equal(excuse(world({ stable: { blue: ["blue-0"] } }), owner, sampleSettings), undefined);
    const { slots } = sampleSettings;
    for (const change of [{ version: "2.0.0" }, { image: "shop:2" }]) {
      const settings = { ...sampleSettings, slots: { ...slots, blue: { ...slots.blue, ...change } } };
      assert.equal(excuse(world(), owner, settings), undefined);
    }
    const { serving, ...unserved } = world();
    assert.equal(excuse(unserved, owner, sampleSettings), undefined);
  });

  test("what a run leaves as it is was judged when it was made", () => {
    const kept = "this run leaves it as it is";
    for (const name of ["blue", "green", "proxy"]) assert.equal(excuse(world(), owner, toGreen, judged(name)), kept);
    const image = { type: REMOTE_IMAGE, inputs: { name: "shop:1" }, ignoreChanges: ["*"] };
    assert.equal(excuse(world(), owner, toGreen, judged("green", image)), kept);
  });

  test("so was an accessory that stays, and its image; one that is not there yet is judged", () => {
    const db = { id: "1", container: "blue-green-prod-accessory-db", name: "db", replica: 1, restarts: 0 };
    const none = { blue: [], green: [] };
    const [{ state }] = [container("blue")];
    const beside = { workers: none, jobs: none, accessories: [{ ...db, state, made: {}, environment: {} }] };
    const found = (name: string, type: string) =>
      excuse({ ...world(), beside }, owner, toGreen, judged(name, { type, ignoreChanges: ["*"] }));
    for (const type of [CONTAINER, REMOTE_IMAGE]) {
      assert.equal(found("accessory-db", type), "this run leaves it as it is");
      assert.equal(found("accessory-redis", type), undefined);
    }
  });

  test("the option that keeps a resource excuses nothing that is yet to be made, and nothing that may change", () => {
    for (const name of ["extra", "blue-2"]) assert.equal(excuse(world(), owner, toGreen, judged(name)), undefined);
    assert.equal(excuse(world(), owner, toGreen, judged("blue", { ignoreChanges: ["memorySwap"] })), undefined);
    assert.equal(excuse(world(), owner, toGreen, judged("extra", { type: REMOTE_IMAGE })), undefined);
    assert.equal(
      excuse(world(), { ...owner, stack: "other" }, toGreen, judged("proxy", { inputs: { name: "x-proxy" } })),
      undefined,
    );
  });

  test("what is on a missing host stays as it is, also where its name says nothing; without the setting no option excuses that", () => {
    const unknown = { unknown: true, reason: "no engine" } as const;
    const missing = judged("c-blue", { type: REMOTE_IMAGE, ignoreChanges: ["*", UNSEEN, "name"] });
    const allowed = { ...toGreen, allowMissingHosts: 1 };
    for (const seen of [world(), unknown])
      assert.equal(excuse(seen, owner, allowed, missing), "its host does not answer, and keeps what it has");
    assert.equal(excuse(world(), owner, toGreen, missing), undefined);
    assert.equal(excuse(unknown, owner, allowed, { ...missing, ignoreChanges: [UNSEEN] }), undefined);
  });

  test("where no engine answers nothing is excused: a preview alone goes on there", () => {
    assert.equal(excuse({ unknown: true, reason: "no engine" }, owner, sampleSettings, judged("blue")), undefined);
  });
});
