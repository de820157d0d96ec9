import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { says } from "./failures";
import { freePorts, TestStack } from "./stack";

const TOKEN = "a-token-that-nobody-may-see-0123456789";

/** What `npm run preview -- <stack>` prints, which must end with this exit code. */
async function preview(stack: TestStack, exit: number, ...args: string[]): Promise<string> {
  const run = ["--require", "./setup/bundle.cjs", "commands/preview/main.ts", ...args];
  const { code, output } = await stack.command("node", ...run);
  assert.equal(code, exit, output);
  return output;
}

test("npm run preview says what a change does to the public", async (t) => {
  const stack = await TestStack.make(t);
  const { name } = stack;
  const called = (part: string) => `blue-green-${name}-${part}`;

  await t.test("before anything is there: everything is created, and nobody is served", async () => {
    says(
      await preview(stack, 0, name),
      `${name}: begins, with blue\n`,
      "- Goes live: blue 1.0.0; nobody is served now\n",
      "so none can be dropped\n",
      ...["blue", "green", "proxy"].map((part) => `  - ${called(part)} is created\n`),
      "+ pulumi:pulumi:Stack: (create)",
      "+ 16 to create",
    );
  });
  await stack.up();

  await t.test("nothing changed: nothing to do", async () => {
    says(
      await preview(stack, 0, name),
      `${name}: nothing to do\n`,
      "- Stays live: blue 1.0.0\n",
      "none is dropped: nginx and its configuration stay as they are, and blue keeps its containers\n",
      "16 unchanged",
    );
  });

  await t.test("a release on the idle color, with settings of both, of the switch and of the proxy", async () => {
    await stack.set("greenVersion", "1.1.0");
    await stack.set("environment.SHOP", "@everyone", "--path");
    await stack.set("bakeSeconds", "3");
    await stack.set("testerToken", TOKEN, "--secret");
    says(
      await preview(stack, 0, name),
      `${name}: blue stays live\n`,
      "- Idle: green 1.0.0 -> 1.1.0\n",
      "- Requests: none is dropped: nginx stays up and takes its new configuration while it serves, and blue keeps",
      "- Warnings: blue is live and keeps what it runs. It takes environment.SHOP on the first `pulumi up` after",
      "- Settings:\n",
      "  - greenVersion 1.0.0 -> 1.1.0\n  - environment.SHOP\n",
      "  - bakeSeconds 1 -> 3\n  - testerToken\n",
      `- Containers: ${called("green")} is replaced (greenVersion 1.0.0 -> 1.1.0, environment.SHOP)\n`,
      "    + map $tester $tried {\n",
      '~ BLUE_GREEN_BAKE_SECONDS: "1" => "3"',
    );
  });

  await t.test("a switch: green goes live, blue becomes idle, nothing drops; also as a comment", async () => {
    await stack.set("activeColor", "green");
    const text = await preview(stack, 0, name);
    says(
      text,
      `${name}: green goes live\n`,
      "- Goes live: green 1.1.0, in place of blue 1.0.0\n",
      "- Becomes idle: blue 1.0.0; it stays up\n",
      "- Requests: none is dropped: nginx stays up and takes its new configuration while it serves, and blue keeps",
      "- Notes: The public moves from blue (1.0.0) to green (1.1.0), after its health, 1 smoke test, and is watched",
      "    - default blue;\n    + default green;\n",
    );
    const comment = await preview(stack, 0, "--comment", name);
    says(
      comment,
      `<!-- blue-green preview of ${name} -->\n### ${name}: green goes live\n`,
      "- **Goes live:** `green` `1.1.0`, in place of `blue` `1.0.0`\n",
      "```diff\n- default blue;\n+ default green;\n",
      "<details><summary>pulumi preview --diff</summary>\n\n```diff\npulumi:pulumi:Stack: (same)",
    );
    for (const printed of [text, comment]) assert.equal(printed.includes(TOKEN), false);
  });

  await t.test("a change of live is refused, and the comment says so", async () => {
    await stack.set("activeColor", "blue");
    await stack.set("blueVersion", "2.0.0");
    const refused =
      "blue is live, and this would replace its container in front of the public (blueVersion 1.0.0 -> 2.0.0)";
    says(await preview(stack, 1, name), `${name}: refused, nothing is touched\n\n- Refused: ${refused}`);
    says(
      await preview(stack, 1, "--comment", name),
      `### ${name}: refused, nothing is touched\n\n- **Refused:** \`${refused}`,
    );
  });

  await t.test("live and the proxy replaced on purpose: both are named as what costs answers", async () => {
    const [port] = await freePorts(1);
    await stack.set("allowLiveReplace", "true");
    await stack.set("allowProxyReplace", "true");
    await stack.set("httpPort", String(port));
    const text = await preview(stack, 0, name);
    says(text, "- Stays live: blue 1.0.0 -> 2.0.0\n", `  - httpPort ${stack.ports.http} -> ${port}\n`);
    const requests = text.split("\n").find((line) => line.startsWith("- Requests:")) ?? "";
    says(
      requests,
      "- Requests: the public gets no answer for some seconds: ",
      `${called("blue")}, which is live, is replaced`,
      `the nginx container ${called("proxy")} is replaced`,
    );
  });

  await t.test("no engine: what can't be told, and the rest by Pulumi's state", async () => {
    const blind = await stack.command(
      ...([
        "env",
        "DOCKER_HOST=tcp://127.0.0.1:1",
        "node",
        "--require",
        "./setup/bundle.cjs",
        "commands/preview/main.ts",
        name,
      ] as const),
    );
    assert.equal(blind.code, 0, blind.output);
    says(
      blind.output,
      `${name}: can't tell who is live\n`,
      /- Live: unknown \(.*tcp:\/\/127\.0\.0\.1:1.*\); asked for is blue\./,
      "- Requests: it can't be told whether any is dropped: ",
      "so this preview can't tell whether `pulumi up` would refuse this change.",
      `  - ${called("proxy")} is replaced`,
    );
  });

  await t.test("bad settings are refused with the engine's words; what is no stack can't be told", async () => {
    await stack.set("activeColor", "purple");
    says(
      await preview(stack, 1, name),
      "  - 1 problem in the settings; nothing was touched.",
      '  - activeColor = "purple": must be blue or green\n',
    );
    says(
      await preview(stack, 3, "nowhere"),
      "Can't tell: There is no stack nowhere in this project: it has no Pulumi.nowhere.yaml",
    );
    writeFileSync(join(stack.directory, "Pulumi.nowhere.yaml"), "config: {}\n");
    says(await preview(stack, 3, "nowhere"), "no stack named 'nowhere' found");
    for (const bad of ["$(reboot)", "a;b", "../prod", "a\nb"])
      says(await preview(stack, 3, bad), `Can't tell: ${JSON.stringify(bad)} can't be a stack's name`);
    says(await preview(stack, 3, "--cwd=/"), 'the argument "--cwd=/" is not known');
  });
});
