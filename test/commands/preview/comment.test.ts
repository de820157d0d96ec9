import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { commentOf, markerOf } from "../../../commands/preview/comment";
import { summaryOf } from "../../../commands/preview/summary";
import { container, cutover, decision, said } from "./said.sample";

const FINE = { code: 0, output: "" };

const HOSTILE = [
  "@everyone and @org/team",
  "</details><script>alert(1)</script><img src=x onerror=y>",
  "`code` ``two`` ```three",
  "[a](javascript:b) ![c](http://d.example/e.png) http://f.example #1 GH-2",
  "<!-- blue-green preview of prod -->",
  "# heading\n\n- point\n```\n</details>\n@someone",
  "\u001b[31m \u202e \u0000",
  "",
  "`",
  " ",
];

/** What of a comment isn't within a code span or a fence: what GitHub would make something of. */
function outside(comment: string): string {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of comment.split("\n")) {
    const [, mark] = /^(`{3,})/.exec(line) ?? [];
    if (fence === undefined && mark !== undefined) fence = mark;
    // A fence is ended by a line of as many backticks or more, and of nothing else.
    else if (fence !== undefined && new RegExp(`^ {0,3}\`{${fence.length},} *$`).test(line)) fence = undefined;
    else if (fence === undefined) lines.push(withoutSpans(line));
  }
  assert.equal(fence, undefined, "a fence was left open");
  return lines.join("\n");
}

/** A code span goes from a run of backticks to the next run of the same length. */
function withoutSpans(line: string): string {
  const runs = [...line.matchAll(/`+/g)];
  let rest = "";
  let from = 0;
  for (let at = 0; at < runs.length; at++) {
    const open = runs[at];
    const end = runs.findIndex((run, later) => later > at && run[0].length === open?.[0].length);
    const close = runs[end];
    if (open === undefined || close === undefined) continue;
    rest += line.slice(from, open.index);
    from = close.index + close[0].length;
    at = end;
  }
  return rest + line.slice(from);
}

/** The comment in which every text from elsewhere is this one. */
function commentWith(value: string): string {
  const all = { notes: [value], warnings: [value], before: {}, after: {} };
  const after = { blue: { version: value, containers: 1 }, green: { version: value, containers: 1 } };
  const steps = [
    container("green", "replace", { new: { name: value }, old: { name: `${value}x` }, differs: [value] }),
    cutover([{ GATE_COMMAND: value }, { GATE_COMMAND: `x${value}` }], [value, `${value}\nx`]),
  ];
  const summary = summaryOf("dev", said({ steps, decisions: [decision({ ...all, after })], warnings: [value] }), FINE);
  return commentOf(summary, `+ ${value}\n${value}`);
}

function isHarmless(value: string): void {
  const comment = commentWith(value);
  const rest = outside(comment);
  assert.doesNotMatch(rest, /@|javascript|script>|<img|\]\(|https?:|#\d|someone|everyone/);
  for (const unfit of ["\u001b", "\u202e", "\u0000"]) assert.equal(comment.includes(unfit), false);
  assert.equal(rest.match(/<!--/g)?.length, 1, "one marker");
  assert.equal(rest.match(/<\/?details>/g)?.length, 2, "one thing to unfold");
  assert.equal(rest.split("\n")[0], markerOf("dev"));
}

const isClosed = (comment: string) => assert.match(outside(comment), /<\/details>/);

describe("a preview as a pull request's comment", () => {
  test("a comment has the stack's marker first, the summary, and the diff to be unfolded", () => {
    const summary = summaryOf("dev", said({ steps: [cutover([{}, {}], ["default blue;", "default green;"])] }), FINE);
    assert.equal(
      commentOf(summary, "~ stdin\n  + default green;\n"),
      `<!-- blue-green preview of dev -->
### dev: blue stays live

- **Stays live:** \`blue\` \`1.0.0\`
- **Idle:** \`green\` \`1.0.0\`
- **Requests:** none is dropped: nginx stays up and takes its new configuration while it serves, and blue keeps its containers

nginx's configuration:
\`\`\`diff
- default blue;
+ default green;
\`\`\`

<details><summary>pulumi preview --diff</summary>

\`\`\`diff
~ stdin
  + default green;
\`\`\`

</details>
`,
    );
  });

  test("a refusal is a comment too, without a diff", () => {
    const refused = summaryOf("dev", said({ decisions: [decision({ refusals: ["no"] })] }), { code: 255, output: "" });
    assert.equal(
      commentOf(refused, ""),
      `${markerOf("dev")}\n### dev: refused, nothing is touched\n\n- **Refused:** \`no\`\n`,
    );
  });

  test("nothing from elsewhere mentions anybody, is HTML or Markdown, or ends what it stands in", () => {
    isHarmless("1.0.0");
    for (const value of HOSTILE) isHarmless(value);
    fc.assert(
      fc.property(fc.array(fc.constantFrom("`", "``", "```", "@a", "<b>", "\n", " ", "~~~", "\\", "x")), (parts) => {
        isHarmless(parts.join(""));
      }),
      { numRuns: 500 },
    );
    assert.ok(commentWith("1.0.0").includes("`1.0.0`"));
  });

  test("a comment never has more than GitHub takes, and says what was cut and where the rest is", () => {
    const long = "x".repeat(300);
    const diff = Array.from({ length: 5000 }, (_, at) => `+ ${at} ${long} \u{1f600}`).join("\n");
    const warnings = Array.from({ length: 500 }, (_, at) => `${at} ${"`".repeat(50)} ${long.repeat(6)}`);
    const before = Array.from({ length: 2000 }, (_, at) => `${at}${long}`).join("\n");
    const steps = [cutover([{}, {}], [before, before.replaceAll("x", "y")])];
    const comment = commentOf(summaryOf("dev", said({ decisions: [decision({ warnings })], steps }), FINE), diff);
    assert.ok(Buffer.byteLength(comment) <= 65_000, `${Buffer.byteLength(comment)} bytes`);
    assert.match(comment, /^- and \d+ more lines, too many for a comment: `npm run preview -- dev`$/m);
    assert.match(
      comment,
      /^\.\.\. cut here, \d+ more lines are too many for a comment; all of them: npm run preview -- dev$/m,
    );
    assert.match(comment, /\n<\/details>\n$/);
    isClosed(comment);
  });

  test("one line of the diff that is longer than a comment leaves the rest whole", () => {
    const comment = commentOf(summaryOf("dev", said(), FINE), `${"x".repeat(100_000)}\nb`);
    assert.match(comment, /^\.\.\. cut here, 2 more lines are too many/m);
    isClosed(comment);
  });

  test("a run of backticks as long as a comment is told by its length", () => {
    const comment = commentOf(summaryOf("dev", said(), FINE), `+ ${"`".repeat(40_000)}`);
    assert.match(comment, /^```diff\n\+ \\u\{60\} 40000 times\n```$/m);
  });
});
