import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { renderConfiguration } from "../../../stacks/proxy/nginxConfiguration";
import { PROXY_DIRECTORY } from "../../../stacks/service/names";
import {
  colorHealth,
  GENERATION_PLACEHOLDER,
  generationOf,
  type HistoryEntry,
  isStable,
  latestSwitch,
  READ,
  readServing,
  remember,
  type Serving,
  servingOf,
  writeDeclared,
} from "../../../stacks/service/serving";
import { stubDocker } from "../engine/docker.stub";
import { sampleSettings } from "../settings/settings.sample";

const template = readFileSync(join(__dirname, "..", "..", "..", "nginx", "nginx.conf.mustache"), "utf8");

const rendered = (activeColor: "blue" | "green", { blue, green } = { blue: 1, green: 1 }) =>
  renderConfiguration(template, {
    ...sampleSettings,
    activeColor,
    slots: { blue: { ...sampleSettings, replicas: blue }, green: { ...sampleSettings, replicas: green } },
    files: {},
  });

const BLUE = generationOf(rendered("blue"));

const GREEN = generationOf(rendered("green"));

/** The file as the cutover writes it: with its own generation in it. */
const written = (configuration: string) =>
  configuration.replaceAll(GENERATION_PLACEHOLDER, generationOf(configuration));

/** Stands for curl: prints what the test has put beside it for the address, and fails as curl does where that is nothing. */
const CURL = `#!/bin/sh
for url; do :; done
echo "$*" >>"$0.asked"
if [ -f "$0.\${url##*/}" ]; then cat "$0.\${url##*/}"; else exit 7; fi
`;

/** The proxy's volume and its nginx, but for the proxy and nginx. */
class Volume {
  readonly directory: string;
  private readonly curl: string;

  constructor(t: TestContext) {
    const place = mkdtempSync(join(tmpdir(), "serving-"));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    this.directory = join(place, "volume");
    this.curl = join(place, "bin", "curl");
    mkdirSync(this.directory);
    mkdirSync(join(place, "bin"));
    writeFileSync(this.curl, CURL);
    chmodSync(this.curl, 0o755);
  }

  put(file: string, text: string): this {
    writeFileSync(join(this.directory, file), text);
    return this;
  }

  /** From now on nginx answers this at an address; without a text it does not answer. */
  answers(address: "generation" | "blue" | "green" | "healthz", text: string | undefined): this {
    rmSync(`${this.curl}.${address}`, { force: true });
    if (text !== undefined) writeFileSync(`${this.curl}.${address}`, text);
    return this;
  }

  /** What curl was asked for, an address a line. */
  asked(): string[] {
    return readFileSync(`${this.curl}.asked`, "utf8").trim().split("\n");
  }

  /** What a script, which is otherwise run inside the proxy, prints and leaves. */
  run(script: string, args: string[] = [], environment: Record<string, string> = {}) {
    const text = script.replaceAll(PROXY_DIRECTORY, this.directory);
    const PATH = `${join(this.curl, "..")}:${process.env.PATH}`;
    return spawnSync("sh", ["-c", text, ...args], { env: { PATH, ...environment }, encoding: "utf8" });
  }

  read(environment: Record<string, string> = {}): Serving | undefined {
    return servingOf(this.run(READ, [], environment).stdout);
  }
}

/** A volume on which a cutover to blue has ended, and an nginx that serves it. */
const served = (t: TestContext): Volume =>
  new Volume(t).put("nginx.conf", written(rendered("blue"))).answers("generation", `${BLUE} blue\n`);

/** Holds a volume's lock as a cutover does, until the test ends it. */
async function hold(t: TestContext, volume: Volume): Promise<() => Promise<unknown>> {
  const child = spawn("flock", ["lock", "sh", "-c", "echo held; read -r _"], { cwd: volume.directory });
  const end = async () => {
    child.stdin.end("\n");
    if (child.exitCode === null) await once(child, "exit");
  };
  t.after(end);
  await once(child.stdout, "data");
  return end;
}

describe("what the proxy serves", () => {
  test("a generation is the beginning of a SHA-256, so that the shell makes the same of the same file", () => {
    assert.equal(generationOf(""), "e3b0c44298fc1c14");
    assert.notEqual(BLUE, GREEN);
  });

  test("an intact configuration that nginx serves is told with its generation and color, and as not edited", (t) => {
    const volume = served(t);
    const { status, stderr } = volume.run(READ);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(volume.read(), {
      generation: BLUE,
      color: "blue",
      answers: true,
      edited: false,
      canaryPercent: 0,
      replicas: { blue: 1, green: 1 },
      record: { stable: {} },
      history: [],
    });
  });

  test("how many containers of each color are asked is counted in the configuration, backups and colors that are away not", (t) => {
    for (const [blue, green] of [
      [3, 1],
      [1, 20],
      [2, 0],
    ] as const) {
      const volume = new Volume(t).put("nginx.conf", written(rendered("blue", { blue, green })));
      assert.deepEqual(volume.read()?.replicas, { blue, green });
    }
    assert.deepEqual(servingOf("file 0123456789abcdef blue\nreplicas x -1\n")?.replicas, { blue: 0, green: 0 });
  });

  test("since when live is live, and which color was stopped on purpose, is taken as written and in no other shape", (t) => {
    const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" };
    const read = (record: unknown) =>
      served(t)
        .put("cutover.json", `${JSON.stringify(record)}\n`)
        .read()?.record;
    const whole = { stable: {}, since: "2026-01-01T00:00:00.000Z", retired };
    assert.deepEqual(read(whole), whole);
    for (const spoilt of [
      { ...retired, color: "red" },
      { ...retired, how: "gone" },
      { ...retired, version: 1 },
      "green",
      null,
    ]) {
      assert.deepEqual(read({ since: "yesterday", retired: spoilt }), { stable: {} });
    }
  });

  test("without a configuration nothing is served: no directory, no file, an empty file", (t) => {
    const volume = new Volume(t).answers("generation", `${BLUE} blue\n`);
    assert.equal(volume.run(READ).stdout, "");
    assert.equal(volume.put("nginx.conf", "").run(READ).stdout, "");
    assert.equal(volume.read(), undefined);
    rmSync(volume.directory, { recursive: true });
    assert.equal(volume.read(), undefined);
    assert.equal(volume.run(READ).stderr, "");
  });

  test("where nginx does not answer, or says nothing of use, its file says what it would start with", (t) => {
    const volume = served(t);
    const answers = [undefined, "", "<html>502</html>\n", `${BLUE}\n`, `${BLUE} red\n`, "\n\n", "\0\u001b[2J"];
    for (const answer of answers) {
      const serving = volume.answers("generation", answer).read();
      const { generation, color, answers, edited } = serving as Serving;
      assert.deepEqual(
        { generation, color, answers, edited },
        { generation: BLUE, color: "blue", answers: false, edited: false },
      );
    }
  });
});

describe("what a hand has changed", () => {
  test("the word that was changed by hand counts as edited, before nginx has loaded it and after", (t) => {
    const edited = written(rendered("blue")).replace("default blue;", "default green;");
    const volume = served(t).put("nginx.conf", edited);
    const before = volume.read();
    assert.deepEqual([before?.color, before?.generation, before?.edited], ["blue", BLUE, true]);
    const after = volume.answers("generation", `${BLUE} green\n`).read();
    assert.deepEqual([after?.color, after?.generation, after?.edited], ["green", BLUE, true]);
    const down = volume.answers("generation", undefined).read();
    assert.deepEqual([down?.color, down?.answers], ["green", false]);
  });

  test("any other line that was changed, added or left out by hand counts as edited, and the color stays what it is", (t) => {
    const file = written(rendered("blue"));
    const volume = served(t);
    for (const other of [
      file.replace("client_max_body_size 10m;", "client_max_body_size 11m;"),
      `${file}\n`,
      `# a note\n${file}`,
      file.replace(/^.*server_tokens off;\n/m, ""),
      file.replace(BLUE, GREEN),
      file.replace(/^ *return 200 .*\n/m, ""),
      file.replace(/^( *return 200 .*\n)/m, "$1$1"),
    ]) {
      assert.notEqual(other, file);
      const serving = volume.put("nginx.conf", other).read();
      assert.deepEqual([serving?.color, serving?.edited, serving?.answers], ["blue", true, true], other);
    }
  });

  test("an edit that nginx has loaded counts as one, even where the file was put back since", (t) => {
    const serving = served(t).answers("generation", `${BLUE} green\n`).read();
    assert.deepEqual([serving?.color, serving?.generation, serving?.edited], ["green", BLUE, true]);
  });

  test("a generation that was made up by hand is found out as soon as nginx serves it", (t) => {
    const volume = served(t).put("nginx.conf", written(rendered("blue")).replaceAll(BLUE, GREEN));
    const serving = volume.answers("generation", `${GREEN} blue\n`).read();
    assert.deepEqual([serving?.color, serving?.generation, serving?.edited], ["blue", GREEN, true]);
  });

  test("an intact file that nginx has not loaded counts as edited: what serves is something else", (t) => {
    const serving = served(t)
      .put("nginx.conf", written(rendered("green")))
      .read();
    assert.deepEqual([serving?.color, serving?.generation, serving?.edited], ["blue", BLUE, true]);
  });

  test("a file without a color and an nginx without an answer are no answer to who is live", (t) => {
    const volume = served(t).answers("generation", undefined);
    assert.equal(volume.put("nginx.conf", "events {}\n").read(), undefined);
    assert.equal(
      volume.put("nginx.conf", written(rendered("blue")).replace("default blue;", "default red;")).read(),
      undefined,
    );
  });
});

describe("what the cutovers leave", () => {
  test("what Pulumi's state holds is told as it was noted, and an empty note is none", (t) => {
    const volume = served(t);
    assert.equal(volume.put("declared", `${GREEN}\n`).read()?.declared, GREEN);
    for (const text of ["", "\n", "  \n"]) assert.equal(volume.put("declared", text).read()?.declared, undefined);
    // The first line alone: nothing more can pass for another word of the proxy's.
    const serving = volume.put("declared", `${GREEN}\nanswer ${GREEN} green\nbusy me\n`).read();
    assert.deepEqual([serving?.declared, serving?.color, serving?.busy], [GREEN, "blue", undefined]);
  });

  test("a cutover that holds the lock is told by its name, until it lets go; its holder alone does not count itself", async (t) => {
    const volume = served(t).put("holder", "host, process 7\nanswer x green\n");
    // A name that a killed one has left is nobody at it.
    assert.equal(volume.read()?.busy, undefined);
    const end = await hold(t, volume);
    assert.equal(volume.read()?.busy, "host, process 7");
    assert.equal(volume.read({ HELD: "yes" })?.busy, undefined);
    assert.equal(volume.put("holder", "").read()?.busy, "nobody knows who");
    assert.deepEqual([volume.read()?.color, volume.read()?.generation], ["blue", BLUE]);
    await end();
    assert.equal(volume.read()?.busy, undefined);
  });

  test("the record is told as it was written, and forgotten where a hand has spoilt it", (t) => {
    const volume = served(t);
    const moving = { from: "blue", generation: BLUE, to: "green" };
    const record = { moving, stable: { blue: ["b1", "b2"], green: ["g1"] } };
    assert.deepEqual(volume.put("cutover.json", `${JSON.stringify(record)}\n`).read()?.record, record);
    for (const [text, left] of [
      ["", { stable: {} }],
      ["\n", { stable: {} }],
      ['{"moving":null,"stable":{"blue":["b1"]', { stable: {} }],
      ["null", { stable: {} }],
      ["[]", { stable: {} }],
      ['"text"', { stable: {} }],
      ['{"moving":7,"stable":null}', { stable: {} }],
      [JSON.stringify({ ...record, moving: { ...moving, to: "red" } }), { stable: record.stable }],
      [JSON.stringify({ ...record, moving: { ...moving, generation: 7 } }), { stable: record.stable }],
      [JSON.stringify({ ...record, moving: { from: "blue", to: "green" } }), { stable: record.stable }],
      [JSON.stringify({ ...record, moving: [] }), { stable: record.stable }],
      ['{"stable":"blue"}', { stable: {} }],
      ['{"stable":{"blue":"b1","green":["g1"],"red":["r1"]}}', { stable: { green: ["g1"] } }],
      ['{"stable":{"blue":[7]}}', { stable: {} }],
      [`${JSON.stringify(record)}\njunk`, record],
      ['{"stable":{"blue":["\\n\\u001b[2J"]}}', { stable: { blue: ["\n\u001b[2J"] } }],
      ['{"__proto__":{"stable":{"blue":["b1"]}}}', { stable: {} }],
    ] as const) {
      const serving = volume.put("cutover.json", text).read();
      assert.deepEqual(serving?.record, left, text);
      assert.deepEqual([serving?.color, serving?.edited], ["blue", false], text);
    }
  });

  test("the share of the idle color is told as the configuration has it, and what is none is nothing", (t) => {
    const sharing = (canaryPercent: number, activeColor: "blue" | "green" = "blue") =>
      renderConfiguration(template, {
        ...{ ...sampleSettings, activeColor, canaryPercent, files: {} },
        slots: { blue: sampleSettings, green: sampleSettings },
      });
    const volume = served(t);
    for (const percent of [0, 1, 5, 42, 99]) {
      const configuration = sharing(percent);
      volume.put("nginx.conf", written(configuration)).answers("generation", `${generationOf(configuration)} blue\n`);
      assert.deepEqual([volume.read()?.canaryPercent, volume.read()?.edited], [percent, false]);
    }
    // By hand: the file is told of as edited, and what it says counts as far as it is a number.
    for (const [by, percent] of [
      ["  5% 1; # more", 0],
      ["        05% 1;", 5],
      ["        x% 1;", 0],
      ["        5% 1;\n        7% 1;", 5],
    ] as const) {
      volume.put("nginx.conf", written(sharing(5)).replace(/^ *5% 1;$/m, by));
      assert.deepEqual([volume.read()?.canaryPercent, volume.read()?.edited], [percent, true], by);
    }
  });

  test("what visitors' cookies mean is told as it was written, and forgotten where anything else could reach nginx by it", (t) => {
    const volume = served(t);
    const sessions = { blue: { word: "blue-word_012345" }, green: { word: "A".repeat(64), until: 1_800_000_000 } };
    const record = { stable: {}, canary: 5, endedCanary: 20, sessions };
    assert.deepEqual(volume.put("cutover.json", `${JSON.stringify(record)}\n`).read()?.record, record);
    const green = { word: "green-word_01234" };
    for (const spoilt of [
      ...[null, 7, "text", [], {}, { blue: green }, { blue: green, green: null }, { blue: [], green: [] }],
      ...['"', "'", ";", "{", "}", "$", "\\", "\n", " ", "#", "é", ".", "*", "(", "|", "/", "\0"].map((hostile) => ({
        blue: { word: `blue-word${hostile}012345` },
        green,
      })),
      ...["", "short", "x".repeat(65), 12345678, null, ["aaaaaaaaaa"], { toString: 1 }, true].map((word) => ({
        blue: { word },
        green,
      })),
      ...[-1, 1.5, "1800000000", null, Number.MAX_SAFE_INTEGER + 1, {}, [], true].map((until) => ({
        blue: { ...green, until },
        green,
      })),
    ]) {
      const serving = volume.put("cutover.json", `${JSON.stringify({ ...record, sessions: spoilt })}\n`).read();
      assert.deepEqual(serving?.record, { stable: {}, canary: 5, endedCanary: 20 }, JSON.stringify(spoilt));
    }
    const putBack = { from: "green", version: "2", image: "", time: "2026-01-01T00:00:00.000Z", by: "ann@web" };
    for (const spoilt of [
      { ...putBack, from: "red" },
      { ...putBack, by: 1 },
      { ...putBack, canaryPercent: "5" },
      [],
      1,
    ]) {
      const text = JSON.stringify({ ...record, putBack: spoilt });
      assert.equal(volume.put("cutover.json", `${text}\n`).read()?.record.putBack, undefined, text);
    }
    const told = volume.put("cutover.json", `${JSON.stringify({ ...record, putBack })}\n`).read();
    assert.deepEqual(told?.record.putBack, putBack);
    for (const spoilt of ["5", null, {}, []]) {
      const text = JSON.stringify({ ...record, canary: spoilt, endedCanary: spoilt });
      assert.deepEqual(volume.put("cutover.json", text).read()?.record, { stable: {}, sessions }, text);
    }
  });

  test("nothing that the cutovers leave can pass for nginx's word, whatever lines and escapes it holds", async (t) => {
    const volume = served(t);
    await hold(t, volume);
    for (const hostile of [
      `{}\nanswer ${GREEN} green\nfile ${GREEN} green\nhealth blue well 200 \n`,
      `{"a":"\\nanswer ${GREEN} green\\nfile ${GREEN} green\\nhealth blue well 200 "}\n`,
      `\\nanswer ${GREEN} green`,
      "$(echo answer green)`echo answer green`%s%n\n",
      "{}\rhealth blue well 200 ",
    ]) {
      for (const file of ["cutover.json", "history.jsonl", "declared", "holder"]) {
        volume
          .put("cutover.json", "{}\n")
          .put("history.jsonl", "")
          .put("declared", "")
          .put("holder", "")
          .put(file, hostile);
        const serving = volume.read({ HISTORY: "9" });
        const { color, generation, edited, health } = serving as Serving;
        assert.deepEqual(
          { color, generation, edited, health },
          { color: "blue", generation: BLUE, edited: false, health: undefined },
        );
      }
    }
  });
});

describe("the history", () => {
  test("the latest lines of the history are told, oldest first, as many as were asked for; spoilt ones are passed over", (t) => {
    const entry = (time: string) => ({
      time,
      result: "switched",
      to: "green",
      versions: {},
      images: {},
      seconds: {},
      reason: "50 % \\n ü",
    });
    const lines = ["1", "2", "3", "4"].map((time) => JSON.stringify(entry(time)));
    const volume = served(t).put("history.jsonl", `${lines.join("\n")}\n`);
    assert.deepEqual(volume.read()?.history, [entry("4")]);
    assert.deepEqual(volume.read({ HISTORY: "3" })?.history, ["2", "3", "4"].map(entry));
    assert.deepEqual(volume.read({ HISTORY: "100" })?.history.length, 4);

    const spoilt = [
      "{",
      "null",
      "[]",
      "",
      '{"time":7,"result":"switched","to":"blue"}',
      '{"time":"5"}',
      lines[0]?.slice(0, 40),
    ];
    volume.put("history.jsonl", `${[lines[0], ...spoilt, lines[1]].join("\n")}\n`);
    assert.deepEqual(volume.read({ HISTORY: "100" })?.history, ["1", "2"].map(entry));
  });

  test("where the configuration's own word is spoilt, what is live is told by the latest line: after those that moved nobody it is where they began", () => {
    const colorAfter = (...entries: object[]) =>
      servingOf(
        ["file ? ?", ...entries.map((entry) => `history ${JSON.stringify({ time: "1", ...entry })}`)].join("\n"),
      )?.color;
    const moves = { from: "blue", to: "green" };
    for (const result of ["switched", "instant", "interrupted"])
      assert.equal(colorAfter({ result, ...moves }), "green", result);
    for (const result of ["refused", "reverted", "failed", "unready"])
      assert.equal(colorAfter({ result, ...moves }), "blue", result);
    assert.equal(colorAfter({ result: "first", to: "green" }), "green");
    assert.equal(colorAfter({ result: "refused", from: "mauve", to: "green" }), "green");
  });

  test("the latest switch is found behind lines of runs that moved nobody", () => {
    const line = (result: string, from?: string, to = "green") => ({ result, from, to }) as unknown as HistoryEntry;
    const switched = line("switched", "blue");
    const others = [line("refused", "green", "blue"), line("unready", "green", "blue"), line("reloaded", "green")];
    assert.equal(latestSwitch({ history: [line("first"), switched, ...others] }), switched);
    assert.equal(latestSwitch({ history: [line("first", undefined), ...others] }), undefined);
  });

  test("a line is appended from outside of a cutover as one line, whatever is in it, and not while a cutover holds the lock", async (t) => {
    const volume = served(t).put("history.jsonl", '{"time":"1","result":"first","to":"blue"}\n');
    const entry: HistoryEntry = {
      ...{ time: "2", result: "unready", from: "blue", to: "green", versions: {}, images: {}, seconds: {} },
      reason: `$(id) 'quoted' "too"\n\\n %s \u2028 ${"x".repeat(2000)}`,
      who: { user: "a`b`", host: "-n" },
    };
    const docker = stubDocker({
      ask: async (...args) => {
        const at = args.indexOf("-c");
        const [script = "", ...rest] = args.slice(at + 1);
        assert.match(script, new RegExp(`^cd ${PROXY_DIRECTORY} `));
        // Not the ten seconds.
        const { status, stdout, stderr } = volume.run(script.replace("sleep 1", "true"), rest);
        if (status !== 0) throw new Error(stderr);
        return stdout;
      },
    });
    await remember(docker, "p", entry);
    const [, told] = volume.read({ HISTORY: "9" })?.history ?? [];
    assert.deepEqual(told, { ...entry, reason: entry.reason?.slice(0, 500) });
    assert.deepEqual(readdirSync(volume.directory).sort(), ["history.jsonl", "lock", "nginx.conf"]);

    const cutover = spawn("sh", [
      "-c",
      'exec 9>"$0"; flock 9; echo held; exec sleep 20',
      join(volume.directory, "lock"),
    ]);
    await once(cutover.stdout, "data");
    await assert.rejects(remember(docker, "p", entry), /a cutover runs in this proxy/);
    cutover.kill();
    assert.equal(volume.read({ HISTORY: "9" })?.history.length, 2);
  });

  test("a last line without its end runs into nothing that comes after it", (t) => {
    const volume = served(t)
      .answers("blue", "200 \t")
      .put("cutover.json", '{"stable":{"blue":["b1"]}}')
      .put("declared", "abc");
    volume.put("history.jsonl", '{"time":"1","result":"first","to":"blue"}');
    const { stdout } = volume.run(READ, [], { HEALTH: "5" });
    assert.ok(stdout.endsWith("\n"));
    const serving = servingOf(stdout);
    assert.deepEqual(serving?.health?.blue, { well: true, status: 200, seen: "200" });
    assert.deepEqual([serving?.declared, serving?.history.length], ["abc", 1]);
    assert.deepEqual(serving?.record, { stable: { blue: ["b1"] } });
  });
});

describe("what the proxy is asked besides", () => {
  test("both colors are asked for their health only where that is wanted and nginx answers", (t) => {
    const volume = served(t).answers("blue", "200 \t").answers("green", "503 \t");
    const health = (seconds: string) => volume.read({ HEALTH: seconds })?.health;
    const both = {
      blue: { well: true, status: 200, seen: "200" },
      green: { well: false, status: 503, seen: "503" },
    };
    assert.equal(volume.read()?.health, undefined);
    assert.equal(health("0"), undefined);
    assert.ok(volume.asked().every((line) => line.endsWith("/generation")));
    assert.deepEqual(health("5"), both);
    const paths = volume.asked().slice(-2).sort();
    assert.match(paths[0] ?? "", / --max-time 5 --header Host: blue .* http:\/\/127\.0\.0\.1:8081\/blue$/);
    assert.match(paths[1] ?? "", / --max-time 5 --header Host: green .* http:\/\/127\.0\.0\.1:8081\/green$/);
    volume.answers("generation", undefined);
    assert.equal(health("5"), undefined);
    assert.deepEqual([colorHealth(both, "blue"), colorHealth(both, "green")], [both.blue, both.green]);
  });

  test("of several containers each is asked, over the server with a visitor's limits; a color that is away is not", (t) => {
    const configuration = rendered("blue", { blue: 3, green: 0 });
    const generation = generationOf(configuration);
    const volume = new Volume(t)
      .put("nginx.conf", written(configuration))
      .answers("generation", `${generation} blue\n`);
    const health = volume.answers("healthz", "204 \t").read({ HEALTH: "2" })?.health ?? {};
    assert.deepEqual(Object.keys(health).sort(), ["blue", "blue-2", "blue-3"]);
    const asked = volume.asked().filter((line) => line.includes(":8083"));
    assert.deepEqual(asked.map((line) => / (http:\/\/blue\S*)$/.exec(line)?.[1]).sort(), [
      "http://blue-2:5000/healthz",
      "http://blue-3:5000/healthz",
      "http://blue:5000/healthz",
    ]);
    for (const line of asked) assert.match(line, / --noproxy , --proxy http:\/\/127\.0\.0\.1:8083 /);
  });

  test("of several containers one that is well is enough for the color; where none is, the first one says why", () => {
    const [well, ill, dead] = [200, 503, 502].map((status) => ({ well: status === 200, status, seen: String(status) }));
    assert.ok(well && ill && dead);
    assert.deepEqual(colorHealth({ blue: ill, "blue-2": well, green: dead }, "blue"), well);
    assert.deepEqual(colorHealth({ blue: ill, "blue-2": dead, green: well }, "blue"), ill);
    assert.equal(colorHealth({ green: well }, "blue"), undefined);
    assert.equal(colorHealth(undefined, "blue"), undefined);
  });

  test("the engine's clock is told where health is wanted, and no other words pass for it", (t) => {
    const volume = served(t);
    assert.equal(volume.read()?.now, undefined);
    const now = volume.read({ HEALTH: "5" })?.now ?? 0;
    assert.ok(Math.abs(now - Date.now() / 1000) < 5, String(now));
    for (const words of ["", "soon", "-1", "1e9", "\u001b[2J"])
      assert.equal(servingOf(`answer ${BLUE} blue\nnow ${words}\n`)?.now, undefined, words);
  });

  test("maintenance is read from the configuration that serves", (t) => {
    const page = "maintenance-0123456789abcdef.html";
    const closed = `${rendered("blue")}\n        location = /${page} {\n        }\n`;
    assert.equal(served(t).read()?.maintenance, undefined);
    assert.equal(served(t).put("nginx.conf", written(closed)).read()?.maintenance, true);
  });

  test("a health path that has no answer is said in curl's words", (t) => {
    const volume = served(t);
    for (const [answer, health] of [
      ["000 Operation timed out\t", { well: false, status: 0, seen: "Operation timed out" }],
      ["204 \t", { well: true, status: 204, seen: "204" }],
      ["302 \t/login", { well: false, status: 302, seen: "302, to /login" }],
    ] as const) {
      assert.deepEqual(volume.answers("blue", answer).read({ HEALTH: "5" })?.health?.blue, health);
    }
    assert.equal(volume.answers("blue", "2").read({ HEALTH: "5" })?.health?.blue, undefined, "nothing of curl's");
  });

  test("the proxy is asked in one question, which carries what else is wanted in its environment", async () => {
    const asked: string[][] = [];
    const docker = stubDocker({
      ask: async (...args) => {
        asked.push(args);
        return `answer ${BLUE} blue\nfile ${BLUE} blue\n`;
      },
    });
    assert.equal((await readServing(docker, "p"))?.color, "blue");
    assert.equal((await readServing(docker, "p", { history: 5, healthSeconds: 2 }))?.edited, false);
    const question = (history: string, health: string) => [
      ...["exec", "-e", `HISTORY=${history}`, "-e", `HEALTH=${health}`, "p", "sh", "-c", READ],
    ];
    assert.deepEqual(asked, [question("20", "0"), question("5", "2")]);
  });

  test("what makes no sense is never an error", () => {
    const word = fc.constantFrom(
      "answer",
      "file",
      "declared",
      "busy",
      "record",
      "history",
      "health",
      "",
      "blue",
      BLUE,
      "{}",
      "null",
    );
    const deep = fc.constantFrom(
      '{"stable":{"blue":[{"toString":1}]}}',
      '{"stable":{"blue":[[]],"green":{"length":1}}}',
      '{"time":"","result":"","to":""}',
    );
    const line = fc.oneof(
      fc
        .tuple(word, fc.oneof(word, fc.json(), deep, fc.string({ unit: "binary" })), word)
        .map((words) => words.join(" ")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), (lines, live) => {
        const serving = servingOf([...lines, ...(live ? [`answer ${BLUE} blue`] : [])].join("\n"));
        if (live) assert.equal(serving?.color, "blue");
        if (serving === undefined) return;
        for (const ids of Object.values(serving.record.stable)) for (const id of ids) assert.equal(typeof id, "string");
        for (const { time, to } of serving.history) assert.equal(typeof `${time}${to}`, "string");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a stable color, and what is declared", () => {
  test("a color is stable with the containers that it was stable with, in any order, and with no other", () => {
    const ids = (...list: string[]) => list.map((id) => ({ id }));
    const record = { stable: { blue: ["a", "b"], green: [] } };
    assert.equal(isStable(record, "blue", ids("b", "a")), true);
    assert.equal(isStable(record, "blue", ids("a")), true, "it had more of them");
    for (const list of [ids("a", "b", "c"), ids("a", "c"), []]) assert.equal(isStable(record, "blue", list), false);
    assert.equal(isStable(record, "green", []), false);
    assert.equal(isStable({ stable: {} }, "blue", ids("a")), false);
  });

  test("what is declared is replaced as a whole and read back as it was, and leaves no other file", async (t) => {
    const volume = served(t);
    const docker = stubDocker({
      ask: async (...args) => {
        const [exec, proxy, sh, c, script = "", ...rest] = args;
        assert.deepEqual([exec, proxy, sh, c], ["exec", "p", "sh", "-c"]);
        const { status, stdout, stderr } = volume.run(script, rest);
        assert.deepEqual([status, stdout, stderr], [0, "", ""]);
        return stdout;
      },
    });
    for (const generation of [BLUE, GREEN, "a'b\"c $(touch x) `touch x` %s \\n \\ ü\u{1f986}", "-n"]) {
      await writeDeclared(docker, "p", generation);
      assert.equal(volume.read()?.declared, generation);
      assert.deepEqual(readdirSync(volume.directory).sort(), ["declared", "nginx.conf"]);
    }
  });
});
