import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { whoRuns } from "../../../stacks/service/who";

const machine = () => ({ user: "root", host: "build-7" });

const who = (env: NodeJS.ProcessEnv) => whoRuns(env, machine);

describe("who runs it", () => {
  test("on a machine it is the user who called sudo, then the login's, then the process's own", () => {
    assert.deepEqual(who({ SUDO_USER: "ann", USER: "root" }), { user: "ann", host: "build-7" });
    assert.deepEqual(who({ USER: "bob", LOGNAME: "carl" }), { user: "bob", host: "build-7" });
    assert.deepEqual(who({ SUDO_USER: "", USER: "" }), { user: "root", host: "build-7" });
    assert.deepEqual(
      whoRuns({}, () => ({ user: "", host: "" })),
      {},
      "where nothing is known",
    );
    assert.equal(typeof whoRuns({}).host, "string", "this machine");
  });

  test("in CI it is who triggered the run, with the run's address or number", () => {
    const github = {
      ...{ GITHUB_ACTOR: "ann", GITHUB_RUN_ID: "42", USER: "runner" },
      ...{ GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "shop/web" },
    };
    const run = "https://github.com/shop/web/actions/runs/42";
    assert.deepEqual(who(github), { user: "ann", host: "build-7", run });
    assert.equal(who({ GITHUB_RUN_ID: "42" }).run, "42");
    assert.equal(who({ CI_JOB_URL: "https://gitlab.example/a/-/jobs/7", GITLAB_USER_LOGIN: "bob" }).user, "bob");
    assert.equal(who({ BUILD_URL: "https://ci.example/job/shop/7/" }).run, "https://ci.example/job/shop/7/");
    assert.deepEqual(who({ CI: "true", USER: "ci" }), { user: "ci", host: "build-7", run: "CI" });
    assert.equal(who({ GITHUB_ACTOR: "ann", USER: "bob" }).user, "bob", "outside of a run the variable says nothing");
  });

  test("an address of a run shows no password and no token, and what is no address is not shown", () => {
    const run = (url: string) => who({ BUILD_URL: url }).run;
    assert.equal(run("https://ann:hunter2@ci.example/7?token=s3cret#s3cret"), "https://ci.example/7");
    for (const odd of ["s3cret", "file:///etc/passwd", "javascript:alert(1)", "https://", "\u001b[31m"]) {
      assert.equal(run(odd), "CI", odd);
    }
  });

  test("hostile names come out as one short line that nothing acts on", () => {
    const hostile = `\u001b[31mann\n\u202eevil\u0000\u2028\r"'\\ </script>${"x".repeat(100_000)}`;
    for (const env of [{ SUDO_USER: hostile }, { GITHUB_RUN_ID: hostile, GITHUB_ACTOR: hostile }]) {
      const { user = "", run = "" } = who(env);
      assert.match(user, /^\?\[31mann\?evil\?"'\\ <\/script>x+$/);
      assert.deepEqual([user.length, run.length <= 200], [64, true]);
      assert.doesNotMatch(JSON.stringify({ user, run }), /[^ -~]/);
    }
    assert.equal(whoRuns({}, () => ({ user: "\n", host: "h".repeat(300) })).host?.length, 64);
    assert.equal(whoRuns({}, () => ({ user: "\u202e", host: "" })).user, "?");
  });
});
