import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { CantTellError } from "../../commands/outcome";
import { engineOf, findStack, notedStack, readStack, stackNamed } from "../../commands/stack";

function project(t: TestContext, stacks: Record<string, string>, program = "name: p\n"): string {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-stack-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "Pulumi.yaml"), program);
  for (const [name, config] of Object.entries(stacks)) {
    writeFileSync(join(directory, `Pulumi.${name}.yaml`), `config:\n  p:activeColor: blue\n${config}`);
  }
  return directory;
}

const find = (directory: string, name: string) => findStack(directory, name, (stack) => `npm run x -- ${stack}`);

const read = async (directory: string, name: string) => readStack(await find(directory, name));

const NAME_DEV = { purpose: "name the stack", command: "npm run x -- dev" };

describe("finding a stack", () => {
  test("a stack is what its file says, however it is named", async (t) => {
    const directory = project(t, { dev: "  docker:host: tcp://shop:1\n", prod: "" });
    for (const name of ["dev", "organization/dev", "organization/p/dev"]) {
      const stack = await read(directory, name);
      assert.deepEqual([stack.name, stack.named, stack.file], [name, name, "Pulumi.dev.yaml"]);
      assert.deepEqual([stack.owner, stack.host], [{ project: "p", stack: "dev" }, "tcp://shop:1"]);
      assert.deepEqual([stack.active, stack.config["p:activeColor"]], [{ color: "blue" }, "blue"]);
    }
  });

  test("the selected stack is read from Pulumi's own note of it, and from no other folder's or backend's", (t) => {
    const directory = project(t, { dev: "" });
    const home = mkdtempSync(join(tmpdir(), "blue-green-home-"));
    t.after(() => rmSync(home, { recursive: true }));
    mkdirSync(join(home, "workspaces"));
    const hash = createHash("sha1").update(join(directory, "Pulumi.yaml")).digest("hex");
    const note = (text: string) => writeFileSync(join(home, "workspaces", `p-${hash}-workspace.json`), text);
    const noted = (backend?: string) =>
      notedStack(directory, "p", { PULUMI_HOME: home, ...(backend !== undefined && { PULUMI_BACKEND_URL: backend }) });
    const login = (current: string) => writeFileSync(join(home, "credentials.json"), JSON.stringify({ current }));
    assert.equal(noted(), undefined);
    note(JSON.stringify({ stacks: { "file:///a": "organization/p/dev" } }));
    assert.deepEqual([noted(), noted("file:///a"), noted("file:///b")], [undefined, "dev", undefined]);
    login("file:///a");
    assert.equal(noted(), "dev");
    login("file:///b");
    assert.equal(noted(), undefined, "another backend's selection");
    note(JSON.stringify({ stacks: { "file:///a": "organization/p/dev", "https://b": "acme/p/prod" } }));
    assert.deepEqual([noted(), noted("file:///a"), noted("https://b")], [undefined, "dev", "acme/p/prod"]);
    login("https://b");
    assert.equal(noted(), "acme/p/prod");
    writeFileSync(join(directory, "Pulumi.yaml"), "name: p\nbackend:\n  url: file:///c\n");
    assert.deepEqual([noted(), noted("file:///a")], [undefined, "dev"], "the project names its own");
    for (const spoilt of ["", "{", "[]", "null", '{"stacks":[]}', '{"stacks":{"file:///a":1}}']) {
      note(spoilt);
      assert.equal(noted("file:///a"), undefined, spoilt);
    }
    assert.equal(notedStack(join(directory, "elsewhere"), "p", { PULUMI_HOME: home }), undefined);
  });

  test("a stack's name can't lead out of the folder, and must be one of this project", async (t) => {
    const directory = project(t, { dev: "" });
    for (const name of ["../dev", "/etc/passwd", "dev\n", "$(id)", "dev;reboot", "--help", "", "x".repeat(300)]) {
      await assert.rejects(find(directory, name), { message: /can't be a stack's name$/, exit: 3, next: [NAME_DEV] });
    }
    await assert.rejects(find(directory, "us/shop/dev"), {
      ...{ message: "us/shop/dev is a stack of shop, and this is p", next: [NAME_DEV] },
    });
  });

  test("a stack that is not there is one sentence and the command that makes it", async (t) => {
    const make = "pulumi stack init prod && pulumi config set activeColor blue --stack prod && pulumi up --stack prod";
    await assert.rejects(read(project(t, { dev: "" }), "prod"), {
      ...{ message: "There is no stack prod in this project: it has no Pulumi.prod.yaml", exit: 3 },
      next: [{ purpose: "make it", command: make }, NAME_DEV],
    });
    await assert.rejects(read(project(t, {}), "prod"), { next: [{ purpose: "make it", command: make }] });
  });

  test("a file that can't be read, or is no YAML, shows nothing of itself", async (t) => {
    const directory = project(t, { dev: "  p:registryPassword: [hunter2\n" });
    await assert.rejects(read(directory, "dev"), {
      exit: 3,
      message: /^Pulumi\.dev\.yaml is not valid YAML \(line \d+\)$/,
    });
    mkdirSync(join(directory, "Pulumi.odd.yaml"));
    await assert.rejects(read(directory, "odd"), { exit: 3, message: "Pulumi.odd.yaml can't be read (EISDIR)" });
    await assert.rejects(find(project(t, {}, "name: ../x\n"), "dev"), { message: /^Pulumi\.yaml has no name/ });
    rmSync(join(directory, "Pulumi.yaml"));
    await assert.rejects(find(directory, "dev"), { exit: 3, message: "There is no Pulumi.yaml in this folder" });
  });

  test("Docker's context can't choose another engine than the stack's", (t) => {
    t.after(() => {
      delete process.env.DOCKER_CONTEXT;
    });
    process.env.DOCKER_CONTEXT = "other";
    assert.throws(
      () => engineOf({}),
      (error) => error instanceof CantTellError && /^DOCKER_CONTEXT is "other"/.test(error.message),
    );
  });

  test("a stack's name in parts", () => {
    assert.deepEqual(stackNamed("us/shop/dev"), { stack: "dev", project: "shop" });
    assert.deepEqual(stackNamed("us/dev"), { stack: "dev" });
    assert.equal(stackNamed("a/b/c/d"), undefined);
  });
});
