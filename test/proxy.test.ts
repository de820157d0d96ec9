import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyMadeFrom } from "../stacks/proxy";

const owner = { project: "blue-green", stack: "dev" };
const settings = { nginxImage: "nginx:1", bindAddress: "127.0.0.1", httpPort: 8080 };

test("what a proxy is made from names its settings, and a hash stands for the rest alone", () => {
  const { definition, ...named } = proxyMadeFrom(owner, { ...settings, httpsPort: 8443 });
  assert.deepEqual(named, settings);
  assert.match(String(definition), /^[0-9a-f]{12}$/);
  const other = proxyMadeFrom(owner, { nginxImage: "nginx:2", bindAddress: "::", httpPort: 9, httpsPort: 10 });
  assert.equal(other.definition, definition);
});
