import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertNoFailures } from "../load";
import type { EngineHosts } from "./engineHosts";
import { fails, says, until } from "./failures";
import { HostsStack } from "./hosts";
import { get } from "./stack";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

test("three hosts, of which one does not answer", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("the others go on without it", (t) => missing(t, hosts));
});

async function missing(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, { bakeSeconds: "2" });
  const { stack } = made;
  const colorOn = async (name: Name) => (await get(`${made.urlOf(name)}/`)).headers["x-color"];
  const colors = () => Promise.all(NAMES.map(colorOn));
  const partsOn = (name: Name) =>
    Promise.all(
      ["proxy", "blue", "green"].map((part) =>
        made.byName[name].docker("inspect", "--format", "{{.Id}} {{.Created}}", made.called(part)),
      ),
    );
  /** Types `pulumi up` while visitors come to these hosts, none of whom may notice. */
  const upUnnoticed = async (...names: Name[]) => {
    const loads = made.load(...names);
    const output = await stack.up();
    for (const load of loads) assertNoFailures(await load.stop());
    return output;
  };
  const comesBack = async (name: Name, color: string) => {
    await hosts.restart(made.byName[name]);
    await until(`${name} serves ${color}`, async () => (await colorOn(name).catch(() => undefined)) === color);
  };

  says(await stack.up(), "blue is live on 3 hosts (a, b, c)");
  const onC = await partsOn("c");

  await t.test("a run without it is refused, and says how to go on", async () => {
    await hosts.kill(made.byName.c);
    await stack.set("activeColor", "green");
    await fails(
      stack,
      "c: No Docker Engine answered",
      "Nothing was touched, on no host.",
      "or go on without it: pulumi config set allowMissingHosts 1 && pulumi up",
    );
    await stack.set("allowMissingHosts", "3");
    await fails(stack, "must be less than the number of hosts, which is 3");
  });

  await t.test("allowed to, the others switch, and it keeps what it has", async () => {
    await stack.set("allowMissingHosts", "1");
    const output = await upUnnoticed("a", "b");
    says(output, "c does not answer (", "it keeps what it has", "green is live on 2 hosts (a, b)");
    assert.deepEqual(await colors(), ["green", "green", "blue"]);
    const { output: status } = await stack.command("npm", "run", "--silent", "status");
    says(status, "c does not answer");
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged", "c does not answer (");
  });

  await t.test("back, it serves what it served, and the next run puts it right", async () => {
    await comesBack("c", "blue");
    assert.deepEqual(await partsOn("c"), onC);
    says((await stack.command("npm", "run", "--silent", "status")).output, "c serves blue");
    await upUnnoticed(...NAMES);
    assert.deepEqual(await colors(), ["green", "green", "green"]);
    assert.deepEqual(await partsOn("c"), onC);
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });

  await t.test("the others go on without the lead as well, which is the stack's own engine", async () => {
    await hosts.kill(made.byName.a);
    await stack.set("activeColor", "blue");
    says(await upUnnoticed("b", "c"), "a does not answer (", "blue is live on 2 hosts (b, c)");
    assert.deepEqual(await colors(), ["green", "blue", "blue"]);
    await comesBack("a", "green");
    await upUnnoticed(...NAMES);
    assert.deepEqual(await colors(), ["blue", "blue", "blue"]);
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });
}
