import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Answer, Runner } from "./github";

const [OURS, OLD, NEW] = ["a", "b", "c"].map((letter) => letter.repeat(40)) as [string, string, string];

/** A server with these deployments, newest first, and how our commit stands to that of the latest one that went up. */
async function newest(
  t: Parameters<typeof Runner.start>[0],
  deployments: [sha: string, ...states: string[]][],
  status = "ahead",
) {
  const runner = await Runner.start(t, ({ path }): Answer => {
    const [, id] = /deployments\/(\d+)\/statuses/.exec(path) ?? [];
    if (id !== undefined) return [200, deployments[Number(id)]?.slice(1).map((state) => ({ state }))];
    if (path.includes("/compare/")) return [200, { status }];
    return [200, deployments.map(([sha], id) => ({ id, sha }))];
  });
  const ended = await runner.run("newest.ts", ["prod"], { GITHUB_SHA: OURS });
  return { ...ended, paths: runner.asked.map(({ path }) => path) };
}

describe("the newest commit", () => {
  test("a commit that is older than the one that went up last is refused, with what to do instead", async (t) => {
    const { code, output, paths } = await newest(
      t,
      [
        [OURS, "in_progress"],
        [NEW, "inactive", "success"],
      ],
      "behind",
    );
    assert.equal(code, 1);
    assert.equal(
      output,
      "prod has cccccccccccc already, which is newer than this run's aaaaaaaaaaaa. Nothing was touched. " +
        "Next: approve the newest run; to go back on purpose, merge a commit that sets activeColor back\n",
    );
    assert.equal(paths[0], "/repos/org/shop/deployments?environment=prod&per_page=100");
    assert.equal(paths.at(-1), `/repos/org/shop/compare/${NEW}...${OURS}`);
  });

  test("a newer commit goes on, past those that were never approved or failed", async (t) => {
    const waiting: [string, ...string[]][] = [
      [OURS, "in_progress"],
      [NEW, "waiting"],
      [NEW, "failure"],
      [OLD, "success"],
    ];
    const { code, output, paths } = await newest(t, waiting);
    assert.deepEqual([code, output], [0, "prod has bbbbbbbbbbbb; this run's aaaaaaaaaaaa is ahead.\n"]);
    assert.equal(paths.at(-1), `/repos/org/shop/compare/${OLD}...${OURS}`);
  });

  test("the first one goes on, and so does the same one again", async (t) => {
    for (const deployments of [[], [[OURS, "in_progress"]], [[OURS, "success"]]] as [string, ...string[]][][])
      assert.equal((await newest(t, deployments, "behind")).code, 0);
  });

  test("an answer that is none lets nothing through", async (t) => {
    const runner = await Runner.start(t, () => [404, { message: "Not Found" }]);
    const { code, output } = await runner.run("newest.ts", ["prod"], { GITHUB_SHA: OURS });
    assert.equal(code, 1);
    assert.match(output, /GitHub answered 404 to GET deployments/);
    for (const GITHUB_SHA of ["", "main", `${OURS}\n`])
      assert.match((await runner.run("newest.ts", ["prod"], { GITHUB_SHA })).output, /GITHUB_SHA is no commit/);
  });
});
