import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { assertNoFailures, keepAliveGets, LIGHT } from "../load";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { fails, says } from "./failures";
import { must, TestStack } from "./stack";

/** Why the strict application can't be built; false where it can. */
const skip = spawnSync("go", ["version"]).error ? "no Go here to build the application with" : false;

/** The strict application (see strict/main.go), `plain` or with a health check of its own in its image. */
async function strictImage(stage: "plain" | "checked", version: string): Promise<string> {
  const output = await must(join(__dirname, "strict", "build"), [stage, version]);
  const image = output.split("\n").find((line) => line.startsWith("blue-green-test/strict-"));
  if (image === undefined) throw new Error(`strict/build named no image:\n${output}`);
  return image;
}

/** A stack of it, with nothing but what the application's own documentation asks for. */
async function strictStack(t: TestContext, settings: Record<string, string> = {}): Promise<TestStack> {
  const versions = { blueVersion: "1.0.0", greenVersion: "2.0.0" };
  const [blueImage, greenImage] = [await strictImage("plain", "1.0.0"), await strictImage("plain", "2.0.0")];
  return TestStack.make(t, { ...versions, blueImage, greenImage, healthPath: "/", ...settings });
}

const status = (stack: TestStack) => stack.command("npm", "run", "--silent", "status");

test("an image of nothing but a binary, which answers one host alone and sends its page to a login", {
  skip,
}, async (t) => {
  const stack = await strictStack(t, { healthHost: "127.0.0.1", healthTimeoutSeconds: "5" });
  await stack.set("environment.ALLOWED_HOST", "127.0.0.1", "--path");
  await stack.set("environment.LOGIN", "/login", "--path");

  await t.test("is installed, and costs no process while nobody asks", async () => {
    says(await stack.up(), "blue is live");
    const { code, output } = await status(stack);
    assert.equal(code, 0, output);
    const ids = await stack.ids("container");
    const checks = await stack.docker("container", "inspect", "--format", "{{json .Config.Healthcheck}}", ...ids);
    assert.match(checks.trim(), /^(null\s*)+$/);
    const since = String(Math.floor(Date.now() / 1000) + 1);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const until = String(Math.floor(Date.now() / 1000));
    const filters = ids.flatMap((id) => ["--filter", `container=${id}`]);
    assert.equal(await stack.docker("events", "--since", since, "--until", until, ...filters), "");
  });

  await t.test("is released, switched and taken back under load without a failed request", async () => {
    const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/page`, connections: 8, maxSeconds: 120 });
    const output = await stack.switchTo("green");
    says(output, "after its health, and is watched", "gate ok: healthy (green 2.0.0)");
    await stack.switchTo("blue");
    assertNoFailures(await load.stop());
  });

  await t.test("is refused where it is asked as another host, in its own words' status", async () => {
    await stack.set("healthHost", "shop.example");
    await fails(stack, "blue did not answer / with 200-399 within 5 s (last seen: 400)", "the public is on blue");
    await stack.set("healthHost", "127.0.0.1");
  });

  await t.test("is refused where it sends its visitors to another host", async () => {
    await stack.set("environment.LOGIN", "https://sso.example/", "--path");
    await stack.set("greenVersion", "2.0.1");
    await fails(stack, "its health path says: 302, to https://sso.example/", "The public is on blue.");
    await stack.set("environment.LOGIN", "/login", "--path");
    await stack.up();
  });

  await t.test("may take a minute and a half to start", async () => {
    await stack.set("environment.START_SECONDS", "90", "--path");
    await stack.set("healthTimeoutSeconds", "240");
    await stack.set("greenVersion", "2.0.2");
    says(await stack.switchTo("green"), /health [1-9][0-9]\/240 s, not healthy yet/, "gate ok: healthy (green 2.0.2)");
  });

  await t.test("its image's own health check counts as well", async () => {
    await stack.set("environment.START_SECONDS", "0", "--path");
    await stack.set("environment.CHECK_FAILS", "1", "--path");
    await stack.set("healthTimeoutSeconds", "8");
    await stack.set("blueImage", await strictImage("checked", "1.1.0"));
    await stack.set("blueVersion", "1.1.0");
    await stack.set("activeColor", "blue");
    await fails(stack, "its image's health check says: the queue is full", "the public is on green");
    await stack.pulumi("config", "rm", "--path", "environment.CHECK_FAILS");
    says(await stack.up(), "gate ok: healthy (blue 1.1.0)");
  });
});

test("an application that sends plain HTTP to HTTPS is asked as its visitors ask where the proxy has a certificate", {
  skip,
}, async (t) => {
  const { certificate, key } = makeCertificate({ names: ["127.0.0.1"], days: 30 });
  // Not even a redirect to itself is well.
  const stack = await strictStack(t, { healthStatus: "200-299", healthTimeoutSeconds: "5" });
  await stack.set("tlsCertificate", certificate);
  await stack.set("tlsKey", key, "--secret");
  await stack.set("environment.FORCE_TLS", "1", "--path");
  says(await stack.up(), "blue is live");
  says(
    await stack.switchTo("green"),
    "gate ok: healthy (green 2.0.0)",
    "no visitor has tried green yet: only its health was watched, since it has no smoke tests",
  );
  const { code, output } = await status(stack);
  assert.equal(code, 0, output);
});

test("a first installation that is not well fails alike in each run, and nobody is called live", {
  skip,
}, async (t) => {
  const stack = await strictStack(t, { healthTimeoutSeconds: "3" });
  await stack.set("environment.LOGIN", "https://sso.example/", "--path");
  for (let runs = 0; runs < 3; runs += 1) {
    const { output } = await fails(
      stack,
      "blue was not switched to: the container",
      "its health path says: 302, to https://sso.example/",
      "nobody is served yet",
    );
    assert.doesNotMatch(output, /blue is live/);
  }
  const { code, output } = await status(stack);
  assert.equal(code, 2, output);
  assert.doesNotMatch(output, /live, stable/);
});
