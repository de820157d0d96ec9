import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readTraffic, trafficIn } from "../../../commands/status/answers";
import { dockerAt } from "../../../stacks/engine/docker";

const NOW = Date.parse("2026-11-28T20:15:00Z") / 1000;

const WINDOW = { since: NOW - 60, now: NOW, whole: true };

/** A line of the access log behind the engine's time, as the template writes it. */
const line = (more: Record<string, unknown> = {}, before = 10) =>
  `${new Date((NOW - before) * 1000).toISOString().replace("Z", "000000Z")} ${JSON.stringify({
    ...{ time: "2026-11-28T20:14:50+00:00", color: "blue", status: 200, requestTime: 0.01, upstreamTime: "0.010" },
    ...{ requestId: "0".repeat(32), method: "GET", path: "/", bytes: 100, client: "203.0.113.7" },
    ...more,
  })}`;

const times = (count: number, text: string): string[] => Array(count).fill(text);

const blue = (lines: string[]) => trafficIn(lines, WINDOW).colors.blue;

describe("the answers of the last minute", () => {
  test("answers, their errors and their 95th percentile are those of each color in the last minute", () => {
    const lines = [
      ...times(90, line()),
      ...times(10, line({ status: 502, requestTime: 2 })),
      ...times(3, line({ color: "green" })),
      ...times(50, line({ status: 500 }, 61)),
    ];
    assert.deepEqual(trafficIn(lines, WINDOW), {
      ...{ seconds: 60, sample: false, nginx: 0 },
      colors: {
        blue: { count: 100, perSecond: 1.7, errors: 10, errorPercent: 10, unanswered: 0, p95Seconds: 2 },
        green: { count: 3, perSecond: 0.1, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: 0.01 },
      },
    });
    assert.deepEqual(blue([]), {
      ...{ count: 0, perSecond: 0, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: null },
    });
  });

  test("what nginx answers alone, such as the maintenance page, is no color's; what the cutover asks is nobody's", () => {
    for (const upstreamTime of ["", "-", undefined]) {
      const { nginx, colors } = trafficIn(times(5, line({ status: 503, upstreamTime })), WINDOW);
      assert.deepEqual([nginx, colors.blue.count], [5, 0]);
    }
    assert.equal(blue([line({ status: 502, upstreamTime: "0.001, 0.002" })]).errors, 1);
    assert.equal(blue([line({ client: "127.0.0.1" })]).count, 0);
  });

  test("a client that waited for a second and left without a byte met a page that hangs; a WebSocket is as long as it is", () => {
    const left = { status: 499, bytes: 0, upstreamTime: "" };
    assert.equal(blue([line({ ...left, requestTime: 5 }), line({ ...left, requestTime: 0.2 })]).unanswered, 1);
    assert.equal(blue([line({ ...left, requestTime: 5, bytes: 4096 })]).unanswered, 0);
    assert.equal(blue([line({ status: 101, requestTime: 3000 }), line()]).p95Seconds, 0.01);
  });

  test("of a part of the minute's answers the rate is that of the time that they are of", () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => line({}, 1 - at / 20_000));
    const traffic = trafficIn(lines, { ...WINDOW, whole: false });
    assert.deepEqual([traffic.sample, traffic.seconds, traffic.colors.blue.perSecond], [true, 0.5, 20_000]);
  });

  test("hostile lines: torn, huge, with control characters, of invented colors and figures, count as none or as what they are", () => {
    const hostile = [
      line().slice(0, 90),
      line().slice(40),
      `${line()}${line()}`,
      line({ color: "red" }),
      line({ color: "__proto__" }),
      line({ color: ["blue"] }),
      line({ status: "500" }),
      line({ status: 1e9 }),
      line({ status: null }),
      line({ requestTime: -1 }),
      line({ requestTime: "9" }),
      line({ requestTime: 1e300 }),
      "2026-11-28T20:14:50Z \u001b[2J{}",
      "2026-11-28T20:14:50Z null",
      "2026-11-28T20:14:50Z []",
      "not a time {}",
      "",
      " ",
    ];
    assert.equal(blue(hostile).count, 0);
    // What a client writes into its path is escaped by nginx, and stays in its place.
    const path = '","color":"green","status":500,"x":"';
    const fine = [
      line({ path }),
      line({ path: "\u001b]0;owned\u0007".repeat(2000) }),
      line({ path: "x".repeat(100_000) }),
    ];
    assert.deepEqual([blue(fine).count, blue(fine).errors], [3, 0]);
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: "binary" }),
            fc.json(),
            fc.json().map((json) => line({ status: json })),
          ),
        ),
        (lines) => {
          const { colors, nginx } = trafficIn(lines, WINDOW);
          for (const { count, p95Seconds } of Object.values(colors)) assert.deepEqual([count, p95Seconds], [0, null]);
          assert.equal(nginx, 0);
        },
      ),
    );
  });

  test("the log is read with bounds on lines, bytes and time, and where there is none nothing is told", async () => {
    const logs = (script: string) => {
      const asked: string[][] = [];
      const docker = {
        ...dockerAt(undefined),
        start: (args: string[]) => {
          asked.push(args);
          return spawn("sh", ["-c", script], { detached: true });
        },
      };
      return { asked, read: () => readTraffic(docker, "p", NOW) };
    };
    const few = logs(`printf '%s\\n' '${line()}' '${line({ status: 500 })}'`);
    assert.equal((await few.read())?.colors.blue.count, 2);
    assert.deepEqual(few.asked, [
      ["container", "logs", "--timestamps", "--since", String(NOW - 60), "--tail", "10000", "p"],
    ]);
    assert.equal(await logs("echo none >&2; exit 1").read(), undefined);

    const started = performance.now();
    for (const endless of [`yes '${line({ path: "x".repeat(5000) })}'`, `echo '${line()}'; exec sleep 60`]) {
      const traffic = await logs(endless).read();
      assert.equal(traffic?.sample, true);
      assert.ok((traffic?.colors.blue.count ?? 0) > 0);
    }
    assert.ok(performance.now() - started < 6000);
  });
});
