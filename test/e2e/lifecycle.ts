import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { get, TestStack } from "./stack";

/** Where a lifecycle runs: which Docker Engine, and at which address what it publishes is reached. */
export interface Where {
  /** What differs from our environment, e.g. DOCKER_HOST. */
  env?: NodeJS.ProcessEnv;
  /** What differs from the default settings, e.g. images that this engine has. */
  settings?: Record<string, string>;
}

/** What the public sees at a moment. */
async function seen(stack: TestStack): Promise<{ color: unknown; page: string }> {
  const answer = await get(stack.url);
  assert.equal(answer.status, 200);
  return { color: answer.headers["x-color"], page: answer.body };
}

/** A stack's whole life on a real engine, each step a test of its own: the one thing that must work everywhere. */
export async function lifecycle(t: TestContext, where: Where = {}): Promise<void> {
  const stack = await TestStack.make(t, where.settings, where.env);
  const ids = async () => ({
    blue: (await stack.container("blue")).Id,
    green: (await stack.container("green")).Id,
    proxy: (await stack.container("proxy")).Id,
  });

  await t.test("up brings both colors, healthy, and the public to the active one", async () => {
    await stack.up();
    const { color, page } = await seen(stack);
    assert.equal(color, "blue");
    assert.match(page, /Hello from Blue\/Green App!/);
    assert.match(page, /Version: 1\.0\.0/);
    for (const part of ["blue", "green"] as const) {
      assert.ok(await stack.isWell(part), part);
    }
    const outputs = JSON.parse(await stack.pulumi("stack", "output", "--json"));
    assert.deepEqual(outputs, {
      activeColor: "blue",
      activeVersion: "1.0.0",
      blueUrl: `http://127.0.0.1:${stack.ports.blue}`,
      greenUrl: `http://127.0.0.1:${stack.ports.green}`,
      idleColor: "green",
      idleVersion: "1.0.0",
      pending: [],
      url: stack.url,
    });
  });

  await t.test("up with nothing changed changes nothing, also after a refresh", async () => {
    const before = await ids();
    await stack.pulumi("preview", "--expect-no-changes");
    await stack.pulumi("refresh", "--yes", "--skip-preview");
    await stack.pulumi("preview", "--expect-no-changes");
    await stack.up();
    assert.deepEqual(await ids(), before);
  });

  await t.test("a new idle version touches the idle color only", async () => {
    const before = await ids();
    await stack.set("greenVersion", "2.0.0");
    await stack.up();
    const after = await ids();
    assert.equal(after.blue, before.blue);
    assert.equal(after.proxy, before.proxy);
    assert.notEqual(after.green, before.green);
    assert.equal((await seen(stack)).color, "blue");
    assert.equal((await stack.container("green")).Config.Labels["blue-green.version"], "2.0.0");
  });

  await t.test("the preview of a switch is one changed resource with one changed line", async () => {
    await stack.set("activeColor", "green");
    const steps: { op: string; urn: string }[] = JSON.parse(await stack.pulumi("preview", "--json")).steps;
    const changed = steps.filter((step) => step.op !== "same");
    assert.deepEqual(
      changed.map(({ op, urn }) => [op, urn.split("::").at(-1)]),
      [["update", "cutover"]],
    );
    const diff = await stack.pulumi("preview", "--diff", "--color", "never");
    const lines = diff.split("\n").filter((line) => /^\s*[-+] /.test(line));
    assert.deepEqual(
      lines.map((line) => line.trim().replace(/\s+/g, " ")),
      ["- default blue;", "+ default green;"],
    );
  });

  await t.test("the switch moves the public and replaces nothing", async () => {
    const before = await ids();
    await stack.up();
    const { color, page } = await seen(stack);
    assert.equal(color, "green");
    assert.match(page, /Version: 2\.0\.0/);
    assert.deepEqual(await ids(), before);
  });

  await t.test("the way back is the same act", async () => {
    const before = await ids();
    await stack.switchTo("blue");
    assert.equal((await seen(stack)).color, "blue");
    assert.deepEqual(await ids(), before);
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("destroy, as typed, leaves no container, network or volume", async () => {
    await stack.pulumi("destroy", "--yes", "--skip-preview");
    for (const kind of ["container", "network", "volume"] as const) assert.deepEqual(await stack.ids(kind), []);
    assert.notDeepEqual(await stack.ids("image"), [], "images stay: they are the way back");
  });
}
