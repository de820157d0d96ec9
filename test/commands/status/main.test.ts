import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BUNDLE, CHECKOUT, NO_SOCKET } from "../../program";
import { NO_TERMINAL, Terminal } from "../terminal";
import { made } from "./facts.sample";

/** What the stand-in for `docker` answers: to `container inspect`, and to `exec` in the proxy. */
interface Engine {
  containers: unknown[];
  /** Undefined where the proxy can't be asked. */
  proxy?: string;
}

const container = (part: "blue" | "green" | "proxy", more: object = {}) => ({
  Id: part.repeat(3),
  Name: `/blue-green-dev-${part}`,
  Created: part === "blue" ? "2026-11-23T16:44:22Z" : "2026-11-23T16:50:00Z",
  Image: `sha256:${"1".repeat(64)}`,
  RestartCount: 0,
  State: {
    ...{ Running: true, Status: "running", ExitCode: 0, OOMKilled: false },
    ...{ StartedAt: "2026-11-23T16:44:22Z", FinishedAt: "0001-01-01T00:00:00Z" },
  },
  Config: {
    Env: ["DATABASE_PASSWORD=hunter2hunter2"],
    Labels: {
      ...{ "blue-green.project": "blue-green", "blue-green.stack": "dev" },
      ...(part === "proxy"
        ? { "blue-green.role": "proxy" }
        : {
            ...{ "blue-green.role": "slot", "blue-green.color": part },
            "blue-green.version": "1.0.0",
            "blue-green.slot": JSON.stringify(
              made(part, { version: "1.0.0", secretEnvironment: ["DATABASE_PASSWORD"] }),
            ),
          }),
    },
  },
  ...more,
});

const GENERATION = "37a29a8e711eceac";

const says = ({ color = "blue", health = "well 200" } = {}) =>
  [
    `answer ${GENERATION} ${color}`,
    `file ${GENERATION} ${color}`,
    `declared ${GENERATION}`,
    `record {"stable":{"blue":["blueblueblue"],"green":["greengreengreen"]}}`,
    `history {"time":"2026-11-23T17:00:00Z","result":"switched","from":"green","to":"blue","reason":"\\u001b[2J"}`,
    `health blue ${health}`,
    "health green well 200",
    "",
  ].join("\n");

const WELL: Engine = { containers: [container("blue"), container("green"), container("proxy")], proxy: says() };

const NOTHING: Engine = { containers: [] };

/** A project's folder, with stand-ins for `docker` and `pulumi` beside it. */
class Project {
  private readonly directory = mkdtempSync(join(tmpdir(), "blue-green-status-"));

  constructor(
    test: TestContext,
    engine: Engine | undefined,
    stacks: Record<string, string> = { dev: "config:\n  blue-green:activeColor: blue\n" },
  ) {
    test.after(() => rmSync(this.directory, { recursive: true }));
    mkdirSync(this.file("project"));
    mkdirSync(this.file("bin"));
    symlinkSync(join(CHECKOUT, "node_modules"), this.file("project", "node_modules"));
    writeFileSync(this.file("project", "Pulumi.yaml"), "name: blue-green\n");
    for (const [stack, text] of Object.entries(stacks)) {
      writeFileSync(this.file("project", `Pulumi.${stack}.yaml`), text);
    }
    if (engine === undefined) {
      this.command("docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    } else {
      writeFileSync(this.file("containers"), JSON.stringify(engine.containers));
      writeFileSync(this.file("proxy"), engine.proxy ?? "");
      this.command(
        "docker",
        `echo "$*" >>asked
        case "$1 $2" in
        "container ls") [ "$(cat containers)" = "[]" ] || echo one ;;
        "container inspect") cat containers ;;
        "image ls") ;;
        "volume ls") ;;
        "exec -e") [ -s proxy ] || { echo "container is not running" >&2; exit 1; }; cat proxy ;;
        *) echo "unexpected: $*" >&2; exit 1 ;;
        esac`,
      );
    }
  }

  file(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** A stand-in for a command. */
  command(name: string, script: string): void {
    const path = this.file("bin", name);
    writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\ncd "${this.directory}"\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** Runs the status as `npm run status` does. */
  status(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const started = process.hrtime.bigint();
    return new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ["--require", BUNDLE, join(CHECKOUT, "commands", "status", "main.ts"), ...args],
        {
          cwd: this.file("project"),
          env: { PATH: this.file("bin"), HOME: this.directory, TZ: "Europe/Berlin", ...NO_SOCKET, ...env },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      const ended = { code: -1, stdout: "", stderr: "", seconds: 0 };
      for (const stream of ["stdout", "stderr"] as const) {
        child[stream].setEncoding("utf8").on("data", (text) => {
          ended[stream] += text;
        });
      }
      child.on("error", reject);
      child.on("close", (code) => {
        const seconds = Number(process.hrtime.bigint() - started) / 1e9;
        resolve({ ...ended, code: code ?? -1, seconds });
      });
    });
  }
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  seconds: number;
}

describe("npm run status", () => {
  test("exit code 0 and the screen: nothing but text where the output is no terminal, and no secret", async (t) => {
    const { code, stdout, stderr } = await new Project(t, WELL).status(["--stack", "dev"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /^blue-green, stack dev: well {2,}/);
    assert.match(stdout, /^ {2}active blue, live blue, stable blue and green: they agree$/m);
    assert.match(stdout, /^ {2}23 Nov( 18:00| {2}2026) {2}switched {2}green -> blue {2} +- +- {2}\\u\{1b\}\[2J$/m);
    assert.match(stdout, /^[ -~\n]*$/);
    assert.doesNotMatch(stdout, /hunter2/);
  });

  test("the proxy is asked for its latest cutovers and its health, the engine for what it remembers, and nothing is changed", async (t) => {
    const project = new Project(t, WELL);
    await project.status(["--stack", "dev"]);
    const asked = readFileSync(project.file("asked"), "utf8")
      .split("\n")
      .filter((line) => /^(container|image|exec|events) /.test(line))
      .map((line) =>
        line
          .replace(/ --all .*/, "")
          .replace(/ sh -c .*/, "")
          .replace(/\d{9,}/g, "T"),
      )
      .sort();
    assert.deepEqual(asked, [
      "container inspect one",
      "container logs --timestamps --since T --tail 10000 proxyproxyproxy",
      "container ls",
      "events --since T --until T --format {{json .}} --filter type=container --filter event=oom --filter event=die " +
        "--filter container=blueblueblue --filter container=greengreengreen",
      "exec -e HISTORY=50 -e HEALTH=5 blue-green-dev-proxy",
      "image ls",
    ]);
  });

  test("exit code 1 where a switch is pending, 2 where the public gets errors, 3 where the proxy can't be asked", async (t) => {
    const pending = new Project(t, WELL, { dev: "config:\n  blue-green:activeColor: green\n" });
    const degraded = await pending.status(["--stack=dev"]);
    assert.deepEqual([degraded.code, degraded.stderr], [1, ""]);
    assert.match(degraded.stdout, /^ {2}switch to green, at once {2}pulumi up --stack dev$/m);

    const sick = await new Project(t, { ...WELL, proxy: says({ health: "ill 502" }) }).status(["--stack", "dev"]);
    assert.deepEqual([sick.code, sick.stderr], [2, ""]);
    const silent = await new Project(t, { containers: WELL.containers }).status(["--stack", "dev"]);
    assert.deepEqual([silent.code, silent.stdout], [3, ""]);
    assert.match(
      silent.stderr,
      /^Can't tell: blue-green-dev-proxy runs, but can't be asked which color is live: container is/,
    );
  });

  test("JSON has the same on standard output, for a failure too", async (t) => {
    const well = await new Project(t, WELL).status(["--json", "--stack", "dev"]);
    const { exit, live, history } = JSON.parse(well.stdout);
    assert.deepEqual([well.code, exit, live, history[0].reason], [0, 0, "blue", "\u001b[2J"]);

    const project = new Project(t, NOTHING);
    const never = await project.status(["--json", "--stack", "dev"]);
    assert.equal(never.code, 3);
    assert.equal(never.stderr, "");
    assert.deepEqual(JSON.parse(never.stdout), {
      ...{ exit: 3, level: "unknown", reason: "Nothing of the stack dev runs on this engine" },
      next: [{ purpose: "bring it up", command: "pulumi up --stack dev" }],
    });
    const wrong = await project.status(["--json", "--what"]);
    assert.equal(wrong.code, 3);
    assert.equal(JSON.parse(wrong.stdout).reason, 'the argument "--what" is not known');
  });

  test("exit code 3 and what to type, where nothing can be told", async (t) => {
    const failed = async (project: Project, args: string[], env: NodeJS.ProcessEnv = {}) => {
      const { code, stdout, stderr } = await project.status(args, env);
      assert.deepEqual([code, stdout], [3, ""], stderr);
      return stderr;
    };
    const project = new Project(t, NOTHING);

    assert.equal(
      await failed(project, ["--what"]),
      'Can\'t tell: the argument "--what" is not known\nNext, to read what there is: npm run status -- --help\n',
    );
    assert.equal(
      await failed(project, ["--stack", "prod"]),
      "Can't tell: There is no stack prod in this project: it has no Pulumi.prod.yaml\n" +
        "Next, to make it: pulumi stack init prod && pulumi config set activeColor blue --stack prod && pulumi up --stack prod\n" +
        "Next, to name the stack: npm run status -- dev\n",
    );
    assert.match(await failed(project, ["--stack", "../dev"]), /^Can't tell: "\.\.\/dev" can't be a stack's name\n/);
    assert.match(
      await failed(project, ["--stack", "us/shop/dev"]),
      /^Can't tell: us\/shop\/dev is a stack of shop, and this is blue-green\n/,
    );
    assert.equal(
      await failed(project, []),
      "Can't tell: Which stack? Pulumi can't say: `pulumi` is not on the PATH\n" +
        "Next, to name the stack: npm run status -- dev\n",
    );
    assert.match(
      await failed(project, ["--stack", "dev"], { DOCKER_CONTEXT: "other" }),
      /^Can't tell: DOCKER_CONTEXT is "other".*\nNext, to name the engine: export DOCKER_HOST=/,
    );
    assert.equal(
      await failed(new Project(t, WELL, { dev: "config: [" }), ["--stack", "dev"]),
      "Can't tell: Pulumi.dev.yaml is not valid YAML (line 1)\n",
    );
    assert.match(
      await failed(new Project(t, undefined), ["--stack", "dev"]),
      /^Can't tell: The Docker Engine could not be asked: Cannot connect to the Docker daemon\nNext, to find the engine: /,
    );
    rmSync(project.file("bin", "docker"));
    assert.match(await failed(project, ["--stack", "dev"]), /the client `docker` is not on the PATH/);
  });

  test("hostile words of an engine and of Pulumi reach the terminal as plain lines", async (t) => {
    const hostile = `{ printf 'error: \\033[2J\\342\\200\\256\\r'; head -c 500000 /dev/zero | tr '\\0' x; } >&2; exit 1`;
    const project = new Project(t, WELL);
    project.command("docker", hostile);
    project.command("pulumi", hostile);
    for (const args of [["--stack", "dev"], [], [`--\u202e\u001b[2J${"x".repeat(100_000)}`]]) {
      const { code, stdout, stderr } = await project.status(args);
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(stderr, /^Can't tell: [ -~\n]*\nNext, to /);
      assert.ok(stderr.length < 2500, `${stderr.length} characters`);
    }
  });

  test("a stack whose file is elsewhere is told of as well as what runs allows", async (t) => {
    const { code, stdout } = await new Project(t, WELL, {}).status(["--stack", "dev"]);
    assert.equal(code, 1);
    assert.match(stdout, /^! there is no Pulumi\.dev\.yaml$/m);
    assert.match(stdout, /^ {2}active none, live blue, stable blue and green: they do not agree$/m);
  });

  test("the stack is PULUMI_STACK, or the one that pulumi takes; commands name neither", async (t) => {
    const project = new Project(t, WELL, { dev: "config:\n  blue-green:activeColor: green\n" });
    const isPending = ({ stdout }: Ended) => assert.match(stdout, /^ {2}switch to green, at once {2}pulumi up$/m);
    isPending(await project.status([], { PULUMI_STACK: "dev" }));
    project.command("pulumi", '[ "$*" = "stack --show-name --non-interactive --color never" ] && echo dev');
    isPending(await project.status([]));
    project.command("pulumi", 'echo "error: no stack selected; please use" >&2; exit 255');
    const { code, stderr } = await project.status([]);
    assert.equal(code, 3);
    assert.match(stderr, /^Can't tell: Which stack\? Pulumi can't say: no stack selected; please use\n/);
  });

  test("what pulumi stopped since something else had failed is not told in place of the cause", async (t) => {
    const project = new Project(t, WELL);
    project.command("pulumi", 'printf "error: context canceled\\nerror: no backend\\n" >&2; exit 255');
    assert.match((await project.status([])).stderr, /^Can't tell: Which stack\? Pulumi can't say: no backend\n/);
  });

  test("a container that a run removed between two questions is asked for again", async (t) => {
    const project = new Project(t, WELL);
    project.command(
      "docker",
      `case "$1 $2" in
    "container ls") echo one ;;
    "container inspect") [ -e again ] && cat containers || { : >again; echo "Error: No such container: one" >&2; exit 1; } ;;
    "exec -e") cat proxy ;;
    esac`,
    );
    assert.equal((await project.status(["--stack", "dev"])).code, 0);
  });

  test("a host in the stack's file is the engine that is asked", async (t) => {
    const project = new Project(t, WELL, {
      dev: "config:\n  blue-green:activeColor: blue\n  docker:host: tcp://engine.example:1\n",
    });
    project.command("docker", 'echo "host $DOCKER_HOST, context $DOCKER_CONTEXT" >&2; exit 1');
    const { code, stderr } = await project.status(["--stack", "dev"]);
    assert.equal(code, 3);
    assert.equal(
      stderr,
      "Can't tell: The Docker Engine could not be asked: host tcp://engine.example:1, context default\n" +
        "Next, to find the engine: DOCKER_HOST=tcp://engine.example:1 docker version\n",
    );
  });

  test("several hosts are asked each on its own engine, and one that is away is told of beside the others", async (t) => {
    const hosts = "    a: own\n    b: ssh://deploy@b.example\n    c: tcp://c.example:1\n";
    const project = new Project(t, WELL, {
      dev: `config:\n  blue-green:activeColor: blue\n  blue-green:hosts:\n${hosts}`,
    });
    const docker = readFileSync(project.file("bin", "docker"), "utf8").replace(
      /^cd .*$/m,
      (line) =>
        `${line}\necho "$DOCKER_HOST" >>hosts\n[ "$DOCKER_HOST" = "$(cat away)" ] && { printf 'no \\033[2J\\342\\200\\256route' >&2; exit 1; }`,
    );
    writeFileSync(project.file("bin", "docker"), docker);
    writeFileSync(project.file("away"), "nobody");
    const well = await project.status(["--stack", "dev"]);
    assert.deepEqual([well.code, well.stderr], [0, ""]);
    assert.match(well.stdout, /^a +blue 1\.0\.0 .*agrees\nb +blue 1\.0\.0 .*agrees\nc +blue 1\.0\.0 .*agrees$/m);
    assert.deepEqual([...new Set(readFileSync(project.file("hosts"), "utf8").split("\n"))].sort(), [
      "",
      "ssh://deploy@b.example",
      "tcp://c.example:1",
      NO_SOCKET.DOCKER_HOST,
    ]);
    writeFileSync(project.file("away"), "ssh://deploy@b.example");
    const away = await project.status(["--stack", "dev"]);
    assert.deepEqual([away.code, away.stderr], [1, ""]);
    assert.match(away.stdout, /^! b does not answer: no \\u\{202e\}route$/m);
    assert.match(away.stdout, /^ {2}ask b again +DOCKER_HOST=ssh:\/\/deploy@b\.example docker version$/m);
    const json = JSON.parse((await project.status(["--stack", "dev", "--json"])).stdout);
    const levels = json.hosts.map(({ name, level }: { name: string; level: string }) => [name, level]);
    assert.deepEqual(
      [json.exit, levels],
      [
        1,
        [
          ["a", "well"],
          ["b", "unknown"],
          ["c", "well"],
        ],
      ],
    );
    for (const [at, line] of [...away.stdout.split("\n").entries()])
      assert.ok(line.length <= 80 && /^[ -~]*$/.test(line), `line ${at}: ${line}`);
  });

  test("in a real terminal of 80 and of 120 columns no line is cut or wrapped by it", {
    skip: NO_TERMINAL,
  }, async (t) => {
    const reason = `${"the smoke test failed ".repeat(12)}END`;
    const told = says().replace(/"reason":"[^"]*"/, `"reason":"${reason}"`);
    const project = new Project(t, { ...WELL, proxy: told }, { dev: "config:\n  blue-green:activeColor: green\n" });
    const words = ["--require", BUNDLE, join(CHECKOUT, "commands", "status", "main.ts"), "--stack", "dev"];
    const env = { NO_COLOR: "1", PATH: project.file("bin"), HOME: project.file(), ...NO_SOCKET };
    for (const columns of [80, 120]) {
      const place = { cwd: project.file("project"), env, columns, rows: 60 };
      const screen = await new Terminal(t, [process.execPath, ...words], place).shows(/^ENDED 1$/m);
      const lines = screen.split("\n").slice(1);
      assert.match(lines[0] ?? "", /^blue-green, stack dev: degraded {2,}\d/);
      assert.equal(lines[0]?.length, columns, "the first line ends where the terminal does");
      // A line that the terminal had wrapped would go on at its left edge, in the middle of a word.
      for (const line of lines)
        assert.match(line, /^($|[ !-] |blue-green|[a-z0-9][a-z0-9, %]{2,12} |Last cutovers$|Next$|ENDED 1$)/);
      assert.ok(screen.replace(/\s+/g, " ").includes(reason.replace(/\s+/g, " ")), screen);
    }
  });

  test("help says what there is and what the exit codes mean", async (t) => {
    const { code, stdout } = await new Project(t, undefined).status(["--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /Exit code: 0 well; 1 degraded/);
  });

  test("it takes less than a second, and nothing of Pulumi is loaded", async (t) => {
    const project = new Project(t, WELL);
    writeFileSync(
      project.file("loaded.cjs"),
      'process.on("exit", () => { for (const file of Object.keys(require.cache)) if (/@pulumi/.test(file)) console.error(file); });\n',
    );
    const runs: Ended[] = [];
    for (let run = 0; run < 3; run += 1) {
      runs.push(
        await project.status(["--stack", "dev"], { NODE_OPTIONS: `--require "${project.file("loaded.cjs")}"` }),
      );
    }
    assert.deepEqual(
      runs.map(({ stderr }) => stderr),
      ["", "", ""],
    );
    const fastest = Math.min(...runs.map(({ seconds }) => seconds));
    assert.ok(fastest < 1, `the fastest of 3 runs took ${fastest.toFixed(2)} s`);
  });
});
