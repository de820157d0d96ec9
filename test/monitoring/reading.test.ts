import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { countersIn, figuresOf, quantile, type Reading, withReading } from "../../monitoring/page/figures.js";
import { liveBy, MOST_CUTOVERS, parseHistory, versionBy } from "../../monitoring/page/history.js";
import { numberOf, parseMetrics, seriesOf } from "../../monitoring/page/metrics.js";
import { alertsAddress, alertsIn, curveIn, questions, RANGES, rangeAddress } from "../../monitoring/page/prometheus.js";
import type { Settings } from "../../monitoring/page/state.js";
import { clock, duration, fit, percent, perSecond, span } from "../../monitoring/page/text.js";
import { cutover, metricsOf, type Situation, WELL } from "./page.sample";

const SETTINGS: Settings = { project: "blue-green", stack: "prod", monitoring: "metrics", maxErrorPercent: 1 };

describe("reading /metrics", () => {
  test("series have their labels and values, in every form that the text has", () => {
    const metrics = parseMetrics(
      [
        "# HELP blue_green_live x",
        'blue_green_live{color="blue"} 0',
        'blue_green_ready{color="green",why="a \\"b\\" \\\\ {c=\\"d\\"},\\n"} 1',
        "blue_green_canary_percent 2.5e1",
        'blue_green_http_request_duration_seconds_bucket{le="+Inf"} +Inf',
        "blue_green_maintenance NaN",
      ].join("\n"),
    );
    assert.deepEqual(seriesOf(metrics, "ready"), [
      { labels: { color: "green", why: 'a "b" \\ {c="d"},\n' }, value: 1 },
    ]);
    assert.equal(numberOf(metrics, "canary_percent"), 25);
    assert.equal(numberOf(metrics, "live", { color: "blue" }), 0);
    assert.equal(numberOf(metrics, "live", { color: "green" }), undefined);
    assert.equal(numberOf(metrics, "maintenance"), undefined);
  });

  test("what is no series of ours is left out, and nothing of it costs much", () => {
    const started = performance.now();
    const metrics = parseMetrics(
      [
        "node_cpu 1",
        "blue_green_live{ 1",
        'blue_green_live{color="blue} 1',
        'blue_green_live{color="blue"}',
        'blue_green_live{color="blue"} one',
        'blue_green_live{__proto__="x"} 1',
        `blue_green_live{color="${"\\".repeat(100_001)}`,
        ...Array.from({ length: 30_000 }, (_, at) => `blue_green_x{a="${at}"} 1`),
        "x".repeat(5_000_000),
      ].join("\n"),
    );
    assert.deepEqual([...metrics.keys()], ["blue_green_live", "blue_green_x"]);
    assert.equal(({} as Record<string, unknown>).x, undefined);
    assert.ok((metrics.get("blue_green_x")?.length ?? 0) <= 20_000);
    assert.ok(performance.now() - started < 2000);
  });
});

describe("what visitors get between two readings", () => {
  const reading = (seconds: number, change: Partial<Situation> = {}): Reading => ({
    time: seconds,
    colors: countersIn(parseMetrics(metricsOf({ ...WELL, ...change }, seconds))),
  });

  test("is requests, errors and p95 of each color, over a minute at most", () => {
    let readings: Reading[] = [];
    assert.equal(figuresOf(readings), undefined);
    for (let at = 1000; at <= 1200; at += 5)
      readings = withReading(readings, reading(at, { perSecond: 10, errorsPerSecond: 1 }));
    const found = figuresOf(readings);
    assert.equal(found?.seconds, 60);
    assert.deepEqual(found.blue, { requests: 0, perSecond: 0, errors: 0, errorPercent: 0, p95Seconds: undefined });
    assert.deepEqual([found.green.requests, found.green.perSecond, found.green.errorPercent], [600, 10, 10]);
    assert.ok(Math.abs((found.green.p95Seconds ?? 0) - 0.0455) < 0.0001, `${found.green.p95Seconds}`);
  });

  test("begins again where the counts do, or where nobody counted, and is never below 0", () => {
    const first = withReading([], reading(1000));
    const restarted = withReading(first, { ...reading(2), time: 1005 });
    assert.deepEqual([restarted.length, figuresOf(restarted)], [1, undefined]);
    assert.deepEqual(withReading(first, reading(1005, { silent: ["requests"] })), []);
    assert.deepEqual(withReading(first, reading(1000)).length, 1);
  });

  test("testers and the cutover's own requests are no visitors", () => {
    const line = (visitor: string) =>
      `blue_green_http_requests_total{color="blue",visitor="${visitor}",method="GET",status="500"} 1`;
    const text = ["active", "canary", "sticky", "tester", "probe"].map(line).join("\n");
    assert.equal(countersIn(parseMetrics(`${text}\nblue_green_http_lines_unread_total 0`))?.blue.requests, 3);
  });

  test("a share of a histogram is Prometheus' own", () => {
    assert.equal(quantile(0.95, []), undefined);
    assert.equal(
      quantile(0.5, [
        [1, 10],
        [2, 20],
        [Number.POSITIVE_INFINITY, 20],
      ]),
      1,
    );
    assert.equal(
      quantile(0.75, [
        [1, 10],
        [2, 20],
        [Number.POSITIVE_INFINITY, 20],
      ]),
      1.5,
    );
    assert.equal(
      quantile(0.95, [
        [1, 10],
        [2, 10],
        [Number.POSITIVE_INFINITY, 20],
      ]),
      2,
      "longer than the last bound",
    );
  });
});

describe("the history", () => {
  test("its lines are read from the end, the newest first, and a broken one is skipped", () => {
    const lines = ["t cut", cutover(2, { reason: "x" }), "{", "null", '"text"', "[]", '{"to":"blue"}', cutover(1)];
    const found = parseHistory(lines.join("\n"));
    assert.deepEqual(
      found.map(({ reason, who, seconds, from, to }) => [reason, who, seconds, from, to]),
      [
        ["", "ann@build-7", 12.01, "blue", "green"],
        ["x", "ann@build-7", 12.01, "blue", "green"],
      ],
    );
    assert.equal(parseHistory(Array.from({ length: 99 }, () => cutover(1)).join("\n")).length, MOST_CUTOVERS);
  });

  test("fields of other types are left out, and texts are bounded", () => {
    const spoilt = { time: {}, from: 1, versions: [1], seconds: { gate: "x", a: null }, who: "ann", reason: { a: 1 } };
    const [found] = parseHistory(cutover(1, spoilt));
    assert.deepEqual(found, {
      ...{ time: undefined, result: "switched", from: undefined, to: "green", versions: {}, seconds: 0 },
      ...{ who: "", run: "", reason: "" },
    });
    const [long] = parseHistory(cutover(1, { reason: "y".repeat(10_000), who: { user: "u".repeat(10_000) } }));
    assert.ok((long?.reason.length ?? 0) < 400 && (long?.who.length ?? 0) < 80);
  });

  test("it says who is live where the proxy is silent: not who was refused or taken back", () => {
    const of = (...lines: string[]) => liveBy(parseHistory(lines.join("\n")));
    assert.equal(of(), undefined);
    assert.equal(of(cutover(3, { from: undefined, to: "blue", result: "first" }))?.color, "blue");
    for (const result of ["refused", "reverted", "failed", "unready"])
      assert.equal(of(cutover(1, { result }))?.color, "blue", result);
    for (const result of ["switched", "instant", "interrupted"])
      assert.equal(of(cutover(1, { result }))?.color, "green", result);
    const moved = of(
      cutover(5),
      cutover(2, { from: "green", result: "reloaded" }),
      cutover(1, { from: "green", to: "blue", result: "refused" }),
    );
    assert.equal(moved?.color, "green");
    assert.ok(Math.abs((moved.since ?? 0) - (Date.now() / 1000 - 5 * 3600)) < 5);
    assert.equal(versionBy(parseHistory(cutover(1, { versions: { blue: "7" } })), "green"), undefined);
  });
});

describe("Prometheus", () => {
  test("is asked for this service's visitors alone, with a name that is quoted", () => {
    const { requests, errors, p95 } = questions({ ...SETTINGS, stack: 'a"b\\' }, RANGES.hour);
    for (const query of [requests, errors, p95])
      assert.match(query, /\{project="blue-green",stack="a\\"b\\\\",service="",visitor=~"active\|canary\|sticky"/);
    const address = new URL(rangeAddress(requests, RANGES.day, 1_000_100), "http://x/");
    assert.deepEqual(
      ["start", "end", "step"].map((name) => address.searchParams.get(name)),
      ["913500", "999900", "300"],
    );
    assert.match(
      decodeURIComponent(alertsAddress({ ...SETTINGS, service: "shop" })),
      /ALERTS\{alertstate="firing",.*service="shop"\}/,
    );
  });

  test("its answers may be anything", () => {
    const matrix = (result: unknown) => ({ data: { result } });
    for (const answer of [
      null,
      1,
      {},
      { data: 1 },
      matrix({}),
      matrix([null, 1, { metric: 1 }, { metric: { color: "red" }, values: [[1, "1"]] }]),
    ])
      assert.deepEqual(curveIn(answer), { times: [], blue: [], green: [] });
    const values = [[30, "2"], [15, "NaN"], ["x", "1"], 7, [45, "4"]];
    assert.deepEqual(
      curveIn(
        matrix([
          { metric: { color: "green" }, values },
          { metric: { color: "blue" }, values: [[30, "1"]] },
        ]),
      ),
      {
        times: [30, 45],
        blue: [1, null],
        green: [2, 4],
      },
    );
    assert.deepEqual(
      alertsIn(matrix([{ metric: { alertname: 7 } }, { metric: { alertname: "<b>", severity: "page" } }])),
      [{ name: "<b>", severity: "page", about: "" }],
    );
  });
});

describe("texts", () => {
  test("somebody else's is one line, bounded, with a mark for what would act", () => {
    assert.equal(fit("a\nb\t c"), "a b c");
    assert.equal(fit("a\u202eb\u0000c\u200bd"), "a\ufffdb\ufffdc\ufffdd");
    assert.equal(fit("x".repeat(10_000), 5), "xxxxx… (10000 characters)");
    assert.equal(fit("😀".repeat(9), 2), "😀😀… (18 characters)");
    assert.equal(fit(undefined), "");
    assert.equal(fit({ toString: () => "x" }), "");
  });

  test("numbers have as many digits as somebody reads", () => {
    assert.deepEqual([0, 0.0421, 3.44, 12.6, 1234.5, null].map(perSecond), [
      "0/s",
      "0.042/s",
      "3.4/s",
      "13/s",
      "1235/s",
      "–",
    ]);
    assert.deepEqual([0.0000001, 1].map(percent), ["0.001 %", "1.0 %"]);
    assert.deepEqual([0.0123, 1.5, undefined].map(duration), ["12 ms", "1.5 s", "–"]);
    assert.deepEqual([-5, 0, 119, 120, 7200, 200_000].map(span), ["0 s", "0 s", "119 s", "2 min", "2 h", "2 d"]);
    assert.match(clock(now(), now()), /^\d\d:\d\d:\d\d$/);
    assert.match(clock(now() - 100_000, now()), /^\d{1,2} \w+ \d\d:\d\d$/);
  });
});

const now = (): number => Date.now() / 1000;
