import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";
import { type Ended, Project, proxy, slot, until } from "../standIn";

const GENERATION = "37a29a8e711eceac";

/**
 * The engine runs what is run in a container on this machine: `exec` with the variables that it is given, and `start` with the script
 * `command`. What the API is asked, `api.cjs` keeps.
 */
const ENGINE = `
case "$1 $2 $*" in
"exec -e "*"HISTORY="*) [ -e silent ] && { echo "container is not running" >&2; exit 1; }
    printf 'answer ${GENERATION} blue\\nfile ${GENERATION} blue\\n' ;;
"exec --interactive "*)
    shift
    while :; do case "$1" in
        --env) export "$2"; shift 2 ;;
        --*) shift ;;
        *) break ;;
    esac; done
    shift
    command -v "$1" >/dev/null || { echo "OCI runtime exec failed: no such file" >&2; exit 126; }
    exec "$@" ;;
"exec id-of"*) [ -e shellless ] && exit 127; shift 2; exec "$@" ;;
"version "*) echo 1.41 ;;
"system dial-stdio "*) exec "${process.execPath}" api.cjs ;;
"container inspect "*State.Status*) if [ -e status ]; then cat status; else echo "Error: No such container" >&2; exit 1; fi ;;
"container inspect "*) echo 2026-11-24T03:12:00Z ;;
"container start "*"start --attach --interactive made")
    [ -e broken ] && { echo "Error response from daemon: no such mount" >&2; exit 1; }
    echo started >started; exec sh ./command ;;
"container kill "*) kill -s "\${4#SIG}" "$(cat pid)" ;;
"events "*) [ -e started ] && echo start; exec sleep 60 ;;
"network connect "* | "container rm "* | "container stop "*) ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac`;

/** The engine's API: it keeps what it is asked, and has made a container, or says why it has not. */
const API = `
const { existsSync, writeFileSync } = require("node:fs");
let text = "";
process.stdin.on("data", (part) => {
  text += part;
  const [head, body] = text.split("\\r\\n\\r\\n");
  const length = Number(/content-length: (\\d+)/i.exec(head)?.[1]);
  if (body === undefined || Buffer.byteLength(body) < length) return;
  writeFileSync("request", head.split("\\r\\n")[0]);
  writeFileSync("body", body);
  const refused = existsSync("refused");
  const answer = JSON.stringify(refused ? { message: "no space left on device" } : { Id: "made", Warnings: [] });
  const status = refused ? "500 Internal Server Error" : "201 Created";
  process.stdout.write("HTTP/1.1 " + status + "\\r\\nContent-Length: " + answer.length + "\\r\\n\\r\\n" + answer);
});
process.stdin.on("end", () => process.exit());
`;

const details = {
  NetworkSettings: { Networks: { "blue-green-dev": {}, shared: {} } },
  HostConfig: { Memory: 1, NetworkMode: "blue-green-dev" },
};

function project(t: TestContext, command = "exit 0"): Project {
  const made = new Project(t, "exec", [slot("blue", 1, details), slot("green"), proxy()], ENGINE);
  writeFileSync(made.file("api.cjs"), API);
  writeFileSync(made.file("command"), command);
  return made;
}

const run = (made: Project, args: string[], input = ""): Promise<Ended> => made.run(args, { input });

describe("npm run exec", () => {
  test("runs a command in the live color, with its input, its output and its exit code", async (t) => {
    const made = project(t);
    const script = "cat; echo error >&2; exit 7";
    const { code, stdout, stderr } = await run(made, ["--", "sh", "-c", script, "--help", "--", "-x"], "typed\n");
    assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: "typed\n", stderr: "error\n" });
    const asked = made.asked().find((line) => line.startsWith("exec --interactive"));
    assert.match(
      asked ?? "",
      /^exec --interactive --env BLUE_GREEN_EXEC=[0-9a-f]{16} id-of-blue-green-dev-blue sh -c cat.* --help -- -x$/,
    );
    for (const exit of [0, 1, 3, 255]) assert.equal((await run(made, ["--", "sh", "-c", `exit ${exit}`])).code, exit);
  });

  test("in the color that is named, for which the proxy is not asked", async (t) => {
    const made = project(t);
    writeFileSync(made.file("silent"), "");
    assert.equal((await run(made, ["--color", "green", "--", "echo", "x"])).stdout, "x\n");
    assert.ok(made.asked().some((line) => / id-of-blue-green-dev-green echo x$/.test(line)));
    const { code, stderr } = await run(made, ["--", "ls"]);
    assert.equal(code, 125);
    assert.equal(
      stderr,
      "Can't tell: Which color is live? The proxy can't be asked: container is not running\n" +
        "Next, to name the color: npm run exec -- --color blue -- ls\n",
    );
  });

  test("a command that is not there has docker's exit code, and it is said", async (t) => {
    const { code, stderr } = await run(project(t), ["--", "nosuch", "-x"]);
    assert.equal(code, 126);
    assert.match(
      stderr,
      /^OCI runtime exec failed.*\n126: docker can't run "nosuch" in blue-green-dev-blue: there is no/,
    );
    const shell = await run(project(t), ["--", "sh", "-c", "nosuch"]);
    assert.equal(shell.code, 127);
    assert.match(shell.stderr, /\n127: blue-green-dev-blue has no command "sh", or "sh" could not find another one\n$/);
  });

  test("125 where nothing was begun, with the way to type it", async (t) => {
    const made = project(t);
    const failed = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(made, args);
      assert.deepEqual([code, stdout], [125, ""], stderr);
      return stderr;
    };
    const missing =
      "Can't tell: no command to run: it stands behind a `--` of its own, and npm takes the first one for itself\n";
    assert.equal(
      await failed("ls", "-l", "a b"),
      `${missing}Next, to run it: npm run exec -- -- ls -l 'a b'\nNext, to read what there is: npm run exec -- --help\n`,
    );
    assert.match(await failed("--color", "green", "ls"), /Next, to run it: npm run exec -- --color green -- ls\n/);
    assert.match(await failed(), /Next, to run it: npm run exec -- -- COMMAND\n/);
    assert.match(await failed("--"), /^Can't tell: no command stands behind `--`\n/);
    assert.match(await failed("--color", "red", "--", "ls"), /^Can't tell: --color is "red"/);
    const worker = await failed("--worker", "x", "--", "app", "--json");
    assert.match(worker, /^Refused: There is no worker "x" in blue; it has none\n/);
    made.have([]);
    assert.match(await failed("--", "ls"), /^Can't tell: Nothing of the stack dev runs on this engine\n/);
    assert.equal(
      made.asked().some((line) => line.startsWith("exec --interactive")),
      false,
    );
  });

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 3],
    ["SIGHUP", 129],
  ] as const) {
    test(`${signal} is passed on to the command, and its own exit code comes back`, async (t) => {
      const made = project(t);
      // In a container the client does not hand it on.
      const script = `trap 'exit 3' INT; echo begun; while :; do sleep 0.05; done`;
      const { child, ended, seen } = made.start(["--", "sh", "-c", script]);
      await until("it runs", () => /begun/.test(seen.stdout));
      child.kill(signal);
      assert.equal((await ended).code, code);
      assert.ok(made.asked().some((line) => line.startsWith("exec id-of-blue-green-dev-blue sh -c ")));
    });
  }

  test("where a signal can't be passed on, it is said that the command may go on", async (t) => {
    const made = project(t);
    writeFileSync(made.file("shellless"), "");
    const { child, ended, seen } = made.start(["--", "sh", "-c", "echo begun; exec sleep 60"]);
    await until("it runs", () => /begun/.test(seen.stdout));
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    assert.equal(code, 143);
    assert.match(stderr, /^sh may go on in blue-green-dev-blue: the signal could not be passed on there\n$/);
  });

  test("help says what there is", async (t) => {
    const { code, stdout } = await run(project(t), ["--help"]);
    assert.equal(code, 0);
    for (const words of ["npm run exec -- -- ls", "--new", "--accessory db", "Exit code: the command's own; 125"])
      assert.ok(stdout.includes(words), words);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
  });
});

describe("npm run exec -- --new", () => {
  test("makes a container like the color's own, with secrets on no command line, and joins its networks", async (t) => {
    const made = project(t, "cat; exit 5");
    const secret = "hunter2hunter2\nsecond line";
    const { Config, ...others } = slot("blue", 1, details);
    made.have([{ ...others, Config: { ...Config, Env: [`SECRET=${secret}`] } }, proxy()]);
    const { code, stdout, stderr } = await run(made, ["--new", "--", "psql", "-c", "select 1"], "typed");
    assert.deepEqual([code, stdout, stderr], [5, "typed", ""]);
    assert.match(
      readFileSync(made.file("request"), "utf8"),
      /^POST \/v1\.41\/containers\/create\?name=blue-green-dev-blue-exec-[0-9a-f]{8} HTTP\/1\.1$/,
    );
    const body = JSON.parse(readFileSync(made.file("body"), "utf8"));
    assert.deepEqual([body.Cmd, body.Env], [["psql", "-c", "select 1"], [`SECRET=${secret}`]]);
    assert.equal(body.HostConfig.Memory, 1);
    assert.equal(body.Labels["blue-green.role"], "exec");
    const asked = made.asked();
    assert.ok(asked.includes("network connect shared made"), asked.join("\n"));
    assert.doesNotMatch(asked.join("\n"), /hunter2/);
  });

  test("of a color that does not run, too", async (t) => {
    const made = project(t);
    const exited = { Running: false, Status: "exited" };
    made.have([slot("blue", 1, { ...details, state: exited }), proxy()]);
    assert.equal((await run(made, ["--new", "--", "ls"])).code, 0);
    const { code, stderr } = await run(made, ["--", "ls"]);
    assert.equal(code, 125);
    assert.match(
      stderr,
      /^Refused: blue does not run: blue-green-dev-blue is exited\n.*\n.*npm run exec -- --new -- ls\n$/,
    );
  });

  test("125 where the engine can't make or start it, in its own words, and nothing is left", async (t) => {
    const made = project(t);
    writeFileSync(made.file("refused"), "");
    const refused = await run(made, ["--new", "--", "ls"]);
    assert.deepEqual([refused.code, refused.stderr], [125, "Can't tell: no space left on device\n"]);

    const broken = project(t);
    writeFileSync(broken.file("broken"), "");
    writeFileSync(broken.file("status"), "created\n");
    const { code, stderr } = await run(broken, ["--new", "--", "ls"]);
    assert.equal(code, 125);
    assert.equal(
      stderr,
      "Error response from daemon: no such mount\n" +
        "Can't tell: The container could not be started; docker's words are above\n",
    );
    assert.ok(broken.asked().includes("container rm --force --volumes made"));
    assert.equal((await run(project(t, "exit 1"), ["--new", "--", "false"])).code, 1, "which is the command's own");
  });

  test("signals are passed on by the engine", async (t) => {
    const made = project(t, `trap 'exit 9' TERM; echo $$ >pid; while :; do sleep 0.05; done`);
    const { child, ended } = made.start(["--new", "--", "serve"]);
    await until("it runs", () => existsSync(made.file("pid")));
    child.kill("SIGTERM");
    assert.equal((await ended).code, 9);
    assert.ok(made.asked().includes("container kill --signal SIGTERM made"));
  });

  test("one that was left is said, with the way back to it", async (t) => {
    const made = project(t);
    writeFileSync(made.file("status"), "running\n");
    const { stderr } = await run(made, ["--new", "--", "sh"]);
    assert.match(
      stderr,
      /^(blue-green-dev-blue-exec-[0-9a-f]{8}) still runs\. Next, to go back to it: docker attach \1\nNext, to end it: docker rm --force \1\n$/,
    );
  });
});

/** Whether this machine can make terminals; `npm test` brings what it takes. */
const NO_TMUX = spawnSync("tmux", ["-V"]).status === 0 ? false : "tmux is not installed";

test("in a terminal a command gets one", { skip: NO_TMUX }, async (t) => {
  const made = project(t);
  const socket = made.file("tmux");
  const tmux = (...args: string[]) =>
    spawnSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
  const words = [process.execPath, "--require", BUNDLE, `${CHECKOUT}/commands/exec/main.ts`, "--", "tty"];
  const command =
    `cd '${made.file("project")}' && PULUMI_STACK=dev DOCKER_HOST=${NO_SOCKET.DOCKER_HOST} PATH='${made.file("bin")}' ` +
    `${words.map((word) => `'${word}'`).join(" ")}; /bin/echo END; exec /bin/sleep 60`;
  assert.equal(tmux("new-session", "-d", "-x", "100", "-y", "20", command).status, 0);
  t.after(() => tmux("kill-server"));
  await until("it has ended", () => /^END$/m.test(tmux("capture-pane", "-p").stdout));
  assert.match(tmux("capture-pane", "-p").stdout, /^\/dev\/pts\/\d+$/m);
  assert.ok(made.asked().some((line) => line.startsWith("exec --interactive --tty ")));
});
