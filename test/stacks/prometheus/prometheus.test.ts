import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlueGreen } from "../../../stacks/blueGreen";
import { serviceEnds, watchersOn } from "../../../stacks/networkCheck";
import type { PrometheusArgs } from "../../../stacks/prometheus/prometheus";
import { LABEL } from "../../../stacks/service/names";
import { worldOf } from "../../../stacks/service/world";
import { declarePrometheus } from "../../../stacks/services";
import type { Settings } from "../../../stacks/settings/settings";
import { CONTAINER, made, make, one, optionsOf, owner, RESOURCES } from "../blueGreen.mocks";
import { sampleSettings } from "../settings/settings.sample";

const NAMES = ["monitoring-alertmanager", "monitoring-blackbox", "monitoring-prometheus"];
const VOLUME = "docker:index/volume:Volume";
/** Two images and containers of the service's own; three of each for all services, and two volumes. */
const WATCHED = RESOURCES + 2 + 8;
const PLANTED = "https://hooks.example/planted";

/** Makes a service, and what watches it, as `createServices` does. */
async function watch(
  settings: Partial<Settings> = {},
  named: string | undefined = undefined,
  gateway: PrometheusArgs["gateway"] = undefined,
) {
  let tell = (_: never[]): void => {};
  const watching = new Promise<never[]>((resolve) => {
    tell = resolve;
  });
  const own = named === undefined ? owner : { ...owner, service: named };
  await make(
    { monitoring: "on", ...settings },
    undefined,
    WATCHED,
    { owner: own, watching },
    async (service: BlueGreen) => tell(declarePrometheus(owner, [service], {}, gateway) as never[]),
  );
}

const labelsOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    (one(CONTAINER, name).labels as { label: string; value: string }[]).map(({ label, value }) => [label, value]),
  );

describe("Prometheus and what stands with it", () => {
  test("are one of each, come when the public is where it is to be, and go before the network is looked at", async () => {
    await watch();
    const containers = made.filter(({ type }) => type === CONTAINER).map(({ name }) => name);
    assert.deepEqual(containers.filter((name) => name.startsWith("monitoring-")).sort(), [
      ...NAMES.slice(0, 2),
      ...["monitoring-metrics", "monitoring-prometheus"],
    ]);
    for (const name of NAMES) {
      const { dependencies, deleteBeforeReplace, hooks } = optionsOf(CONTAINER, name);
      assert.ok(dependencies.includes("command:local:Command cutover"), name);
      assert.deepEqual([deleteBeforeReplace, hooks, one(CONTAINER, name).mustRun], [true, {}, false]);
      assert.equal(one(CONTAINER, name).name, `blue-green-dev-${name}`);
      assert.ok(optionsOf("command:local:Command", "network").dependencies.includes(`${CONTAINER} ${name}`), name);
    }
    // What visitors are served by waits for none of them.
    for (const name of ["blue", "green", "proxy"])
      assert.doesNotMatch(optionsOf(CONTAINER, name).dependencies.join(), /monitoring/);
    assert.doesNotMatch(optionsOf("command:local:Command", "cutover").dependencies.join(), /monitoring/);
  });

  test("blackbox exporter alone is on the gateway's network as well", async () => {
    await watch({}, "shop", { network: "blue-green-dev-gateway", tls: true });
    const networks = NAMES.map((name) =>
      (one(CONTAINER, name).networksAdvanced as { name: string }[]).map((network) => network.name),
    );
    const own = "blue-green-dev-shop";
    assert.deepEqual(networks, [[own], [own, "blue-green-dev-gateway"], [own]]);
  });

  test("none of them is there with metrics alone", async () => {
    await make({ monitoring: "metrics" }, undefined, RESOURCES + 2, {}, async (service) => {
      assert.deepEqual(declarePrometheus(owner, [service], {}), []);
    });
    assert.ok(!made.some(({ name }) => NAMES.includes(name)));
  });

  test("can do little: no privileges, a bounded memory, and the loopback's ports alone", async () => {
    await watch({ monitoringMemoryMb: 1000, prometheusPort: 1, alertmanagerPort: 2 });
    const [alertmanager, blackbox, prometheus] = NAMES.map((name) => one(CONTAINER, name));
    assert.deepEqual(
      [prometheus, alertmanager, blackbox].map((each) => [each?.memory, each?.envs]),
      [
        [750, ["GOMEMLIMIT=675MiB"]],
        [125, ["GOMEMLIMIT=112MiB"]],
        [125, ["GOMEMLIMIT=112MiB"]],
      ],
    );
    assert.match(
      String(prometheus?.command),
      /--query\.max-concurrency=4,--query\.max-samples=750000,--web\.max-connections=16,/,
    );
    assert.deepEqual(prometheus?.ports, [{ internal: 9090, external: 1, ip: "127.0.0.1" }]);
    assert.deepEqual(alertmanager?.ports, [{ internal: 9093, external: 2, ip: "127.0.0.1" }]);
    assert.equal(blackbox?.ports, undefined);
    for (const each of [prometheus, alertmanager, blackbox]) {
      assert.deepEqual([each?.user, each?.securityOpts, each?.cpuShares], ["65534:65534", ["no-new-privileges"], 102]);
      assert.deepEqual(each?.capabilities, { drops: ["ALL"] });
      // An image's own command would be another file.
      assert.match(String((each?.command as string[] | undefined)?.[0]), /^--config\.file=\//);
    }
  });

  test("keep what they have seen on volumes of the stack's own, which go with it", async () => {
    await watch();
    for (const [name, path] of [
      ["monitoring-prometheus", "/prometheus"],
      ["monitoring-alertmanager", "/alertmanager"],
    ] as const) {
      assert.deepEqual(one(CONTAINER, name).volumes, [{ volumeName: `blue-green-dev-${name}`, containerPath: path }]);
      assert.equal(one(VOLUME, name).name, `blue-green-dev-${name}`);
      assert.ok(optionsOf(CONTAINER, name).dependencies.includes(`${VOLUME} ${name}`));
    }
    const command = (one(CONTAINER, "monitoring-prometheus").command as string[]).join(" ");
    assert.match(command, /retention\.time=\d+d .*retention\.size=\d+MB/);
  });

  test("have who gets alerts in a file of Alertmanager's, as a secret, and no label goes by it", async () => {
    await watch();
    const before = labelsOf("monitoring-alertmanager");
    await watch({ alertReceiver: { webhook_configs: [{ url: PLANTED }] } });
    const { uploads } = one(CONTAINER, "monitoring-alertmanager") as { uploads: { [key: string]: unknown } };
    assert.equal(
      uploads["4dabf18193072939515e22adb298388d"],
      "1b47061264138c4ac30d75fd1eb44270",
      "Pulumi's mark of a secret",
    );
    assert.match(JSON.stringify(uploads.value), /"\/alertmanager\.yml".*planted|planted.*"\/alertmanager\.yml"/);
    assert.deepEqual(labelsOf("monitoring-alertmanager"), before);
    const others = made.filter(({ type, name }) => type !== CONTAINER || name !== "monitoring-alertmanager");
    assert.doesNotMatch(JSON.stringify(others), /planted/);
  });

  test("a change of the settings of one of them is a change of that one alone", async () => {
    await watch();
    const before = new Map(made.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]));
    const changed = async (settings: Partial<Settings>) => {
      await watch(settings);
      return made
        .filter(
          ({ type, name, inputs }) => type === CONTAINER && before.get(`${type} ${name}`) !== JSON.stringify(inputs),
        )
        .map(({ name }) => name);
    };
    assert.deepEqual(await changed({ prometheusPort: 9999 }), ["monitoring-prometheus"]);
    assert.deepEqual(await changed({ alertReceiver: { webhook_configs: [{ url: PLANTED }] } }), [
      "monitoring-alertmanager",
    ]);
    assert.deepEqual(await changed({ healthStatus: "200" }), ["monitoring-blackbox"]);
    assert.deepEqual(await changed({ activeColor: "green" }), [], "a switch touches none of them");
  });
});

describe("what watches a service by name", () => {
  const container = (name: string, spec: object, labels: Record<string, string> = {}) => ({
    Id: name,
    Name: `/blue-green-dev-${name}`,
    Config: {
      Labels: {
        ...{ [LABEL.project]: "blue-green", [LABEL.stack]: "dev", [LABEL.role]: "monitoring" },
        ...{ [LABEL.monitoring]: "prometheus", [LABEL.spec]: JSON.stringify(spec), ...labels },
      },
    },
  });
  const shop = { ...owner, service: "shop" };
  const seen = (...found: ReturnType<typeof container>[]) =>
    worldOf(shop, found, []).beside?.monitoring?.map((each) => each.container);

  test("says in its label which ones it watches, and is seen with each of them", async () => {
    await watch({}, "shop");
    assert.deepEqual(JSON.parse(labelsOf("monitoring-prometheus")[LABEL.spec] ?? "").services, ["shop"]);
    assert.equal(labelsOf("monitoring-prometheus")[LABEL.service], undefined);
    const watching = container("monitoring-prometheus", { services: ["api", "shop"] });
    assert.deepEqual(seen(watching), ["blue-green-dev-monitoring-prometheus"]);
    for (const other of [
      container("monitoring-prometheus", { services: ["api"] }),
      container("monitoring-prometheus", { services: "shop" }),
      container("prometheus", { services: ["shop"] }),
      container("monitoring-prometheus", { services: ["shop"] }, { [LABEL.role]: "accessory" }),
      container("monitoring-prometheus", { services: ["shop"] }, { [LABEL.stack]: "prod" }),
    ])
      assert.equal(seen(other), undefined, other.Name);
  });

  test("is no stranger on the service's network, as long as it is there", () => {
    const none = worldOf(shop, [], []);
    const there = worldOf(shop, [container("monitoring-prometheus", { services: ["shop"] })], []);
    const names = ["prometheus", "alertmanager", "blackbox"].map((part) => `blue-green-dev-monitoring-${part}`);
    const on = { ...sampleSettings, monitoring: "on" as const };
    assert.deepEqual(watchersOn(shop, sampleSettings, none), []);
    assert.deepEqual(watchersOn(shop, { monitoring: "metrics" }, none), []);
    assert.deepEqual(watchersOn(shop, on, none), names);
    assert.deepEqual(watchersOn(shop, sampleSettings, there), names, "in the run that takes them away");
    assert.deepEqual(watchersOn(shop, on, { unknown: true, reason: "" }), names);
    // Of a service without a name they are called as its own.
    assert.deepEqual(watchersOn(owner, on, none), []);
    assert.match("monitoring-prometheus", new RegExp(`^(${serviceEnds(on, none)})$`));
  });
});
