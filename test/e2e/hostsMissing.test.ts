import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { assertNoFailures } from "../load";
import type { EngineHosts } from "./engineHosts";
import { fails, says, until } from "./failures";
import { HostsStack, NAMES, type Name } from "./hosts";

test("three hosts, of which one does not answer", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("the others go on without it", (t) => missing(t, hosts));
});

async function missing(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, { bakeSeconds: "2" });
  const { stack } = made;
  const colorOn = (name: Name) => made.colorOn(name);
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
    const ended = stack.up();
    await ended.catch(() => {});
    const reports = await Promise.all(loads.map((load) => load.stop()));
    const output = await ended;
    for (const report of reports) assertNoFailures(report);
    return output;
  };
  /** Has a host's engine be out of reach until that is called. */
  const hide = (name: Name) => {
    const socket = String(made.byName[name].env.DOCKER_HOST).replace("unix://", "");
    renameSync(socket, `${socket}.away`);
    return () => renameSync(`${socket}.away`, socket);
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
    await hosts.restart(made.byName.c);
    // After a crash Docker takes them for stopped on purpose.
    await made.byName.c.docker("start", ...["blue", "green", "proxy"].map((part) => made.called(part)));
    await until("c serves blue", async () => (await colorOn("c").catch(() => undefined)) === "blue", 20);
    assert.deepEqual(await partsOn("c"), onC);
    says((await stack.command("npm", "run", "--silent", "status")).output, "c serves blue");
    await upUnnoticed(...NAMES);
    assert.deepEqual(await colors(), ["green", "green", "green"]);
    assert.deepEqual(await partsOn("c"), onC);
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });

  await t.test("the others go on without the lead as well, which is the stack's own engine", async () => {
    const ownParts = await partsOn("a");
    const find = hide("a");
    await stack.set("activeColor", "blue");
    says(await upUnnoticed("b", "c"), "a does not answer (", "blue is live on 2 hosts (b, c)");
    assert.deepEqual(await colors(), ["green", "blue", "blue"]);
    find();
    says(await upUnnoticed(...NAMES), "blue is live on 3 hosts (a, b, c)");
    assert.deepEqual(await partsOn("a"), ownParts);
    assert.deepEqual(await colors(), ["blue", "blue", "blue"]);
    says(await stack.pulumi("preview", "--expect-no-changes"), "unchanged");
  });
  await t.test("a destroy fails at the missing one, and takes the rest when it is back", async () => {
    const find = hide("c");
    const { code, output } = await stack.tryPulumi("destroy", "--yes", "--skip-preview");
    assert.notEqual(code, 0, output);
    says(output, "Cannot connect to the Docker daemon");
    find();
    await stack.pulumi("destroy", "--yes", "--skip-preview");
    for (const name of NAMES) assert.equal(await made.byName[name].docker("ps", "--all", "--quiet"), "", name);
  });
}
