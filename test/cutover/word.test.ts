import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type EndedCutover, wordOf } from "../../cutover/word";
import { signatureOf, wordRequest } from "../../cutover/wordRequest";
import type { HistoryEntry } from "../../stacks/service/serving";
import { HOSTILE_TEXTS } from "../stacks/text/hostile.sample";
import { SIGNING_KEY } from "./receiver.sample";

const OWNER = { project: "blue-green", stack: "prod" };

const BEGAN = "2026-12-01T10:00:00.000Z";

const ENDED = new Date("2026-12-01T10:00:12.345Z");

/** What differs from the sample; undefined for what it lacks. */
type Change = { [Key in keyof HistoryEntry]?: HistoryEntry[Key] | undefined };

const entryOf = (change: Change = {}): HistoryEntry =>
  ({
    ...{ time: BEGAN, result: "switched", from: "blue", to: "green" },
    versions: { blue: "1.0.0", green: "1.1.0" },
    images: { blue: "sha256:b", green: "sha256:g" },
    sources: { blue: "abc" },
    seconds: { gate: 0.3, switch: 0.62, watch: 11.09 },
    requests: 480,
    who: { user: "ann", host: "build-7" },
    ...change,
  }) as HistoryEntry;

const ended = (change: Change = {}, more: Partial<EndedCutover> = {}): EndedCutover => ({
  ...{ owner: OWNER, entry: entryOf(change), trial: "green" },
  ...more,
});

const word = (change: Change = {}, more: Partial<EndedCutover> = {}) => wordOf(ended(change, more), ENDED);

describe("the word of a cutover", () => {
  test("is Flagger's event, with the history's line beside it, and nothing of the images", () => {
    const { id, ...rest } = word();
    assert.match(id, /^cutover_[0-9a-f]{32}$/);
    assert.deepEqual(rest, {
      ...{ version: 1, name: "blue-green", namespace: "prod", phase: "switched", project: "blue-green" },
      metadata: {
        eventMessage: "green 1.1.0 is live, from blue 1.0.0",
        eventType: "Normal",
        timestamp: String(ENDED.getTime()),
      },
      cutover: {
        ...{ time: BEGAN, result: "switched", from: "blue", to: "green" },
        versions: { blue: "1.0.0", green: "1.1.0" },
        seconds: { gate: 0.3, switch: 0.62, watch: 11.09 },
        ...{ requests: 480, who: { user: "ann", host: "build-7" } },
      },
    });
  });

  test("its id is the same for the same cutover, and another one for another time, stack or service", () => {
    const ids = [
      word(),
      word({ result: "reverted" }),
      word({ time: "2026-12-01T10:00:00.001Z" }),
      word({}, { owner: { ...OWNER, stack: "staging" } }),
      word({}, { owner: { ...OWNER, service: "shop" } }),
    ].map(({ id }) => id);
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 4);
    assert.equal(word({}, { owner: { ...OWNER, service: "shop" } }).name, "shop");
  });

  test("its line says what happened and where the public is, for each way in which a cutover ends", () => {
    const cases: [EndedCutover, type: string, message: string][] = [
      [ended({ result: "first", from: undefined, to: "blue" }), "Normal", "blue 1.0.0 is live, the first release here"],
      [
        ended({ result: "instant", from: "green", to: "blue", reason: "put back by hand" }),
        "Normal",
        "The public went back from green 1.1.0 to blue 1.0.0: put back by hand",
      ],
      [
        ended({ result: "canary", to: "blue", canaryPercent: 5 }),
        "Normal",
        "green 1.1.0 has 5 % of the new visitors, the others are on blue 1.0.0",
      ],
      [
        ended({ result: "reloaded", to: "blue" }, { trial: "blue" }),
        "Normal",
        "blue 1.0.0 stays live, with another configuration",
      ],
      [
        ended(
          { result: "reloaded", to: "blue" },
          {
            trial: "blue",
            putBack: { from: "green", version: "1.1.0", image: "", time: BEGAN, by: "ann", canaryPercent: 5 },
          },
        ),
        "Normal",
        "green 1.1.0 has no new visitors any more, all are on blue 1.0.0",
      ],
      [
        ended({ result: "refused", reason: "it has no container" }),
        "Warning",
        "green 1.1.0 was not switched to: it has no container; the public is on blue 1.0.0",
      ],
      [
        ended({ result: "refused", from: undefined, reason: "no" }),
        "Warning",
        "green 1.1.0 was not switched to: no; nobody is served yet",
      ],
      [ended({ result: "refused", from: "green", reason: "no" }), "Warning", "green 1.1.0 is live, but not well: no"],
      [
        ended({ result: "refused", to: "blue", canaryPercent: 5, reason: "no" }),
        "Warning",
        "green 1.1.0 did not get 5 % of the new visitors: no; the public is on blue 1.0.0",
      ],
      [
        ended({ result: "reverted", reason: "9 % errors" }),
        "Warning",
        "green 1.1.0 was switched to and taken back: 9 % errors; the public is on blue 1.0.0",
      ],
      [
        ended({ result: "reverted", to: "blue", canaryPercent: 5, reason: "9 % errors" }),
        "Warning",
        "green 1.1.0 got 5 % of the new visitors, and they were taken from it again: 9 % errors; the public is on blue 1.0.0",
      ],
      [
        ended({ result: "failed", reason: "the way back failed" }),
        "Warning",
        "The cutover to green 1.1.0 failed: the way back failed. Next: npm run status",
      ],
    ];
    for (const [each, type, message] of cases) {
      const { metadata, phase } = wordOf(each, ENDED);
      assert.deepEqual([phase, metadata.eventType, metadata.eventMessage], [each.entry.result, type, message]);
    }
  });

  test("hostile words in it stay one line of a bounded length, as the history cuts them", () => {
    for (const text of HOSTILE_TEXTS) {
      const told = word({ result: "refused", reason: text, versions: { green: "1.1.0" } });
      assert.doesNotMatch(told.metadata.eventMessage, /[\p{Cc}\p{Zl}\p{Zp}\u202e\u2066]/u);
      assert.ok(told.metadata.eventMessage.length < 6000);
      assert.equal(told.cutover.reason?.length, Math.min(text.length, 500));
    }
  });
});

describe("how each kind of receiver takes a word", () => {
  test("json is signed as Standard Webhooks says, by its own example", () => {
    const now = new Date(1_614_265_330_000);
    assert.deepEqual(signatureOf("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', SIGNING_KEY, now), {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  test("json goes to the address as it stands, with no signature where there is no key, and no token ever", () => {
    const url = "https://hooks.example/a/?b=c";
    const plain = wordRequest({ kind: "json", url }, word(), ENDED);
    assert.equal(plain.url, url);
    assert.deepEqual(JSON.parse(plain.body), word());
    assert.deepEqual(Object.keys(plain.headers), [
      ...["Content-Type", "Content-Length", "User-Agent", "webhook-id", "webhook-timestamp"],
    ]);
    const signed = wordRequest({ kind: "json", url, secret: SIGNING_KEY }, word(), ENDED);
    assert.match(signed.headers["webhook-signature"] ?? "", /^v1,[A-Za-z0-9+/]{43}=$/);
    assert.ok(!JSON.stringify(signed).includes(SIGNING_KEY));
  });

  test("slack gets a line with the service and its stack, in which nothing is a mention, a link or a tag", () => {
    const told = word({ result: "refused", reason: "<!channel> & <https://evil|here>" });
    const { body, headers } = wordRequest({ kind: "slack", url: "https://hooks.slack.example/T" }, told, ENDED);
    assert.deepEqual(JSON.parse(body), {
      text:
        "blue-green/prod: green 1.1.0 was not switched to: &lt;!channel&gt; &amp; &lt;https://evil|here&gt;; " +
        "the public is on blue 1.0.0",
    });
    assert.equal(headers["webhook-id"], undefined);
  });

  test("grafana gets an annotation from beginning to end, at its API's path, with the token", () => {
    for (const [url, address] of [
      ["https://g.example", "https://g.example/api/annotations"],
      ["https://g.example/", "https://g.example/api/annotations"],
      ["https://g.example/grafana/?orgId=2", "https://g.example/grafana/api/annotations?orgId=2"],
      ["https://g.example/api/annotations", "https://g.example/api/annotations"],
      ["http://[::1]:3000", "http://[::1]:3000/api/annotations"],
    ] as const)
      assert.equal(wordRequest({ kind: "grafana", url }, word(), ENDED).url, address);
    const { body, headers } = wordRequest(
      { kind: "grafana", url: "https://g.example", secret: "glsa_token" },
      word(),
      ENDED,
    );
    assert.equal(headers.Authorization, "Bearer glsa_token");
    assert.deepEqual(JSON.parse(body), {
      ...{ time: Date.parse(BEGAN), timeEnd: ENDED.getTime() },
      tags: ["blue-green", "blue-green", "prod", "switched"],
      text: "blue-green/prod: green 1.1.0 is live, from blue 1.0.0",
    });
  });

  test("otlp gets one log record in OTLP's JSON: 64-bit numbers as text, and no attribute without a value", () => {
    const request = wordRequest({ kind: "otlp", url: "http://collector:4318", secret: "a-token" }, word(), ENDED);
    assert.equal(request.url, "http://collector:4318/v1/logs");
    assert.equal(request.headers.Authorization, "Bearer a-token");
    const { resourceLogs } = JSON.parse(request.body);
    assert.deepEqual(resourceLogs[0].resource.attributes, [
      { key: "service.name", value: { stringValue: "blue-green" } },
      { key: "service.namespace", value: { stringValue: "blue-green" } },
      { key: "deployment.environment.name", value: { stringValue: "prod" } },
    ]);
    const [{ attributes, ...record }, ...more] = resourceLogs[0].scopeLogs[0].logRecords;
    assert.deepEqual([resourceLogs.length, more], [1, []]);
    assert.deepEqual(record, {
      timeUnixNano: `${ENDED.getTime()}000000`,
      observedTimeUnixNano: `${ENDED.getTime()}000000`,
      ...{ severityNumber: 9, severityText: "INFO", eventName: "blue_green.cutover" },
      body: { stringValue: "green 1.1.0 is live, from blue 1.0.0" },
    });
    assert.deepEqual(
      attributes.map(({ key, value }: { key: string; value: object }) => [key, ...Object.entries(value).flat()]),
      [
        ["cutover.id", "stringValue", word().id],
        ["cutover.result", "stringValue", "switched"],
        ["cutover.from", "stringValue", "blue"],
        ["cutover.from.version", "stringValue", "1.0.0"],
        ["cutover.to", "stringValue", "green"],
        ["cutover.to.version", "stringValue", "1.1.0"],
        ["cutover.requests", "intValue", "480"],
        ["cutover.user", "stringValue", "ann"],
        ["cutover.host", "stringValue", "build-7"],
      ],
    );
    const warned = JSON.parse(wordRequest({ kind: "otlp", url: "http://c" }, word({ result: "failed" }), ENDED).body);
    assert.equal(warned.resourceLogs[0].scopeLogs[0].logRecords[0].severityText, "WARN");
  });
});
