import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";
import { Project, proxy, slot } from "../standIn";
import { at, ENGINE, project } from "./engine.sample";

const answer = (status: number, color: string) => JSON.stringify({ color, status, path: "/" });

describe("npm run logs", () => {
  test("the lines of all in the order of their times, aligned behind what wrote them", async (t) => {
    const made = project(t, {
      blue: at(1, "one") + at(5, "five"),
      "blue-2": at(2, "two"),
      green: at(4, "four"),
      proxy: at(3, answer(200, "blue")) + at(6, "2026/11/24 [notice] six"),
      "blue-worker-mail": at(1, "not asked"),
    });
    const { code, stdout, stderr } = await made.run([]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(
      stdout,
      [
        "blue   | one",
        "blue-2 | two",
        'proxy  | {"color":"blue","status":200,"path":"/"}',
        "green  | four",
        "blue   | five",
        "proxy  | 2026/11/24 [notice] six",
        "",
      ].join("\n"),
    );
    const asked = made.asked().filter((line) => line.startsWith("container logs"));
    assert.equal(asked.length, 4);
    for (const line of asked)
      assert.match(line, /^container logs --timestamps --since 10m id-of-blue-green-dev-[\w-]+$/);
  });

  test("workers and accessories by their names, and since when", async (t) => {
    const made = project(t, { "blue-worker-mail": at(2, "sent"), "accessory-db": at(1, "ready") });
    const { code, stdout } = await made.run(["--worker", "mail", "--accessory=db", "--since", "2h"]);
    assert.deepEqual([code, stdout], [0, "db               | ready\nblue worker mail | sent\n"]);
    assert.ok(made.asked().some((line) => line.includes("--since 2h")));
  });

  test("answers with a status alone, of one color too", async (t) => {
    const lines = [answer(200, "blue"), answer(502, "blue"), "[error] 502", answer(503, "green"), answer(404, "blue")];
    const made = project(t, { proxy: lines.map((line, second) => at(second, line)).join(""), blue: at(1, "502") });
    const shown = async (...args: string[]) => (await made.run(args)).stdout;
    assert.equal(await shown("--status", "5xx"), `proxy | ${lines[1]}\nproxy | ${lines[3]}\n`);
    assert.equal(await shown("--status", "4xx"), `proxy | ${lines[4]}\n`);
    assert.equal(await shown("--status", "500-504", "--color", "green"), `proxy | ${lines[3]}\n`);
    assert.equal(await shown("--status", "5xx", "--tail", "1"), `proxy | ${lines[3]}\n`);
    assert.equal(await shown("--status", "501"), "");
  });

  test("the lines of one request: by the field of the proxy's log, and anywhere in an app's line", async (t) => {
    const id = "3f0a9c1d2b4e5f60718293a4b5c6d7e8";
    const of = (requestId: string, path = "/") => JSON.stringify({ color: "blue", status: 502, requestId, path });
    const lines = {
      proxy: at(1, of("0".repeat(32), `/requests/${id}`)) + at(3, of(id)) + at(4, `[error] ${id}`),
      blue: at(1, "another one") + at(2, `rid=${id} Traceback`) + at(4, `{"level":"error","trace":["${id}"]}`),
      "blue-2": at(1, id.slice(0, 31)),
      "blue-worker-mail": at(4, `job for ${id}`),
    };
    const made = project(t, lines);
    const shown = async (...args: string[]) => made.run(["--request", id, ...args]);
    const web = `blue   | rid=${id} Traceback\nproxy  | ${of(id)}\nblue   | {"level":"error","trace":["${id}"]}\n`;
    assert.deepEqual(await shown(), { code: 0, stdout: web, stderr: "" });
    const last = `blue   | {"level":"error","trace":["${id}"]}\n`;
    assert.deepEqual(await shown("--tail", "1"), { code: 0, stdout: last, stderr: "" });
    assert.equal((await shown("--worker", "mail")).stdout, `blue worker mail | job for ${id}\n`);
    assert.equal((await shown("--status", "5xx")).stdout, `proxy | ${of(id)}\n`);
    assert.equal((await shown("--color", "blue")).stdout, web.replace(/proxy.*\n/, ""));
    const asked = made.asked().filter((line) => line.startsWith("container logs"));
    assert.ok(!asked.some((line) => line.includes("--tail")), "the engine can't count the lines of a request");
  });

  test("a request that no line tells of: what was searched, since when, what to type, and exit code 1", async (t) => {
    const id = "3f0a9c1d2b4e5f60718293a4b5c6d7e8";
    const made = project(t, { blue: at(1, "one"), proxy: at(1, answer(200, "blue")) });
    const missing = async (...args: string[]) => {
      const { code, stdout, stderr } = await made.run(args);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      return stderr;
    };
    assert.equal(
      await missing("--request", id),
      `No line tells of the request ${id}. Searched: blue, blue-2, green, proxy; the last 10m.\n` +
        `Next, to search all that the engine has kept: npm run logs -- --request ${id} --tail 100\n`,
    );
    assert.equal(
      await missing("dev", "--request", "of-a-client", "--since", "2026-11-29", "--proxy", "--color=green"),
      "No line tells of the request of-a-client. Searched: green, proxy; since 2026-11-29.\n" +
        "The proxy gives each request an id of its own, 32 of 0-9 and a-f, whatever a client sent.\n" +
        "Next, to search all that the engine has kept: " +
        "npm run logs -- dev --color green --proxy --request of-a-client --tail 100\n",
    );
    assert.equal(
      await missing("--request", id, "--color", "blue", "--tail", "100"),
      `No line tells of the request ${id}. Searched: blue, blue-2; all that the engine has kept.\n` +
        "Next, to see the ids of the latest requests: npm run logs -- --proxy --tail 20\n",
    );
    for (const hostile of ["short", "with space 1", "$(reboot)xx", "-ffffffff", "\u001b[2Jabcdefgh", "x".repeat(129)]) {
      const { code, stderr } = await made.run([`--request=${hostile}`]);
      assert.equal(code, 3);
      assert.match(
        stderr,
        /^Can't tell: --request is "[ -~]*: an id has 8 to 128 letters, digits and \. _ : = \+ \/ -\n/,
      );
    }
  });

  test("the last lines of all together, however old", async (t) => {
    const made = project(t, { blue: at(1, "one") + at(4, "four"), green: at(2, "two") + at(3, "three") });
    const { stdout } = await made.run(["--tail", "3"]);
    assert.equal(stdout, "green  | two\ngreen  | three\nblue   | four\n");
    const [asked] = made.asked().filter((line) => line.startsWith("container logs"));
    assert.match(asked ?? "", /^container logs --timestamps --tail 3 id/);
  });

  test("hostile lines reach a terminal as text; letters, emoji and tabs stay", async (t) => {
    const hostile = "\u001b[2J\u001b]0;title\u0007red\u202e\u0000\u009b31m\r back";
    const made = project(t, { blue: at(1, hostile) + at(2, "Grüße\t日本 😀") });
    const bytes = [Buffer.from(at(3, "").trimEnd()), Buffer.from([0x20, 0xff, 0xfe, 0x0a])];
    writeFileSync(made.file("log-green"), Buffer.concat(bytes));
    const { stdout } = await made.run([]);
    assert.equal(stdout, "blue   | red\\u{202e}\\u{0}\\u{d} back\nblue   | Grüße\t日本 😀\ngreen  | \ufffd\ufffd\n");
  });

  test("a log that can't be read is said, and the others are shown", async (t) => {
    const made = project(t, { blue: at(1, "one") }, [slot("blue"), slot("green", 3)]);
    const { code, stdout, stderr } = await made.run([]);
    assert.deepEqual([code, stdout], [1, "blue    | one\n"]);
    assert.match(
      stderr,
      /^green-3 ! its log can't be read: Error response from daemon: configured logging driver does not/,
    );
  });

  test("exit code 3 and what to type, where nothing can be shown", async (t) => {
    const made = project(t, {});
    const failed = async (...args: string[]) => {
      const { code, stdout, stderr } = await made.run(args);
      assert.deepEqual([code, stdout], [3, ""], stderr);
      return stderr;
    };
    assert.equal(
      await failed("--worker", "mial"),
      'Can\'t tell: There is no worker "mial" in this stack; it has mail\nNext, to see what is there: npm run status\n',
    );
    assert.match(await failed("--since", "yesterday"), /^Can't tell: --since is "yesterday": /);
    assert.match(await failed("--color", "red"), /^Can't tell: --color is "red"/);
    assert.match(await failed("--service", "shop"), /^Can't tell: There is no service "shop": this stack has one/);
    assert.match(
      await failed("green"),
      /^Can't tell: green stands where a stack's name does: a color is given as `--color green`/,
    );
    made.have([]);
    assert.match(
      await failed(),
      /^Can't tell: Nothing of the stack dev runs on this engine\nNext, to see what is known: npm run status\n/,
    );
    assert.match(await failed("prod"), /^Can't tell: There is no stack prod in this project/);
  });

  test("containers of several services have their names in front; one of them alone has not", async (t) => {
    const made = new Project(t, "logs", [slot("blue", 1, { service: "shop" }), proxy({ service: "api" })], ENGINE);
    writeFileSync(made.file("log-shop-blue"), at(1, "one"));
    writeFileSync(made.file("log-api-proxy"), at(2, "two"));
    assert.equal((await made.run([])).stdout, "shop blue | one\napi proxy | two\n");
    assert.equal((await made.run(["--service", "shop"])).stdout, "blue | one\n");
  });

  test("the engine in the stack's file is asked, also for the logs", async (t) => {
    const made = new Project(
      t,
      "logs",
      [slot("blue")],
      `echo "$DOCKER_HOST" >host; echo '2026-11-24T03:12:00Z x'`,
      "config:\n  docker:host: tcp://engine.example:1\n",
    );
    assert.equal((await made.run([])).stdout, "blue | x\n");
    assert.equal(readFileSync(made.file("host"), "utf8"), "tcp://engine.example:1\n");
  });

  test("ends quietly when nobody reads any more", async (t) => {
    const made = new Project(
      t,
      "logs",
      [slot("blue")],
      `exec awk 'BEGIN { for (;;) print "2026-11-24T03:12:00.000000000Z line" }'`,
    );
    const script = `"$@" | head -n 2; echo "\${PIPESTATUS[0]}"`;
    const words = [process.execPath, "--require", BUNDLE, join(CHECKOUT, "commands", "logs", "main.ts")];
    const child = spawn("/bin/bash", ["-c", script, "bash", ...words], {
      cwd: made.file("project"),
      env: { PATH: `${made.file("bin")}:/usr/bin:/bin`, HOME: made.directory, PULUMI_STACK: "dev", ...NO_SOCKET },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map(async (stream) => (await stream.setEncoding("utf8").toArray()).join("")),
    );
    assert.deepEqual([stdout, stderr], ["blue | line\nblue | line\n0\n", ""]);
  });

  test("logs far larger than its memory are shown whole", async (t) => {
    const lines = 400_000;
    const made = new Project(
      t,
      "logs",
      [slot("blue"), slot("green"), proxy()],
      `exec awk 'BEGIN { text = sprintf("%200s", ""); gsub(/ /, "x", text)
        for (at = 0; at < ${lines}; at++) printf "2026-11-24T03:%02d:%02d.%09dZ %s\\n", at / 60000, (at / 1000) % 60, (at % 1000) * 1000, text }'`,
    );
    const { child, ended } = made.start([], { NODE_OPTIONS: "--max-old-space-size=48" });
    let count = 0;
    child.stdout?.removeAllListeners("data");
    child.stdout?.on("data", (chunk: string) => {
      for (let found = chunk.indexOf("\n"); found >= 0; found = chunk.indexOf("\n", found + 1)) count += 1;
    });
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr, count], [0, "", 3 * lines]);
  });

  test("help says what there is", async (t) => {
    const { code, stdout } = await project(t, {}).run(["--help"]);
    assert.equal(code, 0);
    for (const option of ["--follow", "--status 5xx", "--worker mail", "--since 2h", "Exit code: 0"])
      assert.ok(stdout.includes(option), option);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
  });
});
