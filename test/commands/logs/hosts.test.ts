import assert from "node:assert/strict";
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { onThreeHosts, takeAway } from "../hosts.sample";
import { type Project, proxy, slot, until } from "../standIn";
import { at, ENGINE } from "./engine.sample";

/** A project on three hosts, whose containers have written what is here by host and part. */
function project(t: TestContext, logs: Record<string, string>): Project {
  const made = onThreeHosts(t, "logs", [slot("blue"), slot("green"), proxy()], ENGINE);
  for (const host of ["", "b", "c"])
    for (const part of ["blue", "green", "proxy"]) writeFileSync(made.file(host, `log-${part}`), "");
  for (const [path, text] of Object.entries(logs)) writeFileSync(made.file(path), text);
  return made;
}

const LOGS = {
  "log-blue": at(1, "of a") + at(5, "last"),
  "b/log-blue": at(2, "of b"),
  "c/log-proxy": at(3, "of c"),
};

describe("npm run logs on several hosts", () => {
  test("the lines of all of them in the order of their times, each behind its host's name", async (t) => {
    const { code, stdout, stderr } = await project(t, LOGS).run([]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, "a blue  | of a\nb blue  | of b\nc proxy | of c\na blue  | last\n");
  });

  test("one host alone, as of a stack that has no other one", async (t) => {
    const made = project(t, LOGS);
    assert.deepEqual(await made.run(["--host", "b"]), { code: 0, stdout: "blue  | of b\n", stderr: "" });
    const wrong = await made.run(["--host", "d\u001b[2J"]);
    assert.equal(wrong.code, 3);
    assert.equal(
      wrong.stderr,
      'Can\'t tell: There is no host "d\\u001b[2J" in this stack; it has a, b, c\n' +
        "Next, to name the host: npm run logs -- --host a\nNext, to name the host: npm run logs -- --host b\n" +
        "Next, to name the host: npm run logs -- --host c\n",
    );
  });

  test("a host that does not answer is told of, the others are shown, and the exit code is 1", async (t) => {
    const made = project(t, LOGS);
    takeAway(made, "b");
    const { code, stdout, stderr } = await made.run([]);
    assert.equal(code, 1);
    assert.equal(stdout, "a blue  | of a\nc proxy | of c\na blue  | last\n");
    assert.match(stderr, /^b +! it does not answer, and nothing of it is shown: no \\u\{202e\}route\n$/);
    for (const host of ["", "c"]) takeAway(made, host);
    const none = await made.run([]);
    assert.equal(none.code, 3);
    assert.match(
      none.stderr,
      /^Can't tell: No host could be asked: a: no \\u\{202e\}route; b: no [^\n]*; c: no [^\n]*\nNext, to see what is known: npm run status\n$/,
    );
  });

  test("a request that no line tells of names the hosts that were searched, and is searched on the same one again", async (t) => {
    const id = "3f0a9c1d2b4e5f60718293a4b5c6d7e8";
    const made = project(t, LOGS);
    assert.match(
      (await made.run(["--request", id])).stderr,
      /Searched: a blue, a green, a proxy, b blue, .*c proxy; the last/,
    );
    const one = await made.run(["--request", id, "--host", "b"]);
    assert.match(
      one.stderr,
      /Searched: blue, green, proxy; .*\nNext, .*: npm run logs -- --host b --request [0-9a-f]+ --tail 100\n$/,
    );
  });

  test("each is followed, and one that comes back is followed from then on", async (t) => {
    const made = project(t, {});
    takeAway(made, "c");
    const { child, ended, seen } = made.start(["--follow"]);
    for (const host of ["", "b"])
      await until(
        "it is followed",
        () => existsSync(made.file(host, "follow-blue")) && existsSync(made.file(host, "follow-proxy")),
      );
    const now = (text: string) => `${new Date().toISOString().replace("Z", "000000Z")} ${text}\n`;
    appendFileSync(made.file("follow-blue"), now("from a"));
    appendFileSync(made.file("b", "follow-blue"), now("from b"));
    await until("both are shown", () => /a blue +\| from a/.test(seen.stdout) && /b blue +\| from b/.test(seen.stdout));
    await until("it is said", () => /^c engine +! it does not answer, and is asked again: no/m.test(seen.stderr));
    rmSync(made.file("c", "away"));
    await until("it is back", () => existsSync(made.file("c", "follow-blue")));
    appendFileSync(made.file("c", "follow-blue"), now("from c"));
    await until("it is shown", () => /^c blue +\| from c$/m.test(seen.stdout));
    assert.match(seen.stderr, /^c engine +! it answers again$/m);
    child.kill("SIGINT");
    assert.equal((await ended).code, 1, "one could not be read at first");
  });
});
