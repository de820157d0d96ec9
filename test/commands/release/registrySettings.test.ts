import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { registryOf, settingOf } from "../../../commands/release/registrySettings";
import { findStack, readStack } from "../../../commands/stack";

function project(t: TestContext, stacks: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-stack-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "Pulumi.yaml"), "name: p\n");
  for (const [name, config] of Object.entries(stacks)) {
    writeFileSync(join(directory, `Pulumi.${name}.yaml`), `config:\n  p:activeColor: blue\n${config}`);
  }
  return directory;
}

const stackIn = async (directory: string) => readStack(await findStack(directory, "dev", (name) => name));

describe("the settings of a registry", () => {
  test("a setting is text: a number is one, a secret is refused", async (t) => {
    const read = async (line: string) => settingOf(await stackIn(project(t, { dev: `  p:v: ${line}\n` })), "v");
    assert.deepEqual(
      [await read("1.4"), await read("''"), await read(""), await read("a")],
      ["1.4", undefined, undefined, "a"],
    );
    await assert.rejects(read("{secure: v1:abc}"), {
      message: "v in Pulumi.dev.yaml is secret, and can't be",
      next: ["pulumi config rm v --stack dev"],
    });
    await assert.rejects(read("[a]"), { message: "v in Pulumi.dev.yaml is neither a text nor a number" });
  });

  test("a registry, its user and a password that can't be are refused as the program refuses them, the password never shown", async (t) => {
    const read = async (lines: string, env: NodeJS.ProcessEnv = {}) => {
      const directory = project(t, { dev: lines });
      return registryOf(directory, await stackIn(directory), env);
    };
    assert.deepEqual(await read(""), {});
    assert.deepEqual(await read("  p:registry: r.example/shop\n  p:registryUser: ci\n"), {
      ...{ registry: "r.example/shop", registryUser: "ci" },
    });
    const secret = "  p:registry: r.example/shop\n  p:registryUser: ci\n  p:registryPassword:\n    secure: v1:x\n";
    // Pulumi is not asked: it could not decrypt that.
    assert.deepEqual(await read(secret, { REGISTRY_PASSWORD: "x\n" }), {
      registry: "r.example/shop",
      registryUser: "ci",
    });
    await assert.rejects(read("  p:registryPassword: hunter2\n"), {
      message: "registryPassword in Pulumi.dev.yaml is readable by everybody: give it a new value, as a secret",
      next: ["pulumi config set --secret registryPassword --stack dev"],
    });
    for (const registry of [
      "https://r.example/shop",
      "ci:pw@r.example/shop",
      "r.example/Shop",
      "'r.example/a b'",
      "shop",
    ]) {
      await assert.rejects(read(`  p:registry: ${registry}\n`), {
        message: /^registry in Pulumi\.dev\.yaml is ".*": must be a registry and a repository in it/,
        next: ["pulumi config set registry '<host>/<repository>' --stack dev"],
      });
    }
    await assert.rejects(read("  p:registryUser: a:b\n"), {
      message: /^registryUser in Pulumi\.dev\.yaml is "a:b": must be/,
    });
  });
});
