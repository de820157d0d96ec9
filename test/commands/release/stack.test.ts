import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { askedBy } from "../../../commands/release/arguments";
import { refusedBy, wordsOf } from "../../../commands/release/refused";
import { readStack, registryOf, settingOf } from "../../../commands/release/registrySettings";

function project(t: TestContext, stacks: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-stack-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "Pulumi.yaml"), "name: p\n");
  for (const [name, config] of Object.entries(stacks)) {
    writeFileSync(join(directory, `Pulumi.${name}.yaml`), `config:\n  p:activeColor: blue\n${config}`);
  }
  return directory;
}

const asked = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  askedBy("promote", { values: ["from", "to"], flags: ["json"] }, args, env);

test("arguments: values and flags, and whatever else is told with what to read", () => {
  assert.deepEqual({ ...asked(["--from", "a", "--to=b", "--json"]) }, { from: "a", to: "b", json: true, help: false });
  assert.deepEqual({ ...asked(["-h"]) }, { json: false, help: true });
  const refused = (args: string[], message: string | RegExp, env = {}) =>
    assert.throws(() => asked(args, env), { message, next: ["npm run promote -- --help"], exit: 1 });
  refused(["--what"], /^Unknown option '--what'/);
  refused(["staging", "prod"], /^Unexpected argument 'staging'/);
  refused(["--from", "--to", "prod"], "Option '--from' argument is ambiguous.");
  refused(["--from="], "--from needs a value");
  refused(["--to", "b"], "npm took --from for its own; its options come before `--`, those of promote after it", {
    npm_config_from: "a",
  });
});

test("what is said is a line each and fit for a terminal, whatever was given", () => {
  const hostile = "--\u001b[2J\u202e";
  try {
    asked([hostile]);
    assert.fail("accepted");
  } catch (error) {
    assert.match(wordsOf(refusedBy(error as Error)), /^Refused: [ -~]+\nNext: npm run promote -- --help$/);
  }
});

test("a stack's name can't lead out of the folder, and must be one of this project", (t) => {
  const directory = project(t, { dev: "" });
  assert.equal(readStack(directory, "organization/p/dev").file, "Pulumi.dev.yaml");
  for (const name of ["../dev", "/etc/passwd", "dev\n", "$(id)", "dev;reboot", "--help", "", "x".repeat(300)]) {
    assert.throws(() => readStack(directory, name), {
      message: /can't be a stack's name\. Stacks with a file here: dev$/,
    });
  }
  assert.throws(() => readStack(directory, "us/shop/dev"), {
    message: "us/shop/dev is a stack of shop, and this is p. Stacks with a file here: dev",
  });
  assert.throws(() => readStack(directory, "prod"), {
    message: "There is no stack prod in this project: it has no Pulumi.prod.yaml. Stacks with a file here: dev",
  });
});

test("a file that is no YAML can't be told from, and shows nothing of itself", (t) => {
  const directory = project(t, { dev: "  p:registryPassword: [hunter2\n" });
  try {
    readStack(directory, "dev");
    assert.fail("accepted");
  } catch (error) {
    const { exit, message } = refusedBy(error as Error);
    assert.equal(exit, 3);
    assert.match(message, /^Pulumi\.dev\.yaml is not valid YAML \(line \d+\)$/);
  }
});

test("a setting is text: a number is one, a secret is refused", (t) => {
  const read = (line: string) => settingOf(readStack(project(t, { dev: `  p:v: ${line}\n` }), "dev"), "v");
  assert.deepEqual([read("1.4"), read("''"), read(""), read("a")], ["1.4", undefined, undefined, "a"]);
  assert.throws(() => read("{secure: v1:abc}"), {
    message: "v in Pulumi.dev.yaml is secret, and can't be",
    next: ["pulumi config rm v --stack dev"],
  });
  assert.throws(() => read("[a]"), { message: "v in Pulumi.dev.yaml is neither a text nor a number" });
});

test("a registry, its user and a password that can't be are refused as the program refuses them, the password never shown", async (t) => {
  const read = (lines: string, env: NodeJS.ProcessEnv = {}) => {
    const directory = project(t, { dev: lines });
    return registryOf(directory, readStack(directory, "dev"), env);
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
