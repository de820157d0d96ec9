import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Ended } from "../../../stacks/engine/docker";
import { findNeeds, volumesOf } from "../../../stacks/service/needs";
import { stubDocker } from "../engine/docker.stub";

/** An engine with these images, each with the volumes of its configuration. */
const withImages = (images: Record<string, unknown>) =>
  stubDocker({
    ask: async (kind) => `bridge\nshop_default\n${kind}-only\n`,
    run: async (args): Promise<Ended> => {
      const Volumes = images[args.at(-1) ?? ""];
      const stdout = JSON.stringify([{ Id: "sha256:1", Config: { Volumes } }]);
      return Volumes === undefined ? { code: 1, stdout: "", stderr: "No such image" } : { code: 0, stdout, stderr: "" };
    },
  });

const OWN = { project: "blue-green", stack: "shop" };

describe("what containers need of an engine", () => {
  test("a volume that must be alone is told with the running containers that have it open, but for the stack's own", async () => {
    const names: Record<string, string> = {
      "volume=shop_db": "shop-db-1\nblue-green-shop-accessory-db\n",
      "volume=shop_db label=blue-green.project=blue-green label=blue-green.stack=shop":
        "blue-green-shop-accessory-db\n",
    };
    const docker = stubDocker({
      ask: async (kind, ...args) => {
        if (kind !== "ps") return "shop_db\nshop_queue\n";
        const filters = args.filter((_, at) => args[at - 1] === "--filter");
        return names[filters.join(" ")] ?? "";
      },
    });
    const needs = { networks: [], images: [], volumes: ["shop_db", "shop_queue"], alone: ["shop_db", "shop_queue"] };
    const { open } = await findNeeds(docker, OWN, [needs]);
    assert.deepEqual(
      [...(open ?? [])],
      [
        ["shop_db", ["shop-db-1"]],
        ["shop_queue", []],
      ],
    );
    const away = stubDocker({ ask: async () => Promise.reject(new Error("no engine")) });
    assert.deepEqual([...((await findNeeds(away, OWN, [needs])).open ?? [])].flat(2), ["shop_db", "shop_queue"]);
  });

  test("what is not there is named once, and each image's volumes are told", async () => {
    const docker = withImages({ "shop:1": { "/data/": {}, "/cache": {} }, "plain:1": null });
    const found = await findNeeds(docker, OWN, [
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
    assert.deepEqual(await findNeeds(stubDocker({}), OWN, [{ networks: [], volumes: [], images: [] }]), none);
    const away = stubDocker({
      ask: async () => Promise.reject(new Error("no engine")),
      run: async () => Promise.reject(new Error("no engine")),
    });
    assert.deepEqual(await findNeeds(away, OWN, [{ networks: ["a"], volumes: ["b"], images: ["c"] }]), none);
    assert.equal(await volumesOf(away, "c"), undefined);
  });
});
