import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { renderConfiguration } from "../../stacks/configuration";
import { assertNoFailures, keepAliveGets } from "../load";
import { sampleSettings } from "../settings.sample";
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
    const load = keepAliveGets({ url: `${stack.url}/`, connections: 8, pauseMs: 10 });
    await stack.set("greenVersion", "1.2.0");
    await stack.pulumi("config", "set", "--path", "environment.SHOP", "new");
    await stack.switchTo("green");
    assertNoFailures(await load.stop());
    assert.match((await get(stack.url)).body, /Version: 1\.2\.0/);
    for (const color of ["blue", "green"] as const) {
      assert.ok((await stack.container(color)).Config.Env.includes("SHOP=new"));
    }
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("another port and health path inside the containers reach both colors and the proxy", async () => {
    await stack.set("appPort", "5055");
    await stack.set("healthPath", "/");
    await stack.up();
    const answer = await get(stack.url);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-color"], "green");
  });

  await t.test(
    "an up that finds nothing to do, while the proxy serves the other color, fails and says how to mend it",
    async () => {
      // What an interrupted run leaves: the public was moved, and the state does not know.
      const template = readFileSync(join(stack.directory, "nginx", "nginx.conf.mustache"), "utf8");
      const moved = renderConfiguration(template, {
        ...sampleSettings,
        appPort: 5055,
        healthPath: "/",
        activeColor: "blue",
      });
      const put = `cat >/var/lib/blue-green/nginx.conf && kill -HUP 1`;
      const proxy = (await stack.container("proxy")).Id;
      await stack.dockerWithInput(moved.replace("@GENERATION@", "by-hand"), "exec", "-i", proxy, "sh", "-c", put);
      const { code, output } = await stack.tryPulumi("up", "--yes", "--skip-preview");
      assert.notEqual(code, 0);
      assert.match(output, /The proxy serves blue, although activeColor is green/);
      const [, urn] = /Next: pulumi up --replace '([^']+)'/.exec(output) ?? [];
      assert.ok(urn, output);
      await stack.pulumi("up", "--yes", "--skip-preview", "--replace", urn);
      assert.equal((await get(stack.url)).headers["x-color"], "green");
      await stack.up();
    },
  );
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
