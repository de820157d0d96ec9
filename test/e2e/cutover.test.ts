import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertNoFailures, keepAliveGets, LIGHT } from "../load";
import { colorOf, fails, masterOf, until } from "./failures";
import { baseImages, must, TestStack } from "./stack";

test("a cutover that fails leaves the public where it was", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  const proxy = await stack.container("proxy");
  const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 600 });
  const stays = async (...words: (string | RegExp)[]) => {
    await stack.set("activeColor", "green");
    await fails(stack, ...words, "Nothing was changed: the public is on blue.", "Next: ");
    assert.equal(await colorOf(stack), "blue");
  };

  await t.test("when nginx does not take the reload: the old file is back", async () => {
    const script = join(stack.directory, "nginx", "reload.sh");
    const good = readFileSync(script, "utf8");
    writeFileSync(script, good.replace("readback_seconds=15", "readback_seconds=4"));
    const file = () => stack.docker("exec", proxy.Id, "cat", "/var/lib/blue-green/nginx.conf");
    const before = await file();
    const master = await masterOf(stack, "proxy");
    process.kill(master, "SIGSTOP");
    try {
      await stays(/nginx did not serve the new configuration within \d+ s/);
    } finally {
      process.kill(master, "SIGCONT");
    }
    assert.equal(await file(), before);
    writeFileSync(script, good);
  });

  await t.test("when the color hangs", async () => {
    await stack.docker("pause", (await stack.container("green")).Id);
    await stack.set("healthTimeoutSeconds", "5");
    try {
      await stays(
        /green is not healthy after \d+ s \(setting healthTimeoutSeconds\); its health path says: \S+ timed out/,
      );
    } finally {
      await stack.set("healthTimeoutSeconds", "60");
      await stack.docker("unpause", (await stack.container("green")).Id);
    }
    await until("green is healthy again", () => stack.isWell("green"));
  });

  await t.test("and the next up, with the cause mended, finishes the switch", async () => {
    assert.match(await stack.pulumi("preview", "--diff"), /\+ +default green;/);
    await stack.up();
    assert.equal(await colorOf(stack), "green");
    await stack.switchTo("blue");
  });

  await t.test("when a color that was stable does not answer the one question of the way back", async () => {
    await stack.docker("pause", (await stack.container("green")).Id);
    await stays(
      /answer 5\/10 s, not yet: .* \(green \/healthz\)/,
      /green did not answer \/healthz with 200-299 within 10 s/,
    );
    await stack.docker("unpause", (await stack.container("green")).Id);
  });

  assertNoFailures(await load.stop());
});

test("an nginx that would drop requests when it reloads is refused", async (t) => {
  const base = baseImages().nginxImage ?? "";
  const image = "blue-green-test/old-nginx:latest";
  // A real nginx that says it is an older one: what is tested is what the cutover does about it.
  const dockerfile = `FROM ${base}\nRUN printf '#!/bin/sh\\n[ "$1" = -v ] && { echo "nginx version: nginx/1.26.3" >&2; exit; }\\nexec /usr/sbin/nginx "$@"\\n' >/usr/local/bin/nginx && chmod +x /usr/local/bin/nginx && mv /usr/local/bin/nginx /usr/local/sbin/nginx`;
  execFileSync("docker", ["build", "--tag", image, "-"], { input: dockerfile, stdio: ["pipe", "ignore", "inherit"] });
  const stack = await TestStack.make(t, { nginxImage: image });
  // After the stack is gone, which was told to go before: an image in use would only lose its name.
  t.after(() => must("docker", ["image", "rm", image]));
  const { code, output } = await stack.tryPulumi("up", "--yes", "--skip-preview");
  assert.notEqual(code, 0);
  assert.match(output, /this is nginx 1\.26\.3; 1\.27\.4 or newer is needed/);
});
