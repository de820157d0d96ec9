import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { get, must, TestStack } from "./stack";

const CLEAN = join(__dirname, "..", "..", "setup", "clean");

test("two stacks on one engine do not disturb each other", async (t) => {
  const one = await TestStack.make(t);
  const two = await TestStack.make(t, { activeColor: "green" });
  await Promise.all([one.up(), two.up()]);
  const before = await two.ids("container");

  await t.test("each has its own color, and a switch of one leaves the other", async () => {
    await one.switchTo("green");
    await one.switchTo("blue");
    assert.equal((await get(one.url)).headers["x-color"], "blue");
    assert.equal((await get(two.url)).headers["x-color"], "green");
  });

  await t.test("everything carries its stack's labels", async () => {
    for (const part of ["blue", "green", "proxy"] as const) {
      const { Labels } = (await one.container(part)).Config;
      assert.equal(Labels["blue-green.project"], "blue-green");
      assert.equal(Labels["blue-green.stack"], one.name);
      assert.equal(Labels["blue-green.role"], part === "proxy" ? "proxy" : "slot");
      assert.equal(Labels["blue-green.color"], part === "proxy" ? undefined : part);
    }
    assert.equal((await one.ids("network")).length, 1);
    assert.equal((await one.ids("volume")).length, 1);
  });

  await t.test("destroying one leaves the other as it was", async () => {
    await one.pulumi("destroy", "--yes", "--skip-preview");
    assert.deepEqual(await one.ids("container"), []);
    assert.deepEqual(await two.ids("container"), before);
    assert.equal((await get(two.url)).headers["x-color"], "green");
  });

  await t.test("npm run clean removes the images of the destroyed one, and none that a container uses", async () => {
    assert.equal((await one.ids("image")).length, 2);
    assert.match(await must(CLEAN, [one.name]), /Images: 2 removed, 0 kept/);
    assert.deepEqual(await one.ids("image"), []);
    assert.match(await must(CLEAN, [two.name]), /Images: 0 removed, 2 kept/);
    assert.equal((await two.ids("image")).length, 2);
  });
});
