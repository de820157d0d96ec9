import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commandsOf, nextCommands } from "../../monitoring/page/commands.js";
import { findingsOf, verdictOf } from "../../monitoring/page/findings.js";
import { parseHistory } from "../../monitoring/page/history.js";
import { parseMetrics } from "../../monitoring/page/metrics.js";
import { type Settings, type State, stateOf, wayBackOf } from "../../monitoring/page/state.js";
import { cutover, metricsOf, type Situation, WELL } from "./page.sample";

const SETTINGS: Settings = { project: "blue-green", stack: "prod", monitoring: "metrics", maxErrorPercent: 1 };

/** What the page makes of a situation. */
function stateIn(change: Partial<Situation> = {}, settings: Partial<Settings> = {}): State {
  const situation = { ...WELL, ...change };
  return stateOf({
    settings: { ...SETTINGS, ...settings },
    metrics: parseMetrics(metricsOf(situation, 1000)),
    history: parseHistory(situation.history.join("\n")),
    now: Math.floor(Date.now() / 1000),
  });
}

const told = (change: Partial<Situation>): string[] =>
  findingsOf(stateIn(change), undefined, []).map(({ level, text }) => `${level}: ${text}`);

describe("what is wrong", () => {
  test("nothing, where nothing is", () => {
    assert.deepEqual(told({}), []);
    assert.equal(verdictOf([]), "well");
  });

  const DAY = 86_400;
  const now = Math.floor(Date.now() / 1000);
  const cases: [what: string, change: Partial<Situation>, found: RegExp][] = [
    [
      "live is broken",
      { why: { blue: "", green: "no answer" } },
      /^down: green is live and does not answer its health path: no answer\.$/,
    ],
    [
      "idle is broken",
      { why: { blue: "status 500", green: "" } },
      /^degraded: blue is idle and does not answer its health path: status 500\.$/,
    ],
    [
      "idle is stopped on purpose",
      { why: { blue: "stopped or removed", green: "" } },
      /^note: blue is idle and is stopped or removed\.$/,
    ],
    ["maintenance", { maintenance: true }, /^down: Maintenance is on/],
    ["the proxy is silent", { live: null }, /^down: The proxy does not answer.*The latest cutover left green live/],
    ["the log of requests is not read", { silent: ["requests"] }, /^degraded: No requests are counted/],
    [
      "a switch that did not stay",
      { pending: true },
      /^degraded: A switch is pending: the latest cutover was to make blue live, and green is\.$/,
    ],
    ["not watched to its end", { stable: { blue: true, green: false } }, /^degraded: green is live and not stable/],
    ["a canary", { canaryPercent: 5 }, /^note: blue is a canary: it gets 5 %/],
    ["the certificate ends soon", { certificateDays: 20 }, /^degraded: The certificate ends in (?:19|20) d\.$/],
    ["the certificate ends now", { certificateDays: 2.5 }, /^down: The certificate ends in 2 d\.$/],
    ["the certificate has ended", { certificateDays: -1 }, /^down: The certificate has ended/],
    [
      "edited by hand",
      { more: "blue_green_configuration_edited 1\n" },
      /^degraded: The proxy's configuration was changed by hand/,
    ],
    [
      "the disk is nearly full",
      { more: "blue_green_volume_free_bytes 9\nblue_green_volume_size_bytes 100\n" },
      /^degraded: The disk .* 9\.0 % of it is free/,
    ],
    [
      "the disk is full",
      { more: "blue_green_volume_free_bytes 1\nblue_green_volume_size_bytes 100\n" },
      /^down: The disk/,
    ],
    ["nobody asks the colors", { askedAgo: 61 }, /^degraded: Nobody has asked the colors/],
    [
      "in a switch",
      { history: [cutover(0, { result: "interrupted" })], pending: true, stable: { blue: true, green: false } },
      /^note: A cutover to green has moved the public/,
    ],
    [
      "a cutover that was cut off",
      { history: [cutover(2, { result: "interrupted" })] },
      /^degraded: The cutover to green was not watched to its end/,
    ],
  ];
  for (const [what, change, found] of cases)
    test(what, () => {
      const [first, ...more] = told(change);
      assert.match(first ?? "nothing", found);
      assert.deepEqual(more, []);
    });

  test("the near misses are none", () => {
    for (const change of [
      { certificateDays: 22 },
      { askedAgo: 45 },
      { more: "blue_green_volume_free_bytes 11\nblue_green_volume_size_bytes 100\n" },
      { more: "blue_green_configuration_edited 0\n" },
    ])
      assert.deepEqual(told(change), [], JSON.stringify(change));
  });

  test("errors count from three of them on, above the stack's own maxErrorPercent; alerts by their severity", () => {
    const visited = {
      color: "green" as const,
      requests: 200,
      perSecond: 3,
      errors: 3,
      errorPercent: 1.5,
      p95Seconds: 0.1,
    };
    const levels = (change: object, settings = {}) =>
      findingsOf(stateIn({}, settings), { ...visited, ...change }, []).map(({ level }) => level);
    assert.deepEqual(levels({}), ["down"]);
    assert.deepEqual(levels({ errors: 2 }), []);
    assert.deepEqual(levels({}, { maxErrorPercent: 2 }), []);
    const alerts = [
      { name: "A", severity: "ticket", about: "" },
      { name: "B", severity: "page", about: "blue" },
    ];
    const found = findingsOf(stateIn(), undefined, alerts);
    assert.deepEqual(
      found.map(({ level, text }) => `${level} ${text.slice(0, 20)}`),
      ["down The alert B (blue) f", "degraded The alert A fires: d"],
    );
    assert.equal(verdictOf(found), "down");
  });

  test("the way back is open where the cutover says so and the idle color answers now", () => {
    const of = (change: Partial<Situation>) => wayBackOf(stateIn(change));
    assert.deepEqual(of({}), { isOpen: true, text: "The way back to blue is open: it takes about a second." });
    for (const change of [
      { wayBackOpen: false },
      { why: { blue: "no answer", green: "" } },
      { why: { blue: "stopped or removed", green: "" } },
      { askedAgo: now + DAY },
      { live: null, history: [] },
    ])
      assert.equal(of(change).isOpen, false, JSON.stringify(change));
  });

  test("versions come from the metrics, or else from the history", () => {
    const { colors } = stateIn({ versions: { blue: "7", green: "8" } });
    assert.deepEqual([colors.blue.version, colors.green.version], ["7", "8"]);
    const without = stateOf({ settings: SETTINGS, metrics: parseMetrics(""), history: parseHistory(cutover(1)), now });
    assert.deepEqual([without.colors.blue.version, without.live, without.lastLive], ["1.0.0", undefined, "green"]);
  });
});

describe("commands to copy", () => {
  test("are those of the stack, whatever its name is", () => {
    const next = nextCommands(stateIn({ pending: true })).map(({ command }) => command);
    assert.deepEqual(next, [
      "npm run rollback -- prod",
      "pulumi config set activeColor blue --stack prod && pulumi up --stack prod",
      "pulumi config set activeColor green --stack prod && pulumi up --stack prod",
      "npm run status -- prod",
    ]);
    assert.equal(commandsOf({ ...SETTINGS, stack: "a'; rm -rf /" }).status(), "npm run status -- 'a'\\''; rm -rf /'");
  });

  test("of a service with a name they are the package's, and the program has its settings", () => {
    const commands = commandsOf({ ...SETTINGS, service: "shop" });
    assert.equal(commands.rollback(), "npx blue-green rollback prod --service shop");
    assert.equal(
      commands.set("activeColor", "blue"),
      "pulumi up --stack prod # once the program gives shop activeColor blue",
    );
  });

  test("a canary is ended, and a way back that is not open is not offered", () => {
    const first = (change: Partial<Situation>) => nextCommands(stateIn(change))[0]?.purpose;
    assert.equal(first({ canaryPercent: 5 }), "End the canary: all visitors to green");
    assert.equal(first({ wayBackOpen: false }), "Switch to blue");
    assert.equal(first({ live: null }), "See how it is, and why");
  });
});
