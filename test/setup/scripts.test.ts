import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Checkout } from "./folder";

const SETUP = join(__dirname, "..", "..", "setup");

const SCRIPTS = ["setup/start", "setup/clean", "setup/passphrase", "test/run", "bench/run"];

/** A download of Pulumi that says that it is one, as an archive. */
function archive(checkout: Checkout, version: string): Buffer {
  mkdirSync(checkout.file("download", "pulumi"), { recursive: true });
  const program = checkout.file("download", "pulumi", "pulumi");
  writeFileSync(program, `#!/bin/sh\necho v${version}\n`);
  chmodSync(program, 0o755);
  const { stdout } = spawnSync("tar", ["-czC", checkout.file("download"), "pulumi"]);
  return stdout;
}

describe("the set-up's scripts", () => {
  test("each command has a help, which does nothing else", async (t) => {
    const checkout = new Checkout(t);
    for (const script of SCRIPTS) {
      for (const args of [["--help"], ["-h"], ["dev", "--help"]]) {
        const { code, output } = await checkout.run(script, args, {
          PATH: "/usr/bin:/bin",
          DOCKER_HOST: "tcp://127.0.0.1:1",
        });
        assert.equal(code, 0, `${script}: ${output}`);
        assert.match(output, /^npm (?:start|test|run \w+)/m);
      }
    }
    assert.equal(existsSync(checkout.file(".state")), false, "nothing was brought");
  });

  test("an option that a command does not know is refused before anything is done", async (t) => {
    const checkout = new Checkout(t);
    for (const script of SCRIPTS) {
      for (const args of [["--nope"], ["-x"], ["--", "--nope"], ["--help=1"], ["../../etc"], ["$(touch hacked)"]]) {
        if (script === "test/run" && !args[0]?.startsWith("-")) continue; // a file's name
        const { code, output } = await checkout.run(script, args, { DOCKER_HOST: "tcp://127.0.0.1:1" });
        assert.equal(code, 1, `${script} ${args}: ${output}`);
        assert.match(
          output,
          /is not (?:known|the name of a stack)|not an? (?:argument|stack)|root on Linux|takes no arguments/,
        );
      }
    }
    assert.equal(existsSync(checkout.file(".state")), false, "nothing was brought");
    assert.equal(existsSync(checkout.file("hacked")), false);
  });

  test("a stack is named as in every other command, and one that npm took for its own is missed", async (t) => {
    const checkout = new Checkout(t);
    const env = { DOCKER_HOST: "tcp://127.0.0.1:1", PATH: "/usr/bin:/bin" };
    for (const script of ["setup/start", "setup/clean"]) {
      for (const args of [
        ["--stack"],
        ["--stack="],
        ["-s", "--x"],
        ["a", "b"],
        ["--stack", "a", "b"],
        ["--stack", "$(id)"],
      ]) {
        const { code, output } = await checkout.run(script, args, env);
        assert.equal(code, 1, `${script} ${args}: ${output}`);
        assert.match(output, /is not the name of a stack/);
      }
      const taken = await checkout.run(script, [], { ...env, npm_config_stack: "prod" });
      assert.equal(taken.code, 1, taken.output);
      assert.match(taken.output, /^✗ Stack: npm took --stack for its own; its options come before `--`/);
      const help = await checkout.run(script, ["--help"], env);
      assert.match(help.output, /--stack staging means the same/);
    }
    for (const args of [["nowhere"], ["--stack", "nowhere"], ["--stack=nowhere"], ["-s", "nowhere"]]) {
      const { output } = await checkout.run("setup/start", args, env);
      assert.match(output, /^✗ Stack: .*nowhere is not the name of a stack with a file here\n/s);
      const clean = await checkout.run("setup/clean", args, env);
      assert.match(clean.output, /✗ Images: no Docker Engine answered/, "the name is taken");
    }
    assert.equal(existsSync(checkout.file(".state")), false, "nothing was brought");
  });

  test("what is downloaded has a sum for each platform, and it is of the versions in use", () => {
    const pins = new Map(
      readFileSync(join(SETUP, "pins"), "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.split(" ") as [string, string]),
    );
    const { dependencies } = JSON.parse(readFileSync(join(SETUP, "..", "package.json"), "utf8"));
    const node = /^node_version=(.+)$/m.exec(readFileSync(join(SETUP, "bring"), "utf8"))?.[1];
    const pulumi = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"].map(
      (platform) => `pulumi-v${dependencies["@pulumi/pulumi"]}-${platform}.tar.gz`,
    );
    const nodes = ["linux-x64", "linux-arm64"].map((platform) => `node-${platform}-${node}.tgz`);
    assert.deepEqual([...pins.keys()].sort(), [...pulumi, ...nodes].sort());
    for (const file of pulumi) assert.match(pins.get(file) ?? "", /^sha256:[0-9a-f]{64}$/);
    for (const file of nodes) assert.equal(Buffer.from((pins.get(file) ?? "").slice(7), "base64").length, 64);
    assert.equal(new Set(pins.values()).size, pins.size);
  });

  test("a download of Pulumi is used with the sum that is pinned, and with no other and none", async (t) => {
    const checkout = new Checkout(t);
    const { dependencies } = JSON.parse(checkout.read("package.json"));
    const content = archive(checkout, dependencies["@pulumi/pulumi"]);
    let asked = 0;
    const server = createServer((_, answer) => {
      asked += 1;
      answer.end(content);
    }).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));

    // No npm: it would install into the folder of packages that the checkouts share.
    // Nothing but what a machine without Pulumi and without Go has: what can't be downloaded would be built.
    const bin = checkout.file("bin");
    mkdirSync(bin);
    const tools = [
      "bash",
      "node",
      "docker",
      "curl",
      "tar",
      "gzip",
      "flock",
      "apt-get",
      "apt-cache",
      "dpkg",
      "sort",
      "awk",
    ];
    const more = [
      "head",
      "tail",
      "cut",
      "sed",
      "grep",
      "cat",
      "mv",
      "rm",
      "mkdir",
      "mktemp",
      "chmod",
      "dirname",
      "uname",
      "sha256sum",
    ];
    for (const tool of [...tools, ...more, "find", "xargs", "ls", "touch", "sleep", "timeout", "env", "cp", "umount"]) {
      const { stdout } = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" });
      if (stdout.startsWith("/")) symlinkSync(stdout.trim(), join(bin, tool));
    }
    const cache = checkout.file("cache", "blue-green");
    mkdirSync(cache, { recursive: true });
    writeFileSync(checkout.file("setup", "engine"), "#!/bin/sh\n"); // its own tests are on engines; no image is made here
    writeFileSync(checkout.file("setup", "base-images"), "#!/bin/sh\necho nginxImage=a\n");
    const env = {
      ...{ PATH: bin, XDG_CACHE_HOME: checkout.file("cache"), HOME: homedir() },
      PULUMI_DOWNLOADS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const brought = () => readdirSync(cache).filter((name) => name.startsWith("pulumi-"));

    const other = await checkout.run("setup/bring", [], env);
    assert.match(other.output, /has another sum than setup\/pins says: it is not used/);
    assert.notEqual(other.code, 0, "there is no Go to build it with");
    assert.deepEqual(brought(), []);
    assert.equal(asked, 1);

    const pins = checkout.read("setup", "pins");
    writeFileSync(checkout.file("setup", "pins"), pins.replace(/^pulumi-.*$/gm, ""));
    assert.match((await checkout.run("setup/bring", [], env)).output, /setup\/pins has no sum for pulumi-v/);
    assert.equal(asked, 1, "what could not be used is not fetched");

    const sum = createHash("sha256").update(content).digest("hex");
    writeFileSync(checkout.file("setup", "pins"), pins.replace(/sha256:.*$/gm, `sha256:${sum}`));
    const pinned = await checkout.run("setup/bring", [], env);
    assert.equal(pinned.code, 0, pinned.output);
    assert.match(pinned.output, /the official download/);
    const written = checkout.read(".state", "env");
    assert.match(written, /\/pulumi-/);

    // In a shell that has it from an earlier run it is not taken for the user's own, which the next shells would not have.
    const again = await checkout.shell("setup/bring", env);
    assert.equal(again.code, 0, again.output);
    assert.equal(checkout.read(".state", "env"), written);
  });

  test("what tells how long a step takes, and is ended at once, does not run the script's trap", async (t) => {
    const checkout = new Checkout(t);
    const script = `set -euo pipefail
    . setup/say.sh
    trap 'echo removed >>removed' EXIT
    for ((step = 0; step < 100; step++)); do begin Step "under way"; done_ Step "over"; done
    [ ! -e removed ]`;
    const { code, output } = await checkout.run("bash", ["-c", script]);
    assert.equal(code, 0, output);
    assert.equal(
      output
        .split("\n")
        .filter((line) => !/^[…✓] Step: /.test(line))
        .join(""),
      "",
    );
    assert.equal(checkout.read("removed"), "removed\n", "the script's own end does");
  });
});
