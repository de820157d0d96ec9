import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { readFirings, readRules, ruleTests } from "../../docs/alerts";
import { CHECKOUT } from "../program";
import { assertKnown } from "./known";
import { askedBy, queriesIn } from "./promql";

const { alerts, recordings } = readRules(CHECKOUT);
const { firings, silent } = readFirings(CHECKOUT);
const names = [...new Set(alerts.map(({ alert }) => alert))];

/** What a phone shows of a message. */
const MOST_CHARACTERS = 100;

let promtool = "";
before(() => {
  promtool = execFileSync(join(CHECKOUT, "setup", "promtool"), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
});

/** Runs promtool, which must find nothing wrong. */
function check(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

describe("the alerts", () => {
  test("are rules that Prometheus takes", () => {
    const said = check("check", "rules", join(CHECKOUT, "monitoring", "alerts.yml"));
    assert.match(said, new RegExp(`SUCCESS: ${alerts.length + recordings.length} rules found`));
  });

  for (const path of ruleTests(CHECKOUT)) {
    test(`fire when they should and stay silent when they should not, as ${basename(path)} says`, () => {
      check("test", "rules", path);
    });
  }

  test("have each a case in which it fires, with each severity, and one that comes close and does not", () => {
    for (const { alert, labels } of alerts) {
      const fires = firings.some((each) => each.alert === alert && each.exp_labels.severity === labels.severity);
      assert.ok(fires, `${alert} fires as a ${labels.severity} in no test`);
    }
    // Of a bound that is passed by time alone the other severity is the near miss.
    for (const name of names.filter((name) => !["CertificateEnds", "VolumeFills"].includes(name))) {
      assert.ok(silent.includes(name), `no test has ${name} stay silent`);
    }
    assert.deepEqual(
      firings.filter(({ alert }) => !names.includes(alert)),
      [],
    );
  });

  test("ask for metrics and labels that there are, also in their words", () => {
    for (const { record, expr } of recordings) assertKnown(expr, record);
    for (const { alert, expr, annotations } of alerts) {
      assertKnown(expr, alert);
      for (const query of queriesIn(annotations.summary)) assertKnown(query, alert);
    }
  });

  test("say in a line what was seen, and in another one what to type, of a command that there is", () => {
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
    const packaged = readFileSync(join(CHECKOUT, "commands", "cli.ts"), "utf8");
    for (const { alert, exp_annotations } of firings) {
      const { summary, command } = exp_annotations;
      assert.ok(summary.length <= MOST_CHARACTERS, `${alert}: ${summary.length} characters: ${summary}`);
      assert.doesNotMatch(summary, / {2}|\n|<no value>|<error/, alert);
      assert.match(
        command,
        /^(?:npm run [a-z]+(?: -- \S.*)?|npx blue-green [a-z]+ \S+ --service \S+.*|docker system df)$/,
      );
    }
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels.severity, /^(?:page|ticket)$/, alert);
      assert.deepEqual(Object.keys(annotations), ["summary", "command", "runbook"], alert);
      const typed = [...annotations.command.matchAll(/npm run ([a-z-]+)/g)].map(([, name = ""]) => name);
      assert.equal(typed.length, 1, alert);
      for (const name of typed) assert.ok(Object.hasOwn(scripts, name), `${alert}: npm run ${name}`);
      for (const [, name] of annotations.command.matchAll(/npx blue-green ([a-z-]+)/g)) {
        assert.ok(packaged.includes(`name === "${name}"`), `${alert}: npx blue-green ${name}`);
      }
    }
  });

  test("have each a section in docs/on-call.md, in their order, and no section is about none", () => {
    const page = readFileSync(join(CHECKOUT, "docs", "on-call.md"), "utf8");
    assert.deepEqual(
      [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title),
      names,
    );
    for (const section of page.split(/^## /m).slice(1)) {
      const parts = [...section.matchAll(/^- \*\*(\w+)\*\*/gm)].map(([, part]) => part);
      assert.deepEqual(parts, ["Visitors", "See", "Do", "Over"], section.split("\n")[0]);
    }
    for (const { alert, annotations } of alerts) {
      assert.equal(annotations.runbook, `docs/on-call.md#${alert.toLowerCase()}`);
    }
  });
});

test("the metrics and labels of a query are found, and one that nobody writes is missed", () => {
  const { metrics, groups } = askedBy(
    'sum by (stack, le) (rate(a_total{x="y{z}",v!~"w"}[5m])) > 2 * avg_over_time(b:c[1h] offset 5m) and on (stack) d unless e{f="\\""} == 1',
  );
  assert.deepEqual(
    [...metrics].map(([name, labels]) => [name, [...labels]]),
    [
      ["a_total", ["x", "v"]],
      ["b:c", []],
      ["d", []],
      ["e", ["f"]],
    ],
  );
  assert.deepEqual([...groups], ["stack", "le"]);
  assert.throws(() => assertKnown("blue_green_nothing == 0", "x"), /no metric is called blue_green_nothing/);
  assert.throws(() => assertKnown('blue_green_live{colour="blue"}', "x"), /blue_green_live has no label colour/);
  assert.throws(() => assertKnown("sum by (colour) (blue_green_live)", "x"), /none of its metrics has a label colour/);
});
