import assert from "node:assert/strict";
import { test } from "node:test";
import { confirmLive } from "../stacks/live";
import { Refusal } from "../stacks/refusal";

const log = () => Promise.reject(new Error("no log is asked for"));
const expected = { proxyId: "p", active: "blue", cutoverUrn: "urn:cutover" } as const;

test("a proxy that serves the active color is confirmed", async () => {
  const asked: string[][] = [];
  const ask = async (...args: string[]) => {
    asked.push(args);
    return "0123456789abcdef blue\n";
  };
  await confirmLive({ ask, log }, expected);
  assert.deepEqual(asked, [["exec", "p", "curl", "--silent", "--max-time", "5", "http://127.0.0.1:8081/generation"]]);
});

test("one that serves the other color fails the run, with the command that mends it", async () => {
  await assert.rejects(confirmLive({ ask: async () => "0123456789abcdef green\n", log }, expected), (error: Error) => {
    assert.ok(error instanceof Refusal);
    assert.equal(
      error.message,
      "The proxy serves green, although activeColor is blue and Pulumi's state says the same: an earlier run was interrupted, " +
        "or somebody changed the proxy by hand. Next: pulumi up --replace 'urn:cutover'",
    );
    return true;
  });
});

test("one that does not answer fails the run with the client's words", async () => {
  const ask = () => Promise.reject(Object.assign(new Error("Command failed"), { stderr: "No such container: p\n" }));
  await assert.rejects(confirmLive({ ask, log }, expected), {
    message: "The proxy does not say which color it serves: No such container: p. Next: pulumi up --refresh",
  });
});
