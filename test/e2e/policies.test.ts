import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fails, says } from "./failures";
import { POLICY_PACK, prodSettings } from "./prod";
import { TestStack } from "./stack";

const DIGEST = `@sha256:${"0123456789abcdef".repeat(4)}`;
/** In a preview nothing is pulled, so no registry has to have these. */
const IMAGES = { blueImage: `shop${DIGEST}`, greenImage: `shop${DIGEST}`, nginxImage: `nginx${DIGEST}` };
/** Looks like a key, and is none. */
const TOKEN = "qT7vX2mB9kL4wZ8rN1cF";

/** Changes the test's copy of the program; what is to be replaced must be there. */
function edit(stack: TestStack, file: string, ...changes: [from: string, to: string][]): void {
  const path = join(stack.directory, file);
  let text = readFileSync(path, "utf8");
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${file} has no ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
}

test("a stack as prod's file has it", async (t) => {
  const stack = await TestStack.make(t, { ...prodSettings(), ...IMAGES }, POLICY_PACK);
  /** The same command in a shell that has not sourced .envrc. */
  const withoutPack = (...args: string[]) => stack.command("env", "-u", "PULUMI_OPTION_POLICY_PACK", "pulumi", ...args);

  await t.test("passes the preview, which says that the policies have run", async () => {
    const output = await stack.pulumi("preview");
    says(
      output,
      /Policies:\n +⚠️ +blue-green@v0\.1\.0 \(local: policy\)/,
      "Container green: its root file system is writable, it has Docker's default capabilities. Next: pulumi config set hardened true",
      /\+ 18 to create/,
    );
    assert.doesNotMatch(output, /mandatory|Not refused|can't run policy/);
  });

  await t.test("is refused without the policy pack, in preview and up", async () => {
    for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await withoutPack(...args, "--non-interactive");
      assert.notEqual(code, 0);
      says(
        output,
        "The setting policies is true, but this run has no policy pack: PULUMI_OPTION_POLICY_PACK is not set (--policy-pack is not seen here). " +
          "Nothing was touched. Next: source .envrc, then the same command again",
      );
    }
  });

  await t.test(
    "an up with a secret in a plain setting ends before anything is made, without a word of the secret",
    async () => {
      await stack.set("environment.API_TOKEN", TOKEN, "--plaintext", "--path");
      const { output } = await fails(
        stack,
        "no-plain-secret",
        "environment.API_TOKEN is secret by its name, and the stack's file has it in plain text.",
        "pulumi config rm --path environment.API_TOKEN && pulumi config set --secret --path secretEnvironment.API_TOKEN",
      );
      assert.ok(!output.includes(TOKEN), output);
      for (const kind of ["container", "network", "volume"] as const) assert.deepEqual(await stack.ids(kind), []);
      await stack.pulumi("config", "rm", "--path", "environment.API_TOKEN");
    },
  );

  await t.test("a preview of a program that breaks every policy says all of them at once", async () => {
    edit(
      stack,
      "index.ts",
      [
        'import { createOwnService } from "./stacks/services";',
        'import * as docker from "@pulumi/docker";\nimport { createOwnService } from "./stacks/services";',
      ],
      [
        "  const { url,",
        '  new docker.Container("extra", { image: "busybox:latest", privileged: true, networkMode: "host", ports: [{ internal: 80, external: 9000 }] });\n  const { url,',
      ],
    );
    edit(stack, "stacks/slot.ts", ["image: image.imageId,", 'image: image.imageId, readOnly: color === "blue",']);
    const { code, output } = await stack.tryPulumi("preview");
    assert.notEqual(code, 0);
    says(
      output,
      /❌ blue-green@v0\.1\.0/,
      'Container extra is "busybox:latest", which may be another image tomorrow: only a digest can\'t.',
      "Container extra is privileged: it could do anything to the engine's host.",
      "Container extra is on the host's network: it reaches every port of the host, its loopback too.",
      'Container extra publishes port 9000 on "0.0.0.0": only the proxy may be reached from elsewhere.',
      "Container extra has no memory limit: a leak in it would take the proxy's memory too.",
      "The containers of both colors (blue, blue-2, green, green-2) differ in readOnly: nothing but the version and the image may",
    );
    assert.equal(output.match(/\[mandatory\]/g)?.length, 6);
  });

  await t.test("a stack without the setting is not judged", async () => {
    await stack.set("policies", "false");
    const output = await stack.pulumi("preview");
    says(output, /✅ blue-green@v0\.1\.0/);
    assert.doesNotMatch(output, /mandatory/);
  });
});

test("a stack that runs, with images of this engine's own", async (t) => {
  // No registry has named these images by a digest, so that policy alone finds something.
  const stack = await TestStack.make(t, { policies: "true" }, POLICY_PACK);
  await stack.set("policies", "false");
  await stack.up();
  await stack.set("policies", "true");
  const refusedIn = (output: string) => [...new Set(output.match(/(?<=\[mandatory\] +)[a-z-]+/g))].sort();
  const preview = async () => (await stack.tryPulumi("preview")).output;

  await t.test("has equal colors for the pack, although live is kept and lags behind", async () => {
    assert.deepEqual(refusedIn(await preview()), ["images-by-digest"]);
    await stack.set("memoryMb", "300");
    const lagging = await preview();
    says(lagging, "blue is live and keeps what it runs. It takes memoryMb 256 -> 300");
    assert.deepEqual(refusedIn(lagging), ["images-by-digest"]);
    await stack.pulumi("config", "rm", "memoryMb");
  });

  await t.test("differs in what only one color's container would get", async () => {
    edit(stack, "stacks/slot.ts", [
      "image: image.imageId,",
      'image: image.imageId, capabilities: { drops: color === "blue" ? ["ALL"] : [] },',
    ]);
    const output = await preview();
    assert.deepEqual(refusedIn(output), ["equal-colors", "images-by-digest"]);
    says(output, "The containers of both colors (blue, green) differ in capabilities:");
  });
});
