import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertNoFailures } from "../load";
import type { EngineHosts } from "./engineHosts";
import { says } from "./failures";
import { HostsStack } from "./hosts";
import { get } from "./stack";

const NAMES = ["a", "b", "c"] as const;

test("three hosts", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("one service on all of them", (t) => service(t, hosts));
});

async function service(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, { bakeSeconds: "3" });
  const { stack } = made;
  const colors = async () =>
    Object.fromEntries(
      await Promise.all(NAMES.map(async (name) => [name, (await get(`${made.urlOf(name)}/`)).headers["x-color"]])),
    );
  const on = (color: string) => Object.fromEntries(NAMES.map((name) => [name, color]));

  await t.test("comes up on all of them", async () => {
    const output = await stack.up();
    says(output, "blue is live on 3 hosts (a, b, c)");
    assert.deepEqual(await colors(), on("blue"));
  });

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
}
