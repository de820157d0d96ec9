import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { cutoverOf } from "../../../commands/status/history";
import { LEAST_COLUMNS, MOST_COLUMNS } from "../../../commands/status/page";
import { screenOf } from "../../../commands/status/screen";
import { statusOf } from "../../../commands/status/status";
import { servingOf } from "../../../stacks/service/serving";
import { plainJson } from "../../../stacks/text/plain";
import { cutover, facts, made, serving, slot, state, world } from "./facts.sample";

process.env.TZ = "Europe/Berlin";

/** What may reach a terminal: lines of one column a character. */
const FIT_LINES = /^[ -~\u00a1-\u00ac\u00ae-\u024f\n]*$/;

/** Sets the terminal's title, clears it, a C1 control sequence, turns the direction of text, two columns wide, joins lines. */
const HOSTILE =
  "\u001b]0;owned\u0007\u001b[2Jred\u009b31m \u202eevil\u202c \u{1f600} 漢字\r\nline two\u2028\t\u0000\u007f end";

const shown = (...args: Parameters<typeof facts>): { screen: string; json: string } => {
  const report = statusOf(facts(...args));
  assert.ok(report.exit !== 3);
  return { screen: screenOf(report), json: plainJson(report) };
};

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constant(HOSTILE),
  fc.constant("x".repeat(400)),
);

const json = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }));

const entry = fc.record({
  time: fc.oneof(
    text,
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ),
  result: text,
  from: json,
  to: text,
  versions: fc.oneof(json, fc.dictionary(fc.constantFrom("blue", "green"), json)),
  images: json,
  seconds: fc.oneof(json, fc.dictionary(fc.string(), fc.double())),
  requests: fc.oneof(json, fc.double()),
  reason: json,
  who: fc.oneof(json, fc.dictionary(fc.constantFrom("user", "host", "run"), json)),
});

const status = fc.constantFrom("running", "exited", "created", "paused", "restarting", "dead");

const container = fc.record({
  version: text,
  // All that Docker takes as a name; in commands it is whole.
  name: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,40}$/),
  imageId: text,
  restarts: fc.nat(),
  created: text,
  running: fc.boolean(),
  status,
  since: fc.oneof(
    text,
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ),
  health: fc.constantFrom("healthy", "starting", "unhealthy"),
  says: text,
  label: fc.dictionary(fc.constantFrom("image", "definition", "memoryMb", "environment", "secretEnvironment"), json),
});

describe("hostile words in the status", () => {
  test("control characters in the history reach a terminal neither by the screen nor by the JSON", () => {
    const entry = cutover({
      ...{ result: HOSTILE, to: HOSTILE, from: HOSTILE, reason: HOSTILE },
      versions: { [HOSTILE]: HOSTILE },
    });
    const { screen, json } = shown({ world: world({ serving: serving({ history: [entry] }) }) });
    assert.match(screen, FIT_LINES);
    assert.match(json, /^[ -~\n]*$/);
    assert.match(screen, /\\u\{1b\}/, "they are seen for what they are");
    assert.equal(JSON.parse(json).history[0].reason, HOSTILE, "a program gets what was written");
  });

  test("a history that was spoilt by hand is shown as far as it can be read", () => {
    const line = (entry: unknown) => `history ${JSON.stringify(entry)}`;
    const text = [
      "answer 37a29a8e711eceac blue",
      "file 37a29a8e711eceac blue",
      "history {",
      "history null",
      line({ time: 7, result: "switched", to: "blue" }),
      line({
        time: "yesterday",
        result: "switched",
        to: "blue",
        versions: 7,
        seconds: "long",
        requests: "many",
        canaryPercent: "5\u001b[2J",
        reason: {},
        who: { user: 7, host: "\u001b[2J", run: null },
      }),
      line({
        time: "2026-11-23T17:00:00Z",
        result: "reverted",
        from: 1,
        to: "green",
        seconds: { a: 1, b: "x", c: -5, d: null },
      }),
    ].join("\n");
    const read = servingOf(text);
    assert.ok(read !== undefined);
    assert.deepEqual(read.history.map(cutoverOf), [
      {
        ...{
          time: null,
          result: "switched",
          from: null,
          to: "blue",
          versions: {},
          images: {},
          seconds: null,
          steps: {},
        },
        ...{ requests: null, canaryPercent: null, reason: null, who: { host: "\u001b[2J" } },
      },
      {
        ...{ time: "2026-11-23T17:00:00.000Z", result: "reverted", from: null, to: "green", versions: {}, images: {} },
        ...{ seconds: 1, steps: { a: 1 }, requests: null, canaryPercent: null, reason: null, who: {} },
      },
    ]);
    const { screen } = shown({ world: world({ serving: { ...serving(), history: read.history } }) });
    assert.match(screen, /^ {2}23 Nov 18:00 {2}reverted {2}green {8}1 s {8}-$/m);
    assert.match(screen, /^ {2}\? {13}switched {2}blue {11}- {8}- {2}\\u\{1b\}\[2J$/m);
  });

  test("whatever the engine and the history say: no line is wider than the screen, and each character is fit for a terminal", () => {
    fc.assert(
      fc.property(
        fc.record({
          ...{ blue: fc.option(container), green: container, history: fc.array(entry, { maxLength: 5 }) },
          ...{ generation: text, seen: text, answers: fc.boolean(), edited: fc.boolean() },
          health: fc.dictionary(
            fc.constantFrom("blue", "green", "green-2"),
            fc.record({ well: fc.boolean(), status: fc.nat(999), seen: text }),
          ),
          active: fc.constantFrom("blue", "green", undefined),
          flag: fc.option(fc.stringMatching(/^[a-z][a-z0-9-]{0,39}$/), { nil: undefined }),
        }),
        ({ blue, green, history, generation, seen, health, answers, edited, active, flag }) => {
          const of = (
            color: "blue" | "green",
            { running, status, since, health, says, label, ...more }: typeof green,
          ) =>
            slot(color, {
              ...more,
              made: { ...made(color), ...label } as never,
              state: state({
                ...{ Running: running, Status: status, StartedAt: since, FinishedAt: since },
                Health: { Status: health, Log: [{ Output: says }] },
              }),
            });
          const report = statusOf(
            facts({
              active: active === undefined ? { problem: `activeColor in the file is ${seen}` } : { color: active },
              ...(flag !== undefined && { flag }),
              world: world({
                slots: { ...(blue && { blue: of("blue", blue) }), green: of("green", green) },
                serving: serving({ generation, answers, edited, health, history: history as never }),
              }),
            }),
          );
          assert.ok(report.exit !== 3);
          assert.match(plainJson(report), /^[ -~\n]*$/);
          for (const columns of [LEAST_COLUMNS, 80, MOST_COLUMNS]) {
            const screen = screenOf(report, { columns });
            assert.match(screen, FIT_LINES);
            const lines = screen.split("\n");
            // Reasons are told whole: up to 600 characters each, of five cutovers and six findings.
            assert.ok(lines.length <= 40 + 11 * Math.ceil(600 / (columns - 20)), `${lines.length} lines`);
            for (const line of lines) assert.ok(line.length <= columns, line);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("colors of the terminal change nothing but colors", () => {
    const report = statusOf(facts({ active: { color: "green" } }));
    assert.ok(report.exit !== 3);
    const colored = screenOf(report, { colored: true });
    assert.ok(colored.includes("\u001b[33mdegraded\u001b[0m"));
    assert.equal(stripVTControlCharacters(colored), screenOf(report));
  });
});
