import assert from "node:assert/strict";
import { test } from "node:test";
import type { Difference, Report } from "../../commands/drift/report";
import { assertNoFailures, keepAliveGets, LIGHT, summarize } from "../load";
import { says } from "./failures";
import { TestStack } from "./stack";

const SECRET = "planted-drift-c4n4ry";
const BY_HAND = "by-hand-drift-c4n4ry";

test("npm run drift finds what was changed by hand, and --fix mends it without a failed request", async (t) => {
  const stack = await TestStack.make(t, { drainSeconds: "10", idleAfterMinutes: "0" });
  await stack.pulumi("config", "set", "--path", "environment.SHOP", "plain-value");
  await stack.pulumi("config", "set", "--path", "--secret", "secretEnvironment.TOKEN", SECRET);

  const run = async (...args: string[]) => {
    const ended = await stack.command("node", "--require", "./setup/bundle.cjs", "commands/drift/main.ts", ...args);
    for (const secret of [SECRET, BY_HAND]) assert.ok(!ended.output.includes(secret), ended.output);
    return ended;
  };
  /** What is found, each as `resource: what, declared -> runs, mended by`. */
  const found = async (exit: number) => {
    const { code, output } = await run(stack.name, "--json");
    assert.equal(code, exit, output);
    const report: Report = JSON.parse(output);
    assert.equal(report.exit, exit);
    return report.differences.map(
      ({ resource, what, declared, runs, mendedBy }: Difference) =>
        `${resource}: ${what}, ${declared ?? "-"} -> ${runs ?? "-"}, ${mendedBy}`,
    );
  };
  const fixed = async () => {
    const ended = await run(stack.name, "--fix");
    assert.equal(ended.code, 0, ended.output);
    says(ended.output, `stack ${stack.name}: what runs is what is declared`);
    return ended.output;
  };
  const name = (part: "blue" | "green" | "proxy") => `blue-green-${stack.name}-${part}`;
  const network = `blue-green-${stack.name}`;

  await t.test("nothing is declared before the first run, and no engine answers: it can't tell", async () => {
    const nothing = await run(stack.name);
    assert.equal(nothing.code, 3, nothing.output);
    says(nothing.output, "Can't tell: ", "nothing is declared yet", "pulumi up");
    const unknown = await run("nosuch");
    assert.equal(unknown.code, 3, unknown.output);
    says(
      unknown.output,
      "There is no stack nosuch in this project: it has no Pulumi.nosuch.yaml",
      `npm run drift -- ${stack.name}`,
    );
  });

  await stack.up();
  const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 900 });
  const live = (await stack.container("blue")).Id;

  await t.test("after `up` nothing differs", async () => {
    assert.deepEqual(await found(0), []);
    const silent = await stack.command(
      ...([
        "env",
        "DOCKER_HOST=unix:///nonexistent.sock",
        "node",
        "--require",
        "./setup/bundle.cjs",
        "commands/drift/main.ts",
      ] as const),
    );
    assert.equal(silent.code, 3, silent.output);
    says(silent.output, "Can't tell: The Docker Engine could not be asked");
    const locked = await stack.command("env", "PULUMI_CONFIG_PASSPHRASE=wrong", "npm", "run", "drift");
    assert.equal(locked.code, 3, locked.output);
    says(locked.output, "Pulumi's state of", "incorrect passphrase");
  });

  await t.test("the idle container made anew by hand", async () => {
    const green = await stack.container("green");
    await stack.docker("rm", "--force", green.Id);
    const labels = Object.entries({ ...green.Config.Labels, "made.by": "hand" });
    const variables = { COLOR: "green", PORT: "5000", SHOP: BY_HAND, TOKEN: BY_HAND, MORE: BY_HAND };
    await stack.docker(
      ...["run", "--detach", "--name", name("green"), "--network", network, "--network-alias", "green"],
      ...labels.flatMap(([label, value]) => ["--label", `${label}=${value}`]),
      ...Object.entries(variables).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
      ...["--health-cmd", "true", "--health-interval", "7s", "--restart", "unless-stopped", green.Image],
    );
    const differences = await found(1);
    for (const expected of [
      /^green: container, [0-9a-f]{12} -> [0-9a-f]{12}, --fix$/,
      /^green: environment SHOP, plain-value -> another value, --fix$/,
      /^green: environment TOKEN, \[not shown\] -> another value, --fix$/,
      /^green: environment MORE, - -> set, --fix$/,
      /^green: environment DRAIN_SECONDS, 27 -> -, --fix$/,
      /^green: label made\.by, - -> set, --fix$/,
      /^green: health check interval, - -> 7 s, --fix$/,
      /^green: memory, 256 MiB -> -, --fix$/,
      /^green: root file system, read-only -> writable, --fix$/,
      /^green: capabilities dropped, ALL -> -, --fix$/,
      /^green: ports, 127\.0\.0\.1:\d+->5000\/tcp -> -, --fix$/,
    ]) {
      assert.ok(
        differences.some((difference) => expected.test(difference)),
        `${expected} in\n${differences.join("\n")}`,
      );
    }
    says(await fixed(), "docker rm ", "pulumi up --replace ");
    assert.ok(!("made.by" in (await stack.container("green")).Config.Labels));
  });

  await t.test("limits, alias, configuration and an image's name, in one", async () => {
    await stack.docker("update", "--memory", "300m", "--memory-swap", "600m", name("green"));
    await stack.docker("network", "disconnect", network, name("green"));
    await stack.docker("network", "connect", network, name("green"));
    const edit =
      'cd /var/lib/blue-green && sed "s/server_tokens off/server_tokens on/" nginx.conf >x && mv x nginx.conf';
    await stack.docker("exec", name("proxy"), "sh", "-c", edit);
    const { Image } = await stack.container("green");
    const [tag = ""] = JSON.parse(await stack.docker("image", "inspect", "--format", "{{json .RepoTags}}", Image));
    await stack.docker("tag", (await stack.container("proxy")).Image, tag);
    const other = (await stack.container("proxy")).Image.slice(7, 19);
    assert.deepEqual(await found(1), [
      `image green: id by its name, ${Image.slice(7, 19)} -> ${other}, --fix`,
      "green: memory, 256 MiB -> 300 MiB, --fix",
      `green: alias on ${network}, green -> -, --fix`,
      "nginx: nginx.conf, line 85, server_tokens off; -> another, --fix",
    ]);
    await fixed();
    assert.equal((await stack.container("green")).Image, Image);
  });

  await t.test("the idle container stopped: it is started and stays the same; removed: it is made again", async () => {
    const { Id } = await stack.container("green");
    await stack.docker("stop", Id);
    assert.deepEqual(await found(1), ["green: state, running -> exited (0), --fix"]);
    await fixed();
    assert.equal((await stack.container("green")).Id, Id);
    await stack.docker("rm", "--force", Id);
    assert.deepEqual(await found(1), [`green: container, ${Id.slice(0, 12)} -> gone, --fix`]);
    await fixed();
  });

  await t.test("the live container is left alone, and a switch is not made by --fix", async () => {
    await stack.docker("update", "--memory", "300m", "--memory-swap", "600m", name("blue"));
    const left = await run(stack.name, "--fix");
    assert.equal(left.code, 1, left.output);
    says(
      left.output,
      /\| blue +\| memory \| 256 MiB +\| 300 MiB \| by hand \(1\) \|/,
      "pulumi config set activeColor green",
    );
    await stack.set("activeColor", "green");
    const pending = await run("--fix");
    assert.equal(pending.code, 1, pending.output);
    says(pending.output, "any `pulumi up` would switch, which --fix does not");
    assert.equal((await stack.container("blue")).Id, live);
  });

  await t.test(
    "after the switch what was live is mended, and is stopped without being called a difference",
    async () => {
      const since = Date.now();
      await stack.up();
      assert.deepEqual(await found(1), ["blue: memory, 256 MiB -> 300 MiB, --fix"]);
      await fixed();
      assert.notEqual((await stack.container("blue")).Id, live);
      assert.deepEqual(await found(0), []);
      await stack.set("idle", "stopped");
      await stack.up();
      assert.equal((await stack.container("blue")).State.Status, "exited");
      assert.deepEqual(await found(0), []);
      console.log(`mended and stopped after a switch within ${((Date.now() - since) / 1000).toFixed(1)} s`);
    },
  );

  const report = await load.stop();
  console.log(summarize(report));
  assertNoFailures(report);
});
