import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import {
  alertmanagerConfiguration,
  blackboxConfiguration,
  prometheusConfiguration,
  type WatchedService,
  yamlText,
} from "../../../stacks/prometheus/configuration";
import type { Settings } from "../../../stacks/settings/settings";
import { sampleSettings } from "../settings/settings.sample";

const ALL = { project: "my.shop", stack: "prod" };

const service = (name: string | undefined, change: Partial<Settings> = {}): WatchedService => ({
  owner: { ...ALL, ...(name !== undefined && { service: name }) },
  settings: { ...sampleSettings, ...change },
});
const TLS = { tlsCertificate: "c.pem" };

describe("what Prometheus asks", () => {
  test("the page and the front door of each service, with whose they are on every series", () => {
    const { scrape_configs, alerting, rule_files } = parse(
      prometheusConfiguration(ALL, [service("shop", TLS), service("api", { healthPath: "/up" })]),
    );
    assert.deepEqual(rule_files, ["/alerts.yml"]);
    assert.deepEqual(alerting.alertmanagers, [
      { static_configs: [{ targets: ["my.shop-prod-monitoring-alertmanager:9093"] }] },
    ]);
    const [pages, fronts] = scrape_configs;
    const shop = { project: "my.shop", stack: "prod", service: "shop" };
    const api = { ...shop, service: "api" };
    assert.deepEqual(pages, {
      job_name: "blue-green",
      static_configs: [
        { targets: ["my.shop-prod-shop-monitoring-metrics:8080"], labels: shop },
        { targets: ["my.shop-prod-api-monitoring-metrics:8080"], labels: api },
      ],
    });
    const asked = (url: string, module: string) => ({ instance: url, __param_target: url, __param_module: module });
    const targets = ["my.shop-prod-monitoring-blackbox:9115"];
    assert.deepEqual(fronts, {
      job_name: "front",
      metrics_path: "/probe",
      static_configs: [
        { targets, labels: { ...shop, ...asked("https://my.shop-prod-shop-proxy:8086/healthz", "shop-https") } },
        { targets, labels: { ...shop, ...asked("http://my.shop-prod-shop-proxy:8085/healthz", "shop-http") } },
        { targets, labels: { ...api, ...asked("http://my.shop-prod-api-proxy:8085/up", "api-http") } },
      ],
    });
  });

  test("a service without a name has no label for it, and nothing changes with a switch", () => {
    const of = (change: Partial<Settings> = {}) => prometheusConfiguration(ALL, [service(undefined, change)]);
    const [pages] = parse(of()).scrape_configs;
    assert.deepEqual(pages.static_configs, [
      { targets: ["my.shop-prod-monitoring-metrics:8080"], labels: { project: "my.shop", stack: "prod" } },
    ]);
    assert.equal(of({ activeColor: "green" }), of());
    const black = (change: Partial<Settings>) => blackboxConfiguration([service(undefined, change)]);
    assert.equal(black({ activeColor: "green" }), black({}));
  });
});

describe("a gateway in front of several services", () => {
  test("is asked for a connection, over TLS where it has a certificate, and for no request", () => {
    for (const [tls, url] of [
      [false, "my.shop-prod-gateway:8080"],
      [true, "my.shop-prod-gateway:8443"],
    ] as const) {
      const [, fronts] = parse(prometheusConfiguration(ALL, [service("shop")], { tls })).scrape_configs;
      assert.deepEqual(fronts.static_configs.at(-1), {
        targets: ["my.shop-prod-monitoring-blackbox:9115"],
        labels: { ...ALL, instance: url, __param_target: url, __param_module: "gateway" },
      });
      const { gateway } = parse(blackboxConfiguration([service("shop")], { tls })).modules;
      const asked = { preferred_ip_protocol: "ip4", ...(tls && { tls, tls_config: { insecure_skip_verify: true } }) };
      assert.deepEqual(gateway, { prober: "tcp", timeout: "5s", tcp: asked });
    }
    assert.doesNotMatch(prometheusConfiguration(ALL, [service("shop")]), /gateway/);
    assert.doesNotMatch(blackboxConfiguration([service("shop")]), /gateway/);
  });
});

describe("how a front door is asked", () => {
  const modules = (change: Partial<Settings>) => parse(blackboxConfiguration([service("shop", change)])).modules;
  const statuses = (change: Partial<Settings>) => modules(change)["shop-http"].http.valid_status_codes;
  const range = (least: number, most: number) => Array.from({ length: most - least + 1 }, (_, at) => least + at);

  test("for the statuses and the host of the settings; for those of its kind of image where they say none", () => {
    assert.deepEqual(statuses({}), range(200, 299));
    const { blue, green } = sampleSettings.slots;
    assert.deepEqual(statuses({ slots: { blue, green: { ...green, image: "shop:2" } } }), range(200, 399));
    assert.deepEqual(statuses({ healthStatus: "401,200-204" }), [401, ...range(200, 204)]);
    assert.deepEqual(modules({}).shop, undefined);
    assert.deepEqual(modules({})["shop-http"].http.headers, { Host: "blue" });
    assert.deepEqual(modules({ healthHost: "shop.example" })["shop-http"].http.headers, { Host: "shop.example" });
  });

  test("over TLS with its name and whoever signed it, and over HTTP, which must lead there", () => {
    const { "shop-https": https, "shop-http": http } = modules({ ...TLS, healthHost: "shop.example" });
    assert.deepEqual(https.http.tls_config, { insecure_skip_verify: true, server_name: "shop.example" });
    assert.deepEqual(https.http.valid_status_codes, range(200, 299));
    assert.equal(http.http.tls_config, undefined);
    assert.deepEqual(http.http.valid_status_codes, [308]);
    assert.equal(http.http.follow_redirects, false);
  });

  test("an answer that sends visitors to another host is none, as for the health of a color", () => {
    const [rule] = modules({ healthStatus: "200-399", healthHost: "shop.example" })["shop-http"].http
      .fail_if_header_not_matches;
    assert.deepEqual([rule.header, rule.allow_missing], ["Location", true]);
    // Go's RE2 takes the flag in front, and JavaScript does not.
    const pattern = new RegExp(rule.regexp.replace(/^\(\?i\)/, ""), "i");
    for (const own of [
      ...[
        "",
        "/",
        "/login?next=http://x",
        "login",
        "?a=http://x",
        "#x",
        "../x",
        "http://shop.example",
        "https://SHOP.example/",
      ],
      ...["//shop.example/x", "https://shop.example:8443/x", "https://shop.example?x"],
    ])
      assert.match(own, pattern);
    for (const other of [
      ...["https://evil.example/", "//evil.example", "https://shop.example.evil/", "https://shopxexample/", "http:/x"],
      ...["https://shop.example:80@evil.example/", "https://shop.example@evil.example", "javascript:alert(1)", "//"],
    ])
      assert.doesNotMatch(other, pattern);
  });
});

describe("who gets alerts", () => {
  test("nobody, or the one receiver as it was set", () => {
    const none = parse(alertmanagerConfiguration(undefined));
    assert.deepEqual([none.route.receiver, none.receivers], ["nobody", [{ name: "nobody" }]]);
    const receiver = { slack_configs: [{ api_url: "https://a.example", title: "{{ .x }} {{#a}}" }] };
    const one = parse(alertmanagerConfiguration(receiver));
    assert.deepEqual([one.route.receiver, one.receivers], ["alerts", [{ name: "alerts", ...receiver }]]);
    // What it says of the alerts is the same for both.
    assert.deepEqual(one.inhibit_rules, none.inhibit_rules);
  });

  test("whatever a text has in it, it is read as that text, and nothing else is", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme", maxLength: 9 }), fc.string({ unit: "grapheme" })),
        (value) => {
          const text = yamlText(value);
          assert.match(text, /^[ -~]*$/);
          assert.deepEqual(parse(text), JSON.parse(JSON.stringify(value)));
          const receiver = { webhook_configs: [value] };
          assert.deepEqual(parse(alertmanagerConfiguration(receiver)).receivers, [
            { name: "alerts", ...JSON.parse(JSON.stringify(receiver)) },
          ]);
        },
      ),
      { numRuns: 200 },
    );
  });
});
