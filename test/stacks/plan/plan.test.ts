import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decide } from "../../../stacks/plan/plan";
import { changed as changes } from "../../../stacks/plan/proxy";
import type { Plan, Situation } from "../../../stacks/plan/situation";
import { COLORS, type Color, other } from "../../../stacks/service/color";
import type { HistoryEntry, Serving } from "../../../stacks/service/serving";
import { specDifferences } from "../../../stacks/service/slotSpec";
import type { BuiltImage, SlotContainer, World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { slotSpecOf } from "../../../stacks/slot";
import { sampleSettings } from "../settings/settings.sample";

const proxy = { nginxImage: "nginx:1.30.6", bindAddress: "127.0.0.1", httpPort: 8080, definition: "abc" };

/** Stands for the hash of the rendered configuration: the same for the same, and readable. */
const generationIn = (active: Color, { runs: { blue, green }, canaryPercent }: Asked): string =>
  [
    active,
    ...[blue, green].map(
      ({ image, appPort, healthPath, replicas }) =>
        `${replicas}x${appPort}${healthPath}${image ? " of an own image" : ""}`,
    ),
    canaryPercent,
  ].join(" ");

type Asked = Pick<Plan, "runs" | "canaryPercent">;

const slotsOf = (settings: Settings) => ({
  blue: slotSpecOf("blue", settings),
  green: slotSpecOf("green", settings),
});

/** What both colors run, as the settings have it. */
const runsOf = (settings: Settings): Plan["runs"] => {
  const { replicas } = settings;
  const { blue, green } = slotsOf(settings);
  return { blue: { ...blue, replicas }, green: { ...green, replicas } };
};

const environmentOf = (settings: Settings) => ({ ...settings.environment, ...settings.secretEnvironment });

const running = { Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false };

/** A color's container as these settings made it. */
const containerOf = (color: Color, settings: Settings, change: Partial<SlotContainer> = {}): SlotContainer => ({
  id: `${color}-1`,
  replica: 1,
  name: `blue-green-dev-${color}`,
  imageId: `sha256:${color}`,
  state: running,
  restarts: 0,
  version: settings.slots[color].version,
  made: slotSpecOf(color, settings),
  // The image's own and the program's own are never compared.
  environment: { PATH: "/bin", COLOR: color, ...environmentOf(settings) },
  ...change,
});

/** When the runs of these tests take place. */
const NOW = new Date("2026-01-02T04:00:00Z");

const emptyWorld: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

/** The latest cutover, as the history tells it. */
const latest: HistoryEntry = {
  ...{ time: "2026-01-02T03:04:05.678Z", result: "switched", to: "blue" },
  ...{ versions: {}, images: {}, seconds: {} },
};

/** What the proxy serves after an `up` with these settings that ended well. */
const servedBy = (settings: Settings): Serving => {
  const { activeColor, canaryPercent } = settings;
  const generation = generationIn(activeColor, { runs: runsOf(settings), canaryPercent });
  return {
    generation,
    declared: generation,
    color: activeColor,
    answers: true,
    edited: false,
    canaryPercent,
    replicas: { blue: settings.replicas, green: settings.replicas },
    record: {
      stable: { [activeColor]: [`${activeColor}-1`] },
      ...(canaryPercent > 0 && { canary: canaryPercent }),
    },
    history: [latest],
  };
};

/** What an `up` with these settings leaves behind; `change` is what has happened since. */
const after = (settings: Settings, change: Partial<World> = {}): World => ({
  ...emptyWorld,
  proxy: { id: "p", running: true, made: proxy },
  slots: { blue: [containerOf("blue", settings)], green: [containerOf("green", settings)] },
  serving: servedBy(settings),
  built: {
    blue: [{ version: settings.slots.blue.version, source: "new", base: "python:3", reused: false }],
    green: [{ version: settings.slots.green.version, source: "new", base: "python:3", reused: false }],
  },
  ...change,
});

/** What is decided with these settings in this world. */
const plan = (settings: Settings, world: Situation["world"], change: Partial<Situation> = {}): Plan =>
  decide({
    owner: { project: "blue-green", stack: "dev" },
    settings,
    world,
    source: "new",
    proxy,
    slots: slotsOf(settings),
    generation: (asked) => generationIn(settings.activeColor, asked),
    now: NOW,
    preview: false,
    ...change,
  });

/** The sample settings with others for blue or for green. */
const withSlot = (color: Color, change: Partial<Settings["slots"]["blue"]>, settings = sampleSettings): Settings => ({
  ...settings,
  slots: { ...settings.slots, [color]: { ...settings.slots[color], ...change } },
});

const toGreen: Settings = { ...sampleSettings, activeColor: "green" };

const builtAs = (image: BuiltImage): World => ({ ...emptyWorld, built: { blue: [image], green: [] } });

const old: BuiltImage = { version: "1.0.0", source: "old", base: "python:2", reused: true };

/** These settings with this share for the idle color. */
const sharing = (canaryPercent: number, settings = sampleSettings): Settings => ({ ...settings, canaryPercent });

/** The world after an up, with sessions on green until then. */
const heldUntil = (until: number | undefined, settings = sampleSettings): World => {
  const serving = servedBy(settings);
  const sessions = {
    blue: { word: "blue-word" },
    green: { word: "green-word", ...(until !== undefined && { until }) },
  };
  return { ...after(settings), serving: { ...serving, record: { ...serving.record, sessions } } };
};

const SECRETS = ["hunter2", "correct-horse"] as const;

const anySettings: fc.Arbitrary<Settings> = fc
  .record({
    activeColor: fc.constantFrom(...COLORS),
    versions: fc.tuple(fc.constantFrom("1.0.0", "2.0.0"), fc.constantFrom("1.0.0", "2.0.0")),
    images: fc.tuple(fc.constantFrom(undefined, "shop:1", "shop:2"), fc.constantFrom(undefined, "shop:1")),
    shared: fc.record({
      appPort: fc.constantFrom(5000, 5055),
      healthPath: fc.constantFrom("/healthz", "/"),
      memoryMb: fc.constantFrom(256, 512),
      environment: fc.constantFrom<Record<string, string>[]>({}, { A: "1" }, { A: "2", B: "1" }),
      secretEnvironment: fc.constantFrom<Record<string, string>[]>({}, { TOKEN: SECRETS[0] }, { TOKEN: SECRETS[1] }),
      allowLiveReplace: fc.boolean(),
      allowProxyReplace: fc.boolean(),
      bakeSeconds: fc.constantFrom(0, 10),
    }),
  })
  .map(({ activeColor, versions, images, shared }) => ({
    ...sampleSettings,
    ...shared,
    activeColor,
    slots: {
      blue: { version: versions[0], port: 5001, ...(images[0] && { image: images[0] }) },
      green: { version: versions[1], port: 5002, ...(images[1] && { image: images[1] }) },
    },
  }));

const anyContainer = (color: Color): fc.Arbitrary<SlotContainer | undefined> =>
  fc.option(
    fc
      .record({
        settings: anySettings,
        id: fc.constantFrom(`${color}-1`, `${color}-2`),
        state: fc.constantFrom(running, { ...running, Running: false, Status: "exited" }),
        mangled: fc.boolean(),
      })
      .map(({ settings, id, state, mangled }) =>
        containerOf(color, settings, { id, state, ...(mangled && { made: {} }) }),
      ),
    { nil: undefined },
  );

const anyWorld: fc.Arbitrary<Situation["world"]> = fc
  .record({
    unknown: fc.boolean(),
    blue: anyContainer("blue"),
    green: anyContainer("green"),
    served: fc.option(anySettings, { nil: undefined }),
    declared: fc.option(anySettings, { nil: undefined }),
    edited: fc.boolean(),
    moving: fc.option(fc.constantFrom(...COLORS), { nil: undefined }),
    stable: fc.constantFrom<string[][]>([], ["blue-1"], ["green-1"]),
    running: fc.boolean(),
    made: fc.constantFrom(proxy, { ...proxy, httpPort: 1 }, {}),
    health: fc.dictionary(
      fc.constantFrom(...COLORS),
      fc.constantFrom({ well: true, status: 200, seen: "200" }, { well: false, status: 0, seen: "no answer" }),
    ),
  })
  .map(({ unknown, blue, green, served, declared, edited, moving, stable, running, made, health }) => {
    if (unknown) return { unknown, reason: "Cannot connect" };
    return {
      ...emptyWorld,
      proxy: { id: "p", running, made },
      slots: { blue: blue ? [blue] : [], green: green ? [green] : [] },
      ...(served && {
        serving: {
          ...servedBy(served),
          ...{ edited, health },
          ...(declared && { declared: servedBy(declared).generation }),
          record: {
            ...(moving && { moving: { from: other(moving), generation: "g", to: moving } }),
            stable: { blue: stable, green: stable },
          },
        },
      }),
    };
  });

/** Blue is live since 03:00, an hour before these runs, and green's container is older; `record` and `history` as told. */
const hourAgo = (settings: Settings, change: Partial<Serving> = {}, green: Partial<SlotContainer>[] = [{}]): World => {
  const serving = servedBy(settings);
  const record = { ...serving.record, since: "2026-01-02T03:00:00.000Z" };
  return {
    ...after(settings),
    slots: {
      blue: [containerOf("blue", settings)],
      green: green.map((more) => containerOf("green", settings, { created: "2026-01-01T00:00:00Z", ...more })),
    },
    serving: { ...serving, history: [{ ...latest, time: "2026-01-02T03:00:00.000Z" }], record, ...change },
  };
};

const idling = (change: Partial<Settings> = {}): Settings => ({
  ...{ ...sampleSettings, idle: "stopped", idleAfterMinutes: 60 },
  ...change,
});

const idleIn = ({ idle, runs, containers, notes, warnings, mend }: Plan) => ({
  ...{ idle, asked: runs.green.replicas, containers: containers.green, notes, warnings, mend },
});

describe("a first run, and one that changes nothing", () => {
  test("on an empty engine both versions are built from the sources as they are, and nothing is refused, kept or said", () => {
    const release = { version: "1.0.0", source: "new", base: sampleSettings.appBaseImage, reused: false };
    assert.deepEqual(plan(sampleSettings, emptyWorld), {
      refusals: [],
      warnings: [],
      notes: [],
      canaryPercent: 0,
      build: { blue: release, green: release },
      keep: { blue: false, green: false, proxy: false },
      pending: [],
      runs: runsOf(sampleSettings),
      containers: { blue: 1, green: 1 },
      idle: "running",
      again: [],
      accessories: {},
      keptAccessories: [],
      accessoriesLast: false,
      replacedProxyId: undefined,
      mend: undefined,
      first: true,
    } satisfies Plan);
  });

  test("an up after an up keeps the live color and the proxy, and says nothing", () => {
    for (const settings of [sampleSettings, toGreen]) {
      const { build, runs, ...rest } = plan(settings, after(settings));
      assert.deepEqual(rest, {
        refusals: [],
        warnings: [],
        notes: [],
        canaryPercent: 0,
        keep: { blue: false, green: false, proxy: true, [settings.activeColor]: true },
        pending: [],
        containers: { blue: 1, green: 1 },
        idle: "running",
        again: [],
        accessories: {},
        keptAccessories: [],
        accessoriesLast: false,
        replacedProxyId: undefined,
        mend: undefined,
        first: false,
      });
      assert.deepEqual(runs, runsOf(settings));
      assert.deepEqual(build.blue, { version: "1.0.0", source: "new", base: "python:3", reused: false });
    }
  });
});

describe("versions and what they were built from", () => {
  test("a version that was built stays as it was built, with its own base image, and two that differ under one name are told", () => {
    const { build, warnings, refusals } = plan(sampleSettings, builtAs(old));
    assert.deepEqual(build.blue, old);
    assert.deepEqual(build.green, {
      version: "1.0.0",
      source: "new",
      base: sampleSettings.appBaseImage,
      reused: false,
    });
    assert.deepEqual(refusals, []);
    assert.deepEqual(warnings, ["Both colors are called 1.0.0, but blue is from sources old and green from new."]);
  });

  test("changed sources are told where neither color has them, with the idle color's command, which is never refused", () => {
    for (const [activeColor, idle] of [
      ["blue", "green"],
      ["green", "blue"],
    ] as const) {
      const settings = { ...sampleSettings, activeColor };
      assert.deepEqual(plan(settings, after(settings, { built: { blue: [old], green: [old] } })).warnings, [
        `${idle} keeps version 1.0.0 as it was built from sources old; the sources are new now. ` +
          `A version once built is not built again. To release what changed: pulumi config set ${idle}Version <a new version>`,
      ]);
      const released = withSlot(idle, { version: "1.1.0" }, settings);
      assert.deepEqual(plan(released, after(settings, { built: { blue: [old], green: [old] } })).refusals, []);
    }
  });

  test("on a normal day nothing is said: the one color has the sources of today, and the other keeps its version", () => {
    for (const released of COLORS) {
      const fresh = { ...old, version: "1.1.0", source: "new" };
      for (const activeColor of COLORS) {
        const settings = withSlot(released, { version: "1.1.0" }, { ...sampleSettings, activeColor });
        const built = { blue: [old], green: [old], [released]: [old, fresh] };
        assert.deepEqual(
          plan(settings, after(settings, { built })).warnings,
          [],
          `${released} released, ${activeColor} live`,
        );
      }
    }
  });

  test("what is called as a release of before is not built from other sources without a word", () => {
    const ran = (sources?: HistoryEntry["sources"]): Partial<World> => ({
      slots: { blue: [containerOf("blue", sampleSettings)], green: [] },
      built: { blue: [{ ...old, source: "new" }], green: [] },
      serving: {
        ...servedBy(sampleSettings),
        history: [
          {
            ...latest,
            versions: { green: "1.0.0" },
            images: { green: `sha256:${"ab".repeat(32)}` },
            ...(sources && { sources }),
          },
          { ...latest, versions: { green: "0.9.0" }, images: { green: "sha256:c" }, sources: { green: "older" } },
        ],
      },
    });
    const seen =
      "green would get a version 1.0.0 that is built from the sources of today (new). What ran as 1.0.0 (image abababababab, 2026-01-02) was ";
    const { refusals } = plan(sampleSettings, after(sampleSettings, ran({ green: "old" })));
    assert.equal(refusals.length, 1);
    assert.ok(
      refusals[0]?.startsWith(
        `${seen}built from sources old, and the engine no longer has that image. Nothing was touched. Next: `,
      ),
    );
    assert.match(String(refusals[0]), /pulumi config set greenVersion <a new version> && pulumi up/);

    const untold = plan(sampleSettings, after(sampleSettings, ran()));
    assert.deepEqual(untold.refusals, []);
    assert.ok(
      untold.warnings.some((warning) => warning.startsWith(`${seen}built from sources that nobody wrote down`)),
    );

    for (const fine of [
      ran({ green: "new" }),
      { ...ran({ green: "old" }), built: { blue: [old], green: [{ ...old, source: "new" }] } },
    ]) {
      const { refusals, warnings } = plan(sampleSettings, after(sampleSettings, fine));
      assert.deepEqual(refusals, []);
      assert.ok(!warnings.some((warning) => warning.includes("would get")));
    }
    const other = withSlot("green", { version: "1.0.1" });
    assert.deepEqual(plan(other, after(sampleSettings, ran({ green: "old" }))).refusals, []);
  });

  test("a color that is left never holds up the way to the other one, whatever its image is", () => {
    const world = after(sampleSettings, {
      slots: { blue: [], green: [containerOf("green", sampleSettings)] },
      built: { blue: [], green: [{ ...old, source: "new" }] },
      serving: {
        ...servedBy(sampleSettings),
        history: [{ ...latest, versions: { blue: "1.0.0" }, images: { blue: "sha256:a" }, sources: { blue: "old" } }],
      },
    });
    assert.deepEqual(plan(toGreen, world).refusals, []);
    assert.ok(plan(toGreen, world).warnings.some((warning) => warning.startsWith("blue would get a version 1.0.0")));
  });

  test("a version built from the same sources is said nothing about", () => {
    const built = { version: "1.0.0", source: "new", base: "python:2", reused: false };
    assert.deepEqual(plan(sampleSettings, { ...emptyWorld, built: { blue: [built], green: [built] } }).warnings, []);
  });

  test("another version than those built is built from the sources as they are", () => {
    const built = { version: "0.9.0", source: "old", base: "python:2", reused: true };
    assert.equal(plan(sampleSettings, builtAs(built)).build.blue?.source, "new");
  });

  test("a color with an image of its own is not built", () => {
    const { build } = plan(withSlot("green", { image: "shop:1" }), emptyWorld);
    assert.equal(build.green, undefined);
    assert.notEqual(build.blue, undefined);
  });
});

describe("the proxy's container", () => {
  test("an unchanged proxy stays what it is, whatever its image's name points at by now", () => {
    const { keep, replacedProxyId, refusals } = plan(sampleSettings, after(sampleSettings));
    assert.equal(keep.proxy, true);
    assert.equal(replacedProxyId, undefined);
    assert.deepEqual(refusals, []);
  });

  test("a change that would replace the proxy is refused, with each difference and the way to do it on purpose", () => {
    const changed = { ...proxy, httpPort: 9090, nginxImage: "nginx:1.31.0" };
    const { refusals, keep } = plan(sampleSettings, after(sampleSettings), { proxy: changed, preview: true });
    assert.deepEqual(refusals, [
      "This would replace the nginx container (nginxImage nginx:1.30.6 -> nginx:1.31.0, httpPort 8080 -> 9090), and the public " +
        "would get no answer for some seconds. Nothing was touched. Either put the setting back, or do it on purpose: " +
        "pulumi config set allowProxyReplace true && pulumi up",
    ]);
    assert.equal(keep.proxy, false);
  });

  test("a setting of the proxy that was not set before is none, and not unknown", () => {
    assert.deepEqual(changes({ httpPort: 8080 }, { httpPort: 8080, httpsPort: 8443 }), ["httpsPort (none) -> 8443"]);
    assert.deepEqual(changes({ httpPort: 8080, httpsPort: 8443 }, { httpPort: 8080 }), ["httpsPort 8443 -> (none)"]);
  });

  test("a proxy that does not say what it was made from counts as different", () => {
    const world = after(sampleSettings, { proxy: { id: "p", running: true, made: {} } });
    assert.match(plan(sampleSettings, world).refusals.join(), /definition unknown -> abc/);
  });

  test("a proxy of an earlier version goes on without its DNS options, which a warning says; only allowProxyReplace replaces it for them", () => {
    const now = { ...proxy, dns: "ndots:1" };
    const kept = plan(sampleSettings, after(sampleSettings), { proxy: now });
    assert.deepEqual([kept.refusals, kept.keep.proxy, kept.replacedProxyId], [[], true, undefined]);
    assert.deepEqual(kept.warnings, [
      "The proxy's container was made by an earlier version. While a container behind it is away, it asks the host's name servers for " +
        "that name, and whoever answers there gets the requests; a new one does not ask. To replace it, for some seconds without an " +
        "answer: pulumi config set allowProxyReplace true && pulumi up && pulumi config rm allowProxyReplace",
    ]);
    const { refusals } = plan(sampleSettings, after(sampleSettings), { proxy: { ...now, httpPort: 9090 } });
    assert.match(refusals.join(), /^This would replace the nginx container \(httpPort 8080 -> 9090\), /);
    const settings = { ...sampleSettings, allowProxyReplace: true };
    const meant = plan(settings, after(settings), { proxy: now });
    assert.deepEqual([meant.refusals, meant.keep.proxy, meant.replacedProxyId], [[], false, "p"]);
    assert.match(meant.warnings.join(), /^The proxy is replaced \(dns \(none\) -> ndots:1\), /);
    // Once made with them, other ones are a change like any.
    const other = after(sampleSettings, { proxy: { id: "p", running: true, made: { ...proxy, dns: "ndots:2" } } });
    assert.match(plan(sampleSettings, other, { proxy: now }).refusals.join(), /\(dns ndots:2 -> ndots:1\)/);
  });

  test("allowProxyReplace lets the proxy be replaced, and says what it costs and how to end the permission", () => {
    const settings = { ...sampleSettings, allowProxyReplace: true };
    const changed = plan(settings, after(settings), { proxy: { ...proxy, httpPort: 9090 } });
    assert.deepEqual(changed.refusals, []);
    assert.equal(changed.replacedProxyId, "p");
    assert.equal(changed.keep.proxy, false);
    assert.deepEqual(changed.warnings, [
      "The proxy is replaced (httpPort 8080 -> 9090), as allowProxyReplace allows: the public gets no answer for some seconds. " +
        "Afterwards: pulumi config rm allowProxyReplace",
    ]);
  });

  test("allowProxyReplace alone replaces nothing", () => {
    const settings = { ...sampleSettings, allowProxyReplace: true };
    const { replacedProxyId, keep, warnings } = plan(settings, after(settings));
    assert.deepEqual([replacedProxyId, keep.proxy, warnings], [undefined, true, []]);
  });

  test("a proxy that the public can't meet, since its first start failed, is replaced without a word", () => {
    const world: World = { ...emptyWorld, proxy: { id: "p", running: false, made: { httpPort: 1 } } };
    const { refusals, warnings, replacedProxyId, keep } = plan(sampleSettings, world);
    assert.deepEqual([refusals, warnings, replacedProxyId, keep.proxy], [[], [], undefined, false]);
  });
});

describe("where it is not known what runs", () => {
  test("where no engine answers a preview goes on and says so, and an up is refused", () => {
    const world = { unknown: true, reason: "Cannot connect" } as const;
    const preview = plan(sampleSettings, world, { preview: true });
    assert.deepEqual(preview.warnings, [
      "No Docker Engine answered: Cannot connect. What runs is unknown, so this preview can't tell whether `pulumi up` would " +
        "refuse this change.",
    ]);
    assert.deepEqual(preview.refusals, []);
    assert.deepEqual(preview.keep, { blue: false, green: false, proxy: false });
    assert.equal(preview.first, true);
    assert.deepEqual(plan(sampleSettings, world).refusals, [
      "No Docker Engine answered: Cannot connect. Nothing was touched. It is looked for at docker:host, DOCKER_HOST or the " +
        "local socket, and not at the docker client's current context. " +
        "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version",
    ]);
  });

  test("while a cutover runs, or the proxy can't be asked who is live, an up is refused and a preview says what it can't tell", () => {
    const { serving, ...rest } = after(sampleSettings);
    const busy = { ...rest, serving: { ...servedBy(sampleSettings), busy: "host, process 7" } };
    const silent = { ...rest, silent: "no answer within 20 s" };
    for (const [world, seen] of [
      [busy, "A cutover runs in this proxy (host, process 7)."],
      [silent, "The proxy runs, but can't be asked which color is live: no answer within 20 s."],
    ] as const) {
      for (const settings of [sampleSettings, toGreen]) {
        const up = plan(settings, world);
        assert.deepEqual(up.refusals, [
          `${seen} Nothing was touched. Next: npm run status; then, when that is over: pulumi up`,
        ]);
        const preview = plan(settings, world, { preview: true });
        assert.deepEqual(preview.refusals, []);
        assert.deepEqual(preview.warnings, [`${seen} This preview can't tell what \`pulumi up\` will find.`]);
      }
    }
  });
});

describe("who is live", () => {
  test("in the first run there is nothing to guard: containers that never served are replaced without a word", () => {
    const old = { ...withSlot("blue", { version: "0.9.0" }), memoryMb: 128, secretEnvironment: { TOKEN: "old" } };
    const { serving, ...world } = after(old);
    const decided = plan({ ...sampleSettings, gateCommand: "npm test" }, world);
    assert.deepEqual([decided.refusals, decided.warnings, decided.notes, decided.pending], [[], [], [], []]);
    assert.deepEqual(decided.keep, { blue: false, green: false, proxy: true });
    assert.deepEqual([decided.first, decided.mend], [true, undefined]);
  });

  test("live is what the proxy serves, not what the setting says", () => {
    // Both containers are as the settings have them: kept is the one that the public is on, while it is left.
    assert.deepEqual(plan(toGreen, after(sampleSettings)).keep, { blue: true, green: false, proxy: true });
    assert.deepEqual(plan(sampleSettings, after(toGreen)).keep, { blue: false, green: true, proxy: true });
  });
});

describe("the live color is guarded", () => {
  test("another version of the live color is refused, with the setting, the way to release it and the way to insist", () => {
    const { refusals, keep, pending } = plan(withSlot("blue", { version: "2.0.0" }), after(sampleSettings));
    assert.deepEqual(refusals, [
      "blue is live, and this would replace its container in front of the public (blueVersion 1.0.0 -> 2.0.0). Nothing was " +
        "touched. Put the release on green and switch: put blueVersion back (pulumi config set blueVersion 1.0.0), then " +
        "pulumi config set greenVersion 2.0.0 && pulumi up, then pulumi config set activeColor green && pulumi up. " +
        "Or replace it on purpose: pulumi config set allowLiveReplace true && pulumi up",
    ]);
    assert.deepEqual([keep.blue, pending], [false, []]);
  });

  test("another image of the live color is refused, with the commands that put the image and no other there", () => {
    const refusal = (settings: Settings, before: Settings) => plan(settings, after(before)).refusals.join("\n");
    assert.equal(
      refusal(withSlot("blue", { image: "shop:2" }), sampleSettings),
      "blue is live, and this would replace its container in front of the public (blueImage (none) -> shop:2). Nothing was " +
        "touched. Put the release on green and switch: put blueImage back (pulumi config set blueImage ''), then " +
        "pulumi config set greenImage shop:2 && pulumi config set greenVersion 1.0.0 && pulumi up, then " +
        "pulumi config set activeColor green && pulumi up. " +
        "Or replace it on purpose: pulumi config set allowLiveReplace true && pulumi up",
    );
    const shop = withSlot("green", { image: "shop:1" }, withSlot("blue", { image: "shop:1" }));
    assert.match(
      refusal(withSlot("blue", { image: "shop:2", version: "2.0.0" }, shop), shop),
      /\(blueVersion 1\.0\.0 -> 2\.0\.0, blueImage shop:1 -> shop:2\)\. .* put blueVersion and blueImage back \(pulumi config set blueVersion 1\.0\.0 && pulumi config set blueImage shop:1\), then pulumi config set greenImage shop:2 && pulumi config set greenVersion 2\.0\.0 && pulumi up, /,
    );
    // From an image back to app/, while green has it as it should be already.
    const { image, ...own } = shop.slots.blue;
    const built = { ...shop, slots: { blue: own, green: { version: "1.0.0", port: 5002 } } };
    assert.match(
      refusal(built, shop),
      /\(blueImage shop:1 -> \(none\)\)\. .* \(pulumi config set blueImage shop:1\), then pulumi config set greenVersion 1\.0\.0 && pulumi up, /,
    );
  });

  test("another version of the live color, where the idle one has another image, names that one's image too", () => {
    const before = withSlot("green", { image: "shop:1" });
    assert.match(
      plan(withSlot("blue", { version: "2.0.0" }, before), after(before)).refusals.join(),
      /, then pulumi config set greenImage '' && pulumi config set greenVersion 2\.0\.0 && pulumi up, /,
    );
  });

  test("another version of the idle color is a release like any other: nothing is refused, said or kept there", () => {
    const settings = withSlot("green", { version: "2.0.0", image: "shop:2" });
    const decided = plan(settings, after(sampleSettings));
    assert.deepEqual([decided.refusals, decided.warnings, decided.notes, decided.pending], [[], [], [], []]);
    assert.deepEqual(decided.keep, { blue: true, green: false, proxy: true });
    assert.equal(decided.runs.green.version, "2.0.0");
  });

  test("allowLiveReplace lets the live color be replaced, and says what it costs and how to end the permission", () => {
    const settings = { ...withSlot("blue", { version: "2.0.0" }), memoryMb: 512, allowLiveReplace: true };
    const decided = plan(settings, after(sampleSettings));
    assert.deepEqual(decided.refusals, []);
    assert.deepEqual(decided.warnings, [
      "blue is live and is replaced in place (blueVersion 1.0.0 -> 2.0.0, memoryMb 256 -> 512), as allowLiveReplace allows: the " +
        "public gets no answer until the new container is up. Afterwards: pulumi config rm allowLiveReplace",
    ]);
    assert.deepEqual([decided.keep.blue, decided.pending], [false, []]);
    assert.equal(decided.runs.blue.version, "2.0.0");
  });

  test("allowLiveReplace also lets a shared change reach the live color at once", () => {
    const settings = { ...sampleSettings, appPort: 5055, allowLiveReplace: true };
    const decided = plan(settings, after(sampleSettings));
    assert.deepEqual([decided.keep.blue, decided.runs.blue.appPort, decided.pending], [false, 5055, []]);
  });

  test("allowLiveReplace alone replaces nothing, and nothing of a color that a switch leaves", () => {
    const allowed = { ...sampleSettings, allowLiveReplace: true };
    assert.deepEqual([plan(allowed, after(allowed)).keep.blue, plan(allowed, after(allowed)).warnings], [true, []]);
    const leaving = { ...withSlot("blue", { version: "2.0.0" }, toGreen), allowLiveReplace: true };
    const decided = plan(leaving, after(sampleSettings));
    assert.equal(decided.keep.blue, true);
    assert.doesNotMatch(decided.warnings.join(), /replaced in place/);
  });
});

describe("what both colors share", () => {
  test("what both colors share goes to the idle one; the live one keeps what it runs, and the run says what and until when", () => {
    const before = { ...sampleSettings, environment: { A: "1", B: "2" }, secretEnvironment: { TOKEN: "hunter2" } };
    const settings: Settings = {
      ...before,
      memoryMb: 512,
      stopGraceSeconds: 60,
      environment: { A: "1", B: "3", C: "4" },
      secretEnvironment: { TOKEN: "correct-horse" },
    };
    const decided = plan(settings, after(before));
    const pending = [
      "memoryMb 256 -> 512",
      "stopGraceSeconds 30 -> 60",
      "environment.B",
      "environment.C",
      "secretEnvironment.TOKEN",
    ];
    assert.deepEqual(decided.refusals, []);
    assert.deepEqual(decided.pending, pending);
    assert.deepEqual(decided.keep, { blue: true, green: false, proxy: true });
    assert.deepEqual(decided.warnings, [
      `blue is live and keeps what it runs. It takes ${pending.join(", ")} on the first \`pulumi up\` after it has become idle.`,
    ]);
    assert.doesNotMatch(JSON.stringify(decided), /hunter2|correct-horse/);
  });

  test("the color's port on the host is taken later like what is shared, not refused", () => {
    const decided = plan(withSlot("blue", { port: 6001 }), after(sampleSettings));
    assert.deepEqual([decided.refusals, decided.pending], [[], ["bluePort 5001 -> 6001"]]);
  });

  test("the proxy goes on asking the live color at the port and path that it runs with", () => {
    const settings = { ...sampleSettings, appPort: 5055, healthPath: "/ready" };
    const asked: Asked[] = [];
    const decided = plan(settings, after(sampleSettings), {
      generation: (plan) => {
        asked.push({ runs: plan.runs, canaryPercent: plan.canaryPercent });
        return "g";
      },
    });
    assert.deepEqual(decided.runs.blue, { ...runsOf(settings).blue, appPort: 5000, healthPath: "/healthz" });
    assert.deepEqual(decided.runs.green, runsOf(settings).green);
    assert.deepEqual(asked, [{ runs: decided.runs, canaryPercent: 0 }]);
  });

  test("the proxy goes on asking the live color as the kind of image that it runs, whatever the setting says by now", () => {
    const own = withSlot("blue", { image: "shop:1" });
    for (const [settings, runs] of [
      [sampleSettings, own],
      [own, sampleSettings],
    ] as const) {
      const decided = plan({ ...settings, activeColor: "green" }, after(runs));
      assert.equal(decided.runs.blue.image, runsOf(runs).blue.image);
    }
  });

  test("a live container that does not say what it was made from is kept, and all of it is pending", () => {
    const container = containerOf("blue", sampleSettings, { made: {}, version: "unknown" });
    const world = after(sampleSettings, { slots: { blue: [container], green: [] } });
    const decided = plan(withSlot("blue", { version: "2.0.0" }), world);
    assert.deepEqual(decided.refusals, []);
    assert.equal(decided.keep.blue, true);
    assert.deepEqual(decided.pending, ["all settings (its container does not say what it was made from)"]);
    assert.deepEqual([decided.runs.blue.version, decided.runs.blue.appPort], ["unknown", 5000]);
  });

  test("a run that switches away keeps what was live, and says that the next run brings the rest", () => {
    const settings = { ...withSlot("blue", { version: "2.0.0" }, toGreen), memoryMb: 512 };
    const decided = plan(settings, after(sampleSettings));
    assert.deepEqual(decided.refusals, []);
    assert.deepEqual(decided.keep, { blue: true, green: false, proxy: true });
    assert.deepEqual(decided.pending, ["blueVersion 1.0.0 -> 2.0.0", "memoryMb 256 -> 512"]);
    assert.deepEqual(decided.warnings, [
      "blue is live and keeps what it runs. It takes blueVersion 1.0.0 -> 2.0.0, memoryMb 256 -> 512 on the next `pulumi up`.",
    ]);
    assert.equal(decided.runs.blue.version, "1.0.0");
    // And the run after it does: green is live then, and blue is as free as any idle color.
    const next = plan(settings, { ...after(sampleSettings), serving: servedBy(toGreen) });
    assert.deepEqual([next.keep.blue, next.runs.blue.version], [false, "2.0.0"]);
  });
});

describe("containers that are gone, stopped or ill", () => {
  test("a live container that is gone or does not run is said, with the command that brings it back and the other way out", () => {
    const world = after(sampleSettings);
    const exited = containerOf("blue", sampleSettings, { state: { ...running, Running: false, Status: "exited" } });
    const dead = { ...world, slots: { ...world.slots, blue: [exited] } };
    const gone = { ...world, slots: { blue: [], green: [containerOf("green", sampleSettings)] } };
    assert.deepEqual(plan(sampleSettings, dead).warnings, [
      "blue is live, but its container is exited: the public gets errors. This run starts it; " +
        "or: pulumi config set activeColor green && pulumi up, which moves the public",
    ]);
    assert.deepEqual(plan(sampleSettings, gone).warnings, [
      "blue is live, but its container is gone: the public gets errors. This run makes it again; " +
        "or: pulumi config set activeColor green && pulumi up, which moves the public",
    ]);
    const alone = { ...dead, slots: { blue: [exited], green: [] } };
    assert.match(plan(sampleSettings, alone).warnings[0] ?? "", /: the public gets errors\. This run starts it$/);
    // A switch is that way out already, and nothing refuses it.
    assert.deepEqual(plan(toGreen, dead).warnings, [
      "blue is live, but its container is exited: the public gets errors. Next: docker start blue-green-dev-blue",
    ]);
    assert.deepEqual(plan(toGreen, gone).warnings, [
      "blue is live, but its container is gone: the public gets errors. This run makes it again",
    ]);
    for (const decided of [plan(sampleSettings, gone), plan(toGreen, gone), plan(toGreen, dead)]) {
      assert.deepEqual(decided.refusals, []);
    }
    assert.match(plan(toGreen, gone).notes.join(), /^The public moves from blue \(gone\) to green \(1\.0\.0\), /);
    assert.deepEqual([plan(sampleSettings, gone).keep.blue, plan(sampleSettings, dead).keep.blue], [false, true]);
  });

  test("a color that is stopped by hand is started by the run that moves the public to it, and the preview says so", () => {
    const world = after(sampleSettings);
    const stable = { blue: ["blue-1"], green: ["green-1"] };
    const told = (Status: string, change: Partial<SlotContainer> = {}) => {
      const green = containerOf("green", sampleSettings, {
        state: { ...running, Running: Status === "running", Status },
        ...change,
      });
      const serving = { ...servedBy(sampleSettings), record: { stable } };
      const { notes, mend, refusals } = plan(toGreen, { ...world, serving, slots: { ...world.slots, green: [green] } });
      assert.deepEqual([mend, refusals], [undefined, []]);
      return notes;
    };
    const moves = "The public moves from blue (1.0.0) to green (1.0.0), ";
    assert.deepEqual(told("running"), [`${moves}at once: green was stable and its container is the same.`]);
    for (const status of ["exited", "created", "dead"]) {
      assert.deepEqual(told(status), [
        `${moves}after its health, 1 smoke test, and is watched there for 10 s; it is stopped and is started first.`,
      ]);
    }
    // One that is made again is no more started than it is the same.
    assert.ok(
      !told("exited", { version: "0.9.0", made: { ...slotsOf(sampleSettings).green, version: "0.9.0" } })
        .join()
        .includes("started"),
    );
  });

  test("what visitors are on and what was never started has the cutover run, each time anew; an idle color that was stopped stays so", () => {
    const world = after(sampleSettings);
    const seen = (
      color: Color,
      Status: string,
      settings: Settings = sampleSettings,
      change: Partial<SlotContainer> = {},
    ) => {
      const slot = containerOf(color, sampleSettings, { state: { ...running, Running: false, Status }, ...change });
      const { mend, notes } = plan(settings, {
        ...world,
        serving: { ...servedBy(sampleSettings), history: [] },
        slots: { ...world.slots, [color]: [slot] },
      });
      return [mend, notes.join()];
    };
    for (const status of ["exited", "created"])
      assert.deepEqual(seen("blue", status), ["blue is stopped after nothing", ""]);
    assert.deepEqual(seen("green", "created"), [
      "green was never started at 2026-01-02T04:00:00.000Z",
      "green was never started: this run starts it.",
    ]);
    assert.deepEqual(seen("green", "exited"), [undefined, ""]);
    // Those that this run removes or makes again.
    assert.deepEqual(seen("green", "created", sampleSettings, { replica: 2 }), [undefined, ""]);
    assert.deepEqual(seen("green", "created", sampleSettings, { made: {} }), [undefined, ""]);
  });

  test("a proxy that was removed by hand is said before anything is done, with the one command that makes it again", () => {
    const decided = plan(sampleSettings, { ...emptyWorld, proxyGone: true });
    assert.deepEqual(decided.refusals, []);
    assert.match(
      decided.warnings.join(),
      /^The proxy's container is gone and its volume is there\. .*: pulumi up --refresh$/,
    );
    assert.deepEqual(plan(sampleSettings, emptyWorld).warnings, []);
  });

  test("an idle color that could not take over is said while the public stays, with what helps, and holds up nothing", () => {
    const world = after(sampleSettings);
    const idleIs = (state: Partial<SlotContainer["state"]>) => {
      const green = containerOf("green", sampleSettings, { made: {}, state: { ...running, ...state } });
      return { ...world, slots: { ...world.slots, green: [green] } };
    };
    const warning = (seen: string, next: string) =>
      `green is idle and ${seen}: it is no way back. Next: ${next}; or put another release on it: ` +
      "pulumi config set greenVersion <a new version> && pulumi up";
    const { blue } = world.slots;
    const log = "docker logs --tail 30 blue-green-dev-green";
    for (const [unwell, warnings] of [
      [
        { ...world, slots: { blue, green: [] as SlotContainer[] } },
        ["green is idle and has no container: it is no way back. This run makes it again."],
      ],
      [
        idleIs({ Running: false, Status: "exited" }),
        [
          warning("is exited", "docker start blue-green-dev-green").replace(
            "no way back",
            "no way back at once, a switch starts it first",
          ),
        ],
      ],
      [idleIs({ Health: { Status: "unhealthy" } }), [warning("is unhealthy", log)]],
      [idleIs({ Health: { Status: "starting" } }), []],
      [idleIs({ Health: { Status: "healthy" } }), []],
    ] as const) {
      const staying = plan(sampleSettings, unwell);
      assert.deepEqual(
        [staying.refusals, staying.warnings, staying.keep],
        [[], warnings, plan(sampleSettings, world).keep],
      );
      // Neither a switch to it, which the gate decides on, nor one away from it is refused or warned of.
      assert.deepEqual([plan(toGreen, unwell).refusals, plan(toGreen, unwell).warnings], [[], []]);
      const away = plan(sampleSettings, { ...unwell, serving: servedBy(toGreen) });
      assert.deepEqual(away.refusals, []);
    }
    // To one that was stable a switch asks what it answers, and not its container's check.
    const unwell = idleIs({ Health: { Status: "unhealthy" } });
    const stable = { green: unwell.slots.green.map(({ id }) => id) };
    const serving = { ...servedBy(sampleSettings), record: { stable } };
    assert.deepEqual(
      plan(sampleSettings, { ...unwell, serving }).warnings.filter((text) => text.startsWith("green")),
      [warning("is unhealthy", log).replace("it is no way back", "it is a way back only if it answers")],
    );
  });

  test("an idle color that does not answer its health path is warned of with what was seen, and holds up nothing", () => {
    const seen = (health: Serving["health"], record: Serving["record"] = { stable: { blue: ["blue-1"] } }) =>
      after(sampleSettings, { serving: { ...servedBy(sampleSettings), record, ...(health && { health }) } });
    const ill = (words: string, status = 0) => ({ well: false, status, seen: words });
    const well = { well: true, status: 200, seen: "200" };
    const warning = (words: string) =>
      `green is idle and does not answer its health path (${words}): it is no way back. ` +
      "Next: docker logs --tail 30 blue-green-dev-green; or put another release on it: " +
      "pulumi config set greenVersion <a new version> && pulumi up";
    for (const words of ["503", "302, to https://login.example/", "Connection timed out", "no answer"]) {
      const world = seen({ blue: well, green: ill(words) });
      const staying = plan(sampleSettings, world);
      assert.deepEqual([staying.refusals, staying.warnings], [[], [warning(words)]]);
      assert.deepEqual(plan(toGreen, world).refusals, []);
      assert.deepEqual(plan(toGreen, world).warnings, []);
      // A way back only asks whether it answers, which is known by now.
      const stable = { blue: ["blue-1"], green: ["green-1"] };
      assert.deepEqual(plan(sampleSettings, seen({ blue: well, green: ill(words) }, { stable })).warnings, [
        warning(words),
      ]);
    }
    for (const health of [undefined, { blue: well }, { blue: well, green: well }])
      assert.deepEqual(plan(sampleSettings, seen(health)).warnings, []);
    // What its image's own health check says comes first, and whether it runs before that.
    const is = (state: Partial<SlotContainer["state"]>) => {
      const { slots, ...rest } = seen({ blue: well, green: ill("503") });
      const green = containerOf("green", sampleSettings, { state: { ...running, ...state } });
      return plan(sampleSettings, { ...rest, slots: { ...slots, green: [green] } }).warnings.join();
    };
    assert.match(is({ Health: { Status: "unhealthy" } }), /^green is idle and is unhealthy: /);
    assert.match(is({ Running: false, Status: "exited" }), /^green is idle and is exited: /);
    // One that was stopped on purpose is not asked to be well.
    const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" } as const;
    const stopped = seen({ blue: well, green: ill("503") }, { stable: {}, retired });
    assert.doesNotMatch(plan(sampleSettings, stopped).warnings.join(), /health path/);
  });

  test("an idle color with an image of its own is given another image with its release", () => {
    const settings = withSlot("green", { image: "shop:2" });
    const { blue } = after(settings).slots;
    const green = [containerOf("green", settings, { state: { ...running, Running: false, Status: "exited" } })];
    assert.match(
      plan(settings, after(settings, { slots: { blue, green } })).warnings.join(),
      /; or put another release on it: pulumi config set greenImage <an image> && pulumi config set greenVersion <a new version> && pulumi up$/,
    );
  });
});

describe("runs that were cut off or changed by hand", () => {
  test("a live container that was made anew since it was stable is checked again, once", () => {
    const anew = (id: string, change: Partial<SlotContainer> = {}): World => {
      const world = after(sampleSettings);
      return { ...world, slots: { ...world.slots, blue: [containerOf("blue", sampleSettings, { id, ...change })] } };
    };
    const id = "0123456789abcdef".repeat(4);
    const decided = plan(sampleSettings, anew(id));
    assert.equal(decided.mend, "0123456789ab after 2026-01-02T03:04:05.678Z");
    assert.equal(decided.warnings.length, 1);
    assert.match(
      decided.warnings.join(),
      /^blue is live, but its container was made anew since it was switched to: this run asks it /,
    );
    assert.deepEqual([decided.refusals, decided.keep.blue], [[], true]);
    // Not where it was stable, or is left; one that does not run is started.
    assert.equal(plan(sampleSettings, anew("blue-1")).mend, undefined);
    assert.match(
      plan(sampleSettings, anew(id, { state: { ...running, Running: false } })).mend ?? "",
      /^blue is stopped /,
    );
    assert.equal(plan(toGreen, anew(id)).mend, undefined);
  });

  test("a switch that was cut off in its watch is watched to its end, where the public stays on what it was to", () => {
    const moving = (from: Color, to: Color) => {
      const served = servedBy(sampleSettings);
      return {
        ...after(sampleSettings),
        serving: { ...served, record: { moving: { from, generation: "g", to }, stable: {} } },
      };
    };
    const decided = plan(sampleSettings, moving("green", "blue"));
    assert.equal(decided.mend, "moving to blue after 2026-01-02T03:04:05.678Z");
    assert.deepEqual(decided.warnings, ["The switch to blue was not watched to its end: this run does that."]);
    assert.deepEqual([decided.refusals, decided.notes], [[], []]);
    assert.equal(plan(toGreen, moving("green", "blue")).mend, undefined);
    assert.doesNotMatch(plan(sampleSettings, moving("blue", "green")).warnings.join(), /watched/);
  });

  test("a configuration that was changed by hand is put right, whichever color it names, and again each time", () => {
    const world = after(sampleSettings);
    const serving = servedBy(sampleSettings);
    const edited = plan(sampleSettings, { ...world, serving: { ...serving, edited: true } });
    assert.equal(edited.mend, "edited after 2026-01-02T03:04:05.678Z");
    assert.deepEqual(edited.warnings, [
      "The proxy's configuration is not the one that the latest cutover left (changed by hand, or a run was cut off): this run puts it right.",
    ]);
    assert.deepEqual([edited.refusals, edited.notes], [[], []]);

    const moved = plan(sampleSettings, {
      ...world,
      serving: { ...serving, color: "green", edited: true, history: [] },
    });
    assert.equal(moved.mend, "edited after nothing");
    assert.equal(moved.notes.length, 1);
    assert.deepEqual(moved.keep, { blue: false, green: true, proxy: true });
  });

  test("where the state says that nothing is to be done while the proxy serves something else, the cutover runs all the same", () => {
    // What a run leaves that was killed after the switch to green: the setting was put back, and the state never left blue.
    const declared = servedBy(sampleSettings).generation;
    const world = { ...after(sampleSettings), serving: { ...servedBy(toGreen), declared } };
    const decided = plan(sampleSettings, world);
    assert.equal(decided.mend, "green 1x5000/healthz 1x5000/healthz 0 after 2026-01-02T03:04:05.678Z");
    assert.deepEqual(decided.warnings, [
      "The proxy serves green, although the latest run that ended well left blue live (a run was cut off, or somebody's hand): " +
        "this run puts it right.",
    ]);
  });

  test("an ordinary switch, and one that is tried again, need no such help: the configuration itself is another", () => {
    assert.equal(plan(toGreen, after(sampleSettings)).mend, undefined);
    // The switch to green took place, but the run was killed before the state had it.
    const { declared, ...served } = servedBy(toGreen);
    const world = { ...after(sampleSettings), serving: { ...served, declared: servedBy(sampleSettings).generation } };
    assert.equal(plan(toGreen, world).mend, undefined);
    // And one whose declared generation is not known yet.
    assert.equal(plan(sampleSettings, { ...world, serving: served }).mend, undefined);
  });
});

describe("what was put back by hand", () => {
  const { version } = sampleSettings.slots.green;
  const putBack = {
    from: "green",
    version,
    image: "",
    time: "2026-01-02T03:12:00.000Z",
    by: "ann@web",
  } as const;
  const onBlue = { ...sampleSettings, activeColor: "blue" } as Settings;
  const asksGreen = { ...sampleSettings, activeColor: "green" } as Settings;
  const put = (change: Partial<World> = {}, more: Partial<Serving["record"]> = { putBack }): World => {
    const serving = servedBy(onBlue);
    return after(onBlue, { serving: { ...serving, record: { ...serving.record, ...more } }, ...change });
  };
  const ill = { ...running, Health: { Status: "unhealthy" } };

  test("a run does not take it forward to the same release again, and says how to agree", () => {
    const { refusals } = plan(asksGreen, put());
    assert.deepEqual(refusals, [
      `The public was put back from green (${version}) to blue, by ann@web at 2026-01-02 03:12 UTC, and activeColor is still green: this run ` +
        `would move it to the same release again. Nothing was touched. Next, to agree: pulumi config set activeColor blue && pulumi up; ` +
        `or put a mended release there: pulumi config set greenVersion <version> && pulumi up; ` +
        `or go there all the same: npm run rollback -- --to green`,
    ]);
    const words = put({}, { putBack: { ...putBack, by: "\u001b[31mann" } });
    assert.ok(!plan(asksGreen, words).refusals.join().includes("\u001b"));
    const unknown = put({}, { putBack: { ...putBack, version: "" } });
    assert.equal(plan(asksGreen, unknown).refusals.length, 1, "nobody knows the release that was left");
  });

  test("another release on it may go, and so may anything where live is not well", () => {
    const mended = withSlot("green", { version: "2.0.1" }, asksGreen);
    assert.deepEqual(plan(mended, put()).refusals, []);
    assert.match(plan(mended, put()).notes.join(), /green gets another release/);
    const image = withSlot("green", { image: "shop@sha256:1" }, asksGreen);
    assert.deepEqual(plan(image, put()).refusals, []);
    for (const state of [ill, { ...running, Running: false, Status: "exited" }]) {
      const slots = { blue: [containerOf("blue", onBlue, { state })], green: [containerOf("green", onBlue)] };
      assert.deepEqual(plan(asksGreen, put({ slots })).refusals, []);
    }
  });

  test("where live does not answer its health path, a run may go forward to it again", () => {
    const answering = (well: boolean) => {
      const world = put();
      const answer = { well, status: well ? 200 : 503, seen: well ? "200" : "503" };
      // What the other color answers is no matter.
      const health = { blue: answer, green: { well: false, status: 503, seen: "503" } };
      return { ...world, serving: { ...servedBy(onBlue), ...world.serving, health } };
    };
    assert.deepEqual(plan(asksGreen, answering(false)).refusals, []);
    assert.equal(plan(asksGreen, answering(true)).refusals.length, 1);
  });

  test("the run that agrees says so, and has the cutover run also where Pulumi's state says the same already", () => {
    const { refusals, warnings, mend } = plan(onBlue, put());
    assert.deepEqual([refusals, mend], [[], `put back by hand after ${latest.time}`]);
    assert.match(warnings.join(), /put back from green to blue by hand, by ann@web at .*: this run has Pulumi agree/);
  });

  test("a canary that no run has carried out yet does not begin with what was left, in the run that agrees", () => {
    const { canaryPercent, warnings } = plan({ ...onBlue, canaryPercent: 10 }, put());
    assert.equal(canaryPercent, 0);
    assert.match(warnings.join(), /was put back from green, by ann@web .*: canaryPercent 10 gives it no visitors/);
  });

  test("a canary that was ended by hand begins no other one by the same setting", () => {
    const settings = { ...onBlue, canaryPercent: 10 };
    const world = put({}, { putBack: { ...putBack, canaryPercent: 10 }, endedCanary: 10 });
    const { canaryPercent, refusals, warnings } = plan(settings, world);
    assert.deepEqual([canaryPercent, refusals], [0, []]);
    assert.match(warnings.join(), /canary of green was ended by hand, by ann@web .*pulumi config set canaryPercent 0/);
  });
});

describe("gates with the engine elsewhere", () => {
  test("with the engine elsewhere, a gate command that would ask this machine is refused, in a preview and without an engine too", () => {
    const gated = { ...toGreen, gateCommand: "npm test" };
    const refusal = (host: string, port: number) =>
      `gateCommand would ask http://127.0.0.1:${port} on this machine, but the engine is at ${host}: what answers there may be something ` +
      "else. Nothing was touched. Next: pulumi config set targetHost <the host at which this machine reaches the engine's loopback " +
      "ports, as by a tunnel; `localhost` where the tunnel begins here>; or pulumi config rm gateCommand";
    const elsewhere: [dockerHost: string, host: string][] = [
      ["ssh://host", "host"],
      ["ssh://me@docker.example:2222", "docker.example"],
      ["tcp://10.0.0.7:2376", "10.0.0.7"],
      ["tcp://[fd00::7]:2376", "[fd00::7]"],
      ["https://docker.example/path", "docker.example"],
      ["ssh://localhost.example", "localhost.example"],
      ["ssh://127.0.0.1@docker.example", "docker.example"],
    ];
    for (const [dockerHost, host] of elsewhere) {
      for (const world of [emptyWorld, after(sampleSettings)]) {
        for (const preview of [false, true]) {
          assert.deepEqual(plan(gated, world, { dockerHost, preview }).refusals, [refusal(host, 5002)], dockerHost);
        }
      }
      const blue = { ...gated, activeColor: "blue" } as const;
      assert.deepEqual(plan(blue, { unknown: true, reason: "x" }, { dockerHost, preview: true }).refusals, [
        refusal(host, 5001),
      ]);
      // Another host on purpose, the beginning of a tunnel among them; and without a gate command nothing is asked.
      for (const targetHost of ["localhost", "127.0.0.2", "docker.example"]) {
        assert.deepEqual(plan({ ...gated, targetHost }, emptyWorld, { dockerHost }).refusals, [], targetHost);
      }
      assert.deepEqual(plan(toGreen, emptyWorld, { dockerHost }).refusals, []);
    }
    const here = [
      "unix:///var/run/docker.sock",
      "npipe:////./pipe/docker_engine",
      "",
      "tcp://:2375",
      "tcp://localhost:2375",
    ];
    for (const dockerHost of [
      ...here,
      "tcp://127.0.0.1:2375",
      "tcp://127.1.2.3",
      "ssh://me@LOCALHOST",
      "tcp://[::1]:2375",
    ]) {
      assert.deepEqual(plan(gated, emptyWorld, { dockerHost }).refusals, [], dockerHost);
    }
    assert.deepEqual(plan(gated, emptyWorld).refusals, []);
  });
});

describe("what a switch says", () => {
  test("a switch is said with what comes before and after it", () => {
    const note = (settings: Partial<Settings>) =>
      plan({ ...withSlot("green", { version: "2.0.0" }, toGreen), ...settings }, after(sampleSettings)).notes;
    const move = "The public moves from blue (1.0.0) to green (2.0.0), after its health,";
    const [smokeTest] = sampleSettings.smokeTests as [Settings["smokeTests"][0]];
    assert.deepEqual(note({}), [`${move} 1 smoke test, and is watched there for 10 s.`]);
    assert.deepEqual(note({ bakeSeconds: 0 }), [`${move} 1 smoke test.`]);
    assert.deepEqual(note({ bakeSeconds: 0, smokeTests: [] }), [
      "The public moves from blue (1.0.0) to green (2.0.0), after its health.",
    ]);
    assert.deepEqual(note({ smokeTests: [smokeTest, smokeTest], gateCommand: "npm test", bakeSeconds: 60 }), [
      `${move} 2 smoke tests, the gate command, and is watched there for 60 s.`,
    ]);
  });

  test("a smoke test for releases of app/ alone is not counted where the color gets somebody else's image", () => {
    const [builtOnly] = sampleSettings.smokeTests as [Settings["smokeTests"][0]];
    const { builtOnly: _, ...always } = builtOnly;
    const how = (image: string | undefined, smokeTests: Settings["smokeTests"], more: Partial<Settings> = {}) => {
      const settings = withSlot(
        "green",
        { version: "2.0.0", ...(image && { image }) },
        { ...toGreen, smokeTests, ...more },
      );
      return /, (after .*?)(?:, and is watched.*)?\.$/.exec(plan(settings, after(sampleSettings)).notes.join())?.[1];
    };
    assert.equal(builtOnly.builtOnly, true);
    assert.equal(how(undefined, [builtOnly]), "after its health, 1 smoke test");
    assert.equal(how("nginx:1.30.6", [builtOnly]), "after its health");
    assert.equal(how("nginx:1.30.6", [builtOnly], { gateCommand: "true" }), "after its health, the gate command");
    assert.equal(how("nginx:1.30.6", [builtOnly, always]), "after its health, 1 smoke test");
    assert.equal(how(undefined, [builtOnly, always]), "after its health, 2 smoke tests");
    // What `npm run release` pushed is of app/, by the repository that it goes to.
    const registry = "registry.example/team/shop";
    assert.equal(how(`${registry}:2.0.0`, [builtOnly], { registry }), "after its health, 1 smoke test");
    assert.equal(how(`${registry}-web:2.0.0`, [builtOnly], { registry }), "after its health");
    // A canary is said the same way.
    const settings = withSlot("green", { image: "nginx:1.30.6" });
    assert.deepEqual(plan(sharing(5, settings), after(settings)).notes, [
      "green (1.0.0) gets 5 % of the new visitors (0 % now), after its health, and is watched there for 10 s.",
    ]);
    // A container that runs tells better than its image's name: it has the hash of app/.
    const release = containerOf("green", settings, { source: "0123456789ab" });
    const world = after(settings);
    assert.deepEqual(plan(sharing(5, settings), { ...world, slots: { ...world.slots, green: [release] } }).notes, [
      "green (1.0.0) gets 5 % of the new visitors (0 % now), after its health, 1 smoke test, and is watched there for 10 s.",
    ]);
  });

  test("a switch back to the stable color of before is at once; anything else about it goes through the gates", () => {
    const stable = (ids: string[], green: Partial<SlotContainer> = {}): World => {
      const world = after(sampleSettings);
      const serving = servedBy(sampleSettings);
      return {
        ...world,
        slots: { ...world.slots, green: [containerOf("green", sampleSettings, green)] },
        serving: { ...serving, record: { ...serving.record, stable: { green: ids } } },
      };
    };
    const atOnce = [
      "The public moves from blue (1.0.0) to green (1.0.0), at once: green was stable and its container is the same.",
    ];
    assert.deepEqual(plan(toGreen, stable(["green-1"])).notes, atOnce);
    assert.deepEqual(plan({ ...toGreen, gateCommand: "npm test", bakeSeconds: 60 }, stable(["green-1"])).notes, atOnce);
    // A change of both colors that the live one has already, and green had not taken, stays behind.
    const more = { ...sampleSettings, memoryMb: 512 };
    const lagging = stable(["green-1"]);
    const blue = containerOf("blue", more);
    const decided = plan({ ...toGreen, memoryMb: 512 }, { ...lagging, slots: { ...lagging.slots, blue: [blue] } });
    assert.deepEqual([decided.keep.green, decided.pending, decided.notes], [true, ["memoryMb 256 -> 512"], atOnce]);
    assert.match(
      decided.warnings.join(),
      /green goes live again as it was: it does not take memoryMb 256 -> 512, which blue/,
    );
    // Another container than the one that was stable, or one that this run replaces.
    for (const decided of [
      plan(toGreen, stable(["green-0"])),
      plan({ ...toGreen, replicas: 2 }, stable(["green-1"])),
      plan(toGreen, stable([])),
      plan({ ...toGreen, memoryMb: 512 }, stable(["green-1"])),
      plan({ ...toGreen, secretEnvironment: { TOKEN: "hunter2" } }, stable(["green-1"])),
      plan(withSlot("green", { version: "2.0.0" }, toGreen), stable(["green-1"])),
    ]) {
      assert.match(decided.notes.join("\n"), /, after its health, 1 smoke test, and is watched there for 10 s\.$/m);
    }
  });

  test("in the first run nobody can be shared with, and the setting says so until it counts", () => {
    const decided = plan(sharing(5), emptyWorld);
    assert.deepEqual([decided.canaryPercent, decided.refusals, decided.notes], [0, [], []]);
    assert.deepEqual(decided.warnings, ["Nobody is served yet: canaryPercent 5 counts from the next `pulumi up` on."]);
    // Without an engine nobody knows, and the preview shows what the setting asks for.
    assert.equal(plan(sharing(5), { unknown: true, reason: "x" }, { preview: true }).canaryPercent, 5);
  });
});

describe("a canary, policies and the passphrase", () => {
  test("a canary is said with what comes before and after it: gates before the first percent, the watch after each step", () => {
    const said = (from: number, to: number, change: Partial<Settings> = {}) => {
      const settings = { ...withSlot("green", { version: "2.0.0" }), ...change };
      const decided = plan(sharing(to, settings), after(sharing(from, settings)));
      assert.deepEqual(
        [decided.refusals, decided.warnings, decided.canaryPercent, decided.mend],
        [[], [], to, undefined],
      );
      assert.deepEqual(decided.keep, { blue: true, green: false, proxy: true });
      return decided.notes;
    };
    assert.deepEqual(said(0, 5), [
      "green (2.0.0) gets 5 % of the new visitors (0 % now), after its health, 1 smoke test, and is watched there for 10 s.",
    ]);
    assert.deepEqual(said(0, 5, { bakeSeconds: 0, gateCommand: "true" }), [
      "green (2.0.0) gets 5 % of the new visitors (0 % now), after its health, 1 smoke test, the gate command.",
    ]);
    assert.deepEqual(said(5, 20), [
      "green (2.0.0) gets 20 % of the new visitors (5 % now), and is watched there for 10 s.",
    ]);
    assert.deepEqual(said(20, 5), ["green (2.0.0) gets 5 % of the new visitors (20 % now)."]);
    assert.deepEqual(said(20, 0), ["green (2.0.0) gets no visitors any more (20 % now)."]);
    assert.deepEqual(said(5, 5), []);
    assert.deepEqual(said(0, 0), []);
  });

  test("policies refuses a run without the policy pack, a blind preview too, and lets the way back through", () => {
    const strict: Settings = { ...sampleSettings, policies: true };
    const seen =
      "The setting policies is true, but this run has no policy pack: PULUMI_OPTION_POLICY_PACK is not set (--policy-pack is not seen here)";
    const refusal = `${seen}. Nothing was touched. Next: source .envrc, then the same command again`;
    const blind = { unknown: true, reason: "no engine" } as const;
    for (const world of [emptyWorld, after(strict)]) assert.deepEqual(plan(strict, world).refusals, [refusal]);
    assert.deepEqual(plan(strict, blind, { preview: true }).refusals, [refusal]);
    assert.deepEqual(plan(strict, after(strict), { policyPack: true }).refusals, []);
    assert.deepEqual(plan(sampleSettings, after(sampleSettings)).refusals, []);

    const stable = (ids: string[]) => ({
      ...after(strict),
      serving: { ...servedBy(strict), record: { stable: { blue: ["blue-1"], green: ids } } },
    });
    const toStable = plan({ ...strict, activeColor: "green" }, stable(["green-1"]));
    assert.deepEqual(toStable.refusals, []);
    assert.deepEqual(toStable.warnings, [`${seen}. The way back goes on without it. Afterwards: source .envrc`]);
    assert.deepEqual(plan({ ...strict, activeColor: "green" }, stable([])).refusals, [refusal]);
  });

  test("a receiver of alerts without the Prometheus that sends them is a warning, which does not show it", () => {
    const alertReceiver = { webhook_configs: [{ url: "https://planted.example/" }] };
    const warned = (monitoring: "off" | "metrics" | "on") =>
      plan({ ...sampleSettings, monitoring, alertReceiver }, after(sampleSettings)).warnings;
    for (const monitoring of ["off", "metrics"] as const)
      assert.deepEqual(warned(monitoring), [
        `alertReceiver is set, but monitoring is ${monitoring}: nobody sends alerts. Next: pulumi config set monitoring on, or ` +
          "without alerts: pulumi config rm alertReceiver",
      ]);
    assert.deepEqual(warned("on"), []);
    assert.deepEqual(plan(sampleSettings, after(sampleSettings)).warnings, []);
  });

  test("secrets under an empty passphrase are a warning in each run, and with policies a refusal for all but the way back", () => {
    const seen = "The stack's passphrase is empty: whoever can read its file can read its secrets";
    const next =
      "npm run passphrase, then: source .envrc; for a state outside of this folder: pulumi stack change-secrets-provider passphrase";
    const open = { openSecrets: true, policyPack: true };
    for (const world of [after(sampleSettings), emptyWorld]) {
      const warned = plan(sampleSettings, world, open);
      assert.deepEqual([warned.refusals, warned.warnings], [[], [`${seen}. Next: ${next}`]]);
    }
    const strict = { ...sampleSettings, policies: true };
    const refusal = `${seen}, which the setting policies forbids. Nothing was touched. Next: ${next}`;
    assert.deepEqual(plan(strict, after(strict), open).refusals, [refusal]);
    assert.deepEqual(plan(strict, emptyWorld, open).refusals, [refusal]);
    assert.deepEqual(plan(strict, after(strict), { policyPack: true }).refusals, []);

    const record = { stable: { blue: ["blue-1"], green: ["green-1"] } };
    const back = plan(
      { ...strict, activeColor: "green" },
      { ...after(strict), serving: { ...servedBy(strict), record } },
      open,
    );
    assert.deepEqual(back.refusals, []);
    assert.deepEqual(back.warnings, [
      `${seen}. The way back goes on, although the setting policies is true. Afterwards: ${next}`,
    ]);
  });

  test("in a narrow terminal the preview of a cutover says how its steps can be seen, and nothing else does", () => {
    const switching: Settings = { ...withSlot("green", { version: "2.0.0" }), activeColor: "green" };
    const told = (settings: Settings, change: Partial<Situation>) =>
      plan(settings, after(withSlot("green", { version: "2.0.0" })), { preview: true, ...change }).notes.filter(
        (note) => note.includes("columns"),
      );
    const note = (columns: number) => [
      `In ${columns} columns Pulumi's display has no room for the steps (gate, watch, drain): pulumi up --diff shows each as a line.`,
    ];
    assert.deepEqual(told(switching, { columns: 80 }), note(80));
    assert.deepEqual(told({ ...switching, activeColor: "blue", canaryPercent: 5 }, { columns: 119 }), note(119));
    assert.deepEqual(told(switching, { columns: 120 }), []);
    assert.deepEqual(told(switching, {}), [], "no terminal");
    assert.deepEqual(told(switching, { columns: 80, preview: false }), [], "too late");
    assert.deepEqual(told({ ...switching, activeColor: "blue" }, { columns: 80 }), [], "nothing moves");
  });

  test("canaryFirst refuses a switch to what has had no visitors, and lets everything else through", () => {
    const careful: Settings = { ...withSlot("green", { version: "2.0.0" }), canaryFirst: true };
    const switching: Settings = { ...careful, activeColor: "green" };
    const refusal = (share: number, version = "2.0.0") =>
      `green (${version}) has had no visitors as a canary yet, which canaryFirst asks for before a switch. Nothing was touched. ` +
      "Next: pulumi config set activeColor blue && pulumi up, which makes green ready; " +
      `then pulumi config set canaryPercent ${share} && pulumi up; when it was well: pulumi config set activeColor green && pulumi up. ` +
      "Or without it: pulumi config set canaryFirst false";
    const remembering = (record: Serving["record"], change: Partial<World> = {}) => {
      const world = after(careful, change);
      return { ...world, serving: { ...servedBy(careful), record } };
    };
    const stable = { blue: ["blue-1"] };
    const refusals = (settings: Settings, world: World) => plan(settings, world).refusals;

    assert.deepEqual(refusals(switching, after(careful)), [refusal(5)]);
    assert.deepEqual(refusals({ ...switching, canaryFirst: false }, after(careful)), []);
    // The share that the switch before has ended would begin nothing.
    assert.deepEqual(refusals(switching, remembering({ stable, endedCanary: 5 })), [refusal(10)]);
    assert.deepEqual(refusals(switching, remembering({ stable, tried: ["green-1"] })), []);
    assert.deepEqual(refusals(switching, remembering({ stable, tried: ["green-0"] })), [refusal(5)]);
    // What goes live must be what was tried: not another release in the same run, nor the same one with another environment.
    const tried = remembering({ stable, tried: ["green-1"] });
    const next = { ...withSlot("green", { version: "3.0.0" }, switching) };
    assert.deepEqual(refusals(next, tried), [refusal(5, "3.0.0")]);
    assert.deepEqual(refusals({ ...switching, environment: { A: "1" } }, tried), [refusal(5)]);
    // The way back is never blocked, whatever both take along.
    const back = remembering({ stable: { ...stable, green: ["green-1"] } });
    assert.deepEqual(refusals(switching, back), []);
    assert.deepEqual(refusals({ ...switching, memoryMb: 512 }, back), []);
    assert.deepEqual(refusals(next, back), [refusal(5, "3.0.0")]);
    // Also to what was removed, where it was live before.
    const removed = (stableThen: boolean) =>
      remembering(
        {
          stable,
          retired: { color: "green", how: "removed", version: "2.0.0", image: "", ...(stableThen && { stable: true }) },
        },
        { slots: { blue: [containerOf("blue", careful)], green: [] } },
      );
    assert.deepEqual(refusals(switching, removed(true)), []);
    assert.deepEqual(refusals(switching, removed(false)), [refusal(5)]);
    assert.deepEqual(refusals(next, removed(true)), [refusal(5, "3.0.0")]);
    // And never away from what is not well: nobody is served by waiting.
    const ill = { ...running, Health: { Status: "unhealthy" } };
    for (const blue of [[], [containerOf("blue", careful, { state: ill })]]) {
      const world = after(careful, { slots: { blue, green: [containerOf("green", careful)] } });
      assert.deepEqual(refusals(switching, world), []);
    }
    // As where none of its containers answers its health path.
    const answering = (...seen: string[]) => {
      const world = after(careful);
      const blue = seen.map((_, at) => containerOf("blue", careful, { id: `blue-${at + 1}`, replica: at + 1 }));
      const health = Object.fromEntries(
        seen.map((text, at) => [
          at === 0 ? "blue" : `blue-${at + 1}`,
          { well: text === "200", status: Number(text) || 0, seen: text },
        ]),
      );
      return { ...world, slots: { ...world.slots, blue }, serving: { ...servedBy(careful), health } };
    };
    assert.deepEqual(refusals(switching, answering("503")), []);
    assert.deepEqual(refusals(switching, answering("no answer", "503")), []);
    assert.deepEqual(refusals(switching, answering("200")), [refusal(5)]);
    assert.deepEqual(refusals(switching, answering("503", "200")), [refusal(5)]);
    // No switch, no canary.
    assert.deepEqual(refusals(careful, after(careful)), []);
    assert.deepEqual(refusals(switching, emptyWorld), []);
  });
});

describe("a color with visitors", () => {
  test("a switch ends the canary, whatever the setting says, and the setting of before begins no other one after it", () => {
    const settings = sharing(5, toGreen);
    const decided = plan(settings, after(sharing(5)));
    assert.deepEqual([decided.canaryPercent, decided.refusals], [0, []]);
    assert.deepEqual(decided.warnings, [
      "The switch ends the canary: all visitors move to green. Afterwards: pulumi config set canaryPercent 0",
    ]);
    assert.match(decided.notes.join(), /^The public moves from blue \(1\.0\.0\) to green/);

    const switched = after(toGreen);
    const ended = (endedCanary: number) => ({
      ...switched,
      serving: { ...servedBy(toGreen), record: { stable: { green: ["green-1"] }, endedCanary } },
    });
    const next = plan(settings, ended(5));
    assert.deepEqual([next.canaryPercent, next.notes, next.mend, next.refusals], [0, [], undefined, []]);
    assert.deepEqual(next.warnings, [
      "canaryPercent 5 was green's before the switch; blue gets no visitors by it. Next: pulumi config set canaryPercent 0",
    ]);
    // Another value is another canary, and so is the same one after 0.
    assert.equal(plan(sharing(6, toGreen), ended(5)).canaryPercent, 6);
    assert.equal(plan(settings, switched).canaryPercent, 5);
    assert.deepEqual(plan(toGreen, ended(5)).warnings, []);
  });

  test("the generation that is asked for is the one of the share that the plan has decided on, not of the setting's", () => {
    const asked: number[] = [];
    const generation = ({ canaryPercent }: Asked) => {
      asked.push(canaryPercent);
      return "g";
    };
    plan(sharing(5, toGreen), after(sampleSettings), { generation });
    plan(sharing(5), after(sampleSettings), { generation });
    assert.deepEqual(asked, [0, 5]);
  });

  test("another release of a color with visitors is refused, with the way to bring it there", () => {
    for (const [change, seen] of [
      [{ version: "2.0.0" }, "greenVersion 1.0.0 -> 2.0.0"],
      [{ image: "shop:2" }, "greenImage (none) -> shop:2"],
    ] as const) {
      for (const share of [5, 20]) {
        const decided = plan(sharing(share, withSlot("green", change)), after(sharing(5)));
        assert.deepEqual(decided.refusals, [
          `green has 5 % of the new visitors, and this would replace its container under them (${seen}). Nothing was touched. ` +
            "Next: pulumi config set canaryPercent 0 && pulumi up, which gives it the release; then raise canaryPercent again",
        ]);
      }
    }
    // With the visitors' end it may come at once, and together with the first percent it is there before them.
    const release = withSlot("green", { version: "2.0.0" });
    assert.deepEqual(plan(release, after(sharing(5))).refusals, []);
    assert.deepEqual(plan(sharing(5, release), after(sampleSettings)).refusals, []);
  });

  test("what both colors share does not reach a color with visitors, which keeps what it runs and where it is asked", () => {
    const settings = { ...sharing(20), memoryMb: 512, appPort: 5055, healthPath: "/ready" };
    const decided = plan(settings, after(sharing(5)));
    assert.deepEqual([decided.refusals, decided.mend], [[], undefined]);
    assert.deepEqual(decided.keep, { blue: true, green: true, proxy: true });
    assert.partialDeepStrictEqual(decided.runs.green, { version: "1.0.0", appPort: 5000, healthPath: "/healthz" });
    assert.ok(
      decided.warnings.includes(
        "green has 5 % of the new visitors and keeps what it runs. It takes appPort 5000 -> 5055, healthPath /healthz -> /ready, " +
          "memoryMb 256 -> 512 without them.",
      ),
      decided.warnings.join("\n"),
    );
  });

  test("a color whose visitors' time is over is replaced only after they have left it: a run of the cutover sees to it", () => {
    const ending = { ...sampleSettings, memoryMb: 512 };
    const decided = plan(ending, after(sharing(5)));
    assert.equal(decided.mend, "retire green after 2026-01-02T03:04:05.678Z");
    assert.deepEqual([decided.keep.green, decided.refusals], [false, []]);
    assert.ok(
      decided.warnings.includes("green is replaced (memoryMb 256 -> 512): its visitors move to blue before."),
      decided.warnings.join("\n"),
    );
    assert.deepEqual(decided.notes, ["green (1.0.0) gets no visitors any more (5 % now)."]);
  });

  test("sessions that hold are said and ended before their color is replaced, and left alone otherwise", () => {
    const sticky: Settings = { ...sampleSettings, stickySessions: "cookie" };
    const until = NOW.getTime() / 1000 + 60;
    const release = withSlot("green", { version: "2.0.0" }, sticky);
    const decided = plan(release, heldUntil(until, sticky));
    assert.equal(decided.mend, "retire green after 2026-01-02T03:04:05.678Z");
    assert.deepEqual(decided.warnings, [
      "green is replaced (greenVersion 1.0.0 -> 2.0.0): its sessions, which would hold until 2026-01-02T04:01:00.000Z, move to blue before.",
    ]);
    assert.deepEqual([decided.refusals, decided.notes], [[], []]);
    // Nothing is replaced, nothing holds any more, or nothing ever did.
    assert.deepEqual(
      [plan(sticky, heldUntil(until, sticky)).mend, plan(sticky, heldUntil(until, sticky)).warnings],
      [undefined, []],
    );
    for (const over of [until - 60, until - 61, 0, undefined]) {
      const later = plan(release, heldUntil(over, sticky));
      assert.deepEqual([later.mend, later.warnings], [undefined, []], String(over));
    }
    // A switch away from blue keeps it anyway, and one that leaves green has the gate look at it.
    assert.equal(plan({ ...release, activeColor: "green" }, heldUntil(until, sticky)).mend, undefined);
  });

  test("why a color is retired wins over why the cutover would run otherwise: both are said, and one run does both", () => {
    const sticky: Settings = { ...sampleSettings, stickySessions: "cookie" };
    const world = heldUntil(NOW.getTime() / 1000 + 60, sticky);
    const edited = { ...world, serving: { ...(world.serving as Serving), edited: true } };
    const decided = plan(withSlot("green", { version: "2.0.0" }, sticky), edited);
    assert.match(decided.mend ?? "", /^retire green after /);
    assert.match(decided.warnings.join("\n"), /move to blue before\.\n[\s\S]*this run puts it right\./);
  });

  test("whatever its share: a color is never replaced while visitors are sent to it, and an ended share says so once", () => {
    const share = fc.constantFrom(0, 5, 20);
    fc.assert(
      fc.property(
        ...([share, share, fc.constantFrom("1.0.0", "2.0.0"), fc.constantFrom(256, 512), fc.boolean()] as const),
        fc.constantFrom(undefined, 0, -60, 60),
        fc.constantFrom(...COLORS),
        (has, asked, version, memoryMb, sticky, hold, active) => {
          const before: Settings = { ...sharing(has), stickySessions: sticky ? "cookie" : "none" };
          const base: Settings = { ...before, canaryPercent: asked, memoryMb, activeColor: active };
          const settings = withSlot("green", { version }, base);
          const until = hold === undefined ? undefined : hold === 0 ? 0 : NOW.getTime() / 1000 + hold;
          const decided = plan(settings, heldUntil(until, before));
          const replaced = version !== "1.0.0" || memoryMb !== 256;
          const gets = active === "green" ? 0 : asked;
          assert.equal(decided.canaryPercent, gets);
          if (active === "green") return;
          const refused = decided.refusals.length > 0;
          const retired = decided.mend?.startsWith("retire green") === true;
          if (has > 0 && replaced) assert.ok(Number(refused) + Number(decided.keep.green) + Number(retired) === 1);
          else assert.deepEqual([refused, decided.keep.green], [false, false]);
          if (retired) assert.ok(gets === 0 && replaced && (has > 0 || (sticky && (hold ?? 0) > 0)));
          assert.equal(decided.notes.length, has === gets ? 0 : 1);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("whatever runs and whatever is asked", () => {
  test("whatever runs and whatever is asked: live is kept, or refused, or replaced as allowLiveReplace says; idle is kept on the way back alone", () => {
    const seen = { kept: 0, refused: 0, replaced: 0 };
    fc.assert(
      fc.property(anySettings, anyWorld, fc.boolean(), (settings, world, preview) => {
        const decided = plan(settings, world, { preview });
        const { keep, refusals, warnings, notes, pending, runs } = decided;
        assert.doesNotMatch([...refusals, ...warnings, ...notes, ...pending].join("\n"), new RegExp(SECRETS.join("|")));

        const live = "unknown" in world ? undefined : world.serving?.color;
        assert.equal(decided.first, live === undefined);
        const back = live !== undefined && keep[other(live)];
        for (const color of COLORS) assert.ok(!keep[color] || color === live || back, `${color} is kept`);
        if ("unknown" in world || live === undefined) {
          assert.deepEqual([pending, decided.mend, runs], [[], undefined, runsOf(settings)]);
          return;
        }
        assert.equal(notes.length, settings.activeColor === live ? 0 : 1);
        if (back) {
          assert.equal(settings.activeColor, other(live));
          // One that has ended since is not what was stable.
          const isUp = world.slots[other(live)].every(({ state }) => state.Running);
          assert.match(notes.join(), isUp ? /, at once: / : /, after its health/);
          return;
        }
        assert.deepEqual(runs[other(live)], runsOf(settings)[other(live)]);

        const [container] = world.slots[live];
        if (container === undefined) return;
        const { own, shared } = specDifferences(live, container, {
          made: slotsOf(settings)[live],
          environment: environmentOf(settings),
        });
        const refused = refusals.some((refusal) => refusal.startsWith(`${live} is live`));
        assert.ok(!(keep[live] && refused));
        if (keep[live]) {
          seen.kept += 1;
          assert.deepEqual(pending, [...own, ...shared]);
          assert.equal(runs[live].version, container.version);
          assert.equal(runs[live].appPort, container.made.appPort ?? settings.appPort);
          assert.equal(runs[live].healthPath, container.made.healthPath ?? settings.healthPath);
        } else if (refused) {
          seen.refused += 1;
          assert.ok(own.length > 0 && settings.activeColor === live && !settings.allowLiveReplace);
        } else {
          seen.replaced += 1;
          assert.ok(own.length + shared.length > 0 && settings.activeColor === live && settings.allowLiveReplace);
          assert.match(warnings.join("\n"), /is replaced in place/);
        }
      }),
      { numRuns: 2000 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: ${count}`);
  });
});

describe("the idle color, stopped or removed", () => {
  test("the idle color is stopped or removed by the first run at least so long after the switch, and the time is told before", () => {
    const settings = idling();
    const stays = (minute: string, does = "stops") => ({
      ...{ idle: "running", asked: 1, containers: 1, warnings: [], mend: undefined },
      notes: [`green stays up while it is idle for 60 minutes: the first \`pulumi up\` after ${minute} ${does} it.`],
    });
    const early = (world: World, change: Partial<Situation> = {}, more: Partial<Settings> = {}) =>
      idleIn(plan(idling(more), world, change));
    assert.deepEqual(
      early(hourAgo(settings), { now: new Date("2026-01-02T03:59:59.999Z") }),
      stays("2026-01-02T04:00Z"),
    );
    const none = { now: new Date("2026-01-02T03:59:59.999Z") };
    assert.deepEqual(early(hourAgo(settings), none, { idle: "removed" }), stays("2026-01-02T04:00Z", "removes"));
    const is = (idle: "stopped" | "removed", containers: number, more = "") => ({
      ...{ idle, asked: 0, containers, warnings: [], mend: undefined },
      notes: [`green (1.0.0) is ${idle}${more}: it has been idle for 60 minutes.`],
    });
    assert.deepEqual(early(hourAgo(settings)), is("stopped", 1));
    assert.deepEqual(early(hourAgo(settings), {}, { idle: "removed" }), is("removed", 0, ", and its image stays"));
    assert.equal(plan(idling({ idle: "running" }), hourAgo(settings)).idle, "running");

    // What has happened to it since then counts as well; a minute is rounded up.
    const { record } = hourAgo(settings).serving ?? assert.fail();
    const until = Date.parse("2026-01-02T03:30:00Z") / 1000;
    const sessions = { blue: { word: "blue-word" }, green: { word: "green-word", until } };
    const tried = { ...latest, time: "2026-01-02T03:20:00.001Z" };
    for (const [world, minute] of [
      [hourAgo(settings, {}, [{ created: "2026-01-02T03:10:00.5Z" }]), "2026-01-02T04:11Z"],
      [hourAgo(settings, {}, [{}, { replica: 2, created: "2026-01-02T03:10:00Z" }]), "2026-01-02T04:10Z"],
      [hourAgo(settings, { history: [{ ...tried, to: "green", result: "refused" }] }), "2026-01-02T04:21Z"],
      [hourAgo(settings, { history: [{ ...tried, result: "canary", canaryPercent: 5 }] }), "2026-01-02T04:21Z"],
      [hourAgo(settings, { record: { ...record, sessions } }), "2026-01-02T04:30Z"],
      // A stack of a version that wrote no such time.
      [hourAgo(settings, { record: { stable: record.stable }, history: [tried] }), "2026-01-02T04:21Z"],
    ] as const) {
      assert.match(plan(settings, world).notes.join(), new RegExp(`after ${minute} stops it`));
    }
    // A reload says nothing of the idle color.
    assert.equal(plan(settings, hourAgo(settings, { history: [tried] })).idle, "stopped");
  });

  test("the idle color stays up where visitors, a switch or another release need it, and where no time is known", () => {
    const settings = idling({ idleAfterMinutes: 0 });
    const world = hourAgo(settings);
    for (const change of [
      { activeColor: "green" as const },
      { canaryPercent: 5 },
      { memoryMb: 512 },
      withSlot("green", { version: "2.0.0" }),
    ]) {
      const { idle, runs, containers } = plan({ ...settings, ...change, idle: "removed", idleAfterMinutes: 0 }, world);
      assert.deepEqual([idle, runs.green.replicas, containers.green], ["running", 1, 1]);
    }
    const garbage = hourAgo(settings, { record: { stable: { blue: ["blue-1"] }, since: "?" }, history: [] }, [
      { created: "long ago" },
    ]);
    assert.equal(plan(settings, garbage).idle, "running");
  });

  test("a color that is stopped or removed stays so until it is wanted, and is no fault", () => {
    const settings = idling({ idleAfterMinutes: 1000 });
    const exited = { state: { ...running, Running: false, Status: "exited" } };
    const retired = (how: "stopped" | "removed", green: Partial<SlotContainer>[]) => {
      const release = { color: "green", how, version: "1.0.0", image: "" } as const;
      const world = hourAgo(settings, {}, green);
      const { serving = assert.fail() } = world;
      const runs = runsOf(settings);
      const asked = { runs: { ...runs, green: { ...runs.green, replicas: 0 } }, canaryPercent: 0 };
      const generation = generationIn("blue", asked);
      const replicas = { blue: 1, green: 0 };
      const record = { ...serving.record, retired: release };
      return { ...world, serving: { ...serving, generation, declared: generation, replicas, record } };
    };
    const quiet = { asked: 0, notes: [], warnings: [], mend: undefined };
    assert.deepEqual(idleIn(plan(settings, retired("stopped", [exited]))), {
      ...quiet,
      idle: "stopped",
      containers: 1,
    });
    const removed = idling({ idle: "removed", idleAfterMinutes: 1000 });
    assert.deepEqual(idleIn(plan(removed, retired("removed", []))), { ...quiet, idle: "removed", containers: 0 });
    // What is gone can't be stopped; what is stopped can be removed.
    assert.equal(plan(settings, retired("removed", [])).idle, "removed");
    assert.equal(plan(removed, retired("stopped", [exited])).containers.green, 0);
    // No more of it are made before it comes up.
    assert.equal(plan({ ...settings, replicas: 3 }, retired("stopped", [exited])).containers.green, 1);

    for (const another of [{ version: "2.0.0" }, { image: "shop:2" }]) {
      const release = { ...withSlot("green", another, settings), idle: "removed" as const };
      assert.deepEqual(
        [plan(release, retired("removed", [])).idle, plan(release, retired("removed", [])).containers.green],
        ["running", 1],
      );
    }
    const byHand = plan(settings, retired("stopped", [{}]));
    assert.deepEqual([byHand.idle, byHand.mend], ["stopped", "green runs after 2026-01-02T03:00:00.000Z"]);
    assert.match(
      byHand.warnings.join(),
      /^green was stopped and runs again: this run stops it\. To have it run: pulumi config set idle running$/,
    );

    const up = plan(idling({ idle: "running" }), retired("stopped", [exited]));
    assert.deepEqual([up.notes, up.warnings], [["green was stopped and comes up again, as the idle color."], []]);
    const { serving, ...rest } = retired("stopped", [exited]);
    const back = {
      ...rest,
      serving: { ...serving, record: { ...serving.record, stable: { blue: ["blue-1"], green: ["green-1"] } } },
    };
    assert.match(
      plan({ ...settings, activeColor: "green" }, back).notes.join("\n"),
      /to green \(1\.0\.0\), after its health, 1 smoke test, and is watched there for 10 s; it was stopped and comes up first\.$/m,
    );
  });
});

describe("several containers of a color", () => {
  test("containers of a color that are not there or do not run are told with how many others serve", () => {
    const settings = { ...sampleSettings, replicas: 3 };
    const exited = { state: { ...running, Running: false, Status: "exited" } };
    const world = (...blue: Partial<SlotContainer>[]): World => {
      const each = (color: Color, list: Partial<SlotContainer>[]) =>
        list.map((more, at) => {
          const name = `blue-green-dev-${color}${at === 0 ? "" : `-${at + 1}`}`;
          return containerOf(color, settings, { id: `${color}-${at + 1}`, name, replica: at + 1, ...more });
        });
      const serving = servedBy(settings);
      const record = { stable: { blue: ["blue-1", "blue-2", "blue-3"] } };
      return {
        ...after(settings),
        slots: { blue: each("blue", blue), green: each("green", [{}, {}, {}]) },
        serving: { ...serving, record },
      };
    };
    const warned = (...blue: Partial<SlotContainer>[]) => plan(settings, world(...blue)).warnings.join();
    assert.equal(warned({}, {}, {}), "");
    assert.equal(
      warned({}, exited, {}),
      "blue is live, but blue-2 of its 3 containers is exited: the others serve the public. This run starts it",
    );
    assert.equal(
      warned({}),
      "blue is live, but blue-2, blue-3 of its 3 containers are gone: the others serve the public. This run makes them again",
    );
    assert.match(
      warned(exited, exited, exited),
      /: the public gets errors\. This run starts it; or: pulumi config set activeColor green && pulumi up, which moves/,
    );
    // Of an idle color's, one that does not answer is told by its name.
    const { serving, ...rest } = world({}, {}, {});
    const well = { well: true, status: 200, seen: "200" };
    const health = { blue: well, green: well, "green-2": { well: false, status: 503, seen: "503" }, "green-3": well };
    assert.match(
      plan(settings, { ...rest, serving: { ...servedBy(settings), ...serving, health } }).warnings.join(),
      /^green is idle, and green-2 of its 3 containers does not answer its health path \(503\): it is no way back\. Next: docker logs --tail 30 blue-green-dev-green-2; /,
    );
    // Those of a scale that has not taken place are missed by nobody.
    const more = plan({ ...settings, replicas: 5 }, world({}, {}, {}));
    assert.deepEqual([more.warnings, more.containers], [[], { blue: 5, green: 5 }]);
    assert.deepEqual(more.notes, [
      "blue gets 5 containers (3 now); those that stay are not touched.",
      "green gets 5 containers (3 now); those that stay are not touched.",
    ]);
  });
});

describe("whatever runs: what is stopped or removed", () => {
  test("whatever runs and whatever is asked: nothing is stopped or removed but an idle color without visitors", () => {
    const seen = { running: 0, stopped: 0, removed: 0 };
    const anyMore = fc.record({
      replicas: fc.integer({ min: 1, max: 3 }),
      idle: fc.constantFrom("running" as const, "stopped" as const, "removed" as const),
      idleAfterMinutes: fc.constantFrom(0, 60),
      canaryPercent: fc.constantFrom(0, 5),
    });
    const anyColor = (color: Color) =>
      fc
        .array(
          fc.record({
            settings: anySettings,
            created: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T03:59:00Z", "?"),
          }),
          { maxLength: 3 },
        )
        .map((list) =>
          list.map(({ settings, created }, at) =>
            containerOf(color, settings, { id: `${color}-${at + 1}`, replica: at + 1, created }),
          ),
        );
    const anyRetired = fc.option(
      fc.record({
        color: fc.constantFrom(...COLORS),
        how: fc.constantFrom("stopped" as const, "removed" as const),
        version: fc.constantFrom("1.0.0", "2.0.0"),
        image: fc.constantFrom("", "shop:1"),
      }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        anySettings,
        anyMore,
        anySettings,
        anyColor("blue"),
        anyColor("green"),
        anyRetired,
        fc.boolean(),
        (asked, more, served, blue, green, retired, same) => {
          const settings = { ...asked, ...more };
          // Otherwise almost every color would have to be made anew.
          const made = (color: Color, list: SlotContainer[]) =>
            same
              ? list.map((container) => ({
                  ...containerOf(color, settings),
                  id: container.id,
                  replica: container.replica,
                }))
              : list;
          const serving = servedBy(served);
          const record = { ...serving.record, ...(retired && { retired }) };
          const { activeColor } = settings;
          const { idle, runs, containers, canaryPercent } = plan(settings, {
            ...after(served),
            slots: { blue: made("blue", blue), green: made("green", green) },
            serving: { ...serving, record },
          });
          const { replicas } = settings;
          assert.deepEqual([runs[activeColor].replicas, containers[activeColor]], [replicas, replicas]);
          const other = activeColor === "blue" ? "green" : "blue";
          seen[idle] += 1;
          assert.equal(runs[other].replicas, idle === "running" ? replicas : 0);
          assert.ok(containers[other] <= replicas && (containers[other] === 0) === (idle === "removed"));
          if (idle !== "running") {
            assert.notEqual(settings.idle, "running");
            assert.deepEqual([serving.color, canaryPercent], [activeColor, 0]);
          }
        },
      ),
      { numRuns: 2000 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `${what}: ${count}`);
  });
});
