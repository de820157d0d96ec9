import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";

const CHECKOUT = join(__dirname, "..");

/** Lints a project of these files, each with this import alone; returns those whose import is refused. */
function refusedIn(t: TestContext, files: Readonly<Record<string, string>>): string[] {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-walls-"));
  t.after(() => rmSync(directory, { recursive: true }));
  copyFileSync(join(CHECKOUT, "biome.json"), join(directory, "biome.json"));
  for (const [file, imported] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), `import { x } from ${JSON.stringify(imported)};\nx();\n`);
  }
  const args = ["lint", "--only=style/noRestrictedImports", "--max-diagnostics=none", "--colors=off"];
  const { stderr, stdout } = spawnSync(join(CHECKOUT, "node_modules", ".bin", "biome"), args, {
    cwd: directory,
    encoding: "utf8",
  });
  assert.match(stdout, new RegExp(`Checked ${Object.keys(files).length + 1} files`), stderr);
  return Array.from(
    stderr.matchAll(/^(\S+):\d+:\d+ lint\/style\/noRestrictedImports /gm),
    ([, file = ""]) => file,
  ).sort();
}

describe("the walls between rooms", () => {
  test("commands and the cutover import of stacks/ only the rooms that never load Pulumi", (t) => {
    const refused = {
      "commands/a.ts": "../stacks",
      "commands/b.ts": "../stacks/slot",
      "commands/release/c.ts": "../../stacks/settings/writtenForms",
      "commands/status/d.ts": "../../stacks/settings/settings",
      "commands/status/e.ts": "../../stacks/plan/plan",
      "commands/adopt/k.ts": "../../stacks/settings/container/keys",
      "cutover/f.ts": "../stacks/cutover",
      "cutover/g.ts": "@pulumi/pulumi",
    };
    const allowed = {
      "commands/release/registrySettings.ts": "../../stacks/settings/writtenForms",
      "commands/adopt/rules.ts": "../../stacks/settings/container/keys",
      "commands/status/h.ts": "../../stacks/service/world",
      "cutover/i.ts": "../stacks/engine/docker",
      "cutover/j.ts": "../stacks/text/plain",
    };
    assert.deepEqual(refusedIn(t, { ...refused, ...allowed }), Object.keys(refused).sort());
    const excused = "commands/release/registrySettings.ts";
    assert.deepEqual(refusedIn(t, { [excused]: "../../stacks/settings/settings" }), [excused]);
    const door = "commands/adopt/rules.ts";
    for (const imported of ["../../stacks/slot", "../../stacks", "@pulumi/pulumi"]) {
      assert.deepEqual(refusedIn(t, { [door]: imported }), [door]);
    }
  });

  test("those rooms import one another and nothing else of the project", (t) => {
    const inEach = (name: string, imported: string) =>
      Object.fromEntries(["engine", "service", "text"].map((room) => [`stacks/${room}/${name}.ts`, imported]));
    const refused = {
      ...inEach("a", "@pulumi/docker"),
      ...inEach("b", "../settings/problem"),
      ...inEach("c", "../slot"),
      ...inEach("d", "../../cutover/order"),
    };
    const allowed = {
      ...inEach("e", "../text/json"),
      ...inEach("f", "../engine/docker"),
      ...inEach("g", "./a"),
      ...inEach("h", "node:fs"),
    };
    assert.deepEqual(refusedIn(t, { ...refused, ...allowed }), Object.keys(refused).sort());
  });
});
