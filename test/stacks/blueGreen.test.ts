import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { orderFrom } from "../../cutover/order";
import { BlueGreen, type BlueGreenArgs } from "../../stacks/blueGreen";
import type { Docker } from "../../stacks/engine/docker";
import { readScript } from "../../stacks/engine/scripts";
import type { GatewayNetwork } from "../../stacks/gateway/network";
import { lastSaid } from "../../stacks/hooks";
import { hasRelease } from "../../stacks/plan/images";
import { type Color, other } from "../../stacks/service/color";
import { healthIn } from "../../stacks/service/configuration";
import { orderVariables } from "../../stacks/service/orderVariables";
import { generationOf, type HistoryEntry, READ } from "../../stacks/service/serving";
import type { World } from "../../stacks/service/world";
import type { Settings } from "../../stacks/settings/settings";
import { slotSpecOf } from "../../stacks/slot";
import {
  after,
  allEnded,
  answering,
  COMMAND,
  CONTAINER,
  empty,
  errorOf,
  hold,
  hooks,
  IMAGE,
  listen,
  made,
  make,
  type Options,
  one,
  options,
  optionsOf,
  outputsOf,
  owner,
  promiseOf,
  RESOURCES,
  render,
  TOLD,
} from "./blueGreen.mocks";
import { stubDocker } from "./engine/docker.stub";
import { sampleSettings } from "./settings/settings.sample";

describe("what a service is made of", () => {
  test("exactly one network, one volume, three images, three containers and two commands are made", async () => {
    await make();
    assert.deepEqual(made.map(({ type, name }) => `${type} ${name}`).sort(), [
      "command:local:Command cutover",
      "command:local:Command network",
      `${CONTAINER} blue`,
      `${CONTAINER} green`,
      `${CONTAINER} proxy`,
      "docker:index/network:Network service",
      `${IMAGE} blue`,
      `${IMAGE} green`,
      `${IMAGE} proxy`,
      "docker:index/volume:Volume proxy",
    ]);
  });

  test("the two colors are equal but for name, color, version, port and image", async () => {
    const settings = {
      slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "2.0.0", port: 5002 } },
      environment: { SHOP: "42" },
    };
    await make(settings);
    const own = (color: Color, version: string, port: number) => {
      const { name, image, envs, labels, ports, networksAdvanced, ...rest } = one(CONTAINER, color);
      assert.equal(name, `blue-green-dev-${color}`);
      assert.equal(image, `sha256:${color}`);
      assert.deepEqual(envs, [`COLOR=${color}`, "DRAIN_SECONDS=27", "PORT=5000", "SHOP=42"]);
      assert.deepEqual(ports, [{ internal: 5000, external: port, ip: "127.0.0.1" }]);
      assert.deepEqual(networksAdvanced, [{ name: "blue-green-dev", aliases: [color] }]);
      const slot = slotSpecOf(color, { ...sampleSettings, ...settings });
      assert.deepEqual(labels, [
        { label: "blue-green.build", value: "built" },
        { label: "blue-green.color", value: color },
        { label: "blue-green.project", value: "blue-green" },
        { label: "blue-green.replica", value: "1" },
        { label: "blue-green.role", value: "slot" },
        { label: "blue-green.slot", value: JSON.stringify(slot) },
        { label: "blue-green.stack", value: "dev" },
        { label: "blue-green.version", value: version },
      ]);
      return rest;
    };
    assert.deepEqual(own("blue", "1.0.0", 5001), own("green", "2.0.0", 5002));
  });

  test("every container is without privileges, read-only, bounded in memory and restarted", async () => {
    await make();
    for (const name of ["blue", "green", "proxy"]) {
      const container = one(CONTAINER, name);
      assert.equal(container.readOnly, true);
      assert.deepEqual(container.securityOpts, ["no-new-privileges"]);
      assert.equal(container.memory, name === "proxy" ? 1024 : 256);
      assert.equal(container.restart, "unless-stopped");
      assert.equal(container.logDriver, "local");
      assert.equal(container.privileged, undefined);
      assert.equal(container.networkMode, undefined);
      // The proxy asks for health, so that a container costs nothing at rest; its image's own check is left alone.
      assert.equal("healthcheck" in container, false);
    }
    assert.deepEqual(one(CONTAINER, "blue").capabilities, { drops: ["ALL"] });
    assert.deepEqual(one(CONTAINER, "proxy").capabilities, {
      drops: ["ALL"],
      adds: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"],
    });
  });

  test("a color is given the time that the settings say, its server a little less, and the public's port is the proxy's alone", async () => {
    await make({ stopGraceSeconds: 77, bindAddress: "0.0.0.0", httpPort: 80 });
    assert.equal(one(CONTAINER, "blue").stopTimeout, 77);
    assert.equal(one(CONTAINER, "blue").destroyGraceSeconds, 77);
    assert.ok((one(CONTAINER, "blue").envs as string[]).includes("DRAIN_SECONDS=74"));
    assert.deepEqual(one(CONTAINER, "proxy").ports, [{ internal: 8080, external: 80, ip: "0.0.0.0" }]);
  });

  test("no container mounts a file of this machine", async () => {
    await make();
    for (const name of ["blue", "green"]) assert.equal(one(CONTAINER, name).volumes, undefined);
    assert.deepEqual(one(CONTAINER, "proxy").volumes, [
      { volumeName: "blue-green-dev-proxy", containerPath: "/var/lib/blue-green" },
    ]);
    for (const name of ["blue", "green", "proxy"]) {
      assert.equal(one(CONTAINER, name).mounts, undefined);
      assert.equal(one(CONTAINER, name).uploads, undefined);
    }
  });
});

describe("a color's image", () => {
  test("an image is tagged by stack, color, version and sources, and carries what it was built from", async () => {
    const built = { version: "1.0.0", source: "0123456789ab", base: "python:2", reused: false };
    await make({}, { ...empty, built: { blue: [built], green: [] } });
    assert.deepEqual(one(IMAGE, "blue"), {
      name: "blue-green-dev-blue:1.0.0-0123456789ab",
      keepLocally: true,
      build: {
        context: "app",
        buildArgs: { BASE_IMAGE: "python:2", VERSION: "1.0.0" },
        label: {
          "blue-green.base": "python:2",
          "blue-green.color": "blue",
          "blue-green.project": "blue-green",
          "blue-green.role": "slot",
          "blue-green.source": "0123456789ab",
          "blue-green.stack": "dev",
          "blue-green.version": "1.0.0",
        },
      },
    });
  });

  test("a version that is there already is taken as it is, by name, and not built again", async () => {
    const built = { version: "1.0.0", source: "0123456789ab", base: "python:2", reused: true };
    await make({}, { ...empty, built: { blue: [built], green: [] } });
    assert.deepEqual(one(IMAGE, "blue"), { name: "blue-green-dev-blue:1.0.0-0123456789ab", keepLocally: true });
    const labels = one(CONTAINER, "blue").labels as { label: string; value: string }[];
    assert.ok(labels.some(({ label, value }) => label === "blue-green.build" && value === "reused"));
  });

  test("a color with an image of its own is not built", async () => {
    await make({ slots: { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "shop:2" } } });
    assert.deepEqual(one(IMAGE, "green"), { name: "shop:2", keepLocally: true, pullTriggers: ["2.0.0"] });
    // A digest never names another image.
    const image = `shop@sha256:${"ab".repeat(32)}`;
    await make({ slots: { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image } } });
    assert.deepEqual(one(IMAGE, "green"), { name: image, keepLocally: true });
  });

  test("a tag is asked again when the version changes, and by no run that keeps the release, as the way back does", () => {
    const latest = (version: string) => ({
      slots: { ...sampleSettings.slots, green: { version, port: 5002, image: "shop:latest" } },
    });
    const made = { version: "1.0.0", image: "shop:latest", definition: "x" };
    const world = { slots: { blue: [], green: [{ made }] }, built: { blue: [], green: [] } } as unknown as World;
    assert.equal(hasRelease(world, "green", latest("1.0.0")), true);
    assert.equal(hasRelease(world, "green", latest("1.1.0")), false);
    assert.equal(hasRelease({ ...world, slots: { blue: [], green: [] } }, "green", latest("1.0.0")), false);
    const retired = { color: "green", how: "removed", version: "1.0.0", image: "shop:latest" };
    const removed = { ...world, slots: { blue: [], green: [] }, serving: { record: { retired } } } as unknown as World;
    assert.equal(hasRelease(removed, "green", latest("1.0.0")), true);
    assert.equal(hasRelease(removed, "green", latest("1.1.0")), false);
    assert.equal(hasRelease({ unknown: true, reason: "" }, "green", latest("1.1.0")), true);
  });
});

describe("a color's container", () => {
  test("an environment with a secret value is secret; one without is readable", async () => {
    await make({ environment: { A: "plain" }, secretEnvironment: { B: "hidden" } });
    // How the SDK marks a secret on its way to the engine.
    const { "4dabf18193072939515e22adb298388d": mark, value } = one(CONTAINER, "blue").envs as Record<string, unknown>;
    assert.equal(mark, "1b47061264138c4ac30d75fd1eb44270");
    assert.deepEqual(value, ["A=plain", "B=hidden", "COLOR=blue", "DRAIN_SECONDS=27", "PORT=5000"]);
    await make({ environment: { A: "plain" } });
    assert.deepEqual(one(CONTAINER, "blue").envs, ["A=plain", "COLOR=blue", "DRAIN_SECONDS=27", "PORT=5000"]);
  });

  test("what a container was made from is on it by name, without any value of an environment", async () => {
    await make({ environment: { A: "plain" }, secretEnvironment: { B: "hidden" }, memoryMb: 512 });
    const labels = one(CONTAINER, "green").labels as { label: string; value: string }[];
    const { definition, ...slot } = JSON.parse(labels.find(({ label }) => label === "blue-green.slot")?.value ?? "");
    assert.deepEqual(slot, {
      ...{
        version: "1.0.0",
        image: "",
        port: 5002,
        appPort: 5000,
        healthPath: "/healthz",
        memoryMb: 512,
        stopGraceSeconds: 30,
      },
      ...{ environment: ["A"], secretEnvironment: ["B"] },
    });
    assert.match(definition, /^[0-9a-f]{12}$/);
    assert.doesNotMatch(JSON.stringify(labels), /plain|hidden/);
  });

  test("what a container says of itself is the same text to the byte as in earlier versions, so that no container is replaced for it", () => {
    assert.equal(
      JSON.stringify(slotSpecOf("blue", sampleSettings)),
      '{"version":"1.0.0","image":"","port":5001,"appPort":5000,"healthPath":"/healthz","memoryMb":256,"stopGraceSeconds":30,' +
        '"environment":[],"secretEnvironment":[],"definition":"0ec5770eeaaf"}',
    );
    const slots = { ...sampleSettings.slots, green: { version: "1.2", image: "shop:2", port: 6001 } };
    const environments = { environment: { B: "1", A: "2" }, secretEnvironment: { T: "hidden" } };
    assert.equal(
      JSON.stringify(slotSpecOf("green", { ...sampleSettings, slots, ...environments })),
      '{"version":"1.2","image":"shop:2","port":6001,"appPort":5000,"healthPath":"/healthz","memoryMb":256,"stopGraceSeconds":30,' +
        '"environment":["A","B"],"secretEnvironment":["T"],"definition":"0ec5770eeaaf"}',
    );
  });

  test("a setting that is named changes nothing of the hash over the rest, and neither does the color", () => {
    const definition = (settings: Partial<Settings>, color: Color = "blue") =>
      slotSpecOf(color, { ...sampleSettings, ...settings }).definition;
    const slots = { blue: { version: "9", port: 9, image: "x" }, green: { version: "8", port: 8 } };
    const others = { slots, appPort: 1, healthPath: "/x", memoryMb: 1, stopGraceSeconds: 1, environment: { A: "1" } };
    assert.equal(definition({ ...others, secretEnvironment: { B: "2" } }), definition({}));
    assert.equal(definition({}, "green"), definition({}));
  });
});

describe("the cutover's command", () => {
  test("the cutover is one constant command; everything else travels on standard input and in the environment", async () => {
    await make({
      activeColor: "green",
      dockerHost: "ssh://host",
      targetHost: "fd00::7",
      gateCommand: "npm run 'e 2 e' $X",
      maxP95Seconds: 0.25,
    });
    const { create, stdin, environment, ...rest } = one(COMMAND, "cutover");
    assert.equal(create, "node --require ./setup/bundle.cjs cutover/main.ts");
    assert.equal(stdin, render({ ...sampleSettings, activeColor: "green" }));
    assert.deepEqual(environment, {
      ...orderVariables({
        PROXY: "proxy-id",
        PROJECT: "blue-green",
        STACK: "dev",
        SERVICE: "",
        HEALTH_TIMEOUT_SECONDS: "60",
        SMOKE_TESTS: JSON.stringify(sampleSettings.smokeTests),
        GATE_COMMAND: "npm run 'e 2 e' $X",
        GATE_TIMEOUT_SECONDS: "300",
        TARGET_HOST: "fd00::7",
        VERIFY_REQUESTS: "8",
        BAKE_SECONDS: "10",
        MAX_ERROR_PERCENT: "1",
        MIN_REQUESTS: "20",
        MAX_P95_SECONDS: "0.25",
        CANARY_PERCENT: "0",
        STICKY_SECONDS: "0",
        DRAIN_SECONDS: "60",
        KEEP_ALIVE_SECONDS: "10",
        IDLE: "running",
        // Set where there is none as well, so that none is inherited.
        ...{ FILE_TESTER: "", FILE_MAINTENANCE: "", FILE_TLSCERTIFICATE: "", FILE_TLSKEY: "", NOTIFY: "", MEND: "" },
      }),
      DOCKER_CONTEXT: "default",
      DOCKER_HOST: "ssh://host",
    });
    // Neither triggers, which would replace it, nor anything that runs when it goes.
    assert.deepEqual(rest, { addPreviousOutputInEnv: false });
    assert.deepEqual(optionsOf(COMMAND, "cutover").hooks, TOLD);
  });

  test("what the command is given is what the cutover reads, each setting where it belongs", async () => {
    const settings: Settings = {
      ...sampleSettings,
      ...{
        activeColor: "green",
        appPort: 5055,
        healthPath: "/ready",
        healthTimeoutSeconds: 61,
        gateTimeoutSeconds: 301,
      },
      ...{ verifyRequests: 9, bakeSeconds: 0, maxErrorPercent: 1.5, minRequests: 21, maxP95Seconds: 0.25 },
      gateCommand: "npm run 'e 2 e'\n$X",
      targetHost: "engine.example",
    };
    const asked = (host: Color) => ({ port: 5055, path: "/ready", host, scheme: "http", statuses: "200-299" });
    await make(settings);
    const { stdin, environment } = one(COMMAND, "cutover");
    assert.deepEqual(orderFrom(environment as NodeJS.ProcessEnv, String(stdin)), {
      ...{ owner, proxy: "proxy-id", configuration: render(settings), generation: generationOf(render(settings)) },
      ...{
        target: "green",
        health: { blue: asked("blue"), green: asked("green") },
        healthTimeoutSeconds: 61,
        verifyRequests: 9,
        bakeSeconds: 0,
      },
      ...{ smokeTests: settings.smokeTests, gateCommand: settings.gateCommand, gateTimeoutSeconds: 301 },
      targetHost: "engine.example",
      limits: { maxErrorPercent: 1.5, minRequests: 21, maxP95Seconds: 0.25 },
      ...{
        canaryPercent: 0,
        canarySetting: 0,
        replicas: { blue: 1, green: 1 },
        monitored: false,
        sessions: false,
        files: {},
        receiver: undefined,
      },
      ...{ stickySeconds: undefined, retire: undefined, idle: "running", drainSeconds: 60, keepAliveSeconds: 10 },
    });
    await make();
    const plain = one(COMMAND, "cutover");
    assert.equal(orderFrom(plain.environment as NodeJS.ProcessEnv, String(plain.stdin)).gateCommand, "");
  });

  test("how long sessions stay travels only where they do, and the canary's setting whether or not it counts", async () => {
    await make({ stickySessions: "none", stickySeconds: 77, canaryPercent: 7 });
    assert.partialDeepStrictEqual(
      one(COMMAND, "cutover").environment,
      orderVariables({ STICKY_SECONDS: "0", CANARY_PERCENT: "7" }),
    );
    assert.doesNotMatch(
      String(one(COMMAND, "cutover").stdin),
      /split_clients|sessions\.conf/,
      "in the first run it does not",
    );
    await make({ stickySessions: "cookie", stickySeconds: 77 });
    assert.partialDeepStrictEqual(
      one(COMMAND, "cutover").environment,
      orderVariables({ STICKY_SECONDS: "77", CANARY_PERCENT: "0" }),
    );
    assert.match(String(one(COMMAND, "cutover").stdin), /include \/var\/lib\/blue-green\/sessions\.conf;/);
  });
});

describe("what waits for what", () => {
  test("a color that is to get visitors is there before them, and holds up nothing once it gets none", async () => {
    const waitsFor = (type: string, name: string, dependency: string) =>
      optionsOf(type, name).dependencies.includes(dependency);
    for (const [canaryPercent, world] of [
      [5, after({})],
      [5, after({ canaryPercent: 5 })],
      [20, after({ canaryPercent: 5 })],
    ] as const) {
      await make({ canaryPercent }, world);
      for (const color of ["blue", "green"]) {
        assert.ok(waitsFor(COMMAND, "cutover", `${CONTAINER} ${color}`), color);
        assert.ok(!waitsFor(CONTAINER, color, `${COMMAND} cutover`), color);
      }
      assert.match(String(one(COMMAND, "cutover").stdin), new RegExp(`^ *${canaryPercent}% 1;$`, "m"));
    }
    for (const [settings, world] of [
      [{}, after({ canaryPercent: 5 })],
      [{ canaryPercent: 5, activeColor: "green" }, after({ canaryPercent: 5 })],
      [{ canaryPercent: 5 }, empty],
    ] as const) {
      await make(settings, world);
      const idle = other(("activeColor" in settings && settings.activeColor) || "blue");
      assert.ok(!waitsFor(COMMAND, "cutover", `${CONTAINER} ${idle}`));
      assert.ok(waitsFor(CONTAINER, idle, `${COMMAND} cutover`));
      assert.doesNotMatch(String(one(COMMAND, "cutover").stdin), /split_clients/);
    }
  });

  test("what both colors share waits where the idle one has visitors: it is kept as it is", async () => {
    await make({ canaryPercent: 20, memoryMb: 512 }, after({ canaryPercent: 5 }));
    for (const color of ["blue", "green"]) assert.ok(optionsOf(CONTAINER, color).ignoreChanges.includes("*"), color);
  });
});

describe("who gets word of a cutover", () => {
  test("address and key are secrets of the command's alone, in one variable, and the cutover reads them", async () => {
    const notifyUrl = "https://hooks.example/hunter2";
    await make({ notifyUrl, notifyKind: "otlp", notifySecret: "hunter2-of-a-collector" });
    const { stdin, environment } = one(COMMAND, "cutover");
    // The mocks show one secret value as a secret map.
    const { "4dabf18193072939515e22adb298388d": mark, value: variables } = environment as Record<string, unknown>;
    assert.equal(mark, "1b47061264138c4ac30d75fd1eb44270");
    const { BLUE_GREEN_NOTIFY, ...rest } = variables as Record<string, string>;
    for (const { inputs, type } of made)
      assert.doesNotMatch(JSON.stringify(type === COMMAND ? [stdin, rest] : inputs), /hunter2/, type);
    assert.deepEqual(orderFrom(variables as NodeJS.ProcessEnv, String(stdin)).receiver, {
      ...{ kind: "otlp", url: notifyUrl, secret: "hunter2-of-a-collector" },
    });
    assert.equal(typeof BLUE_GREEN_NOTIFY, "string");
  });
});

describe("the testers' token", () => {
  test("the testers' token is a secret of the command's alone: no diff, label or other container shows it", async () => {
    const testerToken = "hunter2.hunter2-hunter2";
    await make({ testerToken, maintenance: true });
    const { stdin, environment } = one(COMMAND, "cutover");
    // The mocks show one secret value as a secret map.
    const { "4dabf18193072939515e22adb298388d": mark, value: variables } = environment as Record<string, unknown>;
    assert.equal(mark, "1b47061264138c4ac30d75fd1eb44270");
    const { BLUE_GREEN_FILE_TESTER: value, BLUE_GREEN_FILE_MAINTENANCE, ...rest } = variables as Record<string, string>;
    const [, name = ""] =
      /include \/var\/lib\/blue-green\/files\/(tester-[0-9a-f]{16}\.conf);/.exec(String(stdin)) ?? [];
    assert.ok(String(value).startsWith(`${name}\n`));
    assert.match(String(value), /hunter2\\\.hunter2-hunter2/);
    for (const { inputs, type } of made) {
      const shown = type === COMMAND ? [stdin, rest, BLUE_GREEN_FILE_MAINTENANCE] : inputs;
      assert.doesNotMatch(JSON.stringify(shown), /hunter2/, type);
    }
    // The page is nobody's secret, and stands in the diff.
    const page = readFileSync(join(__dirname, "..", "..", "nginx", "maintenance.html"), "utf8");
    assert.match(String(BLUE_GREEN_FILE_MAINTENANCE), /^maintenance-[0-9a-f]{16}\.html\n/);
    assert.ok(String(BLUE_GREEN_FILE_MAINTENANCE).endsWith(`\n${page}`));
    assert.equal(typeof stdin, "string", "the configuration itself is readable");

    const order = orderFrom(
      { ...rest, BLUE_GREEN_FILE_TESTER: value, BLUE_GREEN_FILE_MAINTENANCE } as NodeJS.ProcessEnv,
      String(stdin),
    );
    assert.deepEqual(Object.values(order.files).at(-1), page);
    for (const file of Object.keys(order.files)) assert.ok(String(stdin).includes(file), file);
  });

  test("a token changes nothing of the containers, and a run that has it already changes nothing at all", async () => {
    await make();
    const without = ["blue", "green", "proxy"].map((name) => one(CONTAINER, name));
    await make({
      testerToken: "hunter2.hunter2-hunter2",
      maintenance: true,
      canaryPercent: 5,
      stickySessions: "cookie",
    });
    assert.deepEqual(
      ["blue", "green", "proxy"].map((name) => one(CONTAINER, name)),
      without,
    );
  });
});

describe("where and when the cutover runs", () => {
  test("the cutover asks a color where it runs: a new one as the settings have it, a kept one as it was made", async () => {
    const moved = { appPort: 5055, healthPath: "/ready" };
    await make(moved, after({}));
    const kept = one(COMMAND, "cutover");
    const askedIn = (command: Record<string, unknown>, color: Color) => healthIn(String(command.stdin), color);
    assert.partialDeepStrictEqual(askedIn(kept, "blue"), { port: 5000, path: "/healthz" });
    assert.partialDeepStrictEqual(askedIn(kept, "green"), { port: 5055, path: "/ready" });
    assert.match(
      String(kept.stdin),
      /server blue:5000 resolve;[\s\S]*server green:5055 resolve;[\s\S]*http:\/\/blue\/healthz;[\s\S]*http:\/\/green\/ready;/,
    );
    await make({ ...moved, activeColor: "green" }, after({}));
    const switched = one(COMMAND, "cutover");
    assert.partialDeepStrictEqual(askedIn(switched, "blue"), { port: 5000, path: "/healthz" });
    assert.partialDeepStrictEqual(askedIn(switched, "green"), { port: 5055, path: "/ready" });
    assert.match(String(switched.stdin), /server blue:5000 resolve;[\s\S]*server green:5055 resolve;/);
  });

  test("a cutover that runs for no other reason is told one that is new each time; its going away is no change", async () => {
    await make({}, after({}));
    assert.deepEqual(optionsOf(COMMAND, "cutover").ignoreChanges, ["environment.BLUE_GREEN_MEND"]);
    assert.equal((one(COMMAND, "cutover").environment as Record<string, string>).BLUE_GREEN_MEND, "");

    const world = after({});
    await make({}, { ...world, serving: { ...(world.serving as NonNullable<World["serving"]>), edited: true } });
    assert.deepEqual(optionsOf(COMMAND, "cutover").ignoreChanges, []);
    assert.equal(
      (one(COMMAND, "cutover").environment as Record<string, string>).BLUE_GREEN_MEND,
      "edited after nothing",
    );
  });

  test("what is kept ignores every change, and what is not follows every change by replacement", async () => {
    const expected = (keep: boolean): Partial<Options> => ({
      ignoreChanges: keep ? ["*", "memorySwap"] : ["memorySwap"],
      replaceOnChanges: ["*"],
      deleteBeforeReplace: true,
    });
    const assertKept = (...kept: string[]) => {
      for (const name of ["blue", "green", "proxy"]) {
        assert.partialDeepStrictEqual(optionsOf(CONTAINER, name), expected(kept.includes(name)), name);
      }
      for (const color of ["blue", "green"]) {
        assert.deepEqual(optionsOf(IMAGE, color).ignoreChanges, kept.includes(color) ? ["*"] : [], color);
      }
    };
    await make();
    assertKept();
    await make({ memoryMb: 512 }, after({}));
    assertKept("blue", "proxy");
    await make({ activeColor: "green" }, after({}));
    assertKept("blue", "proxy");
    await make({ activeColor: "green" }, after({ activeColor: "green" }));
    assertKept("green", "proxy");
    await make({ memoryMb: 512, allowLiveReplace: true }, after({}));
    assertKept("proxy");
    await make({ httpPort: 9090, allowProxyReplace: true }, after({}));
    assertKept("blue");
  });
});

describe("the order of a run", () => {
  test("the public is moved after the proxy and the color that it is moved to are there; the other color holds up nothing", async () => {
    for (const [active, world] of [
      ["blue", empty],
      ["green", empty],
      ["green", after({})],
      ["blue", after({})],
    ] as const) {
      await make({ activeColor: active }, world);
      const { dependencies } = optionsOf(COMMAND, "cutover");
      for (const name of [active, "proxy"])
        assert.ok(dependencies.includes(`${CONTAINER} ${name}`), dependencies.join());
      assert.ok(!dependencies.some((dependency) => dependency.endsWith(` ${other(active)}`)), dependencies.join());
      const waits = (name: string) => optionsOf(CONTAINER, name).dependencies;
      assert.ok(!waits(active).includes(`${COMMAND} cutover`), "the active color does not wait for the cutover");
      assert.ok(!waits("proxy").includes(`${COMMAND} cutover`), "the proxy does not wait for the cutover");
    }
  });

  test("the idle color, image and container, waits for the public to be where it is to go, in every run", async () => {
    // A first run that failed has left a proxy and containers, and nobody was served yet.
    const { serving, ...failed } = after({});
    for (const [active, world] of [
      ["blue", empty],
      ["green", empty],
      ["blue", failed],
      ["blue", after({})],
      ["blue", after({ activeColor: "green" })],
      ["green", after({})],
    ] as const) {
      await make({ activeColor: active }, world);
      for (const type of [IMAGE, CONTAINER]) {
        assert.ok(
          optionsOf(type, other(active)).dependencies.includes(`${COMMAND} cutover`),
          `${type} ${other(active)}`,
        );
        assert.ok(!optionsOf(type, active).dependencies.includes(`${COMMAND} cutover`), `${type} ${active}`);
      }
    }
  });
});

describe("what is secret, and where commands run", () => {
  test("what the cutover writes, the gate command's output with it, is secret in the state", async () => {
    await make({ gateCommand: "env", targetHost: "localhost" });
    assert.deepEqual(optionsOf(COMMAND, "cutover").secretOutputs, ["stdout", "stderr"]);
  });

  test("a gate command and an engine elsewhere, as the settings or DOCKER_HOST have it, need a targetHost", (t) => {
    const { DOCKER_HOST } = process.env;
    t.after(() => {
      if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = DOCKER_HOST;
    });
    const declare = (dockerHost?: string) => {
      const settings = { ...sampleSettings, gateCommand: "true", ...(dockerHost !== undefined && { dockerHost }) };
      return () => new BlueGreen("service", { owner, settings, world: empty, engine: stubDocker({}) });
    };
    delete process.env.DOCKER_HOST;
    assert.throws(declare("ssh://setting"), /but the engine is at setting: /);
    process.env.DOCKER_HOST = "ssh://environment";
    assert.throws(declare(), /but the engine is at environment: /);
    assert.throws(declare("ssh://setting"), /but the engine is at setting: /);
    assert.deepEqual(made, []);
  });
});

describe("a new container's health", () => {
  test("both colors' containers are preceded by a look at their volumes and followed by one at their health, images that aren't built are pulled before, nothing else", async () => {
    const slots = { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "shop:2" } };
    await make({ slots });
    const hooked = [...options].filter(([, { hooks }]) => Object.keys(hooks).length > 0);
    assert.deepEqual(Object.fromEntries(hooked.map(([name, { hooks }]) => [name, hooks])), {
      [`${CONTAINER} blue`]: {
        beforeCreateList: ["service-volumes"],
        afterCreateList: ["service-limit", "service-blue-healthy"],
      },
      [`${CONTAINER} green`]: {
        beforeCreateList: ["service-volumes"],
        afterCreateList: ["service-limit", "service-green-healthy"],
      },
      [`${IMAGE} green`]: { beforeCreateList: ["service-pull"] },
      [`${IMAGE} proxy`]: { beforeCreateList: ["service-pull"] },
      [`${COMMAND} cutover`]: TOLD,
    });
  });

  test("a new container that does not become healthy fails the run, with its log, where the public is and what to type", async () => {
    const { engine } = await make({ secretEnvironment: { DATABASE: "database" }, allowLiveReplace: true }, after({}));
    const { asked } = allEnded(engine);
    const failed =
      "the container blue-green-dev-x ended with exit code 3.\nThe last lines of its log:\n  no [secret]\n";
    const next = (color: Color) =>
      `Next: docker logs blue-green-dev-${color}; then set another ${color}Version or mend the settings, and: pulumi up`;
    assert.equal(
      await errorOf("service-blue-healthy"),
      `blue: ${failed}The public is on this container. ${next("blue")}`,
    );
    assert.equal(await errorOf("service-green-healthy"), `green: ${failed}The public is on blue. ${next("green")}`);
    assert.deepEqual(
      asked.filter(([kind]) => kind === "container"),
      Array(2).fill(["container", "inspect", "g1"]),
    );
  });

  test("a new container is asked by the proxy, by its own name and as the configuration has its color asked", async () => {
    const ask = (proxy: string, ...request: string[]) => [
      ...["exec", proxy, "sh", "-c", readScript("health"), "sh", "1"],
      ...request,
    ];
    // Afterwards nginx is asked whether it reaches the color.
    const reach = (proxy: string) => ["exec", proxy, "sh", "-c", readScript("reach"), "sh", "green"];
    const plain = await make();
    const asked = answering(plain.engine, "well 204");
    assert.equal(await errorOf("service-green-healthy"), undefined);
    assert.equal(await errorOf("service-green-healthy", "green-3"), undefined);
    const rest = ["5000", "/healthz", "green", "http", "200-299"];
    assert.deepEqual(asked, [
      ask("blue-green-dev-proxy", "green", ...rest),
      reach("blue-green-dev-proxy"),
      ask("blue-green-dev-proxy", "green-3", ...rest),
      reach("blue-green-dev-proxy"),
    ]);

    const slots = { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "nginx:1.30.6" } };
    const own = await make({ slots, appPort: 80, healthPath: "/", healthHost: "shop.example" }, after({}));
    const seen = answering(own.engine, "well 301, to /login");
    assert.equal(await errorOf("service-green-healthy"), undefined);
    const redirected = ask("blue-green-dev-proxy", "green", "80", "/", "shop.example", "http", "200-399");
    assert.deepEqual(seen, [redirected, reach("blue-green-dev-proxy")]);

    const shop = await make({ healthStatus: "200-299,401" }, empty, RESOURCES, {
      owner: { ...owner, service: "shop-2" },
    });
    const others = answering(shop.engine, "well 401");
    for (const resource of ["shop-2-green", "shop-2-green-2"])
      assert.equal(await errorOf("shop-2-green-healthy", resource), undefined);
    assert.deepEqual(
      others.filter((args) => args.length > 7).map((args) => [args[1], args[7], args.at(-1)]),
      [
        ["blue-green-dev-shop-2-proxy", "green", "200-299,401"],
        ["blue-green-dev-shop-2-proxy", "green-2", "200-299,401"],
      ],
    );
  });

  test("a new container that does not answer its health path in time fails the run with what was seen", async () => {
    const { engine } = await make({ healthTimeoutSeconds: 1 }, after({}));
    answering(engine, "ill 503");
    assert.match(
      (await errorOf("service-green-healthy")) ?? "",
      /^green: the container blue-green-dev-green is not healthy after 1 s \(setting healthTimeoutSeconds\); its health path says: 503\.\nThe last lines of its log:\n {2}no database\nThe public is on blue\. Next: docker logs blue-green-dev-green; /,
    );
  });

  test("a container to which the configuration sends nobody is not asked", async () => {
    const settings = { idle: "stopped", idleAfterMinutes: 0 } as const;
    const world = after(settings);
    const { serving = assert.fail() } = world;
    const since = "2026-01-01T00:00:00.000Z";
    const { engine } = await make(settings, {
      ...world,
      serving: { ...serving, record: { ...serving.record, since } },
    });
    assert.equal(healthIn(String(one(COMMAND, "cutover").stdin), "green"), undefined);
    const { asked } = allEnded(engine);
    assert.equal(await errorOf("service-green-healthy"), undefined);
    assert.deepEqual(asked, []);
  });

  test("a color that is about to be switched to is left to the cutover, which asks in each run and not in the first one alone", async () => {
    for (const [active, world] of [
      ["green", empty],
      ["green", after({})],
    ] as const) {
      const { engine } = await make({ activeColor: active }, world);
      const { asked } = allEnded(engine);
      assert.equal(await errorOf("service-green-healthy"), undefined);
      assert.deepEqual(asked, []);
      assert.match((await errorOf("service-blue-healthy")) ?? "", /The public is on green\. /);
    }
  });

  test("a release that does not become healthy is a line of the history, with who ran it and why; one that can't be written is warned of", async (t) => {
    const { engine } = await make({ secretEnvironment: { EXIT: "exit code" } }, after({}));
    const { asked, written } = allEnded(engine);
    await errorOf("service-green-healthy");
    const [{ time, seconds, who, ...entry }] = written as [HistoryEntry];
    assert.deepEqual(entry, {
      ...{ result: "unready", from: "blue", to: "green", images: {} },
      versions: { blue: "1.0.0", green: "1.0.0" },
      reason: "the container blue-green-dev-x ended with [secret] 3",
    });
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual([Object.keys(seconds), typeof who?.host], [["health"], "string"]);
    assert.equal(asked.find(([kind]) => kind === "exec")?.[1], "blue-green-dev-proxy");

    const said = listen(t, "warn");
    const { ask } = engine;
    engine.ask = async (...args) => (args[0] === "exec" ? Promise.reject(new Error("disk full")) : ask(...args));
    assert.match((await errorOf("service-green-healthy")) ?? "", /exit code|secret/);
    assert.deepEqual(said, ["the history could not be written: disk full"]);
  });

  test("an image that can't be pulled is a line of the history where it is a color's, and there is a proxy to keep it", async () => {
    const refusing = (engine: Docker) => {
      const { written } = allEnded(engine);
      engine.run = async ([, what]) =>
        what === "inspect"
          ? { code: 1, stdout: "", stderr: "No such image" }
          : { code: 1, stdout: "", stderr: "dial tcp 127.0.0.1:5000: connect: connection refused" };
      return written;
    };
    const slots = { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "127.0.0.1:5000/shop:2" } };
    const { engine } = await make({ slots }, after({}));
    const written = refusing(engine);
    const pull = (resource: string, name: string) =>
      errorOf("service-pull", resource, { name, pullTriggers: ["2.0.0"] });
    const failed = (await pull("green", "127.0.0.1:5000/shop:2")) ?? "";
    assert.match(failed, /127\.0\.0\.1:5000\/shop:2 can't be pulled: /);
    const [{ result, from, to, versions, reason, who }] = written as [HistoryEntry];
    assert.deepEqual([result, from, to, versions.green], ["unready", "blue", "green", "2.0.0"]);
    assert.ok(failed.startsWith(reason ?? "-"), reason);
    assert.equal(typeof who?.host, "string");

    assert.match((await pull("proxy", "127.0.0.1:5000/nginx:2")) ?? "", /nginx:2 can't be pulled/);
    assert.equal(written.length, 1, "the proxy's image is no release");
    const first = refusing((await make({ slots })).engine);
    assert.match((await pull("green", "127.0.0.1:5000/shop:2")) ?? "", /shop:2 can't be pulled/);
    assert.deepEqual(first, []);
  });
});

describe("the end of a run", () => {
  test("who is live stays to be read when the cutover has ended, and nothing else of what it wrote", () => {
    const live = "green is live, from blue and well (gate 1 s)";
    assert.deepEqual(lastSaid(`gate: a\n${live}\n`), { live, untold: [] });
    for (const other of ["green is live, from blue\ngate: a-secret", "a-secret", "", undefined, { secret: 1 }])
      assert.deepEqual(lastSaid(other), { untold: [] });
  });

  test("that nobody got word of the cutover is a warning, behind who is live; that it took long is none", () => {
    const live = "green is live, from blue and well (gate 1 s)";
    const slow = "notifyUrl has not taken word of this cutover yet: it has 5 s";
    const untold = "notifyUrl: it got no word of this cutover, since it answered 500";
    assert.deepEqual(lastSaid(`gate: a\n${live}\n${slow}\n`), { live, untold: [] });
    assert.deepEqual(lastSaid(`notifyUrl: of a gate\n${live}\n${slow}\n${untold}\n`), { live, untold: [untold] });
    assert.deepEqual(lastSaid(`a-secret\n${untold}\n`), { untold: [] });
  });

  test("both are said again when the command has ended, whether or not it was given a secret", async (t) => {
    await make();
    const told = hooks.get("service-told");
    assert.ok(told);
    const live = "green is live, from blue and well (gate 1 s)";
    const untold = "notifyUrl: it got no word of this cutover, since it answered 500";
    for (const stdout of [`${live}\n${untold}\n`, pulumi.secret(`${live}\n${untold}\n`)]) {
      const said = listen(t, "info", "warn");
      await told.callback({ urn: "urn", id: "c1", name: "cutover", type: COMMAND, newOutputs: { stdout } });
      assert.deepEqual(said, [live, untold]);
    }
  });

  test("a failed container's color with an image of its own is given another image too", async () => {
    const slots = { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "shop:2" } };
    const { engine } = await make({ slots, allowLiveReplace: true }, after({}));
    allEnded(engine);
    const next = (release: string) => new RegExp(`; then set another ${release} or mend the settings, and: pulumi up$`);
    assert.match((await errorOf("service-green-healthy")) ?? "", next("greenImage and greenVersion"));
    assert.match((await errorOf("service-blue-healthy")) ?? "", next("blueVersion"));
  });

  test("a new container that is healthy fails nothing", async () => {
    const { engine } = await make();
    answering(engine, "well 200");
    assert.equal(await errorOf("service-green-healthy"), undefined);
  });

  test("a proxy that was replaced on purpose is followed by a word on what it cost the public", async (t) => {
    const { engine } = await make({ httpPort: 9090, allowProxyReplace: true }, after({}));
    assert.deepEqual(optionsOf(COMMAND, "cutover").hooks, {
      ...TOLD,
      afterUpdateList: ["service-told", "service-outage"],
    });
    const said = listen(t, "info");
    let events = `${BigInt(Date.now() - 2500) * 1_000_000n}\n`;
    engine.ask = async () => events;
    assert.equal(await errorOf("service-outage"), undefined);
    events = "";
    assert.equal(await errorOf("service-outage"), undefined);
    assert.match(
      said.join("\n"),
      /^The proxy was replaced; the public got no answer for 2\.[5-9] s\.\nThe proxy was replaced; the public got no answer for an unknown time\.$/,
    );
  });

  test("what the plan has to say is said: what is kept back, and what happens to the public", async (t) => {
    const said = listen(t, "info", "warn");
    await make({ activeColor: "green", memoryMb: 512 }, after({}));
    assert.deepEqual(said, [
      "blue is live and keeps what it runs. It takes memoryMb 256 -> 512 on the next `pulumi up`.",
      "The public moves from blue (1.0.0) to green (1.0.0), after its health, 1 smoke test, and is watched there for 10 s.",
    ]);
  });

  test("the proxy has the last word of a run: it is asked after the cutover, for its health too", async () => {
    const { asked } = await make();
    assert.deepEqual(
      asked.filter((args) => args.includes(READ)),
      [["exec", "-e", "HISTORY=20", "-e", "HEALTH=5", "proxy-id", "sh", "-c", READ]],
    );
    // What Pulumi's state holds by now is noted beside the configuration.
    assert.equal(asked.at(-1)?.at(-1), generationOf(render(sampleSettings)));
  });
});

describe("outputs", () => {
  test("the outputs say where to reach what, and which color is which", async () => {
    const { service } = await make({
      activeColor: "green",
      bindAddress: "::",
      slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "2.0.0", port: 5002 } },
    });
    assert.deepEqual(await outputsOf(service), {
      url: "http://localhost:8080",
      blueUrl: "http://127.0.0.1:5001",
      greenUrl: "http://127.0.0.1:5002",
      activeColor: "green",
      activeVersion: "2.0.0",
      idleColor: "blue",
      idleVersion: "1.0.0",
      pending: [],
    });
  });

  test("outputs other than addresses wait for the cutover, and for the idle color's image where that is taken later", async () => {
    const names = ["activeColor", "activeVersion", "idleColor", "idleVersion", "pending"] as const;
    const cutover = `${COMMAND} cutover`;
    for (const [resource, world, waits] of [
      [cutover, after({}), true],
      [`${IMAGE} green`, after({}), true],
      [cutover, empty, true],
      // In a first run there are no outputs yet that could be true.
      [`${IMAGE} green`, empty, false],
    ] as const) {
      let release = () => {};
      hold(
        resource,
        new Promise((resolve) => {
          release = resolve;
        }),
      );
      const known = (service: BlueGreen) =>
        Promise.all(
          names.map((name) =>
            Promise.race([promiseOf(service[name] as pulumi.Output<unknown>).then(() => true), pause(500, false)]),
          ),
        );
      const { service } = await make({}, world, RESOURCES, {}, async (service) => {
        assert.deepEqual(await known(service), Array(5).fill(!waits), `${resource} ${world === empty}`);
        assert.equal(await promiseOf(service.url), "http://127.0.0.1:8080");
        release();
      });
      assert.deepEqual(await known(service), Array(5).fill(true));
    }
  });

  test("the outputs say what live does not run yet, and the version that it does run", async () => {
    const slots = { blue: { version: "2.0.0", port: 5001 }, green: { version: "3.0.0", port: 5002 } };
    const leaving = await make({ activeColor: "green", slots, memoryMb: 512 }, after({}));
    assert.partialDeepStrictEqual(await outputsOf(leaving.service), {
      ...{ activeColor: "green", activeVersion: "3.0.0", idleColor: "blue", idleVersion: "1.0.0" },
      pending: ["blueVersion 1.0.0 -> 2.0.0", "memoryMb 256 -> 512"],
    });
    const staying = await make({ secretEnvironment: { TOKEN: "hunter2" } }, after({}));
    assert.deepEqual((await outputsOf(staying.service)).pending, ["secretEnvironment.TOKEN"]);
  });
});

describe("refusals", () => {
  test("a refusal of the plan comes before any resource, with every reason", () => {
    const world = after({});
    const slots = { ...sampleSettings.slots, blue: { version: "2.0.0", port: 5001 } };
    const settings = { ...sampleSettings, slots, httpPort: 9090 };
    assert.throws(
      () => new BlueGreen("service", { owner, settings, world, engine: stubDocker({}) }),
      (error: Error) =>
        pulumi.RunError.isInstance(error) &&
        /^This would replace the nginx container .*\nblue is live, and this would replace its container /.test(
          error.message,
        ),
    );
    assert.deepEqual(made, []);
  });
});

describe("several containers of a color", () => {
  test("each container of a color has a name of its own, and only the first one the host's port", async () => {
    await make({ replicas: 3 }, empty, RESOURCES + 4);
    for (const color of ["blue", "green"] as const) {
      const all = [color, `${color}-2`, `${color}-3`].map((name) => one(CONTAINER, name));
      assert.deepEqual(
        all.map(({ name, networksAdvanced, ports }) => [name, networksAdvanced, ports]),
        ["", "-2", "-3"].map((end) => [
          `blue-green-dev-${color}${end}`,
          [{ name: "blue-green-dev", aliases: [`${color}${end}`] }],
          end === "" ? [{ internal: 5000, external: sampleSettings.slots[color].port, ip: "127.0.0.1" }] : undefined,
        ]),
      );
      const replicas = all.map(
        ({ labels }) =>
          (labels as { label: string; value: string }[]).find(({ label }) => label === "blue-green.replica")?.value,
      );
      assert.deepEqual(replicas, ["1", "2", "3"]);
    }
  });

  test("a container that comes beside a live one that lags behind is made of what that one runs, its secrets still secret", async () => {
    const old = { memoryMb: 128, environment: { A: "old" }, secretEnvironment: { B: "hunter2" } };
    const now = { memoryMb: 512, environment: { A: "new", C: "3" }, secretEnvironment: { B: "hunter3" } };
    await make({ ...now, replicas: 2 }, after(old), RESOURCES + 2);
    const { memory, envs, labels } = one(CONTAINER, "blue-2");
    assert.equal(memory, 128);
    assert.match(JSON.stringify(envs), /A=old/);
    assert.doesNotMatch(JSON.stringify([envs, labels]), /hunter3|C=3/);
    assert.doesNotMatch(JSON.stringify(labels), /hunter2/);
    assert.equal(one(CONTAINER, "green-2").memory, 512);
  });

  test("an idle color that is removed has no container, and its image stays as it is", async () => {
    const settings = { idle: "removed", idleAfterMinutes: 0 } as const;
    const world = after(settings);
    const { serving = assert.fail() } = world;
    const since = "2026-01-01T00:00:00.000Z";
    await make(settings, { ...world, serving: { ...serving, record: { ...serving.record, since } } }, RESOURCES - 1);
    assert.ok(!made.some(({ type, name }) => type === CONTAINER && name.startsWith("green")));
    assert.deepEqual(optionsOf(IMAGE, "green").ignoreChanges, ["*"]);
    assert.equal((one(COMMAND, "cutover").environment as Record<string, string>).BLUE_GREEN_IDLE, "removed");
  });
});

describe("one of several services", () => {
  test("one of several services is the same but for its name: in what Pulumi and Docker call its parts, in labels and for the cutover", async () => {
    await make();
    const alone = new Map(made.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]));
    await make({}, empty, RESOURCES, { owner: { ...owner, service: "shop" } });
    assert.deepEqual(made.map(({ type, name }) => `${type} ${name}`).sort(), [
      "command:local:Command shop-cutover",
      "command:local:Command shop-network",
      `${CONTAINER} shop-blue`,
      `${CONTAINER} shop-green`,
      `${CONTAINER} shop-proxy`,
      "docker:index/network:Network shop",
      `${IMAGE} shop-blue`,
      `${IMAGE} shop-green`,
      `${IMAGE} shop-proxy`,
      "docker:index/volume:Volume shop-proxy",
    ]);
    assert.deepEqual([...hooks.keys()].sort(), [
      ...["shop-blue-healthy", "shop-green-healthy", "shop-limit"],
      ...["shop-pull", "shop-start", "shop-told", "shop-volumes"],
    ]);
    const { environment } = one(COMMAND, "shop-cutover");
    assert.equal((environment as Record<string, string>).BLUE_GREEN_SERVICE, "shop");
    assert.deepEqual(orderFrom(environment as NodeJS.ProcessEnv, String(one(COMMAND, "shop-cutover").stdin)).owner, {
      ...owner,
      service: "shop",
    });
    // Without its name, all of it is what it is alone; labels have their own test (names.test.ts).
    const plain = (inputs: string) =>
      JSON.stringify(JSON.parse(inputs), (key, value) => (["labels", "label"].includes(key) ? undefined : value))
        .replaceAll("blue-green-dev-shop", "blue-green-dev")
        .replaceAll("shop-", "")
        .replace('"BLUE_GREEN_SERVICE":"shop"', '"BLUE_GREEN_SERVICE":""');
    for (const { type, name, inputs } of made) {
      const same = alone.get(`${type} ${name === "shop" ? "service" : name.replace("shop-", "")}`) ?? assert.fail(name);
      assert.equal(plain(JSON.stringify(inputs)), plain(same), `${type} ${name}`);
    }
  });

  test("a proxy joins the gateway's network under a name of its service, and believes the gateway alone", async () => {
    const network = { name: pulumi.output("blue-green-dev-gateway") };
    const gateway = { name: "blue-green-dev-gateway", address: "10.213.0.254", network } as unknown as GatewayNetwork;
    await make({}, empty, RESOURCES, { owner: { ...owner, service: "shop" }, gateway });
    assert.deepEqual(one(CONTAINER, "shop-proxy").networksAdvanced, [
      { name: "blue-green-dev-shop" },
      { name: "blue-green-dev-gateway", aliases: ["shop-proxy"] },
    ]);
    const configuration = String(one(COMMAND, "shop-cutover").stdin);
    assert.match(configuration, /set_real_ip_from 10\.213\.0\.254;/);
    assert.match(configuration, /"~\^10\\\.213\\\.0\\\.254 \[0-9a-f\]\{32\}\$" \$http_x_request_id;/);
    await make();
    assert.deepEqual(one(CONTAINER, "proxy").networksAdvanced, [{ name: "blue-green-dev" }]);
    assert.doesNotMatch(String(one(COMMAND, "cutover").stdin), /set_real_ip_from|asked_id/);
  });

  test("arguments that can't be right are refused before anything is declared", () => {
    const refused = (more: Partial<BlueGreenArgs>, settings: Partial<Settings> = {}) => {
      const all = {
        owner,
        settings: { ...sampleSettings, ...settings },
        world: empty,
        engine: stubDocker({}),
        ...more,
      };
      let message = "accepted";
      assert.throws(
        () => new BlueGreen("service", all),
        (error: Error) => {
          message = error.message;
          return true;
        },
      );
      return message;
    };
    const shop = { ...owner, service: "shop" };
    const gateway = { name: "g", address: "10.0.0.254" } as unknown as GatewayNetwork;
    assert.match(refused({ owner: { ...owner, service: "a;b" } }), /^a;b: The service's name "a;b" must be of /);
    assert.match(
      refused({ appDirectory: "nowhere" }),
      /^There is no "nowhere\/Dockerfile" seen from the program's folder/,
    );
    assert.match(
      refused({ owner: shop, appDirectory: "/srv/app" }),
      /^shop: appDirectory is "\/srv\/app", but must be relative/,
    );
    assert.match(refused({ gateway }), /^Only a service with a name can be behind a gateway/);
    const tls = { tlsCertificate: "a", tlsKey: "b" };
    assert.match(refused({ owner: shop, gateway }, tls), /^shop: tlsCertificate is set, but behind a gateway/);
    const long = { ...owner, stack: "x".repeat(60) };
    assert.match(
      refused({ owner: long }, { monitoring: "metrics" }),
      /^monitoring is metrics, but \S+-monitoring-metrics would be the name of a container, .* Nothing was touched\. Next: /,
    );
    assert.deepEqual(made, []);
  });
});

describe("what the provider can't do for a container", () => {
  const slots = { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "shop:2" } };

  test("one whose image has a volume that nothing is mounted on is not made", async () => {
    const { engine } = await make({ slots });
    const asked: string[][] = [];
    engine.run = async (args) => {
      asked.push(args);
      return { code: 0, stdout: '[{"Config":{"Volumes":{"/data":{}}}}]', stderr: "" };
    };
    const message = (await errorOf("service-volumes", "green", { image: "sha256:2" })) ?? "";
    assert.match(message, /^green's image shop:2 keeps its data in \/data \(VOLUME\), and nothing is mounted there: /);
    assert.match(
      message,
      /\nNext: keep it for both colors: pulumi config set --path 'container\.volumes\[0\]' data:\/data && pulumi up; /,
    );
    assert.match(
      (await errorOf("service-volumes", "blue", { image: "sha256:1" })) ?? "",
      /\(built from its Dockerfile\)/,
    );
    assert.deepEqual(
      asked.map((args) => args.at(-1)),
      ["sha256:2", "sha256:1"],
    );

    const meant = await make({ slots, ephemeralVolumes: ["/data"] });
    meant.engine.run = engine.run;
    assert.equal(await errorOf("service-volumes", "green", { image: "sha256:2" }), undefined);
  });

  test("its processes are bounded where the settings or its set say so; an engine that can't is warned of", async (t) => {
    const warned = t.mock.method(pulumi.log, "warn", async () => {});
    const bounds = async (settings: Partial<Settings>, code = 0): Promise<string[][]> => {
      const { engine } = await make({ slots, ...settings });
      const asked: string[][] = [];
      engine.run = async (args) => {
        asked.push(args);
        return { code, stdout: "", stderr: "no cgroup" };
      };
      for (const color of ["blue", "green"]) assert.equal(await errorOf("service-limit", color), undefined);
      return asked;
    };
    const update = (limit: string) => ["container", "update", "--pids-limit", limit, "g1"];
    assert.deepEqual(await bounds({ hardened: true }), []);
    assert.deepEqual(await bounds({}), [update("4096")], "green alone has an image of its own");
    assert.deepEqual(await bounds({ container: { pids_limit: 100 } }), [update("100"), update("100")]);
    assert.equal(warned.mock.callCount(), 0);
    await bounds({ container: { pids_limit: 100 } }, 1);
    assert.match(
      String(warned.mock.calls[0]?.arguments[0]),
      /^blue: the engine did not bound its processes to 100: no cgroup$/,
    );
  });

  test("named volumes are made once, or for each color, and stay when the stack goes", async () => {
    const volumes = {
      volumes: [
        { type: "volume", source: "files", target: "/files" },
        { type: "volume", source: "index", target: "/index", perColor: true },
        { type: "volume", source: "photos", target: "/photos", external: true },
        { type: "bind", source: "/srv", target: "/srv", readOnly: true },
      ],
      tmpfs: {},
    } satisfies NonNullable<Settings["container"]>["volumes"];
    await make({ container: { volumes } }, empty, RESOURCES + 3);
    const names = made.filter(({ type }) => type === "docker:index/volume:Volume").map(({ name }) => name);
    assert.deepEqual(names.sort(), ["blue-data-index", "data-files", "green-data-index", "proxy"]);
    assert.deepEqual(one(CONTAINER, "green").volumes, [
      { containerPath: "/files", volumeName: "blue-green-dev-data-files" },
      { containerPath: "/index", volumeName: "blue-green-dev-green-data-index" },
      { containerPath: "/photos", volumeName: "photos" },
      { containerPath: "/srv", hostPath: "/srv", readOnly: true },
    ]);
  });
});
