import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { expectedBeside, goneWords, missingBeside } from "../../../stacks/service/missing";
import type { SlotContainer, World } from "../../../stacks/service/world";
import { besideOf, settingsOf, worldOf } from "../plan/beside.sample";

const MAIL = { command: "serve mail" };
const settings = settingsOf({
  workers: { mail: { ...MAIL, replicas: 2 }, report: MAIL },
  jobs: { migrate: { command: "x", at: "before-gate" } },
});

const parts = (made: object) => expectedBeside("green", made).map(({ part }) => part);

const names = (world: Pick<World, "slots" | "beside">) =>
  missingBeside(world, "green").map(({ kind, name, container }) => `${kind} ${name} ${container}`);

describe("the workers' and jobs' containers that a color was made with", () => {
  test("each of a worker's containers and each job is one, by what the label of the web container or the settings say", () => {
    const all = ["green-worker-mail", "green-worker-mail-2", "green-worker-report", "green-job-migrate"];
    assert.deepEqual(parts(settings), all);
    const { made } = worldOf(settings).slots.green[0] as SlotContainer;
    assert.deepEqual(parts(JSON.parse(JSON.stringify(made))), all);
    assert.deepEqual(parts({}), []);
  });

  test("those are missing that the engine doesn't have, under the name that Docker called them by", () => {
    const world = worldOf(settings);
    const beside = besideOf(settings, "blue");
    assert.deepEqual(names(world), ["worker mail blue-green-dev-green-worker-mail-2"], "the sample has one of each");
    assert.deepEqual(names({ slots: world.slots, beside: { ...beside, jobs: { blue: [], green: [] } } }), [
      "worker mail blue-green-dev-green-worker-mail-2",
      "job migrate blue-green-dev-green-job-migrate",
    ]);
    assert.equal(names({ slots: world.slots }).length, 4, "nothing stands beside the colors");
    const shop = { ...(world.slots.green[0] as SlotContainer), name: "blue-green-dev-shop-green-2", replica: 2 };
    assert.equal(
      names({ slots: { blue: [], green: [shop] } })[0],
      "worker mail blue-green-dev-shop-green-worker-mail",
      "whichever web container says it, of a service by name too",
    );
  });

  test("nothing is missing where nothing says what there was: no web container, or one from before there were workers", () => {
    const world = worldOf(settings);
    assert.deepEqual(names({ slots: { blue: world.slots.blue, green: [] } }), []);
    assert.deepEqual(names({ slots: worldOf(settingsOf()).slots }), []);
    const silent = { ...(world.slots.green[0] as SlotContainer), made: {} };
    assert.deepEqual(names({ slots: { ...world.slots, green: [silent] } }), []);
  });

  test("a label that says anything names no container that no setting could ask for", () => {
    for (const workers of [
      undefined,
      null,
      5,
      "mail",
      [],
      ["mail"],
      { "": {} },
      { "a b": {} },
      { "-x": {}, mail: null },
    ])
      assert.deepEqual(parts({ workers, jobs: workers }), [], JSON.stringify(workers));
    for (const replicas of [0, -1, 1.5, 21, 1e9, "2", null, Number.NaN])
      assert.deepEqual(parts({ workers: { mail: { replicas } } }), ["green-worker-mail"], String(replicas));
    assert.deepEqual(parts({ workers: { constructor: { replicas: 1 } } }), ["green-worker-constructor"]);
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (workers, jobs) => {
        for (const part of parts({ workers, jobs })) assert.match(part, /^green-(worker|job)-[a-z0-9-]+$/);
      }),
    );
  });

  test("they are said in words, what one is of too", () => {
    const [mail] = missingBeside(worldOf(settings), "green");
    assert.ok(mail !== undefined);
    assert.equal(goneWords([mail]), "the container blue-green-dev-green-worker-mail-2 of the worker mail is gone");
    assert.equal(
      goneWords([mail, { ...mail, container: "x" }]),
      "the containers blue-green-dev-green-worker-mail-2, x are gone",
    );
  });
});
