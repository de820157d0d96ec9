import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide } from "../../../stacks/plan/plan";
import type { Plan } from "../../../stacks/plan/situation";
import type { Serving } from "../../../stacks/service/serving";
import type { World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { NOW, settingsOf, situation, worldOf } from "./beside.sample";

const plan = (settings: Settings, world: World, more: Parameters<typeof situation>[2] = {}): Plan =>
  decide(situation(settings, world, more));

/** What `docker rm` has left of a world. */
const without = ({ slots, ...world }: World, ...gone: string[]): World => {
  const left = (color: "blue" | "green") => slots[color].filter(({ id }) => !gone.includes(id));
  return { ...world, slots: { blue: left("blue"), green: left("green") } };
};

/** The world with this in what the proxy says. */
const serves = (world: World, change: Partial<Serving>): World => ({
  ...world,
  serving: { ...(world.serving as Serving), ...change },
});

const settings = settingsOf();
const toGreen = settingsOf({ activeColor: "green" });
const several = settingsOf({ replicas: "3" });
const LIVE = (name: string) => `${name} is made again at ${NOW.toISOString()}`;

const made = ({ again, mend, refusals }: Plan) => ({ again, mend, refusals });

describe("web containers that are gone", () => {
  const world = worldOf(settings);
  const [blue, green] = [world.slots.blue[0]?.id ?? "", world.slots.green[0]?.id ?? ""];

  test("are made again by any run, in a switch and without one; where none is, none is", () => {
    assert.deepEqual(plan(settings, world).again, []);
    assert.deepEqual(made(plan(settings, without(world, green))), { again: ["green"], mend: undefined, refusals: [] });
    assert.deepEqual(plan(toGreen, without(world, green)).again, ["green"]);
    assert.deepEqual(plan(toGreen, without(world, blue)).again, ["blue"]);
    assert.deepEqual(plan(settings, without(world, blue, green)).again, ["blue", "green"]);
  });

  test("of the live color have the cutover ask them, in the same run", () => {
    const { again, mend } = plan(settings, without(world, blue));
    assert.deepEqual([again, mend], [["blue"], LIVE("blue")]);
    assert.equal(plan(toGreen, without(world, blue)).mend?.includes("made again") ?? false, false, "that is left");
  });

  test("of several are those alone, and the others of the live color stay as they are", () => {
    const one = worldOf(several);
    const [first] = one.slots.blue;
    assert.ok(first);
    const each = [1, 2, 3].map((replica) => ({ ...first, id: `blue-${replica}`, replica }));
    const three = serves({ ...one, slots: { ...one.slots, blue: each } }, { replicas: { blue: 3, green: 1 } });
    const second = three.slots.blue.find(({ replica }) => replica === 2)?.id ?? "";
    const { again, keep, mend } = plan(several, without(three, second));
    assert.deepEqual([again, keep.blue, mend], [["blue-2"], true, LIVE("blue-2")]);
    assert.deepEqual(plan(settingsOf({ replicas: "1" }), without(three, second)).again, [], "one more than are wanted");
    const more = settingsOf({ replicas: "3" });
    assert.deepEqual(plan(more, world).again, [], "one that never was there");
  });

  test("are left alone where they answer: somebody gave them another name, and visitors are on them", () => {
    const well = { well: true, status: 200, seen: "200" };
    for (const name of ["blue", "green"] as const) {
      const gone = without(world, world.slots[name][0]?.id ?? "");
      assert.deepEqual(plan(settings, serves(gone, { health: { [name]: well } })).again, []);
      const ill = { well: false, status: 502, seen: "502" };
      assert.deepEqual(plan(settings, serves(gone, { health: { [name]: ill } })).again, [name]);
    }
    const [warning = ""] = plan(settings, serves(without(world, blue), { health: { blue: well } })).warnings;
    assert.match(warning, /^blue is live, but its container is gone.*pulumi up --refresh$/);
  });

  test("of an idle color that is stopped or removed wait until it comes back", () => {
    const idle = { idle: "stopped", idleAfterMinutes: "0" };
    const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" } as const;
    const record = { stable: {}, retired };
    const away = serves(without(worldOf(settingsOf(idle)), green), { record, replicas: { blue: 1, green: 0 } });
    assert.deepEqual(plan(settingsOf(idle), away).again, []);
    assert.deepEqual(plan(settingsOf({ ...idle, activeColor: "green" }), away).again, ["green"]);
    assert.deepEqual(plan(settings, away).again, ["green"]);
    const removed = serves(away, { record: { stable: {}, retired: { ...retired, how: "removed" } } });
    assert.deepEqual(plan(settings, removed).again, [], "Pulumi's state doesn't have it either");
  });

  test("where only one color may run, the live one is left to a refresh, and an idle one comes with a switch", () => {
    const alone = settingsOf({ sharedWhileSwitching: "false" });
    const one = serves(worldOf(alone), { replicas: { blue: 1, green: 0 } });
    assert.deepEqual(plan(alone, without(one, blue)).again, []);
    assert.deepEqual(plan(alone, without(one, green)).again, []);
  });

  test("a recovery declares what runs, and a first run makes all of it", () => {
    assert.deepEqual(plan(settings, without(world, green), { recovers: true }).again, []);
    const { serving: _, ...first } = without(world, blue, green);
    assert.deepEqual(plan(settings, first).again, []);
  });
});
