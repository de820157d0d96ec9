import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { history } from "./failures";
import { TestStack } from "./stack";

const SECRET = "planted-c4n4ry-value";

test("a secret reaches the app and shows nowhere else", async (t) => {
  const stack = await TestStack.make(t);
  await stack.pulumi("config", "set", "--path", "environment.SHOP", "plain-value");
  await stack.pulumi("config", "set", "--path", "--secret", "secretEnvironment.TOKEN", SECRET);
  const outputs = [await stack.pulumi("preview", "--diff"), await stack.up()];
  await stack.pulumi("config", "set", "--path", "environment.SHOP", "other-value");
  await stack.pulumi("config", "set", "--path", "--secret", "secretEnvironment.TOKEN", `${SECRET}-2`);
  const diff = await stack.pulumi("preview", "--diff");
  outputs.push(diff, await stack.pulumi("preview", "--json"), await stack.up());
  // The live color takes the change when it has become idle.
  assert.match(outputs.at(-1) ?? "", /It takes environment\.SHOP, secretEnvironment\.TOKEN on the first/);
  outputs.push(await stack.switchTo("green"), await stack.up(), await stack.pulumi("stack", "export"));
  const status = await stack.command("npm", "run", "status", "--", "--json");
  assert.equal(status.code, 0, status.output);
  outputs.push(JSON.stringify(await history(stack)), status.output);

  for (const color of ["blue", "green"] as const) {
    const { Env } = (await stack.container(color)).Config;
    assert.ok(Env.includes(`TOKEN=${SECRET}-2`));
    assert.ok(Env.includes("SHOP=other-value"));
  }
  assert.doesNotMatch(JSON.stringify(await stack.container("proxy")), new RegExp(SECRET));
  // The provider can't keep part of a list secret: with a secret in it, the preview says that the environment changes, not how.
  assert.match(diff, /\[secret\] => \[secret\]/);
  for (const output of outputs) assert.doesNotMatch(output, new RegExp(SECRET));
  const files = readdirSync(stack.directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes("node_modules"),
  );
  assert.ok(
    files.some((file) => file.parentPath.includes("state")),
    "the state is among the files looked at",
  );
  for (const file of files) {
    assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(SECRET), `${file.parentPath}/${file.name}`);
  }
});

test("without a secret the preview shows how the environment changes", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  await stack.pulumi("config", "set", "--path", "environment.SHOP", "plain-value");
  assert.match(await stack.pulumi("preview", "--diff"), /SHOP=plain-value/);
});
