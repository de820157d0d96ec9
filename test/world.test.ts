import assert from "node:assert/strict";
import { test } from "node:test";
import { readWorld, worldOf } from "../stacks/world";

const log = () => Promise.reject(new Error("no log is asked for"));
const owner = { project: "blue-green", stack: "dev" };
const release = (color: string, version: string, source: string) => ({
  "blue-green.color": color,
  "blue-green.version": version,
  "blue-green.source": source,
  "blue-green.base": "python:3",
});

test("an engine with nothing of this stack is a world without proxy and images", () => {
  assert.deepEqual(worldOf([], []), { built: { blue: [], green: [] } });
});

test("the proxy is told by its role, with its image and what it was made from", () => {
  const labels = { "blue-green.role": "proxy", "blue-green.proxy": '{"httpPort":8080}' };
  assert.deepEqual(
    worldOf(
      [{ Id: "p", Image: "sha256:1", State: { Running: true, Restarting: false }, Config: { Labels: labels } }],
      [],
    ).proxy,
    {
      id: "p",
      running: true,
      imageId: "sha256:1",
      made: { httpPort: 8080 },
    },
  );
});

test("a proxy whose label is missing or mangled was made from nothing known", () => {
  for (const label of [undefined, "", "{", "null", "[]x", "7"]) {
    const labels: Record<string, string> = {
      "blue-green.role": "proxy",
      ...(label === undefined ? {} : { "blue-green.proxy": label }),
    };
    assert.deepEqual(worldOf([{ Id: "p", Config: { Labels: labels } }], []).proxy?.made, {}, String(label));
  }
});

test("a version's image is what its container runs, before any other of the same version", () => {
  const labels = { ...release("blue", "1.0.0", "aaa"), "blue-green.build": "built" };
  const container = { Id: "c", Config: { Labels: labels } };
  const images = [
    { Id: "1", Config: { Labels: release("blue", "1.0.0", "bbb") } },
    { Id: "2", Config: { Labels: release("blue", "1.1.0", "ccc") } },
    { Id: "3", Config: { Labels: release("green", "1.0.0", "ddd") } },
    { Id: "4", Config: { Labels: null } },
  ];
  assert.deepEqual(worldOf([container], images).built, {
    blue: [
      { version: "1.0.0", source: "aaa", base: "python:3", reused: false },
      { version: "1.1.0", source: "ccc", base: "python:3", reused: true },
    ],
    green: [{ version: "1.0.0", source: "ddd", base: "python:3", reused: true }],
  });
});

test("only what carries this project's and this stack's labels is asked for, and each thing once", async () => {
  const asked: string[][] = [];
  const ask = async (...args: string[]) => {
    asked.push(args);
    return args[1] === "inspect" ? "[]" : "one\none\n";
  };
  await readWorld({ ask, log }, owner);
  const filters = ["--filter", "label=blue-green.project=blue-green", "--filter", "label=blue-green.stack=dev"];
  assert.deepEqual(
    asked.sort((a, b) => (a.join() < b.join() ? -1 : 1)),
    [
      ["container", "inspect", "one"],
      ["container", "ls", "--all", "--quiet", "--no-trunc", ...filters],
      ["image", "inspect", "one"],
      ["image", "ls", "--all", "--quiet", "--no-trunc", ...filters],
    ],
  );
});

test("where no engine answers the world is unknown, with the client's own words", async () => {
  const ask = async () => {
    throw Object.assign(new Error("Command failed: docker"), { stderr: "Cannot connect to the Docker daemon\n" });
  };
  const world = await readWorld({ ask, log }, owner);
  assert.deepEqual(world, { unknown: true, reason: "Cannot connect to the Docker daemon" });
});

test("a client that is missing or has no answer is said in words", async () => {
  const failing = (fields: object) => ({ log, ask: () => Promise.reject(Object.assign(new Error("?"), fields)) });
  assert.deepEqual(await readWorld(failing({ code: "ENOENT" }), owner), {
    unknown: true,
    reason: "the client `docker` is not on the PATH",
  });
  assert.deepEqual(await readWorld(failing({ killed: true }), owner), {
    unknown: true,
    reason: "the client `docker` had no answer within its time limit",
  });
});
