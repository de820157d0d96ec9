import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";
import { Project, proxy, slot, until } from "../standIn";
import { NO_TERMINAL, Terminal } from "../terminal";

const GENERATION = "37a29a8e711eceac";

const history = Array.from(
  { length: 5 },
  (_, at) => `history {"time":"2025-11-2${at}T17:00:00Z","result":"switched","from":"green","to":"blue"}`,
);

const SAYS = [
  `answer ${GENERATION} blue`,
  `file ${GENERATION} blue`,
  `declared ${GENERATION}`,
  'record {"stable":{"blue":["id-of-blue-green-dev-blue"],"green":["id-of-blue-green-dev-green"]}}',
  ...history,
  "health blue well 200",
  "health green well 200",
  "",
].join("\n");

const ENGINE = 'case "$1 $2" in "exec -e") cat proxy ;; esac';

/** A stack that is well, on a stand-in for its engine. */
function project(t: TestContext): Project {
  const made = new Project(t, "status", [slot("blue"), slot("green"), proxy()], ENGINE);
  writeFileSync(made.file("proxy"), SAYS);
  return made;
}

const words = (...args: string[]) => [
  process.execPath,
  ...["--require", BUNDLE, join(CHECKOUT, "commands", "status", "main.ts"), "--watch", ...args],
];

function terminal(
  t: TestContext,
  made: Project,
  size: { columns: number; rows: number },
  env = {},
  then: string[] = [],
): Terminal {
  const all = { PATH: made.file("bin"), HOME: made.directory, PULUMI_STACK: "dev", TZ: "UTC", ...NO_SOCKET, ...env };
  return new Terminal(t, words(), { cwd: made.file("project"), env: all, ...size, then });
}

/** The time in the first line of the screen. */
const timeOf = (shown: Terminal): string | undefined => /\d\d:\d\d:\d\d$/.exec(shown.lines[0] ?? "")?.[0];

/** Has the stand-in for `docker` do something else until what is returned is called. */
function instead(made: Project, script: string): () => void {
  const docker = made.file("bin", "docker");
  renameSync(docker, `${docker}.kept`);
  writeFileSync(docker, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return () => renameSync(`${docker}.kept`, docker);
}

const AWAY = 'echo "Cannot connect to the Docker daemon" >&2; exit 1';

describe("npm run status -- --watch", { skip: NO_TERMINAL }, () => {
  test("draws in place what status says, at the terminal's size, until Ctrl-C, and leaves the terminal as it was", async (t) => {
    const made = project(t);
    const shown = terminal(t, made, { columns: 80, rows: 24 });
    const first = (await shown.shows(/^blue-green, stack dev: well/)).split("\n");
    assert.equal(first.length, 24);
    assert.match(first.at(-1) ?? "", /^\.\.\. \d+ lines more \(last cutovers.*\); \d+ lines show all$/);
    assert.match(first.join("\n"), /^Next$/m);
    assert.deepEqual(shown.modes, { second: true, cursor: false });

    const time = timeOf(shown);
    await until("it is read again", () => timeOf(shown) !== time);
    made.have([slot("blue"), proxy()]);
    await shown.shows(/^blue-green, stack dev: degraded.*\n! green is idle, and its container is gone$/m);

    shown.resize(120, 50);
    const all = await shown.shows(/^Last cutovers$/m);
    assert.equal(all.split("\n")[0]?.length, 120);
    assert.doesNotMatch(all, /lines more/);
    shown.resize(50, 10);
    await shown.shows(/^\.\.\. more with 60 columns and \d+ lines$/m);
    assert.equal(shown.lines.length, 10);
    shown.resize(120, 50);
    await shown.shows(/^Next$/m);

    shown.type("C-c");
    const left = await shown.shows(/^ENDED 0$/m);
    assert.match(left, /^BEFORE\nblue-green, stack dev: degraded/m);
    assert.match(left, /^Last cutovers$/m);
    assert.deepEqual(shown.modes, { second: false, cursor: true });
  });

  test("what is set in the stack's file meanwhile counts", async (t) => {
    const made = project(t);
    const shown = terminal(t, made, { columns: 100, rows: 50 });
    await shown.shows(/active blue, live blue/);
    writeFileSync(made.file("project", "Pulumi.dev.yaml"), "config:\n  blue-green:activeColor: green\n");
    await shown.shows(/a switch is pending: activeColor is green/);
    writeFileSync(made.file("project", "Pulumi.dev.yaml"), "config: [");
    const text = await shown.shows(/^! can't tell how it is now; .*\n! Pulumi\.dev\.yaml is not valid YAML/m);
    assert.match(text, /^! a switch is pending/m);
  });

  test("with an engine that is away the last picture stays, with since when; it goes on when the engine is back", async (t) => {
    const made = project(t);
    const shown = terminal(t, made, { columns: 120, rows: 50 });
    await shown.shows(/stack dev: well/);
    const back = instead(made, AWAY);
    const text = await shown.shows(/^! can't tell how it is now; this is how it was \d+ s ago, at .*\d$/m);
    const time = timeOf(shown);
    assert.match(text, /^blue-green, stack dev: unknown/);
    assert.ok(text.includes(`${time}\n! `), text);
    assert.match(text, /^! The Docker Engine could not be asked: Cannot connect to the Docker daemon$/m);
    assert.match(text, /^role +live, stable/m);
    assert.match(text, /find the engine/);
    assert.doesNotMatch(text, /release on green/);
    back();
    await shown.shows(/stack dev: well/);
  });

  test("an engine that hangs is said, with the seconds, while it is waited for", async (t) => {
    const made = project(t);
    const shown = terminal(t, made, { columns: 100, rows: 50 });
    await shown.shows(/stack dev: well/);
    instead(made, "exec /bin/sleep 25");
    await shown.shows(
      /^! can't tell how it is now; this is how it was 1\d s ago.*\n! the engine has not answered for \d+ s$/m,
    );
    // Nobody waits for the engine to end it.
    shown.type("C-c");
    const asked = Date.now();
    await shown.shows(/^ENDED 0$/m);
    assert.ok(Date.now() - asked < 5000);
  });

  test("an engine that is away from the start is waited for; a stack that there is not ends it", async (t) => {
    const made = project(t);
    const back = instead(made, AWAY);
    const shown = terminal(t, made, { columns: 60, rows: 20 });
    await shown.shows(/^Can't tell: The Docker Engine could not be asked/m);
    assert.match(shown.text, /It is asked again until it can be told/);
    back();
    await shown.shows(/stack dev: well/);

    made.have([]);
    const missing = terminal(t, made, { columns: 100, rows: 20 }, { PULUMI_STACK: "prod" });
    await missing.shows(/^ENDED 3$/m);
    assert.match(missing.text, /^BEFORE\nCan't tell: There is no stack prod in this project/);
  });

  test("suspended by Ctrl-Z it gives the terminal back, and draws on when it is continued", async (t) => {
    const then = ["sleep 1", "fg", 'echo "ENDED $?"'];
    const shown = terminal(t, project(t), { columns: 100, rows: 60 }, {}, then);
    await shown.shows(/stack dev: well/);
    shown.type("C-z");
    await shown.shows(/^ENDED 1\d\d$/m);
    assert.deepEqual(shown.modes, { second: false, cursor: true });
    await until("it is on the screen again", () => shown.modes.second);
    await shown.shows(/^blue-green, stack dev: well/);
    shown.type("C-c");
    await shown.shows(/^ENDED 0$/m);
    assert.deepEqual(shown.modes, { second: false, cursor: true });
  });

  test("colors, and none with NO_COLOR", async (t) => {
    const made = project(t);
    const colored = terminal(t, made, { columns: 100, rows: 50 });
    await colored.shows(/stack dev: well/);
    assert.match(colored.styled, new RegExp(`${String.fromCharCode(27)}\\[32m\\S*well`));
    const plain = terminal(t, made, { columns: 100, rows: 50 }, { NO_COLOR: "1" });
    await plain.shows(/stack dev: well/);
    assert.ok(!plain.styled.includes("\u001b"), plain.styled);
  });

  test("a terminal that can't be drawn on is refused", async (t) => {
    const shown = terminal(t, project(t), { columns: 100, rows: 50 }, { TERM: "dumb" });
    await shown.shows(/^Can't tell: --watch draws on a terminal/m);
    await shown.shows(/^ENDED 3$/m);
  });
});

describe("npm run status -- --watch without a terminal", () => {
  test("is refused, with what there is instead, and nothing is asked", async (t) => {
    const made = project(t);
    for (const option of ["--watch", "-w"])
      assert.deepEqual(await made.run([option, "dev"]), {
        code: 3,
        stdout: "",
        stderr:
          "Can't tell: --watch draws on a terminal, and the output goes elsewhere; with --json it prints a line a reading\n" +
          "Next, to see it once: npm run status -- dev\n",
      });
    assert.deepEqual(made.asked(), []);
  });

  test("with --json each reading is one line, also one that tells nothing, and SIGINT ends it with 0", async (t) => {
    const made = project(t);
    const { child, ended, seen } = made.start(["--watch", "--json"]);
    const lines = () => seen.stdout.split("\n").filter(Boolean);
    await until("two readings", () => lines().length >= 2);
    const back = instead(made, AWAY);
    await until("one that tells nothing", () => /"level":"unknown"/.test(lines().at(-1) ?? ""));
    back();
    await until("another one", () => /"level":"well"/.test(lines().at(-1) ?? ""));
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, ""]);
    const read = lines().map((line) => JSON.parse(line));
    assert.deepEqual([read[0].exit, read[0].live, read.at(-1).live], [0, "blue", "blue"]);
    const once = JSON.parse((await made.run(["--json"])).stdout);
    assert.deepEqual({ ...read[0], time: "" }, { ...once, time: "" });
  });

  test("a reader who is gone ends it with 0", async (t) => {
    const { child, ended, seen } = project(t).start(["--watch", "--json"]);
    await until("a reading", () => seen.stdout.includes("\n"));
    child.stdout?.destroy();
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("a reading asks what status asks, and the next one begins when it is over", async (t) => {
    const made = project(t);
    await made.run([]);
    const once = made
      .asked()
      .map((line) => line.replace(/\d{9,}/g, "T"))
      .sort();
    const { child, ended, seen } = made.start(["--watch", "--json"]);
    await until("three readings", () => seen.stdout.split("\n").length > 3);
    child.kill("SIGINT");
    await ended;
    const all = made.asked().map((line) => line.replace(/\d{9,}/g, "T"));
    const readings = seen.stdout.split("\n").length - 1;
    assert.deepEqual(all.length, (readings + 1) * once.length);
    assert.deepEqual(all.slice(once.length, 2 * once.length).sort(), once);
  });
});
