import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withHardening } from "../../../stacks/plan/hardened";
import type { SlotContainer, UnknownWorld, World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { sampleSettings } from "../settings/settings.sample";

const UNKNOWN: UnknownWorld = { unknown: true, reason: "no engine" };

type Made = { image?: string; hardened?: false };

/** A world in which blue's containers say this of themselves. */
const worldOf = (...made: Made[]): World => ({
  slots: { blue: made.map((made) => ({ made }) as SlotContainer), green: [] },
  built: { blue: [], green: [] },
});

const NOTHING = worldOf();

const OWN = "registry.example/team/shop";

/** What blue and green run with, where blue has this image and green is built. */
function hardened(image: string | undefined, world: World | UnknownWorld, change: Partial<Settings> = {}) {
  const { blue, green } = sampleSettings.slots;
  const slots = { blue: { ...blue, ...(image !== undefined && { image }) }, green };
  const { slots: found } = withHardening({ ...sampleSettings, slots, ...change }, world);
  return [found.blue.hardened, found.green.hardened];
}

describe("whether a color runs with the strict set", () => {
  test("the setting hardened says so, whatever the image and whatever runs", () => {
    for (const world of [UNKNOWN, NOTHING, worldOf({ image: "n8n:1" })]) {
      for (const image of [undefined, "n8n:1"]) {
        assert.deepEqual(hardened(image, world, { hardened: true }), [true, true]);
        assert.deepEqual(hardened(image, world, { hardened: false }), [false, false]);
      }
    }
  });

  test("a release of app/ does, built or out of the stack's own registry, also where no engine answers", () => {
    for (const world of [UNKNOWN, NOTHING, worldOf({ image: "n8n:1", hardened: false })]) {
      assert.deepEqual(hardened(undefined, world), [true, true]);
      for (const image of [`${OWN}:1`, `${OWN}@sha256:${"0".repeat(64)}`])
        assert.deepEqual(hardened(image, world, { registry: OWN }), [true, true], image);
    }
  });

  test("an image of somebody else's does not, and a name that only begins as the registry is somebody else's", () => {
    for (const image of [
      "n8n:1",
      "registry.example/team/shop-copy:1",
      "registry.example/team:1",
      "evil.example/team/shop:1",
    ])
      assert.deepEqual(hardened(image, NOTHING, { registry: OWN }), [false, true], image);
    assert.deepEqual(hardened("n8n:1", UNKNOWN), [false, true]);
    assert.deepEqual(hardened("docker.io/library/n8n:1", NOTHING, { registry: "docker.io/library/other" }), [
      false,
      true,
    ]);
  });

  test("a stack that has run such images with the strict set keeps it, until one of them says otherwise", () => {
    const cases: [made: Made[], blue: boolean][] = [
      [[{ image: "n8n:1" }], true],
      [[{ image: "n8n:1" }, { image: "n8n:2" }], true],
      [[{ image: "n8n:1", hardened: false }], false],
      [[{ image: "n8n:1" }, { image: "n8n:2", hardened: false }], false],
      // Of a release of app/, and of a container without a label, nothing follows.
      [[{ image: "" }], false],
      [[{}], false],
      [[{ image: `${OWN}:1` }], false],
      [[{ image: `${OWN}:1` }, { image: "n8n:1" }], true],
    ];
    for (const [made, blue] of cases)
      assert.deepEqual(hardened("n8n:3", worldOf(...made), { registry: OWN }), [blue, true], JSON.stringify(made));
  });

  test("nothing else of the settings changes", () => {
    const { slots, ...rest } = withHardening(sampleSettings, NOTHING);
    const { slots: before, ...same } = sampleSettings;
    assert.deepEqual(rest, same);
    assert.deepEqual(slots, {
      blue: { ...before.blue, hardened: true },
      green: { ...before.green, hardened: true },
    });
  });
});
