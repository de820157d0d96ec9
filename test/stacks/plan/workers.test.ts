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

  test("what is to be put right is told anew in each run, so that one that was not is tried again", () => {
    const astray = withStates(world, { "green-worker-mail": RUNNING });
    const at = (now: Date) => decide(situation(settings, astray, { now })).mend;
    assert.notEqual(at(NOW), at(new Date(NOW.getTime() + 1000)));
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
