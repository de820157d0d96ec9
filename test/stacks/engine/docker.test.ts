import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { contextProblem, type Docker, DockerError, dockerAt, dockerHost } from "../../../stacks/engine/docker";

/** A folder that is all that PATH names, with this script as `docker` in it where there is one. */
function place(t: TestContext, script?: string): string {
  const directory = mkdtempSync(join(tmpdir(), "docker-"));
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
    rmSync(directory, { recursive: true, force: true });
  });
  if (script !== undefined) {
    writeFileSync(join(directory, "docker"), `#!/bin/sh\nPATH='${PATH}'\n${script}\n`);
    chmodSync(join(directory, "docker"), 0o755);
  }
  process.env.PATH = directory;
  return directory;
}

const clientThat = (t: TestContext, script?: string): Docker => {
  place(t, script);
  return dockerAt(undefined);
};

const runs = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Waits for the end of a process that was killed: whoever did it does not wait. */
async function assertEnds(pid: number): Promise<void> {
  for (let look = 0; look < 100 && runs(pid); look++) await pause(20);
  assert.equal(runs(pid), false, `process ${pid} still runs`);
}

describe("docker's client", () => {
  test("a command's end is told as it was, whatever its exit code", async (t) => {
    const docker = clientThat(t, 'echo "out $*"; echo err >&2; exit "$1"');
    assert.deepEqual(await docker.run(["0"]), { code: 0, stdout: "out 0\n", stderr: "err\n" });
    assert.deepEqual(await docker.run(["7", "a b", "$(x)"]), { code: 7, stdout: "out 7 a b $(x)\n", stderr: "err\n" });
  });

  test("a command that a signal ended has no exit code", async (t) => {
    const docker = clientThat(t, "echo before; kill -KILL $$");
    assert.deepEqual(await docker.run(["ps"]), { code: null, stdout: "before\n", stderr: "" });
  });

  test("the standard input arrives as it is, and there is an end of it where none is given", async (t) => {
    const docker = clientThat(t, "cat");
    const input = `ü\u{1f986}\0\n${"x".repeat(300_000)}`;
    assert.deepEqual(await docker.run(["exec"], { input }), { code: 0, stdout: input, stderr: "" });
    assert.deepEqual(await docker.run(["exec"]), { code: 0, stdout: "", stderr: "" });
  });

  test("a command that ends without having read its input is no error of ours", async (t) => {
    const docker = clientThat(t, "exec 0<&-; exit 3");
    assert.equal((await docker.run(["exec"], { input: "x".repeat(1_000_000) })).code, 3);
  });

  test("a command that takes too long is killed, and its name and the limit are said", async (t) => {
    const directory = place(t, `echo $$ >"\${0%/*}/pid"; exec sleep 60`);
    const started = Date.now();
    await assert.rejects(dockerAt(undefined).run(["exec", "p"], { timeoutSeconds: 0.5 }), (error) => {
      assert.ok(error instanceof DockerError);
      assert.equal(error.message, "`docker exec` had no answer within 0.5 s");
      return true;
    });
    assert.ok(Date.now() - started < 10_000);
    await assertEnds(Number(readFileSync(join(directory, "pid"), "utf8")));
  });

  test("a client that is not there is said in words, however it is asked", async (t) => {
    const docker = clientThat(t);
    for (const asked of [() => docker.run(["ps"]), () => docker.ask("ps"), () => docker.log("c", 3)]) {
      await assert.rejects(asked, { name: "DockerError", message: "the client `docker` is not on the PATH" });
    }
  });

  test("a client that can't be run is said in the system's words", async (t) => {
    const directory = place(t, "exit 0");
    chmodSync(join(directory, "docker"), 0o644);
    await assert.rejects(dockerAt(undefined).run(["ps"]), { name: "DockerError", message: "spawn docker EACCES" });
  });

  test("output without an end is bounded, and whoever writes it is killed", async (t) => {
    const directory = place(t, `echo $$ >"\${0%/*}/pid"; exec yes 0123456789abcdef0123456789abcdef`);
    await assert.rejects(dockerAt(undefined).run(["logs", "c"]), {
      name: "DockerError",
      message: "`docker logs` wrote too much",
    });
    await assertEnds(Number(readFileSync(join(directory, "pid"), "utf8")));
  });

  test("of a command that may write without an end only that is kept, each line of it is heard, and one that never ends in parts", async (t) => {
    const docker = clientThat(
      t,
      'yes "$(printf %01000d 7)" | head -c 68000000; head -c 3000000 /dev/zero | tr "\\0" x >&2',
    );
    const heard = { lines: 0, most: 0 };
    const { code, stdout } = await docker.run(["start"], {
      ...{ isEndless: true, timeoutSeconds: 60, onLine: () => heard.lines++ },
      onErrorLine: (line) => {
        heard.most = Math.max(heard.most, line.length);
      },
    });
    assert.deepEqual([code, heard.lines], [0, Math.ceil(68_000_000 / 1001)]);
    assert.ok(stdout.length === 64 * 1024 && stdout.includes("00007\n"));
    assert.ok(heard.most > 1024 * 1024 && heard.most < 2 * 1024 * 1024, String(heard.most));
  });

  test("lines are handed over whole and as they come, however they are cut on their way, and an unterminated last one at the end", async (t) => {
    const script =
      "printf on; sleep 0.1; printf 'e\\ntwo\\n\\nth'; sleep 0.1; printf 'ree\\n'; echo no >&2; printf 'rest'";
    const docker = clientThat(t, script);
    const lines: string[] = [];
    const { stdout } = await docker.run(["exec"], { onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ["one", "two", "", "three", "rest"]);
    assert.equal(stdout, "one\ntwo\n\nthree\nrest");
  });

  test("the first line is there before the command has ended", async (t) => {
    const docker = clientThat(t, 'echo first; read -r word; echo "$word"');
    const child = docker.start(["exec"]);
    const got: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      got.push(text);
      if (got.length === 1) child.stdin.end("second\n");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    assert.deepEqual([got.join(""), code], ["first\nsecond\n", 0]);
  });

  test("a character that is split over two pieces of output arrives whole", async (t) => {
    // The four bytes of U+1F986, one at a time.
    const docker = clientThat(t, 'for byte in 360 237 246 206 012; do printf "\\\\$byte"; sleep 0.05; done');
    const lines: string[] = [];
    const { stdout } = await docker.run(["exec"], { onLine: (line) => lines.push(line) });
    assert.deepEqual([stdout, lines], ["\u{1f986}\n", ["\u{1f986}"]]);
  });

  test("whatever is written comes back the same, as text and in lines", async (t) => {
    const docker = clientThat(t, "cat");
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom("\n", "\r", "\0"), fc.string({ unit: "grapheme", maxLength: 3 })),
      maxLength: 400,
    });
    await fc.assert(
      fc.asyncProperty(text, async (input) => {
        const lines: string[] = [];
        const { stdout } = await docker.run(["exec"], { input, onLine: (line) => lines.push(line) });
        assert.equal(stdout, input);
        // What is after the last line end is a line only where there is something.
        assert.deepEqual(
          lines,
          input
            .replace(/\n$/, "")
            .split("\n")
            .slice(input === "" ? 1 : 0),
        );
      }),
      { numRuns: 20 },
    );
  });

  test("a question that failed is an error in the client's words, or with its exit code where it had none", async (t) => {
    const docker = clientThat(
      t,
      'echo answer; if [ "$1" = inspect ]; then echo "No such container: c" >&2; fi; exit 1',
    );
    await assert.rejects(docker.ask("inspect", "c"), { name: "DockerError", message: "No such container: c" });
    await assert.rejects(docker.ask("ps"), { name: "DockerError", message: "`docker ps` ended with exit code 1" });
  });

  test("a question that was answered is answered with standard output alone", async (t) => {
    const docker = clientThat(t, "echo answer; echo warning >&2");
    assert.equal(await docker.ask("ps"), "answer\n");
  });

  test("a log is the last lines of a container, standard output before standard error", async (t) => {
    const docker = clientThat(t, 'echo err >&2; echo "$*"');
    assert.equal(await docker.log("c", 30), "container logs --tail 30 c\nerr\n");
  });

  test("the engine is the one of the setting, then that of DOCKER_HOST, and never that of the client's context", async (t) => {
    const before = { ...process.env };
    t.after(() => {
      for (const name of ["DOCKER_HOST", "DOCKER_CONTEXT"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    });
    place(t, 'echo "$DOCKER_HOST $DOCKER_CONTEXT"');
    process.env.DOCKER_HOST = "tcp://other";
    process.env.DOCKER_CONTEXT = "elsewhere";
    assert.equal(await dockerAt("ssh://host").ask("ps"), "ssh://host default\n");
    assert.equal(await dockerAt(undefined).ask("ps"), "tcp://other default\n");
    delete process.env.DOCKER_HOST;
    assert.equal(await dockerAt(undefined).ask("ps"), " default\n");
    assert.deepEqual([dockerHost("ssh://host"), dockerHost(undefined)], [{ DOCKER_HOST: "ssh://host" }, {}]);
  });

  test("what it writes is handed over in its order, whether to standard output or to standard error", async (t) => {
    const docker = clientThat(t, 'for at in 1 2 3; do echo "out $at $*"; echo "err $at" >&2; done; exit 3');
    const { stream, ended } = docker.output(["a b"]);
    const text = (await stream.setEncoding("utf8").toArray()).join("");
    assert.equal(text, [1, 2, 3].map((at) => `out ${at} a b\nerr ${at}\n`).join(""));
    assert.equal(await ended, 3);
  });

  test("it waits where that is not read, and is ended with what it has started", async (t) => {
    const directory = place(t, `cd "\${0%/*}"; echo $$ >pid; while :; do echo line; echo line >>lines; done`);
    const { stream, ended, end } = dockerAt(undefined).output(["logs"]);
    const written = () => (existsSync(join(directory, "lines")) ? readFileSync(join(directory, "lines")).length : 0);
    for (let before = -1; written() === 0 || before !== written(); await pause(300)) before = written();
    assert.ok(written() < 1 << 20, `${written()} bytes`);
    const pid = Number(readFileSync(join(directory, "pid"), "utf8"));
    end();
    assert.equal(await ended, null);
    assert.equal(stream.destroyed, true);
    await assertEnds(pid);
  });

  test("what interrupts this program does not reach a command under way: it has a process group of its own", async (t) => {
    const child = clientThat(t, "cat").start(["exec"]);
    assert.ok(runs(-(child.pid as number)));
    child.stdin.end();
    assert.equal(await new Promise((resolve) => child.on("close", resolve)), 0);
  });

  test("a context of the client's own is said, with the way to name the engine instead; the default one is not", () => {
    for (const context of [undefined, "", "default"]) {
      assert.equal(contextProblem(context === undefined ? {} : { DOCKER_CONTEXT: context }), undefined);
    }
    assert.equal(
      contextProblem({ DOCKER_CONTEXT: 'remote"\n' }),
      'DOCKER_CONTEXT is "remote\\"\\n": containers and commands could end up on different engines. Nothing was touched. ' +
        "Next: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && unset DOCKER_CONTEXT",
    );
  });
});
