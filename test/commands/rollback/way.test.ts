import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Refusal } from "../../../commands/outcome";
import { type Asked, wayBack } from "../../../commands/rollback/way";
import { commandsFor } from "../../../commands/typed";
import type { PutBack, Serving } from "../../../stacks/service/serving";
import { cutover, ended, serving, slot } from "../status/facts.sample";

const NOW = new Date("2026-11-24T03:12:00.000Z");

const asked = (more: Partial<Asked> = {}): Asked => ({
  to: undefined,
  by: "ann@laptop",
  now: NOW,
  commands: commandsFor(undefined, undefined),
  ...more,
});

const slots = { blue: [slot("blue")], green: [slot("green")] };

/** Green is live and blue was stable before it, unless told otherwise. */
const greenServes = (more: Partial<Serving> = {}): Serving => serving({ color: "green", ...more });

const putBack: PutBack = {
  ...{ from: "green", version: "1.1.0", image: "", time: "2026-11-24T03:00:00.000Z", by: "bob@web" },
};

describe("the way back by hand", () => {
  test("goes to the color that served before, and notes the release that is left", () => {
    const left = { from: "green", version: "1.1.0", image: "", time: NOW.toISOString(), by: "ann@laptop" };
    const way = { to: "blue", from: "green", putBack: left };
    assert.deepEqual(wayBack({ serving: greenServes(), slots }, asked()), way);
    assert.deepEqual(wayBack({ serving: greenServes(), slots }, asked({ to: "blue" })), way);
  });

  test("of a canary, takes its visitors back to live in place of going to it", () => {
    const left = { from: "green", version: "1.1.0", image: "", time: NOW.toISOString(), by: "ann@laptop" };
    const found = { serving: serving({ canaryPercent: 10 }), slots };
    const way = { to: "blue", from: "green", putBack: { ...left, canaryPercent: 10 } };
    assert.deepEqual(wayBack(found, asked()), way);
    assert.deepEqual(wayBack(found, asked({ to: "blue" })), way);
    assert.equal(wayBack(found, asked({ to: "green" }))?.to, "green");
  });

  test("has nothing to do where the public is there already", () => {
    assert.equal(wayBack({ serving: greenServes(), slots }, asked({ to: "green" })), undefined);
  });

  test("typed twice, it does not go forward again", () => {
    const found = { serving: serving({ record: { ...serving().record, putBack } }), slots };
    assert.throws(() => wayBack(found, asked()), {
      name: "Refusal",
      message:
        "The public was put back from green to blue, by bob@web at 2026-11-24 03:00 UTC, already. Nothing was changed",
      next: [{ purpose: "go to green all the same", command: "npm run rollback -- --to green" }],
    });
    assert.deepEqual(wayBack(found, asked({ to: "green" })), { to: "green", from: "blue", putBack: undefined });
  });

  test("nor where somebody went back a moment ago, by a run or of a canary", () => {
    const back = cutover({ result: "instant", from: "green", to: "blue", time: "2026-11-24T03:11:00.000Z" });
    const next = [{ purpose: "go to green all the same", command: "npm run rollback -- --to green" }];
    assert.throws(() => wayBack({ serving: serving({ history: [back] }), slots }, asked()), {
      message: "The public went back from green to blue at 2026-11-24T03:11:00.000Z already. Nothing was changed",
      next,
    });
    const record = { ...serving().record, putBack: { ...putBack, canaryPercent: 10 } };
    assert.throws(() => wayBack({ serving: serving({ record }), slots }, asked()), {
      message:
        "The canary of green was ended by hand, by bob@web at 2026-11-24 03:00 UTC, already. Nothing was changed",
      next,
    });
  });

  test("where the container that is left is gone, the history knows its release", () => {
    const found = { serving: greenServes({ history: [cutover()] }), slots: { ...slots, green: [] } };
    assert.equal(wayBack(found, asked())?.putBack?.version, "1.1.0");
    const none = { serving: greenServes({ history: [] }), slots: { ...slots, green: [] } };
    assert.equal(wayBack(none, asked())?.putBack?.version, "");
  });

  test("to what was left by hand, and can't serve, Pulumi has to agree first", () => {
    const record = { ...serving().record, putBack };
    const found = { serving: serving({ record }), slots: { ...slots, green: [slot("green", { state: ended })] } };
    const error = assertThrown(() => wayBack(found, asked({ to: "green" }))) as Refusal;
    assert.deepEqual(
      error.next.map((each) => (typeof each === "string" ? each : each.command)),
      ["pulumi config set activeColor blue && pulumi up", "pulumi config set activeColor green && pulumi up"],
    );
  });

  const refusals: [what: string, found: Parameters<typeof wayBack>[0], message: RegExp][] = [
    ["nobody is served", { serving: undefined, slots }, /^Nobody is served yet/],
    ["it has no container", { serving: greenServes(), slots: { ...slots, blue: [] } }, /^blue has no container\./],
    [
      "its container has ended",
      { serving: greenServes(), slots: { ...slots, blue: [slot("blue", { state: ended })] } },
      /^blue is exited\./,
    ],
    [
      "it was stopped since it was idle",
      {
        serving: greenServes({
          replicas: { blue: 0, green: 1 },
          record: {
            ...serving().record,
            retired: { color: "blue", how: "stopped", version: "1.0.0", image: "", stable: true },
          },
        }),
        slots: { ...slots, blue: [slot("blue", { state: ended })] },
      },
      /^blue is stopped\./,
    ],
    [
      "its container is another one than the one that was stable",
      { serving: greenServes({ record: { stable: { green: [slot("green").id] } } }), slots },
      /^blue \(1\.0\.0\) was never live and well in this container/,
    ],
  ];
  for (const [what, found, message] of refusals) {
    test(`is refused where ${what}, with nothing changed`, () => {
      const error = assertThrown(() => wayBack(found, asked()));
      assert.ok(error instanceof Refusal);
      assert.match(error.message, message);
      assert.deepEqual(
        error.next,
        found.serving === undefined
          ? []
          : [
              {
                purpose: "have it made ready, checked and switched to",
                command: "pulumi config set activeColor blue && pulumi up",
              },
            ],
      );
    });
  }

  test("one of several containers that is down holds nothing up", () => {
    const blue = [slot("blue"), slot("blue", { id: "other", replica: 2, state: ended })];
    const found = { serving: greenServes({ replicas: { blue: 2, green: 1 } }), slots: { ...slots, blue } };
    assert.equal(wayBack(found, asked())?.to, "blue");
  });
});

function assertThrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail("it was not refused");
}
