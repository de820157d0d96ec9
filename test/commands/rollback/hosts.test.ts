import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import type { StackHost } from "../../../commands/hosts";
import { Refusal } from "../../../commands/outcome";
import {
  type AwayHost,
  findHosts,
  leftOut,
  nobodyThere,
  type ThereHost,
  wayOfHosts,
  whatIsLeft,
} from "../../../commands/rollback/hosts";
import type { Asked } from "../../../commands/rollback/way";
import { commandsFor } from "../../../commands/typed";
import type { Color } from "../../../stacks/service/color";
import type { Serving } from "../../../stacks/service/serving";
import { stubDocker } from "../../stacks/engine/docker.stub";
import { slot as container, Project, proxy } from "../standIn";
import { ended, serving, slot } from "../status/facts.sample";

const commands = commandsFor(undefined, undefined);

const asked = (to?: Color): Asked => ({ to, by: "ann@laptop", now: new Date("2026-11-24T03:12:00.000Z"), commands });

const slots = { blue: [slot("blue")], green: [slot("green")] };

const host = (name: string, more: Partial<Serving> = {}, of: Partial<typeof slots> = {}): ThereHost => ({
  name,
  docker: stubDocker({}),
  found: { serving: serving({ color: "green", ...more }), slots: { ...slots, ...of } },
});

/** A host that was taken back to blue by hand. */
const back = (name: string): ThereHost => {
  const putBack = { from: "green", version: "1.1.0", image: "", time: "2026-11-24T03:00:00.000Z", by: "bob" } as const;
  return host(name, { color: "blue", record: { ...serving().record, putBack } });
};

const way = (there: ThereHost[], to?: Color, away: AwayHost[] = []) => {
  const { hosts, ...more } = wayOfHosts({ there, away }, asked(to));
  return { ...more, hosts: hosts.map(({ name }) => name) };
};

const B_AWAY: AwayHost = { name: "b", problem: "does not answer: no route", mend: "ask", host: "ssh://b" };

describe("the way back over several hosts", () => {
  test("all that serve alike go back together", () => {
    assert.deepEqual(way([host("a"), host("b"), host("c")]), { to: undefined, hosts: ["a", "b", "c"], away: [] });
    assert.deepEqual(way([host("a"), host("b")], "blue").hosts, ["a", "b"]);
    assert.deepEqual(way([host("a"), host("b")], "green"), { to: "green", hosts: [], away: [] });
  });

  test("typed once more, one that was away follows those that went back, and none goes forward", () => {
    assert.deepEqual(way([back("a"), host("b"), back("c")]), { to: "blue", hosts: ["b"], away: [] });
    assert.deepEqual(way([back("a"), host("b")], "blue").hosts, ["b"]);
    assert.throws(() => way([back("a"), back("b")]), {
      name: "Refusal",
      message: /^The public was put back from green/,
    });
  });

  test("of a canary that runs on some of them, its visitors go back to what all serve", () => {
    const canary = { color: "blue", canaryPercent: 10 } as const;
    assert.deepEqual(way([host("a", canary), host("b", { color: "blue" })]), { to: "blue", hosts: ["a"], away: [] });
  });

  test("where they serve different colors and none went back, it is asked where to", () => {
    assert.throws(() => way([host("a", { color: "blue" }), host("b")]), {
      message: "The hosts don't agree (a serves blue, b serves green): where to?",
      exit: 3,
      next: [
        { purpose: "take all to blue", command: "npm run rollback -- --to blue" },
        { purpose: "take all to green", command: "npm run rollback -- --to green" },
      ],
    });
    assert.deepEqual(way([host("a", { color: "blue" }), host("b")], "blue").hosts, ["b"]);
  });

  test("one without a way back holds up none of the others, and is told of", () => {
    const unready = host("b", {}, { blue: [slot("blue", { state: ended })] });
    const found = way([host("a"), unready, host("c")]);
    assert.deepEqual(found.hosts, ["a", "c"]);
    assert.deepEqual(found.away, [{ name: "b", problem: "has no way back (blue is exited)", mend: "run" }]);
    assert.deepEqual(whatIsLeft(found.away, "blue", commands), ["Not on b. Next, to make that ready: pulumi up"]);
    assert.throws(() => way([unready, unready]), { name: "Refusal", message: "blue is exited. Nothing was changed" });
    assert.throws(
      () => way([back("a"), unready]),
      (error) => error instanceof Refusal && error.message === "b: blue is exited. Nothing was changed",
    );
  });

  test("one that does not answer is said before, and at the end what to type once it is back", () => {
    const { hosts, away } = wayOfHosts({ there: [host("a"), host("c")], away: [B_AWAY] }, asked());
    assert.deepEqual(leftOut({ to: undefined, hosts, away }), [
      "b does not answer: no route: the public goes back on a, c without it",
    ]);
    assert.deepEqual(whatIsLeft(away, "blue", commands), [
      "Not on b, which did not answer. Next, once that is back: npm run rollback -- --to blue",
    ]);
    const empty: AwayHost = { name: "d", problem: "has no proxy" };
    assert.deepEqual(whatIsLeft([empty], "blue", commands), [], "nobody was there");
    const { message, next } = nobodyThere([B_AWAY, { ...empty, mend: "run" }], commands);
    assert.equal(message, "b does not answer: no route; d has no proxy. Nothing was changed");
    assert.deepEqual(
      next.map((each) => (typeof each === "string" ? each : each.command)),
      ["DOCKER_HOST=ssh://b docker version", "npm run status"],
    );
  });

  test("each is asked what it serves, and why it can't be is told in its own words", async () => {
    const says = "answer 37a29a8e711eceac green\nfile 37a29a8e711eceac green\n";
    const failing = (words: string) => async () => {
      throw new Error(words);
    };
    const asks: Record<string, (...args: string[]) => Promise<string>> = {
      a: async (...args) => (args[0] === "exec" ? says : ""),
      b: failing("error during connect: \u202eno\nroute"),
      c: failing("Error response from daemon: No such container: p-dev-proxy"),
      d: failing("Error response from daemon: container 12ab is not running"),
      e: async () => "",
    };
    const hosts = Object.entries(asks).map(
      ([name, ask]): StackHost => ({ name, docker: stubDocker({ ask }), ...(name === "b" && { host: "ssh://b" }) }),
    );
    const { there, away } = await findHosts(hosts, { project: "p", stack: "dev" });
    assert.deepEqual(
      there.map(({ name, found }) => [name, found.serving.color]),
      [["a", "green"]],
    );
    assert.deepEqual(away, [
      { name: "b", problem: "does not answer: error during connect: \\u{202e}no route", mend: "ask", host: "ssh://b" },
      { name: "c", problem: "has no proxy" },
      { name: "d", problem: "serves nobody: p-dev-proxy does not run there", mend: "run" },
      { name: "e", problem: "serves nobody yet" },
    ]);
  });
});

/** Each host's engine: `$DOCKER_HOST` is what the file `away` has where it does not answer. */
const ENGINE = `
case "$1 $2 $*" in
"exec -e "*) printf 'answer 37a29a8e711eceac blue\\nfile 37a29a8e711eceac blue\\n' ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac`;

const HOSTS = "  blue-green:hosts:\n    a: own\n    b: ssh://b.example\n    c: tcp://c.example:1\n";

function project(t: TestContext, away: string): Project {
  const gone = `if grep -qx -e "$DOCKER_HOST" away; then echo "no route" >&2; exit 1; fi\n`;
  const stackFile = `config:\n  blue-green:activeColor: blue\n${HOSTS}`;
  const made = new Project(t, "rollback", [container("blue"), container("green"), proxy()], ENGINE, stackFile, gone);
  writeFileSync(made.file("away"), away);
  return made;
}

describe("npm run rollback on several hosts", () => {
  test("all that answer are there already: it says which one did not answer, and exits with 1", async (t) => {
    const { code, stdout, stderr } = await project(t, "ssh://b.example\n").run(["--to", "blue"]);
    assert.deepEqual([code, stderr], [1, ""]);
    assert.equal(
      stdout,
      "The public is on blue already. Nothing was changed.\n" +
        "Not on b, which did not answer. Next, once that is back: npm run rollback -- --to blue\n",
    );
    const well = await project(t, "nobody\n").run(["--to", "blue"]);
    assert.deepEqual([well.code, well.stdout], [0, "The public is on blue already. Nothing was changed.\n"]);
  });

  test("where none answers, each is named with its own words, and exit code 3", async (t) => {
    const away = "ssh://b.example\ntcp://c.example:1\nunix:///nowhere/docker.sock\n";
    const { code, stderr } = await project(t, away).run([]);
    assert.equal(code, 3);
    assert.equal(
      stderr,
      "Can't tell: a does not answer: no route; b does not answer: no route; c does not answer: no route. Nothing was changed\n" +
        "Next, to ask a again: docker version\n" +
        "Next, to ask b again: DOCKER_HOST=ssh://b.example docker version\n" +
        "Next, to ask c again: DOCKER_HOST=tcp://c.example:1 docker version\n" +
        "Next, to see what is known: npm run status\n",
    );
  });
});
