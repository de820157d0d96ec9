import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import {
  askHealth,
  dockerProblem,
  type HealthWait,
  lastLines,
  strictHint,
  verdict,
  waitHealthy,
} from "../../../stacks/service/health";
import { type HealthAnswer, healthAnswer, healthAnswers } from "../../../stacks/service/healthAnswer";
import type { ContainerState } from "../../../stacks/service/world";
import { stubDocker } from "../engine/docker.stub";

const running: ContainerState = {
  Running: true,
  Status: "running",
  StartedAt: "2026-01-01T00:00:00Z",
  ExitCode: 0,
  OOMKilled: false,
};

/** As its image's own health check calls it. */
const healthy: ContainerState = { ...running, Health: { Status: "healthy" } };

const starting: ContainerState = { ...running, Health: { Status: "starting" } };

const WELL: HealthAnswer = { well: true, status: 200, seen: "200" };

const REFUSED: HealthAnswer = { well: false, status: 502, seen: "502" };

/** A container that the proxy is given these answers by, the last of them for ever; each takes the second that it is asked for. */
const answers = (...given: (HealthAnswer | Error)[]) => {
  const asked: number[] = [];
  const ask = async (seconds: number) => {
    asked.push(seconds);
    const answer = (given.length > 1 ? given.shift() : given[0]) as HealthAnswer | Error;
    if (answer instanceof Error) throw answer;
    if (!answer.well) await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return answer;
  };
  return { ask, asked };
};

/** A container that is seen in these states, the last of them for ever. */
const seen = (log: string, ...states: (ContainerState & { RestartCount?: number; HostConfig?: object })[]) => {
  const asked: string[][] = [];
  const docker = stubDocker({
    ask: async (...args) => {
      asked.push(args);
      const state = (states.length > 1 ? states.shift() : states[0]) as (typeof states)[0];
      const { RestartCount = 0, HostConfig, ...State } = state;
      return JSON.stringify([{ Name: "/blue-green-dev-green", RestartCount, HostConfig, State }]);
    },
    log: async () => log,
  });
  return { docker, asked };
};

const waited = (change: Partial<HealthWait> = {}): HealthWait => ({
  ...{ seconds: 60, ask: answers(WELL).ask, secrets: [], restarts: 0, say: () => assert.fail("nothing is said") },
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
  test("Docker calls a container running, starting, unhealthy, or failed with the reason", () => {
    assert.equal(verdict(running, 0), "running");
    assert.equal(verdict({ ...running, Health: { Status: "none" } }, 0), "running");
    assert.equal(verdict(healthy, 0), "running");
    assert.equal(verdict(starting, 0), "starting");
    assert.equal(verdict({ ...running, Health: { Status: "unhealthy" } }, 0), "unhealthy");
    assert.deepEqual(verdict({ ...running, Running: false, ExitCode: 3 }, 0), { failed: "ended with exit code 3" });
    assert.deepEqual(verdict({ ...running, OOMKilled: true, Running: false, ExitCode: 137 }, 0), {
      failed: "was killed for want of memory (setting memoryMb)",
    });
  });

  test("a kill for want of memory counts where it is of this wait, or the container is down; an old mark on one that runs does not", () => {
    const killed = { failed: "was killed for want of memory (setting memoryMb)" };
    const marked = { ...healthy, OOMKilled: true };
    assert.equal(verdict(marked, 0, true), "running");
    assert.equal(verdict(marked, 0), "running", "nobody saw it before: it may be old");
    assert.deepEqual(verdict(marked, 0, false), killed);
    assert.deepEqual(verdict(marked, 1, false), killed);
    assert.deepEqual(verdict(marked, 1, true), { failed: "ended and was started again" });
    for (const down of [{ Running: false }, { Status: "restarting" }]) {
      assert.deepEqual(verdict({ ...marked, ...down, ExitCode: 137 }, 1, true), killed);
    }
    const sick = { ...marked, Health: { Status: "unhealthy" } };
    assert.equal(verdict(sick, 0, true), "unhealthy");
  });

  test("of what an image's own health check calls unhealthy its latest words are shown, where there are any", () => {
    const unhealthy = (...outputs: string[]) =>
      dockerProblem({ ...running, Health: { Status: "unhealthy", Log: outputs.map((Output) => ({ Output })) } });
    assert.equal(unhealthy("first", " second \n"), "is unhealthy; its image's health check says: second");
    assert.equal(unhealthy("first", "\n"), "is unhealthy");
    assert.equal(dockerProblem({ ...running, Health: { Status: "unhealthy" } }), "is unhealthy");
    for (const fine of [running, healthy, starting]) assert.equal(dockerProblem(fine), undefined);
    assert.equal(dockerProblem({ ...running, Running: false, ExitCode: 3 }), "ended with exit code 3");
  });

  test("one that waits for its next start is not well, also where it had been started as often before", () => {
    const waits = { ...running, Status: "restarting", ExitCode: 4 };
    for (const restarts of [0, 1]) assert.equal(dockerProblem(waits, restarts), "ended with exit code 4");
    assert.equal(verdict(waits, 0), "running", "who waits for it may see it come up");
  });

  test("an answer of the proxy's scripts is read, and nothing else is taken for one", () => {
    assert.deepEqual(healthAnswer("well 200 "), WELL);
    assert.deepEqual(healthAnswer("well 204\n"), { well: true, status: 204, seen: "204" });
    assert.deepEqual(healthAnswer("ill 000 Connection timed out after 2001 milliseconds"), {
      ...{ well: false, status: 0, seen: "Connection timed out after 2001 milliseconds" },
    });
    assert.deepEqual(healthAnswer("ill 000 "), { well: false, status: 0, seen: "no answer" });
    assert.equal(healthAnswer("ill 302, to https://elsewhere/\u001b[2J")?.seen, "302, to https://elsewhere/");
    assert.equal(healthAnswer("ill 200 transfer closed")?.seen, "200 transfer closed");
    for (const other of ["", "well", "ill 2000", "health blue well 200", "sh: curl: not found"])
      assert.equal(healthAnswer(other), undefined, other);
  });

  test("each container's line is read by its name; lines of others are not", () => {
    const text =
      "answer x blue\nhealth blue well 200 \nhealth green-2 ill 503\nhealth red well 200 \nhealth green well\n";
    assert.deepEqual(healthAnswers(text), { blue: WELL, "green-2": { well: false, status: 503, seen: "503" } });
  });

  test("the proxy is asked with values as arguments, and what it can't say is an error", async () => {
    const asked: string[][] = [];
    const says = (text: string) =>
      askHealth(
        stubDocker({
          ask: async (...args) => {
            asked.push(args);
            return text;
          },
        }),
        "p1",
        "green-2",
        { port: 5000, path: "/up", host: "shop.example", scheme: "https", statuses: "200-299,401" },
        1,
      );
    assert.deepEqual(await says("well 200 \n"), WELL);
    assert.deepEqual(asked[0]?.slice(0, 4), ["exec", "p1", "sh", "-c"]);
    assert.deepEqual(asked[0]?.slice(5), ["sh", "1", "green-2", "5000", "/up", "shop.example", "https", "200-299,401"]);
    await assert.rejects(says("sh: curl: not found"), /the proxy said of green-2's health: sh: curl: not found/);
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

  test("a container is waited for until the proxy's answer is well, and asked no more then", async (t) => {
    const { docker, asked } = seen("", running);
    const proxy = answers(REFUSED, REFUSED, WELL);
    const { result, milliseconds } = await pass(t, () => waitHealthy(docker, "id", waited({ ask: proxy.ask })));
    assert.equal(result, undefined);
    assert.deepEqual(asked, Array(3).fill(["container", "inspect", "id"]));
    assert.deepEqual(proxy.asked, [1, 1, 1]);
    assert.ok(milliseconds >= 2000 && milliseconds < 2500, String(milliseconds));
  });

  test("where its image has a health check of its own, that must agree, and may change its mind until the time is over", async (t) => {
    const unhealthy = { ...running, Health: { Status: "unhealthy" } };
    const { docker, asked } = seen("", starting, unhealthy, unhealthy, healthy);
    assert.equal((await pass(t, () => waitHealthy(docker, "id", waited()))).result, undefined);
    assert.equal(asked.length, 4);
    const never = await pass(t, () => waitHealthy(seen("", starting).docker, "id", waited({ seconds: 3 })));
    assert.match(
      never.result ?? "",
      /is not healthy after 3 s \(setting healthTimeoutSeconds\); its image's own health check has not said yet that it is well\.\n/,
    );
    const ill = { ...running, Health: { Status: "unhealthy", Log: [{ Output: "no database" }] } };
    const both = await pass(t, () =>
      waitHealthy(seen("", ill).docker, "id", waited({ seconds: 3, ask: answers(REFUSED).ask })),
    );
    assert.match(
      both.result ?? "",
      /\(setting healthTimeoutSeconds\); its health path says: 502; its image's health check says: no database\.\n/,
    );
  });

  test("one that ends is not waited for, and shows the end of its log", async (t) => {
    const { docker, asked } = seen("booting\nno database\n", running, { ...running, Running: false, ExitCode: 3 });
    const { ask } = answers(REFUSED);
    const { result } = await pass(t, () => waitHealthy(docker, "id", waited({ ask })));
    assert.equal(
      result,
      "the container blue-green-dev-green ended with exit code 3.\nThe last lines of its log:\n  booting\n  no database",
    );
    assert.equal(asked.length, 2);
  });

  test("one that never becomes healthy has its time, in which is said now and then how it stands", async (t) => {
    const said: string[] = [];
    const { docker } = seen("", running);
    const { ask } = answers(REFUSED);
    const { result, milliseconds } = await pass(t, () =>
      waitHealthy(docker, "id", waited({ seconds: 25, ask, say: (line) => said.push(line) })),
    );
    assert.equal(
      result,
      "the container blue-green-dev-green is not healthy after 25 s (setting healthTimeoutSeconds); its health path says: 502.\nIts log is empty.",
    );
    assert.deepEqual(said, [
      "health 10/25 s, not healthy yet (blue-green-dev-green)",
      "health 20/25 s, not healthy yet (blue-green-dev-green)",
    ]);
    assert.ok(milliseconds >= 25_000 && milliseconds < 27_000, String(milliseconds));
  });

  test("a proxy that can't be asked three times in a row is the reason; one that missed twice is not", async (t) => {
    const gone = new Error("Error response from daemon: container p1 is not running\n");
    const { docker } = seen("", running);
    const never = await pass(t, () => waitHealthy(docker, "id", waited({ ask: answers(gone).ask })));
    assert.match(
      never.result ?? "",
      /^the container blue-green-dev-green can't be asked for its health by the proxy: Error response from daemon: container p1 is not running\.\n/,
    );
    assert.ok(never.milliseconds < 5000);
    const again = answers(gone, gone, REFUSED, gone, gone, WELL);
    assert.equal((await pass(t, () => waitHealthy(docker, "id", waited({ ask: again.ask })))).result, undefined);
  });

  test("a clock that is set meanwhile neither ends the wait nor prolongs it", async (t) => {
    let day = 0;
    t.mock.method(Date, "now", () => (day++ % 2 === 0 ? 1 : -1) * 86_400_000);
    const { docker } = seen("", running);
    const { ask } = answers(REFUSED);
    const { result, milliseconds } = await pass(t, () => waitHealthy(docker, "id", waited({ seconds: 5, ask })));
    assert.match(result ?? "", / is not healthy after 5 s /);
    assert.ok(milliseconds >= 5000 && milliseconds < 7000, String(milliseconds));
  });

  test("once the run is cancelled nothing is waited for any longer, and that is the reason", async () => {
    const cancel = new AbortController();
    const { docker, asked } = seen("booting\n", running);
    const { ask } = answers(REFUSED);
    const started = performance.now();
    setTimeout(() => cancel.abort(), 50);
    assert.equal(
      await waitHealthy(docker, "id", waited({ ask, signal: cancel.signal })),
      "the container blue-green-dev-green was not waited for any longer, since the run was cancelled.\n" +
        "The last lines of its log:\n  booting",
    );
    assert.ok(performance.now() - started < 5000);
    assert.equal(asked.length, 2);
    // One that was cancelled before is looked at once.
    assert.match((await waitHealthy(docker, "id", waited({ signal: cancel.signal }))) ?? "", /the run was cancelled/);
    assert.equal(asked.length, 3);
  });

  test("what a look has seen is told, even of a cancelled run: why it never will be well", async () => {
    const signal = AbortSignal.abort();
    const { docker } = seen("", { ...running, Running: false, ExitCode: 3 });
    assert.match((await waitHealthy(docker, "id", waited({ signal }))) ?? "", / ended with exit code 3\.\n/);
  });

  test("a run that is not cancelled is waited for as without a signal", async (t) => {
    const { docker, asked } = seen("", running);
    const { ask } = answers(REFUSED, REFUSED, WELL);
    const { signal } = new AbortController();
    assert.equal((await pass(t, () => waitHealthy(docker, "id", waited({ ask, signal })))).result, undefined);
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
      await waitHealthy(docker, "id", waited({ seconds: 0, secrets: ["hunter2", "no"] })),
      "the container blue-green-dev-green is not healthy after 0 s (setting healthTimeoutSeconds); its image's health check says: no route to postgres://u:[secret]@db.\n" +
        "The last lines of its log:\n  using [secret]\n  no, [secret][secret]",
    );
  });

  test("what the strict set closes to a container is told with the key that opens it, by what its log complains of", () => {
    const all = "or run it as its image is made to: pulumi config set hardened false";
    const readOnly =
      "Its root file system is read-only. What opens it: a folder in memory (pulumi config set --path 'container.tmpfs[0]' <path>), " +
      `all of it (pulumi config set --path container.read_only false), ${all}`;
    const powerless =
      "It has no capabilities. What opens it: the ones that it needs, such as CHOWN, SETUID and SETGID (pulumi config set --path " +
      `'container.cap_add[0]' CHOWN), ${all}`;
    const strict = { ReadonlyRootfs: true, CapDrop: ["ALL"] };
    const writable = { ReadonlyRootfs: false, CapDrop: ["ALL"] };
    const capable = { ReadonlyRootfs: true, CapDrop: null };
    const cases: [log: string, allowed: Parameters<typeof strictHint>[1], hint: string | undefined][] = [
      ["mkdir: cannot create directory '/cache': Read-only file system", strict, readOnly],
      ["Error: EROFS: read-only file system, open '/app/x'", strict, readOnly],
      ["Permission denied, and then: Read-only filesystem", strict, readOnly],
      ["Read-only file system", writable, undefined],
      ["Read-only file system", capable, readOnly],
      ["chown: /data: Operation not permitted", strict, powerless],
      ["nginx: [emerg] setgid(101) failed", writable, powerless],
      ["bind() to 0.0.0.0:80 failed (13: Permission denied)", strict, powerless],
      ["Error: listen EACCES", strict, powerless],
      ["su: setgroups: not allowed", strict, powerless],
      ["chown: Operation not permitted", capable, undefined],
      ["no database", strict, undefined],
      ["", strict, undefined],
      ["Read-only file system, EPERM", {}, undefined],
      ["Read-only file system, EPERM", undefined, undefined],
    ];
    for (const [log, allowed, hint] of cases) assert.equal(strictHint(log, allowed), hint, log);
  });

  test("the hint stands below the log of one that did not become well", async (t) => {
    const HostConfig = { ReadonlyRootfs: true, CapDrop: ["ALL"] };
    const ended = { ...running, Running: false, ExitCode: 1, HostConfig };
    const of = async (log: string) =>
      (await pass(t, () => waitHealthy(seen(log, ended).docker, "id", waited()))).result?.split("\n");
    const [, , line, hint = "", ...more] = (await of("touch: /x: Read-only file system\n")) ?? [];
    assert.equal(line, "  touch: /x: Read-only file system");
    assert.match(hint, /^Its root file system is read-only\. What opens it: /);
    assert.deepEqual(more, []);
    assert.equal((await of("no database\n"))?.length, 3);
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
    const shown = await waitHealthy(docker, "id", waited({ seconds: 0 }));
    assert.doesNotMatch(shown ?? "", /[^\P{Cc}\t\n]/u);
    assert.equal(
      shown,
      "the container blue-green-dev-green is not healthy after 0 s (setting healthTimeoutSeconds); its image's health check says: red link next" +
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
});
