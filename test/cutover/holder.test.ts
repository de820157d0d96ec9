import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Holder } from "../../cutover/holder";
import type { Lock } from "../../cutover/lock";
import { Nginx } from "../../cutover/proxy";
import type { Ended } from "../../stacks/engine/docker";
import { generationOf } from "../../stacks/service/serving";
import { configurationFor } from "./order.sample";
import { lost, ok, onBlue, type StubProxy } from "./proxy.stub";

const HOW = { answerSeconds: 7, verifyRequests: 9, keepPrevious: true, reload: false };

/** Beyond ASCII, and with what a shell would take for its own. */
const GREEN = `${configurationFor("green")}# ü "quoted" 'quoted' $HOME \`id\` \\n %s *\n\n`;

/** A holder that does this with what it is told. */
function holderOf(t: TestContext, script: string): { holder: Holder; child: ChildProcessWithoutNullStreams } {
  const child = spawn("sh", ["-c", script]);
  t.after(() => child.kill("SIGKILL"));
  return { holder: new Holder(child), child };
}

const lockOf = (proxy: StubProxy): Promise<Lock> => new Nginx(proxy.docker, "p1").lock("me", 5, () => {});

describe("the lock's holder", () => {
  test("starts a move with the configuration as it is, and tells what it says, its exit code and its words", async (t) => {
    const proxy = onBlue(t);
    const lock = await lockOf(proxy);
    const said: string[] = [];
    proxy.moveSays = ["answer 5/7 s, not yet", "ended in words"];
    assert.deepEqual(await lock.move(GREEN, HOW, (line) => said.push(line)), ok);
    assert.deepEqual(said, proxy.moveSays);
    const how = { STEP: "move", ANSWER_SECONDS: "7", VERIFY_REQUESTS: "9", KEEP_PREVIOUS: "true", RELOAD: "false" };
    assert.deepEqual(proxy.moves, [how]);
    assert.match(proxy.read("answer") ?? "", new RegExp(`^${generationOf(GREEN)} green\n$`));

    const stderr = "ü: no 'such' $thing\nended 0 \n\nNext: mend it";
    proxy.move = async () => ({ ...ok, code: 3, stderr });
    assert.deepEqual(await lock.move(GREEN, HOW, () => {}), { code: 3, stdout: "", stderr });
    await lock.writeReceiver("{}");
    assert.equal(proxy.read("notify.json"), "{}", "it goes on to be told things");
    await lock.release();
  });

  test("that ends with its caller leaves a move that it has started to its end, and the lock to others", async (t) => {
    const proxy = onBlue(t);
    const lock = await lockOf(proxy);
    let end: (ended: Ended) => void = () => {};
    const begun = new Promise<void>((resolve) => {
      proxy.move = () => {
        resolve();
        return new Promise((ended) => {
          end = ended;
        });
      };
    });
    void lock.move(GREEN, HOW, () => {});
    await begun;
    const [holder] = proxy.holders;
    holder?.stdin.end();
    assert.deepEqual(await once(holder as ChildProcessWithoutNullStreams, "exit"), [0, null]);
    const next = await lockOf(proxy);
    const moves = join(proxy.directory, "..", "move-0", "begun");
    assert.equal(existsSync(moves), true, "the move is under way");
    end(ok);
    for (let tries = 0; existsSync(moves) && tries < 500; tries++) await pause(10);
    assert.equal(existsSync(moves), false, "the move has ended");
    await next.release();
  });

  test("that is lost with a proxy that restarts is replaced before a move", async (t) => {
    const proxy = onBlue(t);
    const lock = await lockOf(proxy);
    await lost(proxy.holders[0]);
    assert.deepEqual(await lock.move(GREEN, HOW, () => {}), ok);
    assert.deepEqual([proxy.holders.length, proxy.live], [2, "green"]);
    await lock.release();
  });

  test("that is cut off has no exit code for its step, and the words that it had since then", async (t) => {
    const { holder } = holderOf(t, "echo earlier >&2; read -r told; echo $told; echo later >&2; exit 1");
    await pause(200);
    const said: string[] = [];
    const ended = await holder.step("move it", 5, (line) => said.push(line));
    assert.deepEqual([ended, said], [{ code: null, stdout: "", stderr: "later\n" }, ["move it"]]);
  });

  test("whose step does not end in time is ended itself", async (t) => {
    const { holder, child } = holderOf(t, "exec cat");
    await assert.rejects(
      holder.step("move", 0.3, () => {}),
      { message: "the proxy had no answer within 0.3 s" },
    );
    assert.equal(child.signalCode, "SIGKILL");
  });
});
