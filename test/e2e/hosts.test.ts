import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertNoFailures } from "../load";
import type { EngineHosts } from "./engineHosts";
import { says } from "./failures";
import { HostsStack, NAMES, type Name } from "./hosts";

test("three hosts", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("one service on all of them", (t) => service(t, hosts));
});

async function service(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, { bakeSeconds: "3" });
  const { stack } = made;
  const colors = async () =>
    Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await made.colorOn(name)])));
  const on = (color: string) => Object.fromEntries(NAMES.map((name) => [name, color]));

  const idsOn = (name: Name) =>
    Promise.all(
      ["proxy", "blue", "green"].map((part) =>
        made.byName[name].docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", made.called(part)),
      ),
    );

  await t.test(
    "two hosts come beside the one that a stack has, whose containers and visitors don't notice",
    async () => {
      await made.setHosts();
      says(await stack.up(), /blue is live and well/);
      const before = await idsOn("a");
      const loads = made.load("a");
      await made.setHosts(...NAMES);
      says(await stack.up(), "blue is live on 3 hosts (a, b, c)");
      assert.deepEqual(await idsOn("a"), before);
      assert.deepEqual(await colors(), on("blue"));
      for (const load of loads) assertNoFailures(await load.stop());
    },
  );

  await t.test("a switch is one changed line, moves all of them at the same time, and fails no request", async () => {
    const loads = made.load(...NAMES);
    await stack.set("activeColor", "green");
    const preview = await stack.pulumi("preview", "--diff");
    assert.equal(preview.match(/^ *\+ +default green;$/gm)?.length, 1, preview);
    const output = await stack.up();
    const reports = await Promise.all(loads.map((load) => load.stop()));
    for (const report of reports) assertNoFailures(report);
    assert.deepEqual(await colors(), on("green"));
    const [, spread] = /the public moved on all of them within (\d+) ms/.exec(output) ?? [];
    assert.ok(spread !== undefined, output);
    const lines = await Promise.all(NAMES.map(async (name) => (await made.history(name)).at(-1)));
    assert.deepEqual(
      lines.map((line) => line?.result),
      ["switched", "switched", "switched"],
    );
    assert.equal(new Set(lines.map((line) => line?.time)).size, 1);
  });

  await t.test("a run with nothing to do changes nothing", async () => {
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });

  await t.test("npm run status says how each of them is", async () => {
    const { output, code } = await stack.command("npm", "run", "--silent", "status");
    assert.equal(code, 0, output);
  });

  await t.test("npm run rollback takes all of them back", async () => {
    const loads = made.load(...NAMES);
    const { output, code } = await stack.command("npm", "run", "--silent", "rollback");
    assert.equal(code, 0, output);
    assert.deepEqual(await colors(), on("blue"));
    for (const load of loads) assertNoFailures(await load.stop());
    says(await stack.up(), "blue is live");
  });

  await t.test("one that is taken out of the setting is gone, and the others don't notice", async () => {
    const before = await Promise.all([idsOn("a"), idsOn("b")]);
    const loads = made.load("a", "b");
    await made.setHosts("a", "b");
    await stack.up();
    for (const load of loads) assertNoFailures(await load.stop());
    assert.deepEqual(await Promise.all([idsOn("a"), idsOn("b")]), before);
    assert.equal(await made.byName.c.docker("ps", "--all", "--quiet"), "");
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });

  await t.test("and is back on its one host without a word of the setting", async () => {
    const before = await idsOn("a");
    const loads = made.load("a");
    await made.setHosts();
    await stack.up();
    for (const load of loads) assertNoFailures(await load.stop());
    assert.deepEqual(await idsOn("a"), before);
    assert.equal(await made.byName.b.docker("ps", "--all", "--quiet"), "");
    assert.doesNotMatch((await stack.command("npm", "run", "--silent", "status")).output, /^host /m);
  });
}
