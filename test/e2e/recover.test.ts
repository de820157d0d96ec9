import assert from "node:assert/strict";
import { test } from "node:test";
import { backendImages } from "./backend";
import { colorOf, row, says } from "./failures";
import { TestStack } from "./stack";

test("neither a renamed stack nor a lost state costs the public an answer", async (t) => {
  const stack = await TestStack.make(t, await backendImages());
  await stack.up();
  const before = (await stack.ids("container")).sort();
  const stays = async () => assert.deepEqual((await stack.ids("container")).sort(), before);
  /** Refused at preview and at `up`, with these words. */
  const refused = async (name: string, ...words: string[]) => {
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await stack.tryPulumi(...command, "--stack", name);
      assert.notEqual(code, 0, output);
      says(output, ...words, "Nothing was touched.");
    }
    await stays();
  };

  await row(t, stack, "stack renamed", async () => {
    const renamed = `${stack.name}-live`;
    await stack.pulumi("stack", "rename", renamed, "--stack", stack.name);
    await refused(
      renamed,
      `nginx container blue-green-${stack.name}-proxy -> blue-green-${renamed}-proxy`,
      `pulumi stack rename ${stack.name} --stack ${renamed}`,
    );
    await stack.pulumi("stack", "rename", stack.name, "--stack", renamed);
    await stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    await stays();
  });

  await row(t, stack, "state lost", async () => {
    await stack.pulumi("stack", "rm", "--force", "--yes", "--preserve-config", stack.name);
    await stack.pulumi("stack", "init", stack.name);
    await refused(stack.name, "has none of them", `npm run recover -- ${stack.name}`);
    const recovered = await stack.command("npm", "run", "--silent", "recover", "--", stack.name, "--yes");
    assert.equal(recovered.code, 0, recovered.output);
    says(await stack.up(), /Resources:\n +\d+ unchanged/);
    await stays();
    await stack.switchTo("green");
    assert.equal(await colorOf(stack), "green");
    await stack.switchTo("blue");
    await stays();
    const again = await stack.command("npm", "run", "--silent", "recover", "--", stack.name, "--yes");
    assert.equal(again.code, 1, again.output);
    says(again.output, "resources already. It was not touched");
  });
});
