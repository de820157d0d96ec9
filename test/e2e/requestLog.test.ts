import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PROXY_DIRECTORY } from "../../stacks/service/names";
import { configurationOf, Fronts, raw, request, statusOf } from "./nginxAlone";
import { must } from "./stack";

/** Longer than nginx keeps a line to itself, and than it believes that a file is there. */
const FLUSHED_MS = 800;
const BELIEVED_MS = 2000;

test("nginx writes its log of requests as long as somebody reads it, and what a cutover watches from that moment on", async (t) => {
  const fronts = await Fronts.start(t);
  const { id, port } = await fronts.nginx("front", configurationOf({ monitoring: "metrics" }));
  const inside = (script: string) => must("docker", ["exec", id, "sh", "-c", `cd ${PROXY_DIRECTORY} && ${script}`]);
  const ask = async (times: number) => {
    for (let at = 0; at < times; at += 1) assert.equal(statusOf(await raw(port, request("/answer?status=200"))), 200);
    await sleep(FLUSHED_MS);
  };
  const lines = async () => (await inside("wc -l <requests.log; wc -l <answers.log")).trim().split("\n").map(Number);
  const files = "mkdir -p metered && for one in 0 1; do : >metered/$(($(date +%s) / 100 + one)); done";

  await ask(3);
  assert.deepEqual(await lines(), [0, 0], "nobody reads, and nobody watches");
  await inside(files);
  await ask(3);
  assert.deepEqual(await lines(), [3, 0]);
  await inside("touch /run/watched");
  await ask(2);
  assert.deepEqual(await lines(), [5, 2]);
  await inside("rm /run/watched");
  await sleep(BELIEVED_MS);
  await ask(2);
  assert.deepEqual(await lines(), [7, 2]);
  await inside("touch /run/watched");
  await ask(1);
  assert.deepEqual(await lines(), [8, 3]);
  await inside("rm -r metered");
  await sleep(BELIEVED_MS);
  await ask(3);
  assert.deepEqual(await lines(), [8, 6], "its reader is gone");
});
