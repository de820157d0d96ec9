import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import type { Report } from "../../commands/drift/report";
import { assertNoFailures, keepAliveGets, LIGHT, summarize, webSockets } from "../load";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { backendImages } from "./backend";
import { until } from "./failures";
import { Program } from "./program";
import { monitoringImages, TestPrometheus } from "./prometheus";
import { baseImages, freePorts, get } from "./stack";

const EXAMPLE = join(__dirname, "..", "..", "examples", "two-services");

test("another program runs two services of the package behind one gateway", async (t) => {
  const program = await Program.make(t, EXAMPLE);
  const ports = await freePorts(8);
  const [https, http, shopHttp, shopBlue, shopGreen, apiHttp, apiBlue, apiGreen] = ports;
  const { nginxImage = "", appBaseImage = "" } = baseImages();
  const { blueImage = "", greenImage = "" } = await backendImages();
  const subnet = `10.213.${process.pid % 250}`;
  const address = `${subnet}.254`;
  await program.configure({
    ...{ shopColor: "blue", apiColor: "green", httpPort: String(http), subnet: `${subnet}.0/24` },
    ...{ "images.nginxImage": nginxImage, "images.appBaseImage": appBaseImage },
    // The shop has an image of its own, which speaks WebSockets too; the api is built from the example's app/.
    ...{ "shop.blueImage": blueImage, "shop.greenImage": greenImage, "shop.greenVersion": "2.0.0" },
    ...{ "shop.httpPort": String(shopHttp), "shop.bluePort": String(shopBlue), "shop.greenPort": String(shopGreen) },
    ...{ "api.httpPort": String(apiHttp), "api.bluePort": String(apiBlue), "api.greenPort": String(apiGreen) },
    ...{ "shop.bakeSeconds": "1", "api.bakeSeconds": "3", "api.keepAliveSeconds": "2", "api.drainSeconds": "2" },
  });
  const url = `http://127.0.0.1:${http}`;
  const named = (part: string) => `two-services-${program.name}-${part}`;
  const answer = async (host: string | undefined, path: string) => {
    const { status, headers, body } = await get(url + path, host === undefined ? {} : { Host: host });
    return { status, color: headers["x-color"], body };
  };
  const generation = async (part: string) =>
    (await program.docker("exec", named(part), "curl", "-s", "http://127.0.0.1:8081/generation")).trim();
  const apiLoad = () => keepAliveGets({ ...LIGHT, url: `${url}/api/orders`, connections: 8 });
  const shopLoad = () => keepAliveGets({ ...LIGHT, url: `${url}/`, connections: 8 });

  await t.test("its types are those that the package brings", async () => {
    const { code, output } = await program.command("npx", "tsc", "--noEmit");
    assert.equal(code, 0, output);
    // A project as Pulumi's own templates make it finds them too.
    const older = ["--module", "commonjs", "--moduleResolution", "node10", "--ignoreDeprecations", "6.0"];
    const template = await program.command("npx", "tsc", "--noEmit", ...older);
    assert.equal(template.code, 0, template.output);
  });

  await t.test("up brings both, each on its own color, by host and by path", async () => {
    await program.up();
    const api = (path: string) => ({ service: "api", color: "green", version: "1.0.0", path });
    const seen = await answer("api.localhost", "/orders?a=1");
    assert.deepEqual([seen.status, seen.color, JSON.parse(seen.body)], [200, "green", api("/orders?a=1")]);
    const below = await answer("any.example", "/api/orders");
    assert.deepEqual([below.status, below.color, JSON.parse(below.body)], [200, "green", api("/api/orders")]);
    assert.equal((await answer(undefined, "/api")).color, "green");
    for (const [host, path] of [
      ["shop.localhost", "/"],
      ["SHOP.localhost:8080", "/"],
      [undefined, "/"],
    ] as const) {
      const { status, color, body } = await answer(host, path);
      assert.deepEqual([status, color], [200, "blue"]);
      assert.match(body, /Hello from Blue\/Green App!/);
    }
    assert.equal((await answer(undefined, "/apiary")).color, "blue", "a path ends where its segment ends");
    await program.pulumi("preview", "--expect-no-changes");
    await program.pulumi("refresh", "--yes", "--skip-preview");
    await program.pulumi("preview", "--expect-no-changes");
  });

  await t.test(
    "an app gets from the gateway alone who asks for what, and the id by which the logs name it",
    async () => {
      const claimed = {
        Host: "shop.localhost:81",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Request-Id": "x",
      };
      const seen = JSON.parse((await get(`${url}/headers`, { ...claimed, Forwarded: "for=1.2.3.4" })).body);
      const [client] = seen["x-real-ip"];
      assert.notEqual(client, address, "the gateway is not the client");
      assert.deepEqual(seen["x-forwarded-for"], [`${client}, ${address}`]);
      assert.doesNotMatch(JSON.stringify(seen), /1\.2\.3\.4/);
      assert.deepEqual(seen["x-forwarded-proto"], ["http"]);
      assert.deepEqual(seen["x-forwarded-host"], ["shop.localhost:81"]);
      assert.deepEqual(seen["x-forwarded-port"], ["81"]);
      const [id] = seen["x-request-id"];
      assert.match(id, /^[0-9a-f]{32}$/);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (const part of ["gateway", "shop-proxy"]) {
        assert.ok((await program.docker("logs", named(part))).includes(`"requestId":"${id}"`), part);
      }
      // Past the gateway nobody is believed.
      const direct = JSON.parse((await get(`http://127.0.0.1:${shopHttp}/headers`, claimed)).body);
      assert.doesNotMatch(JSON.stringify(direct), /1\.2\.3\.4/);
    },
  );

  await t.test("the preview of a switch is one changed line, of that service alone", async () => {
    await program.configure({ apiColor: "blue" });
    const { steps } = JSON.parse(await program.pulumi("preview", "--json"));
    const changed = (steps as { op: string; urn: string }[]).filter(({ op }) => op !== "same");
    assert.deepEqual(
      changed.map(({ op, urn }) => [op, urn.split("::").at(-1)]),
      [["update", "api-cutover"]],
    );
    const diff = await program.pulumi("preview", "--diff", "--color", "never");
    const lines = diff.split("\n").filter((line) => /^\s*[-+] /.test(line));
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/\s+/g, " ")),
      ["- default green;", "+ default blue;"],
    );
  });

  await t.test("a switch drops nothing of either, and touches nothing of the other", async () => {
    const before = { containers: await program.all("container"), shop: await generation("shop-proxy") };
    const loads = [apiLoad(), shopLoad()];
    const sockets = webSockets({ url: `ws://127.0.0.1:${http}/ws`, connections: 4, drainSeconds: 0 });
    await program.up();
    const reports = await Promise.all([...loads, sockets].map((load) => load.stop()));
    for (const report of reports) {
      console.log(summarize(report));
      assertNoFailures(report);
    }
    const [api, shop] = reports;
    assert.deepEqual(Object.keys(api?.colors ?? {}).sort(), ["blue", "green"]);
    assert.deepEqual(Object.keys(shop?.colors ?? {}), ["blue"]);
    assert.equal(sockets.report.connects, 4, "no WebSocket of the other service was closed");
    assert.deepEqual({ containers: await program.all("container"), shop: await generation("shop-proxy") }, before);
    assert.equal((await answer("api.localhost", "/")).color, "blue");
  });

  await t.test("one more route is some more lines and a reload, which drops nothing", async () => {
    const before = await program.all("container");
    const routes = await generation("gateway");
    program.edit("index.ts", (text) =>
      text.replace("routes: [", 'routes: [\n      { path: "/orders", service: "api" },'),
    );
    const diff = await program.pulumi("preview", "--diff", "--color", "never");
    const lines = diff.split("\n").filter((line) => /^\s*[-+] /.test(line));
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/\s+/g, " ")),
      [
        "+ location = /orders {",
        "+ proxy_pass http://api;",
        "+ }",
        "+ location /orders/ {",
        "+ proxy_pass http://api;",
        "+ }",
      ],
    );
    const loads = [apiLoad(), shopLoad()];
    const sockets = webSockets({ url: `ws://127.0.0.1:${http}/ws`, connections: 4, drainSeconds: 0 });
    await program.up();
    for (const load of [...loads, sockets]) {
      const report = await load.stop();
      console.log(summarize(report));
      assertNoFailures(report);
    }
    assert.equal(sockets.report.connects, 4);
    assert.equal((await answer(undefined, "/orders/7")).color, "blue");
    assert.deepEqual(await program.all("container"), before);
    assert.notEqual(await generation("gateway"), routes);
  });

  await t.test("routes that nginx does not take leave those of before", async () => {
    const routes = await generation("gateway");
    const template = "node_modules/blue-green/dist/nginx/gateway.conf.mustache";
    program.edit(template, (text) => text.replace("server_tokens off;", "server_tokens maybe;"));
    const { code, output } = await program.command("pulumi", "--non-interactive", "up", "--yes", "--skip-preview");
    assert.notEqual(code, 0);
    assert.match(output, /nginx refuses the configuration\.[\s\S]*invalid value "maybe"/);
    assert.equal(await generation("gateway"), routes);
    program.edit(template, (text) => text.replace("server_tokens maybe;", "server_tokens off;"));
    await program.up();
    assert.equal(await generation("gateway"), routes);
  });

  await t.test("a service that is not there stops nothing of the others", async () => {
    await program.docker("stop", named("api-proxy"));
    // As long as its address is remembered, for a second, its silence is waited for.
    assert.ok([502, 504].includes((await answer("api.localhost", "/")).status));
    assert.equal((await answer("shop.localhost", "/")).status, 200);
    await program.docker("start", named("api-proxy"));
  });

  await t.test(
    "npx blue-green drift finds what a hand changed of each service and of the gateway, and mends it",
    async () => {
      const drift = (...args: string[]) => program.command("npx", "--no-install", "blue-green", "drift", ...args);
      const found = async (...args: string[]) => {
        const { output } = await drift("--json", ...args);
        const { differences, exit } = JSON.parse(output) as Report;
        return [exit, ...differences.map(({ resource, what, mendedBy }) => `${resource}: ${what}, ${mendedBy}`)];
      };
      assert.deepEqual(await found(), [0]);

      await program.docker("stop", "--time", "0", named("api-green"));
      await program.docker("rm", "--force", named("shop-green"));
      const spoil = "sed -i 's/server_tokens off/server_tokens on/' /var/lib/blue-green/nginx.conf";
      await program.docker("exec", named("gateway"), "sh", "-c", spoil);
      await program.docker("exec", named("shop-proxy"), "sh", "-c", spoil);
      const all = await found();
      assert.deepEqual(all, [
        1,
        "api-green: state, --fix",
        "shop-green: container, --fix",
        ...all.filter((row) => /^shop nginx: nginx\.conf, line \d+, --fix$/.test(String(row))),
        "gateway nginx: nginx.conf, --fix",
      ]);
      assert.equal(all.length, 5);
      assert.deepEqual(await found("--service", "api"), [1, "api-green: state, --fix"]);
      const none = await drift("--service", "cart");
      assert.equal(none.code, 3, none.output);
      assert.match(none.output, /There is no service "cart" in this stack; it has api, shop/);

      // What is not carried out yet of one service keeps `--fix` from an `up`, which would switch.
      await program.configure({ apiColor: "green" });
      const blocked = await drift();
      assert.match(blocked.output, /activeColor of api is green, and blue was the last one/);
      await program.configure({ apiColor: "blue" });

      const before = { api: (await answer("api.localhost", "/")).color, generation: await generation("api-proxy") };
      const loads = [apiLoad(), shopLoad()];
      const fixed = await drift("--fix");
      assert.equal(fixed.code, 0, fixed.output);
      assert.match(fixed.output, /: what runs is what is declared\n$/);
      for (const load of loads) assertNoFailures(await load.stop());
      assert.deepEqual(
        { api: (await answer("api.localhost", "/")).color, generation: await generation("api-proxy") },
        before,
      );
    },
  );

  await t.test(
    "npx blue-green preview says of each service what becomes of it, and of one alone with --service",
    async () => {
      const preview = (...args: string[]) => program.command("npx", "--no-install", "blue-green", "preview", ...args);
      await program.configure({ apiColor: "green" });
      const all = await preview();
      assert.equal(all.code, 0, all.output);
      assert.match(all.output, /: green goes live$/m);
      assert.match(all.output, /^- two-services-\S+-api: Goes live: green/m);
      assert.match(all.output, /^- two-services-\S+-api: Requests: none is dropped: nginx stays up and takes/m);
      assert.match(all.output, /^- two-services-\S+-shop: Stays live: blue/m);
      assert.match(
        all.output,
        /^- two-services-\S+-shop: Requests: none is dropped: nginx and its configuration stay/m,
      );
      const one = await preview("--service", "shop");
      assert.equal(one.code, 0, one.output);
      assert.match(one.output, /^- Stays live: blue/m);
      assert.doesNotMatch(one.output, /api/);
      const none = await preview("--service", "cart");
      assert.equal(none.code, 3, none.output);
      assert.match(none.output, /There is no service "cart" in this stack; it has api, shop/);
      await program.configure({ apiColor: "blue" });
    },
  );

  await t.test("what would replace the gateway is refused before anything is touched", async () => {
    const before = await program.all("container");
    // With a switch in the same run, which must not have begun either.
    await program.configure({ httpPort: "1", apiColor: "green" });
    const { code, output } = await program.command("pulumi", "--non-interactive", "up", "--yes", "--skip-preview");
    assert.notEqual(code, 0);
    assert.equal((await answer("api.localhost", "/")).color, "blue");
    assert.match(output, new RegExp(`this would replace the gateway's container \\(httpPort ${http} -> 1\\)`));
    await program.configure({ httpPort: String(http), apiColor: "blue", subnet: "10.212.0.0/24" });
    const other = await program.command("pulumi", "--non-interactive", "up", "--yes", "--skip-preview");
    assert.notEqual(other.code, 0);
    assert.match(other.output, /\(subnet 10\.213\.\d+\.0\/24 -> 10\.212\.0\.0\/24\)/);
    assert.deepEqual(await program.all("container"), before);
  });

  await t.test("on purpose it is replaced, here for TLS, which it then speaks for all of them", async () => {
    const { certificate, key } = makeCertificate({ names: ["shop.localhost", "api.localhost"], days: 90 });
    writeFileSync(join(program.directory, "tls.crt"), certificate);
    writeFileSync(join(program.directory, "tls.key"), key);
    await program.configure({ subnet: `${subnet}.0/24` });
    const tls = `tlsCertificate: "tls.crt", tlsKey: "tls.key", httpsPort: ${https}, allowReplace: true,`;
    program.edit("index.ts", (text) => text.replace("      routes: [", `      ${tls}\n      routes: [`));
    await program.up();
    const color = await new Promise((resolve, reject) => {
      const headers = { Host: "api.localhost" };
      const how = {
        host: "127.0.0.1",
        port: https,
        servername: "api.localhost",
        ca: certificate,
        headers,
        agent: false,
      };
      request(how, (response) => resolve(response.headers["x-color"]))
        .on("error", reject)
        .end();
    });
    assert.equal(color, "blue");
    const { status, headers } = await get(`${url}/x`, { Host: "shop.localhost" });
    assert.deepEqual([status, headers.location], [308, `https://shop.localhost:${https}/x`]);
    assert.doesNotMatch(await program.pulumi("stack", "export"), /BEGIN (EC )?PRIVATE KEY/);
    const modes = await program.docker(
      "exec",
      named("gateway"),
      "sh",
      "-c",
      "stat -c %a /var/lib/blue-green/files/*.key",
    );
    assert.equal(modes.trim(), "600");
    await program.pulumi("preview", "--expect-no-changes");
  });

  await t.test("a Prometheus of its own sees that the gateway answers, and when its certificate ends", async () => {
    const prometheus = await TestPrometheus.make();
    const [metricsPort = 0] = await freePorts(1);
    const { port: prometheusPort, alertmanagerPort } = prometheus;
    const given = { monitoring: "on", metricsPort, prometheusPort, alertmanagerPort, ...(await monitoringImages()) };
    await program.configure(Object.fromEntries(Object.entries(given).map(([name, value]) => [`shop.${name}`, value])));
    await program.up();
    const gateway = `{instance="${named("gateway")}:8443",service=""}`;
    await until("the gateway was asked", async () => {
      const [answers] = await prometheus.query(`probe_success${gateway}`);
      return answers?.value === 1;
    });
    const [left] = await prometheus.query(`probe_ssl_earliest_cert_expiry${gateway} - time()`);
    assert.ok(left !== undefined && left.value > 89 * 86400, JSON.stringify(left));
    const drift = await program.command("npx", "--no-install", "blue-green", "drift");
    assert.equal(drift.code, 0, drift.output);
    await program.pulumi("preview", "--expect-no-changes");
  });

  await t.test("npx blue-green status shows every service on one screen, and one of them in full", async () => {
    const status = (...args: string[]) => program.command("npx", "--no-install", "blue-green", "status", ...args);
    const all = await status();
    assert.equal(all.code, 0, all.output);
    assert.match(all.output, /^two-services, stack \S+: well/);
    assert.match(all.output, /^api +(?:blue|green) \S+ +(?:blue|green) \S+ .* well$/m);
    assert.match(all.output, /^shop +(?:blue|green) \S+ +(?:blue|green) \S+ .* well$/m);
    assert.match(all.output, /^ {2}see all of api {2}npx blue-green status --service api$/m);
    for (const line of all.output.split("\n")) assert.ok(line.length <= 80, line);

    const one = await status("--service", "shop");
    assert.equal(one.code, 0, one.output);
    assert.match(one.output, /^two-services, stack \S+, shop: well/);
    assert.match(one.output, /pulumi up\s+# once the program gives shop activeColor (?:blue|green)/);
    assert.doesNotMatch(one.output, /npm run|config set/);
    const none = await status("--service", "cart");
    assert.equal(none.code, 3, none.output);
    assert.match(none.output, /There is no service "cart" in this stack; it has api, shop/);

    await program.docker("stop", "--time", "0", named("gateway"), named("api-green"));
    const json = await status("--json");
    assert.equal(json.code, 2, json.output);
    const { level, gateway, services } = JSON.parse(json.output);
    assert.deepEqual([level, gateway], ["down", { name: named("gateway"), running: false }]);
    assert.deepEqual([services.api.level, services.shop.level], ["degraded", "well"]);
    const ill = await status();
    assert.match(
      ill.output,
      /^! the gateway two-services-\S+-gateway does not run: no\s+service\s+can\s+be\s+reached\s+through\s+it$/m,
    );
    assert.match(ill.output, /^! api: green/m);
    assert.match(ill.output, /^ {2}start the gateway {2}docker start two-services-\S+-gateway$/m);
    await program.docker("start", named("gateway"), named("api-green"));

    const version = await program.command("npx", "--no-install", "blue-green", "--version");
    assert.match(version.output, /^\d+\.\d+\.\d+\n$/);
  });

  await t.test("destroy leaves no container, network or volume", async () => {
    await program.pulumi("destroy", "--yes", "--skip-preview");
    for (const kind of ["container", "network", "volume"] as const) assert.deepEqual(await program.all(kind), []);
  });
});
