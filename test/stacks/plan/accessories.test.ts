import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decideAccessories } from "../../../stacks/plan/accessories";
import { decideContainer } from "../../../stacks/plan/container";
import { decide } from "../../../stacks/plan/plan";
import type { Plan, Situation } from "../../../stacks/plan/situation";
import type { Found } from "../../../stacks/service/needs";
import type { World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { EXITED, settingsOf, situation, worldOf } from "./beside.sample";

const DB = {
  image: "postgres:17",
  environment: { POSTGRES_USER: "shop", POSTGRES_PASSWORD: "hunter2" },
  volumes: ["db:/var/lib/postgresql/data"],
  mem_limit: "256m",
};

/** Settings with a database, and with these keys of it. */
const withDb = (keys: object = {}, more: object = {}): Settings =>
  settingsOf({ accessories: { db: { ...DB, ...keys } }, ...more });

const NOBODY: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

const EMPTY = { refusals: [], warnings: [], keptAccessories: [] };

const decided = (settings: Settings, world: Situation["world"], change: Partial<Situation> = {}) =>
  decideAccessories(situation(settings, world, change));

const WAY_OUT = "pulumi config set --path 'allowAccessoryReplace[0]' db && pulumi up";

const refused = (what: string) =>
  `The accessory db would be ${what}, and both colors need it. Nothing was touched. Either put its settings back, or do it on purpose: ${WAY_OUT}`;

describe("what becomes of an accessory", () => {
  test("it stays where its settings are the same, whatever happens to the release", () => {
    for (const settings of [withDb(), withDb({}, { greenVersion: "2.0.0", activeColor: "green", blueImage: "shop:2" })])
      assert.deepEqual(decided(settings, worldOf(withDb())), { ...EMPTY, keptAccessories: ["db"] });
  });

  test("on an empty engine it is made, and so is one that stands beside another; nothing is said of either", () => {
    assert.deepEqual(decided(withDb(), NOBODY), EMPTY);
    const two = settingsOf({ accessories: { db: DB, redis: { image: "redis:8" } } });
    assert.deepEqual(decided(two, worldOf(withDb())), { ...EMPTY, keptAccessories: ["db"] });
  });

  test("each difference is refused by its place, with both values and the command that means it, but for a variable's value", () => {
    const differences: [object, string][] = [
      [{ image: "postgres:18" }, "image postgres:17 -> postgres:18"],
      [{ mem_limit: "300m" }, "mem_limit 256 -> 300"],
      [{ command: "postgres -c fsync=off" }, 'command (none) -> ["postgres","-c","fsync=off"]'],
      [
        { volumes: ["other:/var/lib/postgresql/data"] },
        'volumes./var/lib/postgresql/data {"type":"volume","source":"db"} -> {"type":"volume","source":"other"}',
      ],
      [{ healthcheck: { test: "pg_isready" } }, 'healthcheck.tests (none) -> ["CMD-SHELL","pg_isready"]'],
      [{ labels: { team: "shop" } }, "labels.team (none) -> shop"],
      [{ pids_limit: 100 }, "processes 4096 -> 100, pids_limit (none) -> 100"],
      [{ environment: { POSTGRES_USER: "shop", POSTGRES_PASSWORD: "hunter3" } }, "environment.POSTGRES_PASSWORD"],
      [{ environment: { ...DB.environment, A: "hunter4" } }, "environment.A"],
      [{ environment: {} }, "environment.POSTGRES_PASSWORD, environment.POSTGRES_USER"],
      [
        { image: "postgres:18", environment: { POSTGRES_USER: "shop" } },
        "image postgres:17 -> postgres:18, environment.POSTGRES_PASSWORD",
      ],
    ];
    for (const [keys, what] of differences)
      assert.deepEqual(decided(withDb(keys), worldOf(withDb())), {
        ...EMPTY,
        refusals: [refused(`replaced (${what})`)],
      });
  });

  test("one that is no longer in the settings, or says nothing of what it was made from, is refused too", () => {
    assert.deepEqual(decided(settingsOf(), worldOf(withDb())), { ...EMPTY, refusals: [refused("removed")] });
    const [bare] = worldOf(withDb()).beside?.accessories ?? [];
    assert.ok(bare !== undefined);
    const beside = {
      workers: { blue: [], green: [] },
      jobs: { blue: [], green: [] },
      accessories: [{ ...bare, made: {} }],
    };
    assert.match(
      decided(withDb(), worldOf(withDb(), { beside })).refusals?.[0] ?? "",
      / image \(none\) -> postgres:17,/,
    );
  });

  test("what allowAccessoryReplace names is replaced or removed, and that it costs something is said", () => {
    const allowed = { allowAccessoryReplace: ["db"] };
    const costs =
      ", as allowAccessoryReplace allows: who needs it gets errors meanwhile; its volumes stay. Afterwards: pulumi config rm allowAccessoryReplace";
    assert.deepEqual(decided(withDb({ mem_limit: "300m" }, allowed), worldOf(withDb())), {
      ...EMPTY,
      warnings: [`The accessory db is replaced (mem_limit 256 -> 300)${costs}`],
    });
    assert.deepEqual(decided(settingsOf(allowed), worldOf(withDb())), {
      ...EMPTY,
      warnings: [`The accessory db is removed${costs}`],
    });
    assert.deepEqual(
      decided(withDb({}, allowed), worldOf(withDb())),
      { ...EMPTY, keptAccessories: ["db"] },
      "nothing to allow",
    );
    const other = withDb({ mem_limit: "300m" }, { allowAccessoryReplace: ["redis"] });
    assert.match(decided(other, worldOf(withDb())).refusals?.[0] ?? "", /'allowAccessoryReplace\[1\]' db/);
  });

  test("two that are refused have a place each in the list that allows them, in the order in which they are said", () => {
    const before = settingsOf({ accessories: { db: DB, redis: { image: "redis:8" } } });
    const after = settingsOf({ accessories: { db: { ...DB, mem_limit: "1g" }, redis: { image: "redis:9" } } });
    const { refusals = [] } = decided(after, worldOf(before));
    assert.deepEqual(
      refusals.map((refusal) => /set --path '(.*?)' (\w+)/.exec(refusal)?.slice(1)),
      [
        ["allowAccessoryReplace[0]", "db"],
        ["allowAccessoryReplace[1]", "redis"],
      ],
    );
  });

  test("a way back is not held up: the accessory stays as it is, and that is told; one that is gone from the settings is refused", () => {
    const back = { activeColor: "green" };
    assert.deepEqual(decided(withDb({ image: "postgres:18" }, back), worldOf(withDb())), {
      ...EMPTY,
      warnings: [
        "The accessory db stays as it is in this run, although it would be replaced (image postgres:17 -> postgres:18).",
      ],
      keptAccessories: ["db"],
    });
    assert.deepEqual(decided(settingsOf(back), worldOf(withDb())).refusals, [refused("removed")]);
    const meant = withDb({ image: "postgres:18" }, { ...back, allowAccessoryReplace: ["db"] });
    assert.deepEqual(decided(meant, worldOf(withDb())).keptAccessories, [], "what is meant is done");
  });

  test("a recovery keeps all that there are, and says nothing", () => {
    for (const settings of [withDb(), withDb({ image: "postgres:18" }), settingsOf()])
      assert.deepEqual(decided(settings, worldOf(withDb()), { recovers: true }), { keptAccessories: ["db"] });
  });

  test("without an engine nothing is decided", () => {
    assert.deepEqual(decided(withDb(), { unknown: true, reason: "no engine" }), {});
    assert.deepEqual(
      decide(situation(withDb(), { unknown: true, reason: "no engine" }, { preview: true })).refusals,
      [],
    );
  });

  test("one that does not run, or was started again, is no other one", () => {
    const { beside, ...world } = worldOf(withDb());
    const down = {
      ...beside,
      accessories: (beside?.accessories ?? []).map((one) => ({ ...one, state: EXITED, restarts: 7 })),
    };
    assert.deepEqual(decided(withDb(), { ...world, beside: down } as World).keptAccessories, ["db"]);
  });

  test("no value of a variable is ever shown, whatever it was and is", () => {
    const environment = fc.dictionary(fc.stringMatching(/^[A-Z]{1,3}$/), fc.constantFrom("hunter2", "correct-horse"));
    fc.assert(
      fc.property(environment, environment, fc.boolean(), (was, is, back) => {
        const settings = withDb({ environment: is }, back ? { activeColor: "green" } : {});
        const {
          refusals = [],
          warnings = [],
          keptAccessories,
        } = decided(settings, worldOf(withDb({ environment: was })));
        assert.doesNotMatch([...refusals, ...warnings].join(), /hunter2|correct-horse/);
        const same = JSON.stringify(Object.entries(was).sort()) === JSON.stringify(Object.entries(is).sort());
        assert.equal(keptAccessories?.length === 1, same || back);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a whole plan with accessories", () => {
  test("a change that is refused refuses the run, and one that is not is no part of any color's plan", () => {
    assert.deepEqual(decide(situation(withDb({ mem_limit: "1g" }), worldOf(withDb()))).refusals, [
      refused("replaced (mem_limit 256 -> 1024)"),
    ]);
    const { keptAccessories, ...plan } = decide(situation(withDb(), worldOf(withDb())));
    const { keptAccessories: none, ...before } = decide(situation(settingsOf(), worldOf(settingsOf())));
    assert.deepEqual([keptAccessories, none], [["db"], []]);
    assert.deepEqual(plan, before);
  });
});

describe("what an accessory needs of the engine", () => {
  const found = (change: Partial<Found>): Found => ({
    missingNetworks: [],
    missingVolumes: [],
    imageVolumes: {},
    ...change,
  });
  const REDIS = found({ imageVolumes: { "redis:8": ["/data"] } });
  const redis = (keys: object = {}, more: object = {}) =>
    settingsOf({ accessories: { redis: { image: "redis:8", ...keys } }, ...more });
  const plan = (keptAccessories: string[] = [], change: Partial<Plan> = {}) =>
    ({
      ...{ containers: { blue: 1, green: 1 }, keep: { blue: false, green: false, proxy: false }, keptAccessories },
      ...change,
    }) as Plan;
  const said = (settings: Settings, has: Found, declared = plan(), world: Situation["world"] = NOBODY) =>
    decideContainer(situation(settings, world, { found: has }), declared);
  const LOST =
    "The image redis:8 of the accessory redis keeps its data in /data (VOLUME), and nothing is mounted there: it would be gone with the container.";

  test("an image's volume on which nothing is mounted is refused, with what keeps it under the place in the list that is free", () => {
    assert.deepEqual(said(redis(), REDIS).refusals, [
      `${LOST} Nothing was touched. Next: keep it: pulumi config set --path 'accessories.redis.volumes[0]' redis-data:/data && pulumi up`,
    ]);
    const mounted = redis({ volumes: ["a:/a", { type: "tmpfs", target: "/b" }] });
    assert.match(said(mounted, REDIS).refusals?.[0] ?? "", /'accessories\.redis\.volumes\[2\]' redis-data:\/data/);
    for (const fine of [
      redis({ volumes: ["queue:/data"] }),
      redis({ tmpfs: "/data" }),
      redis({}, { ephemeralVolumes: ["/data"] }),
    ])
      assert.deepEqual(said(fine, REDIS), { refusals: [], warnings: [] });
    assert.deepEqual(
      said(redis(), REDIS, plan(["redis"])),
      { refusals: [], warnings: [] },
      "one that stays has it already",
    );
    const colors = settingsOf({ container: { volumes: ["a:/data"] }, accessories: { redis: { image: "redis:8" } } });
    assert.equal(said(colors, REDIS).refusals?.length, 1, "what the colors mount is not the accessory's");
  });

  test("a network or an external volume that is missing is told by whose it is, also while no color is made", () => {
    const volumes = [{ type: "volume", source: "shop_data", target: "/data", "x-external": true }];
    const missing = found({ missingNetworks: ["shop_default"], missingVolumes: ["shop_data"] });
    const kept = plan([], { keep: { blue: true, green: true, proxy: true } });
    const settings = redis({ networks: ["shop_default"], volumes });
    assert.deepEqual(said(settings, missing, kept).refusals, [
      "accessories.redis.networks names shop_default, and the engine has no network of that name. Nothing was touched. " +
        "Next: docker network ls; then name one that is there, or: docker network create shop_default && pulumi up",
      "accessories.redis.volumes names shop_data as external, and the engine has no volume of that name. Nothing was touched. " +
        "Next: docker volume ls; then name one that is there, or leave x-external out",
    ]);
    assert.deepEqual(said(settings, missing, { ...kept, keptAccessories: ["redis"] }).refusals, []);
    const both = redis({ networks: ["shop_default"] }, { container: { networks: ["shop_default"] } });
    assert.match(
      said(both, missing).refusals?.[0] ?? "",
      /^container\.networks and accessories\.redis\.networks name shop_default,/,
    );
    const worker = settingsOf({ workers: { mail: { command: "x", networks: ["shop_default"] } } });
    assert.match(said(worker, missing).refusals?.[0] ?? "", /^workers\.mail\.networks names shop_default,/);
    assert.deepEqual(said(worker, missing, kept).refusals, []);
  });

  test("a worker that mounts something else than its color is refused where the image's data would be left out", () => {
    const image = { blueImage: "shop:1", greenImage: "shop:1", container: { volumes: ["data:/data"] } };
    const has = found({ imageVolumes: { "shop:1": ["/data"] } });
    const mail = (keys: object) => settingsOf({ ...image, workers: { mail: { command: "x", ...keys } } });
    assert.deepEqual(said(mail({}), has).refusals, [], "it has the color's own mounts");
    assert.deepEqual(said(mail({ volumes: ["mail:/data"] }), has).refusals, []);
    const [refusal = "", ...more] =
      said(mail({ volumes: ["spool:/spool"] }), has, plan([], { containers: { blue: 1, green: 0 } })).refusals ?? [];
    assert.deepEqual(more, []);
    assert.equal(
      refusal,
      "blue's image shop:1 keeps its data in /data (VOLUME), and workers.mail mounts nothing there (its mounts replace those of container): " +
        "it would be gone with its container. Nothing was touched. Next: keep it for both colors: pulumi config set --path " +
        "'workers.mail.volumes[1]' data:/data && pulumi up; or, where it may be lost: pulumi config set --path 'ephemeralVolumes[0]' /data && pulumi up",
    );
  });
});
