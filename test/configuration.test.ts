import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ConfigurationSettings, renderConfiguration } from "../stacks/configuration";

const template = readFileSync(join(__dirname, "..", "nginx", "nginx.conf.mustache"), "utf8");
const GOLDEN = join(__dirname, "nginx.conf.golden");

/** Each value differs from the others, so that one in another's place would show. */
const settings: ConfigurationSettings = {
  activeColor: "blue",
  appPort: 5001,
  healthPath: "/health/ready",
  drainSeconds: 31,
  keepAliveSeconds: 11,
  maxBodyMb: 7,
  proxyTimeoutSeconds: 61,
};

test("the configuration is what the golden file says", () => {
  assert.equal(renderConfiguration(template, settings), readFileSync(GOLDEN, "utf8"));
});

test("a switch changes one line", () => {
  const blue = renderConfiguration(template, settings).split("\n");
  const green = renderConfiguration(template, { ...settings, activeColor: "green" }).split("\n");
  const different = blue.flatMap((line, at) => (line === green[at] ? [] : [[line.trim(), green[at]?.trim()]]));
  assert.equal(blue.length, green.length);
  assert.deepEqual(different, [["default blue;", "default green;"]]);
});

test("a key that the settings do not have is an error, not an empty place", () => {
  assert.throws(() => renderConfiguration("listen {{nowhere}};", settings), {
    message: "nginx.conf.mustache asks for {{nowhere}}, which the settings do not have",
  });
});

test("sections and unescaped tags are refused, because their keys would go unchecked", () => {
  assert.throws(() => renderConfiguration("{{#appPort}}x{{/appPort}}", settings), /only \{\{name\}\} is used there/);
  assert.throws(() => renderConfiguration("{{{appPort}}}", settings), /only \{\{name\}\} is used there/);
});

test("slashes are written as they are", () => {
  assert.match(renderConfiguration(template, settings), /proxy_pass http:\/\/blue\/health\/ready;/);
});
