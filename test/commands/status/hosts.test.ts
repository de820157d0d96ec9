import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cantTellScreen } from "../../../commands/outcome";
import { linesOf } from "../../../commands/status/page";
import type { Overview } from "../../../commands/status/report";
import { pageOf, screenOf } from "../../../commands/status/screen";
import { statusOf } from "../../../commands/status/status";
import { answered, ended, facts, noServing, serving, slot, world } from "./facts.sample";
import { away, merged, mergedReport, onGreen, seenHost } from "./hosts.sample";

process.env.TZ = "Europe/Berlin";

const SSH =
  'error during connect: Get "http://docker.example.com/v1.41/containers/json": command [ssh -l deploy -- b.example ' +
  "docker system dial-stdio] has exited with exit status 255, please make sure the URL is valid, and Docker 18.09 or " +
  "later is installed on the remote host: stderr=ssh: connect to host b.example port 22: Connection refused";

const B_VERSION = "DOCKER_HOST=ssh://deploy@b.example docker version";

const texts = (report: ReturnType<typeof mergedReport>) => report.findings.map(({ text }) => text);
const typed = ({ next }: { next: readonly { command: string }[] }) => next.map(({ command }) => command);

/** The screen of a terminal of 80x24. */
const small = (report: ReturnType<typeof mergedReport>) =>
  `\n${linesOf(pageOf(report), { columns: 80, rows: 24 }).join("\n")}\n`;

describe("the status of a stack on several hosts", () => {
  test("all well: a line a host, that they agree, and the details of the lead, on one screen of 80x24", () => {
    const status = mergedReport(seenHost("a"), seenHost("b"), seenHost("c"));
    assert.deepEqual([status.exit, status.agree, status.findings], [0, true, []]);
    assert.equal(
      small(status),
      `
blue-green, stack dev: well                                      23 Nov 18:50:00

host  live        since         last minute        5xx
a     blue 1.0.0  23 Nov 18:00  600 answers, 10/s  0 (0 %)  well, agrees
b     blue 1.0.0  23 Nov 18:00  600 answers, 10/s  0 (0 %)  well, agrees
c     blue 1.0.0  23 Nov 18:00  600 answers, 10/s  0 (0 %)  well, agrees

on a         blue                             green
version      1.0.0                            1.1.0
health       healthy                          healthy
role         live, stable                     idle, stable: the way to it is
                                              instant
since        23 Nov 17:44, 65 min             23 Nov 17:44, 65 min

  active blue, live blue, stable blue and green: they agree on all 3 hosts
  nginx answers, configuration 37a29a8e711eceac; blue's health path through
    it: 200
  both colors run the same settings

Next
  release on green           pulumi config set greenVersion <version> &&
                             pulumi up
  go back to green, at once  pulumi config set activeColor green && pulumi up
... 7 lines more (last cutovers, details of a); 30 lines show all
`,
    );
    assert.equal(linesOf(pageOf(status), { columns: 80 }).length, 30, "all of it without a bound");
  });

  test("one host serves another color: that comes first, with the command, and still fits", () => {
    const status = mergedReport(seenHost("a"), seenHost("b", onGreen()), seenHost("c"));
    assert.deepEqual([status.exit, status.level, status.agree], [1, "degraded", false]);
    assert.deepEqual(texts(status), ["b serves green 1.1.0, and a and c blue 1.0.0: pulumi up makes them agree"]);
    assert.deepEqual(status.next[0], { purpose: "make the hosts agree", command: "pulumi up" });
    assert.deepEqual(
      status.hosts?.map(({ name, live, agrees }) => [name, live, agrees]),
      [
        ["a", "blue", true],
        ["b", "green", false],
        ["c", "blue", true],
      ],
    );
    const screen = small(status);
    assert.match(screen, /^! b serves green 1\.1\.0, and a and c blue 1\.0\.0: pulumi up makes them agree$/m);
    assert.match(screen, /^b {5}green 1\.1\.0 .* {2}degraded, differs$/m);
    assert.match(screen, /they do not agree$/m);
    assert.match(screen, /^ {2}make the hosts agree +pulumi up$/m);
  });

  test("two hosts that differ: the lead's color counts as the common one, and a missing switch is still told", () => {
    const active = { color: "green" } as const;
    const status = mergedReport(seenHost("a", { active }), seenHost("b", { ...onGreen(), active }));
    assert.deepEqual(texts(status), [
      "b serves green 1.1.0, and a blue 1.0.0: pulumi up makes them agree",
      "a: a switch is pending: activeColor is green, and blue is live",
    ]);
  });

  test("the one that was left behind is not told of twice", () => {
    const active = { color: "green" } as const;
    const green = { ...onGreen(), active };
    const status = mergedReport(seenHost("a", green), seenHost("b", { active }), seenHost("c", green));
    assert.deepEqual(texts(status), ["b serves blue 1.0.0, and a and c green 1.1.0: pulumi up makes them agree"]);
  });

  test("another configuration of the same color is a finding as well", () => {
    const other = world({ serving: serving({ generation: "e".repeat(16), declared: "e".repeat(16) }) });
    const status = mergedReport(seenHost("a"), seenHost("b"), seenHost("c", { world: other }));
    assert.deepEqual(texts(status), [
      "c serves another configuration (eeeeeeeeeeeeeeee) than a and b (37a29a8e711eceac): pulumi up makes them agree",
    ]);
    assert.equal(status.exit, 1);
  });

  test("while a cutover runs on any host, none is said to differ", () => {
    const busy = world({ serving: serving({ busy: "ann@laptop", color: "green" }) });
    const status = mergedReport(seenHost("a"), seenHost("b", { world: busy }), seenHost("c"));
    assert.ok(!texts(status).some((text) => / serves /.test(text)), texts(status).join("\n"));
    assert.ok(texts(status).includes("b: a cutover runs at this moment (ann@laptop)"));
    assert.deepEqual(
      status.hosts?.map(({ agrees }) => agrees),
      [null, null, null],
    );
  });

  test("a host that does not answer is told of in its own words, and the others in full", () => {
    const status = mergedReport(seenHost("a"), seenHost("b", away(SSH)), seenHost("c"));
    assert.deepEqual([status.exit, status.level, status.agree], [1, "degraded", false]);
    assert.deepEqual(texts(status), ["b does not answer: ssh: connect to host b.example port 22: Connection refused"]);
    assert.deepEqual(status.next[0], { purpose: "ask b again", command: B_VERSION });
    const [, b] = status.hosts ?? [];
    assert.deepEqual([b?.level, b?.live, b?.agrees, b?.address], ["unknown", null, null, "ssh://deploy@b.example"]);
    assert.match(b?.reason ?? "", /^The Docker Engine could not be asked: error during connect/);
    assert.match(small(status), /^b {5}- +- +- +- +can't tell$/m);
    assert.match(small(status), /^on a +blue +green$/m);
  });

  test("where the lead does not answer, the details are those of the next one", () => {
    const status = mergedReport(seenHost("a", away("no route to host")), seenHost("b"), seenHost("c"));
    assert.deepEqual(texts(status), ["a does not answer: no route to host"]);
    assert.match(small(status), /^on b +blue +green$/m);
    assert.equal(status.exit, 1);
  });

  test("where none answers nothing can be told, and each is told of", () => {
    const all = merged(seenHost("a", away("no socket")), seenHost("b", away(SSH)));
    assert.ok(all.exit === 3 && "reason" in all);
    assert.match(
      cantTellScreen(all),
      /^Can't tell: a does not answer: no socket; b does not answer: ssh: connect to host b\.example port 22: Connection refused\nNext, to ask a again: docker version\n/,
    );
    assert.equal(typed(all)[1], B_VERSION);
    const same = merged(seenHost("a", away("no client")), seenHost("b", away("no client")));
    assert.ok("reason" in same && same.reason === "The Docker Engine could not be asked: no client");
  });

  test("what is not well on one host has its name, and what is so on all of them has none", () => {
    const health = { blue: answered("502"), green: answered("200") };
    const slots = { blue: slot("blue", { state: ended }), green: slot("green") };
    const down = world({ slots, serving: serving({ health }) });
    const one = mergedReport(seenHost("a"), seenHost("b"), seenHost("c", { world: down }));
    assert.deepEqual([one.exit, one.level], [2, "down"]);
    assert.match(
      texts(one)[0] ?? "",
      /^c: blue is live and does not answer its health path through nginx: 502; its container/,
    );
    assert.deepEqual(typed(one).slice(0, 2), [
      "pulumi config set activeColor green && pulumi up",
      "DOCKER_HOST=ssh://deploy@c.example docker start blue-green-dev-blue",
    ]);
    assert.deepEqual(one.next[1]?.purpose, "start blue (c)");
    const two = mergedReport(seenHost("a", { world: down }), seenHost("b"), seenHost("c", { world: down }));
    assert.match(texts(two)[0] ?? "", /^a, c: blue is live and does not answer/);
    const all = mergedReport(seenHost("a", { world: down }), seenHost("b", { world: down }));
    assert.match(texts(all)[0] ?? "", /^blue is live and does not answer/);
  });

  test("a host that nothing serves on yet: what is missing there, and the run that makes it", () => {
    const empty = noServing({ slots: {} });
    const { proxy: _, ...nothing } = empty;
    const status = mergedReport(seenHost("a"), seenHost("b", { world: nothing }));
    assert.deepEqual(texts(status), ["b: Nothing of the stack dev runs on this engine"]);
    assert.deepEqual(status.next[0], { purpose: "bring it up", command: "pulumi up" });
    const proxyAlone = mergedReport(seenHost("a"), seenHost("b", { world: empty }));
    assert.equal(texts(proxyAlone)[0], "b: blue-green-dev-proxy serves nothing: it has no configuration yet");
    assert.equal(proxyAlone.exit, 2);
  });

  test("workers and jobs are the lead's: another host misses none", () => {
    const made = { workers: { mail: { replicas: 1 } }, jobs: { migrate: {} } };
    const blue = slot("blue", { made: { ...slot("blue").made, ...made } as never });
    const seen = { world: world({ slots: { blue, green: slot("green") } }) };
    const status = mergedReport(seenHost("a", seen), seenHost("b", seen));
    assert.ok(texts(status).length > 0);
    for (const text of texts(status)) assert.match(text, /^a: /);
  });

  test("hostile words of a host reach the screen as plain text, and leave room for what to type", () => {
    const hostile = `\u001b[2J\u202e${"x\n".repeat(3000)}`;
    const status = mergedReport(seenHost("a"), seenHost("b", away(hostile)), seenHost("c"));
    const screen = screenOf(status, { columns: 80 });
    assert.match(screen, /^! b does not answer: \\u\{1b\}\[2J\\u\{202e\}x x/m);
    assert.match(screen, /^[ -~\n]*$/);
    assert.ok(small(status).split("\n").length <= 26);
    assert.match(small(status), /^Next$/m);
  });

  test("several services on several hosts: which one has to be named, and one alone is told of", () => {
    const one = statusOf(facts({ owner: { project: "blue-green", stack: "dev", service: "shop" } }));
    const overview: Overview = {
      ...{ exit: 0, level: "well", project: "blue-green", stack: "dev", time: "2026-11-23T17:50:00.000Z" },
      ...{ gateway: null, services: { shop: one }, next: [] },
    };
    const status = merged({ name: "a", status: overview }, { name: "b", status: overview });
    assert.ok("reason" in status && status.exit === 3);
    assert.deepEqual(typed(status), ["npm run status -- --service shop"]);
  });

  test("on 60 columns, and with names as long as they may be, no line is longer than the screen", () => {
    const long = (name: string) => ({ ...seenHost("b"), name: name.repeat(20) });
    const status = mergedReport(seenHost("a"), long("m"), long("z"));
    for (const columns of [60, 80, 120]) {
      for (const line of linesOf(pageOf(status), { columns })) assert.ok(line.length <= columns, line);
    }
    assert.match(screenOf(status, { columns: 60 }), /^z{20} {2}blue 1\.0\.0 {2}23 Nov 18:00 {2}well, agrees$/m);
  });
});
