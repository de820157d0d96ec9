import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Answer, type Asked, Runner } from "./github";

const MARKER = "<!-- blue-green drift of prod -->";

const BOT = { login: "github-actions[bot]" };

const OPEN = { id: 900, number: 12, user: BOT, body: `${MARKER}\nolder` };

const holding =
  (issues: object[]) =>
  ({ method, path }: Asked): Answer =>
    method === "GET" ? [200, path.endsWith("&page=1") ? issues : []] : [200, {}];

const written = ({ asked }: Runner) =>
  asked.filter(({ method }) => method !== "GET").map(({ method, path, body }) => [`${method} ${path}`, body]);

async function afterDrift(runner: Runner, code: string, said: string) {
  runner.leave("drift-prod.code", `${code}\n`);
  runner.leave("drift-prod.txt", said);
  return runner.run("issue.ts", ["prod"]);
}

describe("the issue about drift", () => {
  test("drift opens one issue with what was found, and the next night brings it up to date", async (t) => {
    const body = [
      MARKER,
      "`npm run drift -- prod` found this ([the run](https://github.example/org/shop/actions/runs/42)). " +
        "The issue is closed by the first check that finds nothing.",
      "",
      "```text",
      "| memoryMb | 256 | 512 |",
      "```",
    ].join("\n");
    const issue = { title: "prod is not as its program says", body };
    const first = await Runner.start(t, holding([]));
    assert.equal((await afterDrift(first, "1", "| memoryMb | 256 | 512 |\n")).code, 0);
    assert.deepEqual(written(first), [["POST /repos/org/shop/issues", issue]]);
    assert.equal(first.asked[0]?.path, "/repos/org/shop/issues?state=open&per_page=100&page=1");

    const second = await Runner.start(t, holding([{ ...OPEN, pull_request: {}, number: 3 }, OPEN]));
    assert.equal((await afterDrift(second, "1", "| memoryMb | 256 | 512 |\n")).code, 0);
    assert.deepEqual(written(second), [["PATCH /repos/org/shop/issues/12", issue]]);
  });

  test("what can't be told is an issue too, under another title; so is a check that never ran", async (t) => {
    for (const code of ["3", "127", ""]) {
      const runner = await Runner.start(t, holding([]));
      const { output } = await afterDrift(runner, code, code === "" ? "" : "ssh: no route");
      assert.match(output, /^The issue of prod was opened: Can't tell whether prod is as its program says\n$/);
      const [[, issue] = []] = written(runner) as [string, { title: string; body: string }][];
      assert.equal(issue?.title, "Can't tell whether prod is as its program says");
      assert.ok(
        issue?.body.includes(code === "" ? "\n```text\nThe check said nothing.\n```" : "\n```text\nssh: no route\n```"),
      );
    }
  });

  test("a check that finds nothing closes the issue, and writes nothing where there is none", async (t) => {
    const open = await Runner.start(t, holding([OPEN]));
    assert.deepEqual(await afterDrift(open, "0", "no drift"), { code: 0, output: "The issue of prod was closed.\n" });
    assert.deepEqual(written(open), [
      [
        "POST /repos/org/shop/issues/12/comments",
        { body: "prod is as its program says again ([the run](https://github.example/org/shop/actions/runs/42))." },
      ],
      ["PATCH /repos/org/shop/issues/12", { state: "closed", state_reason: "completed" }],
    ]);
    const none = await Runner.start(t, holding([{ ...OPEN, user: { login: "somebody" } }]));
    assert.deepEqual(await afterDrift(none, "0", "no drift"), { code: 0, output: "prod is as its program says.\n" });
    assert.deepEqual(written(none), []);
  });

  test("what was found can't end its fence, nor is it more than GitHub takes", async (t) => {
    const runner = await Runner.start(t, holding([]));
    await afterDrift(runner, "1", `\`\`\`\n@everyone </details> \u001b[31m\n${"x".repeat(200)}\n`.repeat(1000));
    const [[, { body }] = ["", { body: "" }]] = written(runner) as [string, { body: string }][];
    assert.match(body, /\n````text\n```\n@everyone <\/details> \\u\{1b\}\[31m\n/);
    assert.match(
      body,
      /\n\.\.\. cut here, \d+ more lines are too many for a comment; all of them: npm run drift -- prod\n````$/,
    );
    assert.ok(Buffer.byteLength(body) < 65_000);
  });
});
