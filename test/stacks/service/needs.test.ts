import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Ended } from "../../../stacks/engine/docker";
import { findNeeds, volumesOf } from "../../../stacks/service/needs";
import { stubDocker } from "../engine/docker.stub";

/** An engine with these images, each with what `docker image inspect` prints of its volumes. */
const withImages = (images: Record<string, string>) =>
  stubDocker({
    ask: async (kind) => `bridge\nshop_default\n${kind}-only\n`,
    run: async (args): Promise<Ended> => {
      const stdout = images[args.at(-1) ?? ""];
      return stdout === undefined ? { code: 1, stdout: "", stderr: "No such image" } : { code: 0, stdout, stderr: "" };
    },
  });

describe("what containers need of an engine", () => {
  test("what is not there is named once, and each image's volumes are told", async () => {
    const docker = withImages({ "shop:1": '{"/data/":{},"/cache":{}}\n', "plain:1": "null\n" });
    const found = await findNeeds(docker, [
      { networks: ["shop_default", "gone", "gone"], volumes: ["volume-only"], images: ["shop:1", "plain:1"] },
      { networks: ["gone", "shop"], volumes: ["photos"], images: ["absent:1", "shop:1"] },
    ]);
    assert.deepEqual(found, {
      missingNetworks: ["gone", "shop"],
      missingVolumes: ["photos"],
      imageVolumes: { "shop:1": ["/cache", "/data"], "plain:1": [] },
    });
  });

  test("an engine is not asked for what nobody needs, and one that does not answer lacks nothing", async () => {
    const none = { missingNetworks: [], missingVolumes: [], imageVolumes: {} };
    assert.deepEqual(await findNeeds(stubDocker({}), [{ networks: [], volumes: [], images: [] }]), none);
    const away = stubDocker({
      ask: async () => Promise.reject(new Error("no engine")),
      run: async () => Promise.reject(new Error("no engine")),
    });
    assert.deepEqual(await findNeeds(away, [{ networks: ["a"], volumes: ["b"], images: ["c"] }]), none);
    assert.equal(await volumesOf(away, "c"), undefined);
  });
});
