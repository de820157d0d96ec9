import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as http2 } from "node:http2";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Nginx } from "../../cutover/proxy";
import { sessionsFile } from "../../cutover/sessions";
import { runSmokeTests } from "../../cutover/smokeTest";
import { dockerAt } from "../../stacks/engine/docker";
import { readNginx } from "../../stacks/engine/scripts";
import { type Routed, renderGateway } from "../../stacks/gateway/routes";
import type { ConfigurationSettings } from "../../stacks/proxy/nginxConfiguration";
import type { SmokeTest } from "../../stacks/service/smokeTest";
import { configurationOf as configured, Fronts, gotBy, headerOf, raw, request, statusOf } from "./nginxAlone";
import { must } from "./stack";

const KIB = 1024;
const WORDS = { blue: "blue-word_0123456", green: "green-word_012345" };
const x = (bytes: number) => "x".repeat(bytes);

/** How long a service and the gateway in front of it keep a connection, and wait for an answer. */
const TIMES = { keepAliveSeconds: 5, proxyTimeoutSeconds: 10 };

/** Renders the configuration of a proxy. */
const configurationOf = (changes: Partial<ConfigurationSettings> = {}) => configured({ ...TIMES, ...changes });

/** What a gateway in front of one service, called `shop`, is configured by. */
function gatewayOf(settings: Partial<Routed["settings"]> = {}): string {
  const shop: Routed = {
    owner: { project: "p", stack: "s", service: "shop" },
    settings: { ...TIMES, maxHeaderKb: 32, underscoreHeaders: false, ...settings },
  };
  return renderGateway(readNginx("gateway.conf.mustache"), [{ service: shop }, { host: "b.example", service: shop }], {
    ...{ keepAliveSeconds: 5, drainSeconds: 30, httpsPort: 8443 },
  });
}

test("the front door, on nginx itself", async (t) => {
  const front = await Fronts.start(t);
  const [plain, canary, small, trusting, second] = await Promise.all([
    front.nginx("shop-proxy", configurationOf()),
    front.nginx("canary", configurationOf({ canaryPercent: 1, underscoreHeaders: true }), {
      "sessions.conf": sessionsFile({ blue: { word: WORDS.blue }, green: { word: WORDS.green } }),
    }),
    front.nginx("small", configurationOf({ maxHeaderKb: 8 })),
    front.nginx("trusting", configurationOf({ trustedProxies: ["0.0.0.0/0"] })),
    // HTTP/2 as behind TLS, without the certificate.
    front.nginx("second", configurationOf().replace("listen 8080 ", "http2 on;\n        listen 8080 ")),
  ]);
  const [gateway, openGateway] = await Promise.all([
    front.nginx("gateway", gatewayOf()),
    front.nginx("open-gateway", gatewayOf({ underscoreHeaders: true })),
  ]);
  const doors = [
    ["proxy", plain.port],
    ["proxy and gateway", gateway.port],
  ] as const;
  /** What came to the app of a request. */
  const got = async (port: number, ...headers: string[]) => gotBy(await raw(port, request("/", ...headers)));

  await t.test("headers of 31 KiB pass both ways, larger ones are refused", async () => {
    for (const [what, port] of doors) {
      for (const [kib, status] of [
        [31, 200],
        [40, 502],
      ] as const) {
        assert.equal(statusOf(await raw(port, request(`/answer?kb=${kib}`))), status, `${what}: answer of ${kib} KiB`);
      }
      const wide = await got(port, `Cookie: ${x(31 * KIB)}`, `Authorization: ${x(20 * KIB)}`);
      assert.equal(wide.headers.find(([name]) => name === "Cookie")?.[1].length, 31 * KIB, what);
      assert.equal(statusOf(await raw(port, request("/", `Cookie: ${x(33 * KIB)}`))), 400, what);
      assert.equal(statusOf(await raw(port, request(`/${x(31 * KIB)}`))), 200, what);
      assert.equal(statusOf(await raw(port, request(`/${x(33 * KIB)}`))), 414, what);
    }
    assert.equal(statusOf(await raw(small.port, request("/answer?kb=31"))), 502, "maxHeaderKb 8");
    assert.equal(statusOf(await raw(small.port, request("/", `Cookie: ${x(9 * KIB)}`))), 400, "maxHeaderKb 8");
  });

  await t.test("those of the idle color are as large, also where the active one answers for it", async () => {
    const session = `Cookie: blue_green_session=${WORDS.green}`;
    const answer = await raw(canary.port, request("/answer?kb=31", session));
    assert.deepEqual([statusOf(answer), headerOf(answer, "X-Color")], [200, "green"]);
    const large = await raw(
      canary.port,
      request("/gone?color=green", session, `X-Large: ${x(31 * KIB)}`, `X-More: ${x(30 * KIB)}`),
    );
    assert.deepEqual([statusOf(large), headerOf(large, "X-Color")], [200, "blue"]);
  });

  await t.test("the gate meets the limits that visitors meet, and says which one", async () => {
    const check = async (path: string, more: Partial<SmokeTest> = {}, id = plain.id) =>
      runSmokeTests(
        [{ name: "one", method: "GET", path, headers: {}, status: 200, json: {}, maxSeconds: 5, ...more }],
        "http://green:5000",
        { color: "green", version: "1" },
        new Nginx(dockerAt(undefined), id).curlThroughProxy,
      );
    assert.equal(await check("/answer?kb=31", { contains: "green" }), undefined);
    assert.match(
      (await check("/answer?kb=40"))?.came ?? "",
      /^502 .*an answer whose header is larger than maxHeaderKb \(32 KiB\)/,
    );
    assert.match((await check("/gone"))?.came ?? "", /^502 .*the connection was refused, or closed before/);
    const headers = { Host: "shop.example", "X-Forwarded-Proto": "https" };
    assert.equal(await check("/x?y=%20", { headers, contains: '["Host", "shop.example"]' }), undefined);
    assert.equal(await check("/", { headers, contains: '["X-Forwarded-Proto", "https"]' }), undefined);
    assert.match((await check("/", { contains: "Proxy-" }))?.came ?? "", /^200/, "nothing that curl says to a proxy");
    // The configuration of an earlier version has no such server yet.
    assert.equal(await check("/answer?kb=40", { contains: "green" }, gateway.id), undefined);
  });

  await t.test("no protocol but WebSocket makes a tunnel, and HTTP2-Settings goes no further", async () => {
    const ask = (port: number, upgrade: string) =>
      raw(
        port,
        `${request("/", "Connection: Upgrade, HTTP2-Settings", `Upgrade: ${upgrade}`, "HTTP2-Settings: AAMAAABkAAQAAP__")}hello\n`,
        700,
      );
    for (const [what, port] of [...doors, ["canary", canary.port]] as const) {
      for (const upgrade of ["h2c", "TLS/1.0", "websocket, h2c", "h2c\r\nUpgrade: websocket"]) {
        const answer = await ask(port, upgrade);
        assert.equal(statusOf(answer), 200, `${what}: ${upgrade}`);
        assert.doesNotMatch(answer, /tunnel|HTTP2-Settings/i, `${what}: ${upgrade}`);
      }
      assert.match(await ask(port, "WebSocket"), /^HTTP\/1\.1 101 [\s\S]*tunnel to blue: hello/, what);
    }
  });

  await t.test(
    "an app's own word about who answered changes neither X-Color nor the log nor the count nor the session",
    async () => {
      const session = `Cookie: blue_green_session=${WORDS.green}`;
      await must("docker", ["exec", canary.id, "touch", "/run/watched"]);
      const lie = "/answer?status=500&X-Blue-Green-Active=blue&X-Color=blue";
      const answer = await raw(canary.port, request(lie, session));
      assert.deepEqual(
        [statusOf(answer), headerOf(answer, "X-Color"), headerOf(answer, "Set-Cookie")],
        [500, "green", undefined],
      );
      // And one that blue did answer in its place.
      const instead = await raw(canary.port, request("/gone?color=green", session));
      assert.deepEqual([gotBy(instead).color, headerOf(instead, "X-Color")], ["blue", "blue"]);
      assert.match(headerOf(instead, "Set-Cookie") ?? "", new RegExp(`^blue_green_session=${WORDS.blue};`));
      await sleep(1200);
      const counted = await must("docker", ["exec", canary.id, "cat", "/var/lib/blue-green/answers.log"]);
      assert.match(counted, /^green 500 [0-9.]+\nblue 200 [0-9.]+\n$/);
      const log = await must("docker", ["logs", canary.id]);
      assert.match(log, /"color":"green","status":500/);
    },
  );

  await t.test("a target that names another host than Host is refused, one that names the same is served", async () => {
    for (const [what, port] of doors) {
      for (const [target, host, status] of [
        ["http://a.example/", "b.example", 400],
        ["http://b.example/", "a.example", 400],
        ["http://b.example:80/", "b.example", 400],
        ["http://b.example/", "B.example", 200],
        ["/http://a.example/", "b.example", 200],
      ] as const) {
        assert.equal(statusOf(await raw(port, request(target, `Host: ${host}`))), status, `${what}: ${target} ${host}`);
      }
      const old = await raw(port, "GET http://b.example/ HTTP/1.0\r\n\r\n");
      assert.deepEqual(
        gotBy(old).headers.find(([name]) => name === "Host"),
        ["Host", "b.example"],
        what,
      );
    }
  });

  await t.test(
    "names with an underscore pass where they are asked for, and none that looks like the proxy's own",
    async () => {
      const spoofed = [
        ...["X_Real_IP", "X-Real_IP", "X_Forwarded_For", "x_forwarded-proto", "X_Forwarded_Host", "X_Request_Id"],
        ...["Remote_User", "Content_Length", "Transfer_Encoding", "X_Blue_Green_Preview"],
      ];
      const lines = [...spoofed, "X_Own", "X.Own"].map((name) => `${name}: 6`);
      for (const [what, port] of [...doors, ["open gateway", openGateway.port]] as const) {
        assert.ok(!(await got(port, ...lines)).headers.some(([name]) => /[_.]/.test(name)), what);
      }
      const odd = (await got(canary.port, ...lines)).headers.filter(([name]) => /[_.]/.test(name));
      assert.deepEqual(odd, [["X_Own", "6"]]);
    },
  );

  await t.test("the same holds over HTTP/2", async () => {
    const session = http2(`http://127.0.0.1:${second.port}`);
    const ask = async (headers: Record<string, string>) => {
      const stream = session.request({ ":path": "/", ":authority": "a.example", ...headers });
      stream.resume().end();
      const [answer] = await once(stream, "response");
      return { status: answer[":status"] };
    };
    assert.equal((await ask({ cookie: x(31 * KIB) })).status, 200);
    assert.equal((await ask({ ":path": `/${x(31 * KIB)}` })).status, 200);
    assert.equal((await ask({ ":path": "/answer?kb=31" })).status, 200);
    assert.equal((await ask({ host: "a.example" })).status, 200);
    assert.equal((await ask({ host: "b.example" })).status, 400);
    session.destroy();
  });

  await t.test("Proxy and Remote-User never reach the app, but for a user that a trusted proxy names", async () => {
    assert.ok(
      (await got(trusting.port, "Remote-User: ann")).headers.some((header) => String(header) === "Remote-User,ann"),
    );
    for (const [what, port] of doors) {
      const { headers } = await got(port, "Proxy: http://evil.example", "Remote-User: admin", "X-Own: 1");
      const names = headers.map(([name]) => name.toLowerCase());
      assert.ok(!names.includes("proxy") && !names.includes("remote-user") && names.includes("x-own"), what);
    }
  });

  await t.test(
    "an app directs the proxy by no header, but has its answer come in pieces by X-Accel-Buffering",
    async () => {
      for (const [what, port] of [...doors, ["canary", canary.port]] as const) {
        const sent = "X-Accel-Redirect=/&X-Accel-Limit-Rate=1&X-Accel-Charset=koi8-r&X-Accel-Expires=60";
        const answer = await raw(port, request(`/answer?${sent}&Content-Type=text/html`));
        assert.match(answer, /\r\n\r\nblue$/, `${what}: the answer itself, at once`);
        assert.doesNotMatch(answer, /X-Accel|koi8/i, what);
        const started = Date.now();
        const first = await new Promise<number>((resolve) => {
          const socket = connect(port, "127.0.0.1", () => socket.write(request("/pieces")));
          socket.setTimeout(5000, () => socket.destroy()).on("close", () => resolve(Number.POSITIVE_INFINITY));
          socket.on("data", (chunk) => {
            if (!chunk.includes("data: 0")) return;
            resolve(Date.now() - started);
            socket.destroy();
          });
        });
        assert.ok(first < 900, `${what}: the first piece after ${first} ms`);
      }
    },
  );
});
