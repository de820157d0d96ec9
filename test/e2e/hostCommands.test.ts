import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EngineHosts } from "./engineHosts";
import { says, until } from "./failures";
import { HostsStack, NAMES, type Name } from "./hosts";

test("the commands on three hosts", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("of one service", (t) => service(t, hosts));
});

async function service(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, { bakeSeconds: "0" });
  const { stack, byName } = made;
  const npm = (command: string, ...args: string[]) =>
    stack.command("npm", "run", "--silent", command, ...(args.length === 0 ? [] : ["--", ...args]));
  const serving = (...names: Name[]) => Promise.all(names.map((name) => made.colorOn(name)));
  await stack.up();

  await t.test("status has a line for each, which agree", async () => {
    const { code, output } = await npm("status");
    assert.equal(code, 0, output);
    for (const name of NAMES) assert.match(output, new RegExp(`^${name} +blue \\S+ .* well, agrees$`, "m"));
    says(output, "they agree on all 3 hosts");
  });

  await t.test("preview says on which hosts the public moves, by one changed line", async () => {
    await stack.set("activeColor", "green");
    const { code, output } = await npm("preview");
    assert.equal(code, 0, output);
    says(output, "green goes live on 3 hosts (a, b, c)");
    assert.match(output, /^- nginx's configuration:\n {4}- +default blue;\n {4}\+ +default green;$/m);
    await stack.up();
    assert.deepEqual(await serving(...NAMES), ["green", "green", "green"]);
  });

  await t.test("logs are those of all of them, or of one", async () => {
    await serving(...NAMES);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const all = await npm("logs", "--proxy");
    assert.equal(all.code, 0, all.output);
    for (const name of NAMES) assert.match(all.output, new RegExp(`^${name} proxy \\| \\{.*"status":200`, "m"));
    const one = await npm("logs", "--host", "b", "--proxy");
    assert.match(one.output, /^proxy \| \{.*"status":200/m);
  });

  await t.test("exec runs on the first one, or on the one that is named", async () => {
    const id = async (name: Name) =>
      (await byName[name].docker("inspect", "--format", "{{.Id}}", made.called("green"))).slice(0, 12);
    const { output } = await npm("exec", "--host", "b", "--", "hostname");
    assert.equal(output.trim(), await id("b"));
    assert.equal((await npm("exec", "--", "hostname")).output.trim(), await id("a"));
  });

  await t.test("of a host whose engine is gone status says so, and rollback takes the others back", async () => {
    await byName.b.endEngine("TERM");
    const status = await npm("status");
    assert.equal(status.code, 1, status.output);
    assert.match(status.output, /^! b does not answer: /m);
    assert.match(status.output, /^b +- .* can't tell$/m);
    const began = Date.now();
    const { code, output } = await npm("rollback");
    const seconds = (Date.now() - began) / 1000;
    assert.equal(code, 1, output);
    says(output, "the public goes back on a, c without it");
    says(output, "Not on b, which did not answer. Next, once that is back: npm run rollback -- --to blue");
    assert.deepEqual(await serving("a", "c"), ["blue", "blue"]);
    assert.ok(seconds < 20, `it took ${seconds.toFixed(1)} s`);
    t.diagnostic(`the way back without a host that is away took ${seconds.toFixed(1)} s`);
  });

  await t.test("once it is back status says that it differs, and what was typed once more takes it along", async () => {
    await hosts.restart(byName.b);
    await until("its proxy answers again", async () => /^b +green /m.test((await npm("status")).output));
    const status = await npm("status");
    assert.equal(status.code, 1, status.output);
    assert.match(
      status.output.split("\n")[1] ?? "",
      /^! b serves green \S+, and a and c blue \S+: pulumi up makes them agree$/,
    );
    const { code, output } = await npm("rollback");
    assert.equal(code, 0, output);
    assert.deepEqual(await serving(...NAMES), ["blue", "blue", "blue"]);
    await stack.up();
    const well = await npm("status");
    assert.equal(well.code, 0, well.output);
    says(well.output, "they agree on all 3 hosts");
  });

  await t.test("drift and recover say that they can't see to hosts yet", async () => {
    const drift = await npm("drift");
    assert.deepEqual([drift.code, /Not with hosts yet/.test(drift.output)], [3, true], drift.output);
    const recover = await npm("recover", "--yes");
    assert.deepEqual([recover.code, /Not with hosts yet/.test(recover.output)], [1, true], recover.output);
  });
}
