import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertNoFailures, keepAliveGets, LIGHT } from "../load";
import { get, TestStack } from "./stack";

test("releases", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  const page = join(stack.directory, "app", "templates", "index.html");
  const change = (from: string, to: string) => writeFileSync(page, readFileSync(page, "utf8").replace(from, to));

  await t.test("an earlier version comes back as it was built, though the sources have moved on", async () => {
    const first = (await stack.container("green")).Image;
    change("Hello from", "Hello again from");
    await stack.set("greenVersion", "1.1.0");
    await stack.up();
    assert.match((await get(`http://127.0.0.1:${stack.ports.green}/`)).body, /Hello again from/);
    await stack.set("greenVersion", "1.0.0");
    const output = await stack.up();
    assert.match(output, /green keeps version 1\.0\.0 as it was built from sources \w{12}; the sources are \w{12} now/);
    assert.equal((await stack.container("green")).Image, first);
    assert.match((await get(`http://127.0.0.1:${stack.ports.green}/`)).body, /Hello from/);
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("a release, its switch and a change of both colors in one up drop nothing", async () => {
    const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8 });
    await stack.set("greenVersion", "1.2.0");
    await stack.set("environment.SHOP", "new", "--path");
    const output = await stack.switchTo("green");
    assert.match(output, /blue is live and keeps what it runs\. It takes environment\.SHOP on the next `pulumi up`\./);
    assert.match((await get(stack.url)).body, /Version: 1\.2\.0/);
    await stack.up();
    assertNoFailures(await load.stop());
    for (const color of ["blue", "green"] as const) {
      assert.ok((await stack.container(color)).Config.Env.includes("SHOP=new"));
    }
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test(
    "the way back does not take along a change of both colors that the color gone back to never had",
    async () => {
      const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8 });
      const { Id } = await stack.container("green");
      await stack.set("environment.SHOP", "newer", "--path");
      await stack.up();
      await stack.switchTo("blue");
      const output = await stack.switchTo("green");
      assert.match(output, /green goes live again as it was: it does not take environment\.SHOP, which blue runs with/);
      assert.match(output, /going back at once/);
      assert.equal((await stack.container("green")).Id, Id);
      // It becomes idle, and takes it then.
      await stack.switchTo("blue");
      await stack.up();
      assert.ok((await stack.container("green")).Config.Env.includes("SHOP=newer"));
      await stack.switchTo("green");
      assertNoFailures(await load.stop());
      await stack.pulumi("preview", "--expect-no-changes");
    },
  );

  await t.test(
    "another port and health path go to the idle color, are switched to, and then to the other one",
    async () => {
      const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8 });
      const { Id } = await stack.container("green");
      await stack.set("appPort", "5055");
      await stack.set("healthPath", "/healthz/");
      const page = join(stack.directory, "app", "app.py");
      writeFileSync(page, readFileSync(page, "utf8").replace('"/healthz")', '"/healthz", strict_slashes=False)'));
      await stack.set("blueVersion", "1.3.0");
      const output = await stack.up();
      assert.match(output, /It takes appPort 5000 -> 5055, healthPath \/healthz -> \/healthz\/ on the first/);
      assert.equal((await stack.container("green")).Id, Id, "what the public is on is the same container");
      assert.equal((await get(stack.url)).headers["x-color"], "green");
      await stack.switchTo("blue");
      assert.equal((await get(stack.url)).headers["x-color"], "blue");
      await stack.set("greenVersion", "1.3.0");
      await stack.up();
      await stack.switchTo("green");
      await stack.pulumi("preview", "--expect-no-changes");
      assertNoFailures(await load.stop());
    },
  );
});

test("the live color is not changed in place", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  const { Id } = await stack.container("blue");

  await t.test("by its own setting: refused at preview and at up, with the way to do it", async () => {
    await stack.set("blueVersion", "2.0.0");
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await stack.tryPulumi(...command);
      assert.notEqual(code, 0);
      assert.match(output, /blue is live, and this would replace its container .*\(blueVersion 1\.0\.0 -> 2\.0\.0\)/);
      assert.match(output, /pulumi config set greenVersion 2\.0\.0 && pulumi up/);
    }
    assert.equal((await stack.container("blue")).Id, Id);
  });

  await t.test("nor by what somebody changed on the engine: a refresh replaces neither it nor the proxy", async () => {
    await stack.set("blueVersion", "1.0.0");
    const proxy = (await stack.container("proxy")).Id;
    for (const id of [Id, proxy]) await stack.docker("update", "--memory", "200m", "--memory-swap", "400m", id);
    await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
    assert.equal((await stack.container("blue")).Id, Id);
    assert.equal((await stack.container("proxy")).Id, proxy);
  });

  await t.test("but for allowLiveReplace, on purpose; the run after it takes it for stable again", async () => {
    await stack.set("blueVersion", "2.0.0");
    await stack.set("allowLiveReplace", "true");
    assert.match(await stack.up(), /blue is live and is replaced in place \(blueVersion 1\.0\.0 -> 2\.0\.0\)/);
    assert.notEqual((await stack.container("blue")).Id, Id);
    assert.match((await get(stack.url)).body, /Version: 2\.0\.0/);
    await stack.pulumi("config", "rm", "allowLiveReplace");
    assert.match(await stack.up(), /its container was made anew since it was switched to/);
    await stack.pulumi("preview", "--expect-no-changes");
  });
});

test("a secret in the log of a container that does not start is not shown", async (t) => {
  const stack = await TestStack.make(t);
  await stack.pulumi("config", "set", "--path", "--secret", "secretEnvironment.TOKEN", "planted-c4n4ry");
  writeFileSync(
    join(stack.directory, "app", "app.py"),
    'import os\nraise RuntimeError("no route with " + os.environ["TOKEN"])\n',
  );
  const { code, output } = await stack.tryPulumi("up", "--yes", "--skip-preview");
  assert.notEqual(code, 0);
  assert.match(output, /no route with \[secret\]/);
  assert.doesNotMatch(output, /planted-c4n4ry/);
});
