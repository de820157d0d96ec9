import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { markerOf } from "../../commands/preview/comment";
import { type Answer, type Asked, Runner, TOKEN } from "./github";

const PREVIEW = `${markerOf("staging")}\n### staging: green goes live`;

const BOT = { login: "github-actions[bot]" };

const PR = { PR_NUMBER: "7" };

/** A server with these comments, a page of a hundred each. */
const holding =
  (comments: object[]) =>
  ({ method, path }: Asked): Answer => {
    if (method !== "GET") return [200, {}];
    const page = Number(new URL(path, "http://x").searchParams.get("page"));
    return [200, comments.slice((page - 1) * 100, page * 100)];
  };

const requests = ({ asked }: Runner) => asked.map(({ method, path }) => `${method} ${path}`);

describe("the comment on a pull request", () => {
  test("the first preview of a stack makes a comment", async (t) => {
    const runner = await Runner.start(t, holding([]));
    runner.leave("preview-staging.md", `${PREVIEW}\n`);
    const { code, output } = await runner.run("comment.ts", ["staging"], PR);
    assert.deepEqual([code, output], [0, "The comment of staging was made.\n"]);
    assert.deepEqual(requests(runner), [
      "GET /repos/org/shop/issues/7/comments?per_page=100&page=1",
      "POST /repos/org/shop/issues/7/comments",
    ]);
    assert.deepEqual(runner.asked[1]?.body, { body: PREVIEW });
    for (const { authorization } of runner.asked) assert.equal(authorization, `Bearer ${TOKEN}`);
  });

  test("later ones update it in place: found on whatever page, by the stack's marker, and written by the workflow itself", async (t) => {
    const others = Array.from({ length: 150 }, (_, id) => ({ id, user: { login: "somebody" }, body: "hello" }));
    const comments = [
      { id: 1001, user: { login: "somebody" }, body: PREVIEW },
      { id: 1002, user: BOT, body: `${markerOf("prod")}\n### prod` },
      { id: 1003, user: BOT, body: `> ${PREVIEW}` },
      { id: 1004, user: null, body: null },
      ...others,
      { id: 1005, user: BOT, body: `${markerOf("staging")}\nolder` },
    ];
    const runner = await Runner.start(t, holding(comments));
    runner.leave("preview-staging.md", PREVIEW);
    const { code, output } = await runner.run("comment.ts", ["staging"], PR);
    assert.deepEqual([code, output], [0, "The comment of staging was updated.\n"]);
    assert.deepEqual(requests(runner).slice(1), [
      "GET /repos/org/shop/issues/7/comments?per_page=100&page=2",
      "PATCH /repos/org/shop/issues/comments/1005",
    ]);
    assert.deepEqual(runner.asked.at(-1)?.body, { body: PREVIEW });
  });

  test("without a preview, or with something else in its place, the comment says so instead of keeping an old one", async (t) => {
    const runner = await Runner.start(t, holding([{ id: 5, user: BOT, body: PREVIEW }]));
    for (const text of [undefined, "", "npm error: x\n", `x${PREVIEW}`]) {
      if (text !== undefined) runner.leave("preview-staging.md", text);
      assert.equal((await runner.run("comment.ts", ["staging"], PR)).code, 0);
      assert.deepEqual(runner.asked.at(-1)?.body, {
        body:
          `${markerOf("staging")}\n### staging: can't tell: there was no preview\n\n` +
          "Why is in [the run's log](https://github.example/org/shop/actions/runs/42).",
      });
    }
  });

  test("what GitHub refuses is told with its own words, and the token is not", async (t) => {
    for (const [answer, says] of [
      [
        [403, { message: "Resource not accessible by integration" }],
        /GitHub answered 403 to GET issues\/7.*not accessible.*`permissions`/,
      ],
      [[500, `<html>${"x".repeat(5000)}`], /GitHub answered 500 to GET issues\/7/],
      [[200, {}], /is no list/],
      [[200, "{"], /JSON/],
      [[302, ""], /GitHub did not answer GET issues\/7.*redirect/],
    ] as [Answer, RegExp][]) {
      const runner = await Runner.start(t, () => answer);
      runner.leave("preview-staging.md", PREVIEW);
      const { code, output } = await runner.run("comment.ts", ["staging"], PR);
      assert.equal(code, 1);
      assert.match(output, says);
      assert.ok(output.length < 1000, "an answer is cut");
      assert.equal(output.includes(TOKEN), false);
      assert.equal(runner.asked.length, 1, "a redirection is not followed, and nothing is written");
    }
  });

  test("wrong arguments and variables are named, and nobody is asked", async (t) => {
    const runner = await Runner.start(t, () => [200, []]);
    runner.leave("preview-staging.md", PREVIEW);
    for (const [args, env, says] of [
      [[], PR, '"" is not the name of a stack'],
      [["a", "b"], PR, '"a b" is not the name of a stack'],
      [["../staging"], PR, '"../staging" is not the name of a stack'],
      [["$(id)"], PR, '"$(id)" is not the name of a stack'],
      [["staging"], {}, 'PR_NUMBER is "", which is no pull request'],
      [["staging"], { PR_NUMBER: "7/../8" }, 'PR_NUMBER is "7/../8", which is no pull request'],
      [["staging"], { ...PR, GITHUB_TOKEN: "" }, "GITHUB_TOKEN is not set. Next: hand github.token to this step"],
      [["staging"], { ...PR, GITHUB_REPOSITORY: "shop" }, "GITHUB_REPOSITORY is not owner/name"],
      [["staging"], { ...PR, GITHUB_API_URL: "" }, "GITHUB_API_URL is no address; GitHub sets it on its runners"],
      [["staging"], { ...PR, RUNNER_TEMP: "" }, "RUNNER_TEMP is not set; GitHub sets it on its runners"],
    ] as const) {
      assert.deepEqual(await runner.run("comment.ts", [...args], env), { code: 1, output: `${says}\n` });
    }
    assert.deepEqual(runner.asked, []);
  });
});
