import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stackNamed } from "../../commands/stack";
import { defaultLimits, projectIn, stackIn } from "../../commands/stackFile";

const read = (text: string) => stackIn("Pulumi.dev.yaml", text, "blue-green");

const config = (line: string) => `config:\n  ${line}\n`;

describe("a stack's file", () => {
  test("the project's own Pulumi.yaml names it", () => {
    assert.equal(projectIn(readFileSync(join(__dirname, "..", "..", "Pulumi.yaml"), "utf8")), "blue-green");
  });

  test("a project without a name, or with one that can't be", () => {
    for (const text of ["", "name:", "name: 7", "name: ../x", "- name", `name: ${"x".repeat(101)}`]) {
      assert.throws(() => projectIn(text), { message: "Pulumi.yaml has no name that is a project's" }, text);
    }
  });

  test("the active color and the engine's address, of this project alone", () => {
    assert.deepEqual(read(config("blue-green:activeColor: green\n  docker:host: ssh://deploy@shop.example")), {
      active: { color: "green" },
      host: "ssh://deploy@shop.example",
      limits: {},
    });
    const plain = { active: { color: "blue" }, limits: {} };
    assert.deepEqual(read(config('blue-green:activeColor: "blue"\n  docker:host: ""')), plain);
  });

  test("what is too many errors, and too slow, is what the watch goes by: the stack's settings, or else Pulumi.yaml's defaults", () => {
    const project = readFileSync(join(__dirname, "..", "..", "Pulumi.yaml"), "utf8");
    const defaults = defaultLimits(project);
    assert.deepEqual(defaults, { maxErrorPercent: 1 }, "a limit of 0 s is none");
    const limits = (lines: string) => stackIn("Pulumi.dev.yaml", config(lines), "blue-green", defaults).limits;
    const set = (percent: string, seconds: string) =>
      limits(`blue-green:maxErrorPercent: ${percent}\n  blue-green:maxP95Seconds: ${seconds}`);
    assert.deepEqual(set('"0.5"', "2"), { maxErrorPercent: 0.5, maxP95Seconds: 2 });
    assert.deepEqual(set("0", "0"), { maxErrorPercent: 0 });
    for (const hostile of ["{secure: v1:abc}", "[]", '"\\e[2J"', "-1", ".nan", ".inf", '"1e9"', '""', "null", "true"])
      assert.deepEqual(set(hostile, hostile), { maxErrorPercent: 1 }, hostile);
    assert.deepEqual(limits("other:maxErrorPercent: 5"), { maxErrorPercent: 1 });
  });

  test("an active color that is missing, or none", () => {
    const missing = { active: { problem: "activeColor is not set in Pulumi.dev.yaml" }, limits: {} };
    for (const text of ["", "config:", "config: []", "encryptionsalt: v1", config("another:activeColor: blue")]) {
      assert.deepEqual(read(text), missing, text);
    }
    const given = (value: string) => read(config(`blue-green:activeColor: ${value}`)).active;
    const rule = "which is neither blue nor green";
    assert.deepEqual(given("Blue"), { problem: `activeColor in Pulumi.dev.yaml is "Blue", ${rule}` });
    assert.deepEqual(given('"\\e[31m"'), { problem: `activeColor in Pulumi.dev.yaml is "\\u001b[31m", ${rule}` });
    assert.deepEqual(given("{secure: v1:abc}"), { problem: `activeColor in Pulumi.dev.yaml is [not shown], ${rule}` });
  });

  test("an engine's address that the program would refuse is refused here too", () => {
    const mend = "pulumi config set docker:host '<scheme://address>'";
    const refused = (line: string, message: string, command = mend) =>
      assert.throws(() => read(config(line)), {
        ...{ name: "CantTellError", message, next: [{ purpose: "mend it", command }] },
      });
    refused(
      "docker:host: {secure: v1:abc}",
      "docker:host in Pulumi.dev.yaml is a secret, and commands need it as DOCKER_HOST",
    );
    refused("docker:host: shop", 'docker:host in Pulumi.dev.yaml is "shop", which is no engine\'s address');
    refused(
      "docker:context: other",
      "docker:context in Pulumi.dev.yaml is not supported",
      `pulumi config rm docker:context && ${mend}`,
    );
  });

  test("a file that is no YAML: the line is told, its text is not", () => {
    const message = "Pulumi.dev.yaml is not valid YAML (line 2)";
    assert.throws(
      () => read("config:\n  password: [hunter2\n"),
      (error: Error) => {
        assert.match(error.message, /^Pulumi\.dev\.yaml is not valid YAML \(line [23]\)$/);
        return true;
      },
    );
    assert.throws(() => read("config: 1\nconfig: 2\n"), { message });
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[i]}`).join(",")}]`)
      .join("\n")}\n`;
    assert.throws(() => read(bomb), { message: "Pulumi.dev.yaml is YAML that can't be resolved" });
  });

  test("a stack's name can't lead out of the folder", () => {
    assert.deepEqual(stackNamed("dev"), { stack: "dev" });
    assert.deepEqual(stackNamed("organization/prod-2.eu"), { stack: "prod-2.eu" });
    assert.deepEqual(stackNamed("organization/blue-green/prod"), { stack: "prod", project: "blue-green" });
    for (const text of ["", ".", "..", "../dev", "a//b", "/dev", "a/b/c/d", "-s", "a b", "a\nb", "x".repeat(101)]) {
      assert.equal(stackNamed(text), undefined, text);
    }
  });
});
