import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertNoFailures, keepAliveGets } from "../load";
import { baseImages, get, must, TestStack } from "./stack";

const colorOf = async (stack: TestStack) => (await get(`${stack.url}/`)).headers["x-color"];

test("a cutover that fails leaves the public where it was", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  const proxy = await stack.container("proxy");
  const load = keepAliveGets({ url: `${stack.url}/`, connections: 8, pauseMs: 20 });
  /** A switch to green that must fail with these words and change nothing. */
  const fails = async (...words: (string | RegExp)[]) => {
    await stack.set("activeColor", "green");
    const { code, output } = await stack.tryPulumi("up", "--yes", "--skip-preview");
    assert.notEqual(code, 0);
    for (const word of words) {
      assert.ok(
        word instanceof RegExp ? word.test(output) : output.includes(word),
        `${word}
is missing in
${output}`,
      );
    }
    assert.equal(await colorOf(stack), "blue");
  };

  await t.test("when nginx refuses the configuration: with nginx's own words", async () => {
    const template = join(stack.directory, "nginx", "nginx.conf.mustache");
    const good = readFileSync(template, "utf8");
    writeFileSync(template, good.replace("server_tokens off;", "server_tokens maybe;"));
    await fails('invalid value "maybe"', "Nothing was changed.");
    writeFileSync(template, good);
  });

  await t.test("when another cutover holds the lock", async () => {
    const holder = spawn("docker", ["exec", proxy.Id, "flock", "/var/lib/blue-green/lock", "sleep", "60"]);
    try {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await fails("another cutover runs in this proxy at this moment");
    } finally {
      holder.kill();
      // The client's end does not end what it started inside.
      await stack.docker(
        "exec",
        proxy.Id,
        "sh",
        "-c",
        "kill $(grep -ls '^sleep' /proc/[0-9]*/cmdline | cut -d / -f 3)",
      );
    }
  });

  await t.test("when the color does not answer", async () => {
    const script = join(stack.directory, "stacks", "cutover.ts");
    writeFileSync(script, readFileSync(script, "utf8").replace("HEALTH_SECONDS = 60", "HEALTH_SECONDS = 7"));
    await stack.docker("pause", (await stack.container("green")).Id);
    await fails(
      /green does not answer \/healthz yet \(.*\); waited 5 of 7 s/,
      /green did not answer \/healthz with 2xx within 7 s/,
      "Nothing was changed: blue serves.",
    );
    await stack.docker("unpause", (await stack.container("green")).Id);
  });

  await t.test("when nginx does not take the reload: the old file is back", async () => {
    const script = join(stack.directory, "nginx", "cutover.sh");
    writeFileSync(script, readFileSync(script, "utf8").replace("readback_seconds=15", "readback_seconds=4"));
    const files = () => stack.docker("exec", proxy.Id, "sh", "-c", "cd /var/lib/blue-green && ls && cat nginx.conf");
    const before = await files();
    const master = (await stack.docker("inspect", "--format", "{{.State.Pid}}", proxy.Id)).trim();
    process.kill(Number(master), "SIGSTOP");
    try {
      await fails("nginx did not serve the new configuration within 4 s");
    } finally {
      process.kill(Number(master), "SIGCONT");
    }
    assert.equal(await files(), before);
    assert.equal(await colorOf(stack), "blue");
  });

  await t.test("and the next up, with the cause mended, finishes the switch", async () => {
    assert.match(await stack.pulumi("preview", "--diff"), /\+ +default green;/);
    await stack.up();
    assert.equal(await colorOf(stack), "green");
  });

  assertNoFailures(await load.stop());
});

test("a run that makes a container which never gets healthy fails, with its log, and the public is untouched", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  const app = join(stack.directory, "app", "app.py");
  writeFileSync(app, `raise RuntimeError("planted for the test")\n`);
  await stack.set("greenVersion", "2.0.0");
  const { code, output } = await stack.tryPulumi("up", "--yes", "--skip-preview");
  assert.notEqual(code, 0);
  assert.match(
    output,
    /green: the new container blue-green-test-\w+-green ended with exit code \d+\. The public is on blue\./,
  );
  assert.match(output, /planted for the test/);
  assert.equal(await colorOf(stack), "blue");

  await t.test("the way back from it is not blocked: a run that changes nothing there succeeds", async () => {
    await stack.up();
    assert.equal(await colorOf(stack), "blue");
  });
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
