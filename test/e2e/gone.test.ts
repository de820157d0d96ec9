import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { says } from "./failures";
import { get, TestStack } from "./stack";

/** A worker that ends when it is asked to, and a migration. */
const WORKERS = { mail: { command: "sleep 3600", stop_grace_period: "1s" } };
const JOBS = { migrate: { command: "echo migrated", at: "before-gate" } };

const nameOf = (stack: TestStack, part: string): string => `blue-green-${stack.name}-${part}`;

/** Each worker's and job's container with how it is, such as `green-worker-mail running`. */
const beside = async (stack: TestStack): Promise<string[]> =>
  (
    await stack.docker(
      ...["ps", "--all", "--format", "{{.Names}} {{.State}}"],
      ...["--filter", `label=blue-green.stack=${stack.name}`],
    )
  )
    .replaceAll(nameOf(stack, ""), "")
    .split("\n")
    .filter((line) => /-(worker|job)-/.test(line))
    .sort();

/** What stands beside the web containers while a color is live; a job that ran has exited. */
const onColor = (live: "blue" | "green", jobs: { blue: string; green: string }): string[] => [
  `blue-job-migrate ${jobs.blue}`,
  `blue-worker-mail ${live === "blue" ? "running" : "created"}`,
  `green-job-migrate ${jobs.green}`,
  `green-worker-mail ${live === "green" ? "running" : "created"}`,
];

const remove = (stack: TestStack, ...parts: string[]): Promise<string> =>
  stack.docker("rm", "--force", ...parts.map((part) => nameOf(stack, part)));

async function makeStack(t: TestContext): Promise<TestStack> {
  const stack = await TestStack.make(t, { bakeSeconds: "2" });
  await stack.setObject("workers", WORKERS);
  await stack.setObject("jobs", JOBS);
  return stack;
}

test("a stack whose workers' and jobs' containers are removed by hand", async (t) => {
  const stack = await makeStack(t);
  await stack.up();
  assert.deepEqual(await beside(stack), onColor("blue", { blue: "exited", green: "created" }));
  for (const part of ["blue-worker-mail", "green-job-migrate"]) {
    const check = await stack.docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", nameOf(stack, part));
    assert.equal(check, '["NONE"]\n', "the image's own check doesn't run in it");
  }

  await t.test("is degraded, and a switch makes those again and runs the migration", async () => {
    await remove(stack, "green-job-migrate", "green-worker-mail");
    const { code, output } = await stack.command("npm", "run", "--silent", "status");
    assert.equal(code, 1, output);
    says(
      output.replace(/\s+/g, " "),
      `the job ${nameOf(stack, "green-job-migrate")} is gone: pulumi up makes it again`,
    );
    await stack.set("activeColor", "green");
    const preview = await stack.command("npm", "run", "--silent", "preview");
    assert.equal(preview.code, 0, preview.output);
    says(preview.output, "none is dropped", "its container is gone");
    says(await stack.up(), "are gone, as after docker system prune", "job migrate: migrated", "green is live");
    assert.deepEqual(await beside(stack), [
      "blue-job-migrate exited",
      "blue-worker-mail exited",
      "green-job-migrate exited",
      "green-worker-mail running",
    ]);
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
  });

  await t.test("has the live color's worker run again after one run, however it went away", async () => {
    await remove(stack, "green-worker-mail", "blue-worker-mail", "blue-job-migrate");
    says(await stack.up(), "this run makes them again", "green-worker-mail of the live color is started");
    assert.deepEqual(await beside(stack), onColor("green", { blue: "created", green: "exited" }));
    await remove(stack, "green-worker-mail");
    await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
    assert.deepEqual(await beside(stack), onColor("green", { blue: "created", green: "exited" }));
    await stack.set("greenVersion", "9.0.0");
    await stack.set("allowLiveReplace", "true");
    await stack.up();
    assert.ok((await beside(stack)).includes("green-worker-mail running"));
    await stack.pulumi("config", "rm", "allowLiveReplace");
    await stack.up();
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
    for (const command of ["status", "drift"]) {
      const { code, output } = await stack.command("npm", "run", "--silent", command);
      assert.equal(code, 0, output);
    }
  });

  await t.test(
    "has the web containers of both colors again after one run, also one that a switch goes to",
    async () => {
      const ids = () => stack.docker("inspect", "--format", "{{.Id}}", nameOf(stack, "blue"), nameOf(stack, "green"));
      await remove(stack, "blue");
      says(await stack.up(), "blue is idle and has no container: it is no way back. This run makes it again.");
      const all = await ids();
      await remove(stack, "green");
      const preview = await stack.command("npm", "run", "--silent", "preview");
      says(preview.output, "the public gets errors already", "its container is gone");
      says(await stack.up(), "green is live, but its container is gone", "This run makes it again", "gate ok: healthy");
      assert.equal((await get(`${stack.url}/`)).headers["x-color"], "green");
      assert.notEqual(await ids(), all);
      await remove(stack, "blue");
      await stack.set("activeColor", "blue");
      says(await stack.up(), "gate ok: healthy", "blue is live");
      assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
      for (const command of ["status", "drift"]) {
        const { code, output } = await stack.command("npm", "run", "--silent", command);
        assert.equal(code, 0, output);
      }
    },
  );

  await t.test("leaves a live container alone that somebody gave another name", async () => {
    const [id] = (await stack.docker("inspect", "--format", "{{.Id}}", nameOf(stack, "blue"))).trim().split("\n");
    await stack.docker("rename", nameOf(stack, "blue"), nameOf(stack, "renamed"));
    says(await stack.pulumi("preview"), "its container is gone", "pulumi up --refresh");
    await stack.pulumi("preview", "--expect-no-changes");
    await stack.docker("rename", nameOf(stack, "renamed"), nameOf(stack, "blue"));
    assert.equal((await stack.docker("inspect", "--format", "{{.Id}}", nameOf(stack, "blue"))).trim(), id);
  });

  await t.test("is destroyed although the live color has a worker that the settings don't name any more", async () => {
    for (const setting of ["workers", "jobs"]) await stack.pulumi("config", "rm", setting);
    await stack.up();
    assert.ok((await beside(stack)).includes("blue-worker-mail running"));
    await stack.pulumi("destroy", "--yes", "--skip-preview");
    assert.deepEqual(await stack.ids("container"), []);
  });
});
