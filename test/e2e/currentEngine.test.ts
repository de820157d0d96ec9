import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CurrentEngine } from "./currentEngine";
import { RunningUp, row, says, whole } from "./failures";
import { lifecycle } from "./lifecycle";
import { type Answer, get, TestStack } from "./stack";

/** How long after a restart of Docker the service may take to be back as it was. */
const BACK_WITHIN_SECONDS = 60;

test("on a current Docker Engine", async (t) => {
  const engine = await CurrentEngine.start(t);
  if (typeof engine === "string") return t.skip(engine);

  await t.test("the whole life of a stack", (t) => lifecycle(t, engine));

  await t.test("a restart of Docker ends in the same state as before, without pulumi up", async (t) => {
    const stack = await TestStack.make(t, { ...engine.settings, greenVersion: "2.0.0" }, engine.env);
    await stack.up();
    await stack.switchTo("green");
    const parts = ["blue", "green", "proxy"] as const;
    const before = await Promise.all(parts.map((part) => stack.container(part)));

    await engine.restartDaemon();

    const deadline = Date.now() + BACK_WITHIN_SECONDS * 1000;
    const seen = async () => {
      const answer = await get(stack.url).catch((error: Error) => error.message);
      const containers = await Promise.all(parts.map((part) => stack.container(part)));
      return { ...summary(answer), states: containers.map(({ State }) => State.Status) };
    };
    const wanted = { status: 200, color: "green", version: "2.0.0", states: ["running", "running", "running"] };
    let now = await seen();
    while (JSON.stringify(now) !== JSON.stringify(wanted) && Date.now() < deadline) {
      await sleep(200);
      now = await seen();
    }
    assert.deepEqual(now, wanted);

    const after = await Promise.all(parts.map((part) => stack.container(part)));
    assert.deepEqual(
      after.map(({ Id }) => Id),
      before.map(({ Id }) => Id),
    );
    for (const [index, { State }] of after.entries()) {
      assert.notEqual(State.StartedAt, before[index]?.State.StartedAt, `${parts[index]} was restarted`);
    }
    await stack.pulumi("preview", "--expect-no-changes");

    await row(
      t,
      stack,
      "Docker restarted during it",
      async () => {
        await stack.set("bakeSeconds", "10");
        await stack.set("blueVersion", "3.0.0");
        await stack.set("activeColor", "blue");
        const up = new RunningUp(stack);
        await up.says(/watch 2\/\d+ s/);
        await engine.restartDaemon();
        const { code, output } = await up.ended;
        assert.notEqual(code, 0);
        says(
          output,
          /blue was switched to and taken back: (the proxy could not be asked|its container|its health path)/,
          "The public is back on green, after",
        );
        assert.equal(await whole(stack), "green");
        await stack.up();
        assert.equal(await whole(stack), "blue");
      },
      { only: /./, within: 60 },
    );
  });
});

/** What the public sees, or why it sees nothing. */
function summary(answer: Answer | string): Record<string, unknown> {
  if (typeof answer === "string") return { status: answer };
  return {
    status: answer.status,
    color: answer.headers["x-color"],
    version: answer.body.match(/Version: (\S+?)</)?.[1],
  };
}
