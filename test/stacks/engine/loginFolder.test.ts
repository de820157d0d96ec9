import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, before as first, test } from "node:test";
import { makeLoginFolder, removeLeftLogins } from "../../../stacks/engine/loginFolder";

const usual = process.env.TMPDIR;

let temporary: string;

first(() => {
  temporary = mkdtempSync(join(tmpdir(), "blue-green-test-"));
  process.env.TMPDIR = temporary;
});

after(() => {
  if (usual === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = usual;
  rmSync(temporary, { recursive: true });
});

/** Of what lies there, what could be a login. */
const left = () =>
  readdirSync(temporary)
    .filter((name) => name.startsWith("blue-green-login-"))
    .sort();

const listeners = () => ["exit", "SIGINT", "SIGTERM", "SIGHUP"].map((event) => process.listenerCount(event));

/** A run that waits with a password in its folder; its standard output says when it does. */
const HOLDS = `
const { withLogin } = require("./stacks/engine/registry.ts");
const { writeSync } = require("node:fs");
if (process.env.LISTENS) process.on("SIGINT", () => setTimeout(() => process.exit(7), 50));
withLogin({ host: "r.example", user: "ci", password: "hunter2", from: "registryPassword" }, () => {
  writeSync(1, "held\\n");
  return new Promise((resolve) => setTimeout(resolve, 60000));
});`;

async function held(more: NodeJS.ProcessEnv = {}) {
  const child = spawn("node", ["--require", "tsx/cjs", "--eval", HOLDS], { env: { ...process.env, ...more } });
  await once(child.stdout, "data");
  const [folder = ""] = left();
  assert.ok(existsSync(join(temporary, folder, "config.json")));
  return { child, folder: join(temporary, folder) };
}

describe("the folder of a login", () => {
  test("a login is gone whatever signal ends the run, and the run ends as it would have without it", async () => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const { child } = await held();
      child.kill(signal);
      assert.deepEqual(await once(child, "close"), [null, signal]);
      assert.deepEqual(left(), [], signal);
    }
    const { child } = await held({ LISTENS: "yes" });
    child.kill("SIGINT");
    assert.deepEqual(await once(child, "close"), [7, null]);
    assert.deepEqual(left(), []);
  });

  test("a killed run's login goes with the next run, and never that of a run that lives", async () => {
    const before = listeners();
    const { child, folder } = await held();
    removeLeftLogins();
    assert.ok(existsSync(folder), "its run lives");
    child.kill("SIGKILL");
    await once(child, "close");
    assert.ok(existsSync(folder), "nobody could remove it");
    const own = makeLoginFolder();
    assert.ok(!existsSync(folder));
    removeLeftLogins();
    assert.ok(existsSync(own.path));
    own.remove();
    assert.deepEqual(left(), []);
    assert.deepEqual(listeners(), before);
  });

  test("what is not known to be a dead run's is left alone until it is too old to be in use", () => {
    const elsewhere = "blue-green-login-1-00000000-abcdef";
    const names = [
      elsewhere,
      "blue-green-login-abcdef",
      `blue-green-login-${process.pid}-x-y`,
      "blue-green-login-",
      "other",
    ];
    for (const name of names) mkdirSync(join(temporary, name));
    writeFileSync(join(temporary, "blue-green-login-file"), "");
    symlinkSync(join(temporary, "other"), join(temporary, "blue-green-login-link"));
    removeLeftLogins();
    assert.equal(left().length, names.length + 1);

    const old = new Date(Date.now() - 2 * 3600_000);
    for (const name of names) utimesSync(join(temporary, name), old, old);
    removeLeftLogins();
    assert.deepEqual(left(), ["blue-green-login-file", "blue-green-login-link"]);
    for (const name of readdirSync(temporary)) rmSync(join(temporary, name), { recursive: true });
  });
});
