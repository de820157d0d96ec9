import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT } from "../load";
import { backendImages } from "./backend";
import { colorOf, fails, faults, history, RunningUp, says, whole } from "./failures";
import { TestStack } from "./stack";

let images: Record<string, string>;

before(async () => {
  images = await backendImages();
});

const rollback = (stack: TestStack, ...args: string[]) =>
  stack.command("npm", "run", "--silent", "rollback", ...(args.length === 0 ? [] : ["--", ...args]));

const fileOf = (stack: TestStack) => join(stack.directory, `Pulumi.${stack.name}.yaml`);

/** What stands beside the color's own commands in the way of one that asks Pulumi: nothing of it is on the PATH. */
const WITHOUT_PULUMI = (stack: TestStack, ...args: string[]) =>
  stack.command(
    "sh",
    "-c",
    'PATH=$(printf %s "$PATH" | tr : "\\n" | grep -v toolchain | paste -sd :) && exec "$@"',
    "sh",
    ...args,
  );

test("the way back without Pulumi", async (t) => {
  const stack = await TestStack.make(t, { ...images, keepAliveSeconds: "2", stickySessions: "cookie" });
  await stack.up();

  await t.test("there is none before a color was stable", async () => {
    const { code, output } = await rollback(stack);
    assert.equal(code, 1, output);
    says(output, "Refused: green (2.0.0) was never live and well", "pulumi config set activeColor green && pulumi up");
    assert.equal(await whole(stack), "blue");
  });

  await stack.switchTo("green");
  const load = [
    keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 900 }),
    freshGets({ ...LIGHT, url: `${stack.url}/`, connections: 2, maxSeconds: 900 }),
  ];

  await t.test("goes at once, with neither Pulumi nor its state, and tells the stack's file", async () => {
    const { code, output } = await WITHOUT_PULUMI(
      stack,
      ...["env", "PULUMI_BACKEND_URL=file:///nowhere", "PULUMI_CONFIG_PASSPHRASE="],
      ...["npm", "run", "--silent", "rollback"],
    );
    assert.equal(code, 0, output);
    says(output, /blue is live, from green and well \(switch [\d.]+ s\)/, `says activeColor blue now`, "pulumi up");
    assert.equal(await whole(stack), "blue");
    assert.match(readFileSync(fileOf(stack), "utf8"), /activeColor: "?blue"?\n/);
    const { result, from, to, reason, who } = (await history(stack)).at(-1) ?? {};
    assert.deepEqual([result, from, to, reason], ["instant", "green", "blue", "put back by hand (npm run rollback)"]);
    assert.ok((who as Record<string, string>).host);
    const again = await rollback(stack);
    assert.equal(again.code, 1);
    says(again.output, "was put back from green to blue, by", "npm run rollback -- --to green");
  });

  await t.test("no run takes it forward again, until one has agreed", async () => {
    await stack.set("activeColor", "green");
    await fails(stack, /was put back from green \(2\.0\.0\) to blue/, "Nothing was touched", "activeColor blue");
    const preview = await stack.tryPulumi("preview");
    assert.notEqual(preview.code, 0);
    says(preview.output, "was put back from green (2.0.0) to blue");
    const status = await stack.command("npm", "run", "--silent", "status");
    assert.equal(status.code, 1, status.output);
    says(status.output, "put back from green to blue by hand", "pulumi config set activeColor blue && pulumi up");
    assert.equal(await whole(stack), "blue");

    says(await stack.switchTo("blue"), "this run has Pulumi agree");
    await stack.pulumi("preview", "--expect-no-changes");
    const well = await stack.command("npm", "run", "--silent", "status");
    assert.equal(well.code, 0, well.output);
    says(await stack.switchTo("green"), "green is live, from blue");
  });

  await t.test("a color that does not answer is not gone to", async () => {
    await faults(stack, "blue", { healthStatus: 503 });
    const { code, output } = await rollback(stack, "--to", "blue");
    assert.equal(code, 1, output);
    says(
      output,
      "npm run rollback -- --to blue",
      "blue did not answer /healthz with 200-399",
      "the public is on green",
    );
    assert.equal(await whole(stack), "green");
    await faults(stack, "blue", {});
  });

  await t.test("a stack's file that can't be read holds nothing up", async () => {
    const good = readFileSync(fileOf(stack), "utf8");
    writeFileSync(fileOf(stack), "config: [\n");
    const { code, output } = await rollback(stack, "--to", "blue");
    writeFileSync(fileOf(stack), good);
    assert.equal(code, 0, output);
    says(output, "is not valid YAML", "blue is live, from green", "pulumi config set activeColor blue && pulumi up");
    assert.equal(await whole(stack), "blue");
    const back = await rollback(stack, "--to", "green");
    assert.equal(back.code, 0, back.output);
    assert.equal(await whole(stack), "green");
  });

  await t.test("a run that holds the lock is named, and the command that ends it", async () => {
    await stack.switchTo("blue");
    await stack.set("gateCommand", "sleep 30");
    // Nothing was stable, so that the switch is a whole one.
    const proxy = await stack.container("proxy");
    await stack.docker("exec", proxy.Id, "rm", "-f", "/var/lib/blue-green/cutover.json");
    await stack.set("activeColor", "green");
    const up = new RunningUp(stack);
    await up.says(/gate command runs/);
    const { code, output } = await rollback(stack, "--to", "green");
    assert.equal(code, 1, output);
    says(output, /another cutover runs in this proxy \(.*, process \d+/, "Nothing was changed", "Ctrl-C");
    up.child.kill("SIGINT");
    await up.ended;
    await stack.pulumi("config", "rm", "gateCommand");
    await stack.switchTo("blue");
  });

  for (const each of load) assertNoFailures(await each.stop());
});

test("the way back of a canary, and with a full disk", async (t) => {
  const stack = await TestStack.make(t, { ...images, canaryPercent: "40" });
  await stack.docker(
    ...["volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m"],
    ...["--label", `blue-green.stack=${stack.name}`, `blue-green-${stack.name}-proxy`],
  );
  await stack.up();
  says(await stack.up(), "green has 40 % of the new visitors");

  await t.test("takes its visitors back to live, and the same setting begins no other one", async () => {
    const { code, output } = await rollback(stack);
    assert.equal(code, 0, output);
    says(output, "blue is live", "canaryPercent 0");
    assert.match(readFileSync(fileOf(stack), "utf8"), /canaryPercent: "?0"?\n/);
    await stack.set("canaryPercent", "40");
    says(await stack.up(), "The canary of green was ended by hand", "begins no other one");
    await stack.set("canaryPercent", "0");
    await stack.up();
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("goes by the configuration of before where the volume has no room for another one", async () => {
    await stack.switchTo("green");
    const proxy = await stack.container("proxy");
    const inside = (script: string) => stack.docker("exec", proxy.Id, "sh", "-c", script);
    await inside("dd if=/dev/zero of=/var/lib/blue-green/fill bs=1k count=2000 2>/dev/null || true");
    const { code, output } = await rollback(stack);
    assert.equal(code, 0, output);
    says(output, "the configuration that served before is put back", "blue is live, from green");
    assert.equal(await colorOf(stack), "blue");
    assert.equal(await whole(stack), "blue");
    await inside("rm /var/lib/blue-green/fill");
    await stack.up();
    await stack.pulumi("preview", "--expect-no-changes");
  });
});
