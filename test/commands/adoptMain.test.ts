import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { parse } from "yaml";
import { portsInARow } from "../e2e/stack";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../program";

const COMPOSE = `
services:
  web:
    image: example/shop:1.10
    ports: ["8080:3000"]
    environment: { DB_HOST: db, DB_PASSWORD: "hunter2 $$x", API_TOKEN: "two\\nlines" }
  db:
    image: postgres:17
    environment: { POSTGRES_PASSWORD: "hunter2 $$x" }
    volumes: [data:/var/lib/postgresql/data]
volumes: { data: }
`;

/** A stand-in for `pulumi` that has no stack. */
const NO_STACK = "echo \"error: no stack named 'shop' found\" >&2; exit 6";

/** One that has it; what it is told is a line of `called`, and what comes on its standard input is in `set`. */
const HAS_STACK = '[ "$1" = config ] && { echo "== $5" >>"$DIRECTORY/set"; cat >>"$DIRECTORY/set"; }; exit 0';

/** A project's folder, and beside it that of a compose project. */
class Project {
  readonly directory = mkdtempSync(join(tmpdir(), "blue-green-adopt-"));

  constructor(t: TestContext, pulumi = NO_STACK) {
    t.after(() => rmSync(this.directory, { recursive: true }));
    for (const part of ["bin", "shop", "project"]) mkdirSync(this.file(part));
    writeFileSync(this.file("shop", "docker-compose.yml"), COMPOSE);
    writeFileSync(this.file("project", "Pulumi.yaml"), readFileSync(join(CHECKOUT, "Pulumi.yaml")));
    symlinkSync(join(CHECKOUT, "node_modules"), this.file("project", "node_modules"));
    for (const [name, script] of Object.entries({ pulumi, docker: "exit 1" })) {
      const text = `#!/bin/sh\nPATH=/usr/bin:/bin\nDIRECTORY=${this.directory}\necho "${name} $*" >>"$DIRECTORY/called"\n${script}\n`;
      writeFileSync(this.file("bin", name), text);
      chmodSync(this.file("bin", name), 0o755);
    }
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  text(...parts: string[]): string {
    return existsSync(this.file(...parts)) ? readFileSync(this.file(...parts), "utf8") : "";
  }

  /** The settings in the stack's file, by their bare names. */
  config(stack = "shop"): Record<string, unknown> {
    const { config } = parse(this.text("project", `Pulumi.${stack}.yaml`)) as { config: Record<string, unknown> };
    return Object.fromEntries(Object.entries(config).map(([name, value]) => [name.replace("blue-green:", ""), value]));
  }

  adopt(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.run(args);
  }

  run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; stdout: string; stderr: string }> {
    const main = join(CHECKOUT, "commands", "adopt", "main.ts");
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ["--require", BUNDLE, main, ...args],
        {
          cwd: this.file("project"),
          env: { PATH: `${this.file("bin")}:/usr/bin:/bin`, HOME: this.directory, ...NO_SOCKET, ...env },
        },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  }
}

const FILE = "../shop/docker-compose.yml";

describe("npm run adopt", () => {
  test("writes the stack's file without secrets, and the values into files that only the user can read", async (t) => {
    const project = new Project(t);
    const { code, stdout, stderr } = await project.adopt(FILE);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\.\.\/shop\/docker-compose\.yml, project shop: Pulumi\.shop\.yaml\n\nweb: blue and green\n/);
    assert.match(stdout, /\nPulumi\.shop\.yaml is written\.\n\n1\. Make the stack\./);
    const config = project.config();
    assert.deepEqual([config.blueImage, config.blueVersion, config.httpPort], ["example/shop:1.10", "1.10", 8080]);
    assert.deepEqual(config.environment, { DB_HOST: "db" });
    const folder = project.file("project", ".state", "adopt", "shop");
    const files = readdirSync(folder).sort();
    assert.deepEqual(files, [
      "accessories.db.environment.POSTGRES_PASSWORD",
      "secretEnvironment.API_TOKEN",
      "secretEnvironment.DB_PASSWORD",
    ]);
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    // In a container's key a dollar sign is two.
    assert.equal(readFileSync(join(folder, files[0] ?? ""), "utf8"), "hunter2 $$x\n");
    assert.equal(readFileSync(join(folder, files[1] ?? ""), "utf8"), "two\nlines\n");
    assert.equal(readFileSync(join(folder, files[2] ?? ""), "utf8"), "hunter2 $x\n");
    for (const text of [stdout, project.text("project", "Pulumi.shop.yaml"), project.text("called")]) {
      assert.doesNotMatch(text, /hunter2|two\\?nlines/);
    }
    assert.equal(project.text("called"), "pulumi stack --show-name --stack shop --non-interactive --color never\n");
  });

  test("sets the secrets where the stack is there, by standard input", async (t) => {
    const project = new Project(t, HAS_STACK);
    const { code, stdout } = await project.adopt(FILE, "--stack", "shop");
    assert.equal(code, 0);
    assert.equal(
      project.text("set"),
      "== secretEnvironment.DB_PASSWORD\nhunter2 $x\n== secretEnvironment.API_TOKEN\ntwo\nlines\n" +
        "== accessories.db.environment.POSTGRES_PASSWORD\nhunter2 $$x\n",
    );
    assert.match(
      stdout,
      /\nSet with --secret: secretEnvironment\.DB_PASSWORD, secretEnvironment\.API_TOKEN, accessories\./,
    );
    assert.doesNotMatch(stdout, /stack init|< \.state/);
    assert.doesNotMatch(project.text("called"), /hunter2|docker/);
    assert.ok(!existsSync(project.file("project", ".state")));
  });

  test("says what Pulumi says where it can't set a secret, with the commands that are left", async (t) => {
    const project = new Project(t, '[ "$1" = stack ] || { echo "error: passphrase must be set" >&2; exit 255; }');
    const { code, stdout } = await project.adopt(FILE);
    assert.equal(code, 0);
    assert.match(stdout.replaceAll(/\s+/g, " "), /1\. Set the secrets, since passphrase must be set\. The values wait/);
  });

  test("leaves an existing file as it is, says which keys would change, and with --yes changes those alone", async (t) => {
    const project = new Project(t);
    const before =
      "# ours\nencryptionsalt: v1:x\nconfig:\n  docker:host: ssh://a@b # there\n  blue-green:httpPort: 80\n" +
      "  blue-green:idle: stopped\n  blue-green:appPort: 3000\n  blue-green:secretEnvironment:\n    A:\n      secure: v1:y\n";
    writeFileSync(project.file("project", "Pulumi.shop.yaml"), before);
    const { code, stdout, stderr } = await project.adopt(FILE, "--service", "web");
    assert.equal(code, 1);
    assert.match(stdout, /^[^\n]*\n\nweb: blue and green\n/);
    assert.match(
      stderr,
      /^Refused: Pulumi\.shop\.yaml is there already, and was left as it is: httpPort changes, activeColor is new, blueImage is new, /,
    );
    assert.match(
      stderr,
      /\nNext, to have these keys written: npm run adopt -- \.\.\/shop\/docker-compose\.yml --service web --stack shop --yes\n$/,
    );
    assert.doesNotMatch(stderr, /appPort|idle/);
    assert.equal(project.text("project", "Pulumi.shop.yaml"), before);
    assert.equal(project.text("called"), "");

    const again = await project.adopt(FILE, "--yes");
    assert.equal(again.code, 0);
    assert.match(again.stdout, /\nPulumi\.shop\.yaml is written: httpPort changes, activeColor is new, /);
    const text = project.text("project", "Pulumi.shop.yaml");
    for (const kept of ["# ours\n", "encryptionsalt: v1:x\n", "docker:host: ssh://a@b # there\n", "secure: v1:y\n"]) {
      assert.ok(text.includes(kept), text);
    }
    assert.deepEqual([project.config().httpPort, project.config().idle], [8080, "stopped"]);

    // As Pulumi writes a number once it has written the file.
    const quoted = text.replace("httpPort: 8080", 'httpPort: "8080"');
    writeFileSync(project.file("project", "Pulumi.shop.yaml"), quoted);
    const third = await project.adopt(FILE);
    assert.equal(third.code, 0);
    assert.match(third.stdout, /\nPulumi\.shop\.yaml says all of that already\.\n/);
    assert.equal(project.text("project", "Pulumi.shop.yaml"), quoted);
  });

  test("without a terminal several services are a refusal, with what to type for each", async (t) => {
    const project = new Project(t);
    const two = COMPOSE.replace("  db:", "  admin:\n    image: example/admin:1\n    ports: ['8081:80']\n  db:");
    writeFileSync(project.file("shop", "docker-compose.yml"), two);
    const { code, stdout, stderr } = await project.adopt(FILE, "--keep", "db");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      "Refused: 2 services publish a port: which one is the app? Nothing was written\n" +
        "Next, to take web (example/shop:1.10, 8080:3000): npm run adopt -- ../shop/docker-compose.yml --keep db --service web\n" +
        "Next, to take admin (example/admin:1, 8081:80): npm run adopt -- ../shop/docker-compose.yml --keep db --service admin\n",
    );
    assert.deepEqual(readdirSync(project.file("project")).sort(), ["Pulumi.yaml", "node_modules"]);
  });

  test("ports of the project's other stacks are not taken, and one that both have is told", async (t) => {
    const project = new Project(t);
    writeFileSync(project.file("project", "Pulumi.dev.yaml"), "config:\n  blue-green:bluePort: 8081\n");
    const { stdout } = await project.adopt(FILE);
    const { bluePort, greenPort } = project.config();
    assert.ok(Number(bluePort) > 8081 && Number(greenPort) > Number(bluePort), `${bluePort} ${greenPort}`);
    assert.match(stdout.replaceAll(/\s+/g, " "), /the stack dev has 8080 too: both can't be up on one engine/);
  });

  test("a port at which something listens is no color's, but for what the stack's own file has", async (t) => {
    const project = new Project(t);
    const [port = 0, blue = 0, green = 0] = await portsInARow(5);
    writeFileSync(project.file("shop", "docker-compose.yml"), COMPOSE.replace("8080:3000", `${port}:3000`));
    const servers = [blue, green].map((each) => createServer().listen(each, "127.0.0.1"));
    t.after(() => servers.map((server) => server.close()));
    await Promise.all(servers.map((server) => once(server, "listening")));
    await project.adopt(FILE);
    assert.deepEqual([project.config().bluePort, project.config().greenPort], [port + 3, port + 4]);
    const own = `config:\n  blue-green:bluePort: ${blue}\n  blue-green:greenPort: "${green}"\n`;
    writeFileSync(project.file("project", "Pulumi.shop.yaml"), own);
    await project.adopt(FILE, "--yes");
    assert.deepEqual([project.config().bluePort, project.config().greenPort], [blue, green]);
  });

  test("what an earlier run has written of services leaves the file where they stay with Compose", async (t) => {
    const project = new Project(t);
    await project.adopt(FILE);
    assert.ok(project.config().accessories);
    const before = project.text("project", "Pulumi.shop.yaml");
    const refused = await project.adopt(FILE, "--keep", "db");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /was left as it is: container is new, accessories goes\n/);
    assert.equal(project.text("project", "Pulumi.shop.yaml"), before);
    const { code, stdout } = await project.adopt(FILE, "--keep", "db", "--yes");
    assert.equal(code, 0);
    assert.match(stdout, /Pulumi\.shop\.yaml is written: container is new, accessories goes\.\n/);
    assert.equal(project.config().accessories, undefined);
    assert.deepEqual(project.config().container, { networks: ["shop_default"] });
  });

  test("a path is relative to where it was typed, as npm says it", async (t) => {
    const project = new Project(t);
    const npm = { npm_lifecycle_event: "adopt", INIT_CWD: project.file("shop") };
    const { code, stdout } = await project.run(["docker-compose.yml"], npm);
    assert.equal(code, 0);
    // The commands are typed in the project's folder, as `pulumi` and the files of secrets are found there.
    assert.match(stdout, /docker compose -f \.\.\/shop\/docker-compose\.yml stop web/);
    assert.equal((await project.run(["docker-compose.yml"], { ...npm, npm_lifecycle_event: "test" })).code, 1);
  });

  test("wrong arguments, and a folder that is no project, are told before anything is read", async (t) => {
    const project = new Project(t);
    const cases: [string[], number, RegExp][] = [
      [[], 3, /^Can't tell: Which compose file\? None is named\nNext, to name it: npm run adopt -- /],
      [["--file", "a.yml"], 3, /^Can't tell: the argument "--file" is not known\n/],
      [[FILE, "--stack", "a;b"], 3, /^Can't tell: "a;b" can't be a stack's name\n/],
      [
        [FILE, "--stack", "org/other/shop"],
        3,
        /^Can't tell: org\/other\/shop is a stack of other, and this is blue-green\n/,
      ],
      [
        [FILE, "--service", "gone"],
        1,
        /^Refused: There is no service "gone" in the file\. Nothing was written\nNext, to take web /,
      ],
      [
        [FILE, "--keep", "gone"],
        1,
        /^Refused: --keep names "gone", and the services are web, db\. Nothing was written\n$/,
      ],
      [[FILE, "--keep", "web"], 1, /^Refused: --keep names web, which is the app itself\. Nothing was written\n$/],
      [["../shop/gone.yml"], 1, /^Refused: gone\.yml is not there\. Nothing was written\n$/],
      [["../shop"], 1, /^Refused: shop is no file\. Nothing was written\n$/],
    ];
    for (const [args, code, message] of cases) {
      const ended = await project.adopt(...args);
      assert.deepEqual([ended.code, ended.stdout], [code, ""], args.join(" "));
      assert.match(ended.stderr, message);
    }
    rmSync(project.file("project", "Pulumi.yaml"));
    assert.match((await project.adopt(FILE)).stderr, /^Can't tell: There is no Pulumi\.yaml in this folder\n/);
    assert.equal(project.text("called"), "");
  });

  test("--help says all of it and loads nothing of Pulumi's", async (t) => {
    const project = new Project(t);
    const loaded = project.file("loaded.cjs");
    const list = "for (const file of Object.keys(require.cache)) if (/@pulumi/.test(file)) console.error(file);";
    writeFileSync(loaded, `process.on("exit", () => { ${list} });\n`);
    const { code, stdout, stderr } = await project.run(["--help"], { NODE_OPTIONS: `--require ${loaded}` });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\nExit code: 0 /);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
    // A file that is refused is refused without Pulumi, too.
    const refused = await project.run(["../shop/gone.yml"], { NODE_OPTIONS: `--require ${loaded}` });
    assert.doesNotMatch(refused.stderr, /@pulumi/);
  });
});
