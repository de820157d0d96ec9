import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideContainer, needsOf, nextFor, unmountedOf } from "../../../stacks/plan/container";
import { decideAlone } from "../../../stacks/plan/idle";
import { decide } from "../../../stacks/plan/plan";
import type { Plan, Situation } from "../../../stacks/plan/situation";
import type { Color } from "../../../stacks/service/color";
import type { Found } from "../../../stacks/service/needs";
import type { Serving } from "../../../stacks/service/serving";
import type { SlotContainer, World } from "../../../stacks/service/world";
import { parseSettings, type Settings } from "../../../stacks/settings/settings";
import { slotSpecOf } from "../../../stacks/slot";
import { raw } from "../settings/settings.raw";

const N8N = "n8nio/n8n:1";

/** Settings with blue active, both colors of that image, and these keys of container. */
const settingsOf = (container: object = {}, values: Record<string, string> = {}): Settings =>
  parseSettings(raw({ container: JSON.stringify(container), blueImage: N8N, greenImage: N8N, ...values }), new Set());

const found = (change: Partial<Found> = {}): Found => ({
  ...{ missingNetworks: [], missingVolumes: [], imageVolumes: {} },
  ...change,
});

const VOLUMES = found({ imageVolumes: { [N8N]: ["/home/node/.n8n"] } });

const FIRST: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

/** A world in which a color is live and both colors have a container of these settings. */
function worldOf(live: Color, settings: Settings): World {
  const serving = { color: live, answers: true, replicas: { blue: 1, green: 1 }, record: { stable: {} }, history: [] };
  const slot = (color: Color) => [
    { version: settings.slots[color].version, made: slotSpecOf(color, settings), environment: {} } as SlotContainer,
  ];
  return {
    proxy: { id: "p", running: true, made: {} },
    slots: { blue: slot("blue"), green: slot("green") },
    built: { blue: [], green: [] },
    serving: { generation: "g", declared: "g", canaryPercent: 0, edited: false, ...serving } as Serving,
  };
}

const situation = (settings: Settings, world: Situation["world"], change: Partial<Situation> = {}): Situation => ({
  owner: { project: "blue-green", stack: "dev" },
  ...{ settings, world, source: "s", proxy: {}, generation: () => "g", now: new Date(0), preview: true },
  slots: { blue: slotSpecOf("blue", settings), green: slotSpecOf("green", settings) },
  ...change,
});

const plan = (change: Partial<Pick<Plan, "containers" | "keep">> = {}): Plan =>
  ({
    ...{ containers: { blue: 1, green: 1 }, keep: { blue: false, green: false, proxy: false } },
    ...{ accessories: {}, keptAccessories: [] },
    ...change,
  }) as unknown as Plan;

/** What is said of these settings in this world. */
function said(settings: Settings, world: Situation["world"], has: Found | undefined, declared = plan()) {
  const { refusals = [], warnings = [] } = decideContainer(situation(settings, world, { found: has }), declared);
  return { refusals, warnings };
}

const NONE = { refusals: [], warnings: [] };

const NETWORK =
  "container.networks names shop_default, and the engine has no network of that name. Nothing was touched. " +
  "Next: docker network ls; then name one that is there, or: docker network create shop_default && pulumi up";

const lost = (color: Color, other: Color, touched = " Nothing was touched.") =>
  `${color}'s image ${N8N} keeps its data in /home/node/.n8n (VOLUME), and nothing is mounted there: each color would get a volume ` +
  `of its own, so that what users save in ${color} would be gone with a switch to ${other}.${touched} ` +
  "Next: keep it for both colors: pulumi config set --path 'container.volumes[0]' home-node-.n8n:/home/node/.n8n && pulumi up; " +
  "or, where it may be lost: pulumi config set --path 'ephemeralVolumes[0]' /home/node/.n8n && pulumi up";

describe("what a color's containers need of the engine", () => {
  test("networks, external volumes and the colors' images are looked for", () => {
    const volumes = ["data:/a", "/srv:/b", { type: "volume", source: "shop_data", target: "/c", "x-external": true }];
    assert.deepEqual(needsOf(settingsOf({ networks: ["shop_default"], volumes }, { greenImage: "" })), {
      ...{ networks: ["shop_default"], volumes: ["shop_data"], alone: [], images: [N8N] },
    });
    assert.deepEqual(needsOf(settingsOf({}, { blueImage: "", greenImage: "" })), {
      ...{ networks: [], volumes: [], alone: [], images: [] },
    });
  });

  test("nothing is said where nothing is missing, or the engine was not asked", () => {
    assert.deepEqual(said(settingsOf(), FIRST, found()), NONE);
    assert.deepEqual(said(settingsOf({ networks: ["shop_default"] }), FIRST, undefined), NONE);
    assert.deepEqual(said(settingsOf(), { unknown: true, reason: "no engine" }, undefined), NONE);
  });

  test("a network and an external volume that are not there are refused by their names, once for both colors", () => {
    const volumes = [{ type: "volume", source: "shop_data", target: "/data", "x-external": true }];
    const settings = settingsOf({ networks: ["shop_default"], volumes });
    const missing = found({ missingNetworks: ["shop_default"], missingVolumes: ["shop_data"] });
    assert.deepEqual(said(settingsOf(), FIRST, missing), NONE, "another service of the stack needs them");
    assert.deepEqual(said(settings, FIRST, missing), {
      refusals: [
        NETWORK,
        "container.volumes names shop_data as external, and the engine has no volume of that name. Nothing was touched. " +
          "Next: docker volume ls; then name one that is there, or leave x-external out",
      ],
      warnings: [],
    });
  });

  test("a color that is kept, or has no container, needs nothing", () => {
    const settings = settingsOf({ networks: ["shop_default"] });
    const missing = found({ ...VOLUMES, missingNetworks: ["shop_default"] });
    const kept = { blue: true, green: true, proxy: true };
    assert.deepEqual(said(settings, FIRST, missing, plan({ keep: kept })), NONE);
    assert.deepEqual(said(settings, FIRST, missing, plan({ containers: { blue: 0, green: 0 } })), NONE);
    const one = plan({ keep: { ...kept, green: false } });
    assert.deepEqual(said(settings, FIRST, VOLUMES, one), { refusals: [lost("green", "blue")], warnings: [] });
  });

  test("an image's volume on which nothing is mounted is refused for each color, with what keeps it and what gives it up", () => {
    assert.deepEqual(said(settingsOf(), FIRST, VOLUMES), {
      refusals: [lost("blue", "green"), lost("green", "blue")],
      warnings: [],
    });
  });

  test("one that something is mounted on, that may be lost, or that nobody knows of yet is not", () => {
    const fine = [
      settingsOf({ volumes: ["data:/home/node/.n8n"] }),
      settingsOf({ volumes: ["/srv/n8n:/home/node/.n8n/"] }),
      settingsOf({ volumes: [{ type: "tmpfs", target: "/home/node/.n8n" }] }),
      settingsOf({ tmpfs: "/home/node/.n8n" }),
      settingsOf({}, { ephemeralVolumes: '["/home/node/.n8n"]' }),
      settingsOf({}, { blueImage: "", greenImage: "" }),
    ];
    for (const settings of fine) assert.deepEqual(said(settings, FIRST, VOLUMES), NONE);
    assert.deepEqual(said(settingsOf(), FIRST, found()), NONE);
    const parent = said(settingsOf({ volumes: ["data:/home/node"] }), FIRST, VOLUMES);
    assert.equal(parent.refusals.length, 2, "on its parent does not help");
  });

  test("a color that runs that release already is told of, and one with another release is refused", () => {
    const settings = settingsOf();
    assert.deepEqual(said(settings, worldOf("blue", settings), VOLUMES), {
      refusals: [],
      warnings: [lost("blue", "green", ""), lost("green", "blue", "")],
    });
    const next = settingsOf({}, { greenVersion: "2.0.0" });
    assert.deepEqual(said(next, worldOf("blue", settings), VOLUMES).refusals, [lost("green", "blue")]);
  });

  test("what is wrong with the color that the public leaves does not hold up the way back: it is told", () => {
    const before = settingsOf({}, { activeColor: "green", greenVersion: "2.0.0" });
    const back = settingsOf({}, { greenVersion: "3.0.0" });
    const onlyGreen = plan({ keep: { blue: true, green: false, proxy: true } });
    assert.deepEqual(said(back, worldOf("green", before), VOLUMES, onlyGreen), {
      refusals: [],
      warnings: [lost("green", "blue", "")],
    });
    const missing = found({ missingNetworks: ["shop_default"] });
    const joins = settingsOf({ networks: ["shop_default"] }, { greenVersion: "3.0.0" });
    assert.deepEqual(said(joins, worldOf("green", before), missing, onlyGreen), {
      refusals: [],
      warnings: [NETWORK.replace(" Nothing was touched.", "")],
    });
    assert.deepEqual(said(joins, worldOf("green", before), missing).refusals, [NETWORK], "blue is made too");
  });

  test("the plan has it, beside what else is refused, also in a first run", () => {
    const { refusals } = decide(situation(settingsOf(), FIRST, { found: VOLUMES }));
    assert.deepEqual(refusals, [lost("blue", "green"), lost("green", "blue")]);
  });
});

describe("an image's volumes that nothing is mounted on", () => {
  test("a path counts as it stands, and a volume of an image that is not known is none", () => {
    const settings = settingsOf({ volumes: ["data:/a"], tmpfs: "/b" }, { ephemeralVolumes: '["/c"]' });
    assert.deepEqual(unmountedOf(settings, ["/a", "/a/b", "/b", "/c", "/constructor"]), ["/a/b", "/constructor"]);
    assert.deepEqual(unmountedOf(settings), []);
    assert.deepEqual(unmountedOf(settingsOf(), ["/a"]), ["/a"]);
  });

  test("the commands count on where the lists end, and can be typed", () => {
    const settings = settingsOf(
      { volumes: ["data:/a", { type: "tmpfs", target: "/b" }], tmpfs: "/c" },
      { ephemeralVolumes: '["/d"]' },
    );
    assert.equal(
      nextFor(settings, ["/var/lib/a b", "/größe"]),
      "Next: keep it for both colors: pulumi config set --path 'container.volumes[2]' 'var-lib-a-b:/var/lib/a b' && " +
        "pulumi config set --path 'container.volumes[3]' 'gr-e:/größe' && pulumi up; or, where it may be lost: " +
        "pulumi config set --path 'ephemeralVolumes[1]' '/var/lib/a b' && pulumi config set --path 'ephemeralVolumes[2]' '/größe' && pulumi up",
    );
  });

  test("the name that is proposed for a volume is one that container.volumes takes", () => {
    for (const path of ["/data", "/home/node/.n8n", "/.hidden", "/ü", "/a b/c", `/${"long/".repeat(40)}end`]) {
      const [, volume = ""] = /container\.volumes\[0\]' '?([^']*?)'? &&/.exec(nextFor(settingsOf(), [path])) ?? [];
      const { container } = settingsOf({ volumes: [volume] });
      assert.deepEqual(
        container?.volumes?.volumes.map(({ target }) => target),
        [path],
      );
    }
  });
});

describe("colors that must not run at the same time", () => {
  const settings = settingsOf({}, { sharedWhileSwitching: "false", ephemeralVolumes: '["/home/node/.n8n"]' });
  const runs = { blue: { replicas: 1 }, green: { replicas: 1 } } as Plan["runs"];

  test("the idle one is stopped from the first run on, also where no engine answers", () => {
    for (const world of [FIRST, worldOf("blue", settings), { unknown: true, reason: "none" } as const]) {
      assert.deepEqual(decideAlone(situation(settings, world), { runs } as Plan), {
        idle: "stopped",
        runs: { green: { replicas: 0 } },
      });
    }
    const both = settingsOf({}, {});
    assert.deepEqual(decideAlone(situation(both, FIRST), { runs } as Plan), {});
  });

  test("a switch says what it costs, and how much that was the latest time", () => {
    const switching = settingsOf({}, { sharedWhileSwitching: "false", activeColor: "green" });
    const world = worldOf("blue", switching);
    const notes = (history: object[]) => {
      const serving = { ...world.serving, history } as Serving;
      return decideAlone(situation(switching, { ...world, serving }), { runs } as Plan).notes;
    };
    const cost =
      "blue is stopped before green starts, since sharedWhileSwitching is false: the public gets no answer until green is well";
    assert.deepEqual(notes([]), [`${cost}.`]);
    assert.deepEqual(notes([{ seconds: { away: 4.2 } }, { seconds: {} }]), [`${cost} (4.2 s in the latest switch).`]);
  });
});
