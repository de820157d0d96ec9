import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, type Plan, type Situation } from "../stacks/plan";
import type { World } from "../stacks/world";
import { sampleSettings } from "./settings.sample";

const empty: World = { built: { blue: [], green: [] } };
const made = { nginxImage: "nginx:1.30.6", bindAddress: "127.0.0.1", httpPort: 8080, definition: "abc" };
const withProxy: World = { ...empty, proxy: { id: "p", running: true, imageId: "sha256:1", made } };
const situation: Situation = { settings: sampleSettings, world: empty, source: "new", proxy: made, preview: false };

/** What is decided, as far as it differs from the sample situation. */
const plan = (change: Partial<Situation> = {}): Plan => decide({ ...situation, ...change });

test("on an empty engine both versions are built from the sources as they are, and nothing is refused", () => {
  const release = { version: "1.0.0", source: "new", base: sampleSettings.appBaseImage, reused: false };
  assert.deepEqual(plan(), {
    refusals: [],
    warnings: [],
    build: { blue: release, green: release },
    proxyImageId: undefined,
    replacedProxyId: undefined,
  });
});

test("a version that was built stays as it was built, with its own base image, and changed sources are said with both hashes", () => {
  const built = { version: "1.0.0", source: "old", base: "python:2", reused: true };
  const { build, warnings, refusals } = plan({ world: { built: { blue: [built], green: [] } } });
  assert.deepEqual(build.blue, built);
  assert.deepEqual(build.green, { version: "1.0.0", source: "new", base: sampleSettings.appBaseImage, reused: false });
  assert.deepEqual(refusals, []);
  assert.deepEqual(warnings, [
    "blue keeps version 1.0.0 as it was built from sources old; the sources are new now. " +
      "A version once built is not built again. To release what changed: pulumi config set blueVersion <a new version>",
    "Both colors are called 1.0.0, but blue is from sources old and green from new.",
  ]);
});

test("a version built from the same sources is said nothing about", () => {
  const built = { version: "1.0.0", source: "new", base: "python:2", reused: false };
  assert.deepEqual(plan({ world: { built: { blue: [built], green: [built] } } }).warnings, []);
});

test("another version than those built is built from the sources as they are", () => {
  const built = { version: "0.9.0", source: "old", base: "python:2", reused: true };
  assert.equal(plan({ world: { built: { blue: [built], green: [] } } }).build.blue?.source, "new");
});

test("a color with an image of its own is not built", () => {
  const slots = { ...sampleSettings.slots, green: { version: "1.0.0", port: 5002, image: "shop:1" } };
  const { build } = plan({ settings: { ...sampleSettings, slots } });
  assert.equal(build.green, undefined);
  assert.notEqual(build.blue, undefined);
});

test("an unchanged proxy stays on the image that it runs, whatever its name points at by now", () => {
  const { proxyImageId, replacedProxyId, refusals } = plan({ world: withProxy });
  assert.equal(proxyImageId, "sha256:1");
  assert.equal(replacedProxyId, undefined);
  assert.deepEqual(refusals, []);
});

test("a change that would replace the proxy is refused, with each difference and the way to do it on purpose", () => {
  const { refusals, proxyImageId } = plan({
    world: withProxy,
    proxy: { ...made, httpPort: 9090, nginxImage: "nginx:1.31.0" },
    preview: true,
  });
  assert.deepEqual(refusals, [
    "This would replace the nginx container (nginxImage nginx:1.30.6 -> nginx:1.31.0, httpPort 8080 -> 9090), and the public " +
      "would get no answer for some seconds. Nothing was touched. Either put the setting back, or do it on purpose: " +
      "pulumi config set allowProxyReplace true && pulumi up",
  ]);
  assert.equal(proxyImageId, undefined);
});

test("a proxy that does not say what it was made from counts as different", () => {
  const world: World = { ...empty, proxy: { id: "p", running: true, imageId: "sha256:1", made: {} } };
  assert.match(plan({ world }).refusals.join(), /definition unknown -> abc/);
});

test("allowProxyReplace lets the proxy be replaced, and says what it costs and how to end the permission", () => {
  const { refusals, warnings, replacedProxyId } = plan({
    world: withProxy,
    settings: { ...sampleSettings, allowProxyReplace: true },
    proxy: { ...made, httpPort: 9090 },
  });
  assert.deepEqual(refusals, []);
  assert.equal(replacedProxyId, "p");
  assert.deepEqual(warnings, [
    "The proxy is replaced (httpPort 8080 -> 9090), as allowProxyReplace allows: the public gets no answer for some seconds. " +
      "Afterwards: pulumi config rm allowProxyReplace",
  ]);
});

test("allowProxyReplace alone replaces nothing", () => {
  const { replacedProxyId, warnings } = plan({
    world: withProxy,
    settings: { ...sampleSettings, allowProxyReplace: true },
  });
  assert.equal(replacedProxyId, undefined);
  assert.deepEqual(warnings, []);
});

test("where no engine answers a preview goes on and says so, and an up is refused", () => {
  const world = { unknown: true, reason: "Cannot connect" } as const;
  assert.deepEqual(plan({ world, preview: true }).warnings, [
    "No Docker Engine answered: Cannot connect. What runs is unknown, so this preview can't tell whether `pulumi up` would " +
      "refuse this change.",
  ]);
  assert.deepEqual(plan({ world, preview: true }).refusals, []);
  assert.deepEqual(plan({ world }).refusals, [
    "No Docker Engine answered: Cannot connect. Nothing was touched. It is looked for at docker:host, DOCKER_HOST or the " +
      "local socket, and not at the docker client's current context. " +
      "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version",
  ]);
});

test("a proxy that the public can't meet, since its first start failed, is replaced without a word", () => {
  const world: World = { ...empty, proxy: { id: "p", running: false, imageId: "sha256:1", made: { httpPort: 1 } } };
  const { refusals, warnings, replacedProxyId } = plan({ world });
  assert.deepEqual([refusals, warnings, replacedProxyId], [[], [], undefined]);
});
