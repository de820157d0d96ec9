import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { run } from "../../e2e/stack";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";

/** Runs recover as `npm run recover -- dev --yes` does, with stand-ins for `docker` and `pulumi`; says whether Pulumi was asked. */
async function recover(t: TestContext, docker: string, pulumi = "", more = "") {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-recover-test-"));
  t.after(() => rmSync(directory, { recursive: true }));
  symlinkSync(join(CHECKOUT, "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "Pulumi.yaml"), "name: blue-green\n");
  writeFileSync(join(directory, "Pulumi.dev.yaml"), `config:\n  blue-green:activeColor: blue\n${more}`);
  for (const [name, script] of Object.entries({ docker, pulumi: `echo >>"${directory}/called"; ${pulumi}` })) {
    writeFileSync(join(directory, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  const main = join(CHECKOUT, "commands", "recover", "main.ts");
  const ended = await run(process.execPath, ["--require", BUNDLE, main, "dev", "--yes"], {
    cwd: directory,
    env: { PATH: directory, HOME: directory, ...NO_SOCKET },
  });
  return { ...ended, asked: existsSync(join(directory, "called")) };
}

const NEXT =
  "Nothing was written\nNext, to bring a backup of the state back: pulumi stack import --file <the backup> --stack dev\n";

const ONLY = "and npm run recover writes the state of a single service without a name.";

describe("npm run recover, before it looks at anything", () => {
  test("a program of two services, with or without a gateway, is refused before Pulumi is asked anything", async (t) => {
    for (const [listed, has] of [
      ["shop,slot\\nshop,proxy\\napi,slot\\napi,proxy\\n", "the services api, shop"],
      ["shop,slot\\napi,proxy\\n,gateway\\n", "the services api, shop and a gateway"],
      [",gateway\\n", "a gateway"],
    ]) {
      const { code, output, asked } = await recover(t, `[ "$1 $2" = "container ls" ] && printf '${listed}'`);
      assert.deepEqual([code, output], [1, `Refused: dev has ${has}, ${ONLY} ${NEXT}`]);
      assert.equal(asked, false);
    }
  });

  test("a single service without a name goes on to the state, which must have no resources", async (t) => {
    const resource = { urn: "u", custom: true, type: "docker:index/container:Container" };
    const state = JSON.stringify({ deployment: { resources: [resource] } });
    const { code, output, asked } = await recover(t, "printf ',slot\\n,proxy\\n'", `echo '${state}'`);
    assert.equal(asked, true);
    assert.equal(code, 1);
    assert.match(
      output,
      /^Refused: Pulumi's state of dev has 1 resources already\. It was not touched\nNext, to see how it differs from what runs: npm run drift -- dev\n$/,
    );
  });

  test("a stack with hosts is refused before anything is asked, unless its own engine is the only one", async (t) => {
    const hosts = "  blue-green:hosts:\n    a: own\n";
    const { code, output, asked } = await recover(t, "exit 1", "", `${hosts}    b: ssh://b.example\n`);
    const words = "npm run recover knows one engine alone, and the stack's hosts are a, b.";
    assert.deepEqual([code, asked, output], [1, false, `Refused: Not with hosts yet: ${words} ${NEXT}`]);
    assert.match((await recover(t, "exit 1", "", hosts)).output, /^Can't tell: No Docker Engine answered/);
  });

  test("without an engine it can't be told, and hostile words of it are one plain line", async (t) => {
    const words = `{ printf '\\033[2J\\342\\200\\256\\r\\n'; head -c 500000 /dev/zero | tr '\\0' x; } >&2; exit 1`;
    const { code, output, asked } = await recover(t, words);
    assert.deepEqual([code, asked], [3, false]);
    assert.match(output, /^Can't tell: No Docker Engine answered: [ -~]*\n$/);
    assert.ok(output.length < 2100);
  });
});
