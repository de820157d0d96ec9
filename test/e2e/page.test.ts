import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsInputs } from "../../stacks/monitoring";
import { pageFiles } from "../../stacks/monitoringPage";
import { containerName, PROXY_DIRECTORY } from "../../stacks/service/names";
import { headersOfServer } from "../monitoring/page.sample";
import { sampleSettings } from "../stacks/settings/settings.sample";
import { until } from "./failures";
import { flagsOf, TestNetwork } from "./nginxAlone";
import { baseImages, get, must } from "./stack";

/** Names as long as an engine's DNS takes them: 63 characters. */
const OWNER = { project: "blue-green-two-services", stack: "test", service: "a-shop-by-names" };
const SETTINGS = { ...sampleSettings, monitoring: "on" as const };
const PROMETHEUS = "blue-green-two-services-test-monitoring-prometheus";
const OWN = containerName(OWNER, "monitoring-metrics");

/** The proxy and Prometheus as the page's server meets them; Prometheus says what it was asked. */
const OTHERS = `
events {}
http {
    access_log off;
    server { listen 8084; location = /metrics { return 200 "blue_green_live{color=\\"green\\"} 1\\n"; } location / { return 200 "x green"; } }
    server {
        listen 9090;
        add_header Access-Control-Allow-Origin *;
        location / { return 200 "$request_method $request_uri [$http_cookie$http_authorization$http_origin] $content_length\\n"; }
    }
}`;

/** Starts the container that serves the page as the program declares it, with the others beside it. */
async function served(t: Parameters<typeof TestNetwork.create>[0]): Promise<{ id: string; url: string }> {
  const network = await TestNetwork.create(t);
  const image = baseImages().nginxImage ?? "";
  const names = [PROMETHEUS, containerName(OWNER, "proxy")];
  const serve = `echo "$CONF" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'`;
  const aliases = names.flatMap((name) => ["--network-alias", name]);
  await network.run(...aliases, "--env", `CONF=${OTHERS}`, "--entrypoint", "/bin/sh", image, "-c", serve);
  const { command, envs, ...container } = metricsInputs({ owner: OWNER, settings: SETTINGS });
  const variables = envs.flatMap((text) => ["--env", text]);
  const flags = [...flagsOf({ ...container, name: "" }), "--network-alias", OWN, ...variables];
  const { id, address } = await network.run(...flags, "--entrypoint", "/bin/sh", image, "-c", command[0] ?? "");
  const url = `http://${address}:8080`;
  await until("it answers", async () => (await get(`${url}/`).catch(() => undefined))?.status === 200, 20).catch(
    async (error) => assert.fail(`${error}\n${await must("docker", ["logs", id])}`),
  );
  return { id, url };
}

test("the page's server", async (t) => {
  const { id, url } = await served(t);
  const inside = (script: string) => must("docker", ["exec", id, "sh", "-c", script]);
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await get(`${url}${path}`, headers)).status;

  await t.test("has all files of the page with their types, and the same headers on everything", async () => {
    const files = pageFiles(OWNER, SETTINGS);
    const types: Record<string, string> = {
      js: "text/javascript",
      css: "text/css",
      svg: "image/svg+xml",
      json: "application/json",
    };
    assert.equal((await get(`${url}/`)).body, files["index.html"]);
    for (const [name, text] of Object.entries(files)) {
      const { status, headers, body } = await get(`${url}/${name}`);
      assert.deepEqual([status, body.trim()], [200, text.trim()], name);
      assert.match(
        String(headers["content-type"]),
        new RegExp(`^${types[name.split(".").at(-1) ?? ""] ?? "text/html"}; charset=utf-8$`.replace("+", "\\+")),
        name,
      );
    }
    assert.equal(headersOfServer().length, 7);
    for (const path of [
      "/",
      "/page.js",
      "/settings.json",
      "/metrics",
      "/history.jsonl",
      "/none",
      "/api/v1/query?query=up",
    ]) {
      const { headers } = await get(`${url}${path}`);
      for (const [name, value] of headersOfServer())
        assert.equal(headers[name.toLowerCase()], value, `${path} ${name}`);
      const cors = Object.keys(headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(cors, [], path);
    }
    assert.match((await get(`${url}/metrics`)).body, /blue_green_live\{color="green"\} 1/);
  });

  await t.test("answers nobody who came by a name that somebody else can lead here", async () => {
    const address = new URL(url).hostname;
    for (const host of [
      "localhost",
      "LOCALHOST:9113",
      "127.0.0.1:9113",
      "127.1.2.3",
      "[::1]:9113",
      `${address}:8080`,
      `${OWN}:8080`,
      "host.docker.internal:9113",
    ])
      for (const path of ["/", "/metrics"]) assert.equal(await status(path, { host }), 200, host);
    for (const host of [
      "evil.example",
      "evil.example:9113",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "evil-localhost",
      "1.2.3.4.x",
      "[::1].evil.example",
      `${OWN}.evil.example`,
    ])
      for (const path of ["/", "/metrics", "/history.jsonl", "/settings.json", "/api/v1/query?query=up"]) {
        const { status, body } = await get(`${url}${path}`, { host });
        assert.ok(status === 403 || status === 400, `${host} ${path}: ${status}`);
        assert.doesNotMatch(body, /blue_green_live|<!doctype html/i, host);
      }
    assert.equal(
      (await fetch(`${url}/`, { headers: { origin: "http://evil.example" } })).headers.get(
        "access-control-allow-origin",
      ),
      null,
    );
  });

  await t.test("has the history's end, and says where nothing of it is new", async () => {
    assert.deepEqual(await get(`${url}/history.jsonl`).then(({ status, body }) => [status, body.trim()]), [200, ""]);
    await inside(`seq 100000 >${PROXY_DIRECTORY}/history.jsonl`);
    const end = await get(`${url}/history.jsonl`, { range: "bytes=-65536" });
    assert.deepEqual([end.status, end.body.length, end.body.slice(-7)], [206, 65_536, "100000\n"]);
    const again = await get(`${url}/history.jsonl`, {
      range: "bytes=-65536",
      "if-none-match": String(end.headers.etag),
    });
    assert.deepEqual([again.status, again.body], [304, ""]);
    await inside(
      `echo new >${PROXY_DIRECTORY}/history.next && mv ${PROXY_DIRECTORY}/history.next ${PROXY_DIRECTORY}/history.jsonl`,
    );
    assert.equal(
      (await get(`${url}/history.jsonl`, { range: "bytes=-65536", "if-none-match": String(end.headers.etag) })).body,
      "new\n",
    );
  });

  await t.test("is read alone: no other method, and nothing else of the volume or of its own", async () => {
    for (const path of ["/", "/metrics", "/history.jsonl", "/api/v1/query"])
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        assert.ok([403, 405].includes((await fetch(`${url}${path}`, { method })).status), `${method} ${path}`);
    await inside(`echo secret >${PROXY_DIRECTORY}/cutover.json`);
    for (const path of [
      "/proxy",
      "/requests",
      "/cutover",
      "/colors",
      "/cutover.json",
      "/nginx.conf",
      "/history.jsonl/../cutover.json",
      "/..%2fnginx.conf",
      "/%2e%2e/nginx.conf",
      "/api/v1/query/",
    ]) {
      const { status, body } = await get(`${url}${path}`);
      // What only its own page /metrics is put together from is nothing to anybody else.
      assert.ok(status === 404 || status === 400 || body === "\n", `${path}: ${status}`);
      assert.doesNotMatch(body, /secret|worker_processes|blue_green_/, path);
    }
  });

  await t.test("hands two kinds of questions on to Prometheus, without what the browser says of itself", async () => {
    const { body, status: ok } = await get(`${url}/api/v1/query_range?query=up%7Ba%3D%22b%22%7D&start=1&timeout=1h`, {
      cookie: "a=b",
      authorization: "Basic x",
      origin: url,
    });
    assert.equal(ok, 200);
    assert.equal(
      body,
      "GET /api/v1/query_range?timeout=5s&limit=100&query=up%7Ba%3D%22b%22%7D&start=1&timeout=1h [] \n",
    );
    for (const [from, answer] of [
      ["cross-site", 403],
      ["same-site", 403],
      ["same-origin", 200],
      ["none", 200],
    ] as const)
      assert.equal(await status("/api/v1/query?query=up", { "sec-fetch-site": from }), answer, from);
    for (const path of [
      "/api/v1/labels",
      "/api/v1/admin/tsdb/snapshot",
      "/api/v1/query_exemplars",
      "/api/v1/query/../labels",
      "/-/reload",
      "/graph",
    ])
      assert.equal(await status(path), 404, path);
  });
});
