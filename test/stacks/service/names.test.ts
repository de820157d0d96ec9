import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  containerName,
  gatewayAlias,
  gatewayName,
  imageName,
  logicalName,
  monitoringNameRule,
  networkName,
  ownerLabels,
  serviceNameRule,
  volumeName,
} from "../../../stacks/service/names";

const stack = { project: "shop-project", stack: "dev" };

const service = { ...stack, service: "shop" };

describe("names", () => {
  test("a stack's one service is called as ever; one of several carries its name everywhere", () => {
    const names = (owner: typeof stack) => [
      logicalName(owner, "blue"),
      containerName(owner, "blue-2"),
      containerName(owner, ""),
      networkName(owner),
      volumeName(owner),
      imageName(owner, "green", "1.0.0", "abc"),
    ];
    assert.deepEqual(names(stack), [
      "blue",
      "shop-project-dev-blue-2",
      "shop-project-dev-",
      "shop-project-dev",
      "shop-project-dev-proxy",
      "shop-project-dev-green:1.0.0-abc",
    ]);
    assert.deepEqual(names(service), [
      "shop-blue",
      "shop-project-dev-shop-blue-2",
      "shop-project-dev-shop-",
      "shop-project-dev-shop",
      "shop-project-dev-shop-proxy",
      "shop-project-dev-shop-green:1.0.0-abc",
    ]);
    assert.deepEqual(ownerLabels(stack), { "blue-green.project": "shop-project", "blue-green.stack": "dev" });
    assert.deepEqual(ownerLabels(service), { ...ownerLabels(stack), "blue-green.service": "shop" });
    assert.equal(gatewayName(service), "shop-project-dev-gateway");
    assert.equal(gatewayAlias(service), "shop-proxy");
  });

  test("a service's name is a plain word or more, none of them a part's name", () => {
    for (const name of ["a", "shop", "shop-2", "blues", "my-shop-2-api"])
      assert.equal(serviceNameRule(name, stack), undefined, name);
    const plain = "must be of a-z 0-9, with single dashes between them, and begin with a letter";
    for (const name of [
      "",
      "Shop",
      "2shop",
      "-shop",
      "shop-",
      "a--b",
      "a_b",
      "a.b",
      "a b",
      "a\nb",
      "a;b",
      "$(id)",
      "{{a}}",
      "--help",
      "ä",
    ]) {
      assert.equal(serviceNameRule(name, stack), plain, JSON.stringify(name));
    }
    for (const word of ["blue", "green", "proxy", "gateway"]) {
      for (const name of [word, `${word}-2`, `shop-${word}`]) {
        assert.equal(serviceNameRule(name, stack), `must not have the word ${word} in it, which its parts are called`);
      }
    }
  });

  test("a container's name fits the engine's DNS", () => {
    // shop-project-dev-<name>-green-20
    assert.equal(serviceNameRule("x".repeat(37), stack), undefined);
    assert.equal(
      serviceNameRule("x".repeat(39), stack),
      `must be 2 characters shorter: shop-project-dev-${"x".repeat(39)}-green-20 would be the name of a container, and may have 63`,
    );
  });

  test("so does the name of each container that watches, where there are any", () => {
    // shop-project-<stack>-monitoring-alertmanager, and shop-project-<stack>-web-monitoring-metrics
    const rule = (length: number, service: string | undefined, monitoring: "off" | "metrics" | "on") =>
      monitoringNameRule(
        { project: "shop-project", stack: "x".repeat(length), ...(service && { service }) },
        monitoring,
      );
    const longest = `shop-project-${"x".repeat(27)}-monitoring-alertmanager`;
    assert.equal(rule(26, undefined, "on"), undefined);
    assert.equal(
      rule(27, undefined, "on"),
      `${longest} would be the name of a container, and may have 63 characters: it has 64`,
    );
    assert.equal(rule(27, undefined, "metrics"), undefined);
    assert.equal(rule(60, undefined, "off"), undefined);
    assert.match(String(rule(28, "web", "metrics")), /-web-monitoring-metrics would be .*: it has 64$/);
    assert.equal(rule(27, "web", "metrics"), undefined);
  });
});
