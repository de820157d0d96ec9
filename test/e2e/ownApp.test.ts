import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { appImage } from "./apps";
import { says } from "./failures";
import { get, must, TestStack } from "./stack";

const PAGE = readFileSync(join(__dirname, "..", "..", "docs", "your-own-app.md"), "utf8");

/** Returns the lines of the shell blocks in a section of the page, without their comments. */
function typed(section: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(section)) ?? "";
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.split("\n")).map((line) => line.replace(/ +# .*$/, ""));
  return lines.filter((line) => line !== "");
}

test("the page about your own app, typed as it stands, brings one from an image to the public and back", async (t) => {
  const network = `blue-green-test-shop-${process.pid}`;
  const stack = await TestStack.make(t);
  t.after(() => must("docker", ["network", "rm", network]));
  await must("docker", ["network", "create", network]);
  await stack.up();

  // What stands for the reader's own: the image, the network, the ports of this test, and no question whether to go on.
  const image = await appImage("shop");
  const own = (line: string) =>
    line
      .replace("registry.example/shop@sha256:...", image)
      .replace("shop_default", network)
      .replace("127.0.0.1:5002", `127.0.0.1:${stack.ports.green}`)
      .replace(/pulumi up$/, "pulumi up --yes --non-interactive");
  const type = async (line: string): Promise<string> => {
    const { code, output } = await stack.command("sh", "-c", `echo hunter2 | (${own(line)})`);
    assert.equal(code, 0, `${line}\n${output}`);
    return output;
  };
  const outputs: string[] = [];
  for (const section of ["2. ", "3. ", "4. ", "5. "]) {
    const lines = typed(section);
    assert.ok(lines.length > 0, section);
    for (const line of lines) outputs.push(await type(line));
  }
  says(outputs.at(-1) ?? "", "gate ok: healthy, 1 smoke test (green 2.0.0)", "green is live");
  assert.equal((await get(stack.url)).body, "Add to basket\nhttps://shop.example hunter2 green -\n");
  assert.equal((await fetch(stack.url, { method: "PUT", body: "kept" })).status, 200);

  await type(`pulumi config set blueImage ${image}`);
  await type("pulumi config set blueVersion 2.0.0");
  await stack.up();
  says(await stack.switchTo("blue"), "blue is live");
  assert.equal((await get(stack.url)).body, "Add to basket\nhttps://shop.example hunter2 blue kept\n");
});
