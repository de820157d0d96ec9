import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestReceiver } from "../cutover/receiver.sample";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { backendImages } from "./backend";
import { says, until } from "./failures";
import { Program } from "./program";
import { addressForContainers, monitoringImages, TestPrometheus, toldBy } from "./prometheus";
import { baseImages, freePorts } from "./stack";

const WATCHING = ["prometheus", "alertmanager", "blackbox"];
const EXAMPLE = join(__dirname, "..", "..", "examples", "two-services");

test("one Prometheus watches two services, and tells of what breaks and of what is mended", async (t) => {
  const program = await Program.make(t, EXAMPLE);
  // Without a gateway a service speaks TLS itself.
  program.edit("index.ts", (text) =>
    text
      .replace(/\n {4}\{\n {6}httpPort: config\.getNumber[\s\S]*?\n {4}\},\n {2}\);/, "\n  );")
      .replace("const { shop, api, gateway }", "const { shop, api }")
      .replace("gateway.url", "shop.url"),
  );
  const prometheus = await TestPrometheus.make();
  const receiver = await TestReceiver.listen(t, { host: await addressForContainers() });
  const [http, https, ...ports] = await freePorts(10);
  const { nginxImage = "", appBaseImage = "" } = baseImages();
  const { blueImage = "", greenImage = "" } = await backendImages();
  const images = await monitoringImages();
  const write = (days: number) => {
    const { certificate, key } = makeCertificate({ names: ["shop.localhost"], days });
    writeFileSync(join(program.directory, "shop.pem"), certificate);
    writeFileSync(join(program.directory, "shop.key"), key, { mode: 0o600 });
  };
  write(2.5);
  const settings = (service: string, from: number) => {
    const [httpPort = 0, bluePort = 0, greenPort = 0, metricsPort = 0] = ports.slice(from);
    const own = { httpPort, bluePort, greenPort, metricsPort, monitoring: "on", blueImage, greenImage };
    return Object.fromEntries(Object.entries(own).map(([name, value]) => [`${service}.${name}`, String(value)]));
  };
  const once = { ...images, prometheusPort: prometheus.port, alertmanagerPort: prometheus.alertmanagerPort };
  await program.configure({
    ...{ shopColor: "blue", apiColor: "green" },
    ...{ "images.nginxImage": nginxImage, "images.appBaseImage": appBaseImage },
    ...settings("shop", 0),
    ...settings("api", 4),
    ...{ "shop.tlsCertificate": "shop.pem", "shop.tlsKey": "shop.key", "shop.httpsPort": String(https) },
    ...{ "shop.alertReceiver.webhook_configs[0].url": receiver.url, "shop.bakeSeconds": "1", "api.bakeSeconds": "1" },
    ...Object.fromEntries(Object.entries(once).map(([name, value]) => [`shop.${name}`, String(value)])),
    "api.prometheusPort": String(http),
  });
  const named = (part: string) => `two-services-${program.name}-${part}`;

  await t.test("what two services say differently of the one is refused", async () => {
    const { code, output } = await program.command("pulumi", "--non-interactive", "up", "--yes", "--skip-preview");
    assert.notEqual(code, 0);
    says(output, `prometheusPort of api is another than that of shop (${http} and ${prometheus.port})`);
    assert.deepEqual(await program.all("container"), []);
    await program.pulumi("config", "rm", "--path", "api.prometheusPort");
  });

  await t.test("both are asked, by one of each, over HTTP and over TLS with the end of the certificate", async () => {
    await program.up();
    await until("all are asked", async () => {
      const targets = await prometheus.targets();
      return targets.length === 5 && targets.every(({ health }) => health === "up");
    });
    const asked = (await prometheus.targets()).map(({ labels: { job, service, instance = "" } }) =>
      [job, service, instance.replace(/:.*/, "")].join(" "),
    );
    const metrics = (service: string) => `blue-green ${service} ${named(`${service}-monitoring-metrics`)}`;
    assert.deepEqual(
      asked.sort(),
      [metrics("api"), metrics("shop"), "front api http", "front shop http", "front shop https"].sort(),
    );
    await until("all front doors answer", async () => (await prometheus.query("probe_success == 1")).length === 3);
    const [end] = await prometheus.query('probe_ssl_earliest_cert_expiry{service="shop"} - time()');
    assert.ok(end !== undefined && end.value > 2 * 86400 && end.value < 2.6 * 86400, JSON.stringify(end));
    const colors = await prometheus.query("blue_green_live == 1");
    assert.deepEqual(colors.map(({ labels: { service, color } }) => `${service} ${color}`).sort(), [
      "api green",
      "shop blue",
    ]);
    const monitoring = (await program.all("container")).filter((line) => line.includes("-monitoring-"));
    assert.equal(monitoring.length, 2 + WATCHING.length);
    const drift = await program.command("npx", "--no-install", "blue-green", "drift");
    assert.equal(drift.code, 0, drift.output);
  });

  await t.test("three troubles are told to the receiver, each once, and that they are over", async () => {
    const began = performance.now();
    // The certificate ends soon since the first run.
    await program.docker("stop", "--time", "0", named("shop-blue"), named("api-proxy"));
    const troubles = ["CertificateEnds shop", "LiveColorDown shop", "ProxyDown api"];
    await until("all three are told", () => troubles.every((one) => toldBy(receiver).includes(`firing ${one}`)), 170);
    console.log(`told after ${((performance.now() - began) / 1000).toFixed(0)} s: ${toldBy(receiver).join(", ")}`);
    const words = receiver.words.flatMap(({ alerts }) => alerts);
    const down = words.find(({ labels }) => labels.alertname === "LiveColorDown");
    says(down.annotations.summary, `${program.name}/shop: blue is live and not well`);
    says(down.annotations.command, `npx blue-green rollback ${program.name} --service shop`);

    const mended = performance.now();
    await program.docker("start", named("shop-blue"), named("api-proxy"));
    write(90);
    await program.up();
    await until("all three are over", () => troubles.every((one) => toldBy(receiver).includes(`resolved ${one}`)), 170);
    console.log(`over after ${((performance.now() - mended) / 1000).toFixed(0)} s`);
    // What follows from these was not told.
    assert.deepEqual([...new Set(toldBy(receiver).map((one) => one.replace(/^\w+ /, "")))].sort(), troubles);
  });

  await t.test("status of each service names one that is down", async () => {
    await program.docker("kill", named("monitoring-alertmanager"));
    const status = await program.command("npx", "--no-install", "blue-green", "status", "--service", "api");
    says(status.output, `${named("monitoring-alertmanager")} ended with exit code 137 (no alerts meanwhile`);
  });

  await t.test("take little of the memory that they may have, after some minutes", async () => {
    const names = WATCHING.map((part) => named(`monitoring-${part}`));
    await program.docker("start", named("monitoring-alertmanager"));
    console.log(
      await program.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.CPUPerc}}", ...names),
    );
    for (const { State } of JSON.parse(await program.docker("inspect", ...names)))
      assert.deepEqual([State.Status, State.OOMKilled], ["running", false]);
  });

  await t.test("destroy leaves nothing", async () => {
    await program.pulumi("destroy", "--yes", "--skip-preview");
    for (const kind of ["container", "network", "volume"] as const) assert.deepEqual(await program.all(kind), []);
  });
});
