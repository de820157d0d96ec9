import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Routed, type RouteTo, renderGateway, routeProblems } from "../../../stacks/gateway/routes";
import { lastAddress } from "../../../stacks/gateway/subnet";

const template = readFileSync(join(__dirname, "..", "..", "..", "nginx", "gateway.conf.mustache"), "utf8");

const service = (name: string, settings = {}): Routed => ({
  owner: { project: "p", stack: "s", service: name },
  settings: { keepAliveSeconds: 10, proxyTimeoutSeconds: 60, maxHeaderKb: 32, underscoreHeaders: false, ...settings },
});

const [shop, api] = [service("shop"), service("api", { keepAliveSeconds: 2, proxyTimeoutSeconds: 90 })];

const gateway = { keepAliveSeconds: 10, drainSeconds: 3600, httpsPort: 8443 };

const render = (...routes: RouteTo<Routed>[]) => renderGateway(template, routes, gateway);

/** The servers of a configuration: by name, what each location leads to. */
function serversIn(configuration: string): Record<string, string[]> {
  const servers = [...configuration.matchAll(/^ {4}server \{\n([\s\S]*?)\n {4}\}/gm)].map(([, text = ""]) => text);
  return Object.fromEntries(
    servers
      .filter((text) => text.includes("server_name"))
      .map((text) => [
        /server_name (.*);/.exec(text)?.[1],
        [...text.matchAll(/location (.*) \{\n\s*(?:proxy_pass http:\/\/(.*)|return (404));/g)].map(
          ([, path, to, status]) => `${path} ${to ?? status}`,
        ),
      ]),
  );
}

describe("the gateway's routes", () => {
  test("each host has a server, each path a location and all below it, and what no route names is not found", () => {
    const routes = [
      { host: "Shop.Example", service: shop },
      { host: "shop.example", path: "/api/", service: api },
    ];
    assert.deepEqual(serversIn(render(...routes, { path: "/api/v2", service: shop })), {
      '""': ["= /api/v2 shop", "/api/v2/ shop", "/ 404"],
      "shop.example": ["/ shop", "= /api api", "/api/ api"],
    });
    assert.deepEqual(serversIn(render({ host: "a.example", service: shop }))['""'], ["/ 404"]);
    assert.deepEqual(serversIn(render({ service: shop })), { '""': ["/ shop"] });
  });

  test("each service is one upstream, found anew each second, with less patience for idle connections than its proxy has", () => {
    const text = render({ service: shop }, { path: "/a", service: api }, { path: "/b", service: api });
    const upstreams = [...text.matchAll(/upstream (\w+) \{([^}]*)\}/g)].map(([, name, body = ""]) => [
      name,
      /server .*;/.exec(body)?.[0],
      /keepalive_timeout (.*);/.exec(body)?.[1],
    ]);
    assert.deepEqual(upstreams, [
      ["api", "server api-proxy:8080 resolve;", "1000ms"],
      ["shop", "server shop-proxy:8080 resolve;", "4000ms"],
    ]);
    assert.match(text, /proxy_read_timeout 95s;/, "the proxies' own answer about a timeout comes first");
  });

  test("the gateway's limits for headers are never below those of the services behind it", () => {
    const text = render({ service: service("a", { maxHeaderKb: 64 }) }, { path: "/b", service: service("b") });
    assert.match(text, /large_client_header_buffers 2 64k;/);
    // A proxy passes an answer of 68 KiB, and adds the color and a cookie.
    assert.match(text, /proxy_buffer_size 72k;\n *proxy_buffers 19 4k;\n *proxy_busy_buffers_size 72k;/);
    assert.doesNotMatch(text, /underscores/);
  });

  test("underscores in headers pass where one service wants them, never those that look like the gateway's own", () => {
    const text = render({ service: shop }, { path: "/b", service: service("b", { underscoreHeaders: true }) });
    assert.match(text, /underscores_in_headers on;/);
    for (const name of ["X_Real_IP", "X_Forwarded-Host", "X-Forwarded_Proto", "Remote_User", "Transfer_Encoding"])
      assert.ok(text.includes(`proxy_set_header ${name} "";`), name);
  });

  test("one more route, or a service's settings, changes nothing else", () => {
    const lines = (text: string) => text.split("\n");
    const before = lines(render({ service: shop }, { path: "/a", service: api }));
    const after = lines(render({ path: "/b", service: api }, { path: "/a", service: api }, { service: shop }));
    assert.deepEqual(
      after.filter((line) => !before.includes(line)).map((line) => line.trim()),
      ["location = /b {", "location /b/ {"],
    );
  });

  test("with a certificate the routes are served over TLS alone, and HTTP leads there", () => {
    const tls = { certificate: "tls-0.crt", key: "tls-0.key" };
    const text = renderGateway(template, [{ service: shop }], { ...gateway, tls });
    assert.match(text, /ssl_certificate_key \/var\/lib\/blue-green\/files\/tls-0\.key;/);
    assert.match(
      text,
      /listen 8080 default_server backlog=4096;\n\s*if \(\$two_hosts\) \{\n\s*return 400;\n\s*\}\n\s*return 308 https:\/\/\$host:8443\$request_uri;/,
    );
    assert.match(text, /listen 8443 ssl default_server backlog=4096;\n\s*server_name "";/);
    assert.doesNotMatch(
      renderGateway(template, [{ service: shop }], { ...gateway, httpsPort: 443, tls }),
      /\$host:443/,
    );
  });

  test("no host and no path can carry anything but itself into nginx's configuration", () => {
    const hosts = [
      "a b",
      "a;b",
      "a{",
      "*.a",
      ".a",
      "a.",
      "~a",
      '"a"',
      "a\n",
      "$host",
      "a:80",
      "http://a",
      "-a",
      "",
      "1.2.3.4",
      "x".repeat(254),
      7,
      null,
    ];
    for (const host of hosts) {
      const [problem, ...more] = routeProblems([{ host: host as string, service: "shop" }], ["shop"]);
      assert.match(
        problem ?? "",
        /^routes\[0\]\.host = .*: must be a host name such as shop\.example; no port, no http:\/\/, no wildcard\.$/,
        String(host),
      );
      assert.deepEqual(more, []);
    }
    const paths = [
      "",
      "api",
      "/a b",
      "/a;",
      "/a{",
      "/a\n}",
      "/$uri",
      "/a//b",
      "/../a",
      "/a/.",
      "/%2f",
      "~ /a",
      "/a?b",
      "/é",
      `/${"x".repeat(300)}`,
      7,
    ];
    for (const path of paths) {
      const [problem, ...more] = routeProblems([{ path: path as string, service: "shop" }], ["shop"]);
      assert.match(problem ?? "", /^routes\[0\]\.path = .*: must be a path of /, String(path));
      assert.deepEqual(more, []);
    }
  });

  test("routes that lead nowhere, or twice from the same place, are refused", () => {
    assert.deepEqual(routeProblems([], ["shop"]), ["There is no route: a gateway needs one at least."]);
    assert.deepEqual(routeProblems([{ service: "shopp" }], ["shop", "api"]), [
      'routes[0].service = "shopp": must be one of the services: shop, api.',
    ]);
    const same = [
      { host: "a.b", path: "/x", service: "shop" },
      { host: "A.B", path: "/x/", service: "api" },
    ];
    assert.deepEqual(routeProblems(same, ["shop", "api"]), [
      "routes[1] is for the same host and path as another route.",
    ]);
  });

  test("the gateway's address is the last one of its network", () => {
    assert.equal(lastAddress("10.213.0.0/24"), "10.213.0.254");
    assert.equal(lastAddress("172.16.0.0/16"), "172.16.255.254");
    assert.equal(lastAddress("192.168.255.240/28"), "192.168.255.254");
    for (const subnet of [
      "10.0.0.1/24",
      "10.0.0.0/15",
      "10.0.0.0/29",
      "10.0.0.0",
      "256.0.0.0/24",
      "01.0.0.0/24",
      "10.0.0.0/24;",
      "fd00::/64",
      "\n10.0.0.0/24",
      undefined,
      7,
    ]) {
      assert.equal(lastAddress(subnet), undefined, String(subnet));
    }
  });
});
