import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Color } from "../../stacks/service/color";
import type { HistoryEntry } from "../../stacks/service/serving";
import type { BesideContainer, World } from "../../stacks/service/world";
import { accessorySpec } from "../../stacks/settings/container/named";
import { parseSettings, type Settings } from "../../stacks/settings/settings";
import { slotSpecOf } from "../../stacks/slot";
import { blockNamed, keysOf, mountsOf } from "../../stacks/workers";
import {
  after,
  allEnded,
  COMMAND,
  CONTAINER,
  empty,
  errorOf,
  failed,
  IMAGE,
  listen,
  made,
  make,
  one,
  options,
  optionsOf,
  RESOURCES,
  running,
} from "./blueGreen.mocks";
import { raw } from "./settings/settings.raw";
import { sampleSettings } from "./settings/settings.sample";

/** These settings alone, as the stack's file would have them. */
function settingsOf(values: object): Partial<Settings> {
  const json = Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]);
  const { container, workers, jobs, accessories } = parseSettings(raw(Object.fromEntries(json)), new Set());
  return {
    ...(container && { container }),
    ...(workers && { workers }),
    ...(jobs && { jobs }),
    ...(accessories && { accessories }),
  };
}

const MAIL = { command: "serve mail" };

/** How the SDK marks a secret on its way to the engine. */
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** The world that these settings have left, with these workers' containers beside the colors. */
function withWorkers(settings: Partial<Settings>, ...parts: `${Color}-worker-${string}`[]): World {
  const of = (color: Color) =>
    parts
      .filter((part) => part.startsWith(color))
      .map(
        (part): BesideContainer => ({
          ...{ id: part, container: `blue-green-dev-${part}`, name: part.split("-").at(-1) ?? "", replica: 1 },
          ...{
            state: { ...running, Running: color === "blue" },
            restarts: 0,
            made: { follow: "live" },
            environment: {},
          },
        }),
      );
  const workers = { blue: of("blue"), green: of("green") };
  return { ...after(settings), beside: { workers, jobs: { blue: [], green: [] }, accessories: [] } };
}

const labelsOf = (name: string) =>
  Object.fromEntries(
    (one(CONTAINER, name).labels as { label: string; value: string }[]).map(({ label, value }) => [
      label.replace("blue-green.", ""),
      value,
    ]),
  );

describe("the keys of a worker's and a job's containers", () => {
  const block = (keys: object) => {
    const { mail } = settingsOf({ workers: { mail: { ...MAIL, ...keys } } }).workers ?? {};
    assert.ok(mail !== undefined);
    return mail;
  };

  test("they are the color's own but for what is its web containers' alone, and what a block says replaces them", () => {
    const { container } = settingsOf({
      container: {
        ...{ command: "web", healthcheck: { test: "curl localhost" }, hostname: "web", user: "1000", init: true },
        ...{
          labels: { a: "1", b: "2" },
          volumes: ["data:/data"],
          tmpfs: "/run",
          dns: ["10.0.0.1"],
          entrypoint: "/start",
        },
      },
    });
    assert.ok(container !== undefined);
    const { command, healthcheck, hostname, ...shared } = container;
    assert.deepEqual(keysOf({ container }, block({})), { ...shared, command: ["serve", "mail"] });
    const own = { hostname: "mail", labels: { b: "3" }, healthcheck: { test: "true" }, entrypoint: "/mail", user: "0" };
    assert.deepEqual(keysOf({ container }, block(own)), {
      ...shared,
      ...{ command: ["serve", "mail"], hostname: "mail", labels: { b: "3" }, user: "0" },
      ...{ healthcheck: { tests: ["CMD-SHELL", "true"] }, entrypoint: ["/mail"] },
    });
  });

  test("what is no key of a container, or an input of its own, is none of them", () => {
    const all = { replicas: 2, follow: "both", start: "after-watch", mem_limit: "64m", stop_grace_period: "9s" };
    assert.deepEqual(keysOf({}, block({ ...all, environment: { A: "1" } })), { command: ["serve", "mail"] });
    const { migrate } = settingsOf({ jobs: { migrate: { ...MAIL, at: "before-gate" } } }).jobs ?? {};
    assert.ok(migrate !== undefined);
    assert.deepEqual(keysOf({}, migrate), { command: ["serve", "mail"] });
  });

  test("a container's block is known by what Pulumi calls it, whatever the service is called", () => {
    const settings = settingsOf({
      workers: { mail: MAIL, "mail-out": MAIL, job: MAIL, constructor: MAIL },
      jobs: { mail: { ...MAIL, at: "before-gate" }, "up-worker-x": { ...MAIL, at: "before-gate" } },
    });
    const named = (resource: string) => {
      const { color, place } = blockNamed(settings, resource) ?? {};
      return color && `${color} ${place}`;
    };
    const known = {
      "blue-worker-mail": "blue workers.mail",
      "green-worker-mail-2": "green workers.mail",
      "green-worker-mail-20": "green workers.mail",
      "blue-worker-mail-out-2": "blue workers.mail-out",
      "blue-job-mail": "blue jobs.mail",
      "green-job-up-worker-x": "green jobs.up-worker-x",
      "blue-worker-job": "blue workers.job",
      "blue-worker-constructor": "blue workers.constructor",
      "shop-blue-worker-mail-2": "blue workers.mail",
      "worker-mail-green-job-mail": "green jobs.mail",
      "shop-worker-mail-blue-worker-mail": "blue workers.mail",
    };
    for (const [resource, what] of Object.entries(known)) assert.equal(named(resource), what, resource);
    const unknown = [
      "blue",
      "shop-blue-2",
      "worker-mail-blue",
      "worker-mail-2-green-2",
      "job-mail",
      "worker-mail",
      "accessory-mail",
    ];
    unknown.push(
      "blue-worker-toString",
      "blue-worker-other",
      "blue-worker-",
      "blue-job-job",
      "blue-worker-mail-x",
      "shop-proxy",
      "red-worker-mail",
    );
    for (const resource of unknown) assert.equal(named(resource), undefined, resource);
    assert.equal(blockNamed({}, "blue-worker-mail"), undefined);
  });

  test("the volumes of all of a color's containers are made, those of workers and jobs among them", () => {
    const volumes = (source: string) => ({ volumes: [`${source}:/data`] });
    const settings = settingsOf({
      container: volumes("a"),
      workers: { mail: { ...MAIL, ...volumes("b") }, other: MAIL },
      jobs: { migrate: { ...MAIL, at: "before-gate", ...volumes("c") } },
    });
    assert.deepEqual(
      mountsOf(settings).map(({ source }) => source),
      ["a", "b", "c"],
    );
    assert.deepEqual(mountsOf({}), []);
  });
});

describe("the containers of workers and jobs", () => {
  const settings = {
    ...settingsOf({
      container: { user: "1000", labels: { team: "shop" }, command: "web", networks: ["shop_default"] },
      workers: {
        mail: {
          ...MAIL,
          replicas: 2,
          environment: { B: "2" },
          mem_limit: "64m",
          stop_grace_period: "90s",
          start: "after-watch",
        },
        report: { ...MAIL, follow: "both" },
      },
      jobs: { migrate: { command: "migrate", at: "before-gate", timeoutSeconds: 900 } },
    }),
    environment: { A: "1" },
  };

  test("each color has those that the settings name, beside its web container", async () => {
    await make(settings, empty, RESOURCES + 8);
    const names = made.filter(({ type }) => type === CONTAINER).map(({ name }) => name);
    const of = (color: string) =>
      ["", "-job-migrate", "-worker-mail", "-worker-mail-2", "-worker-report"].map((part) => color + part);
    assert.deepEqual(names.sort(), [...of("blue"), ...of("green"), "proxy"]);
    assert.equal(one(CONTAINER, "green-worker-mail-2").name, "blue-green-dev-green-worker-mail-2");
    assert.equal(made.filter(({ type }) => type === IMAGE).length, 3, "all run their color's own image");
  });

  test("a worker that follows live is declared and not started, restarts as the color does, and has its own memory, grace and variables", async () => {
    await make(settings, empty, RESOURCES + 8);
    const { labels, ...inputs } = one(CONTAINER, "green-worker-mail-2");
    assert.deepEqual(inputs, {
      ...{
        name: "blue-green-dev-green-worker-mail-2",
        image: "sha256:green",
        command: ["serve", "mail"],
        user: "1000",
      },
      ...{ start: false, mustRun: false, restart: "unless-stopped" },
      // The image's own check asks a port that it doesn't have.
      healthcheck: { tests: ["NONE"] },
      ...{ memory: 64, stopTimeout: 90, destroyGraceSeconds: 90 },
      envs: ["A=1", "B=2", "COLOR=green", "DRAIN_SECONDS=87", "PORT=5000"],
      ...{ logDriver: "local", logOpts: { "max-file": "5", "max-size": "20m" } },
      // No name on the network leads to it, and no port.
      networksAdvanced: [{ name: "blue-green-dev" }, { name: "shop_default" }],
      ...{ readOnly: true, securityOpts: ["no-new-privileges"], capabilities: { drops: ["ALL"] } },
      tmpfs: { "/tmp": "size=64m,mode=1777" },
    });
    assert.ok(Array.isArray(labels));
    assert.deepEqual(labelsOf("green-worker-mail-2"), {
      ...{
        project: "blue-green",
        stack: "dev",
        role: "worker",
        worker: "mail",
        replica: "2",
        color: "green",
        version: "1.0.0",
      },
      ...{ spec: '{"follow":"live","start":"after-watch"}', team: "shop" },
    });
    assert.deepEqual(labelsOf("blue-worker-mail").replica, "1");
  });

  test("one that follows both is started; a job is not, nor ever again by the engine, and both have the color's memory and grace", async () => {
    await make(settings, empty, RESOURCES + 8);
    const runs = (name: string) => {
      const { start, mustRun, restart, memory, stopTimeout } = one(CONTAINER, name);
      return { start, mustRun, restart, memory, stopTimeout };
    };
    const colors = { mustRun: false, memory: 256, stopTimeout: 30 };
    assert.deepEqual(runs("blue-worker-report"), { ...colors, start: true, restart: "unless-stopped" });
    assert.deepEqual(runs("blue-job-migrate"), { ...colors, start: false, restart: "no" });
    assert.deepEqual(one(CONTAINER, "blue-job-migrate").command, ["migrate"]);
    const { job, role, spec, replica } = labelsOf("blue-job-migrate");
    assert.deepEqual(
      { job, role, spec, replica },
      {
        ...{ job: "migrate", role: "job", spec: '{"at":"before-gate","timeoutSeconds":900}', replica: undefined },
      },
    );
  });

  test("one that follows both is left to the cutover to start where the colors must not run at the same time", async () => {
    await make({ ...settings, sharedWhileSwitching: false }, empty, RESOURCES + 8);
    assert.equal(one(CONTAINER, "green-worker-report").start, false);
    assert.equal(one(CONTAINER, "green-worker-mail").start, false);
  });

  test("an image of somebody else's runs without the strict set, bounded in its processes, as its label says", async () => {
    const slots = { ...sampleSettings.slots, blue: { version: "1", port: 5001, image: "shop:1", hardened: false } };
    await make({ ...settings, slots }, empty, RESOURCES + 8);
    const { readOnly, capabilities } = one(CONTAINER, "blue-worker-mail");
    assert.deepEqual([readOnly, capabilities], [false, undefined]);
    assert.equal(JSON.parse(labelsOf("blue-worker-mail").spec ?? "").processes, 4096);
  });

  test("the color's secrets are theirs and stay secret, and a variable of the block's own is there once", async () => {
    const secretEnvironment = { TOKEN: "hidden", B: "hidden too" };
    await make({ ...settings, secretEnvironment }, empty, RESOURCES + 8);
    assert.deepEqual(one(CONTAINER, "blue-job-migrate").envs, {
      ...{ ...SECRET, value: ["A=1", "B=hidden too", "COLOR=blue", "DRAIN_SECONDS=27", "PORT=5000", "TOKEN=hidden"] },
    });
    assert.deepEqual(one(CONTAINER, "blue-worker-mail").envs, {
      ...{ ...SECRET, value: ["A=1", "B=2", "COLOR=blue", "DRAIN_SECONDS=87", "PORT=5000", "TOKEN=hidden"] },
    });
    for (const { inputs } of made) assert.doesNotMatch(JSON.stringify(inputs.labels ?? ""), /hidden/);
  });

  test("they are looked at before and bounded after, and wait for nothing but what their color waits for", async () => {
    await make(settings, after(settings), RESOURCES + 8);
    for (const part of ["worker-mail-2", "job-migrate"])
      for (const color of ["blue", "green"]) {
        const { hooks, dependencies, deleteBeforeReplace, replaceOnChanges } = optionsOf(CONTAINER, `${color}-${part}`);
        const started = part === "job-migrate" ? [] : ["service-start"];
        assert.deepEqual(hooks, {
          ...{ beforeCreateList: ["service-volumes"], afterCreateList: ["service-limit", ...started] },
        });
        assert.deepEqual([deleteBeforeReplace, replaceOnChanges], [true, ["*"]]);
        assert.equal(
          dependencies.includes(`${COMMAND} cutover`),
          color === "green",
          "the idle color's are made after the switch",
        );
      }
    assert.ok(!optionsOf(COMMAND, "cutover").dependencies.some((each) => each.includes("-proxy-worker")));
  });

  test("those of the live color stay as they were made, whatever the settings say by now, and those of the idle color follow", async () => {
    const before = settingsOf({ workers: { old: MAIL } });
    const now = settingsOf({ workers: { mail: { ...MAIL, replicas: 2 } } });
    await make(now, withWorkers(before, "blue-worker-old", "green-worker-old"), RESOURCES + 3);
    const names = made.filter(({ name }) => name.includes("-worker-")).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["blue-worker-old", "green-worker-mail", "green-worker-mail-2"]);
    assert.deepEqual(optionsOf(CONTAINER, "blue-worker-old").ignoreChanges, ["*", "memorySwap", "waitTimeout"]);
    assert.deepEqual(optionsOf(CONTAINER, "green-worker-mail").ignoreChanges, ["memorySwap", "waitTimeout"]);
    assert.deepEqual(optionsOf(CONTAINER, "blue").ignoreChanges, ["*", "memorySwap", "waitTimeout"]);
  });

  test("one that is gone is made again by an input that differs from all before it, the live color's too; no other one is", async () => {
    const both = settingsOf({ workers: { mail: MAIL }, jobs: { migrate: { ...MAIL, at: "before-gate" } } });
    await make(both, withWorkers(both, "green-worker-mail"), RESOURCES + 4);
    for (const gone of ["blue-worker-mail", "blue-job-migrate", "green-job-migrate"]) {
      const { waitTimeout, wait } = one(CONTAINER, gone);
      assert.ok(Math.abs(Number(waitTimeout) - Date.now() / 1000) < 60, gone);
      assert.equal(wait, undefined, "the provider doesn't wait for it");
      assert.deepEqual(optionsOf(CONTAINER, gone).ignoreChanges, ["memorySwap"]);
    }
    assert.equal("waitTimeout" in one(CONTAINER, "green-worker-mail"), false);
  });

  test("a web container that is gone is made again likewise, beside those of its color that stay", async () => {
    const settings = { ...sampleSettings, replicas: 2 };
    const world = after(settings);
    const [green] = world.slots.green;
    assert.ok(green);
    const second = { ...green, id: "green-2", name: "blue-green-dev-green-2", replica: 2 };
    await make(settings, { ...world, slots: { ...world.slots, green: [second] } }, RESOURCES + 2);
    const { waitTimeout, wait } = one(CONTAINER, "green");
    assert.ok(Math.abs(Number(waitTimeout) - Date.now() / 1000) < 60);
    assert.equal(wait, undefined);
    assert.deepEqual(optionsOf(CONTAINER, "green").ignoreChanges, ["memorySwap"]);
    assert.equal("waitTimeout" in one(CONTAINER, "green-2"), false);
    assert.deepEqual(optionsOf(CONTAINER, "green-2").ignoreChanges, ["memorySwap", "waitTimeout"]);
  });

  test("a check of a block's own is its container's, and the color's is not", async () => {
    const healthcheck = { test: "celery inspect ping" };
    const checked = settingsOf({
      container: { healthcheck: { test: "curl localhost" } },
      workers: { mail: { ...MAIL, healthcheck }, other: MAIL },
      jobs: { migrate: { ...MAIL, at: "before-gate" } },
    });
    await make(checked, empty, RESOURCES + 6);
    const tests = (name: string) => (one(CONTAINER, name).healthcheck as { tests: string[] }).tests;
    assert.deepEqual(tests("blue-worker-mail"), ["CMD-SHELL", "celery inspect ping"]);
    assert.deepEqual(tests("blue"), ["CMD-SHELL", "curl localhost"]);
    for (const name of ["blue-worker-other", "blue-job-migrate"]) assert.deepEqual(tests(name), ["NONE"]);
  });

  test("where the colors must not run at the same time, one that follows both is the cutover's to start too", async () => {
    const alone = {
      ...settingsOf({ workers: { report: { ...MAIL, follow: "both" } } }),
      sharedWhileSwitching: false as const,
    };
    await make(alone, empty, RESOURCES + 2);
    for (const color of ["blue", "green"]) assert.equal(one(CONTAINER, `${color}-worker-report`).start, false);
    assert.ok(optionsOf(CONTAINER, "blue-worker-report").hooks.afterCreateList?.includes("service-start"));
  });

  test("a worker that is made while its color is live is started in that run, and told where it doesn't stay up", async (t) => {
    const mail = settingsOf({ workers: { mail: MAIL } });
    const asked: string[][] = [];
    const there = () => withWorkers(mail, "blue-worker-mail", "green-worker-mail");
    const started = async (name: string, change: Partial<Settings> = {}, world = there(), State: object = running) => {
      const { engine } = await make({ ...mail, ...change }, world, RESOURCES + 2);
      asked.length = 0;
      engine.run = async (args) => {
        asked.push(args);
        return { code: 0, stdout: "", stderr: "" };
      };
      engine.ask = async () => JSON.stringify([{ RestartCount: 0, State }]);
      assert.equal(await errorOf("service-start", name), undefined);
      return asked.length > 0;
    };
    const said = listen(t, "info", "warn");
    assert.ok(await started("blue-worker-mail"));
    assert.deepEqual(asked, [["start", "g1"]]);
    assert.equal(said.at(-1), "blue-worker-mail of the live color is started");
    assert.equal(await started("green-worker-mail"), false, "the idle color's");
    assert.equal(
      await started("blue-worker-mail", { activeColor: "green" }),
      false,
      "of the color that the public leaves",
    );
    assert.equal(await started("green-worker-mail", { activeColor: "green" }), false, "the switch starts it");
    assert.equal(await started("blue-worker-mail", {}, empty), false, "the first run's cutover starts it");
    const cutOff = there();
    const moving = { from: "green", to: "blue", generation: "g" } as const;
    assert.ok(cutOff.serving !== undefined);
    const unfinished = { ...cutOff, serving: { ...cutOff.serving, record: { ...cutOff.serving.record, moving } } };
    assert.equal(await started("blue-worker-mail", {}, unfinished), false, "the old one may run still");
    said.length = 0;
    await started("blue-worker-mail", {}, there(), { ...running, Status: "restarting", ExitCode: 4 });
    assert.deepEqual(said, [
      "blue is live, but its worker blue-worker-mail ended with exit code 4. Next: docker logs --tail 30 blue-green-dev-blue-worker-mail",
    ]);
  });

  test("one whose image has a volume that nothing is mounted on is not made, and its processes are bounded", async (t) => {
    const own = settingsOf({
      container: { volumes: ["data:/data"], pids_limit: 100 },
      workers: { mail: { ...MAIL, volumes: ["spool:/spool"], pids_limit: 50 }, report: MAIL },
    });
    const { engine } = await make({ ...own }, empty, RESOURCES + 6);
    const asked: string[][] = [];
    engine.run = async (args) => {
      asked.push(args);
      return { code: 0, stdout: '[{"Config":{"Volumes":{"/data":{}}}}]', stderr: "" };
    };
    const error = (await errorOf("service-volumes", "green-worker-mail", { image: "sha256:2" })) ?? "";
    assert.match(
      error,
      /^green's image \(built from its Dockerfile\) keeps its data in \/data \(VOLUME\), and workers\.mail mounts nothing there/,
    );
    assert.match(
      error,
      /\nNext: keep it for both colors: pulumi config set --path 'workers\.mail\.volumes\[1\]' data:\/data /,
    );
    for (const fine of ["green-worker-report", "green", "blue"])
      assert.equal(await errorOf("service-volumes", fine, { image: "sha256:2" }), undefined);
    asked.length = 0;
    listen(t, "warn");
    for (const name of ["green-worker-mail-2", "green-worker-report", "blue"]) await errorOf("service-limit", name);
    assert.deepEqual(
      asked.map((args) => args[3]),
      ["50", "100", "100"],
    );
  });
});

describe("a service without workers, jobs and accessories", () => {
  test("declares what it did before there were any", async () => {
    await make();
    const before = new Map(options);
    const inputs = new Map(made.map(({ type, name, inputs }) => [`${type} ${name}`, inputs]));
    await make(settingsOf({ workers: {}, jobs: {}, accessories: {} }));
    assert.deepEqual(new Map(made.map(({ type, name, inputs }) => [`${type} ${name}`, inputs])), inputs);
    assert.deepEqual(new Map(options), before);
    assert.equal(
      labelsOf("blue").slot,
      '{"version":"1.0.0","image":"","port":5001,"appPort":5000,"healthPath":"/healthz","memoryMb":256,"stopGraceSeconds":30,' +
        '"environment":[],"secretEnvironment":[],"definition":"0ec5770eeaaf"}',
    );
    const ends = (name: string) => JSON.stringify(one(COMMAND, name));
    assert.ok(!ends("network").includes("worker"));
    await make(settingsOf({ workers: { mail: MAIL } }), empty, RESOURCES + 2);
    assert.ok(
      ends("network").includes("(blue|green)-(worker|job)-.+|accessory-.+"),
      "its own containers are no strangers",
    );
  });

  test("a worker is in the label of its color's web containers, and changes nothing of the hash over the rest", () => {
    const settings = { ...sampleSettings, ...settingsOf({ workers: { mail: MAIL } }) };
    const { workers, definition } = slotSpecOf("blue", settings);
    assert.deepEqual(workers, settings.workers);
    assert.equal(definition, slotSpecOf("blue", sampleSettings).definition);
  });
});

describe("accessories", () => {
  const settings = settingsOf({
    accessories: {
      db: {
        ...{ image: "postgres:17", environment: { B: "hidden", A: "plain" }, volumes: ["db:/data"], mem_limit: "512m" },
        ...{ healthcheck: { test: "pg_isready" }, labels: { team: "shop" }, networks: ["shop_default"] },
      },
    },
    workers: { mail: { ...MAIL, volumes: ["db:/data"] } },
  });
  const RESOURCES_WITH_DB = RESOURCES + 2 + 1 + 2;

  /** The world that these settings have left. */
  function withDb(): World {
    const { db } = settings.accessories ?? {};
    assert.ok(db !== undefined);
    const container: BesideContainer = {
      ...{ id: "db-1", container: "blue-green-dev-accessory-db", name: "db", replica: 1, state: running, restarts: 0 },
      ...{ made: accessorySpec(db), environment: { ...db.environment } },
    };
    const none = { blue: [], green: [] };
    return { ...after(settings), beside: { workers: none, jobs: none, accessories: [container] } };
  }

  test("one has its own container and image, a name on the network, and secrets that show in no label", async () => {
    await make(settings, empty, RESOURCES_WITH_DB);
    const { labels, envs, ...inputs } = one(CONTAINER, "accessory-db");
    assert.deepEqual(inputs, {
      ...{ name: "blue-green-dev-accessory-db", image: "sha256:accessory-db", memory: 512 },
      ...{ restart: "unless-stopped", mustRun: false, stopTimeout: 60, destroyGraceSeconds: 60 },
      ...{ logDriver: "local", logOpts: { "max-file": "5", "max-size": "20m" } },
      ...{ readOnly: false, securityOpts: ["no-new-privileges"], healthcheck: { tests: ["CMD-SHELL", "pg_isready"] } },
      volumes: [{ containerPath: "/data", volumeName: "blue-green-dev-data-db" }],
      networksAdvanced: [{ name: "blue-green-dev", aliases: ["db"] }, { name: "shop_default" }],
    });
    assert.deepEqual(envs, { ...SECRET, value: ["A=plain", "B=hidden"] });
    assert.ok(Array.isArray(labels));
    const { spec = "", ...others } = labelsOf("accessory-db");
    assert.deepEqual(others, { project: "blue-green", stack: "dev", role: "accessory", accessory: "db", team: "shop" });
    assert.deepEqual(JSON.parse(spec).environment, ["A", "B"]);
    assert.doesNotMatch(JSON.stringify(labels), /hidden|plain/);
    assert.deepEqual(one(IMAGE, "accessory-db"), { name: "postgres:17", keepLocally: true });
  });

  test("it is there before the colors and the check of the network, and pulled, looked at, bounded and waited for", async () => {
    await make(settings, empty, RESOURCES_WITH_DB);
    const waits = (type: string, name: string) =>
      optionsOf(type, name).dependencies.includes(`${CONTAINER} accessory-db`);
    assert.deepEqual(
      [
        waits(CONTAINER, "blue"),
        waits(CONTAINER, "green"),
        waits(CONTAINER, "green-worker-mail"),
        waits(IMAGE, "blue"),
      ],
      [true, true, true, true],
    );
    assert.ok(waits(COMMAND, "network"));
    const onErrorList = ["service-accessory-failed"];
    assert.deepEqual(optionsOf(IMAGE, "accessory-db").hooks, {
      beforeCreateList: ["service-pull-of-accessory"],
      onErrorList,
    });
    assert.deepEqual(optionsOf(CONTAINER, "accessory-db").hooks, {
      ...{
        beforeCreateList: ["service-volumes-of-accessory"],
        afterCreateList: ["service-limit", "service-accessory"],
        onErrorList,
      },
    });
  });

  test("in a way back the cutover and the color wait for no accessory that is made: those come after the cutover, and the idle color after them", async () => {
    const { db } = settings.accessories ?? {};
    assert.ok(db !== undefined);
    const both = { ...settings, accessories: { db, redis: { image: "redis:8" } }, activeColor: "green" as const };
    await make(
      both,
      { ...withDb(), serving: after(settings).serving as NonNullable<World["serving"]> },
      RESOURCES_WITH_DB + 2,
    );
    const waits = (type: string, name: string) =>
      optionsOf(type, name).dependencies.filter((each) => /Container accessory|Command/.test(each));
    const [kept, made, cutover] = ["accessory-db", "accessory-redis", "cutover"].map(
      (name) => `${name === "cutover" ? COMMAND : CONTAINER} ${name}`,
    );
    assert.deepEqual(waits(CONTAINER, "green"), [kept], "the database stays, and nothing can be wrong with it");
    assert.deepEqual(waits(COMMAND, "cutover"), []);
    assert.deepEqual(waits(CONTAINER, "accessory-db"), []);
    assert.deepEqual([waits(IMAGE, "accessory-redis"), waits(CONTAINER, "accessory-redis")], [[cutover], [cutover]]);
    assert.deepEqual(waits(CONTAINER, "blue"), [cutover, kept, made]);
    assert.deepEqual(waits(COMMAND, "network"), [cutover, kept, made]);
  });

  test("one that is taken from the settings with a way back stays declared, with its volume, and ignores every change", async () => {
    const { accessories: _, ...without } = settings;
    const world = { ...withDb(), serving: after(settings).serving as NonNullable<World["serving"]> };
    await make({ ...without, activeColor: "green" }, world, RESOURCES_WITH_DB);
    assert.deepEqual(optionsOf(CONTAINER, "accessory-db").ignoreChanges, ["*", "memorySwap"]);
    assert.deepEqual(optionsOf(IMAGE, "accessory-db").ignoreChanges, ["*"]);
    assert.equal(one(IMAGE, "accessory-db").name, "postgres:17");
    assert.ok(made.some(({ name }) => name === "data-db"));
    assert.match(JSON.stringify(one(COMMAND, "network").environment), /accessory-/, "it is none of a stranger's");
  });

  test("one that stays ignores every change, its image's too; one that is meant to change follows", async () => {
    await make(settings, withDb(), RESOURCES_WITH_DB);
    assert.deepEqual(optionsOf(CONTAINER, "accessory-db").ignoreChanges, ["*", "memorySwap"]);
    assert.deepEqual(optionsOf(IMAGE, "accessory-db").ignoreChanges, ["*"]);
    const { db } = settings.accessories ?? {};
    assert.ok(db !== undefined);
    const meant = { ...settings, accessories: { db: { ...db, mem_limit: 1024 } }, allowAccessoryReplace: ["db"] };
    await make(meant, withDb(), RESOURCES_WITH_DB);
    assert.deepEqual(optionsOf(CONTAINER, "accessory-db").ignoreChanges, ["memorySwap"]);
    assert.deepEqual(optionsOf(IMAGE, "accessory-db").ignoreChanges, []);
  });

  test("its hooks know it by its name, also of a service that is called accessory itself", async (t) => {
    const owner = { project: "blue-green", stack: "dev", service: "my-accessory" };
    const { engine } = await make({ ...settings, ephemeralVolumes: [] }, empty, RESOURCES_WITH_DB, { owner });
    const asked: string[][] = [];
    engine.run = async (args) => {
      asked.push(args);
      return { code: 0, stdout: '[{"Config":{"Volumes":{"/data":{},"/more":{}}}}]', stderr: "" };
    };
    const name = "my-accessory-accessory-db";
    const lost = (await errorOf("my-accessory-volumes", name, { image: "sha256:9" })) ?? "";
    assert.match(
      lost,
      /^The image postgres:17 of the accessory db keeps its data in \/more \(VOLUME\), and nothing is mounted there/,
    );
    assert.match(
      lost,
      /\nNext: keep it: pulumi config set --path 'accessories\.db\.volumes\[1\]' db-more:\/more && pulumi up$/,
    );
    asked.length = 0;
    assert.equal(await errorOf("my-accessory-limit", name), undefined);
    assert.deepEqual(asked, [["container", "update", "--pids-limit", "4096", "g1"]]);

    listen(t, "info");
    const state = (change: object) => {
      engine.ask = async () => JSON.stringify([{ Name: "/x-db", RestartCount: 0, State: { ...running, ...change } }]);
    };
    engine.log = async () => "password hidden is wrong\n";
    state({ Health: { Status: "healthy" } });
    assert.equal(await errorOf("my-accessory-accessory", name), undefined);
    // Without a check of its own it is well once it has stayed up: one that ends a moment after its start is not.
    const looks: object[] = [{}, { Running: false, Status: "exited", ExitCode: 7 }];
    engine.ask = async () => {
      const change = looks.length > 1 ? looks.shift() : looks[0];
      return JSON.stringify([{ Name: "/x-db", RestartCount: 0, State: { ...running, ...change } }]);
    };
    assert.match((await errorOf("my-accessory-accessory", name)) ?? "", /the container x-db ended with exit code 7/);
    state({ Running: false, Status: "exited", ExitCode: 1 });
    const ill = (await errorOf("my-accessory-accessory", name)) ?? "";
    assert.match(ill, /^my-accessory-accessory-db: the container x-db ended with exit code 1\.\n/);
    assert.match(ill, /password \[secret\] is wrong/);
    assert.match(
      ill,
      /\nNext: docker logs blue-green-dev-my-accessory-accessory-db; then mend the settings of the accessory, and: pulumi up$/,
    );
  });

  test("what fails says where the public is and what takes it to the other color at once, and the history knows the container", async (t) => {
    const world = {
      ...withDb(),
      beside: undefined as never,
      serving: after(settings).serving as NonNullable<World["serving"]>,
    };
    const { engine } = await make(settings, world, RESOURCES_WITH_DB);
    const { asked, written } = allEnded(engine);
    const back = "To take it to green at once, whatever becomes of the accessory: npm run rollback -- --to green";
    const ill = (await errorOf("service-accessory", "accessory-db")) ?? "";
    assert.deepEqual(ill.split("\n").slice(-2), ["The public is on blue.", back]);
    assert.ok(asked.some(([command]) => command === "exec"));
    const [entry, ...more] = written;
    assert.deepEqual(more, []);
    const { time: _, seconds: __, who: ___, ...said } = entry ?? ({} as HistoryEntry);
    assert.deepEqual(said, {
      ...{
        result: "unready",
        from: "blue",
        to: "blue",
        versions: { blue: "1.0.0", green: "1.0.0" },
        images: {},
        accessory: "g1",
      },
      reason: "the container blue-green-dev-x ended with exit code 3",
    });

    engine.run = async () => ({ code: 1, stdout: "", stderr: "no such image" });
    const pulled = (await errorOf("service-pull-of-accessory", "accessory-db", { name: "postgres:17" })) ?? "";
    assert.match(pulled, /postgres:17/);
    assert.deepEqual(pulled.split("\n").slice(-2), ["The public is on blue.", back]);

    const said2 = listen(t, "warn");
    assert.equal(await failed("service-accessory-failed", "accessory-db", "create"), false, "nothing is tried again");
    assert.deepEqual(said2, [`accessory-db could not be made. The public is on blue. ${back}`]);
    await failed("service-accessory-failed", "accessory-db", "delete");
    assert.equal(said2.length, 1);
  });

  test("it names no way out where there is none: in a first run, to a color that was never stable or is stopped; nor after a way back", async (t) => {
    const said = listen(t, "warn");
    const last = async (world: World, change: Partial<Settings> = {}) => {
      await make({ ...settings, ...change }, world, RESOURCES_WITH_DB);
      said.length = 0;
      await failed("service-accessory-failed", "accessory-db", "create");
      return said.map((line) => line.replace("accessory-db could not be made. ", ""));
    };
    const { beside: _, ...served } = withDb();
    assert.deepEqual(await last(empty), []);
    const { serving, slots } = served;
    assert.ok(serving !== undefined);
    const never = { ...served, serving: { ...serving, record: { stable: { blue: ["blue-1"] } } } };
    assert.deepEqual(await last(never), ["The public is on blue."]);
    const green = slots.green.map((slot) => ({ ...slot, state: { ...running, Running: false } }));
    assert.deepEqual(await last({ ...served, slots: { ...slots, green } }), ["The public is on blue."]);
    assert.deepEqual(await last(served, { activeColor: "green" }), ["The public is on green already."]);
    const { engine } = await make({ ...settings, activeColor: "green" }, served, RESOURCES_WITH_DB);
    const { written } = allEnded(engine);
    await errorOf("service-accessory", "accessory-db");
    assert.deepEqual(
      written.map(({ from, to }) => [from, to]),
      [["green", "green"]],
      "the history says where the public is by then",
    );
  });
});
