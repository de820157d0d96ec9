import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { USAGE } from "../../../commands/preview/usage";
import { decisionLine } from "../../../stacks/service/decision";
import { ended } from "../../delivery/github";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";
import { decision } from "./said.sample";

/** A project's folder, with a stand-in for `pulumi` that does this. */
class Project {
  readonly directory = mkdtempSync(join(tmpdir(), "blue-green-project-"));

  constructor(t: TestContext, pulumi?: string) {
    t.after(() => rmSync(this.directory, { recursive: true }));
    for (const part of ["bin", "temp"]) mkdirSync(this.file(part));
    writeFileSync(this.file("Pulumi.yaml"), "name: blue-green\n");
    writeFileSync(this.file("Pulumi.prod.yaml"), "config: {}\n");
    symlinkSync(join(CHECKOUT, "node_modules"), this.file("node_modules"));
    if (pulumi === undefined) return;
    // "$last" is the events' file.
    const script = `#!/bin/sh\nPATH=/usr/bin:/bin\necho "$*" >"${this.file("called")}"\nfor word; do [ "$previous" = --event-log ] && last=$word; previous=$word; done\n${pulumi}\n`;
    writeFileSync(this.file("bin", "pulumi"), script);
    chmodSync(this.file("bin", "pulumi"), 0o755);
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  start(args: string[], env: NodeJS.ProcessEnv = {}) {
    return spawn(process.execPath, ["--require", BUNDLE, join(CHECKOUT, "commands", "preview", "main.ts"), ...args], {
      cwd: this.directory,
      env: { PATH: this.file("bin"), TMPDIR: this.file("temp"), HOME: this.directory, ...NO_SOCKET, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  preview(args: string[], env: NodeJS.ProcessEnv = {}) {
    return ended(this.start(args, env));
  }

  /** What of ours is left in the folder for temporary files. */
  get left(): string[] {
    return readdirSync(this.file("temp")).filter((name) => name.startsWith("blue-green"));
  }
}

const event = (event: object) => `echo '${JSON.stringify(event)}' >>"$last"`;

const BEGAN = [
  event({ preludeEvent: {} }),
  event({ diagnosticEvent: { severity: "debug", message: decisionLine(decision()) } }),
].join("; ");

describe("npm run preview, with a Pulumi that only talks", () => {
  test("pulumi is run once, for this stack, and its events lie where only this user can read them, until they are read", async (t) => {
    const project = new Project(t, `${BEGAN}; stat -c %a "$(dirname "$last")"; echo "$PULUMI_DEBUG_COMMANDS"`);
    const { code, output } = await project.preview(["prod"]);
    assert.equal(code, 0);
    assert.match(output, /^prod: nothing to do\n\n- Stays live: blue 1\.0\.0\n.*\n\n700\ntrue\n$/s);
    const called = readFileSync(project.file("called"), "utf8");
    assert.match(
      called,
      /^preview --diff --suppress-permalink=true --stack prod --event-log \/\S+\/events\.json --non-interactive --color never\n$/,
    );
    assert.deepEqual(project.left, []);
  });

  test("a stack named with its organization is handed on as it is, and PULUMI_STACK names one too", async (t) => {
    const project = new Project(t, BEGAN);
    for (const [args, env] of [
      [["org/prod"], {}],
      [[], { PULUMI_STACK: "org/prod" }],
    ] as const) {
      assert.equal((await project.preview([...args], env)).code, 0);
      assert.match(readFileSync(project.file("called"), "utf8"), / --stack org\/prod /);
    }
  });

  test("help is help, and nothing is run", async (t) => {
    const project = new Project(t, BEGAN);
    assert.deepEqual(await project.preview(["--help"]), { code: 0, output: `${USAGE.help}\n` });
    assert.equal(existsSync(project.file("called")), false);
  });

  test("what can't be told exits with 3, says why and what to type, and nothing is run", async (t) => {
    const project = new Project(t, BEGAN);
    for (const [args, says] of [
      [
        ["dev"],
        "There is no stack dev in this project: it has no Pulumi.dev.yaml\nNext, to make it: pulumi stack init dev && pulumi config set activeColor blue --stack dev && pulumi up --stack dev\nNext, to name the stack: npm run preview -- prod",
      ],
      [["../prod/x"], "\"../prod/x\" can't be a stack's name\nNext, to name the stack: npm run preview -- prod"],
      [
        ["$(touch pwned)"],
        "\"$(touch pwned)\" can't be a stack's name\nNext, to name the stack: npm run preview -- prod",
      ],
      [["--cwd", "/"], 'the argument "--cwd" is not known\nNext, to read what there is: npm run preview -- --help'],
    ] as const) {
      assert.deepEqual(await project.preview([...args]), { code: 3, output: `Can't tell: ${says}\n` });
    }
    assert.equal(existsSync(project.file("called")), false);
    assert.equal(existsSync(project.file("pwned")), false);
  });

  test("hostile words reach the terminal as one plain line, and what to type stays", async (t) => {
    const hostile = "\u202eevil\u001b[2J\r\u2066";
    const FIT_LINES = /^Can't tell: [ -~\u00a1-\u00ac\u00ae-\u024f]*\nNext, to [ -~]*\n$/;
    const project = new Project(
      t,
      `{ printf 'error: \\033[2J\\342\\200\\256'; head -c 500000 /dev/zero | tr '\\0' x; } >&2; exit 255`,
    );
    for (const [args, next] of [
      [[hostile], "name the stack: npm run preview -- prod"],
      [["x".repeat(100_000)], "name the stack: npm run preview -- prod"],
      [[`--${hostile}`], "read what there is: npm run preview -- --help"],
      [[`--${"x".repeat(100_000)}`], "read what there is: npm run preview -- --help"],
      [[], "name the stack: npm run preview -- prod"],
    ] as [string[], string][]) {
      const { code, output } = await project.preview(args);
      assert.equal(code, 3);
      assert.match(output, FIT_LINES);
      assert.ok(output.length < 500 && output.endsWith(`\nNext, to ${next}\n`), output);
    }
  });

  test("without pulumi, without a selected stack, and with a pulumi that dies, it can't be told", async (t) => {
    const none = new Project(t);
    const { code, output } = await none.preview(["prod"]);
    assert.deepEqual([code, output], [3, "Can't tell: `pulumi` is not on the PATH\nNext, to find it: source .envrc\n"]);
    assert.deepEqual(none.left, []);

    const unselected = new Project(t, "echo 'error: no stack selected' >&2; exit 255");
    const which = await unselected.preview([]);
    assert.equal(which.code, 3);
    assert.match(
      which.output,
      /^Can't tell: Which stack\? Pulumi can't say: no stack selected\nNext, to name the stack: npm run preview -- prod/,
    );

    const dies = new Project(t, "echo half; kill -9 $$");
    const dead = await dies.preview(["prod"]);
    assert.deepEqual(
      [dead.code, dead.output],
      [3, "prod: can't tell: Pulumi did not come to a preview\n\n- Pulumi says: nothing, and exits with 130\n\nhalf\n"],
    );
  });

  test("a preview that fails after it began is a failure, as a comment too", async (t) => {
    const project = new Project(t, `${BEGAN}; echo 'error: the plugin died' >&2; exit 255`);
    const { code, output } = await project.preview(["prod", "--comment"]);
    assert.equal(code, 1);
    assert.match(
      output,
      /^<!-- blue-green preview of prod -->\n### prod: the preview failed\n\n- \*\*Failed:\*\* `error: the plugin died`\n/,
    );
  });

  test("whoever ends it ends pulumi, and no events are left", async (t) => {
    const project = new Project(
      t,
      `trap 'echo ended >"${"$"}{0%/*}/../ended"; exit 255' TERM; ${BEGAN}; touch "${"$"}{0%/*}/../up"; while :; do sleep 0.05; done`,
    );
    const child = project.start(["prod"]);
    const exit = once(child, "exit");
    while (!existsSync(project.file("up"))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGTERM");
    assert.deepEqual(await exit, [1, null]);
    assert.equal(readFileSync(project.file("ended"), "utf8"), "ended\n");
    assert.deepEqual(project.left, []);
  });

  test("nothing of Pulumi's SDK is loaded", async () => {
    const show = `require("./commands/preview/main.ts"); process.on("exit", () => console.log(Object.keys(require.cache).filter((file) => /node_modules.@pulumi/.test(file)).length))`;
    const child = spawn(process.execPath, ["--require", BUNDLE, "--eval", show, "--", "--help"], { cwd: CHECKOUT });
    const { output } = await ended(child);
    assert.match(output, /\n0\n$/);
  });
});
