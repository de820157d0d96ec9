import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { proxyMadeFrom } from "../../../stacks/proxy/proxy";

const owner = { project: "blue-green", stack: "dev" };

const settings = { nginxImage: "nginx:1", bindAddress: "127.0.0.1", httpPort: 8080 };

describe("the proxy's container", () => {
  test("what a proxy is made from names its settings, and a hash stands for the rest alone", () => {
    const { definition, dns, ...named } = proxyMadeFrom(owner, { ...settings, httpsPort: 8443 });
    assert.deepEqual(named, settings);
    assert.equal(dns, "ndots:1 search:.");
    assert.match(String(definition), /^[0-9a-f]{12}$/);
    const other = proxyMadeFrom(owner, { nginxImage: "nginx:2", bindAddress: "::", httpPort: 9, httpsPort: 10 });
    assert.equal(other.definition, definition);
  });

  test("a stack that is there sees no change: what its proxy was made from is told by the same hash as ever", () => {
    assert.equal(proxyMadeFrom(owner, { ...settings, httpsPort: 8443 }).definition, "40d71e763cc9");
  });

  test("only a proxy behind a gateway was made for one", () => {
    const behind = proxyMadeFrom(
      { ...owner, service: "shop" },
      { ...settings, httpsPort: 8443 },
      "blue-green-dev-gateway",
    );
    assert.equal(behind.gateway, "blue-green-dev-gateway");
    assert.ok(!("gateway" in proxyMadeFrom(owner, { ...settings, httpsPort: 8443 })));
  });
});
