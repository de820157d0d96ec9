import assert from "node:assert/strict";
import { test } from "node:test";
import { TestReceiver } from "../cutover/receiver.sample";
import { readPage, sumOf } from "../prometheus";
import { backendImages } from "./backend";
import { row, says, until } from "./failures";
import { addressForContainers, monitoringImages, TestPrometheus, toldBy } from "./prometheus";
import { freePorts, get, TestStack } from "./stack";

const WATCHING = ["prometheus", "alertmanager", "blackbox"];
const PLANTED = "planted-in-the-receiver";
/** The default of monitoringMemoryMb. */
const MEMORY_MB = 512;

test("monitoring: on brings a Prometheus that sees the colors, and whose end nobody notices", async (t) => {
  const prometheus = await TestPrometheus.make();
  const [metricsPort = 0] = await freePorts(1);
  const receiver = await TestReceiver.listen(t, { host: await addressForContainers() });
  const stack = await TestStack.make(t, {
    ...(await backendImages()),
    ...(await monitoringImages()),
    ...{ monitoring: "on", metricsPort: String(metricsPort), prometheusPort: String(prometheus.port) },
    ...{ alertmanagerPort: String(prometheus.alertmanagerPort), keepAliveSeconds: "3", drainSeconds: "5" },
  });
  await stack.set("alertReceiver.webhook_configs[0].url", `${receiver.url}/${PLANTED}`, "--secret", "--path");
  const part = (name: string) => `blue-green-${stack.name}-monitoring-${name}`;
  const live = async () =>
    (await prometheus.query("blue_green_live == 1")).map(({ labels: { color, project, stack } }) => ({
      ...{ color, project, stack },
    }));
  const isLive = (color: string) => ({ color, project: "blue-green", stack: stack.name });
  const shown: string[] = [];

  await t.test("asks the page and the front door, and no look of its own counts as a visit", async () => {
    shown.push(await stack.pulumi("preview", "--diff"));
    const said = await stack.up();
    shown.push(said);
    says(said, "blue is live");
    await until("Prometheus has asked both", async () => {
      const targets = await prometheus.targets();
      return targets.length === 2 && targets.every(({ health }) => health === "up");
    });
    await until("blue is live", async () => (await live()).length === 1);
    assert.deepEqual(await live(), [isLive("blue")]);
    await until("the front door answers", async () => (await prometheus.query("probe_success == 1")).length === 1);
    const [front] = await prometheus.query('probe_http_status_code{job="front"}');
    assert.deepEqual([front?.value, front?.labels.stack], [200, stack.name]);
    assert.equal((await get(`${stack.url}/`)).status, 200);
    const visits = async () => {
      const page = readPage((await get(`http://127.0.0.1:${metricsPort}/metrics`)).body);
      return ["active", "sticky", "canary"].map((visitor) =>
        sumOf(page, "blue_green_http_requests_total", { visitor }),
      );
    };
    await until("the visit is counted", async () => (await visits())[0] !== 0);
    assert.deepEqual(await visits(), [1, 0, 0], "and no look, all of which came before it");
  });

  await t.test("is known to status, drift and the next run", async () => {
    await stack.pulumi("preview", "--expect-no-changes");
    const status = await stack.command("npm", "run", "--silent", "status");
    assert.equal(status.code, 0, status.output);
    says(status.output, "alertmanager runs; blackbox runs; metrics runs; prometheus runs");
    const drift = await stack.command("npm", "run", "--silent", "drift");
    assert.equal(drift.code, 0, drift.output);
    shown.push(status.output, drift.output);
  });

  await t.test("has little power and a bounded memory, and its ports are the loopback's", async () => {
    const found = JSON.parse(await stack.docker("inspect", ...WATCHING.map(part)));
    shown.push(JSON.stringify(found));
    let memory = 0;
    for (const { HostConfig, Config } of found) {
      assert.deepEqual([HostConfig.CapDrop, HostConfig.SecurityOpt], [["ALL"], ["no-new-privileges"]]);
      assert.equal(Config.User, "65534:65534");
      memory += HostConfig.Memory / 1024 / 1024;
      for (const bindings of Object.values(HostConfig.PortBindings ?? {}) as { HostIp: string }[][])
        assert.deepEqual(
          bindings.map(({ HostIp }) => HostIp),
          ["127.0.0.1"],
        );
    }
    assert.equal(memory, MEMORY_MB);
  });

  await t.test("sends an alert to a receiver that was set with --secret, which nothing shows", async () => {
    const alert = [{ labels: { alertname: "Planted", stack: stack.name }, annotations: { summary: "a test" } }];
    const answer = await fetch(`http://127.0.0.1:${prometheus.alertmanagerPort}/api/v2/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(alert),
    });
    assert.equal(answer.status, 200);
    await until("it comes", () => toldBy(receiver).includes("firing Planted"), 90);
    assert.equal(receiver.received[0]?.path, `/${PLANTED}`);
    shown.push(await stack.pulumi("stack", "export"), await stack.docker("logs", part("alertmanager")));
    for (const text of shown) assert.ok(!text.includes(PLANTED), text);
  });

  await row(t, stack, "Prometheus killed, then a switch", async () => {
    await stack.docker("kill", part("prometheus"));
    const status = await stack.command("npm", "run", "--silent", "status");
    says(
      status.output,
      `the container ${part("prometheus")} ended with exit code 137 (no alerts meanwhile; visitors don't notice)`,
    );
    says(await stack.switchTo("green"), "green is live");
    await stack.docker("start", part("prometheus"));
    await until("green is live", async () => JSON.stringify(await live()) === JSON.stringify([isLive("green")]), 90);
  });

  await t.test("keeps what it has seen, also where its container is made again", async () => {
    await stack.set("monitoringMemoryMb", "256");
    const before = await stack.docker("inspect", "--format", "{{.Id}}", part("metrics"));
    says(await stack.up(), "3 replaced");
    await until("it has seen blue live", async () => {
      const [seen] = await prometheus.query('max_over_time(blue_green_live{color="blue"}[30m])');
      return seen?.value === 1;
    });
    assert.equal(await stack.docker("inspect", "--format", "{{.Id}}", part("metrics")), before);
    const stats = await stack.docker(
      ...["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.CPUPerc}}"],
      ...WATCHING.map(part),
    );
    console.log(`Memory with monitoringMemoryMb 256:\n${stats}`);
    for (const { State, RestartCount } of JSON.parse(await stack.docker("inspect", ...WATCHING.map(part))))
      assert.deepEqual([State.Status, State.OOMKilled, RestartCount], ["running", false, 0]);
  });

  await t.test("goes as it came, with what it kept", async () => {
    await stack.set("monitoring", "metrics");
    await stack.up();
    const mine = ["--filter", `label=blue-green.stack=${stack.name}`, "--filter", "label=blue-green.role=monitoring"];
    const left = await stack.docker("ps", "--all", "--format", "{{.Names}}", ...mine);
    assert.deepEqual(left.trim().split("\n").sort(), [part("metrics")]);
    assert.equal(await stack.docker("volume", "ls", "--quiet", ...mine), "");
    await stack.pulumi("preview", "--expect-no-changes");
  });
});
