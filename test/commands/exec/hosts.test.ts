import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { onThreeHosts, takeAway } from "../hosts.sample";
import { proxy, slot } from "../standIn";

/** Says on which engine a command runs. */
const ENGINE = `
case "$1 $2" in
"exec -e") printf 'answer 37a29a8e711eceac blue\\nfile 37a29a8e711eceac blue\\n' ;;
"exec --interactive") echo "on $DOCKER_HOST" ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac`;

const project = (t: TestContext) => onThreeHosts(t, "exec", [slot("blue"), slot("green"), proxy()], ENGINE);

describe("npm run exec on several hosts", () => {
  test("a command runs on the first one, or on the one that is named", async (t) => {
    const made = project(t);
    const here = await made.run(["--", "ls"]);
    assert.deepEqual(here, { code: 0, stdout: "on unix:///nowhere/docker.sock\n", stderr: "" });
    const there = await made.run(["--host", "b", "--", "ls"]);
    assert.deepEqual(there, { code: 0, stdout: "on ssh://b.example\n", stderr: "" });
    assert.match(readFileSync(made.file("asked"), "utf8"), /exec --interactive .*-blue ls\n/);
  });

  test("one that is not there is refused with those that are, and nothing is run", async (t) => {
    const { code, stderr } = await project(t).run(["--host", "x", "--color", "green", "--", "ls", "-l"]);
    assert.equal(code, 125);
    assert.match(
      stderr,
      /^Can't tell: There is no host "x" in this stack; it has a, b, c\nNext, to name the host: npm run exec -- --host a --color green -- ls -l\n/,
    );
  });

  test("where the first one does not answer, the command for another one is told", async (t) => {
    const made = project(t);
    takeAway(made, "");
    const { code, stderr } = await made.run(["--color", "blue", "--", "ls"]);
    assert.equal(code, 125);
    assert.equal(
      stderr,
      "Can't tell: a: The Docker Engine could not be asked: no \\u{202e}route\n" +
        "Next, to see what is known: npm run status\n" +
        "Next, to run it on b: npm run exec -- --host b --color blue -- ls\n" +
        "Next, to run it on c: npm run exec -- --host c --color blue -- ls\n",
    );
  });

  test("what does not run there is started there, and what is typed again names the host", async (t) => {
    const made = project(t);
    const { code, stderr } = await made.run(["--host", "b", "--worker", "mail", "--color", "blue", "--", "ls"]);
    assert.equal(code, 125);
    assert.match(stderr, /^Refused: There is no worker "mail" in blue; it has none\n/);
    made.have([slot("blue", 1, { state: { Running: false, Status: "exited" } }), proxy()]);
    const stopped = await made.run(["--color", "blue", "--host", "a", "--", "ls"]);
    assert.match(stopped.stderr, /Next, .*: npm run exec -- --host a --color blue --new -- ls\n$/);
  });
});
