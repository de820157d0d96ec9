import assert from "node:assert/strict";
import { test } from "node:test";
import { watchClashes, watchedOf } from "../../../stacks/prometheus/agreement";
import type { Settings } from "../../../stacks/settings/settings";
import { sampleSettings } from "../settings/settings.sample";

const service = (name: string, given: Partial<Settings>) => ({
  ...{ name, given },
  settings: { ...sampleSettings, monitoring: "on" as const, ...given },
});
const hook = (url: string) => ({ alertReceiver: { webhook_configs: [{ url }] } });

test("the settings of the one Prometheus are those of the first service that has it, and another one says the same or nothing", () => {
  const shop = service("shop", { prometheusPort: 9999, ...hook("https://a.example/planted") });
  assert.deepEqual(watchClashes([shop, service("api", {})]), [], "it says nothing");
  assert.deepEqual(watchClashes([shop, service("api", { prometheusPort: 9999 })]), []);
  assert.deepEqual(
    watchClashes([shop, service("api", { prometheusPort: 9090, prometheusImage: "a", ...hook("https://b") })]),
    [
      "alertReceiver of api is another than that of shop: one Prometheus watches all services of a program. Give it to shop alone.",
      "prometheusPort of api is another than that of shop (9090 and 9999): one Prometheus watches all services of a program. Give it to shop alone.",
      'prometheusImage of api is another than that of shop ("a" and "quay.io/prometheus/prometheus:v3.5.0"): one Prometheus watches all ' +
        "services of a program. Give it to shop alone.",
    ],
  );
  // Those that it does not watch say what they want.
  const metrics = service("api", { prometheusPort: 1, monitoring: "metrics" });
  assert.deepEqual(watchClashes([metrics, shop]), []);
  assert.deepEqual(
    watchedOf([metrics, shop]).map(({ name }) => name),
    ["shop"],
  );
  assert.deepEqual(watchClashes([metrics]), []);
});
