import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decideAccessories } from "../../../stacks/plan/accessories";
import { decideContainer } from "../../../stacks/plan/container";
import { decide } from "../../../stacks/plan/plan";
import { decideService } from "../../../stacks/plan/service";
import type { Plan, Situation } from "../../../stacks/plan/situation";
import type { Found } from "../../../stacks/service/needs";
import type { World } from "../../../stacks/service/world";
import { withOthers } from "../../../stacks/services";
import type { Settings } from "../../../stacks/settings/settings";
import { EXITED, NOW, OWNER, RUNNING, settingsOf, situation, worldOf } from "./beside.sample";

const DB = {
  image: "postgres:17",
  environment: { POSTGRES_USER: "shop", POSTGRES_PASSWORD: "hunter2" },
  volumes: ["db:/var/lib/postgresql/data"],
  mem_limit: "256m",
};

/** Settings with a database, and with these keys of it. */
const withDb = (keys: object = {}, more: object = {}): Settings =>
  settingsOf({ accessories: { db: { ...DB, ...keys } }, ...more });

/** Both colors have been live and well. */
const STABLE = { stable: { blue: ["blue-1"], green: ["green-1"] } };

const NOBODY: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

const EMPTY = { refusals: [], warnings: [], keptAccessories: [] };

/** All that is decided, and what of it is said or stays. */
const whole = (settings: Settings, world: Situation["world"], change: Partial<Situation> = {}) =>
  decideAccessories(situation(settings, world, change));
const decided = (...args: Parameters<typeof whole>) => {
  const { accessories: _, accessoriesLast: __, ...part } = whole(...args);
  return part;
};

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

  test("a way back is not held up: the accessory stays as it is, and that is told, also where the settings no longer have it", () => {
    const back = { activeColor: "green" };
    const stays = (what: string) => ({
      ...{ ...EMPTY, keptAccessories: ["db"] },
      warnings: [`The accessory db stays as it is in this run, although it would be ${what}.`],
    });
    assert.deepEqual(
      decided(withDb({ image: "postgres:18" }, back), worldOf(withDb())),
      stays("replaced (image postgres:17 -> postgres:18)"),
    );
    const { accessories, ...gone } = whole(settingsOf(back), worldOf(withDb()));
    assert.deepEqual({ ...gone, accessoriesLast: undefined }, { ...stays("removed"), accessoriesLast: undefined });
    assert.deepEqual(
      accessories,
      withDb().accessories,
      "it is declared as its container was made, or Pulumi would delete it",
    );
    const meant = withDb({ image: "postgres:18" }, { ...back, allowAccessoryReplace: ["db"] });
    assert.deepEqual(decided(meant, worldOf(withDb())).keptAccessories, [], "what is meant is done");
  });

  test("a recovery keeps all that there are, and says nothing", () => {
    const { accessories = {} } = withDb();
    for (const settings of [withDb(), withDb({ image: "postgres:18" }), settingsOf()])
      assert.deepEqual(whole(settings, worldOf(withDb()), { recovers: true }), {
        keptAccessories: ["db"],
        accessories,
      });
    const [bare] = worldOf(withDb()).beside?.accessories ?? [];
    assert.ok(bare !== undefined);
    const beside = { ...worldOf(withDb()).beside, accessories: [{ ...bare, made: {} }] } as World["beside"] & object;
    assert.deepEqual(
      whole(withDb(), worldOf(withDb(), { beside }), { recovers: true }).accessories,
      accessories,
      "one that says nothing of itself is taken for what the settings say",
    );
  });

  test("without an engine nothing is decided", () => {
    assert.deepEqual(decided(withDb(), { unknown: true, reason: "no engine" }), { refusals: [] });
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

/** Accessories with these blocks, and with these other settings. */
const beside = (accessories: Record<string, object>, more: object = {}): Settings =>
  settingsOf({
    accessories: Object.fromEntries(Object.entries(accessories).map(([name, keys]) => [name, { image: "a", ...keys }])),
    ...more,
  });
const on = (...volumes: unknown[]) => ({ volumes });
const refusals = (settings: Settings, world: Situation["world"], change: Partial<Situation> = {}) =>
  decided(settings, world, change).refusals ?? [];
const SPOILS = "two databases in one folder spoil it";

describe("two accessories that write to one folder", () => {
  const before = beside({ db: on("data:/data") });
  const renamed = beside({ database: on("data:/data") });
  const RENAMED =
    "The accessory database would start on the volume blue-green-dev-data-data, to which the accessory db still writes: " +
    `${SPOILS}. Nothing was touched. Next, in two runs: take database out of the settings, and: `;
  const AGAIN = "then put it back, and: pulumi up";

  test("another name for one is refused, with the two runs that do it, whether its removal is allowed already or not", () => {
    assert.deepEqual(refusals(renamed, worldOf(before)), [
      `${RENAMED}pulumi config set --path 'allowAccessoryReplace[0]' db && pulumi up; ${AGAIN}`,
    ]);
    const allowed = { ...renamed, allowAccessoryReplace: ["db"] };
    assert.deepEqual(refusals(allowed, worldOf(before)), [`${RENAMED}pulumi up; ${AGAIN}`]);
    const more = { ...renamed, allowAccessoryReplace: ["redis"] };
    assert.deepEqual(refusals(more, worldOf(before)), [
      `${RENAMED}pulumi config set --path 'allowAccessoryReplace[1]' db && pulumi up; ${AGAIN}`,
    ]);
    const [refusal = ""] = decide(situation(allowed, worldOf(before))).refusals;
    assert.ok(refusal.startsWith(RENAMED), "the whole plan refuses it too");
  });

  test("each of the two runs is let through, also where the first was cut off before its end, or after it", () => {
    const out = { ...settingsOf(), allowAccessoryReplace: ["db"] };
    assert.deepEqual(refusals(out, worldOf(before)), []);
    assert.equal(
      refusals({ ...renamed, allowAccessoryReplace: ["db"] }, worldOf(before)).length,
      1,
      "db is there still",
    );
    assert.deepEqual(refusals(renamed, worldOf(settingsOf())), []);
    assert.deepEqual(decided(renamed, worldOf(renamed)).keptAccessories, ["database"]);
  });

  test("one that gives its folder to another is as little done in one run, nor are two that swap theirs", () => {
    const given = beside({ db: on("other:/data"), cache: on("data:/data") }, { allowAccessoryReplace: ["db"] });
    assert.match(
      refusals(given, worldOf(before)).join(),
      /^The accessory cache would start on .* the accessory db still/,
    );
    const two = beside({ a: on("x:/data"), b: on("y:/data") });
    const swapped = beside({ a: on("y:/data"), b: on("x:/data") }, { allowAccessoryReplace: ["a", "b"] });
    assert.equal(refusals(swapped, worldOf(two)).length, 2);
  });

  test("two that the settings ask for are refused on one volume, one folder of the host's, and one volume by its two names", () => {
    const same: [unknown, unknown, string][] = [
      ["data:/a", "data:/b", "the volume blue-green-dev-data-data"],
      ["/srv/db:/a", "/srv//db/:/b", "the host's /srv/db"],
      [
        "data:/a",
        { type: "volume", source: "blue-green-dev-data-data", target: "/b", "x-external": true },
        "the volume blue-green-dev-data-data",
      ],
      [
        { type: "volume", source: "shop_db", target: "/a", "x-external": true },
        { type: "volume", source: "shop_db", target: "/b", "x-external": true },
        "the volume shop_db",
      ],
    ];
    for (const [one, other, folder] of same) {
      const settings = beside({ a: on(one), b: on("own:/own", other) });
      const refusal =
        `The accessory a and the accessory b both write to ${folder}: ${SPOILS}. Nothing was touched. ` +
        "Next: give a another one in accessories.a.volumes, or mount it with :ro there, and: pulumi up";
      for (const world of [NOBODY, { unknown: true as const, reason: "no engine" }])
        assert.deepEqual(refusals(settings, world), [refusal]);
      const [first = ""] = refusals(settings, worldOf(beside({ a: on(one) })));
      assert.match(
        first,
        /^The accessory b and the accessory a both write .* give b another one/,
        "it names the new one",
      );
    }
  });

  test("what only one of them writes to, or what a color has too, is shared as before", () => {
    const shared = [
      beside({ a: on("data:/a"), b: on("data:/b:ro") }),
      beside({ a: on("/var/run/docker.sock:/s:ro"), b: on("/var/run/docker.sock:/s:ro") }),
      beside({ a: on("data:/a"), b: on("data2:/b"), c: on("/data:/c"), d: on("/data/d:/d") }),
      beside({ a: on("data:/a"), b: { tmpfs: "/data" } }),
      beside({ a: on("data:/a", "data:/b") }),
      beside({ a: on("data:/a") }, { container: on("data:/a"), workers: { mail: { command: "x", ...on("data:/a") } } }),
    ];
    for (const settings of shared) assert.deepEqual(refusals(settings, NOBODY), []);
  });

  test("two that run so already go on, and each run warns of them", () => {
    const both = beside({ a: on("data:/a"), b: on("data:/b") });
    assert.deepEqual(decided(both, worldOf(both)), {
      ...{ refusals: [], keptAccessories: ["a", "b"] },
      warnings: [
        `The accessory a and the accessory b both write to the volume blue-green-dev-data-data: ${SPOILS}. ` +
          "Next: give a another one in accessories.a.volumes, or mount it with :ro there, and: pulumi up",
      ],
    });
  });

  test("in a way back the new one waits, also where the old one may go, and nothing is refused", () => {
    const back = { ...renamed, activeColor: "green" as const };
    assert.equal(refusals(back, worldOf(before)).length, 1, "to a release that was never stable, which may need it");
    const waits =
      "The accessory database is not made in this run. The accessory database would start on the volume blue-green-dev-data-data, " +
      `to which the accessory db still writes: ${SPOILS}.`;
    const part = whole(back, worldOf(before, {}, STABLE));
    assert.deepEqual(part.refusals, []);
    assert.deepEqual(part.warnings?.at(-1), waits);
    assert.deepEqual([part.keptAccessories, Object.keys(part.accessories ?? {})], [["db"], ["db"]]);
    const allowed = whole({ ...back, allowAccessoryReplace: ["db"] }, worldOf(before, {}, STABLE));
    assert.deepEqual([allowed.refusals, allowed.accessories], [[], {}]);
    const two = beside({ a: on("x:/data"), b: on("y:/data") });
    const swapped = beside(
      { a: on("y:/data"), b: on("x:/data") },
      { allowAccessoryReplace: ["a", "b"], activeColor: "green" },
    );
    assert.deepEqual(decided(swapped, worldOf(two, {}, STABLE)).keptAccessories, ["a", "b"]);
  });

  test("those of another service of the program count too: what its settings ask for, and what it still has", () => {
    const folder = (source: string) => beside({ db: on(`${source}:/data`) });
    const other = { project: "blue-green", stack: "dev", service: "shop" };
    const owner = { ...other, service: "web" };
    const found = (settings: Settings, theirs: Settings | undefined, { beside }: World, own: World = NOBODY) => {
      const foreignAccessories = (beside?.accessories ?? []).map((one) => ({ ...one, service: "shop" }));
      const others = theirs === undefined ? [] : [{ owner: other, settings: theirs }];
      return refusals(settings, { ...own, foreignAccessories }, { owner, others });
    };
    assert.match(
      found(folder("/srv/db"), folder("/srv/db"), NOBODY).join(),
      /^The accessory db and the accessory db of the service shop both write to the host's \/srv\/db: /,
    );
    const moved = found(folder("/srv/db"), settingsOf(), worldOf(folder("/srv/db"))).join();
    assert.match(
      moved,
      /^The accessory db would start on the host's \/srv\/db, to which the accessory db of the service shop/,
    );
    assert.match(moved, /have the accessory db of the service shop removed or moved: pulumi up; then/);
    assert.deepEqual(
      found(folder("data"), folder("data"), worldOf(folder("data"))),
      [],
      "each has a volume of its own",
    );
    const runs = worldOf(folder("/srv/db"));
    assert.deepEqual(
      found(folder("/srv/db"), folder("/srv/other"), runs, runs),
      [],
      "one that runs already is no news",
    );
  });

  test("each service of a program is decided with the others, and is itself none of them", () => {
    const of = (service: string) => ({
      ...{ owner: { ...OWNER, service }, settings: beside({ db: on("/srv/db:/data") }), world: NOBODY },
    });
    const services = withOthers([of("shop"), of("web")]);
    for (const service of services)
      assert.throws(
        () => decideService([service]),
        ({ message }: Error) => message.split("both write to the host's /srv/db").length === 2,
      );
    for (const alone of withOthers([of("shop")])) assert.doesNotThrow(() => decideService([alone]));
  });

  test("a container whose label was spoilt by a hand is no reason to fail", () => {
    const [container] = worldOf(before).beside?.accessories ?? [];
    assert.ok(container !== undefined);
    for (const volumes of [null, "x", 7, [], { volumes: "x" }, { volumes: [null, 7, "x", {}, { source: 7 }] }]) {
      const spoilt = { ...container, made: { image: "a", volumes } };
      const accessories = { ...worldOf(before).beside, accessories: [spoilt] } as World["beside"] & object;
      assert.equal(refusals(renamed, worldOf(before, { beside: accessories })).length, 1);
    }
  });
});

describe("an accessory that was never well", () => {
  const STARTING = { ...RUNNING, Health: { Status: "starting" } };
  const UNHEALTHY = { ...RUNNING, Health: { Status: "unhealthy" } };
  const WELL = { ...RUNNING, Health: { Status: "healthy" } };
  const changed = withDb({ mem_limit: "300m" });
  /** The world in which the database is in this state, and was or was not said to be ill when it was made. */
  function world(state: object, { isTold = true, isServed = true, restarts = 0 } = {}): World {
    const all = worldOf(withDb());
    const accessories = (all.beside?.accessories ?? []).map((one) => ({
      ...one,
      restarts,
      state: { ...RUNNING, ...state },
    }));
    const { serving, ...others } = { ...all, beside: { ...all.beside, accessories } } as World;
    if (!isServed || serving === undefined) return others;
    const [{ id = "" } = {}] = accessories;
    const unready = {
      time: "t",
      result: "unready",
      to: "blue",
      versions: {},
      images: {},
      seconds: {},
      accessory: id,
    } as const;
    return { ...others, serving: { ...serving, history: [...(isTold ? [unready] : []), ...serving.history] } };
  }

  test("is replaced or removed without being named, since nobody has needed it yet, and the preview says how it is", () => {
    const says = (what: string, how: string) => ({
      ...EMPTY,
      warnings: [`The accessory db is ${what}: it was never well since it was made (it is ${how}). Its volumes stay.`],
    });
    const what = "replaced (mem_limit 256 -> 300)";
    assert.deepEqual(decided(changed, world(EXITED)), says(what, "exited"));
    assert.deepEqual(decided(settingsOf(), world(EXITED)), says("removed", "exited"));
    assert.deepEqual(decided(changed, world(UNHEALTHY)), says(what, "unhealthy"));
    assert.deepEqual(decided(changed, world(STARTING)), says(what, "starting"));
    assert.deepEqual(
      decided(changed, world({ ...EXITED, Running: true, Status: "restarting" })),
      says(what, "restarting"),
    );
    assert.deepEqual(decided(changed, world(EXITED, { isServed: false })), says(what, "exited"), "in a first run");
    const created = world({ ...EXITED, Status: "created" }, { isTold: false });
    assert.deepEqual(decided(changed, created), says(what, "created"), "one that the engine could not start");
    assert.deepEqual(decided(withDb(), world(EXITED)).keptAccessories, ["db"], "the same settings make no other one");
  });

  test("one that ends again and again is none that is well, and one that has come to rest is", () => {
    const at = (StartedAt: string) => decided(changed, world({ StartedAt }, { restarts: 9 })).refusals?.length;
    assert.equal(at(NOW.toISOString()), 0);
    assert.equal(at(new Date(NOW.getTime() - 3600_000).toISOString()), 1);
    assert.equal(at("no time"), 1);
  });

  test("one that came up later, or that was well once and is down now, is guarded as any other", () => {
    for (const state of [WELL, RUNNING])
      assert.deepEqual(refusals(changed, world(state)), [refused("replaced (mem_limit 256 -> 300)")]);
    for (const state of [EXITED, UNHEALTHY, STARTING])
      assert.equal(refusals(changed, world(state, { isTold: false })).length, 1);
    assert.equal(refusals(changed, world(WELL, { isServed: false })).length, 1);
  });
});

describe("when accessories are made", () => {
  const last = (settings: Settings, world: World) => whole(settings, world).accessoriesLast;

  test("before the colors, but for the way back to a color that was stable and is the same", () => {
    const back = withDb({}, { activeColor: "green" });
    assert.equal(last(back, worldOf(settingsOf(), {}, STABLE)), true);
    assert.equal(last(back, worldOf(settingsOf())), false, "green was never stable");
    assert.equal(last(withDb(), worldOf(settingsOf(), {}, STABLE)), false, "the public stays");
    assert.equal(last(withDb(), NOBODY), false, "a first run");
    const newer = withDb({}, { activeColor: "green", greenVersion: "9.0.0" });
    assert.equal(last(newer, worldOf(settingsOf(), {}, STABLE)), false, "a new release may need it");
  });

  test("also where green was stopped or removed since, and not where its containers are made with other settings", () => {
    const { greenVersion = "1.0.0" } = {};
    const retired = { color: "green", how: "removed", version: greenVersion, image: "", stable: true } as const;
    const { slots, ...others } = worldOf(settingsOf(), {}, { ...STABLE, retired });
    const back = withDb({}, { activeColor: "green" });
    assert.equal(last(back, { ...others, slots: { ...slots, green: [] } }), true);
    const more = withDb({}, { activeColor: "green", environment: { REDIS_URL: "redis://redis" } });
    assert.equal(last(more, worldOf(settingsOf(), {}, STABLE)), false, "both colors would get what is new");
    const left = worldOf(settingsOf({ environment: { REDIS_URL: "redis://redis" } }), {}, STABLE);
    const { green } = worldOf(settingsOf()).slots;
    assert.equal(last(more, { ...left, slots: { ...left.slots, green } }), true, "green goes live as it was");
  });
});

describe("a whole plan with accessories", () => {
  test("a change that is refused refuses the run, and one that is not is no part of any color's plan", () => {
    assert.deepEqual(decide(situation(withDb({ mem_limit: "1g" }), worldOf(withDb()))).refusals, [
      refused("replaced (mem_limit 256 -> 1024)"),
    ]);
    const { accessories, keptAccessories, ...plan } = decide(situation(withDb(), worldOf(withDb())));
    const { accessories: _, keptAccessories: none, ...before } = decide(situation(settingsOf(), worldOf(settingsOf())));
    assert.deepEqual([Object.keys(accessories), keptAccessories, none], [["db"], ["db"], []]);
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
    decideContainer(situation(settings, world, { found: has }), {
      ...{ accessories: settings.accessories ?? {} },
      ...declared,
    });
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

  test("what an accessory needs holds up no way back, also where the color is made that the public goes to", () => {
    const missing = found({ missingNetworks: ["shop_default"], missingVolumes: ["shop_data"] });
    const volumes = [{ type: "volume", source: "shop_data", target: "/data", "x-external": true }];
    const back = redis({ networks: ["shop_default"], volumes }, { activeColor: "green" });
    const has = { ...missing, imageVolumes: { "redis:8": ["/more"] } };
    const part = said(back, has, plan([], { accessoriesLast: true }), worldOf(settingsOf()));
    assert.deepEqual([part.refusals, part.warnings?.length], [[], 3]);
    assert.equal(said(back, has, plan(), worldOf(settingsOf())).refusals?.length, 3, "a new release waits for it");
    const both = settingsOf({ activeColor: "green", container: { networks: ["shop_default"] } });
    const last = plan([], { accessoriesLast: true });
    assert.equal(said(both, missing, last, worldOf(settingsOf())).refusals?.length, 1, "the color itself needs it");
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
