import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { statusOf } from "../../commands/status/status";
import { metricsInputs } from "../../stacks/monitoring";
import { pageFiles } from "../../stacks/monitoringPage";
import { serviceEnds } from "../../stacks/networkCheck";
import { LABEL } from "../../stacks/service/names";
import { partOf } from "../../stacks/service/ours";
import type { BesideContainer } from "../../stacks/service/world";
import { portClashes } from "../../stacks/services";
import { parseSettings, type Settings } from "../../stacks/settings/settings";
import { facts, state, world } from "../commands/status/facts.sample";
import { containerOf } from "../cutover/order.sample";
import { after, CONTAINER, errorOf, listen, made, make, one, optionsOf, owner, RESOURCES } from "./blueGreen.mocks";
import { raw, refused } from "./settings/settings.raw";
import { sampleSettings } from "./settings/settings.sample";

/** An image and a container more. */
const WATCHED = RESOURCES + 3;
const NAMES = ["monitoring-metrics"];

const containers = () => made.filter(({ type }) => type === CONTAINER).map(({ name }) => name);

describe("the container that watches both colors", () => {
  test("is one, made when the public is where it is to be; off, there is none", async () => {
    await make({}, undefined, RESOURCES);
    const off = made;
    await make({ monitoring: "metrics" }, undefined, WATCHED - 1);
    assert.deepEqual(containers().sort(), ["blue", "green", ...NAMES, "proxy"]);
    assert.equal(
      off.some(({ name }) => name.includes("monitoring")),
      false,
    );
    for (const name of NAMES)
      assert.ok(optionsOf(CONTAINER, name).dependencies.includes("command:local:Command cutover"), name);
    // What visitors are served by does not wait for it.
    for (const name of ["blue", "green", "proxy"])
      assert.doesNotMatch(optionsOf(CONTAINER, name).dependencies.join(), /monitoring/);
    assert.doesNotMatch(optionsOf("command:local:Command", "cutover").dependencies.join(), /monitoring/);
  });

  test("change nothing of the proxy's and the colors' containers", async () => {
    await make({}, undefined, RESOURCES);
    const before = ["blue", "green", "proxy"].map((name) => JSON.stringify(one(CONTAINER, name)));
    await make({ monitoring: "metrics" }, undefined, WATCHED - 1);
    assert.deepEqual(
      ["blue", "green", "proxy"].map((name) => JSON.stringify(one(CONTAINER, name))),
      before,
    );
  });

  test("can do little: no privileges, bounded memory, the loopback alone", async () => {
    await make({ monitoring: "metrics", metricsPort: 9999 }, undefined, WATCHED - 1);
    const metrics = one(CONTAINER, "monitoring-metrics");
    assert.deepEqual(metrics?.ports, [{ internal: 8080, external: 9999, ip: "127.0.0.1" }]);
    assert.deepEqual([metrics?.memory, metrics?.cpuShares], [128, 102]);
    assert.deepEqual(metrics?.securityOpts, ["no-new-privileges"]);
    assert.deepEqual((metrics?.capabilities as { drops?: string[] } | undefined)?.drops, ["ALL"]);
    assert.equal(metrics?.readOnly, true);
    // None of its questions whose a container is leaves the engine.
    assert.deepEqual([metrics?.dnsOpts, metrics?.dnsSearches], [["ndots:1"], ["."]]);
    assert.deepEqual(metrics?.volumes, [
      { volumeName: "blue-green-dev-proxy", containerPath: "/var/lib/blue-green" },
      { hostPath: "/sys/fs/cgroup", containerPath: "/cgroup", readOnly: true },
    ]);
    assert.ok(JSON.stringify(metrics?.envs).includes("CONTAINERS=blue-green-dev-"));
  });

  test("the page travels with its server, whole, unseen in a preview, and the same on each machine", async () => {
    await make({ monitoring: "metrics", maxErrorPercent: 2.5 }, undefined, WATCHED - 1);
    const metrics = one(CONTAINER, "monitoring-metrics");
    // A list with a secret in it is one as a whole in the SDK's mocks.
    const { "4dabf18193072939515e22adb298388d": mark, value } = metrics.envs as Record<string, unknown>;
    assert.equal(mark, "1b47061264138c4ac30d75fd1eb44270");
    const variables = new Map(
      (value as string[]).map((text) => [text.split("=", 1)[0], text.slice(text.indexOf("=") + 1)]),
    );
    const names = (variables.get("PAGE") ?? "").split(" ");
    const page = pageFiles(owner, { monitoring: "metrics", maxErrorPercent: 2.5 });
    assert.deepEqual(names, Object.keys(page));
    for (const [at, name] of names.entries()) {
      assert.equal(variables.get(`PAGE_${at + 1}`), page[name]?.trimEnd(), name);
      // The kernel takes no longer variable.
      assert.ok((variables.get(`PAGE_${at + 1}`)?.length ?? 0) < 120_000, name);
      assert.match(name, /^[\w.]+$/, "the shell takes the names apart by spaces");
    }
    assert.deepEqual(JSON.parse(page["settings.json"] ?? ""), {
      ...owner,
      monitoring: "metrics",
      maxErrorPercent: 2.5,
    });
    const spec = () => JSON.stringify(one(CONTAINER, "monitoring-metrics").labels);
    const before = spec();
    await make({ monitoring: "metrics", maxErrorPercent: 2.5 }, undefined, WATCHED - 1);
    assert.equal(spec(), before);
    await make({ monitoring: "metrics", maxErrorPercent: 3 }, undefined, WATCHED - 1);
    assert.notEqual(spec(), before);
  });

  test("the page's server asks Prometheus where there is one, and nobody where there is none", () => {
    const of = (monitoring: "metrics" | "on", service = {}) =>
      metricsInputs({ owner: { ...owner, ...service }, settings: { ...sampleSettings, monitoring } }).envs.join("\n");
    assert.doesNotMatch(of("metrics"), /location.*query/);
    assert.match(of("metrics"), /"monitoring":"metrics"/);
    for (const service of [{}, { service: "shop" }])
      assert.match(of("on", service), /set \$prometheus blue-green-dev-monitoring-prometheus;/);
    assert.match(of("on"), /"monitoring":"on"/);
  });

  test("the page's server starts whatever its own name is: nginx does not where a name has no room among its names", () => {
    // The longest that Pulumi lets them be, and a service's beside them.
    const long = { project: "p".repeat(100), stack: "s".repeat(100), service: "x".repeat(30) };
    const settings = { ...sampleSettings, monitoring: "metrics" as const };
    const text = metricsInputs({ owner: long, settings }).envs.join("\n");
    const [, name = ""] = /server_name localhost host\.docker\.internal (\S+)/.exec(text) ?? [];
    assert.equal(name, `${long.project}-${long.stack}-${long.service}-monitoring-metrics`);
    const [, room] = /^ *server_names_hash_bucket_size (\d+);$/m.exec(text) ?? [];
    // Its length, the end of the text and what nginx has beside it.
    assert.ok(Number(room) > name.length + 64, room);
  });

  test("are told what a color runs when its first container was made, but for one that a switch follows", async (t) => {
    const { engine } = await make({ monitoring: "metrics", replicas: 2 }, after({ replicas: 2 }), WATCHED + 1);
    const followedBy = (name: string) => optionsOf(CONTAINER, name).hooks.afterCreateList;
    assert.deepEqual(followedBy("green"), ["service-limit", "service-green-noted", "service-green-healthy"]);
    assert.deepEqual(followedBy("green-2"), ["service-limit", "service-green-healthy"]);
    const told: string[] = [];
    engine.ask = async (...args) => {
      if (args[0] === "exec") told.push(args.at(-1) ?? "");
      if (args[1] === "ls") return "g1\n";
      return JSON.stringify([containerOf("green", { Config: { Labels: green({ image: 'shop:"2"' }) } })]);
    };
    const green = (slot: object) => ({
      ...containerOf("green").Config.Labels,
      [LABEL.slot]: JSON.stringify({ definition: "d", ...slot }),
    });
    assert.equal(await errorOf("service-green-noted"), undefined);
    const about =
      "# HELP blue_green_color_info 1: the release that the color's containers were made with; absent where it has none\n" +
      "# TYPE blue_green_color_info gauge\n";
    assert.deepEqual(told, [`${about}blue_green_color_info{color="green",version="2.0.0",image="shop:\\"2\\""} 1\n`]);
    engine.ask = async () => {
      throw new Error("no such container");
    };
    const said = listen(t, "warn");
    assert.equal(await errorOf("service-blue-noted"), undefined, "it holds up nothing");
    assert.deepEqual(said, [
      "the metrics still have the release that blue had before, until the next cutover: no such container",
    ]);
    await make({ monitoring: "metrics", activeColor: "green" }, after({}), WATCHED - 1);
    assert.equal(await errorOf("service-green-noted"), undefined, "the engine is not asked: the cutover tells it");
    await make({}, after({}));
    assert.deepEqual(followedBy("green"), ["service-limit", "service-green-healthy"]);
  });

  test("are told by their names and labels, and keep no network of somebody else's", () => {
    const told = (Name: string, monitoring: string, role = "monitoring") =>
      partOf(owner, {
        Name: `/${Name}`,
        Config: {
          Labels: {
            [LABEL.project]: "blue-green",
            [LABEL.stack]: "dev",
            [LABEL.role]: role,
            [LABEL.monitoring]: monitoring,
          },
        },
      });
    assert.deepEqual(told("blue-green-dev-monitoring-metrics", "metrics"), { role: "monitoring", name: "metrics" });
    for (const [name, part, role] of [
      ["blue-green-dev-monitoring-prometheus", "metrics"],
      ["blue-green-dev-monitoring-x", "x"],
      ["metrics", "metrics"],
      ["blue-green-dev-monitoring-metrics", "metrics", "accessory"],
    ] as const)
      assert.equal(told(name, part, role), undefined, name);
    const ends = (settings = sampleSettings, monitoring?: BesideContainer[]) =>
      serviceEnds(settings, {
        slots: { blue: [], green: [] },
        built: { blue: [], green: [] },
        ...(monitoring && {
          beside: { workers: { blue: [], green: [] }, jobs: { blue: [], green: [] }, accessories: [], monitoring },
        }),
      });
    assert.doesNotMatch(ends(), /monitoring/);
    const on = ends({ ...sampleSettings, monitoring: "metrics" });
    assert.match("monitoring-metrics", new RegExp(`^(${on})$`));
    // The same in the run that makes them, in the next one, and in the one that takes them away.
    assert.equal(ends({ ...sampleSettings, monitoring: "metrics" }, []), on);
    assert.equal(ends(sampleSettings, []), on);
  });

  test("degrade the status where one is down, which says that visitors don't notice", () => {
    const container = (name: string, change: Partial<BesideContainer> = {}): BesideContainer => ({
      ...{ id: name, container: `blue-green-dev-monitoring-${name}`, name, replica: 1, restarts: 0, made: {} },
      ...{ environment: {}, state: state() },
      ...change,
    });
    const beside = (watching: BesideContainer) => ({
      ...{ workers: { blue: [], green: [] }, jobs: { blue: [], green: [] }, accessories: [] },
      monitoring: [watching],
    });
    const of = (watching: BesideContainer) => {
      const status = statusOf(facts({ world: world({ beside: beside(watching) }) }));
      assert.ok(status.exit !== 3);
      return [status.level, status.findings.map(({ text }) => text)];
    };
    assert.deepEqual(of(container("metrics")), ["well", []]);
    for (const name of ["prometheus", "alertmanager", "blackbox"])
      assert.match(
        String(of(container(name, { state: state({ Running: false, Status: "exited", ExitCode: 2 }) }))[1]),
        /exit code 2 \(no alerts meanwhile; visitors don't notice\)/,
      );
    const ended = state({ Running: false, Status: "exited", ExitCode: 137 });
    assert.deepEqual(of(container("metrics", { state: ended })), [
      "degraded",
      [
        "the container blue-green-dev-monitoring-metrics ended with exit code 137 (no metrics meanwhile; visitors don't notice): " +
          "docker logs --tail 30 blue-green-dev-monitoring-metrics",
      ],
    ]);
  });
});

describe("the settings of monitoring", () => {
  test("monitoring is off, metrics or on, and nothing else", () => {
    for (const value of ["true", "", "Metrics", "metrics ", "off\n", "prometheus", "On"])
      assert.match(refused(raw({ monitoring: value })), /^ *monitoring = .*: must be off, metrics or on$/m);
    for (const monitoring of ["metrics", "on"])
      assert.equal(parseSettings(raw({ monitoring }), new Set()).monitoring, monitoring);
  });

  test("metricsPort differs from the other ports where it is taken, also from those of another service", () => {
    const ports = { metricsPort: "5002" };
    assert.match(
      refused(raw({ ...ports, monitoring: "metrics" })),
      /metricsPort = "5002": must differ from greenPort, which has this port\n.*pulumi config set metricsPort 5003/,
    );
    assert.equal(parseSettings(raw(ports), new Set()).metricsPort, 5002);
    const shop = { ...sampleSettings, monitoring: "metrics" as const };
    const api = { ...shop, httpPort: 1, slots: { blue: { version: "1", port: 2 }, green: { version: "1", port: 3 } } };
    const services = (monitoring: Settings["monitoring"]) => [
      { name: "shop", settings: shop },
      { name: "api", settings: { ...api, monitoring } },
    ];
    assert.deepEqual(portClashes(services("off")), []);
    assert.deepEqual(portClashes(services("metrics")), [
      "metricsPort of api is 9113, which is metricsPort of shop already.",
    ]);
    assert.deepEqual(portClashes(services("on")), portClashes(services("metrics")));
  });

  test("the ports of Prometheus and Alertmanager differ from others where they are taken, which is once for all services", () => {
    const ports = { prometheusPort: "8080", alertmanagerPort: "9113" };
    assert.equal(
      refused(raw({ ...ports, monitoring: "on" })),
      [
        'prometheusPort = "8080": must differ from httpPort, which has this port',
        "    pulumi config set prometheusPort 8081",
        'alertmanagerPort = "9113": must differ from metricsPort, which has this port',
        "    pulumi config set alertmanagerPort 9114",
      ].join("\n"),
    );
    for (const monitoring of ["off", "metrics"]) parseSettings(raw({ ...ports, monitoring }), new Set());
    const service = (name: string, from: number, more: Partial<Settings> = {}) => ({
      name,
      settings: {
        ...{ ...sampleSettings, monitoring: "on" as const, httpPort: from, metricsPort: from + 3 },
        slots: { blue: { version: "1", port: from + 1 }, green: { version: "1", port: from + 2 } },
        ...more,
      },
    });
    assert.deepEqual(portClashes([service("shop", 1), service("api", 11)]), [], "one Prometheus");
    assert.deepEqual(portClashes([service("shop", 1), service("api", 11, { httpPort: 9090 })]), [
      "httpPort of api is 9090, which is prometheusPort of shop already.",
    ]);
    const off = service("api", 11, { httpPort: 9090, monitoring: "off" });
    assert.deepEqual(portClashes([off, service("shop", 1)]), [
      "prometheusPort of shop is 9090, which is httpPort of api already.",
    ]);
  });

  test("monitoringMemoryMb is at least what all three were seen to do with", () => {
    for (const value of ["0", "255", "-1", "1e3", "", "256m"])
      assert.match(refused(raw({ monitoringMemoryMb: value })), /must be a whole number from 256 to 1048576/);
    assert.equal(parseSettings(raw({ monitoringMemoryMb: "256" }), new Set()).monitoringMemoryMb, 256);
  });

  test("with imagesByDigest the images of what watches are named by their digests too, where they run", () => {
    const image = `nginx@sha256:${"0".repeat(64)}`;
    const byDigest = { imagesByDigest: "true", blueImage: image, greenImage: image, nginxImage: image };
    for (const monitoring of ["off", "metrics"])
      assert.equal(
        parseSettings(raw({ ...byDigest, monitoring }), new Set()).prometheusImage,
        sampleSettings.prometheusImage,
      );
    const named = [...refused(raw({ ...byDigest, monitoring: "on" })).matchAll(/^(\w+) = .*: must be named/gm)];
    assert.deepEqual(
      named.map(([, name]) => name),
      ["prometheusImage", "alertmanagerImage", "blackboxImage"],
    );
  });
});
