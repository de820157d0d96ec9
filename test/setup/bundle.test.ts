import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { run } from "../e2e/stack";
import { CHECKOUT } from "../program";

const SOURCES = {
  "index.ts":
    'import { word } from "./stacks/words";\nimport { z } from "zod";\n\nconsole.log("said:", z.string().parse(word));\n',
  "stacks/words/index.ts": 'export const word: string = "first";\n',
};

/** A checkout of a few sources, with the set-up and the packages of this one. */
function checkout(t: TestContext, sources: Record<string, string> = SOURCES): string {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-bundle-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, "setup"));
  for (const file of ["setup/bundle.cjs", "setup/sdk.cjs", "package-lock.json"])
    cpSync(join(CHECKOUT, file), join(directory, file));
  symlinkSync(join(CHECKOUT, "node_modules"), join(directory, "node_modules"));
  mkdirSync(join(directory, "stacks", "words"), { recursive: true });
  for (const [file, text] of Object.entries(sources)) writeFileSync(join(directory, file), text);
  return directory;
}

const entry = (directory: string, ...more: string[]) =>
  run(process.execPath, ["--require", "./setup/bundle.cjs", ...more, "index.ts"], { cwd: directory });

const bundles = (directory: string) => readdirSync(join(directory, ".state", "bundles")).sort();

describe("an entry runs as one file", () => {
  test("which is kept, and made anew when a source changes or a new one goes before it", async (t) => {
    const directory = checkout(t);
    assert.deepEqual(await entry(directory), { code: 0, output: "said: first\n" });
    // The sources are older than the bundle from here on.
    assert.equal((await entry(directory)).output, "said: first\n");
    assert.deepEqual(bundles(directory), ["index.js", "index.js.map"]);

    const kept = join(directory, ".state", "bundles", "index.js");
    writeFileSync(kept, readFileSync(kept, "utf8").replace('"said:"', '"kept:"'));
    assert.equal((await entry(directory)).output, "kept: first\n");

    writeFileSync(join(directory, "stacks", "words", "index.ts"), 'export const word = "other";\n');
    assert.equal((await entry(directory)).output, "said: other\n");
    writeFileSync(join(directory, "stacks", "words.ts"), 'export const word = "nearer";\n');
    assert.equal((await entry(directory)).output, "said: nearer\n");
    rmSync(join(directory, "stacks", "words.ts"));
    assert.equal((await entry(directory)).output, "said: other\n");
    assert.deepEqual(bundles(directory), ["index.js", "index.js.map"], "what is no longer used is not kept");
  });

  test("which a copy of the checkout takes over, as long as its sources are the same", async (t) => {
    const directory = checkout(t);
    await entry(directory);
    const copy = (sources: Record<string, string>) => {
      const other = checkout(t, sources);
      cpSync(join(directory, ".state"), join(other, ".state"), { recursive: true });
      const kept = join(other, ".state", "bundles", "index.js");
      writeFileSync(kept, readFileSync(kept, "utf8").replace('"said:"', '"kept:"'));
      return other;
    };
    const same = copy(SOURCES);
    for (const time of ["by its content", "by the time"])
      assert.equal((await entry(same)).output, "kept: first\n", time);
    const stamp = () =>
      /"stamp":"[0-9a-f]+"/.exec(readFileSync(join(same, ".state", "bundles", "index.js"), "utf8"))?.[0];
    const before = stamp();
    await entry(same);
    assert.equal(stamp(), before, "its files are read once");
    writeFileSync(join(same, "stacks", "words", "index.ts"), 'export const word = "other";\n');
    assert.equal((await entry(same)).output, "said: other\n");

    const edited = { ...SOURCES, "stacks/words/index.ts": 'export const word: string = "third";\n' };
    assert.equal((await entry(copy(edited))).output, "said: third\n");
    const nearer = { ...SOURCES, "stacks/words.ts": 'export const word = "nearer";\n' };
    assert.equal((await entry(copy(nearer))).output, "said: nearer\n");
    const packages = copy(SOURCES);
    writeFileSync(join(packages, "package-lock.json"), "{}\n");
    assert.equal((await entry(packages)).output, "said: first\n", "another lockfile, other packages");
  });

  test("nothing that others do in the folders around the checkout has it made again", async (t) => {
    const directory = checkout(t);
    await entry(directory);
    const kept = join(directory, ".state", "bundles", "index.js");
    const { ctimeMs } = statSync(kept);
    writeFileSync(join(directory, "Pulumi.dev.yaml"), "config: {}\n");
    rmSync(mkdtempSync(join(tmpdir(), "blue-green-bundle-")), { recursive: true });
    assert.equal((await entry(directory)).output, "said: first\n");
    assert.equal(statSync(kept).ctimeMs, ctimeMs);
  });

  test("many runs at once all get a whole one", async (t) => {
    const directory = checkout(t);
    const ended = await Promise.all(Array.from({ length: 6 }, () => entry(directory)));
    for (const one of ended) assert.deepEqual(one, { code: 0, output: "said: first\n" });
  });

  test("under Pulumi's runner an error names the line of the source as well", async (t) => {
    const directory = checkout(t, {
      ...SOURCES,
      "stacks/words/index.ts": '\n\nexport const word: string = (() => {\n  throw new Error("broken");\n})();\n',
    });
    // The bundle knows the runner by its path.
    const runner = join(directory, "runner", "@pulumi", "pulumi", "cmd", "run.js");
    mkdirSync(dirname(runner), { recursive: true });
    writeFileSync(
      runner,
      `require("source-map-support/register");\nrequire(${JSON.stringify(join(directory, "index.ts"))});\n`,
    );
    for (const how of ["made", "kept"]) {
      const { code, output } = await run(process.execPath, ["--require", "./setup/bundle.cjs", runner], {
        cwd: directory,
      });
      assert.equal(code, 1);
      assert.match(output, /stacks\/words\/index\.ts:4:9/, how);
    }
  });

  test("under Pulumi's runner no trace of an error that says nothing is mapped, before the program is loaded either", async (t) => {
    const directory = checkout(t);
    const runner = join(directory, "runner", "@pulumi", "pulumi", "cmd", "run.js");
    mkdirSync(dirname(runner), { recursive: true });
    const map = { version: 3, sources: ["run.ts"], names: [], mappings: "AAAA" };
    const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}`;
    const says = 'for (const say of ["", "said"]) console.log(new Error(say).stack.includes("run.ts"));';
    writeFileSync(runner, `require("source-map-support/register"); ${says}\n//# sourceMappingURL=${url}\n`);
    const ran = await run(process.execPath, ["--require", "./setup/bundle.cjs", runner], { cwd: directory });
    assert.deepEqual(ran, { code: 0, output: "false\ntrue\n" });
  });

  test("what Pulumi's SDK hardly uses is loaded with the first use of it", async (t) => {
    const directory = checkout(t, {
      ...SOURCES,
      "index.ts": [
        'for (const name of ["typescript", "@npmcli/arborist"]) {',
        "  const file = require.resolve(name);",
        "  const later = require.cache[file];",
        "  const used = require(name);",
        "  const before = require.cache[file] === later;",
        '  const has = "version" in used || "Arborist" in used;',
        "  const kind = typeof (used.createSourceFile ?? used.Arborist);",
        "  console.log(name, before, has, kind, require.cache[file] === later, require(name) === later?.exports);",
        "}",
      ].join("\n"),
    });
    const { code, output } = await entry(directory, "--require", "./setup/sdk.cjs");
    assert.deepEqual(
      { code, lines: output.trim().split("\n") },
      {
        code: 0,
        lines: ["typescript true true function false false", "@npmcli/arborist true true function false false"],
      },
    );
  });

  test("Pulumi's traces are as they were where a run is traced, and load nothing where it is not", async (t) => {
    const directory = checkout(t, {
      ...SOURCES,
      "index.ts": [
        'const tracing = require("@pulumi/pulumi/cmd/run/tracing");',
        'const span = tracing.newSpan("a step").setAttribute("a", 1).addEvent("seen");',
        "span.end();",
        'console.log(Object.keys(require.cache).some((file) => file.includes("sdk-trace-node")), typeof tracing.start);',
      ].join("\n"),
    });
    assert.deepEqual(await entry(directory, "--require", "./setup/sdk.cjs"), { code: 0, output: "false function\n" });
    const env = { ...process.env, TRACEPARENT: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` };
    const traced = await run(
      process.execPath,
      ["--require", "./setup/sdk.cjs", "--require", "./setup/bundle.cjs", "index.ts"],
      {
        cwd: directory,
        env,
      },
    );
    assert.deepEqual(traced, { code: 0, output: "true function\n" });
  });

  test("an error names the line of the source, and a source that is none is named", async (t) => {
    const directory = checkout(t, {
      ...SOURCES,
      "stacks/words/index.ts":
        'const none = (): string => {\n  throw new Error("broken");\n};\nexport const word = none();\n',
    });
    for (const _ of ["made", "kept"]) {
      const { code, output } = await entry(directory);
      assert.equal(code, 1);
      assert.match(output, /Error: broken\n +at none \(.*stacks\/words\/index\.ts:2:9\)/);
    }
    writeFileSync(join(directory, "stacks", "words", "index.ts"), "export const word = ;\n");
    const { code, output } = await entry(directory);
    assert.equal(code, 1);
    assert.match(output, /stacks\/words\/index\.ts:1:20: ERROR: Unexpected ";"/);
  });

  test("it runs where nothing can be written", async (t) => {
    const directory = checkout(t);
    writeFileSync(join(directory, ".state"), "a file where the folder would be");
    assert.deepEqual(await entry(directory), { code: 0, output: "said: first\n" });
  });
});
