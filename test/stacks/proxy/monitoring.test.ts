import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readNginx } from "../../../stacks/engine/scripts";
import { testerFile } from "../../../stacks/proxy/files";
import { type ConfigurationSettings, renderConfiguration } from "../../../stacks/proxy/nginxConfiguration";
import { COLORS, type Color } from "../../../stacks/service/color";
import { metricText, PROXY_METRICS } from "../../../stacks/service/metrics";
import { readPage } from "../../prometheus";
import { sampleConfiguration } from "../settings/settings.sample";
import { Maps, type Request } from "./nginxMaps";

const TOKEN = "hunter2.hunter2-hunter2";

const render = (change: Partial<ConfigurationSettings> = {}): string =>
  renderConfiguration(readNginx("nginx.conf.mustache"), { ...sampleConfiguration, monitoring: "metrics", ...change });

/** The variables of a configuration, and a session that names a color. */
const mapsOf = (change: Partial<ConfigurationSettings>, session: Color | "" = ""): Maps =>
  new Maps(
    render(change),
    `map "" $session { default "${session}"; } map "" $session_word { default ""; }`,
    testerFile(TOKEN),
  );

const TESTED = { files: { tester: "tester-0123456789abcdef.conf" } };
const TESTER: Request = { headers: { "x-blue-green-preview": TOKEN } };

/** What nginx says at a scrape, as a text, with its variables as they are for a color that is live. */
function said(text: string, live: Color): string {
  const [, quoted = ""] = /return 200 '(# HELP (?:[^'\\]|\\.)*)';/.exec(text) ?? [];
  const values: Record<string, string> = {
    blue_lives: live === "blue" ? "1" : "0",
    green_lives: live === "green" ? "1" : "0",
  };
  return quoted.replaceAll("\\n", "\n").replace(/\$(\w+)/g, (_, name: string) => values[name] ?? "7");
}

describe("what nginx notes of a request for the metrics", () => {
  test("a visitor of the active color, of the other one, a tester and the cutover are told apart", () => {
    for (const active of COLORS) {
      const idle = active === "blue" ? "green" : "blue";
      const counted = (change: Partial<ConfigurationSettings>, session: Color | "", request: Request) => {
        const maps = mapsOf({ activeColor: active, ...change }, session);
        return [maps.value("color", request), maps.value("counted_as", request)];
      };
      const sticky = { stickySessions: "cookie" } as const;
      assert.deepEqual(counted({}, "", {}), [active, "active"]);
      assert.deepEqual(counted(sticky, idle, {}), [idle, "sticky"]);
      assert.deepEqual(counted(sticky, active, {}), [active, "active"]);
      assert.deepEqual(counted({ canaryPercent: 5 }, "", { lot: 1 }), [idle, "canary"]);
      assert.deepEqual(counted({ canaryPercent: 5 }, "", { lot: 99 }), [active, "active"]);
      assert.deepEqual(counted(TESTED, "", TESTER), [idle, "tester"]);
      assert.deepEqual(counted({ ...TESTED, canaryPercent: 5 }, "", { ...TESTER, lot: 99 }), [idle, "tester"]);
      assert.deepEqual(counted({ ...TESTED, ...sticky }, idle, { ...TESTER, from: "127.0.0.1" }), [active, "probe"]);
    }
  });

  test("of a method only the known ones have their name, and no header of a client's has any", () => {
    const method = (name: string) => mapsOf({}).value("counted_method", { method: name });
    for (const known of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
      assert.equal(method(known), known);
    for (const other of ["", "PROPFIND", "GETX", "default", "$color", "-", "A".repeat(8000)])
      assert.equal(method(other), "other");
    const [, format = ""] = /log_format requests '(.*)';/.exec(render()) ?? [];
    assert.equal(
      format,
      "$color $counted_as $counted_method $status $request_time $bytes_sent $upstream_response_time",
    );
  });

  test("off, nothing of it stands in the configuration", () => {
    const off = render({ monitoring: "off" });
    assert.doesNotMatch(off, /requests\.log|counted_|metered|hundred|808[456]|_lives|\/metrics|probe/);
  });

  test("what watches the front door has ports of its own there, on which nobody is counted; only with a Prometheus of the stack's", () => {
    const metrics = render();
    assert.doesNotMatch(metrics, /808[56]|\$probe/);
    const on = render({ monitoring: "on" });
    const added = (text: string) => text.split("\n").filter((line) => !metrics.includes(line));
    assert.deepEqual(
      added(on).filter((line) => line.includes("listen ")),
      ["        listen 8085;"],
    );
    const tls = { files: { tlsCertificate: "tls-0.crt", tlsKey: "tls-0.key" } };
    assert.deepEqual(
      render({ monitoring: "on", ...tls })
        .split("\n")
        .filter((line) => /listen 808[56]/.test(line)),
      ["        listen 8085;", "        listen 8086 ssl;"],
    );
    // In the public's own server, and after what says that a request is counted.
    const front = on.slice(on.indexOf("listen 8080 default_server"));
    assert.ok(front.indexOf("listen 8085") < front.indexOf("\n    server {"));
    assert.ok(front.indexOf("set $metered 1;") < front.indexOf("if ($probe) {"));
    assert.match(front, /if \(\$probe\) \{\n +set \$watched "";\n +set \$metered "";\n/);
    const map = /map \$server_port \$probe \{\n +default +"";\n +8085 +1;\n +8086 1;\n/;
    assert.match(on, map);
  });

  test("a switch changes one line, and the text of the metrics is one that nginx takes", () => {
    const of = (activeColor: Color) =>
      render({ activeColor, canaryPercent: 5, certificateEnd: 1_796_030_308, ...TESTED }).split("\n");
    const green = of("green");
    assert.deepEqual(
      of("blue").filter((line, at) => line !== green[at]),
      ["        default blue;"],
    );
    const line = green.find((each) => each.includes("# HELP")) ?? "";
    // nginx has a buffer of 4,096 bytes for one word of its configuration.
    assert.ok(line.length > 500 && line.length < 4000, String(line.length));
    assert.equal(line.split("@GENERATION@").length, 2, "the cutover replaces one a line");
  });
});

describe("what nginx says of itself", () => {
  test("it is a page of the metrics in the table, with the live color, the canary, maintenance and the certificate's end", () => {
    const text = render({
      canaryPercent: 5,
      certificateEnd: 1_796_030_308,
      files: { maintenance: "maintenance-0.html" },
    });
    const page = readPage(said(text, "green"));
    assert.deepEqual([...page.types.keys()], Object.keys(PROXY_METRICS));
    const of = (name: string) =>
      page.series
        .filter((each) => each.name === `blue_green_${name}`)
        .map(({ labels, value }) => [...Object.values(labels), value]);
    assert.deepEqual(of("live"), [
      ["blue", 0],
      ["green", 1],
    ]);
    assert.deepEqual(of("configuration_info"), [["@GENERATION@", 1]]);
    assert.deepEqual(of("canary_percent"), [[5]]);
    assert.deepEqual(of("maintenance"), [[1]]);
    assert.deepEqual(of("certificate_end_timestamp_seconds"), [[1_796_030_308]]);
    assert.doesNotMatch(render(), /certificate_end/);
  });

  test("a label's value can't end the label, and one too many or too few is an error", () => {
    const metric = { type: "gauge", labels: ["why"], help: "x" } as const;
    const text = metricText("m", metric, [{ labels: ['a"} 1\nm{why="\\'], value: 0 }]);
    assert.deepEqual(readPage(text).series, [{ name: "m", labels: { why: 'a\\"} 1\\nm{why=\\"\\\\' }, value: 0 }]);
    assert.equal(metricText("m", metric, []), "");
    assert.throws(() => metricText("m", metric, [{ value: 1 }]), /m has the labels why/);
  });
});
