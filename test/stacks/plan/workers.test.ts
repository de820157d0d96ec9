import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide } from "../../../stacks/plan/plan";
import type { Plan } from "../../../stacks/plan/situation";
import type { Beside, ContainerState, World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { EXITED, NOW, RUNNING, settingsOf, situation, worldOf } from "./beside.sample";

const MAIL = { command: "serve mail" };

const WORKERS = { workers: { mail: MAIL, report: { ...MAIL, follow: "both" } } };

const plan = (settings: Settings, world: World): Plan => decide(situation(settings, world));

/** The world in which workers of these names are in this state. */
function withStates(world: World, states: Readonly<Record<string, ContainerState>>): World {
  const { beside } = world;
  assert.ok(beside !== undefined);
  const changed = (list: Beside["accessories"]) => list.map((one) => ({ ...one, state: states[one.id] ?? one.state }));
  const workers = { blue: changed(beside.workers.blue), green: changed(beside.workers.green) };
  return { ...world, beside: { ...beside, workers } };
}

/** What is said, but for the move itself, and what the cutover is to put right. */
const said = ({ refusals, warnings, notes, mend }: Plan) => ({
  ...{ refusals, warnings, mend },
  notes: notes.filter((note) => !note.startsWith("The public moves")),
});

const NOTHING = { refusals: [], warnings: [], notes: [], mend: undefined };

describe("workers that do not run where they should", () => {
  const settings = settingsOf(WORKERS);
  const world = worldOf(settings);
  const MEND = `workers of blue differ after 2026-01-02T03:00:00.000Z at ${NOW.toISOString()}`;

  test("nothing is said where those of the live color run and those of the idle one don't, but for what follows both", () => {
    assert.deepEqual(said(plan(settings, world)), NOTHING);
    const jobs = settingsOf({ ...WORKERS, jobs: { migrate: { command: "x", at: "before-gate" } } });
    assert.deepEqual(said(plan(jobs, worldOf(jobs))), NOTHING, "a job doesn't run, and that is as it should be");
  });

  test("one of the live color that doesn't run is started by this run, whoever it follows", () => {
    const stopped = (states: Readonly<Record<string, ContainerState>>) =>
      said(plan(settings, withStates(world, states)));
    assert.deepEqual(stopped({ "blue-worker-mail": EXITED }), {
      ...NOTHING,
      warnings: ["blue is live, but blue-green-dev-blue-worker-mail does not run: this run starts it."],
      mend: MEND,
    });
    assert.deepEqual(stopped({ "blue-worker-mail": EXITED, "blue-worker-report": { ...EXITED, Status: "created" } }), {
      ...NOTHING,
      warnings: [
        "blue is live, but blue-green-dev-blue-worker-mail, blue-green-dev-blue-worker-report do not run: this run starts them.",
      ],
      mend: MEND,
    });
  });

  test("one of the idle color that runs beside the live one is ended by this run, where it follows live", () => {
    assert.deepEqual(said(plan(settings, withStates(world, { "green-worker-mail": RUNNING }))), {
      ...NOTHING,
      warnings: [
        "blue-green-dev-green-worker-mail of the idle color takes jobs beside the live one: this run ends it, since it follows live.",
      ],
      mend: MEND,
    });
    const both = withStates(world, { "green-worker-mail": RUNNING, "blue-worker-mail": EXITED });
    assert.equal(plan(settings, both).warnings.length, 2);
  });

  test("one of an idle color that is stopped while it is idle is ended, also where it follows both", () => {
    const idle = (values: object, record = {}) => {
      const asked = settingsOf({ ...WORKERS, ...values });
      const stoppedWorld = worldOf(asked, {}, record);
      return said(
        plan(asked, withStates(stoppedWorld, { "green-worker-mail": EXITED, "green-worker-report": RUNNING })),
      );
    };
    const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" } as const;
    const found = [idle({ sharedWhileSwitching: "false" }), idle({ idle: "stopped" }, { retired })];
    for (const { warnings, mend } of found) {
      const told = warnings.filter((warning) => warning.includes("worker"));
      assert.deepEqual(told, [
        "blue-green-dev-green-worker-report of the idle color takes jobs beside the live one: this run ends it, since green is stopped " +
          "while it is idle.",
      ]);
      assert.ok(mend !== undefined);
    }
    const runs = idle({ idle: "stopped" }).warnings.filter((warning) => warning.includes("worker"));
    assert.deepEqual(runs, [], "one that is not stopped yet");
  });

  test("what is to be put right is told anew in each run, so that one that was not is tried again", () => {
    const astray = withStates(world, { "green-worker-mail": RUNNING });
    const at = (now: Date) => decide(situation(settings, astray, { now })).mend;
    assert.notEqual(at(NOW), at(new Date(NOW.getTime() + 1000)));
  });
});

describe("workers and jobs that are gone", () => {
  const jobs = { migrate: { command: "x", at: "before-gate" } };
  const settings = settingsOf({ ...WORKERS, jobs });
  const toGreen = settingsOf({ ...WORKERS, jobs, activeColor: "green" });
  /** The world without these containers beside the colors. */
  function without(world: World, ...ids: string[]): World {
    const { beside } = world;
    assert.ok(beside !== undefined);
    const left = (list: Beside["accessories"]) => list.filter(({ id }) => !ids.includes(id));
    const of = (kind: Beside["workers"]) => ({ blue: left(kind.blue), green: left(kind.green) });
    return { ...world, beside: { ...beside, workers: of(beside.workers), jobs: of(beside.jobs) } };
  }
  const world = worldOf(settings);

  test("are made again by any run, which says so: those of both colors, before a switch and without one", () => {
    for (const asked of [settings, toGreen]) {
      const { again, warnings, refusals } = plan(asked, without(world, "green-job-migrate", "blue-worker-mail"));
      assert.deepEqual(again, ["blue-worker-mail", "green-job-migrate"]);
      assert.deepEqual(refusals, []);
      assert.ok(
        warnings.includes(
          "The containers blue-green-dev-blue-worker-mail, blue-green-dev-green-job-migrate are gone, as after docker system prune, " +
            "which removes what doesn't run: this run makes them again.",
        ),
      );
    }
    assert.deepEqual(plan(settings, without(world, "green-job-migrate")).warnings, [
      "The container blue-green-dev-green-job-migrate of the job migrate is gone, as after docker system prune, which removes what doesn't " +
        "run: this run makes it again.",
    ]);
    const { beside, ...bare } = world;
    assert.equal(plan(settings, bare).again.length, 6);
    assert.deepEqual(plan(settings, world).again, []);
  });

  test("a worker or job that the idle color is not going to have is not made, and the live color's is what it keeps", () => {
    const gone = without(world, "green-job-migrate", "blue-job-migrate");
    assert.deepEqual(plan(settingsOf(WORKERS), gone).again, ["blue-job-migrate"]);
    const more = settingsOf({ ...WORKERS, jobs: { ...jobs, other: { command: "x", at: "after-watch" } } });
    assert.deepEqual(plan(more, world).again, [], "one that is new was never there");
  });

  test("those of an idle color that is stopped wait until it comes back", () => {
    const record = { retired: { color: "green", how: "stopped", version: "1.0.0", image: "" } } as const;
    const values = { ...WORKERS, jobs, idle: "stopped", idleAfterMinutes: "0" };
    const stoppedWorld = (asked: Settings) =>
      without(worldOf(settingsOf(values), {}, { ...worldOf(asked).serving?.record, ...record }), "green-job-migrate");
    assert.deepEqual(plan(settingsOf(values), stoppedWorld(settings)).again, []);
    const back = settingsOf({ ...values, activeColor: "green" });
    assert.deepEqual(plan(back, stoppedWorld(settings)).again, ["green-job-migrate"]);
  });

  test("nothing is declared again in the preview of a recovery, nor where no engine answers", () => {
    const gone = without(world, "green-job-migrate");
    assert.deepEqual(decide(situation(settings, gone, { recovers: true, preview: true })).again, []);
    assert.deepEqual(decide(situation(settings, { unknown: true, reason: "" }, { preview: true })).again, []);
  });
});

describe("a worker of the live color that ends again and again", () => {
  test("is told with where to look, since for Docker it runs: no run starts it", () => {
    const settings = settingsOf(WORKERS);
    const looping = { ...RUNNING, Status: "restarting", ExitCode: 4 };
    const { warnings, mend } = plan(settings, withStates(worldOf(settings), { "blue-worker-mail": looping }));
    assert.deepEqual(warnings, [
      "blue is live, but blue-green-dev-blue-worker-mail ends again and again. Next: docker logs --tail 30 blue-green-dev-blue-worker-mail",
    ]);
    assert.equal(mend, undefined);
  });
});

describe("what a preview says of workers and jobs in a switch", () => {
  const job = (at: string) => ({ command: "x", at });
  const jobs = {
    migrate: job("before-gate"),
    warm: job("after-switch"),
    clean: job("after-watch"),
    undo: job("after-way-back"),
  };
  const workers = { mail: MAIL, late: { ...MAIL, start: "after-watch" }, report: { ...MAIL, follow: "both" } };
  const notes = (settings: Settings, world: World) => said(plan(settings, world)).notes;
  const toGreen = (values: object) => settingsOf({ ...values, activeColor: "green" });

  test("each has its turn, in words, and one that follows both colors has none", () => {
    const values = { workers, jobs };
    assert.deepEqual(notes(toGreen(values), worldOf(settingsOf(values))), [
      "In this switch the job migrate runs before the gate; the job warm runs after the switch; the job clean runs after the watch; " +
        "the worker mail moves right after the switch; the worker late moves when the watch is over.",
    ]);
    const two = { workers: { a: MAIL, b: MAIL } };
    assert.deepEqual(notes(toGreen(two), worldOf(settingsOf(two))), [
      "In this switch the workers a, b move right after the switch.",
    ]);
  });

  test("a way back at once has neither gate nor watch: its own jobs run, and all workers move right after it", () => {
    const values = { workers, jobs };
    const stable = { stable: { blue: ["blue-1"], green: ["green-1"] } };
    assert.deepEqual(notes(toGreen(values), worldOf(settingsOf(values), {}, stable)), [
      "In this switch the job undo runs after the way back; the workers mail, late move right after the switch.",
    ]);
  });

  test("the jobs before the gate have no turn where the release was stable, also in a color that was stopped or removed", () => {
    const values = { workers: { mail: MAIL }, jobs: { migrate: jobs.migrate } };
    const moves = "In this switch the worker mail moves right after the switch.";
    const stable = { stable: { blue: ["blue-1"], green: ["green-1"] } };
    const settings = settingsOf(values);
    const { green } = worldOf(settings).slots;
    const { blue } = worldOf(settings).slots;
    const stopped = { slots: { blue, green: green.map((slot) => ({ ...slot, state: EXITED })) } };
    assert.deepEqual(notes(toGreen(values), worldOf(settings, stopped, stable)), [moves]);
    const retired = { color: "green", how: "removed", version: settings.slots.green.version, image: "" } as const;
    const removed = (stableBefore: boolean, version: string = retired.version) =>
      notes(
        toGreen(values),
        worldOf(settings, { slots: { blue, green: [] } }, { retired: { ...retired, version, stable: stableBefore } }),
      );
    assert.deepEqual(removed(true), [moves]);
    const runs = "In this switch the job migrate runs before the gate; the worker mail moves right after the switch.";
    assert.deepEqual(removed(false), [runs]);
    assert.deepEqual(removed(true, "0.9.0"), [runs]);
  });

  test("nothing is said where none of them has a turn", () => {
    for (const values of [{}, { workers: { report: workers.report } }, { jobs: { undo: jobs.undo } }])
      assert.deepEqual(notes(toGreen(values), worldOf(settingsOf(values))), []);
    assert.deepEqual(notes(settingsOf({ jobs }), worldOf(settingsOf({ jobs }))), [], "without a switch");
  });

  test("a worker that the live color doesn't have yet is told as all that it doesn't run of the settings", () => {
    const { warnings, keep, pending } = plan(
      settingsOf({ workers: { mail: { ...MAIL, replicas: 2 } } }),
      worldOf(settingsOf({ workers: { mail: MAIL } })),
    );
    assert.deepEqual([keep.blue, keep.green, pending], [true, false, ["workers.mail.replicas 1 -> 2"]]);
    assert.deepEqual(warnings, [
      "blue is live and keeps what it runs. It takes workers.mail.replicas 1 -> 2 on the first `pulumi up` after it has become idle.",
    ]);
  });
});

describe("a stack without workers, jobs and accessories", () => {
  test("is told nothing of them, and has the plan that it had before there were any", () => {
    const settings = settingsOf();
    for (const asked of [settings, settingsOf({ activeColor: "green" })]) {
      const world = worldOf(settings);
      assert.equal("beside" in world, false);
      const without = plan(asked, world);
      const { accessories, keptAccessories, accessoriesLast: _, ...others } = without;
      assert.deepEqual([accessories, keptAccessories], [{}, []]);
      assert.doesNotMatch(JSON.stringify(others), /worker|job|accessor/i);
      const none = { workers: { blue: [], green: [] }, jobs: { blue: [], green: [] }, accessories: [] };
      assert.deepEqual(plan(asked, { ...world, beside: none }), without);
    }
  });
});
