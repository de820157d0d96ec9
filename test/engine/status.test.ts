import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./failures";
import { TestStack } from "./stack";

test("npm run status says what runs, by its exit code too", async (t) => {
  const stack = await TestStack.make(t);
  const status = async () => {
    const { code, output } = await stack.command("node", "--require", "tsx/cjs", "status/main.ts", "--json");
    return { code, ...JSON.parse(output) };
  };
  const container = (part: "blue" | "green" | "proxy") => stack.container(part);

  assert.equal((await status()).code, 3, "nothing of it runs yet");
  await stack.up();
  const well = await status();
  assert.equal(well.code, 0, JSON.stringify(well));

  await t.test("a pending switch and its end", async () => {
    await stack.set("activeColor", "green");
    assert.equal((await status()).code, 1);
    await stack.up();
    assert.equal((await status()).code, 0);
  });

  await t.test("an idle color that does not run", async () => {
    await stack.docker("stop", (await container("blue")).Id);
    const { code, ...report } = await status();
    assert.equal(code, 1);
    assert.match(JSON.stringify(report), /docker start blue-green-test-\w+-blue/);
    await stack.docker("start", (await container("blue")).Id);
    await until("blue is healthy", async () => (await container("blue")).State.Health?.Status === "healthy");
  });

  await t.test("a live color that does not answer", async () => {
    await stack.docker("stop", (await container("green")).Id);
    const { code, ...report } = await status();
    assert.equal(code, 2);
    assert.match(JSON.stringify(report), /pulumi config set activeColor blue/);
    await stack.docker("start", (await container("green")).Id);
    await until("green answers", async () => (await status()).code === 0);
  });

  await t.test("a configuration edited by hand", async () => {
    const edit =
      'cd /var/lib/blue-green && sed "s/server_tokens off/server_tokens on/" nginx.conf >x && mv x nginx.conf';
    await stack.docker("exec", (await container("proxy")).Id, "sh", "-c", edit);
    assert.equal((await status()).code, 1);
    await stack.up();
    assert.equal((await status()).code, 0);
  });

  await t.test("a proxy that does not run", async () => {
    await stack.docker("stop", (await container("proxy")).Id);
    assert.equal((await status()).code, 2);
    await stack.docker("start", (await container("proxy")).Id);
  });
});
