import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { REQUEST_METRICS } from "../../stacks/service/metrics";
import { type Page, readPage, sumOf } from "../prometheus";

const PROGRAM = join(__dirname, "..", "..", "nginx", "requests.mtail");

const missing = spawnSync("mtail", ["--version"]).error && "no mtail here (Debian's package of that name)";

const REQUESTS = "blue_green_http_requests_total";
const UNREAD = "blue_green_http_lines_unread_total";

/** What mtail has counted at the end of a log. */
function counted(t: TestContext, lines: readonly string[]): Page {
  const folder = mkdtempSync(join(tmpdir(), "requests-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "requests.log");
  writeFileSync(log, lines.map((line) => `${line}\n`).join(""));
  const args = ["-one_shot", "-one_shot_format=prometheus", "-emit_prog_label=false", "-progs", PROGRAM, "-logs", log];
  const { status, stdout, stderr } = spawnSync("mtail", [...args, "-logtostderr"], { encoding: "utf8", cwd: folder });
  assert.equal(status, 0, stderr);
  return readPage(stdout.slice(stdout.indexOf("# ")));
}

const VISITORS = ["active", "canary", "sticky", "tester", "probe"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

describe("mtail's program for the log of requests", { skip: missing }, () => {
  test("it compiles, and has the metrics of the table with their labels", () => {
    const { status, stderr } = spawnSync("mtail", ["-compile_only", "-progs", PROGRAM, "-logtostderr"], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    const declared = [
      ...readFileSync(PROGRAM, "utf8").matchAll(/^(counter|histogram) (\w+)(?: by ([a-z, ]+?))?(?: buckets .*)?$/gm),
    ].map(([, type, name, labels]) => [name, type, labels?.split(", ") ?? []]);
    const table = Object.entries(REQUEST_METRICS).map(([name, { type, labels }]) => [name, type, [...labels]]);
    assert.deepEqual(declared.sort(), table.sort());
  });

  test("each request is counted once, under its color, visitor, method and status", (t) => {
    const lines = ["blue", "green"].flatMap((color) =>
      VISITORS.flatMap((visitor) =>
        METHODS.flatMap((method) =>
          [200, 404, 502].map((status) => `${color} ${visitor} ${method} ${status} 0.010 100 0.009`),
        ),
      ),
    );
    const page = counted(t, [...lines, ...lines]);
    const series = page.series.filter(({ name }) => name === REQUESTS);
    assert.equal(series.length, lines.length);
    for (const { value } of series) assert.equal(value, 2);
    assert.equal(sumOf(page, UNREAD), 0);
    assert.equal(sumOf(page, "blue_green_http_response_bytes_total"), lines.length * 200);
  });

  test("times fall into their buckets, and the container's is the last one that was asked", (t) => {
    const page = counted(t, [
      "blue active GET 200 0.300 10 0.200",
      "blue active GET 200 2.000 10 1.500, 0.020",
      "blue active GET 308 0.000 10 -",
      "blue active GET 101 3600.000 10 3600.000",
    ]);
    const at = (name: string, le: string) => sumOf(page, `blue_green_http_${name}_bucket`, { le });
    assert.deepEqual(
      ["0.005", "0.25", "0.5", "1", "2.5", "+Inf"].map((le) => at("request_duration_seconds", le)),
      [1, 1, 2, 2, 3, 3],
    );
    assert.deepEqual(
      ["0.01", "0.025", "0.25", "+Inf"].map((le) => at("upstream_duration_seconds", le)),
      [0, 1, 2, 2],
    );
    assert.equal(sumOf(page, REQUESTS, { status: "101" }), 1);
  });

  test("a line that is not nginx's own makes no series, however many there are", (t) => {
    const hostile = [
      'blue active PROPFIND"} 200 0.010 100 0.009',
      "red active GET 200 0.010 100 0.009",
      "blue admin GET 200 0.010 100 0.009",
      "blue active GET 999 0.010 100 0.009",
      "blue active GET 099 0.010 100 0.009",
      " active GET 400 0.010 100 -",
      "",
      `${"x".repeat(20_000)} blue active GET 200 0.010 100 0.009`,
      ...Array.from({ length: 2000 }, (_, at) => `blue active M${at} 200 0.010 100 0.009`),
    ];
    const page = counted(t, [...hostile, "blue active GET 200 0.010 100 0.009"]);
    assert.equal(page.series.filter(({ name }) => name === REQUESTS).length, 1);
    assert.equal(sumOf(page, REQUESTS), 1);
    assert.equal(sumOf(page, UNREAD), hostile.length);
  });
});
