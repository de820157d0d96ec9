import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readScript } from "../../stacks/engine/scripts";
import { REQUEST_METRICS } from "../../stacks/service/metrics";
import { type Page, readPage, sumOf } from "../prometheus";

/** The script without its last part, which goes on for ever. */
const FUNCTIONS = readScript("metrics").split("printf '%s\\n' \"$CONF\"")[0] ?? "";

const REQUESTS = "blue_green_http_requests_total";
const BYTES = "blue_green_http_response_bytes_total";
const UNREAD = "blue_green_http_lines_unread_total";
const LINE = "blue active GET 200 0.010 100 0.009";

const pathOf = (command: string): string | undefined => {
  const { status, stdout } = spawnSync("sh", ["-c", `command -v ${command}`], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
};

/** The commands of images of nginx by what they come from: Debian's have mawk, Alpine's have all of busybox, and others may have gawk. */
const KINDS: Readonly<Record<string, { of: string; as: readonly string[] }>> = {
  mawk: { of: "mawk", as: ["awk"] },
  gawk: { of: "gawk", as: ["awk"] },
  busybox: { of: "busybox", as: ["awk", "cat", "date", "dd", "mv", "rm", "sh", "stat"] },
};

/** A volume with a log, and what reads it. */
class Log {
  readonly directory: string;
  readonly path: string;
  readonly counts: string;

  constructor(
    t: TestContext,
    readonly kind: keyof typeof KINDS = "",
  ) {
    this.directory = mkdtempSync(join(tmpdir(), "requests-"));
    t.after(() => rmSync(this.directory, { recursive: true }));
    this.path = join(this.directory, "requests.log");
    this.counts = join(this.directory, "requests.counts");
    writeFileSync(this.path, "");
    writeFileSync(join(this.directory, "boot"), "one\n");
    const bin = join(this.directory, "bin");
    mkdirSync(bin);
    const { of = "", as = [] } = KINDS[kind] ?? {};
    for (const name of as) symlinkSync(pathOf(of) ?? "", join(bin, name));
    this.read();
  }

  write(...lines: string[]): this {
    appendFileSync(this.path, lines.map((line) => `${line}\n`).join(""));
    return this;
  }

  /** Starts as after a restart of the container, and looks at the log once, or does something else. */
  run(call = "follow_requests"): string {
    const at = this.directory;
    const places = `directory='${at}' requests_text='${at}/text' requests_read='${at}/read' boot_id='${at}/boot'`;
    const script = `${FUNCTIONS}\n${places}\nrecall_requests\n${call}`;
    const PATH = `${join(at, "bin")}:${process.env.PATH}`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8", env: { PATH } });
    assert.deepEqual([status, stderr], [0, ""]);
    return stdout;
  }

  /** What Prometheus gets after that. */
  read(call?: string): Page {
    this.run(call);
    return readPage(readFileSync(join(this.directory, "text"), "utf8"));
  }
}

const VISITORS = ["active", "canary", "sticky", "tester", "probe"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

for (const kind of Object.keys(KINDS)) {
  const missing = pathOf(KINDS[kind]?.of ?? "") === undefined && `no ${kind} here (Debian's package of that name)`;

  describe(`requests counted by ${kind}`, { skip: missing }, () => {
    test("have the metrics of the table, in its words and with its labels", (t) => {
      const log = new Log(t, kind).write(LINE);
      const page = log.read();
      const text = readFileSync(join(log.directory, "text"), "utf8");
      assert.deepEqual([...page.types.keys()].sort(), Object.keys(REQUEST_METRICS).sort());
      for (const [name, { type, help, labels }] of Object.entries(REQUEST_METRICS)) {
        assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
        const series = page.series.filter((each) => each.name.startsWith(name));
        assert.ok(series.length > 0, name);
        for (const { labels: has } of series)
          assert.deepEqual(
            Object.keys(has)
              .filter((label) => label !== "le")
              .sort(),
            [...labels].sort(),
            name,
          );
      }
      const bounds = page.series.flatMap(({ name, labels }) =>
        name === "blue_green_http_request_duration_seconds_bucket" ? [labels.le] : [],
      );
      assert.equal(bounds.join(" "), "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf");
    });

    test("count once each, under their color, visitor, method and status", (t) => {
      const lines = ["blue", "green"].flatMap((color) =>
        VISITORS.flatMap((visitor) =>
          METHODS.flatMap((method) =>
            [200, 404, 502].map((status) => `${color} ${visitor} ${method} ${status} 0.010 100 0.009`),
          ),
        ),
      );
      const page = new Log(t, kind).write(...lines, ...lines).read();
      const series = page.series.filter(({ name }) => name === REQUESTS);
      assert.equal(series.length, lines.length);
      for (const { value } of series) assert.equal(value, 2);
      assert.equal(sumOf(page, UNREAD), 0);
      assert.equal(sumOf(page, BYTES), lines.length * 200);
    });

    test("fall into the buckets of their times, and the container's is the last one that was asked", (t) => {
      const page = new Log(t, kind)
        .write(
          "blue active GET 200 0.005 10 0.000",
          "blue active GET 200 0.006 10 0.006",
          "blue active GET 200 0.300 10 0.200",
          "blue active GET 200 2.000 10 1.500, 0.020 : 0.021",
          "blue active GET 308 0.000 10 -",
          "blue active GET 502 0.001 10 0.001, -",
          "blue active GET 101 3600.000 10 3600.000",
        )
        .read();
      const at = (name: string, le: string) => sumOf(page, `blue_green_http_${name}_bucket`, { le });
      assert.deepEqual(
        ["0.005", "0.01", "0.25", "0.5", "1", "2.5", "+Inf"].map((le) => at("request_duration_seconds", le)),
        [3, 4, 4, 5, 5, 6, 6],
      );
      assert.deepEqual(
        ["0.005", "0.01", "0.025", "0.25", "+Inf"].map((le) => at("upstream_duration_seconds", le)),
        [1, 2, 3, 4, 4],
      );
      assert.equal(sumOf(page, "blue_green_http_request_duration_seconds_sum"), 2.312);
      assert.equal(sumOf(page, "blue_green_http_request_duration_seconds_count"), 6);
      assert.equal(sumOf(page, REQUESTS, { status: "101" }), 1);
    });

    test("make no series where a line is not nginx's own, however many there are", (t) => {
      const hostile = [
        'blue active PROPFIND"} 200 0.010 100 0.009',
        "red active GET 200 0.010 100 0.009",
        "blue admin GET 200 0.010 100 0.009",
        ...["999", "099", "20", "2000", "+200", "2e2"].map((status) => `blue active GET ${status} 0.010 100 0.009`),
        ...["1", "-1.000", "0x1.0", "1e3", ".5", "5.", "nan", `${"9".repeat(400)}.0`].map(
          (time) => `blue active GET 200 ${time} 100 0.009`,
        ),
        ...["-1", "1.5", "1e3", "inf", "9".repeat(400)].map((bytes) => `blue active GET 200 0.010 ${bytes} 0.009`),
        " active GET 400 0.010 100 -",
        "",
        "requests blue active GET 200 5",
        "blue",
        `${"x".repeat(20_000)} blue active GET 200 0.010 100 0.009`,
        `blue active GET 200 0.010 ${LINE}`,
        ...Array.from({ length: 5000 }, (_, at) => `blue active M${at} 200 0.010 100 0.009`),
      ];
      const page = new Log(t, kind).write(...hostile, LINE).read();
      assert.equal(page.series.filter(({ name }) => name === REQUESTS).length, 1);
      assert.equal(sumOf(page, REQUESTS), 1);
      assert.equal(sumOf(page, BYTES), 100);
      assert.equal(sumOf(page, UNREAD), hostile.length);
    });

    test("are none of a damaged log's bytes, and those behind them count", (t) => {
      const log = new Log(t, kind);
      const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919 + ((at * at) >> 7)) % 256));
      appendFileSync(log.path, Buffer.concat([Buffer.alloc(5000), bytes, Buffer.from("\n")]));
      const page = log.write(LINE, LINE).read();
      assert.equal(sumOf(page, REQUESTS), 2);
      assert.equal(sumOf(page, UNREAD) > 0, true);
      assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 3);
    });

    test("wait for the end of a half line, at an end of what is read at once too", (t) => {
      const log = new Log(t, kind).write(LINE);
      appendFileSync(log.path, LINE.slice(0, -1));
      assert.equal(sumOf(log.read(), REQUESTS), 1);
      appendFileSync(log.path, "9\n");
      const page = log.read();
      assert.deepEqual([sumOf(page, REQUESTS), sumOf(page, UNREAD)], [2, 0]);
      for (let at = 0; at < 50; at += 1) log.write(LINE);
      const parts = log.read("most_part_bytes=100; follow_requests");
      assert.deepEqual([sumOf(parts, REQUESTS), sumOf(parts, UNREAD)], [52, 0]);
      // No line is that long: it is left out, and what follows is read.
      log.write("x".repeat(1000), LINE);
      const long = log.read("most_part_bytes=100; follow_requests");
      assert.equal(sumOf(long, REQUESTS), 53);
      assert.ok(sumOf(long, UNREAD) >= 1);
    });

    test("are the same however many different lines there are", (t) => {
      const lines = Array.from(
        { length: 7000 },
        (_, at) => `blue active GET 200 0.${String(at % 1000).padStart(3, "0")} ${at} -`,
      );
      const page = new Log(t, kind).write(...lines, ...lines).read();
      assert.equal(sumOf(page, REQUESTS), 14_000);
      assert.equal(sumOf(page, BYTES), 7000 * 6999);
      assert.equal(sumOf(page, "blue_green_http_request_duration_seconds_sum"), 7 * 499.5 * 2);
    });

    test("stay exact when they are many", (t) => {
      const log = new Log(t, kind);
      const [at = ""] = readFileSync(log.counts, "utf8").split("\n");
      const big = [
        "requests blue active GET 200 4294967296000",
        "bytes blue active 9007199254740000",
        "unread 2147483648",
      ];
      const times = ["duration blue active GET 0 4294967295999", "duration blue active GET 3 4294967296000"];
      writeFileSync(log.counts, [at, ...big, ...times, ""].join("\n"));
      log.write("blue active GET 200 0.011 991 -", "x").read();
      const text = readFileSync(join(log.directory, "text"), "utf8");
      for (const value of [" 4294967296001\n", " 9007199254740991\n", " 2147483649\n", " 4294967296.010\n"])
        assert.ok(text.includes(value), value);
      assert.doesNotMatch(text, / [0-9.]+e[+]/);
    });

    test("are kept where the volume has no room, and says that nobody reads", (t) => {
      const log = new Log(t, kind).write(LINE);
      log.read();
      const counts = readFileSync(log.counts, "utf8");
      copyFileSync(join(log.directory, "text"), join(log.directory, "before"));
      log.write(LINE);
      symlinkSync("/dev/full", join(log.directory, "requests.next"));
      rmSync(join(log.directory, "read"));
      const script = "{ follow_requests; } 2>/dev/null; requests_are_read";
      assert.equal(log.run(script), "0\n");
      assert.equal(readFileSync(log.counts, "utf8"), counts);
      assert.equal(existsSync(join(log.directory, "text")), false, "old figures would pass for new ones");
      rmSync(join(log.directory, "requests.next"));
      assert.equal(log.run("follow_requests; requests_are_read"), "1\n");
      assert.equal(sumOf(log.read(), REQUESTS), 2);
      assert.deepEqual(
        readdirSync(log.directory).filter((name) => name.endsWith(".next")),
        [],
      );
    });
  });
}

describe("the log of requests", () => {
  test("is read on where an earlier container ended, with what came meanwhile", (t) => {
    const log = new Log(t).write(LINE);
    assert.equal(sumOf(log.read(), REQUESTS), 1);
    rmSync(join(log.directory, "text"));
    assert.equal(sumOf(log.read(), REQUESTS), 1, "it is there at once");
    assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 2);
  });

  test("counts from 0 with what comes next where nobody counted before, and after a start of the host", (t) => {
    const log = new Log(t).write(LINE);
    log.read();
    writeFileSync(join(log.directory, "boot"), "two\n");
    log.write(LINE);
    assert.equal(sumOf(log.read(), REQUESTS), 0);
    assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 1);
    for (const counts of ["", "\n", "x y z\n", "1\n", `1 1e3 two\n`, "$(exit 1) `x` two\n"]) {
      writeFileSync(log.counts, counts);
      log.write(LINE);
      assert.equal(sumOf(log.read(), REQUESTS), 0, counts);
      assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 1, counts);
    }
  });

  test("whatever stands in the file of counts, only words of ours become labels", (t) => {
    const log = new Log(t).write(LINE);
    log.read();
    const more = [
      'requests blue active "} 200 5',
      "requests blue active GET 200 5 5",
      "requests red active GET 200 5",
      "x",
    ];
    appendFileSync(log.counts, `${more.join("\n")}\nrequests blue active GET 500 1e9\nrequests blue active GET 404 2`);
    const page = log.write(LINE).read();
    const series = page.series.filter(({ name }) => name === REQUESTS);
    assert.deepEqual(series.map(({ labels, value }) => [labels.status, value]).sort(), [
      ["200", 2],
      ["404", 2],
    ]);
  });

  test("is read from its start where somebody has cut or replaced it, and where it is there again", (t) => {
    const log = new Log(t).write(LINE, LINE);
    log.read();
    writeFileSync(log.path, `${LINE}\n`);
    assert.equal(sumOf(log.read(), REQUESTS), 3);
    // Longer than it was, and another file.
    writeFileSync(join(log.directory, "other"), `${LINE}\n`.repeat(10));
    renameSync(join(log.directory, "other"), log.path);
    assert.equal(sumOf(log.read(), REQUESTS), 13);
    renameSync(log.path, join(log.directory, "away"));
    log.run();
    renameSync(join(log.directory, "away"), log.path);
    assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 14, "none is counted twice");
  });

  test("is cut in place when it is too long and was read, and nothing of it is lost", (t) => {
    const log = new Log(t).write(LINE, LINE);
    const { ino, size } = statSync(log.path);
    log.read(`most_log_bytes=${size}; follow_requests`);
    assert.equal(statSync(log.path).size, size);
    const page = log.read(
      `most_log_bytes=${size - 1}; follow_requests; echo '${LINE}' >>"${log.path}"; follow_requests`,
    );
    assert.deepEqual([statSync(log.path).ino, statSync(log.path).size], [ino, LINE.length + 1]);
    assert.equal(sumOf(page, REQUESTS), 3);
    assert.equal(sumOf(log.write(LINE).read(), REQUESTS), 4, "a restart goes on in the cut log");
  });

  test("is read once more before it is cut, where nginx has written meanwhile", (t) => {
    const log = new Log(t).write(LINE, LINE);
    const writes = `stat() { command stat "$@"; [ -e '${log.directory}/once' ] || { : >'${log.directory}/once'; echo '${LINE}' >>'${log.path}'; }; }`;
    const page = log.read(`${writes}\nmost_log_bytes=1; follow_requests`);
    assert.deepEqual([statSync(log.path).size, sumOf(page, REQUESTS)], [0, 3]);
  });

  test("is cut also where it can't be read, or where nginx never rests", (t) => {
    const log = new Log(t).write(LINE, LINE);
    log.run("most_log_bytes=1; awk() { cat >/dev/null; return 2; }; follow_requests");
    assert.equal(statSync(log.path).size, 0);
    log.write(LINE, LINE);
    log.run(`stat() { command stat "$@"; echo '${LINE}' >>'${log.path}'; }; most_log_bytes=1; follow_requests`);
    assert.equal(statSync(log.path).size, 0);
  });

  test("of 64 MiB is read within the memory of the container, also where it is one line", (t) => {
    const log = new Log(t, pathOf("mawk") ? "mawk" : "");
    for (const content of [`${LINE}\n`.repeat(1_900_000), "x".repeat(68_000_000)]) {
      writeFileSync(log.path, content);
      log.run(`ulimit -v 98304; rm -f "$directory/requests.counts"; read_bytes=0; follow_requests`);
      assert.equal(statSync(log.path).size, 0);
    }
    assert.equal(sumOf(log.write(LINE).read(), UNREAD) > 0, true);
  });

  test("costs one look where nothing was written", (t) => {
    const log = new Log(t).write(LINE);
    log.read();
    const asked = log.run(
      `follow_requests; for each in awk dd mv cat; do eval "$each() { echo $each; command $each \\"\\$@\\"; }"; done; follow_requests; follow_requests`,
    );
    assert.equal(asked, "");
  });

  test("is said to be read as long as it is", (t) => {
    const log = new Log(t);
    const said = (seconds: number) =>
      log.run(`follow_requests; touch -d '-${seconds} seconds' "$requests_read"; requests_are_read`);
    assert.deepEqual([said(0), said(10), said(20)], ["1\n", "1\n", "0\n"]);
    rmSync(log.path);
    assert.equal(log.run(`rm -f "$requests_read"; follow_requests; requests_are_read`), "0\n");
  });
});
