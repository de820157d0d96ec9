import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CHECKOUT } from "../program";
import { appImage } from "./apps";
import { says } from "./failures";
import { freePorts, get, must, TestStack } from "./stack";

const PAGE = readFileSync(join(__dirname, "..", "..", "docs", "your-own-app.md"), "utf8");

/** Returns the lines of the shell blocks in a section of the page, without their comments. */
function typed(section: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(section)) ?? "";
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.split("\n")).map((line) => line.replace(/ +# .*$/, ""));
  return lines.filter((line) => line !== "");
}

/** Without Go the image is a Node one: a binary that is alone in its image can't be made then. */
const HAS_GO = spawnSync("go", ["version"]).error === undefined;

/** The ways that step 2 of the page names. */
const WAYS = {
  "an image by its digest, from a registry (a Go binary FROM scratch)": "image",
  "a folder with a Dockerfile in place of app/ (a Node app of ten lines)": "folder",
} as const;

for (const [way, brings] of Object.entries(WAYS)) {
  test(`the page about your own app, typed as it stands, brings one to the public and back: ${way}`, async (t) => {
    const network = `blue-green-test-shop-${brings}-${process.pid}`;
    const stack = await TestStack.make(t);
    t.after(() => must("docker", ["network", "rm", network]));
    await must("docker", ["network", "create", network]);
    await stack.up();

    const image = brings === "image" ? await pushed(t, stack, await appImage(HAS_GO ? "shop-go" : "shop")) : "";
    if (brings === "folder") {
      const app = join(stack.directory, "app");
      rmSync(app, { recursive: true });
      cpSync(join(__dirname, "apps", "shop"), app, { recursive: true });
      await stack.set("appBaseImage", await appImage("base"));
    }
    // What stands for the reader's own: the image, the network, the ports of this test, and no question whether to go on.
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
      for (const line of lines) {
        if (brings === "image" || !line.includes("greenImage")) outputs.push(await type(line));
      }
    }
    says(outputs.at(-1) ?? "", "gate ok: healthy, 1 smoke test (green 2.0.0)", "green is live");
    assert.equal((await get(stack.url)).body, "Add to basket\nhttps://shop.example hunter2 green -\n");
    assert.equal((await fetch(stack.url, { method: "PUT", body: "kept" })).status, 200);

    if (brings === "image") await type(`pulumi config set blueImage ${image}`);
    await type("pulumi config set blueVersion 2.0.0");
    await stack.up();
    says(await stack.switchTo("blue"), "blue is live");
    assert.equal((await get(stack.url)).body, "Add to basket\nhttps://shop.example hunter2 blue kept\n");
  });
}

/** Puts an image into a registry and takes it off the engine; answers its name there, by its digest. */
async function pushed(t: TestContext, stack: TestStack, image: string): Promise<string> {
  const cache = mkdtempSync(join(tmpdir(), "blue-green-cache-"));
  const [port] = await freePorts(1);
  const env = { ...process.env, XDG_CACHE_HOME: cache, LOCAL_REGISTRY_PORT: String(port) };
  const said = await must(join(CHECKOUT, "setup", "registry"), [], { env });
  const host = /^127\.0\.0\.1:[0-9]+$/m.exec(said)?.[0] ?? assert.fail(said);
  t.after(() => {
    process.kill(Number(readFileSync(join(cache, "blue-green", "registry", `${port}.pid`), "utf8")));
    rmSync(cache, { recursive: true, force: true });
  });
  const name = `${host}/shop`;
  await stack.docker("tag", image, `${name}:2.0.0`);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await stack.docker("push", `${name}:2.0.0`))?.[1];
  await stack.docker("image", "rm", `${name}:2.0.0`);
  return `${name}@${digest}`;
}
