import assert from "node:assert/strict";
import { test } from "node:test";
import { killMaster } from "./failures";
import { get, TestStack } from "./stack";

/** How long Docker may take to bring a container back. */
const BACK_WITHIN_SECONDS = 30;

/** Asks until the public gets the page of this color again; answers the seconds that it took. */
export async function until(stack: TestStack, color: string): Promise<number> {
  const started = Date.now();
  for (;;) {
    const answer = await get(`${stack.url}/`).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.status === 200 && answer.headers["x-color"] === color) {
      return (Date.now() - started) / 1000;
    }
    if (Date.now() - started > BACK_WITHIN_SECONDS * 1000) {
      throw new Error(`not back within ${BACK_WITHIN_SECONDS} s: ${JSON.stringify(answer)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a restart ends in the same state as before, without pulumi up", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  await stack.switchTo("green");
  const proxy = await stack.container("proxy");
  const green = await stack.container("green");

  await t.test("of nginx's container", async () => {
    await stack.docker("restart", "--time", "3", proxy.Id);
    await until(stack, "green");
  });

  await t.test("of the live color's container, which has another address afterwards", async () => {
    await stack.docker("restart", green.Id);
    await until(stack, "green");
  });

  await t.test("of both colors at once", async () => {
    await stack.docker("restart", green.Id, (await stack.container("blue")).Id);
    await until(stack, "green");
  });

  await t.test("after nginx's master was killed", async () => {
    await killMaster(stack, "proxy");
    await until(stack, "green");
    assert.equal((await stack.container("proxy")).Id, proxy.Id);
  });

  await t.test("after the live color's process was killed", async () => {
    await killMaster(stack, "green");
    await until(stack, "green");
  });

  await stack.pulumi("preview", "--expect-no-changes");
});
