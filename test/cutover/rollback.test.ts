import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { rollBack, type WayBack } from "../../cutover/rollback";
import { dead, jobOf, running, workerOf } from "./order.sample";
import { ok, StubProxy } from "./proxy.stub";

const OWNER = { project: "blue-green", stack: "dev" };

/** A proxy on green, from which somebody takes the public back to blue, with these beside the colors' own containers. */
const onGreen = (t: TestContext, ...beside: StubProxy["containers"]): StubProxy => {
  const proxy = new StubProxy(t).serves("green").remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
  proxy.containers.push(...beside);
  return proxy;
};

const WAY: WayBack = { to: "blue", from: "green", putBack: undefined };

const acts = ({ events }: StubProxy): string[] => events.filter((event) => /^(move|stop|start|run) /.test(event));

const goBack = (proxy: StubProxy, way: WayBack | undefined = WAY) =>
  rollBack(OWNER, () => way, "by hand", proxy.tools).then((back) => back.way);

const STOPPED = { State: { ...dead, ExitCode: 0 } };

describe("npm run rollback", { concurrency: true }, () => {
  test("it moves the workers after the public, by what their containers say, and runs the jobs of a way back", async (t) => {
    const proxy = onGreen(
      t,
      workerOf("green", "mail", { start: "after-watch" }, 1, { State: running }),
      workerOf("blue", "mail", { start: "after-watch" }, 1, STOPPED),
      workerOf("blue", "report", { follow: "both" }),
      workerOf("green", "report", { follow: "both" }, 1, { State: running }),
      ...[
        jobOf("blue", "undo", "after-way-back"),
        jobOf("green", "undo", "after-way-back"),
        jobOf("blue", "migrate", "before-gate"),
      ],
    );
    assert.deepEqual(await goBack(proxy), WAY);
    assert.equal(proxy.live, "blue");
    assert.deepEqual(acts(proxy), [
      "move blue",
      "stop green-worker-mail",
      "start blue-worker-mail",
      "run blue-job-undo",
    ]);
    assert.deepEqual([proxy.history.at(-1)?.result, proxy.history.at(-1)?.reason], ["instant", "by hand"]);
  });

  test("a worker that does not start, and a job that fails, are told, and hold up nothing", async (t) => {
    const proxy = onGreen(t, workerOf("blue", "mail", {}, 1, STOPPED), jobOf("blue", "undo", "after-way-back"));
    proxy.startedAs.set("blue-worker-mail", { State: dead });
    proxy.job = async () => ({ ...ok, code: 1 });
    assert.deepEqual(await goBack(proxy), WAY);
    const told =
      "its worker blue-green-dev-blue-worker-mail ended with exit code 3; the job undo ended with exit code 1";
    assert.ok(proxy.said.at(-1)?.endsWith(`; ${told}`), proxy.said.at(-1));
    assert.deepEqual([proxy.history.at(-1)?.result, proxy.history.at(-1)?.reason], ["instant", `by hand; ${told}`]);
  });

  test("whoever is told that the public moved hears it before a worker is asked to end, and the record says it by then", async (t) => {
    const proxy = onGreen(
      t,
      workerOf("green", "mail", {}, 1, { State: running }),
      workerOf("blue", "mail", {}, 1, STOPPED),
      jobOf("blue", "undo", "after-way-back"),
    );
    const heard: unknown[] = [];
    await rollBack(
      OWNER,
      () => WAY,
      "by hand",
      proxy.tools,
      (way) => heard.push([way, acts(proxy), proxy.history.at(-1)?.result, proxy.record?.stable.blue]),
    );
    assert.deepEqual(heard, [[WAY, ["move blue"], "instant", ["blue-1"]]]);
    const failing = onGreen(t);
    failing.move = async () => ({ code: 1, stdout: "", stderr: "nginx: no\n" });
    const untold = rollBack(
      OWNER,
      () => WAY,
      "by hand",
      failing.tools,
      () => assert.fail("nothing moved"),
    );
    await assert.rejects(untold, { name: "CutoverFailed" });
  });

  test("one that is cancelled stays where it is, and waits for neither a worker that ends nor a job", async (t) => {
    const proxy = onGreen(
      t,
      workerOf("green", "mail", {}, 1, { State: running }),
      workerOf("blue", "mail", {}, 1, STOPPED),
      jobOf("blue", "undo", "after-way-back"),
    );
    proxy.stop = () => {
      proxy.cancelled.abort();
      return new Promise(() => {});
    };
    assert.deepEqual(await goBack(proxy), WAY);
    assert.equal(proxy.live, "blue");
    assert.deepEqual(acts(proxy), ["move blue", "stop green-worker-mail"]);
    assert.match(
      proxy.said.at(-1) ?? "",
      /; the workers do not follow to blue: worker mail of green still ends, and the run was cancelled; the job undo did not run/,
    );
  });

  test("where the public is there already, or stays, no worker and no job is touched", async (t) => {
    const beside = [
      workerOf("green", "mail", {}, 1, { State: running }),
      workerOf("blue", "mail", {}, 1, STOPPED),
      jobOf("green", "undo", "after-way-back"),
    ];
    const canary = onGreen(t, ...beside);
    assert.ok(await goBack(canary, { to: "green", from: "blue", putBack: undefined }));
    assert.deepEqual(acts(canary), ["move green"]);
    const nothing = onGreen(t, ...beside);
    assert.equal((await rollBack(OWNER, () => undefined, "by hand", nothing.tools)).way, undefined);
    assert.deepEqual(acts(nothing), []);
  });

  test("a move that fails leaves the workers where the public is", async (t) => {
    const proxy = onGreen(
      t,
      workerOf("green", "mail", {}, 1, { State: running }),
      workerOf("blue", "mail", {}, 1, STOPPED),
    );
    proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx: no\n" });
    await assert.rejects(goBack(proxy), { name: "CutoverFailed" });
    assert.ok(!acts(proxy).some((act) => act.includes("worker")));
  });
});
