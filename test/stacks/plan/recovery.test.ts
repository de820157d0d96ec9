import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide } from "../../../stacks/plan/plan";
import { isRecovery, settingsThatRun } from "../../../stacks/plan/recovery";
import type { Plan } from "../../../stacks/plan/situation";
import { type Color, other } from "../../../stacks/service/color";
import { RECOVERY } from "../../../stacks/service/names";
import type { Serving } from "../../../stacks/service/serving";
import type { SlotContainer, World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { settingsOf, slotSpecOf } from "../../../stacks/slot";
import { sampleSettings } from "../settings/settings.sample";

const PROXY = { nginxImage: "nginx:1" };

const SECRET = "hunter2-as-it-runs";

const container = (
  color: Color,
  settings: Settings,
  replica = 1,
  change: Partial<SlotContainer> = {},
): SlotContainer => ({
  ...{ id: `${color}-${replica}`, replica, name: `blue-green-dev-${color}`, imageId: `sha256:${color}`, restarts: 0 },
  state: { Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
  version: settings.slots[color].version,
  made: slotSpecOf(color, settings),
  environment: { ...settings.environment, ...settings.secretEnvironment },
  ...change,
});

/** What an `up` with these settings has left on the engine. */
function worldOf(settings: Settings, change: Partial<World> = {}, record: Partial<Serving["record"]> = {}): World {
  const { activeColor, replicas, canaryPercent } = settings;
  const numbers = Array.from({ length: replicas }, (_, at) => at + 1);
  const of = (color: Color) => numbers.map((replica) => container(color, settings, replica));
  const release = (color: Color) => [
    { version: settings.slots[color].version, source: "old", base: "python:3", reused: false },
  ];
  return {
    proxy: { id: "p", running: true, made: PROXY },
    slots: { blue: of("blue"), green: of("green") },
    built: { blue: release("blue"), green: release("green") },
    serving: {
      ...{ generation: "1", declared: "1", color: activeColor, answers: true, edited: false, canaryPercent },
      replicas: { blue: replicas, green: replicas },
      record: { stable: { [activeColor]: [`${activeColor}-1`] }, since: "2026-01-01T00:00:00Z", ...record },
      history: [
        {
          ...{ time: "2026-01-01T00:00:00Z", result: "switched", to: activeColor, seconds: {} },
          versions: { blue: settings.slots.blue.version, green: settings.slots.green.version },
          images: { blue: "sha256:blue", green: "sha256:green" },
          sources: { blue: "old", green: "old" },
        },
      ],
    },
    ...change,
  };
}

/** What the preview of `npm run recover` declares with these settings in this world; without `recovers` any other preview. */
function recovered(settings: Settings, world: World, recovers = true): { settings: Settings; plan: Plan } {
  const running = settingsThatRun(settings, world);
  const plan = decide({
    owner: { project: "blue-green", stack: "dev" },
    ...{ settings: running, world, source: "new", proxy: PROXY, preview: true, recovers },
    slots: { blue: slotSpecOf("blue", running), green: slotSpecOf("green", running) },
    generation: () => "another",
    now: new Date("2026-06-01T00:00:00Z"),
  });
  return { settings: running, plan };
}

/** Everything of a plan that somebody could read. */
const wordsOf = ({ refusals, warnings, notes, pending }: Plan) =>
  [...refusals, ...warnings, ...notes, ...pending].join();

describe("a recovery", () => {
  test("only a preview of npm run recover declares what runs; a run that changes something never does", () => {
    assert.equal(isRecovery({ [RECOVERY]: "preview" }, true), true);
    assert.equal(isRecovery({ [RECOVERY]: "preview" }, false), false);
    assert.equal(isRecovery({ [RECOVERY]: "1" }, true), false);
    assert.equal(isRecovery({}, true), false);
  });

  test("a switch, a release, a canary and the permissions that the settings ask for by now all wait", () => {
    const was: Settings = { ...sampleSettings, canaryPercent: 5 };
    const asked: Settings = {
      ...{ ...was, activeColor: "green", canaryPercent: 50, canaryFirst: true },
      ...{ allowLiveReplace: true, allowProxyReplace: true },
      slots: {
        blue: { ...was.slots.blue, version: "2", image: "registry.example/app:2" },
        green: { ...was.slots.green, version: "3" },
      },
    };
    const { settings, plan } = recovered(asked, worldOf(was));
    assert.deepEqual(settings, was);
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual([plan.keep.blue, plan.keep.green, plan.keep.proxy], [true, true, true]);
    assert.deepEqual([plan.runs.blue.version, plan.runs.green.version], ["1.0.0", "1.0.0"]);
    assert.deepEqual([plan.mend, plan.canaryPercent], [undefined, 5]);
  });

  test("an image that was pulled is declared by the name that its container has", () => {
    const { slots } = sampleSettings;
    const image = "registry.example/app@sha256:1";
    const was: Settings = { ...sampleSettings, slots: { ...slots, green: { ...slots.green, version: "2", image } } };
    const { settings, plan } = recovered(sampleSettings, worldOf(was));
    assert.deepEqual(settings.slots.green, was.slots.green);
    assert.equal(plan.build.green, undefined);
  });

  test("where nobody can say what runs, and where a container does not say it, the settings stay", () => {
    assert.equal(settingsThatRun(sampleSettings, { unknown: true, reason: "no engine" }), sampleSettings);
    const { serving: _, ...silent } = worldOf(sampleSettings);
    assert.equal(settingsThatRun(sampleSettings, silent), sampleSettings);
    const old = worldOf(sampleSettings);
    const unmarked = { ...old, slots: { ...old.slots, blue: [container("blue", sampleSettings, 1, { made: {} })] } };
    assert.deepEqual(settingsThatRun(sampleSettings, unmarked).slots, sampleSettings.slots);
  });

  test("an idle color that was stopped is declared stopped, with its container, whatever the setting idle is by now", () => {
    const was: Settings = { ...sampleSettings, idle: "stopped" };
    const world = worldOf(was, {}, { retired: { color: "green", how: "stopped", version: "1.0.0", image: "" } });
    const [green] = world.slots.green;
    assert.ok(green && world.serving);
    green.state = { ...green.state, Running: false, Status: "exited" };
    world.serving.replicas.green = 0;
    for (const idle of ["stopped", "running", "removed"] as const) {
      const { plan } = recovered({ ...was, idle }, world);
      assert.deepEqual(plan.refusals, []);
      assert.deepEqual([plan.idle, plan.containers, plan.keep.green], ["stopped", { blue: 1, green: 1 }, true], idle);
      assert.deepEqual([plan.runs.blue.replicas, plan.runs.green.replicas], [1, 0], idle);
    }
  });

  test("an idle color that runs is declared running although it is due to be stopped or removed", () => {
    for (const idle of ["stopped", "removed"] as const) {
      const { plan } = recovered({ ...sampleSettings, idle }, worldOf(sampleSettings));
      assert.deepEqual([plan.idle, plan.containers], ["running", { blue: 1, green: 1 }], idle);
      assert.deepEqual([plan.runs.blue.replicas, plan.runs.green.replicas], [1, 1], idle);
    }
  });

  test("an idle color that was removed gets no container", () => {
    const world = worldOf(
      sampleSettings,
      {},
      { retired: { color: "green", how: "removed", version: "1.0.0", image: "" } },
    );
    world.slots.green = [];
    assert.ok(world.serving);
    world.serving.replicas.green = 0;
    for (const idle of ["removed", "running"] as const) {
      const { plan } = recovered({ ...sampleSettings, idle }, world);
      assert.deepEqual([plan.idle, plan.containers], ["removed", { blue: 1, green: 0 }], idle);
      assert.deepEqual([plan.keep.green, plan.runs.green.replicas], [false, 0], idle);
    }
  });

  test("of two containers a color, both are declared, whatever replicas is by now", () => {
    for (const replicas of [1, 2, 3]) {
      const { plan } = recovered({ ...sampleSettings, replicas }, worldOf({ ...sampleSettings, replicas: 2 }));
      assert.deepEqual(plan.refusals, []);
      assert.deepEqual(plan.containers, { blue: 2, green: 2 });
      assert.deepEqual([plan.runs.blue.replicas, plan.runs.green.replicas], [2, 2]);
    }
  });

  test("where the second of three containers is gone, the third one is declared under its own name", () => {
    const was = { ...sampleSettings, replicas: 3 };
    const world = worldOf(was);
    world.slots.green = world.slots.green.filter(({ replica }) => replica !== 2);
    assert.deepEqual(recovered(was, world).plan.containers, { blue: 3, green: 3 });
  });

  test("a secret is declared with the value that its container has, and is told nowhere", () => {
    const was: Settings = { ...sampleSettings, secretEnvironment: { TOKEN: SECRET } };
    const asked: Settings = { ...sampleSettings, secretEnvironment: { TOKEN: "a-new-one", MORE: "another" } };
    const world = worldOf(was);
    const { settings, plan } = recovered(asked, world);
    for (const color of ["blue", "green"] as const) {
      assert.equal(plan.keep[color], true);
      const [first] = world.slots[color];
      assert.ok(first);
      const { environment, secretEnvironment } = settingsOf(color, first, settings);
      assert.deepEqual([environment, secretEnvironment], [{}, { TOKEN: SECRET }], "and it stays a secret one");
    }
    for (const secret of [SECRET, "a-new-one", "another"]) assert.ok(!wordsOf(plan).includes(secret), wordsOf(plan));
  });

  test("a color keeps the port and the health path that it runs with, so that the configuration is the one that serves", () => {
    const was: Settings = { ...sampleSettings, appPort: 5001, healthPath: "/up" };
    const { plan } = recovered(sampleSettings, worldOf(was));
    for (const color of ["blue", "green"] as const) {
      const { appPort, healthPath } = plan.runs[color];
      assert.deepEqual([appPort, healthPath], [5001, "/up"], color);
    }
  });

  test("a color that was built from other sources than today's is declared as it was built", () => {
    const { plan } = recovered(sampleSettings, worldOf(sampleSettings));
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual(plan.build.blue, { version: "1.0.0", source: "old", base: "python:3", reused: false });
  });

  test("a built image that the engine no longer has keeps nobody from recovering; without recovering it is refused", () => {
    for (const active of ["blue", "green"] as const) {
      const settings: Settings = { ...sampleSettings, activeColor: active };
      const world = worldOf(settings);
      world.built[other(active)] = [];
      const { plan } = recovered(settings, world);
      assert.match(recovered(settings, world, false).plan.refusals.join(), /built from the sources of today/);
      assert.deepEqual(plan.refusals, [], active);
      assert.deepEqual(plan.containers, { blue: 1, green: 1 });
    }
  });
});
