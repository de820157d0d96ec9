import assert from "node:assert/strict";
import { test } from "node:test";
import { appImage } from "./apps";
import { backendImages } from "./backend";
import { fails, row, says } from "./failures";
import { get, TestStack } from "./stack";

/** What no label, no state and no output may show. */
const PASSWORD = "hunter2-of-an-accessory";

test("an accessory that fails, is renamed or taken out harms neither its data nor a way back", async (t) => {
  const redis = await appImage("redis");
  const stack = await TestStack.make(t, await backendImages());
  const nameOf = (name: string) => `blue-green-${stack.name}-accessory-${name}`;
  const inspect = async (name: string) => JSON.parse(await stack.docker("inspect", nameOf(name)))[0];
  const CACHE = { image: redis, volumes: ["cache:/data"] };
  const READS = { ...CACHE, command: ["sh", "-c", 'exec redis-server --dir /data --requirepass "$$PASS"'] };

  await t.test("a secret that would stand in clear is refused before anything is made", async () => {
    await stack.setObject("accessories", { cache: CACHE });
    await stack.set("accessories.cache.command", `redis-server --requirepass ${PASSWORD}`, "--secret", "--path");
    const { output } = await fails(
      stack,
      "accessories.cache.command = [secret]: can't be kept secret",
      "pulumi config rm --path accessories.cache.command && pulumi config set --secret --path 'accessories.cache.environment.<NAME>'",
    );
    assert.doesNotMatch(output, new RegExp(PASSWORD));
    assert.deepEqual(await stack.ids("container"), []);
    await stack.pulumi("config", "rm", "--path", "accessories.cache.command");
  });

  await t.test("one that fails at first is mended by its settings alone", async () => {
    await stack.setObject("accessories", { cache: { ...CACHE, command: ["sh", "-c", "echo no; exit 3"] } });
    await stack.set("accessories.cache.environment.PASS", PASSWORD, "--secret", "--path");
    await fails(stack, "ended with exit code 3", "then mend the settings of the accessory, and: pulumi up");
    await stack.set("accessories.cache.command[2]", READS.command[2] ?? "", "--path");
    says(await stack.up(), "The accessory cache is replaced", "it was never well since it was made", "blue is live");
  });

  await t.test("its secret is in no label, no state and no output", async () => {
    assert.equal(
      await stack.docker("exec", nameOf("cache"), "redis-cli", "-a", PASSWORD, "--no-auth-warning", "ping"),
      "PONG\n",
    );
    const { Config } = await inspect("cache");
    const shown = [
      JSON.stringify(Config.Labels),
      await stack.pulumi("stack", "export"),
      await stack.pulumi("preview", "--diff"),
      ...["status", "drift"].map(async (command) => (await stack.command("npm", "run", "--silent", command)).output),
    ];
    for (const text of await Promise.all(shown)) assert.ok(!text.includes(PASSWORD), text);
  });

  await stack.switchTo("green");
  await row(t, stack, "accessory given another name", async () => {
    const { Id } = await inspect("cache");
    await stack.setObject("accessories", { store: CACHE });
    await stack.set("allowAccessoryReplace[0]", "cache", "--path");
    await fails(
      stack,
      `The accessory store would start on the volume blue-green-${stack.name}-data-cache, to which the accessory cache still writes`,
      "take store out of the settings, and: pulumi up; then put it back, and: pulumi up",
    );
    assert.equal((await inspect("cache")).Id, Id);
    await stack.pulumi("config", "rm", "allowAccessoryReplace");
  });

  await row(t, stack, "accessory that can't be made, then way back", async () => {
    const { Id } = await inspect("cache");
    const gone = { image: "localhost:1/no/such:image" };
    await stack.setObject("accessories", { store: CACHE, gone });
    await stack.set("activeColor", "blue");
    await fails(
      stack,
      "The accessory cache stays as it is in this run, although it would be removed",
      "The accessory store is not made in this run",
      "going back at once",
      "blue is live",
      "The registry localhost:1 can't be reached",
      "The public is on blue already.",
    );
    assert.equal(JSON.parse((await get(`${stack.url}/healthz`)).body).color, "blue");
    const cache = await inspect("cache");
    assert.deepEqual([cache.Id, cache.State.Running], [Id, true]);
    assert.equal((await stack.ids("container")).length, 4);
  });

  await t.test("in any other run that is said with what takes the public to the other color at once", async () => {
    const cache = { ...READS, environment: { PASS: PASSWORD } };
    const way = [
      "The public is on blue.",
      "To take it to green at once, whatever becomes of the accessory: npm run rollback -- --to green",
    ];
    await stack.setObject("accessories", { cache, gone: { image: redis, devices: ["/dev/no-such"], tmpfs: "/data" } });
    await fails(stack, "/dev/no-such", "accessory-gone could not be made.", ...way);
    await stack.setObject("accessories", { cache, gone: { image: redis, command: "false", tmpfs: "/data" } });
    await fails(stack, "The accessory gone is replaced", "accessory-gone ended with exit code 1", ...way);
    await stack.setObject("accessories", { cache });
    says(await stack.up(), "The accessory gone is removed: it was never well since it was made");
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
  });

  await t.test("it takes another name in two runs, with all that it has", async () => {
    const ask = (name: string, ...args: string[]) =>
      stack.docker("exec", nameOf(name), "redis-cli", "-a", PASSWORD, "--no-auth-warning", ...args);
    await ask("cache", "set", "kept", "yes");
    await ask("cache", "save");
    await stack.setObject("accessories", {});
    await stack.set("allowAccessoryReplace[0]", "cache", "--path");
    await stack.up();
    await stack.setObject("accessories", { store: { ...READS, environment: { PASS: PASSWORD } } });
    await stack.up();
    assert.equal(await ask("store", "get", "kept"), "yes\n");
  });
});
