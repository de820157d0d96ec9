import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT } from "../load";
import { backendImage } from "./backend";
import { CurrentEngine } from "./currentEngine";
import { fails, says } from "./failures";
import { POLICY_PACK, prodSettings } from "./prod";
import { freePorts, get, must, TestStack } from "./stack";

test("a stack each on two engines, the second one over SSH", async (t) => {
  const engine = await CurrentEngine.start(t);
  if (typeof engine === "string") return t.skip(engine);
  // Within, so that the stacks are gone before the engine is.
  await t.test("prod's file there, dev here", (t) => onBoth(t, engine));
});

async function onBoth(t: TestContext, engine: CurrentEngine): Promise<void> {
  const versions = ["1.0.0", "2.0.0"] as const;
  const [one, two] = await engine.takeImages(...(await Promise.all(versions.map(backendImage))));
  const [nginxImage] = await engine.takeImages(engine.settings.nginxImage);
  assert.ok(one && two && nginxImage);

  const dev = await TestStack.make(t, { greenVersion: "2.0.0" });
  const prod = await TestStack.make(
    t,
    {
      ...prodSettings(),
      ...{ bindAddress: engine.settings.bindAddress, nginxImage, blueImage: one, greenImage: one },
      ...{ bakeSeconds: "2", drainSeconds: "15", "docker:host": engine.sshHost },
    },
    { ...engine.sshEnv, ...POLICY_PACK },
  );
  const containersOf = async (stack: TestStack, env: NodeJS.ProcessEnv) =>
    (
      await must(
        "docker",
        ["ps", "--all", "--quiet", "--no-trunc", "--filter", `label=blue-green.stack=${stack.name}`],
        {
          env: { ...process.env, ...env },
        },
      )
    )
      .split("\n")
      .filter(Boolean)
      .sort();
  await dev.up();
  await prod.up();
  const devIds = await containersOf(dev, {});

  await t.test("each is on its own engine alone", async () => {
    assert.equal(devIds.length, 3);
    assert.equal((await containersOf(prod, engine.env)).length, 5, "a proxy, and two of each color");
    assert.deepEqual(await containersOf(prod, {}), []);
    assert.deepEqual(await containersOf(dev, engine.env), []);
    for (const stack of [dev, prod]) assert.equal((await get(stack.url)).headers["x-color"], "blue");
    await prod.pulumi("preview", "--expect-no-changes");
  });

  await t.test("npm run status asks the engine that the stack's file names", async () => {
    const { code, output } = await prod.command("node", "--require", "./setup/bundle.cjs", "commands/status/main.ts");
    assert.equal(code, 0, output);
    says(output, /2 healthy/);
  });

  await t.test("a release goes through prod as prod's file wants it: digest, canary, switch, and back", async () => {
    const load = [
      keepAliveGets({ ...LIGHT, url: `${prod.url}/`, connections: 8, maxSeconds: 600, userAgents: 50 }),
      freshGets({ ...LIGHT, url: `${prod.url}/`, connections: 2, maxSeconds: 600, userAgents: 50 }),
    ];
    await prod.set("greenVersion", "2.0.0");
    await prod.set("greenImage", "shop:2.0.0");
    await fails(prod, /greenImage = "shop:2\.0\.0": must be named by its digest, since imagesByDigest is true/);
    await prod.set("greenImage", two);
    await prod.up();

    await prod.set("activeColor", "green");
    await fails(prod, /green \(2\.0\.0\) has had no visitors as a canary yet/);
    assert.equal((await get(prod.url)).headers["x-color"], "blue");
    await prod.set("activeColor", "blue");
    await prod.set("canaryPercent", "20");
    says(await prod.up(), /green gets 20 % of the new visitors/);
    says(await prod.switchTo("green"), /green is live, from blue and well/);
    assert.equal((await get(prod.url)).body.includes("Version: 2.0.0"), true);

    await prod.set("canaryPercent", "0");
    // A policy refuses it, and not the way back.
    await prod.set("smokeTests[0].name", "as a visitor", "--path");
    await prod.set("smokeTests[0].headers.Authorization", "Bearer of-a-test", "--path", "--plaintext");
    await fails(prod, /smokeTests\[0\]\.headers\.Authorization is secret by its name/);
    const back = await prod.switchTo("blue");
    says(back, /Not refused, since this is the way back to blue: smokeTests\[0\]\.headers/, /blue is live, from green/);
    await prod.pulumi("config", "rm", "smokeTests");
    await prod.up();
    assert.doesNotMatch(back, /watch \d+\/\d+ s/);
    for (const each of load) assertNoFailures(await each.stop());
    assert.deepEqual(await containersOf(dev, {}), devIds, "the other engine's are as they were");
    assert.equal((await get(dev.url)).headers["x-color"], "blue");
  });

  await t.test("the way back without Pulumi goes over SSH", async () => {
    const load = freshGets({ ...LIGHT, url: `${prod.url}/`, connections: 4, maxSeconds: 120, userAgents: 50 });
    for (const color of ["green", "blue"]) {
      const { code, output } = await prod.command("npm", "run", "--silent", "rollback", "--", "--to", color);
      assert.equal(code, 0, output);
      says(output, new RegExp(`^${color} is live, from `, "m"), `activeColor ${color}`);
      assert.equal((await get(prod.url)).headers["x-color"], color);
    }
    assertNoFailures(await load.stop());
    await prod.up();
    await prod.pulumi("preview", "--expect-no-changes");
  });

  await t.test("an engine that can't be reached is said with ssh's own reason, and nothing is touched", async () => {
    const before = await containersOf(prod, engine.env);
    const [closed] = await freePorts(1);
    const reasons = [
      [`ssh://root@127.0.0.1:${closed}`, /Connection refused/],
      [engine.sshHost.replace("root@", "nobody@"), /Permission denied \(publickey\)/],
      [`${engine.sshHost.replace(engine.settings.bindAddress, "localhost")}:${closed}`, /Connection refused|Host key/],
    ] as const;
    for (const [host, reason] of reasons) {
      await prod.set("docker:host", host);
      const { code, output } = await prod.tryPulumi("up", "--yes", "--skip-preview");
      assert.notEqual(code, 0);
      says(output, "No Docker Engine answered", reason, "Nothing was touched");
    }
    await prod.set("docker:host", engine.sshHost);
    assert.deepEqual(await containersOf(prod, engine.env), before);
    await prod.pulumi("preview", "--expect-no-changes");
  });
}
