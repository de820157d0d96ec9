import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Gate, runGateCommand } from "../../cutover/gateCommand";

const gate = (command: string, timeoutSeconds = 20): Gate => ({
  command,
  timeoutSeconds,
  url: "http://green:5000",
  color: "green",
  version: "2.0.0",
});

interface Ran {
  outcome: string | undefined;
  lines: string[];
  seconds: number;
}

async function run(command: string, timeoutSeconds?: number, signal?: AbortSignal): Promise<Ran> {
  const lines: string[] = [];
  const started = performance.now();
  const outcome = await runGateCommand(gate(command, timeoutSeconds), (line) => lines.push(line), signal);
  return { outcome, lines, seconds: (performance.now() - started) / 1000 };
}

/** Whether a process is there and not a zombie that waits for somebody to ask for its exit code. */
function isRunning(pid: string): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}

async function assertEnded(pids: string[], withinSeconds = 1): Promise<void> {
  const deadline = performance.now() + withinSeconds * 1000;
  for (const pid of pids) {
    assert.match(pid, /^\d+$/);
    while (isRunning(pid)) {
      assert.ok(performance.now() < deadline, `process ${pid} still runs`);
      await pause(50);
    }
  }
}

const ENDED = "its whole process group was ended";

/** Starts a process in a session of its own that holds the output open, and says its number. */
const ESCAPE = `'${process.execPath}' -e '
  const { pid } = child_process.spawn("sleep", ["60"], { detached: true, stdio: ["ignore", 1, 2] });
  console.log(pid);
  process.exit();
'`;

const endEscaped = (t: TestContext, lines: string[]) =>
  t.after(() => {
    for (const pid of lines) process.kill(Number(pid), "SIGKILL");
  });

describe("the gate command", () => {
  test("a command that exits with 0 passes, and both of its outputs arrive in their order", async () => {
    const { outcome, lines } = await run("echo one; echo two >&2; echo; printf three");
    assert.equal(outcome, undefined);
    assert.deepEqual(lines, ["one", "two", "", "three"]);
  });

  test("the command is told the target, has our environment and nothing on its standard input", async (t) => {
    process.env.GATE_TEST_OURS = 'ours, "quoted" and $(not run)';
    t.after(() => {
      delete process.env.GATE_TEST_OURS;
    });
    const { outcome, lines } = await run(
      'echo "$TARGET_URL $TARGET_COLOR $TARGET_VERSION"; echo "$GATE_TEST_OURS"; wc -c',
    );
    assert.equal(outcome, undefined);
    assert.deepEqual(
      lines.map((line) => line.trim()),
      ["http://green:5000 green 2.0.0", 'ours, "quoted" and $(not run)', "0"],
    );
  });

  test("every exit code but 0, and a signal, is a failure that names it", async () => {
    for (const code of [1, 3, 127, 255]) assert.equal((await run(`exit ${code}`)).outcome, `exited with ${code}`);
    assert.equal((await run("no-such-command-here")).outcome, "exited with 127");
    assert.equal((await run("if then")).outcome, "exited with 2");
    assert.equal((await run("kill -KILL $$")).outcome, "was ended by SIGKILL");
  });

  test("a command that signals its own process group ends as such, and we don't", async () => {
    assert.equal((await run("kill -TERM 0; sleep 60")).outcome, "was ended by SIGTERM");
    assert.equal((await run("kill -KILL 0; sleep 60")).outcome, "was ended by SIGKILL");
    assert.equal((await run("trap '' TERM; kill 0; exit 0")).outcome, undefined);
  });

  test("a quick command ends quickly", async () => {
    assert.ok((await run("true")).seconds < 1);
  });

  test("the outputs can be opened by name as in any shell", async () => {
    const { outcome, lines } = await run("echo out >/dev/stdout && echo err >/dev/stderr");
    assert.equal(outcome, undefined);
    assert.deepEqual(lines, ["out", "err"]);
  });

  test("lines are said as they come", async () => {
    const at: number[] = [];
    await runGateCommand(gate("echo one; sleep 0.5; echo two"), () => at.push(performance.now()));
    const [one = 0, two = 0] = at;
    assert.ok(two - one > 300, `${two - one} ms between them`);
  });

  test("a character that comes in two parts stays whole, a carriage return at the end of a line goes", async () => {
    const { lines } = await run(
      String.raw`printf 'gr\303'; sleep 0.2; printf '\274n \360\237'; sleep 0.2; printf '\246\206\r\n\377\n'`,
    );
    assert.deepEqual(lines, ["grün 🦆", "\ufffd"]);
  });

  test("a command that hangs is ended when its time is over", async () => {
    const { outcome, lines, seconds } = await run("echo $$; sleep 60 & echo $!; wait", 0.5);
    assert.equal(outcome, `did not end within 0.5 s; ${ENDED}`);
    assert.ok(seconds < 5, `${seconds} s`);
    assert.equal(lines.length, 2);
    await assertEnded(lines);
  });

  test("SIGTERM comes first, to every process of the group, and leaves time to clean up", async () => {
    const { outcome, lines } = await run(
      `sh -c 'trap "sleep 1; echo child has cleaned up; exit" TERM; sleep 60 & wait' &
    trap "echo parent was told; exit 0" TERM; sleep 60 & wait`,
      0.5,
    );
    assert.equal(outcome, `did not end within 0.5 s; ${ENDED}`);
    assert.deepEqual(lines, ["parent was told", "child has cleaned up"]);
  });

  test("processes that ignore SIGTERM are ended all the same, and hold nothing up", async () => {
    const { outcome, lines, seconds } = await run(
      `trap '' HUP INT TERM; echo $$; (while :; do sleep 1; done) & echo $!; sleep 60 >/dev/null 2>&1 & echo $!; while :; do sleep 1; done`,
      0.5,
    );
    assert.equal(outcome, `did not end within 0.5 s; ${ENDED}`);
    assert.ok(seconds < 5, `${seconds} s`);
    assert.equal(lines.length, 3);
    await assertEnded(lines);
  });

  test("a cancelled run ends the command, or does not start it", async () => {
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 300);
    const { outcome, lines, seconds } = await run("echo $$; sleep 60", 20, cancel.signal);
    assert.equal(outcome, `was ended, since the run was cancelled; ${ENDED}`);
    assert.ok(seconds < 5, `${seconds} s`);
    await assertEnded(lines);

    const second = await run("echo started", 20, cancel.signal);
    assert.deepEqual([second.outcome, second.lines], ["was not started, since the run was cancelled", []]);
  });

  test("what the command leaves in the background is ended with it", async () => {
    const { outcome, lines, seconds } = await run(
      "sleep 60 & echo $!; sleep 60 >/dev/null 2>&1 & echo $!; (trap '' TERM; sleep 60) & echo $!",
    );
    assert.equal(outcome, undefined);
    assert.ok(seconds < 3, `${seconds} s`);
    assert.equal(lines.length, 3);
    await assertEnded(lines);
  });

  test("output that comes from behind the command right after its end still arrives", async () => {
    const { outcome, lines } = await run("(sleep 0.2; echo late) & exit 0");
    assert.equal(outcome, undefined);
    assert.deepEqual(lines, ["late"]);
  });

  test("a command that waits for each of its children does not wait for the guard", async () => {
    const { outcome, seconds } = await run("exec perl -e 'fork or exit; 1 while wait() != -1'", 5);
    assert.equal(outcome, undefined);
    assert.ok(seconds < 3, `${seconds} s`);
  });

  test("a process that escaped from the group and holds the output is not waited for", async (t) => {
    const passed = await run(ESCAPE);
    endEscaped(t, passed.lines);
    assert.equal(passed.outcome, undefined);
    assert.ok(passed.seconds < 3, `${passed.seconds} s`);

    const hung = await run(`${ESCAPE}; sleep 60`, 1);
    endEscaped(t, hung.lines);
    assert.equal(hung.outcome, `did not end within 1 s; ${ENDED}`);
    assert.ok(hung.seconds < 5, `${hung.seconds} s`);
    assert.deepEqual([passed.lines.length, hung.lines.length], [1, 1]);
  });

  test("a line longer than 64 KiB is cut, never in the middle of a character", async () => {
    const { lines } = await run(
      `perl -e 'print "x" x 65536, "\\n", "x" x 65537, "\\n", "x" x 65535, "\\xc3\\xa4\\n", "end\\n"'`,
    );
    assert.deepEqual(lines, [
      "x".repeat(65_536),
      `${"x".repeat(65_536)} [cut after 64 KiB]`,
      `${"x".repeat(65_535)} [cut after 64 KiB]`,
      "end",
    ]);
  });

  test("a flood of output, in lines or without any, is read to its end but neither kept nor said as a whole", async () => {
    const before = process.memoryUsage().rss;
    const oneLine = await run("head -c 300000000 /dev/zero; echo; echo end");
    assert.equal(oneLine.outcome, undefined);
    assert.deepEqual(oneLine.lines, [`${"\0".repeat(65_536)} [cut after 64 KiB]`, "end"]);

    const lines = await run("yes 123456789012345 | head -n 2000000; echo the end");
    assert.equal(lines.outcome, undefined);
    // 1 MiB of lines of 16 bytes, a word about the rest, and the last 20.
    assert.equal(lines.lines.length, 65_536 + 1 + 20);
    assert.equal(lines.lines[65_536], `[${2_000_001 - 65_536 - 20} lines are left out here]`);
    assert.equal(lines.lines.at(-1), "the end");
    const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
    assert.ok(grown < 150, `${grown} MiB more`);
  });

  test("a command that floods forever is ended when its time is over", async () => {
    const { outcome, seconds } = await run("yes & yes", 0.5);
    assert.equal(outcome, `did not end within 0.5 s; ${ENDED}`);
    assert.ok(seconds < 6, `${seconds} s`);
  });

  test("when we are killed ourselves, the command and its children end soon", async () => {
    const command = "echo $$; sleep 60 & echo $!; (trap '' HUP INT TERM; while :; do sleep 1; done) & echo $!; wait";
    const script = `
    const { runGateCommand } = require(${JSON.stringify(join(__dirname, "..", "..", "cutover", "gateCommand"))});
    runGateCommand(${JSON.stringify(gate(command))}, (line) => console.log(line));
  `;
    const runner = spawn(process.execPath, ["--import", "tsx", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: join(__dirname, "..", ".."),
    });
    const pids: string[] = [];
    for await (const line of createInterface(runner.stdout)) {
      if (pids.push(line) === 3) break;
    }
    assert.ok(pids.every(isRunning));
    runner.kill("SIGKILL");
    await once(runner, "exit");
    await assertEnded(pids, 5);
  });

  test("nothing is left behind in the directory for temporary files", async () => {
    const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith("blue-green-gate-"));
    const before = ours();
    await run("true");
    assert.deepEqual(ours(), before);
  });

  test("a command that is too long to be started is a failure in words", async () => {
    const { outcome, lines } = await run(`: ${"x".repeat(4 * 1024 * 1024)}`);
    assert.match(outcome ?? "", /^could not be started: .*E2BIG/);
    assert.deepEqual(lines, []);
  });
});
