import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Said } from "../../../commands/preview/events";
import { screenOf } from "../../../commands/preview/screen";
import { summaryOf } from "../../../commands/preview/summary";
import { AGAIN } from "../../../stacks/service/missing";
import { container, cutover, decision, other, said, slotInputs } from "./said.sample";

const FINE = { code: 0, output: "" };

/** The summary as a terminal shows it. */
const shown = (change: Partial<Said>, ended = FINE): string => screenOf(summaryOf("dev", said(change), ended), "");

const exitOf = (change: Partial<Said>, ended = FINE): number => summaryOf("dev", said(change), ended).exit;

const RELOADS =
  "none is dropped: nginx stays up and takes its new configuration while it serves, and blue keeps its containers";

describe("a preview's summary", () => {
  test("nothing to do is said as such", () => {
    assert.equal(
      shown({}),
      `dev: nothing to do

- Stays live: blue 1.0.0
- Idle: green 1.0.0
- Requests: none is dropped: nginx and its configuration stay as they are, and blue keeps its containers`,
    );
    assert.equal(exitOf({}), 0);
  });

  test("a switch says who goes live in place of whom, what becomes idle, and the one line that changes", () => {
    const notes = ["The public moves from blue (1.0.0) to green (1.1.0), after its health."];
    const green = { version: "1.1.0", containers: 1, running: 1 };
    const steps = [cutover([{ BAKE_SECONDS: "10" }, { BAKE_SECONDS: "30" }], ["  default blue;", "  default green;"])];
    const switched = decision({
      active: "green",
      before: { ...decision().before, green },
      after: { ...decision().after, green: { version: "1.1.0", containers: 1 } },
      notes,
    });
    assert.equal(
      shown({ decisions: [switched], steps }),
      `dev: green goes live

- Goes live: green 1.1.0, in place of blue 1.0.0
- Becomes idle: blue 1.0.0; it stays up
- Requests: ${RELOADS}
- Notes: ${notes[0]}
- Settings: bakeSeconds 10 -> 30
- nginx's configuration:
    - default blue;
    + default green;`,
    );
  });

  test("a job that is made again says that its container is gone, and not the input by which Pulumi sees that", () => {
    const text = shown({ steps: [container("green-job-migrate", "replace", { differs: [AGAIN] })] });
    assert.match(text, /^- Containers: blue-green-dev-green-job-migrate is replaced \(its container is gone\)$/m);
  });

  test("a release on the idle color says what is made anew, and why", () => {
    const steps = [
      container("green", "replace", {
        old: slotInputs("green", { version: "1.0.0" }),
        new: slotInputs("green", { version: "1.1.0" }),
      }),
      other("remoteImage:RemoteImage", "create"),
    ];
    const after = { ...decision().after, green: { version: "1.1.0", containers: 1 } };
    assert.equal(
      shown({ decisions: [decision({ after })], steps }),
      `dev: blue stays live

- Stays live: blue 1.0.0
- Idle: green 1.0.0 -> 1.1.0
- Requests: none is dropped: nginx and its configuration stay as they are, and blue keeps its containers
- Settings: greenVersion 1.0.0 -> 1.1.0
- Containers: blue-green-dev-green is replaced (greenVersion 1.0.0 -> 1.1.0)
- Also: RemoteImage blue-green-dev is created`,
    );
  });

  test("live that is replaced on purpose is said with what it costs", () => {
    const text = shown({ steps: [container("blue", "replace", { differs: ["memory"] }), cutover()] });
    assert.match(
      text,
      /^- Requests: the public gets no answer for some seconds: blue-green-dev-blue, which is live, is/m,
    );
    assert.match(text, /^- Containers: blue-green-dev-blue is replaced \(memory\)$/m);
  });

  test("a canary, an idle color that goes and a first run are told in the first lines", () => {
    const canary = decision({ canaryPercent: { before: 0, after: 5 } });
    assert.match(
      shown({ decisions: [canary], steps: [cutover()] }),
      /^dev: blue stays live, green gets 5 % of the new/,
    );
    const after = { ...decision().after, green: { version: "1.0.0", containers: 0 } };
    const removed = decision({ idle: "removed", after });
    assert.match(shown({ decisions: [removed], steps: [cutover()] }), /^- Idle: green 1\.0\.0, and is removed$/m);
    const { live: _, ...first } = decision({ before: {}, proxyRuns: false });
    const begins = shown({ decisions: [first], steps: [container("blue", "create")] });
    assert.match(
      begins,
      /^dev: begins, with blue\n\n- Goes live: blue 1\.0\.0; nobody is served now\n- Idle: green 1\.0\.0\n/,
    );
  });

  test("where no engine answers it says what can't be told, and the steps as Pulumi's state has them", () => {
    const { live: _, ...blind } = decision({ unknown: "ssh: no route", active: "green", proxyRuns: false, before: {} });
    assert.equal(
      shown({ decisions: [{ ...blind, warnings: ["No engine answered."] }], steps: [container("blue", "replace")] }),
      `dev: can't tell who is live

- Live: unknown (ssh: no route); asked for is green. What follows is told from Pulumi's state alone
- Requests: it can't be told whether any is dropped: ssh: no route
- Warnings: No engine answered.
- Containers: blue-green-dev-blue is replaced`,
    );
  });

  test("a refusal is told in the program's own words alone, exits with 1 and promises nothing else", () => {
    const refusals = ["blue is live. Next: this", "That as well."];
    const warnings = ["green is ill"];
    const change = {
      decisions: [decision({ refusals, warnings })],
      errors: [refusals.join("\n"), "no-root: runs as root"],
      steps: [container("proxy", "replace")],
    };
    const ended = { code: 255, output: "error: preview failed" };
    assert.equal(
      shown(change, ended),
      `dev: refused, nothing is touched

- Refused:
  - blue is live. Next: this
  - That as well.
  - no-root: runs as root
- Warnings: green is ill`,
    );
    assert.equal(exitOf(change, ended), 1);
    assert.equal(exitOf({ errors: ["x"] }), 1, "an error counts whatever the exit code was");
  });

  test("a preview that failed without a word of the engine's shows what Pulumi printed", () => {
    const ended = { code: 255, output: "error: the plugin died\n\n  at once\n" };
    assert.equal(
      shown({ decisions: [] }, ended),
      "dev: the preview failed\n\n- Failed:\n  - error: the plugin died\n  - at once",
    );
    assert.equal(exitOf({ decisions: [] }, ended), 1);
  });

  test("a stack that there is not, or a state out of reach, can't be told and exits with 3", () => {
    const ended = { code: 255, output: "error: no stack named 'dev' found\n" };
    assert.equal(
      shown({ began: false, decisions: [] }, ended),
      "dev: can't tell: Pulumi did not come to a preview\n\n- Pulumi says: error: no stack named 'dev' found",
    );
    assert.equal(exitOf({ began: false, decisions: [] }, ended), 3);
  });

  test("a program that has not said what it decided is not taken for one that has nothing to do", () => {
    const change = { decisions: [], steps: [container("proxy", "replace")] };
    assert.equal(
      shown(change),
      "dev: can't tell: the program has not said what it decided\n\n" +
        "- Requests: it can't be told whether any is dropped: the program has not said what it found",
    );
    assert.equal(exitOf(change), 3);
    assert.equal(exitOf({ decisions: [] }), 3);
  });

  test("several services of a stack are told apart, each with its own steps", () => {
    const shop = decision({ containers: "blue-green-dev-shop-", active: "green" });
    const step = container("shop-blue", "replace");
    const text = shown({ decisions: [decision(), shop], steps: [step] });
    assert.match(text, /^dev: green goes live$/m);
    assert.match(text, /^- blue-green-dev: Requests: none is dropped/m);
    assert.match(
      text,
      /^- blue-green-dev-shop: Requests: the public gets no answer .*: blue-green-dev-shop-blue, which/m,
    );
  });

  test("long lists are cut, with the number of what is left out", () => {
    const steps = Array.from({ length: 50 }, (_, at) => container(`green-${at}`, "replace"));
    assert.match(shown({ steps }), /\n {2}- blue-green-dev-green-39 is replaced\n {2}- and 10 more$/);
  });

  test("values from elsewhere can't reach the terminal as anything but text", () => {
    const notes = ["moves\u001b[2J\u202e to \r\n# heading"];
    const text = shown({
      decisions: [decision({ notes })],
      steps: [container("blue", "delete", { old: { name: "\u0007" } })],
    });
    assert.match(text, /^- Notes: moves\\u\{1b\}\[2J\\u\{202e\} to # heading$/m);
    assert.match(text, /^- Containers: \\u\{7\} is deleted$/m);
  });

  test("maintenance that begins or ends is in the headline", () => {
    const of = (before: boolean, after: boolean) =>
      shown({ decisions: [decision({ maintenance: { before, after } })], steps: [cutover()] }).split("\n", 1)[0];
    assert.equal(of(false, true), "dev: blue stays live, and maintenance begins");
    assert.equal(of(true, false), "dev: blue stays live, and maintenance ends");
    assert.equal(of(true, true), "dev: blue stays live");
  });

  test("what was only stopped since something else had failed does not stand in front of the cause", () => {
    const cause = "httpPort is 80a: it must be a whole number";
    const failed = { code: 255, output: `error: context canceled\nerror: ${cause}\n` };
    assert.match(shown({ errors: ["context canceled", cause] }, failed), new RegExp(`^- Refused: ${cause}$`, "m"));
    assert.match(shown({}, failed), new RegExp(`^- Failed: error: ${cause}$`, "m"));
    assert.match(shown({ began: false }, failed), new RegExp(`^- Pulumi says: error: ${cause}$`, "m"));
    assert.match(shown({ errors: ["context canceled"] }, failed), /^- Refused: context canceled$/m, "all there is");
  });

  test("in a terminal a point breaks between words, under its own beginning", () => {
    const notes = [`one ${"two three ".repeat(8).trim()}`, "x".repeat(100)];
    const summary = summaryOf("dev", said({ decisions: [decision({ notes })] }), FINE);
    const lines = screenOf(summary, "", 60).split("\n");
    assert.deepEqual(lines.slice(lines.indexOf("- Notes:")), [
      "- Notes:",
      "  - one two three two three two three two three two three",
      "    two three two three two three",
      `  - ${"x".repeat(56)}`,
      `    ${"x".repeat(44)}`,
    ]);
    assert.ok(
      screenOf(summary, "", 1)
        .split("\n")
        .every((line) => line.length <= 40),
    );
    assert.equal(screenOf(summary, "").split("\n").length, 8);
  });
});
