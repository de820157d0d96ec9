import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { needsOf } from "../../../stacks/plan/container";
import { decideOpenVolumes } from "../../../stacks/plan/openVolumes";
import type { Plan, Situation } from "../../../stacks/plan/situation";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw } from "../settings/settings.raw";

const volume = (source: string, keys: object = {}) => ({ type: "volume", source, target: `/${source}`, ...keys });

const ACCESSORIES = {
  db: { image: "postgres:17", volumes: [volume("shop_db", { "x-external": true })] },
  cache: {
    image: "redis:7",
    volumes: ["own:/data", volume("shop_files", { "x-external": true, read_only: true }), "/srv/x:/x"],
  },
};

const settings = parseSettings(raw({ accessories: JSON.stringify(ACCESSORIES) }), new Set());

const said = (open: Record<string, string[]>, preview: boolean, change: Partial<Plan> = {}, there: string[] = []) =>
  decideOpenVolumes(
    {
      ...{ preview, found: { open: new Map(Object.entries(open)) } },
      world: { beside: { accessories: there.map((name) => ({ name })) } },
    } as unknown as Situation,
    { accessories: settings.accessories, keptAccessories: [], accessoriesLast: false, ...change } as unknown as Plan,
  );

describe("a volume that an accessory writes to", () => {
  test("is looked for where it is there already and can be written to", () => {
    assert.deepEqual(needsOf(settings).alone, ["shop_db"]);
  });

  test("is refused while another container has it open, and told in the preview, which is read before that one is stopped", () => {
    const open = { shop_db: ["shop-db-1", "old"] };
    const seen =
      "The accessory db would write to the volume shop_db, which shop-db-1 and old have open: two at a time spoil its files.";
    assert.deepEqual(said(open, false), {
      refusals: [`${seen} Nothing was touched. Next: docker stop shop-db-1 old && pulumi up`],
    });
    assert.deepEqual(said(open, true), { warnings: [`${seen} Before the run: docker stop shop-db-1 old`] });
  });

  test("is no matter where nobody has it open, or the accessory stays as it is", () => {
    assert.deepEqual(said({ shop_db: [] }, false), { refusals: [] });
    assert.deepEqual(said({}, true), { warnings: [] });
    assert.deepEqual(said({ shop_db: ["shop-db-1"] }, false, { keptAccessories: ["db"] }), { refusals: [] });
  });

  test("holds up no way back: the accessory is left out of it, or stays as it is", () => {
    const open = { shop_db: ["shop-db-1"] };
    const warnings = [
      "The accessory db is not made in this run. The accessory db would write to the volume shop_db, which shop-db-1 has open: two at a time spoil its files.",
    ];
    const { cache } = settings.accessories ?? {};
    for (const preview of [true, false]) {
      const absent = said(open, preview, { accessoriesLast: true });
      assert.deepEqual(absent, { accessories: { cache }, keptAccessories: [], warnings });
      const there = said(open, preview, { accessoriesLast: true }, ["db"]);
      assert.deepEqual(there, { accessories: settings.accessories, keptAccessories: ["db"], warnings });
    }
    assert.deepEqual(said({}, false, { accessoriesLast: true }), {});
  });
});
