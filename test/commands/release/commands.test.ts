import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";

const STACKS = {
  dev: "config:\n  blue-green:activeColor: blue\n",
  far: "config:\n  blue-green:activeColor: blue\n  docker:host: ssh://deploy@shop.example\n",
  hosts:
    "config:\n  blue-green:activeColor: blue\n  blue-green:hosts:\n    c: ssh://c.example\n    b: ssh://b.example\n",
  open: "config:\n  blue-green:registryPassword: hunter2\n",
};

/** Runs a command in a project of its own, in which whatever is asked of docker and pulumi fails and is noted. */
async function run(
  t: TestContext,
  command: "main" | "promote",
  args: string[],
  env: NodeJS.ProcessEnv = {},
  stacks: Readonly<Record<string, string>> = STACKS,
) {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-release-"));
  t.after(() => rmSync(directory, { recursive: true }));
  symlinkSync(join(CHECKOUT, "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "Pulumi.yaml"), readFileSync(join(CHECKOUT, "Pulumi.yaml")));
  for (const [stack, text] of Object.entries(stacks)) writeFileSync(join(directory, `Pulumi.${stack}.yaml`), text);
  mkdirSync(join(directory, "app"));
  writeFileSync(join(directory, "app", "Dockerfile"), "FROM scratch\n");
  mkdirSync(join(directory, "bin"));
  for (const name of ["docker", "pulumi"]) {
    const path = join(directory, "bin", name);
    writeFileSync(
      path,
      `#!/bin/sh\necho "${name} $* at $DOCKER_HOST" >>"${directory}/asked"\necho "error: not here" >&2\nexit 1\n`,
    );
    chmodSync(path, 0o755);
  }
  const loaded = join(directory, "loaded.cjs");
  writeFileSync(
    loaded,
    'process.on("exit", () => { for (const file of Object.keys(require.cache)) if (/@pulumi/.test(file)) console.error(file); });\n',
  );
  const script = join(CHECKOUT, "commands", "release", `${command}.ts`);
  return new Promise<{ code: number; stdout: string; stderr: string; asked: string }>((resolve) => {
    execFile(
      process.execPath,
      ["--require", loaded, "--require", BUNDLE, script, ...args],
      {
        cwd: directory,
        env: { PATH: `${join(directory, "bin")}:/usr/bin:/bin`, HOME: directory, ...NO_SOCKET, ...env },
      },
      (error, stdout, stderr) => {
        const asked = existsSync(join(directory, "asked")) ? readFileSync(join(directory, "asked"), "utf8") : "";
        resolve({ code: Number(error?.code ?? 0), stdout, stderr, asked });
      },
    );
  });
}

describe("npm run release and npm run promote, before they look at anything", () => {
  test("--help says all of it on standard output, loads nothing of Pulumi's and asks nobody", async (t) => {
    for (const command of ["main", "promote"] as const) {
      const { code, stdout, stderr, asked } = await run(t, command, ["--help"]);
      assert.deepEqual([code, stderr, asked], [0, "", ""]);
      assert.match(stdout, /\nExit code: 0 /);
    }
  });

  test("a version that can't be one is refused before anybody is asked, and is no argument of anything", async (t) => {
    for (const version of [
      "1.4.0; rm -rf /",
      "--help",
      "-x",
      "$(id)",
      "`id`",
      "",
      "a b",
      "1\n2",
      "é",
      ".1",
      "x".repeat(300),
    ]) {
      const { code, stdout, stderr, asked } = await run(t, "main", [
        `--version=${version}`,
        "--stack",
        "dev",
        "--dirty",
      ]);
      assert.deepEqual([code, stdout, asked], [version === "" ? 3 : 1, "", ""], version);
      assert.match(
        stderr,
        /^(Refused: The version ".*must be 1 to 100 of|Can't tell: --version needs a value)[ -~]*\nNext[a-z, ]*: npm run /,
      );
      assert.ok(stderr.length < 400);
    }
  });

  test("what stands in the way of a release is said before anything is built", async (t) => {
    const release = (stack: string, env = {}) =>
      run(t, "main", ["--version", "1.4.0", "--dirty", "--stack", stack], env);
    const far = await release("far");
    assert.equal(far.code, 1);
    assert.match(
      far.stderr,
      /^Refused: registry is not set, and the engine is at shop\.example: a registry on this machine's loopback is none that it reaches\nNext: pulumi config set registry '<host>\/<repository>' --stack far\n$/,
    );
    const open = await release("open");
    assert.deepEqual([open.code, open.stdout], [1, ""]);
    assert.match(open.stderr, /^Refused: registryPassword in Pulumi\.open\.yaml is readable by everybody/);
    assert.doesNotMatch(open.stderr, /hunter2/);
    const context = await release("dev", { DOCKER_CONTEXT: "other" });
    assert.equal(context.code, 3);
    assert.match(context.stderr, /^Can't tell: DOCKER_CONTEXT is "other"/);
    const unselected = await run(t, "main", ["--version", "1.4.0"]);
    assert.equal(unselected.code, 3);
    assert.match(
      unselected.stderr,
      /^Can't tell: Which stack\? Pulumi can't say: not here\nNext, to name the stack: npm run release -- --version 1\.4\.0 dev\n/,
    );
    for (const { asked } of [far, open, context]) assert.equal(asked, "");
  });

  test("stacks that can't be promoted from or to are refused before an engine is asked", async (t) => {
    const cases: [from: string, to: string, message: RegExp][] = [
      ["dev", "organization/dev", /^Refused: Both are the stack dev\n/],
      [
        "../../etc/passwd",
        "dev",
        /^Can't tell: "\.\.\/\.\.\/etc\/passwd" can't be a stack's name\nNext, to name the stack: npm run promote -- --from dev --to dev\n/,
      ],
      ["dev", "prod;reboot", /^Can't tell: "prod;reboot" can't be a stack's name\n/],
      [
        "dev",
        "prod",
        /^Can't tell: There is no stack prod in this project: it has no Pulumi\.prod\.yaml\nNext, to make it: pulumi stack init prod /,
      ],
      ["dev", "us/shop/far", /^Can't tell: us\/shop\/far is a stack of shop, and this is blue-green\n/],
      ["dev", "open", /^Refused: registryPassword in Pulumi\.open\.yaml is readable by everybody/],
    ];
    for (const [from, to, message] of cases) {
      const { code, stdout, stderr, asked } = await run(t, "promote", ["--from", from, "--to", to]);
      assert.deepEqual([code, stdout, asked], [message.source.startsWith("^Refused") ? 1 : 3, "", ""]);
      assert.match(stderr, message);
    }
  });

  test("of a stack with hosts the first one is asked, and a registry on this machine's loopback is refused", async (t) => {
    const { code, asked } = await run(t, "promote", ["--from", "hosts", "--to", "dev"]);
    assert.equal(code, 3);
    assert.match(asked, / at ssh:\/\/b\.example\n/);
    assert.doesNotMatch(asked, /c\.example/);
    const release = await run(t, "main", ["--version", "1.4.0", "--dirty", "--stack", "hosts"]);
    assert.deepEqual([release.code, release.asked], [1, ""]);
    assert.match(release.stderr, /^Refused: registry is not set, and the engine is at b\.example: /);
  });

  test("an engine that does not answer: what runs can't be told, exit code 3", async (t) => {
    const { code, stdout, stderr } = await run(t, "promote", ["--from", "dev", "--to", "far"]);
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(
      stderr,
      /^Can't tell: dev: The Docker Engine could not be asked: error: not here\nNext, to find the engine: /,
    );
  });

  test("a text that the stack's file has as a number is refused by release and promote, before anybody is asked", async (t) => {
    const config = "config:\n  blue-green:activeColor: blue\n  blue-green:greenVersion: 1.10\n";
    const stacks = { ...STACKS, loose: `${config}  blue-green:environment:\n    A: 1.10\n` };
    const refused =
      "Refused: Pulumi.loose.yaml: greenVersion is 1.10 without quotes in the stack's file, of which YAML makes 1.1; must be in quotes. " +
      "Nothing was changed\nNext: pulumi config set greenVersion 1.10 --stack loose\n";
    for (const [command, args] of [
      ["main", ["--version", "1.4.0", "--dirty", "--stack", "loose"]],
      ["promote", ["--from", "dev", "--to", "loose"]],
    ] as const) {
      const { code, stdout, stderr, asked } = await run(t, command, [...args], {}, stacks);
      assert.deepEqual([code, stdout, stderr, asked], [1, "", refused, ""]);
    }
    // What it is promoted from is not written to.
    const from = await run(t, "promote", ["--from", "loose", "--to", "dev"], {}, stacks);
    assert.match(from.stderr, /^Can't tell: loose: The Docker Engine could not be asked/);
  });
});
