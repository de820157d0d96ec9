import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sinceIn, tailIn } from "../../../commands/logs/bounds";
import { type Asked, absence, choiceOf, isChosen } from "../../../commands/logs/choice";
import { isAnswer, statusRange } from "../../../commands/logs/statuses";
import { CantTellError } from "../../../commands/outcome";
import { labelOf } from "../../../commands/parts";
import type { StackContainer, StackPart } from "../../../stacks/service/parts";

const refused = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof CantTellError);
    return error.message;
  }
  return assert.fail("it was not refused");
};

describe("what logs are asked for", () => {
  test("since when, as docker takes it", () => {
    for (const text of [
      ...["10m", "2h", "90s", "1h30m", "1.5h", "500ms", "1764558725", "1764558725.123456789", "2026-11-29"],
      ...["2026-11-29T03:00", "2026-11-29T03:00:00", "2026-11-29T03:00:00.5Z", "2026-11-29T03:00:00+01:00"],
    ])
      assert.equal(sinceIn(text), text);
    for (const text of [
      ...["10", "m", "10 m", "-10m", "yesterday", "2026-13-29", "2026-11-29 03:00", "10m; rm", "--since", "1e9"],
    ])
      assert.match(
        refused(() => sinceIn(text)),
        /^--since is ".*": it is a span as 10m or 2h, or a time as 2026-/,
      );
    assert.match(
      refused(() => sinceIn("2d")),
      /; 2 days are 48h$/,
    );
  });

  test("how many lines", () => {
    for (const lines of [1, 100, 10_000]) assert.equal(tailIn(String(lines)), lines);
    for (const text of ["0", "-1", "10001", "all", "1.5", "1e3", "999999999"])
      assert.equal(
        refused(() => tailIn(text)),
        `--tail is "${text}": it is a number of lines, from 1 to 10000`,
      );
  });

  test("which statuses", () => {
    assert.deepEqual(statusRange("502"), { first: 502, last: 502 });
    assert.deepEqual(statusRange("5xx"), { first: 500, last: 599 });
    assert.deepEqual(statusRange("4XX"), { first: 400, last: 499 });
    assert.deepEqual(statusRange("500-504"), { first: 500, last: 504 });
    for (const text of ["6xx", "0xx", "50x", "99", "600", "504-500", "500-600", "5xx-6xx", "five"])
      assert.match(
        refused(() => statusRange(text)),
        /^--status is ".*": statuses are named as 502, 5xx or 500-504$/,
      );
  });

  test("lines of the access log with such a status, and nothing that only looks like one", () => {
    const line = (status: number, more = {}) =>
      JSON.stringify({ time: "2026-11-29T03:00:00+00:00", color: "green", status, path: "/", ...more });
    const errors = { first: 500, last: 599 };
    assert.equal(isAnswer(line(502), errors), true);
    assert.equal(isAnswer(line(502), errors, "green"), true);
    assert.equal(isAnswer(line(502), errors, "blue"), false);
    assert.equal(isAnswer(line(499), errors), false);
    assert.equal(isAnswer(line(200, { path: '/"status":502,' }), errors), false);
    assert.equal(isAnswer('2026/11/29 [error] request: "GET /"status":502, HTTP/1.1"', errors), false);
    assert.equal(isAnswer("", errors), false);
  });
});

const containers = (
  [
    { role: "slot", color: "blue", replica: 1 },
    { role: "slot", color: "blue", replica: 2 },
    { role: "slot", color: "green", replica: 1 },
    { role: "worker", name: "mail", color: "blue", replica: 1 },
    { role: "worker", name: "mail", color: "green", replica: 3 },
    { role: "worker", name: "sms", color: "green", replica: 1 },
    { role: "job", name: "migrate", color: "green" },
    { role: "accessory", name: "db" },
    // Of the name of one that watches.
    { role: "accessory", name: "metrics" },
    { role: "monitoring", name: "blackbox" },
    { role: "monitoring", name: "metrics" },
    { role: "proxy" },
  ] as StackPart[]
).map((part) => ({ id: "", name: "", part, state: {} }) as StackContainer);

const chosen = (asked: Partial<Asked>): string[] => {
  const choice = choiceOf({ proxy: false, ...asked });
  return containers.filter(({ part }) => isChosen(choice, part)).map((one) => labelOf(one, true));
};

describe("whose logs", () => {
  test("without a choice both colors' and the proxy's, otherwise all that is named", () => {
    assert.deepEqual(chosen({}), ["blue", "blue-2", "green", "proxy"]);
    assert.deepEqual(chosen({ color: "blue" }), ["blue", "blue-2"]);
    assert.deepEqual(chosen({ proxy: true }), ["proxy"]);
    assert.deepEqual(chosen({ color: "green", proxy: true }), ["green", "proxy"]);
    assert.deepEqual(chosen({ worker: "mail" }), ["blue worker mail", "green worker mail-3"]);
    assert.deepEqual(chosen({ worker: "mail", color: "green" }), ["green worker mail-3"]);
    assert.deepEqual(chosen({ job: "migrate", accessory: "db" }), ["green job migrate", "db"]);
    assert.deepEqual(chosen({ accessory: "db", proxy: true }), ["db", "proxy"]);
    assert.deepEqual(chosen({ monitoring: "metrics" }), ["monitoring metrics"]);
    assert.deepEqual(chosen({ monitoring: "blackbox", accessory: "metrics" }), ["metrics", "monitoring blackbox"]);
    assert.deepEqual(chosen({ status: "5xx" }), ["proxy"]);
    assert.deepEqual(chosen({ status: "5xx", color: "green" }), ["proxy"]);
  });

  test("what says nothing together is refused", () => {
    assert.equal(
      refused(() => choiceOf({ proxy: false, color: "red" })),
      '--color is "red", and a color is blue or green',
    );
    assert.match(
      refused(() => choiceOf({ proxy: false, worker: "mail", status: "5xx" })),
      /^--status looks in the proxy's log, and --worker asks for another one$/,
    );
  });

  test("what is not there is named, with what there is", () => {
    const missing = (asked: Partial<Asked>, all = containers) => absence(choiceOf({ proxy: false, ...asked }), all);
    assert.equal(missing({}), undefined);
    assert.equal(missing({ worker: "mail", accessory: "db" }), undefined);
    assert.equal(missing({ worker: "mial" }), 'There is no worker "mial" in this stack; it has mail, sms');
    assert.equal(missing({ worker: "sms", color: "blue" }), 'There is no worker "sms" in blue; it has mail');
    assert.equal(missing({ job: "x", color: "blue" }), 'There is no job "x" in blue; it has none');
    assert.equal(
      missing({ accessory: "x", proxy: true }),
      'There is no accessory "x" in this stack; it has db, metrics',
    );
    assert.equal(
      missing({ monitoring: "prometheus", color: "blue" }),
      'There is no container of monitoring "prometheus" in this stack; it has blackbox, metrics',
    );
    assert.match(missing({ monitoring: "metrics" }, []) ?? "", /; it has none$/);
    assert.equal(missing({ color: "green" }, containers.slice(0, 1)), "green has no container");
    assert.equal(missing({ status: "5xx" }, containers.slice(0, 1)), "The proxy has no container");
  });

  test("lines are called after the service too, where it was not named", () => {
    const [one] = containers;
    assert.ok(one);
    assert.equal(labelOf({ ...one, service: "shop" }, false), "shop blue");
    assert.equal(labelOf({ ...one, service: "shop" }, true), "blue");
  });
});
