import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secondsWithout } from "../../../stacks/engine/outage";
import { stubDocker } from "./docker.stub";

const engine = (events: string) => stubDocker({ ask: async () => events });

describe("an outage", () => {
  test("the time without the proxy counts from the first of the engine's events", async () => {
    const ago = (seconds: number) => `${BigInt(Date.now() - seconds * 1000) * 1_000_000n}`;
    const seconds = await secondsWithout(engine(`${ago(4)}\n${ago(3)}\n`), "p");
    // Either time is rounded to milliseconds.
    assert.ok(seconds !== undefined && seconds >= 3.99 && seconds < 5, String(seconds));
  });

  test("where the engine has forgotten, nothing is made up", async () => {
    assert.equal(await secondsWithout(engine(""), "p"), undefined);
  });
});
