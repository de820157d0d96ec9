import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ended } from "./github";

const CHECKOUT = join(__dirname, "..", "..");

/** The scripts in a folder of their own, with stand-ins for `pulumi` and `npm` that write down how they were called. */
class Folder {
  readonly directory = mkdtempSync(join(tmpdir(), "blue-green-scripts-"));

  constructor(t: TestContext) {
    t.after(() => rmSync(this.directory, { recursive: true }));
    for (const part of [".github/scripts", "setup"]) cpSync(join(CHECKOUT, part), this.file(part), { recursive: true });
    cpSync(join(CHECKOUT, ".envrc"), this.file(".envrc"));
    for (const part of ["bin", "home", "temp"]) mkdirSync(this.file(part));
    for (const stack of ["dev", "prod"])
      this.write(`Pulumi.${stack}.yaml`, "config:\n  blue-green:activeColor: blue\n");
    this.command("pulumi", "");
    this.command("npm", "");
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  write(file: string, text: string): void {
    writeFileSync(this.file(file), text);
  }

  read(file: string): string {
    return existsSync(this.file(file)) ? readFileSync(this.file(file), "utf8") : "";
  }

  /** A stand-in, which does this after it has written down its arguments, one a line. */
  command(name: string, script: string): void {
    this.write(`bin/${name}`, `#!/bin/sh\nprintf '%s\\n' ${name} "$@" . >>"${this.file("called")}"\n${script}\n`);
    chmodSync(this.file("bin", name), 0o755);
  }

  /** How the stand-ins were called, in their order. */
  get called(): string[] {
    return this.read("called")
      .split("\n.\n")
      .map((call) => call.replaceAll("\n", " ").trim())
      .filter(Boolean);
  }

  run(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    return ended(
      spawn(this.file(script), args, {
        cwd: this.directory,
        env: {
          PATH: `${this.file("bin")}:${process.env.PATH}`,
          HOME: this.file("home"),
          RUNNER_TEMP: this.file("temp"),
          GITHUB_STEP_SUMMARY: this.file("page"),
          CI: "true",
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }
}

const CLOUD = { PULUMI_ACCESS_TOKEN: "pul-a-token-that-nobody-may-see" };

const NAMES = ["$(id)", "a;b", "../prod", "--cwd=/", "a\nb", "", "x".repeat(200), "nowhere"];

/** A key pair of this test's own. */
function keyIn(folder: Folder, passphrase = ""): { key: string; known: string } {
  const path = folder.file("temp", `key${passphrase}`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "a test", "-f", path]);
  return { key: readFileSync(path, "utf8"), known: `shop.example ${readFileSync(`${path}.pub`, "utf8")}` };
}

describe("the workflows' scripts", () => {
  test("setup/backend refuses a state that only this runner finds, with what was seen and which backends to take", async (t) => {
    const folder = new Folder(t);
    const refused = (url: string) =>
      `✗ Backend: the state of prod would be in ${url}, which is lost with this runner (CI is set). Nothing was touched\n` +
      "  Next: set PULUMI_ACCESS_TOKEN (Pulumi Cloud), or PULUMI_BACKEND_URL to s3://..., azblob://... or gs://... (docs/delivery.md)\n";
    const own = `file://${folder.directory}/.state/pulumi`;
    for (const [env, url] of [
      [{}, own],
      [{ PULUMI_BACKEND_URL: "", PULUMI_ACCESS_TOKEN: "" }, own],
      [{ PULUMI_BACKEND_URL: "file:///tmp/x" }, "file:///tmp/x"],
      [{ PULUMI_BACKEND_URL: "file://~", ...CLOUD }, "file://~"],
      [{ PULUMI_BACKEND_URL: "FILE:///x", CI: "1" }, "FILE:///x"],
    ] as const) {
      assert.deepEqual(await folder.run("setup/backend", ["prod"], env), { code: 1, output: refused(url) });
    }
    mkdirSync(folder.file("home", ".pulumi"));
    folder.write("home/.pulumi/credentials.json", '{\n  "current": "file:///home/x",\n  "accounts": {}\n}\n');
    assert.deepEqual(await folder.run("setup/backend", ["prod"]), { code: 1, output: refused("file:///home/x") });
    folder.write("home/.pulumi/credentials.json", '{ "current": "https://api.pulumi.com" }');
    assert.equal((await folder.run("setup/backend", ["prod"])).code, 0);
  });

  test("setup/backend takes every backend that stays, and anything where it is not CI", async (t) => {
    const folder = new Folder(t);
    for (const env of [
      CLOUD,
      ...[
        "s3://bucket?region=eu-central-1",
        "azblob://states",
        "gs://states",
        "https://pulumi.example",
        "postgres://x",
      ].map((PULUMI_BACKEND_URL) => ({ PULUMI_BACKEND_URL })),
      ...["", "false", "0"].map((CI) => ({ CI, PULUMI_BACKEND_URL: "file:///x" })),
    ]) {
      assert.deepEqual(await folder.run("setup/backend", ["prod"], env), { code: 0, output: "" });
    }
    assert.deepEqual(folder.called, []);
  });

  test("npm start refuses staging and prod on CI before anything is brought, and what is no stack anywhere", async (t) => {
    const folder = new Folder(t);
    const { code, output } = await folder.run("setup/start", ["prod"]);
    assert.equal(code, 1);
    assert.match(output, /^✗ Backend: the state of prod would be in file:.*\n {2}Next: set PULUMI_ACCESS_TOKEN/);
    for (const name of NAMES) {
      const { code, output } = await folder.run("setup/start", [name], CLOUD);
      assert.equal(code, 1, name);
      assert.match(output, /^✗ Stack: .*is not the name of a stack with a file here\n {2}Next: ls Pulumi\.\*\.yaml/s);
    }
    assert.equal((await folder.run("setup/start", ["dev", "prod"])).code, 1);
    assert.deepEqual(folder.called, []);
  });

  test("each script takes one stack that has a file, and does nothing otherwise", async (t) => {
    const folder = new Folder(t);
    for (const script of ["up", "preview", "drift"]) {
      for (const args of [[], ["dev", "prod"], ...NAMES.map((name) => [name])]) {
        const { code, output } = await folder.run(`.github/scripts/${script}`, args, CLOUD);
        assert.equal(code, 1, output);
        assert.match(output, /^✗ Stack: .*is not the name of a stack with a file here\n/s);
      }
    }
    assert.deepEqual(folder.called, []);
  });

  test("up brings a stack up whose engine and state stay, and shows how it is", async (t) => {
    const up = "pulumi up --yes --skip-preview --diff --non-interactive --suppress-permalink=true --stack prod";
    const status = "npm run --silent status -- --stack prod";
    const engines = [
      ["config:\n  docker:host: ssh://deploy@shop.example\n", {}],
      ['config:\n  "docker:host": "ssh://deploy@shop.example"\n', {}],
      ["config: {}\n", { DOCKER_HOST: "ssh://deploy@shop.example" }],
      ["config: {}\n", { RUNNER_ENVIRONMENT: "self-hosted" }],
    ] as const;
    for (const [text, env] of engines) {
      const folder = new Folder(t);
      folder.write("Pulumi.prod.yaml", text);
      // A stack that is up but degraded is not a failed run.
      folder.command("npm", "exit 1");
      assert.equal((await folder.run(".github/scripts/up", ["prod"], { ...CLOUD, ...env })).code, 0);
      assert.deepEqual(folder.called, [up, status]);
    }
    const folder = new Folder(t);
    folder.command("pulumi", "exit 255");
    const { code } = await folder.run(".github/scripts/up", ["prod"], { ...CLOUD, DOCKER_HOST: "ssh://x" });
    assert.equal(code, 255);
    assert.deepEqual(folder.called, [up]);
  });

  test("up, preview and drift have what .envrc sets, as every shell of the project", async (t) => {
    for (const [script, called] of [
      ["up", "pulumi"],
      ["preview", "npm"],
      ["drift", "npm"],
    ] as const) {
      const folder = new Folder(t);
      folder.write(".envrc", "export OF_ENVRC=there\n");
      folder.command(called, `echo "$OF_ENVRC" >"${folder.file("seen")}"`);
      assert.equal(
        (await folder.run(`.github/scripts/${script}`, ["prod"], { ...CLOUD, DOCKER_HOST: "ssh://x" })).code,
        0,
      );
      assert.equal(folder.read("seen"), "there\n", script);
    }
  });

  test("up refuses an engine or a state that is lost with the runner", async (t) => {
    const folder = new Folder(t);
    for (const text of ["config: {}\n", "config:\n  # docker:host: ssh://x\n  docker:host:\n"]) {
      folder.write("Pulumi.dev.yaml", text);
      const { code, output } = await folder.run(".github/scripts/up", ["dev"], CLOUD);
      assert.equal(code, 1);
      assert.equal(
        output,
        "✗ Stack dev: its file names no engine, and this runner's own is lost with it. Nothing was touched\n" +
          "  Next: pulumi config set docker:host ssh://<user>@<host> --stack dev; or take a runner of your own (docs/delivery.md)\n",
      );
    }
    const state = await folder.run(".github/scripts/up", ["dev"], { DOCKER_HOST: "ssh://x" });
    assert.equal(state.code, 1);
    assert.match(state.output, /^✗ Backend: the state of dev would be in file:/);
    assert.deepEqual(folder.called, []);
  });

  test("preview leaves the comment, shows it on the run's page, and exits as the preview does", async (t) => {
    for (const exit of [0, 1, 3]) {
      const folder = new Folder(t);
      folder.command("npm", `echo '### prod: says'; echo for the log >&2; exit ${exit}`);
      const { code, output } = await folder.run(".github/scripts/preview", ["prod"], CLOUD);
      assert.deepEqual([code, output], [exit, "for the log\n"]);
      assert.deepEqual(folder.called, ["npm run --silent preview -- prod --comment"]);
      assert.equal(folder.read("temp/preview-prod.md"), "### prod: says\n");
      assert.equal(folder.read("page"), "### prod: says\n");
    }
    const folder = new Folder(t);
    assert.equal((await folder.run(".github/scripts/preview", ["prod"])).code, 1, "everything would look new");
    assert.deepEqual([folder.called, folder.read("temp/preview-prod.md")], [[], ""]);
  });

  test("drift leaves what was said and the exit code, whichever it is; without a state it can't be told", async (t) => {
    for (const exit of [0, 1, 3, 127]) {
      const folder = new Folder(t);
      folder.command("npm", `echo table; echo why >&2; exit ${exit}`);
      const { code, output } = await folder.run(".github/scripts/drift", ["prod"], CLOUD);
      assert.deepEqual([code, output], [0, "table\nwhy\n"]);
      assert.deepEqual(folder.called, ["npm run --silent drift -- prod"]);
      assert.equal(folder.read("temp/drift-prod.txt"), "table\nwhy\n");
      assert.equal(folder.read("temp/drift-prod.code"), `${exit}\n`);
    }
    const folder = new Folder(t);
    assert.equal((await folder.run(".github/scripts/drift", ["prod"])).code, 0);
    assert.match(folder.read("temp/drift-prod.txt"), /^✗ Backend: the state of prod would be in file:/);
    assert.equal(folder.read("temp/drift-prod.code"), "3\n");
  });

  test("a pull request from a fork is told why it has no previews", async (t) => {
    const folder = new Folder(t);
    const { code, output } = await folder.run(".github/scripts/forks");
    assert.equal(code, 0);
    assert.match(output, /^::notice title=No previews::Pull requests from forks get no previews: /);
    assert.match(folder.read("page"), /^Pull requests from forks get no previews: /);
  });

  test("ssh-setup puts key and known hosts where ssh finds them and nobody else does, and takes them away again", async (t) => {
    const folder = new Folder(t);
    const { key, known } = keyIn(folder);
    // As they come out of a form: without the last line's end, or with those of Windows.
    for (const [SSH_PRIVATE_KEY, SSH_KNOWN_HOSTS] of [
      [key.trimEnd(), known.trimEnd()],
      [key.replaceAll("\n", "\r\n"), known.replaceAll("\n", "\r\n")],
    ]) {
      const { code, output } = await folder.run(".github/scripts/ssh-setup", [], { SSH_PRIVATE_KEY, SSH_KNOWN_HOSTS });
      assert.equal(code, 0, output);
      assert.match(output, /^✓ SSH: the key and the known hosts are in place \(\d+\.\d s\)\n$/);
      assert.equal(folder.read("home/.ssh/blue-green-key").trimEnd(), key.trimEnd());
      for (const file of ["blue-green-key", "blue-green-known-hosts", "config"])
        assert.equal(statSync(folder.file("home", ".ssh", file)).mode & 0o777, 0o600, file);
      assert.equal(statSync(folder.file("home", ".ssh")).mode & 0o777, 0o700);
    }
    const config = execFileSync("ssh", ["-T", "-G", "-F", folder.file("home/.ssh/config"), "shop.example"], {
      encoding: "utf8",
    });
    for (const line of [
      `identityfile ${folder.file("home/.ssh/blue-green-key")}`,
      `userknownhostsfile ${folder.file("home/.ssh/blue-green-known-hosts")}`,
      "stricthostkeychecking true",
      "batchmode yes",
      "controlpersist 60",
    ])
      assert.ok(config.split("\n").includes(line), `${line}\nis missing in\n${config}`);

    assert.deepEqual(await folder.run(".github/scripts/ssh-setup", ["--remove"]), { code: 0, output: "" });
    for (const file of ["blue-green-key", "blue-green-known-hosts", "config"])
      assert.equal(existsSync(folder.file("home", ".ssh", file)), false, file);
  });

  test("ssh-setup refuses half a set-up and what is no key or host, prints nothing of it, and leaves nothing", async (t) => {
    const folder = new Folder(t);
    const { key, known } = keyIn(folder);
    const { key: locked } = keyIn(folder, "passphrase");
    const nonsense = "hunter2hunter2\n$(touch pwned)";
    for (const [SSH_PRIVATE_KEY, SSH_KNOWN_HOSTS, says] of [
      ["", known, "SSH_PRIVATE_KEY is empty, although SSH_KNOWN_HOSTS is set"],
      [key, "", "SSH_KNOWN_HOSTS is empty: any machine could say that it is the host"],
      [key, " \n\t\n", "SSH_KNOWN_HOSTS is empty: any machine could say that it is the host"],
      [nonsense, known, "SSH_PRIVATE_KEY is no private key without a passphrase"],
      [locked, known, "SSH_PRIVATE_KEY is no private key without a passphrase"],
      [key, nonsense, "SSH_KNOWN_HOSTS has no line of a known host"],
    ] as const) {
      const { code, output } = await folder.run(".github/scripts/ssh-setup", [], { SSH_PRIVATE_KEY, SSH_KNOWN_HOSTS });
      assert.equal(code, 1, says);
      assert.ok(output.startsWith(`✗ SSH: ${says}\n  Next: set the environment's secrets SSH_PRIVATE_KEY and`), output);
      for (const secret of [nonsense, "hunter2", key.split("\n")[1] ?? "", known.trim()])
        assert.equal(output.includes(secret), false);
      for (const file of ["blue-green-key", "blue-green-known-hosts", "config"])
        assert.equal(existsSync(folder.file("home", ".ssh", file)), false, file);
    }
    assert.equal(existsSync(folder.file("pwned")), false);
  });

  test("ssh-setup leaves a set-up of somebody else's alone, and needs none where no secret is set", async (t) => {
    const folder = new Folder(t);
    const none = await folder.run(".github/scripts/ssh-setup", [], { SSH_PRIVATE_KEY: "", SSH_KNOWN_HOSTS: "" });
    assert.match(none.output, /^✓ SSH: no key is set, so none is made/);
    assert.equal(existsSync(folder.file("home", ".ssh")), false);

    const { key, known } = keyIn(folder);
    mkdirSync(folder.file("home", ".ssh"));
    folder.write("home/.ssh/config", "Host *\n");
    const env = { SSH_PRIVATE_KEY: key, SSH_KNOWN_HOSTS: known };
    const { code, output } = await folder.run(".github/scripts/ssh-setup", [], env);
    assert.equal(code, 1);
    assert.match(output, /config is there already, and somebody else's/);
    await folder.run(".github/scripts/ssh-setup", ["--remove"]);
    assert.equal(folder.read("home/.ssh/config"), "Host *\n");
    assert.match((await folder.run(".github/scripts/ssh-setup", ["--help"])).output, /--help is no argument of it/);
  });
});
