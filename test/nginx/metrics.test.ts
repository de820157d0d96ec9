import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readScript } from "../../stacks/engine/scripts";
import { ASKED_METRICS } from "../../stacks/service/metrics";
import { PROXY_DIRECTORY } from "../../stacks/service/names";
import { generationOf, servingOf } from "../../stacks/service/serving";
import { configurationOf } from "../e2e/nginxAlone";
import { readPage } from "../prometheus";

/** The script without its last part, which goes on for ever. */
const FUNCTIONS = readScript("metrics").split("printf '%s\\n' \"$CONF\"")[0] ?? "";

/** A volume, and the commands that the script finds. */
class Volume {
  readonly directory: string;

  constructor(t: TestContext, configuration = configurationOf({ monitoring: "metrics" })) {
    const place = mkdtempSync(join(tmpdir(), "metrics-"));
    t.after(() => rmSync(place, { recursive: true }));
    this.directory = join(place, "volume");
    mkdirSync(this.directory);
    mkdirSync(join(place, "bin"));
    writeFileSync(join(this.directory, "nginx.conf"), configuration);
  }

  /** Has a command do this. */
  command(name: string, script: string): void {
    const path = join(this.directory, "..", "bin", name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  run(call: string): string {
    const places = `directory='${this.directory}' requests_text='${this.directory}/text' requests_read='${this.directory}/read'`;
    const script = `set -e\n${FUNCTIONS}\n${places}\n${call}`;
    const PATH = `${join(this.directory, "..", "bin")}:${process.env.PATH}`;
    const env = { PATH, PROXY: "the-proxy" };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8", env });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  get metered(): string[] {
    return readdirSync(join(this.directory, "metered")).sort();
  }
}

/** What the proxy's own script prints of this configuration while nginx answers like that. */
function linesOf(t: TestContext, conf: string, served: string): string {
  const volume = new Volume(t, conf);
  volume.command("curl", `printf '${served}\\n'`);
  return volume.run(readScript("read").replaceAll(PROXY_DIRECTORY, volume.directory));
}

describe("the container that serves the metrics", () => {
  test("the files by which nginx writes its log are those of this hundred seconds and the next, however long it was away", (t) => {
    const volume = new Volume(t);
    volume.command("date", "echo 1796030399");
    volume.run("keep_metered");
    assert.deepEqual(volume.metered, ["17960303", "17960304"]);
    volume.command("date", "echo 1796030400");
    volume.run("keep_metered");
    assert.deepEqual(volume.metered, ["17960304", "17960305"]);
    volume.command("date", "echo 1796999999");
    volume.run("keep_metered");
    assert.deepEqual(volume.metered, ["17969999", "17970000"]);
  });

  test("nginx looks for the file of the hundred seconds that this script makes", (t) => {
    const volume = new Volume(t);
    const msec = "1796030399.123";
    const [, pattern = ""] =
      /"~(\^\(\?<hundreds>.*?)" \$hundreds;/.exec(configurationOf({ monitoring: "metrics" })) ?? [];
    volume.command("date", `echo ${msec.split(".")[0]}`);
    volume.run("keep_metered");
    assert.ok(volume.metered.includes(new RegExp(pattern).exec(msec)?.groups?.hundreds ?? "none"));
  });

  test("the page's files are written as they are, and no later program has to carry them about", (t) => {
    const volume = new Volume(t);
    const texts = ["<p>$(exit 1) `x` \\n %s 'a' \"b\" é</p>", "", "-n", "a\nb\n\nc"];
    const names = texts.map((_, at) => `${at}.html`);
    const set = texts.map(
      (text, at) => `PAGE_${at + 1}=$(printf %s '${Buffer.from(text).toString("base64")}' | base64 -d)`,
    );
    const exported = [...set, `PAGE='${names.join(" ")}'`].map((line) => `export ${line}`).join("\n");
    const rest = volume.run(
      `${exported}\nroot='${volume.directory}/page'\nunpack_page\nenv | grep -c '^PAGE_' || true`,
    );
    assert.equal(rest, "0\n");
    for (const [at, text] of texts.entries())
      assert.equal(readFileSync(join(volume.directory, "page", `${at}.html`), "utf8"), `${text}\n`);
  });

  const curl = (blue: string, green: string) =>
    `case "$*" in */blue) printf '${blue}' ;; */green) printf '${green}' ;; */generation) echo 'x blue' ;; esac`;

  test("each color is ready or says why not, and a source that is silent is 0", (t) => {
    const volume = new Volume(t);
    const cases: [answer: string, ready: number, why: string][] = [
      ["200 0.010\\t", 1, ""],
      ["500 0.010\\t", 0, "status 500"],
      ["000 5.000\\t", 0, "no answer"],
      ["", 0, "no answer"],
      ["302 0.010\\thttps://elsewhere.example/", 0, "status 302"],
    ];
    for (const [answer, ready, why] of cases) {
      volume.command("curl", curl("204 0.250\\t", answer));
      const { series } = readPage(volume.run("say_colors"));
      const of = (name: string) =>
        series.filter((each) => each.name === name).map(({ labels, value }) => [...Object.values(labels), value]);
      assert.deepEqual(
        of("blue_green_ready"),
        [
          ["blue", "", 1],
          ["green", why, ready],
        ],
        answer,
      );
      assert.deepEqual(of("blue_green_health_seconds")[0], ["blue", 0.25]);
      assert.deepEqual(of("blue_green_source_up"), [
        ["proxy", 1],
        ["requests", 0],
      ]);
    }
  });

  test("a configuration that a hand has changed is told, as long as nginx answers", (t) => {
    const rendered = configurationOf({ monitoring: "metrics" });
    const generation = generationOf(rendered);
    const written = rendered.replaceAll("@GENERATION@", generation);
    const edited = (conf: string, served: string): number | undefined => {
      const volume = new Volume(t, conf);
      const { series, types } = readPage(volume.run(`told='${served}'; say_configuration`));
      assert.equal(types.size, series.length, "what is not known is not there");
      return series[0]?.value;
    };
    const serves = `${generation} blue`;
    assert.equal(edited(written, serves), 0);
    assert.equal(edited(written, ""), undefined);
    assert.equal(edited("", serves), undefined);
    const other = written.replace(/default blue;/, "default green;");
    assert.notEqual(other, written);
    for (const [conf, answer] of [
      [`${written}# a hand\n`, serves],
      [other, serves],
      [other, `${generation} green`],
      [written, `${generation} green`],
      [written, "0123456789abcdef blue"],
    ] as const) {
      assert.equal(edited(conf, answer), 1);
      // The program's own word on it, from what the same lines say in the proxy.
      assert.equal(servingOf(linesOf(t, conf, answer))?.edited, true);
    }
    assert.equal(servingOf(linesOf(t, written, serves))?.edited, false);
  });

  test("the disk of the volume is told, whatever is mounted there", (t) => {
    const volume = new Volume(t);
    const said = () => readPage(volume.run("say_volume")).series.map(({ name, value }) => [name, value]);
    for (const disk of ["/dev/vda1", "//nas/with a space (1)", "overlay"]) {
      volume.command(
        "df",
        `printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n${disk} 5000000000 1 4000000000 1%% /v\\n'`,
      );
      assert.deepEqual(said(), [
        ["blue_green_volume_free_bytes", 4_096_000_000_000],
        ["blue_green_volume_size_bytes", 5_120_000_000_000],
      ]);
    }
    volume.command("df", "exit 0");
    assert.deepEqual(said(), []);
    const real = new Volume(t);
    const { series } = readPage(real.run("say_volume"));
    const { bavail, blocks, bsize } = statfsSync(real.directory);
    assert.deepEqual(series[1]?.value, blocks * bsize);
    assert.ok(Math.abs((series[0]?.value ?? 0) - bavail * bsize) < 1e9);
  });

  test("all of it is in the table's words", (t) => {
    const volume = new Volume(t);
    volume.command(
      "curl",
      `${curl("204 0.250\\t", "204 0.250\\t")}; case "$*" in */generation) echo 0123456789abcdef blue ;; esac`,
    );
    const text = volume.run("say_colors; say_configuration; say_volume");
    for (const [name, { type, help }] of Object.entries(ASKED_METRICS))
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
    assert.equal(readPage(text).types.size, Object.keys(ASKED_METRICS).length);
  });

  test("a color that nobody is sent to is not asked", (t) => {
    const slot = { appPort: 5000, healthPath: "/healthz" };
    const slots = { blue: { ...slot, replicas: 1 }, green: { ...slot, replicas: 0 } };
    const volume = new Volume(t, configurationOf({ monitoring: "metrics", slots }));
    volume.command("curl", curl("200 0.010\\t", `'; echo asked >>'${volume.directory}/asked'; printf '`));
    const page = readPage(volume.run("say_colors"));
    assert.equal(existsSync(join(volume.directory, "asked")), false);
    const green = page.series.find(({ name, labels }) => name === "blue_green_ready" && labels.color === "green");
    assert.deepEqual([green?.labels.why, green?.value], ["stopped or removed", 0]);
  });
});
