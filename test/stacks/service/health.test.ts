import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type HealthWait, lastLines, verdict, waitHealthy } from "../../../stacks/service/health";
import type { ContainerState } from "../../../stacks/service/world";
import { stubDocker } from "../engine/docker.stub";

const running: ContainerState = {
  Running: true,
  Status: "running",
  StartedAt: "2026-01-01T00:00:00Z",
  ExitCode: 0,
  OOMKilled: false,
};

const healthy: ContainerState = { ...running, Health: { Status: "healthy" } };

const starting: ContainerState = { ...running, Health: { Status: "starting" } };

/** A container that is seen in these states, the last of them for ever. */
const seen = (log: string, ...states: (ContainerState & { RestartCount?: number })[]) => {
  const asked: string[][] = [];
  const docker = stubDocker({
    ask: async (...args) => {
      asked.push(args);
      const { RestartCount = 0, ...State } = (states.length > 1 ? states.shift() : states[0]) as (typeof states)[0];
      return JSON.stringify([{ Name: "/blue-green-dev-green", RestartCount, State }]);
    },
    log: async () => log,
  });
  return { docker, asked };
};

const waited = (change: Partial<HealthWait> = {}): HealthWait => ({
  ...{ seconds: 60, secrets: [], restarts: 0, say: () => assert.fail("nothing is said") },
  ...change,
});

/** Lets the time pass that something waits for, at once; answers what it came to, and after how many milliseconds. */
async function pass<T>(t: TestContext, act: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  let milliseconds = 0;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(performance, "now", () => milliseconds);
  let result: { result: T } | undefined;
  const done = act().then((value) => {
    result = { result: value };
  });
  for (let tick = 0; tick < 10_000 && result === undefined; tick++) {
    await new Promise(setImmediate);
    if (result !== undefined) break;
    milliseconds += 100;
    t.mock.timers.tick(100);
  }
  await done;
  t.mock.reset();
  return { ...(result as unknown as { result: T }), milliseconds };
}

/** Moves the cursor, colors, clears, renames the window, links, rings; and a C1 control character that begins a sequence. */
const HOSTILE =
  "\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u001b[0m\u009b1A\u001b]8;;http://x\u001b\\\tlink\r\nnext\b\u0000\u007f\u0085 ü\u{1f986}\u001b";

describe("a container's health", () => {
  test("a container is healthy, starting, or failed with the reason", () => {
    assert.equal(verdict(healthy, 0), "healthy");
    assert.equal(verdict(starting, 0), "starting");
    assert.deepEqual(verdict({ ...running, Health: { Status: "unhealthy", Log: [{ Output: "refused\n" }] } }, 0), {
      failed: "is unhealthy; its health check says: refused",
    });
    assert.deepEqual(verdict({ ...running, Running: false, ExitCode: 3 }, 0), { failed: "ended with exit code 3" });
    assert.deepEqual(verdict({ ...running, OOMKilled: true, Running: false, ExitCode: 137 }, 0), {
      failed: "was killed for want of memory (setting memoryMb)",
    });
  });

  test("a kill for want of memory counts where it is of this wait, or the container is down; an old mark on one that runs does not", () => {
    const killed = { failed: "was killed for want of memory (setting memoryMb)" };
    const marked = { ...healthy, OOMKilled: true };
    assert.equal(verdict(marked, 0, true), "healthy");
    assert.equal(verdict(marked, 0), "healthy", "nobody saw it before: it may be old");
    assert.deepEqual(verdict(marked, 0, false), killed);
    assert.deepEqual(verdict(marked, 1, false), killed);
    assert.deepEqual(verdict(marked, 1, true), { failed: "ended and was started again" });
    for (const down of [{ Running: false }, { Status: "restarting" }]) {
      assert.deepEqual(verdict({ ...marked, ...down, ExitCode: 137 }, 1, true), killed);
    }
    const sick = { ...marked, Health: { Status: "unhealthy" } };
    assert.deepEqual(verdict(sick, 0, true), { failed: "is unhealthy" });
  });

  test("of an unhealthy container the latest look is shown, where there is one that says anything", () => {
    const unhealthy = (...outputs: string[]) =>
      verdict({ ...running, Health: { Status: "unhealthy", Log: outputs.map((Output) => ({ Output })) } }, 0);
    assert.deepEqual(unhealthy("first", " second \n"), { failed: "is unhealthy; its health check says: second" });
    assert.deepEqual(unhealthy("first", "\n"), { failed: "is unhealthy" });
    assert.deepEqual(verdict({ ...running, Health: { Status: "unhealthy" } }, 0), { failed: "is unhealthy" });
  });

  test("a container without a health check never counts as healthy", () => {
    assert.equal(verdict(running, 0), "starting");
    assert.equal(verdict({ ...running, Health: { Status: "none" } }, 0), "starting");
  });

  test("a container that ended and was healthy before is not healthy any more", () => {
    assert.deepEqual(verdict({ ...healthy, Running: false, ExitCode: 0 }, 0), { failed: "ended with exit code 0" });
  });

  test("a container that was restarted has failed, even where it happens to run at this moment", () => {
    const restarting = { ...starting, Status: "restarting", ExitCode: 1 };
    assert.deepEqual(verdict(restarting, 1), { failed: "ended with exit code 1" });
    // Up again, its state says 0, which is nobody's exit code.
    assert.deepEqual(verdict(starting, 1), { failed: "ended and was started again" });
    assert.deepEqual(verdict(healthy, 2), { failed: "ended and was started again" });
  });

  test("a container is waited for until it is healthy, and asked no more then", async (t) => {
    const { docker, asked } = seen("", starting, starting, healthy);
    const { result, milliseconds } = await pass(t, () => waitHealthy(docker, "id", waited()));
    assert.equal(result, undefined);
    assert.deepEqual(asked, Array(3).fill(["container", "inspect", "id"]));
    assert.ok(milliseconds < 1000, String(milliseconds));
  });

  test("one that ends or becomes unhealthy is not waited for, and shows the end of its log", async (t) => {
    const { docker, asked } = seen("booting\nno database\n", starting, { ...running, Running: false, ExitCode: 3 });
    const { result } = await pass(t, () => waitHealthy(docker, "id", waited()));
    assert.equal(
      result,
      "the container blue-green-dev-green ended with exit code 3.\nThe last lines of its log:\n  booting\n  no database",
    );
    assert.equal(asked.length, 2);
  });

  test("one that never becomes healthy has its time, in which is said now and then how it stands", async (t) => {
    const said: string[] = [];
    const { docker } = seen("", starting);
    const { result, milliseconds } = await pass(t, () =>
      waitHealthy(docker, "id", waited({ seconds: 25, say: (line) => said.push(line) })),
    );
    assert.equal(
      result,
      "the container blue-green-dev-green is not healthy after 25 s (setting healthTimeoutSeconds).\nIts log is empty.",
    );
    assert.deepEqual(said, [
      "health 10/25 s, not healthy yet (blue-green-dev-green)",
      "health 20/25 s, not healthy yet (blue-green-dev-green)",
    ]);
    assert.ok(milliseconds >= 25_000 && milliseconds < 26_000, String(milliseconds));
  });

  test("a clock that is set meanwhile neither ends the wait nor prolongs it", async (t) => {
    let day = 0;
    t.mock.method(Date, "now", () => (day++ % 2 === 0 ? 1 : -1) * 86_400_000);
    const { docker } = seen("", starting);
    const { result, milliseconds } = await pass(t, () => waitHealthy(docker, "id", waited({ seconds: 5 })));
    assert.match(result ?? "", / is not healthy after 5 s /);
    assert.ok(milliseconds >= 5000 && milliseconds < 6000, String(milliseconds));
  });

  test("once the run is cancelled nothing is waited for any longer, and that is the reason", async () => {
    const cancel = new AbortController();
    const { docker, asked } = seen("booting\n", starting);
    const started = performance.now();
    setTimeout(() => cancel.abort(), 50);
    assert.equal(
      await waitHealthy(docker, "id", waited({ signal: cancel.signal })),
      "the container blue-green-dev-green was not waited for any longer, since the run was cancelled.\n" +
        "The last lines of its log:\n  booting",
    );
    assert.ok(performance.now() - started < 5000);
    assert.equal(asked.length, 2);
    // One that was cancelled before is looked at once.
    assert.match((await waitHealthy(docker, "id", waited({ signal: cancel.signal }))) ?? "", /the run was cancelled/);
    assert.equal(asked.length, 3);
  });

  test("what a look has seen is told, even of a cancelled run: well, or why it never will be", async () => {
    const signal = AbortSignal.abort();
    assert.equal(await waitHealthy(seen("", healthy).docker, "id", waited({ signal })), undefined);
    const { docker } = seen("", { ...running, Running: false, ExitCode: 3 });
    assert.match((await waitHealthy(docker, "id", waited({ signal }))) ?? "", / ended with exit code 3\.\n/);
  });

  test("a run that is not cancelled is waited for as without a signal", async (t) => {
    const { docker, asked } = seen("", starting, starting, healthy);
    const { signal } = new AbortController();
    assert.equal((await pass(t, () => waitHealthy(docker, "id", waited({ signal })))).result, undefined);
    assert.equal(asked.length, 3);
  });

  test("one that is healthy at the last look has made it", async (t) => {
    const { docker } = seen("", healthy);
    assert.equal((await pass(t, () => waitHealthy(docker, "id", waited({ seconds: 0 })))).result, undefined);
  });

  test("only restarts since the beginning are failures", async (t) => {
    const before = seen("", { ...healthy, RestartCount: 2 });
    assert.equal((await pass(t, () => waitHealthy(before.docker, "id", waited({ restarts: 2 })))).result, undefined);
    const since = seen("", { ...healthy, RestartCount: 3 });
    const { result: failed, milliseconds } = await pass(t, () =>
      waitHealthy(since.docker, "id", waited({ restarts: 2 })),
    );
    assert.match(failed ?? "", /^the container blue-green-dev-green ended and was started again\.\n/);
    assert.ok(milliseconds <= 4000, "its exit code is not waited for any longer");
  });

  test("one that ends again and again is looked at until its exit code is told", async (t) => {
    const up = { ...starting, RestartCount: 1 };
    const { docker } = seen("no service today", starting, up, up, { ...up, Status: "restarting", ExitCode: 3 });
    const { result } = await pass(t, () => waitHealthy(docker, "id", waited()));
    assert.match(result ?? "", /^the container blue-green-dev-green ended with exit code 3\.\n/);
  });

  test("neither what a health check says nor the log shows a secret", async () => {
    const Health = { Status: "unhealthy", Log: [{ Output: "no route to postgres://u:hunter2@db" }] };
    const { docker } = seen("using hunter2\nno, hunter2hunter2\n", { ...running, Health });
    assert.equal(
      await waitHealthy(docker, "id", waited({ secrets: ["hunter2", "no"] })),
      "the container blue-green-dev-green is unhealthy; its health check says: no route to postgres://u:[secret]@db.\n" +
        "The last lines of its log:\n  using [secret]\n  no, [secret][secret]",
    );
  });

  test("a log's last 30 lines are asked for, and one that can't be had is said why", async () => {
    const log = async (container: string, lines: number) => `the last ${lines} lines of ${container}\n`;
    assert.equal(await lastLines(stubDocker({ log }), "c", []), "The last lines of its log:\n  the last 30 lines of c");
    const failing = stubDocker({
      log: () => Promise.reject(new Error("configured logging driver does not support reading")),
    });
    assert.equal(
      await lastLines(failing, "c", ["logging"]),
      "The last lines of its log:\n  Error: configured [secret] driver does not support reading",
    );
  });

  test("no control character reaches the terminal but tab and newline, neither of a log nor of a health check", async () => {
    const Health = { Status: "unhealthy", Log: [{ Output: `\u001b[1m${HOSTILE}` }] };
    const { docker } = seen(`${HOSTILE}\n`, { ...running, Health });
    const shown = await waitHealthy(docker, "id", waited());
    assert.doesNotMatch(shown ?? "", /[^\P{Cc}\t\n]/u);
    assert.equal(
      shown,
      "the container blue-green-dev-green is unhealthy; its health check says: red link next" +
        "\\u{8}\\u{0}\\u{7f}\\u{85} ü\u{1f986}\\u{1b}.\n" +
        "The last lines of its log:\n  red\tlink\n  next\\u{8}\\u{0}\\u{7f}\\u{85} ü\u{1f986}\\u{1b}",
    );
    assert.equal(await lastLines(stubDocker({ log: async () => "\u001b[2J\r\n" }), "c", []), "Its log is empty.");
  });

  test("a secret is hidden where a control character stands in it, in the log or in itself", async () => {
    const log = async () => "hun\u001b[0mter2 and one\ntwo\r\n";
    assert.equal(
      await lastLines(stubDocker({ log }), "c", ["hunter2", "one\r\ntwo"]),
      "The last lines of its log:\n  [secret] and [secret]",
    );
  });

  test("a health check that can't run for want of a shell says what that means, beside the engine's words", () => {
    const said = (Output: string) => {
      const seen = verdict({ ...running, Health: { Status: "unhealthy", Log: [{ Output }] } }, 0);
      return typeof seen === "object" ? seen.failed : seen;
    };
    for (const words of [
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown',
      'exec failed: exec: "sh": executable file not found in $PATH',
      'exec failed: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown',
    ])
      assert.equal(
        said(`${words}\n`),
        "is unhealthy; its health check says: nothing, since it can't run: the image has no shell (sh), which the check needs. " +
          `Take an image that has one (${words})`,
      );
    assert.match(said("the app says: sh: not found"), /health check says: the app says: sh: not found$/);
  });
});
