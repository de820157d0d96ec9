import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { run } from "../../e2e/stack";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";

/** Runs drift as `npm run drift` does, in a project that nothing is deployed of, on a machine without Pulumi. */
function drift(t: TestContext, args: string[], files: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-drift-"));
  t.after(() => rmSync(directory, { recursive: true }));
  symlinkSync(join(CHECKOUT, "node_modules"), join(directory, "node_modules"));
  const all = { "Pulumi.yaml": "name: blue-green\n", "Pulumi.dev.yaml": "config:\n  blue-green:activeColor: blue\n" };
  for (const [name, text] of Object.entries({ ...all, ...files }))
    writeFileSync(join(directory, name), text, { mode: 0o755 });
  const env = { PATH: directory, HOME: directory, ...NO_SOCKET };
  return run(process.execPath, ["--require", BUNDLE, join(CHECKOUT, "commands", "drift", "main.ts"), ...args], {
    cwd: directory,
    env,
  });
}

describe("npm run drift, before it looks at anything", () => {
  test("what is no stack of the project is said before anything is asked", async (t) => {
    for (const [args, words] of [
      [["$(id);x"], `Can't tell: "$(id);x" can't be a stack's name\nNext, to name the stack: npm run drift -- dev`],
      [["a\nb"], `Can't tell: "a\\nb" can't be a stack's name`],
      [["../dev"], `Can't tell: "../dev" can't be a stack's name`],
      [["x".repeat(5000)], `Can't tell: "${"x".repeat(61)}... (5000 characters) can't be a stack's name`],
      [
        ["prod"],
        "Can't tell: There is no stack prod in this project: it has no Pulumi.prod.yaml\nNext, to make it: pulumi stack init prod && pulumi config set activeColor blue --stack prod && pulumi up --stack prod\nNext, to name the stack: npm run drift -- dev",
      ],
      [["org/other/dev"], "Can't tell: org/other/dev is a stack of other, and this is blue-green"],
      [
        ["--all"],
        `Can't tell: the argument "--all" is not known\nNext, to read what there is: npm run drift -- --help`,
      ],
      [["dev"], "Can't tell: `pulumi` is not on the PATH"],
    ] as [string[], string][]) {
      const { code, output } = await drift(t, args);
      assert.equal(code, 3, output);
      assert.ok(output.startsWith(words), output);
    }
  });

  test("hostile arguments and hostile words of Pulumi reach the terminal as plain lines", async (t) => {
    const pulumi = `#!/bin/sh
PATH=/usr/bin:/bin
{ printf 'error: \\033[2J\\342\\200\\256\\r'; head -c 500000 /dev/zero | tr '\\0' x; } >&2
exit 255
`;
    for (const args of [["dev"], [], ["\u202e\u001b[2J"], [`--\u202e\u001b[2J${"x".repeat(100_000)}`]]) {
      const { code, output } = await drift(t, args, { pulumi });
      assert.equal(code, 3, output);
      assert.match(output, /^Can't tell: [ -~\n]*$/);
      assert.ok(output.length < 2500, `${output.length} characters`);
    }
  });

  test("a stack's file that can't be made sense of is named, and nothing of it is shown", async (t) => {
    const { code, output } = await drift(t, ["dev", "--json"], { "Pulumi.dev.yaml": "config: [s3cr3t\n" });
    assert.equal(code, 3);
    assert.deepEqual(JSON.parse(output), {
      ...{ exit: 3, level: "unknown", reason: "Pulumi.dev.yaml is not valid YAML (line 2)", next: [] },
    });
  });

  test("a stack with hosts is not compared with one of them: it says so, and what shows them all", async (t) => {
    const file = "config:\n  blue-green:activeColor: blue\n  blue-green:hosts:\n    a: own\n    b: ssh://b.example\n";
    const { code, output } = await drift(t, ["dev", "--fix"], { "Pulumi.dev.yaml": file });
    assert.equal(code, 3);
    assert.equal(
      output,
      "Can't tell: Not with hosts yet: npm run drift knows one engine alone, and the stack's hosts are a, b\n" +
        "Next, to see how each host is: npm run status -- dev\n" +
        "Next, to see what a run would change on them: pulumi preview --refresh --stack dev\n",
    );
    const state = { deployment: { resources: [{ type: "blue-green:index:Host" }] } };
    const pulumi = `#!/bin/sh\necho '${JSON.stringify(state)}'\n`;
    const inCode = await drift(t, ["dev"], { pulumi });
    assert.equal(inCode.code, 3);
    assert.match(
      inCode.output,
      /^Can't tell: Not with hosts yet: npm run drift knows one engine alone, and Pulumi's state has others\nNext, /,
    );
  });

  test("--help says what it does and what its exit codes mean", async (t) => {
    const { code, output } = await drift(t, ["--help"]);
    assert.equal(code, 0);
    for (const words of ["--fix", "--json", "3 can't tell"]) assert.ok(output.includes(words), output);
  });
});
