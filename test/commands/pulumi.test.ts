import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { CantTellError } from "../../commands/outcome";
import { askPulumi, causesIn, errorIn, type PulumiOptions, runPulumi } from "../../commands/pulumi";

const CHECKOUT = join(__dirname, "..", "..");

/** A folder with a stand-in for `pulumi`, the only command on the PATH. */
function standIn(t: TestContext, script?: string): { directory: string; options: PulumiOptions } {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-pulumi-"));
  t.after(() => rmSync(directory, { recursive: true }));
  if (script !== undefined) {
    writeFileSync(join(directory, "pulumi"), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    chmodSync(join(directory, "pulumi"), 0o755);
  }
  return { directory, options: { directory, env: { PATH: directory } } };
}

/** Starts a process that runs the stand-in and prints what it got, and waits until the stand-in is up. */
async function started(directory: string, options: PulumiOptions): Promise<ChildProcess> {
  const script = `require("${CHECKOUT}/commands/pulumi.ts").runPulumi(["up"], ${JSON.stringify(options)})
    .then(({ code }) => console.log("code " + code), ({ message }) => console.log(message));`;
  const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", script], {
    cwd: CHECKOUT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  while (!existsSync(join(directory, "up"))) await new Promise((resolve) => setTimeout(resolve, 20));
  return child;
}

describe("running pulumi", () => {
  test("it is asked without a terminal and without colors, in the folder and with the variables that are named", async (t) => {
    const { directory, options } = standIn(t, 'echo "$*"; pwd; echo "$MORE"; cat');
    const env = { ...options.env, MORE: "more" };
    const said = await askPulumi(["stack", "--show-name"], { ...options, env });
    assert.equal(said, `stack --show-name --non-interactive --color never\n${directory}\nmore\n`);
  });

  test("a secret comes on its standard input, whole, and one that it doesn't read is no error of this process", async (t) => {
    const { options } = standIn(t, "cat");
    const input = "two\nlines $x\n".repeat(50_000);
    assert.equal(await askPulumi(["config"], { ...options, input }), input);
    const deaf = standIn(t, "exec <&-; echo done").options;
    assert.equal(await askPulumi(["config"], { ...deaf, input }), "done\n");
  });

  test("how it ended is told, and asked for an answer its failure is one line with the cause", async (t) => {
    const script = "echo out; printf 'error: context canceled\\nerror: no\\n  backend\\n' >&2; exit 7";
    const { options } = standIn(t, script);
    const ended = await runPulumi(["up"], options);
    assert.deepEqual(ended, { code: 7, stdout: "out\n", stderr: "error: context canceled\nerror: no\n  backend\n" });
    await assert.rejects(askPulumi(["up"], options), { message: "no backend" });
    const silent = standIn(t, "exit 3").options;
    await assert.rejects(askPulumi(["up"], silent), { message: "`pulumi up` ended with 3 and said nothing" });
    const killed = standIn(t, "kill -9 $$").options;
    assert.equal((await runPulumi(["up"], killed)).code, null);
  });

  test("without pulumi, or with one that can't be started, it says so and what to type", async (t) => {
    const missing = standIn(t).options;
    await assert.rejects(askPulumi(["up"], missing), {
      ...{ name: "CantTellError", message: "`pulumi` is not on the PATH" },
      next: [{ purpose: "find it", command: "source .envrc" }],
    });
    const { directory, options } = standIn(t, "");
    writeFileSync(join(directory, "pulumi"), "\u0000not a program");
    await assert.rejects(
      askPulumi(["up"], options),
      (error) => error instanceof CantTellError || error instanceof Error,
    );
  });

  test("one that hangs is ended, and killed where it does not end, with all that it holds open", async (t) => {
    const polite = standIn(t, "exec sleep 60").options;
    const started = performance.now();
    await assert.rejects(askPulumi(["refresh"], { ...polite, timeoutSeconds: 0.3 }), {
      ...{ name: "CantTellError", message: "`pulumi refresh` did not end within 0.3 s" },
    });
    assert.ok(performance.now() - started < 5000, "it ended by itself");
    const { directory, options } = standIn(t, `trap '' TERM; echo $$ >"\${0%/*}/pid"; while :; do sleep 1; done`);
    await assert.rejects(askPulumi(["refresh"], { ...options, timeoutSeconds: 1.5 }), {
      message: /did not end within 1\.5 s/,
    });
    const pid = Number(readFileSync(join(directory, "pid"), "utf8"));
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  test("one that floods is ended, on either stream", async (t) => {
    for (const to of ["", " >&2"]) {
      const { options } = standIn(t, `exec yes error: no${to}`);
      await assert.rejects(runPulumi(["preview"], { ...options, mostCharacters: 100_000 }), {
        ...{ name: "CantTellError", message: "`pulumi preview` printed more than 100000 characters" },
      });
    }
  });

  test("whoever interrupts a command interrupts pulumi, and waits for its end", async (t) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      for (const tellInterrupted of [false, true]) {
        const name = signal.slice(3);
        const script = `trap 'echo ended >"\${0%/*}/ended"; exit 9' ${name}; : >"\${0%/*}/up"; while :; do sleep 0.05; done`;
        const { directory, options } = standIn(t, script);
        const child = await started(directory, { ...options, tellInterrupted });
        let said = "";
        child.stdout?.on("data", (text) => {
          said += text;
        });
        const closed = once(child, "close");
        child.kill(signal);
        await closed;
        assert.equal(said, tellInterrupted ? "code 9\n" : "`pulumi up` was interrupted\n");
        assert.equal(readFileSync(join(directory, "ended"), "utf8"), "ended\n");
      }
    }
  });

  test("Pulumi's words in one line: the causes, without what only follows from them", () => {
    assert.deepEqual(causesIn(["context canceled", "no engine"]), ["no engine"]);
    assert.deepEqual(causesIn(["context cancelled"]), ["context cancelled"]);
    assert.equal(errorIn("\nerror: a\n\n  b\nc\nd\n"), "a b c");
    assert.equal(errorIn(" \n"), undefined);
  });
});
