import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { imageByDigest, REMOTE_IMAGE } from "../../policy/image";
import { UNKNOWN } from "../../policy/known";
import { CONTAINER, SERVICE } from "../../policy/workload";

const HEX = "0123456789abcdef".repeat(4);

const image = (name: string, inputs: Record<string, unknown>) => imageByDigest(REMOTE_IMAGE, name, inputs);

describe("the policy: images by digest", () => {
  test("an image by its digest passes, a container by the image's id, and what is not known before the run", () => {
    for (const name of [`shop@sha256:${HEX}`, `registry.example:5000/shop:1.2@sha256:${HEX}`, UNKNOWN])
      assert.deepEqual(image("blue", { name, keepLocally: true }), []);
    for (const id of [`sha256:${HEX}`, HEX, `shop@sha256:${HEX}`, UNKNOWN])
      assert.deepEqual(imageByDigest(CONTAINER, "blue", { image: id }), []);
    assert.deepEqual(imageByDigest("docker:index/network:Network", "service", { name: "shop:1" }), []);
  });

  test("a tag is refused with the command that finds the digest out and sets it", () => {
    const mend = (setting: string, name: string) =>
      `docker pull ${name} && pulumi config set ${setting} "$(docker image inspect --format '{{index .RepoDigests 0}}' ${name})"`;
    for (const [resource, setting] of [
      ["blue", "blueImage"],
      ["green", "greenImage"],
      ["proxy", "nginxImage"],
    ] as const) {
      assert.deepEqual(image(resource, { name: "shop:1.2" }), [
        `Image ${resource} is "shop:1.2", which may be another image tomorrow: only a digest can't. Next: ${mend(setting, "shop:1.2")}`,
      ]);
    }
    assert.deepEqual(image("green", { name: "blue-green-prod-green:1", build: { context: "app" } }), [
      `Image green is built in this run, so nobody has tried it before. Next: ${mend("greenImage", "'<image>'")}`,
    ]);
  });

  test("a digest that is none is a tag, and hostile names get into no command", () => {
    for (const name of [
      `shop@sha256:${HEX.slice(1)}`,
      `shop@md5:${HEX}`,
      `shop@sha256:${HEX}\n`,
      "shop:1",
      `sha256:${HEX}`,
    ])
      assert.equal(image("blue", { name }).length, 1, name);
    const [message] = image("extra", { name: "shop; rm -rf $(HOME)" });
    assert.equal(
      message,
      'Image extra is "shop; rm -rf $(HOME)", which may be another image tomorrow: only a digest can\'t. Next: docker pull ' +
        "'shop; rm -rf $(HOME)' && docker image inspect --format '{{index .RepoDigests 0}}' 'shop; rm -rf $(HOME)', and take that into the program",
    );
    assert.deepEqual(image("constructor", {}), [
      "Image constructor names no image. Next: docker pull '<image>' && docker image inspect --format '{{index .RepoDigests 0}}' '<image>', and take that into the program",
    ]);
  });

  test("a container or a service of its own is judged too", () => {
    assert.match(imageByDigest(CONTAINER, "extra", { image: "busybox" })[0] ?? "", /^Container extra is "busybox",/);
    const inputs = { taskSpec: { containerSpec: { image: "shop:1" } } };
    assert.match(imageByDigest(SERVICE, "shop", inputs)[0] ?? "", /^Service shop is "shop:1",/);
  });
});
