import assert from "node:assert/strict";
import { before, test } from "node:test";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT } from "../load";
import { backendImages } from "./backend";
import { fails, faults, says, until } from "./failures";
import { type Container, TestStack } from "./stack";

let images: Record<string, string>;

before(async () => {
  images = await backendImages();
});

/** The color's containers by name, without the stack's own part of it. */
async function containers(stack: TestStack, color: string): Promise<Record<string, Container>> {
  const mine = ["--filter", `label=blue-green.stack=${stack.name}`, "--filter", `label=blue-green.color=${color}`];
  const ids = (await stack.docker("container", "ls", "--all", "--quiet", ...mine)).split("\n").filter(Boolean);
  if (ids.length === 0) return {};
  const found = JSON.parse(await stack.docker("container", "inspect", ...ids)) as (Container & { Name: string })[];
  const begin = `/blue-green-${stack.name}-`;
  return Object.fromEntries(
    found
      .map((container) => [container.Name.slice(begin.length), container] as const)
      .sort(([a], [b]) => a.localeCompare(b)),
  );
}

const idsOf = (all: Record<string, Container>) =>
  Object.fromEntries(Object.entries(all).map(([name, { Id }]) => [name, Id]));

const timing = { bakeSeconds: "2", drainSeconds: "15", keepAliveSeconds: "2", proxyTimeoutSeconds: "10" };

test("replicas: scaled up and down in place, killed and switched, and nobody notices", async (t) => {
  const stack = await TestStack.make(t, { ...images, ...timing });
  await stack.up();
  const one = idsOf(await containers(stack, "blue"));
  assert.deepEqual(Object.keys(one), ["blue"]);
  const load = [
    keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 12, maxSeconds: 900 }),
    freshGets({ ...LIGHT, url: `${stack.url}/`, connections: 4, maxSeconds: 900 }),
  ];
  const noFailures = async () => {
    for (const each of load) assert.deepEqual(each.report.failures, []);
  };

  await t.test(
    "up to 3: the preview says it, the first one stays, the new ones are asked before the public meets them",
    async () => {
      await stack.set("replicas", "3");
      const preview = await stack.pulumi("preview", "--diff");
      says(
        preview,
        "blue gets 3 containers (1 now); those that stay are not touched.",
        /\+ +server blue-3:5000 resolve/,
      );
      const output = await stack.up();
      says(output, "gate ok: 2 containers healthy, 1 smoke test (blue 1.0.0)");
      const three = idsOf(await containers(stack, "blue"));
      assert.deepEqual(Object.keys(three), ["blue", "blue-2", "blue-3"]);
      assert.equal(three.blue, one.blue, "the first one stays");
      assert.deepEqual(Object.keys(await containers(stack, "green")), ["green", "green-2", "green-3"]);
      await stack.pulumi("preview", "--expect-no-changes");
      await noFailures();
    },
  );

  await t.test("one killed under load costs no GET, and comes back by itself", async () => {
    const before = await containers(stack, "blue");
    const [name, victim] = Object.entries(before)[1] ?? [];
    assert.ok(victim, name);
    await stack.docker("kill", "--signal", "KILL", victim.Id);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await stack.docker("start", victim.Id);
    await until("it is healthy again", () => stack.isWell("blue-2"));
    await noFailures();
  });

  await t.test("one that is gone is said, and made again beside the others", async () => {
    const before = idsOf(await containers(stack, "blue"));
    await stack.docker("rm", "--force", before["blue-3"] ?? "");
    says(
      await stack.pulumi("preview"),
      /blue is live, but blue-3 of its 3 containers is gone: the others serve the public. This run makes it again/,
    );
    const status = await stack.command("npm", "run", "--silent", "status");
    says(status.output, "blue-3 is gone: it has 2 of its 3 containers");
    says(await stack.up(), "gate ok: ", "blue is live");
    const after = idsOf(await containers(stack, "blue"));
    assert.deepEqual([after.blue, after["blue-2"]], [before.blue, before["blue-2"]]);
    assert.notEqual(after["blue-3"], before["blue-3"]);
    await stack.pulumi("preview", "--expect-no-changes");
    await noFailures();
  });

  await t.test("a switch asks each of them, and one bad one refuses it", async () => {
    const [bad] = Object.values(await containers(stack, "green")).slice(2);
    await stack.docker("pause", bad?.Id ?? "");
    await stack.set("activeColor", "green");
    await stack.set("healthTimeoutSeconds", "5");
    await fails(stack, /green was not switched to: green-3/, "the public is on blue");
    await stack.set("healthTimeoutSeconds", "60");
    await stack.docker("unpause", bad?.Id ?? "");
    await until("it is healthy again", () => stack.isWell("green-3"));
    says(await stack.up(), "gate ok: 3 containers healthy, 1 smoke test (green 2.0.0)");
    says(await stack.switchTo("blue"), "its containers are the same: going back at once");
    await noFailures();
  });

  await t.test("down to 2: the last one leaves when it has answered its requests, and the others stay", async () => {
    const before = idsOf(await containers(stack, "blue"));
    await stack.set("replicas", "2");
    says(await stack.pulumi("preview", "--diff"), "blue gets 2 containers (3 now)");
    await stack.up();
    const after = idsOf(await containers(stack, "blue"));
    assert.deepEqual(after, { blue: before.blue, "blue-2": before["blue-2"] });
    await stack.pulumi("preview", "--expect-no-changes");
    await noFailures();
  });

  await t.test("beside a live color that lags behind, a new one is like those that serve", async () => {
    await stack.set("memoryMb", "300");
    await stack.set("replicas", "3");
    says(await stack.up(), "blue is live and keeps what it runs. It takes memoryMb 256 -> 300");
    const limits = JSON.parse(
      await stack.docker("container", "inspect", ...Object.values(idsOf(await containers(stack, "blue")))),
    ).map(({ HostConfig }: { HostConfig: { Memory: number } }) => HostConfig.Memory / 1024 / 1024);
    assert.deepEqual(limits, [256, 256, 256]);
    await stack.pulumi("preview", "--expect-no-changes");
    await noFailures();
  });

  for (const each of load) {
    const report = await each.stop();
    assertNoFailures(report);
    console.log(`replicas: ${JSON.stringify(report.colors)}, ${report.failed} of ${report.requests} failed`);
  }
});

/** Memory in use and CPU of all of a color's containers, as `docker stats` has it. */
async function usage(stack: TestStack, color: string): Promise<string> {
  const running = Object.values(await containers(stack, color)).filter(({ State }) => State.Status === "running");
  if (running.length === 0) return "none runs: 0 MiB, 0 % CPU";
  const format = "{{.Name}} {{.MemUsage}} {{.CPUPerc}}";
  const lines = await stack.docker("stats", "--no-stream", "--format", format, ...running.map(({ Id }) => Id));
  return lines.trim().split("\n").join("; ");
}

for (const idle of ["stopped", "removed"] as const) {
  test(`idle ${idle}: after its time, and back in one up that checks it first`, async (t) => {
    const stack = await TestStack.make(t, { ...images, ...timing, idle });
    await stack.up();
    const green = idsOf(await containers(stack, "green"));
    const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 900 });
    const does = idle === "stopped" ? "stops" : "removes";

    await t.test("the preview says when that will be, and until then it runs", async () => {
      const when =
        /green stays up while it is idle for 60 minutes: the first `pulumi up` after \d{4}-\d\d-\d\dT\d\d:\d\dZ/;
      says(await stack.pulumi("preview"), when, `${does} it.`);
      await stack.up();
      assert.equal((await containers(stack, "green")).green?.State.Status, "running");
      console.log(`running: ${await usage(stack, "green")}`);
    });

    await t.test("then it does that, and what stays is enough for the way back", async () => {
      await stack.set("idleAfterMinutes", "0");
      says(await stack.pulumi("preview", "--diff"), `green (2.0.0) is ${idle}`, /\+ +server 127\.0\.0\.1:8081 down;/);
      says(await stack.up(), idle === "stopped" ? "green is stopped; it comes up again with" : "blue is live");
      const now = await containers(stack, "green");
      assert.deepEqual(idsOf(now), idle === "stopped" ? green : {});
      assert.notEqual(now.green?.State.Status, "running");
      console.log(`${idle}: ${await usage(stack, "green")}`);
      await stack.pulumi("preview", "--expect-no-changes");
      await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
      assert.deepEqual(idsOf(await containers(stack, "green")), idsOf(now), "a refresh does not bring it up");
      await stack.pulumi("preview", "--expect-no-changes");
      const status = await stack.command("npm", "run", "--silent", "status");
      assert.equal(status.code, 0, status.output);
      says(status.output, `idle, ${idle}: the way to it brings it up`);
    });

    await t.test("a switch brings it up, asks it the smoke tests, and refuses it where it fails", async () => {
      await stack.set("smokeTests[0].name", "takes orders", "--path");
      await stack.set("smokeTests[0].path", "/status/503", "--path");
      await stack.set("activeColor", "green");
      says(await stack.pulumi("preview"), `it was ${idle} and comes up first`, "after its health, 1 smoke test");
      await fails(stack, 'the smoke test "takes orders" failed', "the public is on blue");
      assert.equal((await containers(stack, "green")).green?.State.Status, "running");
      // The public stays, and what was brought up for nothing goes again.
      await stack.switchTo("blue");
      assert.notEqual((await containers(stack, "green")).green?.State.Status, "running");

      await stack.pulumi("config", "rm", "smokeTests");
      const output = await stack.switchTo("green");
      says(output, "gate ok: healthy", "(green 2.0.0)", "green is live, from blue");
      if (idle === "stopped") says(output, "green was stopped: it is started");
      if (idle === "stopped") assert.deepEqual(idsOf(await containers(stack, "green")), green);
      assert.equal((await containers(stack, "blue")).blue?.State.Status, "running", "the way back is up");
    });

    await t.test("running again, it comes up as the idle color", async () => {
      await stack.up();
      assert.notEqual((await containers(stack, "blue")).blue?.State.Status, "running");
      await stack.set("idle", "running");
      says(await stack.pulumi("preview"), `blue was ${idle} and comes up again, as the idle color.`);
      await stack.up();
      await until("blue is healthy", () => stack.isWell("blue"));
      await stack.pulumi("preview", "--expect-no-changes");
      says(await stack.switchTo("blue"), "blue is live, from green");
    });

    await t.test("a new release of it comes up to be looked at", async () => {
      await stack.set("idle", idle);
      await stack.up();
      assert.notEqual((await containers(stack, "green")).green?.State.Status, "running");
      await stack.set("greenVersion", "2.0.1");
      const preview = await stack.pulumi("preview");
      says(preview, "green stays up while it is idle for 0 minutes");
      await stack.up();
      const { green: released } = await containers(stack, "green");
      assert.equal(released?.State.Status, "running");
      assert.equal(released?.Config.Labels["blue-green.version"], "2.0.1");
      await faults(stack, "green", {});
    });

    const report = await load.stop();
    assertNoFailures(report);
    console.log(`idle ${idle}: ${JSON.stringify(report.colors)}, ${report.failed} of ${report.requests} failed`);
  });
}
