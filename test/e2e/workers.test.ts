import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { assertNoFailures, keepAliveGets, LIGHT } from "../load";
import { appImage } from "./apps";
import { endRun, fails, RunningUp, says } from "./failures";
import { TestStack } from "./stack";

/** Jobs a second that the web process gets. */
const JOBS_A_SECOND = 100;

// Not Celery's prefork pool: at its end it may do a job and hand it back too, or take more than 30 s (docs/workers.md).
const WORKER = {
  command: "celery -A shop worker --pool threads --concurrency 2 --loglevel warning",
  stop_grace_period: "30s",
};
const JOBS = { migrate: { command: "python3 shop.py migrate", at: "before-gate", timeoutSeconds: 60 } };

const nameOf = (stack: TestStack, part: string): string => `blue-green-${stack.name}-${part}`;

/** A Django project with PostgreSQL and Redis as accessories, and a Celery worker. */
async function shop(t: TestContext): Promise<TestStack> {
  const [image, postgres, redis] = [await appImage("celery"), await appImage("postgres"), await appImage("redis")];
  const stack = await TestStack.make(t, {
    ...{ blueVersion: "1.0.0", greenVersion: "2.0.0", blueImage: image, greenImage: image },
    ...{ healthPath: "/", appPort: "8000", bakeSeconds: "3" },
  });
  for (const [name, value] of [
    ["DATABASE_URL", "postgres://shop:secret@db/shop"],
    ["BROKER_URL", "redis://redis:6379/0"],
    ["SECRET_KEY", "of a test"],
  ] as const)
    await stack.set(`secretEnvironment.${name}`, value, "--secret", "--path");
  await stack.setObject("accessories", {
    db: {
      image: postgres,
      environment: { POSTGRES_USER: "shop", POSTGRES_DB: "shop" },
      volumes: ["db:/var/lib/postgresql/data"],
      healthcheck: { test: "pg_isready -h 127.0.0.1 -U shop", interval: "1s", retries: 60 },
    },
    redis: { image: redis },
  });
  await stack.set("accessories.db.environment.POSTGRES_PASSWORD", "secret", "--secret", "--path");
  await stack.setObject("workers", { mail: WORKER });
  await stack.setObject("jobs", JOBS);
  return stack;
}

const sql = (stack: TestStack, query: string): Promise<string> =>
  stack.docker("exec", nameOf(stack, "accessory-db"), "psql", "-h", "/run/postgresql", "-U", "shop", "-Atc", query);

const running = async (stack: TestStack): Promise<string[]> =>
  (await stack.docker("ps", "--format", "{{.Names}}", "--filter", `label=blue-green.stack=${stack.name}`))
    .replaceAll(nameOf(stack, ""), "")
    .split("\n")
    .filter(Boolean)
    .sort();

/** What runs while a color is live: of the worker, its containers alone. */
const onColor = (live: "blue" | "green"): string[] =>
  ["accessory-db", "accessory-redis", "blue", "green", `${live}-worker-mail`, "proxy"].sort();

/** Hands a job a time to the web process by the front, so many a second; returns how many there were, none of them refused. */
function handJobs(stack: TestStack): { stop(): Promise<number> } {
  const began = performance.now();
  const answers: Promise<Response>[] = [];
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * JOBS_A_SECOND);
    while (answers.length < due) answers.push(fetch(`${stack.url}/jobs/${answers.length}`, { method: "POST" }));
  }, 50);
  return {
    stop: async () => {
      clearInterval(timer);
      for (const answer of answers) assert.equal((await answer).status, 200);
      return answers.length;
    },
  };
}

async function assertWell(stack: TestStack): Promise<void> {
  for (const command of ["status", "drift"]) {
    const { code, output } = await stack.command("npm", "run", "--silent", command);
    assert.equal(code, 0, output);
  }
}

test("a Django project with PostgreSQL, Redis and a Celery worker that follows live", async (t) => {
  const stack = await shop(t);

  await t.test("is refused before anything is made while Redis would lose what it keeps", async () => {
    await fails(stack, "of the accessory redis keeps its data in /data (VOLUME)", "accessories.redis.volumes[0]");
    assert.deepEqual(await stack.ids("container"), []);
    await stack.set("accessories.redis.volumes[0]", "queue:/data", "--path");
  });

  await t.test("comes up with its database migrated before anybody is served", async () => {
    says(await stack.up(), "job migrate: migrated", "blue is live");
    assert.deepEqual(await running(stack), onColor("blue"));
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
    await assertWell(stack);
  });

  await t.test(
    "does each job once through four switches and a way back, none of them by the idle release",
    async () => {
      const load = keepAliveGets({ ...LIGHT, url: stack.url, connections: 8, maxSeconds: 300 });
      const jobs = handJobs(stack);
      for (const [color, version] of [
        ["green", ""],
        ["blue", "3.0.0"],
        ["green", "4.0.0"],
        ["blue", "5.0.0"],
      ] as const) {
        if (version !== "") {
          await stack.set(`${color}Version`, version);
          await stack.up();
        }
        await stack.set("activeColor", color);
        says(
          await stack.pulumi("preview"),
          "the job migrate runs before the gate; the worker mail moves right after the switch",
        );
        says(await stack.up(), `${color} is live`);
      }
      says(await stack.switchTo("green"), "going back at once");
      const count = await jobs.stop();
      assertNoFailures(await load.stop());
      for (let waited = 0; Number(await sql(stack, "select count(*) from done")) < count && waited < 60; waited++)
        await pause(1000);
      assert.equal(await sql(stack, "select count(*), count(distinct id) from done"), `${count}|${count}\n`);
      // In the order of their times the colors change as often as the public moved.
      const turns =
        "select count(*) from (select color, lag(color) over (order by at) as last from done) as each where color <> last";
      assert.equal(await sql(stack, turns), "5\n");
      assert.deepEqual(await running(stack), onColor("green"));
      await assertWell(stack);
    },
  );

  await t.test("is not switched to while its migration fails, or hangs", async () => {
    await stack.setObject("jobs", { migrate: { command: "sh -c 'echo no such column; exit 3'", at: "before-gate" } });
    await stack.set("blueVersion", "6.0.0");
    await stack.set("activeColor", "blue");
    await fails(stack, "the job migrate ended with exit code 3", "no such column", "the public is on green");
    const hangs = { command: "sleep 300", at: "before-gate", timeoutSeconds: 2, stop_grace_period: "2s" };
    await stack.setObject("jobs", { migrate: hangs });
    await fails(stack, "the job migrate took longer than 2 s and was ended", "the public is on green");
    assert.ok((await running(stack)).includes("green-worker-mail"));
  });

  await t.test("is taken back where its worker ends in the watch", async () => {
    await stack.setObject("jobs", JOBS);
    await stack.setObject("workers", { mail: { ...WORKER, command: "sh -c 'sleep 3; exit 4'" } });
    await stack.set("blueVersion", "7.0.0");
    await stack.set("bakeSeconds", "10");
    await fails(stack, "blue was switched to and taken back", /blue-worker-mail/, "The public is back on green");
    assert.deepEqual(await running(stack), onColor("green"));
  });

  await t.test("goes back at once where the web container ends, and its worker follows when it can", async () => {
    const slow = `sh -c 'trap "sleep 8; exit 0" TERM; while :; do sleep 1; done'`;
    await stack.setObject("workers", { mail: { ...WORKER, command: slow } });
    await stack.set("blueVersion", "8.0.0");
    await stack.set("bakeSeconds", "3");
    says(await stack.up(), "blue is live");
    await stack.setObject("jobs", { ...JOBS, warm: { command: "sh -c 'sleep 40; echo warm'", at: "after-switch" } });
    await stack.set("activeColor", "green");
    const up = new RunningUp(stack);
    await up.says(/worker mail of blue: asked to end/);
    // As the kernel does it, so that the engine starts it again.
    const pid = await stack.docker("inspect", "--format", "{{.State.Pid}}", nameOf(stack, "green"));
    process.kill(Number(pid), "SIGKILL");
    const { code, output } = await up.ended;
    assert.notEqual(code, 0);
    says(output, "green was switched to and taken back");
    const after = Number(/The public is back on blue, after ([0-9.]+) s/.exec(output)?.[1]);
    assert.ok(after < 4, `the worker has 8 s, and the public was back after ${after} s`);
    assert.deepEqual(await running(stack), onColor("blue"));
  });

  await t.test("waits for the job of a run that was killed, and does not take a release back for it", async () => {
    const up = new RunningUp(stack);
    await up.says(/job warm runs, \d+ s at most/);
    await endRun(stack, up);
    await stack.pulumi("cancel", "--yes");
    says(
      await stack.up(),
      "job warm runs already, since an earlier run was cut off: it is waited for",
      "job warm ended well",
      "green is live",
    );
    assert.deepEqual(await running(stack), onColor("green"));
    await stack.setObject("workers", { mail: WORKER });
    await stack.setObject("jobs", JOBS);
    await stack.up();
    says(await stack.switchTo("blue"), "blue is live");
    await stack.up();
  });

  await t.test("keeps its database where its settings change, until that is meant", async () => {
    await stack.set("accessories.db.mem_limit", "300m", "--path");
    const before = JSON.parse(await stack.docker("inspect", nameOf(stack, "accessory-db")))[0].Id;
    await fails(
      stack,
      "The accessory db would be replaced (mem_limit (none) -> 300)",
      "pulumi config set --path 'allowAccessoryReplace[0]' db",
    );
    assert.equal(JSON.parse(await stack.docker("inspect", nameOf(stack, "accessory-db")))[0].Id, before);
    await stack.set("allowAccessoryReplace[0]", "db", "--path");
    const count = await sql(stack, "select count(*) from done");
    says(await stack.up(), "The accessory db is replaced");
    await stack.pulumi("config", "rm", "allowAccessoryReplace");
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
    assert.equal(await sql(stack, "select count(*) from done"), count);
    await assertWell(stack);
  });

  await t.test("leaves the data of its accessories on the engine when it is destroyed", async () => {
    await stack.set("deleteVolumes", "true");
    await stack.up();
    await stack.pulumi("destroy", "--yes", "--skip-preview");
    assert.deepEqual(await stack.ids("container"), []);
    const volumes = await stack.docker("volume", "ls", "--quiet", "--filter", `label=blue-green.stack=${stack.name}`);
    assert.deepEqual(volumes.split("\n").filter(Boolean).sort(), [
      nameOf(stack, "data-db"),
      nameOf(stack, "data-queue"),
    ]);
  });
});
