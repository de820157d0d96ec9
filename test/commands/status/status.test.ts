import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Answers, Traffic } from "../../../commands/status/answers";
import type { Past } from "../../../commands/status/past";
import type { Report } from "../../../commands/status/report";
import { type Facts, statusOf } from "../../../commands/status/status";
import type { World } from "../../../stacks/service/world";
import {
  answered,
  cutover,
  ended,
  facts,
  made,
  noServing,
  serving,
  slot,
  stableOnly,
  state,
  unhealthy,
  world,
} from "./facts.sample";

/** The report of a stack of which something can be told. */
function report(more: Partial<Facts> = {}): Report {
  const status = statusOf(facts(more));
  assert.ok(status.exit !== 3, JSON.stringify(status));
  return status;
}

/** Answers of one color; the rest is of a good minute. */
const answers = (more: Partial<Answers> = {}): Answers => ({
  ...{ count: 600, perSecond: 10, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: 0.012 },
  ...more,
});

const traffic = (blue: Partial<Answers>, green: Partial<Answers> = { count: 0 }, more: Partial<Traffic> = {}) => ({
  traffic: { seconds: 60, sample: false, nginx: 0, colors: { blue: answers(blue), green: answers(green) }, ...more },
  limits: { maxErrorPercent: 1 },
});

/** What is concluded: exit code, findings, and the commands without what they are for. */
function concluded(more: Partial<Facts> = {}) {
  const { exit, findings, next } = report(more);
  return { exit, findings: findings.map(({ text }) => text), next: next.map(({ command }) => command) };
}

const serves = (more: Parameters<typeof serving>[0]): { world: World } => ({
  world: world({ serving: serving(more) }),
});

const GREEN = "pulumi config set activeColor green && pulumi up";

const RELEASE = "pulumi config set greenVersion <version> && pulumi up";

/** A switch from green to blue that was not watched to its end. */
const moving = { from: "green", generation: "0123456789abcdef", to: "blue" } as const;

describe("a way back by hand", () => {
  const putBack = {
    from: "green",
    version: "1.1.0",
    image: "",
    time: "2026-11-23T17:40:00.000Z",
    by: "ann@web",
  } as const;
  const put = { record: { ...serving().record, putBack }, declared: "f".repeat(16) };
  const seen = "the public was put back from green to blue by hand, by ann@web at 2026-11-23 17:40 UTC";

  test("is a finding until Pulumi agrees, with the command that has it agree", () => {
    const file = concluded(serves(put));
    assert.deepEqual(file.findings, [`${seen}, and Pulumi has not agreed yet`]);
    assert.deepEqual([file.exit, file.next[0]], [1, "pulumi up"]);
    const asked = concluded({ ...serves(put), active: { color: "green" } });
    assert.deepEqual(asked.findings, [`${seen}, and activeColor is still green`]);
    assert.deepEqual([asked.exit, asked.next[0]], [1, "pulumi config set activeColor blue && pulumi up"]);
    assert.ok(!asked.next.includes("pulumi up"), "nothing that would be refused");
  });

  test("whose color is bad too names the way that no run refuses, and of a service the program that has to agree", () => {
    const bad = { world: world({ serving: serving({ ...put, health: { blue: answered("503") } }) }) };
    assert.equal(concluded(bad).next[0], "npm run rollback -- --to green");
    const shop = concluded({ ...serves(put), owner: { project: "blue-green", stack: "dev", service: "shop" } });
    assert.equal(shop.next[0], "pulumi up # once the program gives shop activeColor blue");
  });

  test("of a canary is said as one", () => {
    const record = { ...put.record, putBack: { ...putBack, canaryPercent: 10 } };
    const { findings, next } = concluded(serves({ ...put, record }));
    assert.match(
      findings.join(),
      /^the canary of green was ended by hand, by ann@web .*, and Pulumi has not agreed yet$/,
    );
    assert.deepEqual(next, ["pulumi up"]);
  });
});

describe("the report", () => {
  test("a canary that was put back is a finding until another cutover follows it", () => {
    const share = { from: "blue", to: "blue", canaryPercent: 20 } as const;
    const put = cutover({ ...share, result: "reverted", reason: "100 answers, 7 of them 5xx" });
    const found = concluded(serves({ history: [cutover({ ...share, result: "canary" }), put] }));
    assert.deepEqual(found.findings, [
      "green should get 20 % of the new visitors, and that was reverted: 100 answers, 7 of them 5xx",
    ]);
    assert.equal(found.exit, 1);
    assert.deepEqual(concluded(serves({ history: [put, cutover({ ...share, result: "canary" })] })).findings, []);
  });

  test("the report has every key that is documented, and no other", () => {
    const { time, ...rest } = report();
    assert.equal(time, "2026-11-23T17:50:00.000Z");
    const container = (color: string, id: string) => ({
      id,
      name: `blue-green-dev-${color}`,
      ...{ state: "running", health: "healthy", problem: null },
      since: "2026-11-23T16:44:22.537Z",
      ...{ restarts: 0, kills: 0 },
    });
    assert.deepEqual(rest, {
      ...{ exit: 0, level: "well", project: "blue-green", stack: "dev" },
      ...{ active: "blue", live: "blue", stable: ["blue", "green"], agree: true },
      beside: [],
      colors: {
        blue: {
          ...{ role: "live", version: "1.0.0", well: true, stable: true, instant: false },
          ...{ retired: null, missing: [], wasLive: "yes", answers: null },
          image: { id: "1".repeat(64), reference: null, source: "5812c2d78a03" },
          containers: [container("blue", "b".repeat(64))],
        },
        green: {
          ...{ role: "idle", version: "1.1.0", well: true, stable: true, instant: true },
          ...{ retired: null, missing: [], wasLive: "never", answers: null },
          image: { id: "2".repeat(64), reference: null, source: "99f31c02e4a1" },
          containers: [container("green", "a".repeat(64))],
        },
      },
      proxy: {
        name: "blue-green-dev-proxy",
        ...{
          exists: true,
          running: true,
          answers: true,
          generation: "37a29a8e711eceac",
          edited: false,
          canaryPercent: 0,
        },
        health: { well: true, seen: "200" },
        ...{ idleHealth: { well: true, seen: "200" }, maintenance: false, busy: null },
      },
      traffic: null,
      pending: null,
      findings: [],
      history: [
        {
          ...{ time: "2026-11-23T17:00:00.000Z", result: "switched", from: "green", to: "blue" },
          versions: { blue: "1.0.0", green: "1.1.0" },
          images: { blue: `sha256:${"1".repeat(64)}`, green: `sha256:${"2".repeat(64)}` },
          seconds: 11.41,
          steps: { gate: 0.4, switch: 0.31, watch: 10.7 },
          ...{ requests: 312, canaryPercent: null, reason: null, who: {} },
        },
      ],
      next: [
        { purpose: "release on green", command: RELEASE },
        { purpose: "go back to green, at once", command: GREEN },
      ],
    });
  });

  test("where nothing can be told, the reason and what to type are all there is", () => {
    assert.deepEqual(statusOf(facts({ world: { slots: { blue: [], green: [] }, built: { blue: [], green: [] } } })), {
      ...{ exit: 3, level: "unknown", reason: "Nothing of the stack dev runs on this engine" },
      next: [{ purpose: "bring it up", command: "pulumi up" }],
    });
    const removed = { proxyGone: true, slots: { blue: [], green: [] }, built: { blue: [], green: [] } };
    assert.deepEqual(statusOf(facts({ world: removed })), {
      ...{ exit: 3, level: "unknown", reason: "The containers of the stack dev are gone, and its volume is there" },
      next: [{ purpose: "make them again", command: "pulumi up --refresh" }],
    });
    const problem = "activeColor is not set in Pulumi.dev.yaml";
    assert.deepEqual(
      statusOf(
        facts({ active: { problem }, world: { slots: { blue: [], green: [] }, built: { blue: [], green: [] } } }),
      ),
      {
        ...{ exit: 3, level: "unknown", reason: `Nothing of the stack dev runs on this engine, and ${problem}` },
        next: [{ purpose: "bring it up", command: "pulumi config set activeColor blue && pulumi up" }],
      },
    );
  });
});

describe("the public gets errors", () => {
  test("down is whatever the public meets: proxy gone, ended, without configuration, without answer, live without answer", () => {
    const { proxy: _, ...gone } = noServing();
    assert.deepEqual(concluded({ world: gone }), {
      exit: 2,
      findings: ["blue-green-dev-proxy is gone: the public gets no answer"],
      next: ["pulumi up --refresh"],
    });
    assert.deepEqual(concluded({ world: noServing({ proxy: { id: "c", running: false, made: {} } }) }).exit, 2);
    assert.deepEqual(concluded({ world: noServing() }), {
      exit: 2,
      findings: ["blue-green-dev-proxy serves nothing: it has no configuration yet"],
      next: ["pulumi up", "docker logs --tail 30 blue-green-dev-proxy"],
    });
    const { health: __, ...unasked } = serving({ answers: false });
    assert.deepEqual(concluded({ world: world({ serving: unasked }) }), {
      exit: 2,
      findings: ["nginx in blue-green-dev-proxy does not answer"],
      next: ["docker logs --tail 30 blue-green-dev-proxy", "docker restart blue-green-dev-proxy"],
    });
    assert.deepEqual(concluded(serves({ health: { blue: answered("503") } })), {
      exit: 2,
      findings: ["blue is live and does not answer its health path through nginx: 503"],
      next: [GREEN, "docker logs --tail 30 blue-green-dev-blue"],
    });
  });

  test("live is down while the switch away from it is pending: the run that is asked for already is the way out", () => {
    const health = { blue: answered("no answer") };
    assert.deepEqual(concluded({ active: { color: "green" }, ...serves({ health }) }), {
      exit: 2,
      findings: [
        "blue is live and does not answer its health path through nginx: no answer",
        "a switch is pending: activeColor is green, and blue is live",
      ],
      next: ["pulumi up", "docker logs --tail 30 blue-green-dev-blue"],
    });
  });

  test("both colors are down: each with the command that brings it back", () => {
    const health = { blue: answered("502") };
    const paused = state({ Status: "paused" });
    const slots = { green: slot("green", { state: paused }) };
    assert.deepEqual(concluded({ world: world({ slots, serving: serving({ health }) }) }), {
      exit: 2,
      findings: [
        "blue is live and does not answer its health path through nginx: 502; its container is gone",
        "green is idle, and its container is paused",
      ],
      next: ["pulumi up", "docker unpause blue-green-dev-green"],
    });
  });

  test("a switch is pending to a color that is not well: that is mended first", () => {
    const slots = { blue: slot("blue"), green: slot("green", { state: ended }) };
    const active = { color: "green" } as const;
    assert.deepEqual(concluded({ active, world: world({ slots }) }), {
      exit: 1,
      findings: [
        "a switch is pending: activeColor is green, and blue is live",
        "green is idle, and its container ended with exit code 137",
      ],
      next: ["docker start blue-green-dev-green", "pulumi up", "pulumi config set activeColor blue && pulumi up"],
    });
  });
});

describe("a run is pending, was cut off or goes on", () => {
  test("the file names no color: the public is served all the same", () => {
    const problem = "activeColor is not set in Pulumi.dev.yaml";
    const { exit, findings, next } = concluded({ active: { problem } });
    assert.deepEqual({ exit, findings }, { exit: 1, findings: [problem] });
    assert.equal(next[0], "pulumi config set activeColor blue && pulumi up");
    assert.equal(report({ active: { problem } }).agree, false);
  });

  test("edited by hand, also where a switch is pending", () => {
    assert.deepEqual(concluded(serves({ edited: true })), {
      exit: 1,
      findings: ["the proxy's configuration was changed by hand"],
      next: ["pulumi up", RELEASE, GREEN],
    });
    const both = report({ active: { color: "green" }, ...serves({ edited: true }) });
    assert.equal(both.exit, 1);
    assert.deepEqual(both.next[0], {
      purpose: "put the configuration right, and switch to green",
      command: "pulumi up",
    });
  });

  test("live that is not stable: the run was cut off, or it was made anew since; the next run sees to it", () => {
    const record = stableOnly("green");
    assert.deepEqual(concluded(serves({ record, declared: "of the run before" })), {
      exit: 1,
      findings: ["blue is live and not stable: the run was cut off"],
      next: ["pulumi up", RELEASE, GREEN],
    });
    assert.deepEqual(concluded(serves({ record })), {
      exit: 1,
      findings: ["blue is live and not stable: its container was made anew since its bake time"],
      next: ["pulumi up", RELEASE, GREEN],
    });
    assert.equal(report(serves({ record })).next[0]?.purpose, "ask blue the smoke tests");
    assert.deepEqual(report(serves({ record })).stable, ["green"]);
  });

  test("a run that was cut off after it had changed the proxy", () => {
    assert.deepEqual(concluded(serves({ declared: "of the run before" })), {
      exit: 1,
      findings: ["a `pulumi up` changed the proxy and still runs, or was cut off"],
      next: ["pulumi up", RELEASE, GREEN],
    });
  });

  test("a switch that was cut off in its watch is degraded, and the next run watches it to the end", () => {
    // Also where blue is stable from an earlier time, and whatever the latest run declared.
    for (const record of [stableOnly("green"), stableOnly("blue", "green")]) {
      for (const declared of ["of the run before", serving().generation]) {
        assert.deepEqual(concluded(serves({ record: { ...record, moving }, declared })), {
          exit: 1,
          findings: ["the switch to blue was not watched to its end: the run was cut off"],
          next: ["pulumi up", RELEASE, GREEN],
        });
      }
    }
    // One that never got so far has moved nothing.
    const before = { ...moving, from: "blue", to: "green" } as const;
    assert.equal(report(serves({ record: { ...stableOnly("blue"), moving: before } })).exit, 0);
  });

  test("while a cutover runs it is a note that does so: what it has not done yet is not degraded", () => {
    const busy = "host, process 7, since 2026-11-23T17:49:00.000Z";
    const note = `a cutover runs at this moment (${busy})`;
    const next = ["npm run status"];
    const record = { ...stableOnly("green"), moving };
    for (const change of [{}, { record }, { declared: "of the run before", record }, { edited: true }]) {
      assert.deepEqual(concluded(serves({ busy, ...change })), { exit: 0, findings: [note], next });
    }
    const switching = report({ active: { color: "green" }, flag: "prod", ...serves({ busy }) });
    assert.deepEqual([switching.level, switching.proxy.busy], ["well", busy]);
    assert.deepEqual(switching.findings, [{ level: "note", text: note }]);
    assert.deepEqual(switching.next, [{ purpose: "see how the cutover ends", command: "npm run status -- prod" }]);
    // What is wrong besides stays so.
    const slots = { blue: slot("blue"), green: slot("green", { state: ended }) };
    assert.deepEqual(concluded({ world: world({ slots, serving: serving({ busy }) }) }), {
      exit: 1,
      findings: ["green is idle, and its container ended with exit code 137", note],
      next,
    });
    assert.equal(report(serves({ busy, health: { blue: answered("502") } })).exit, 2);
  });
});

describe("what the engine says", () => {
  test("a proxy that runs and can't be asked leaves nothing to tell, and not that the public gets errors", () => {
    const name = "blue-green-dev-proxy";
    assert.deepEqual(statusOf(facts({ world: noServing({ silent: "no answer within 20 s" }) })), {
      ...{ exit: 3, level: "unknown" },
      reason: `${name} runs, but can't be asked which color is live: no answer within 20 s`,
      next: [
        { purpose: "see what it says", command: `docker logs --tail 30 ${name}` },
        { purpose: "start it anew", command: `docker restart ${name}` },
      ],
    });
  });

  test("live answers, though its image's own health check calls its container unhealthy", () => {
    const slots = { blue: slot("blue", { state: unhealthy }), green: slot("green") };
    assert.deepEqual(concluded({ world: world({ slots }) }), {
      exit: 1,
      findings: [
        "blue is live and answers, but its container is unhealthy; its image's health check says: curl: (22) The server said: 500",
      ],
      next: ["docker logs --tail 30 blue-green-dev-blue", RELEASE, GREEN],
    });
  });

  test("what a container is, in words", () => {
    const inWords = (more: Parameters<typeof state>[0]) =>
      report({ world: world({ slots: { blue: slot("blue"), green: slot("green", { state: state(more) }) } }) }).colors
        .green.containers[0]?.problem;
    assert.equal(inWords({}), null);
    assert.equal(inWords({ Health: { Status: "healthy" } }), null);
    assert.equal(inWords({ Health: { Status: "starting" } }), "is starting");
    assert.equal(inWords({ Health: { Status: "unhealthy" } }), "is unhealthy");
    assert.equal(inWords({ Status: "restarting", ExitCode: 3 }), "was started once, last exit 3");
    assert.equal(inWords({ Status: "created", Running: false }), "was never started");
    assert.equal(inWords({ OOMKilled: true, Running: false }), "was killed for want of memory (setting memoryMb)");
    assert.equal(inWords({ OOMKilled: true }), null, "killed once, and healthy since");
  });

  test("a container that answers its health path with 503 is unhealthy, and says so", () => {
    const change = serves({ health: { blue: answered("200"), green: answered("503") } });
    const { colors, proxy } = report(change);
    const [container] = colors.green.containers;
    assert.deepEqual(
      [container?.state, container?.health, container?.problem],
      ["running", "unhealthy", "does not answer its health path: 503"],
    );
    assert.deepEqual([colors.green.well, colors.green.instant], [false, false]);
    assert.deepEqual(
      [proxy.health, proxy.idleHealth],
      [
        { well: true, seen: "200" },
        { well: false, seen: "503" },
      ],
    );
    assert.deepEqual(concluded(change), {
      exit: 1,
      findings: ["green is idle, and its container does not answer its health path: 503"],
      next: ["docker logs --tail 30 blue-green-dev-green", RELEASE],
    });
    const elsewhere = { ...answered("302, to https://login.example/"), well: false };
    assert.equal(
      report(serves({ health: { blue: answered("200"), green: elsewhere } })).colors.green.containers[0]?.problem,
      "does not answer its health path: 302, to https://login.example/",
    );
  });

  test("of several containers the one that does not answer its health path is the one that is named", () => {
    const green = [1, 2, 3].map((replica) =>
      slot("green", {
        ...{ id: `green${replica}`.padEnd(64, "0"), replica },
        name: `blue-green-dev-green${replica === 1 ? "" : `-${replica}`}`,
      }),
    );
    const record = { stable: { blue: [slot("blue").id], green: green.map(({ id }) => id) } };
    const seen = (health: Record<string, string>) =>
      report({
        world: world({
          slots: { blue: slot("blue"), green },
          serving: serving({
            ...{ record, replicas: { blue: 1, green: 3 } },
            health: Object.fromEntries(Object.entries(health).map(([name, text]) => [name, answered(text)])),
          }),
        }),
      });
    const one = seen({ blue: "200", green: "200", "green-2": "no answer", "green-3": "200" });
    assert.deepEqual(
      one.colors.green.containers.map(({ health }) => health),
      ["healthy", "unhealthy", "healthy"],
    );
    assert.deepEqual(one.findings, [
      {
        level: "degraded",
        text: "green is idle, and blue-green-dev-green-2 does not answer its health path: no answer",
      },
    ]);
    assert.deepEqual(one.next[0], {
      purpose: "see what green says",
      command: "docker logs --tail 30 blue-green-dev-green-2",
    });
    // A color answers as long as one of its containers does.
    assert.deepEqual([one.proxy.idleHealth, one.colors.green.well], [{ well: true, seen: "200" }, false]);
    const all = seen({ blue: "200", green: "503", "green-2": "500", "green-3": "503" });
    assert.deepEqual(all.proxy.idleHealth, { well: false, seen: "503" });
    assert.match(all.findings[0]?.text ?? "", /: 503, and 2 more of its 3 containers are not well$/);
    // Live with none that answers: the first of them, and how many more.
    const live = report({
      active: { color: "green" },
      world: world({
        slots: { blue: slot("blue"), green },
        serving: serving({
          ...{ color: "green", record, replicas: { blue: 1, green: 3 } },
          health: { blue: answered("200"), green: answered("503"), "green-2": answered("503") },
        }),
      }),
    });
    assert.equal(
      live.findings[0]?.text,
      "green is live and does not answer its health path through nginx: 503; blue-green-dev-green does not answer its " +
        "health path: 503, and 1 more of its 3 containers are not well",
    );
  });

  test("a container is starting only by its image's own health check, whatever it answers", () => {
    const health = (more: Parameters<typeof state>[0], seen?: string) => {
      const [container] = report({
        world: world({
          slots: { blue: slot("blue"), green: slot("green", { state: state(more) }) },
          serving: serving({ health: { blue: answered("200"), ...(seen && { green: answered(seen) }) } }),
        }),
      }).colors.green.containers;
      return [container?.health, container?.problem];
    };
    const starting = { Health: { Status: "starting" } };
    assert.deepEqual(health(starting, "200"), ["starting", "is starting"]);
    assert.deepEqual(health(starting, "502"), ["starting", "is starting"]);
    const unanswered = ["unhealthy", "does not answer its health path: no answer"];
    assert.deepEqual(health({}, "no answer"), unanswered, "an image without one");
    assert.deepEqual(health({ Health: { Status: "healthy" } }, "no answer"), unanswered);
    assert.deepEqual(health({ Health: { Status: "unhealthy" } }, "200"), ["unhealthy", "is unhealthy"]);
    assert.deepEqual(health({}, "200"), ["healthy", null]);
    // Nobody says of one that could not be asked that it is well.
    assert.deepEqual(health({}), [null, null]);
    assert.deepEqual(health({ Health: { Status: "healthy" } }), [null, null]);
    assert.deepEqual(health({ Running: false, Status: "exited", ExitCode: 1 }), [null, "ended with exit code 1"]);
  });

  test("since when: of one that ended its end, of one that never ran nothing", () => {
    const since = (more: Parameters<typeof state>[0]) =>
      report({ world: world({ slots: { blue: slot("blue"), green: slot("green", { state: state(more) }) } }) }).colors
        .green.containers[0]?.since;
    assert.equal(
      since({ Running: false, Status: "exited", FinishedAt: "2026-11-23T17:49:00Z" }),
      "2026-11-23T17:49:00.000Z",
    );
    const never = "0001-01-01T00:00:00Z";
    assert.equal(since({ Running: false, Status: "created", StartedAt: never, FinishedAt: never }), null);
  });

  test("the color whose container was made first is the one that has not taken a change yet", () => {
    const between = (blue: Parameters<typeof slot>[1], green: Parameters<typeof slot>[1]) =>
      report({ world: world({ slots: { blue: slot("blue", blue), green: slot("green", green) } }) });
    const more = { made: made("green", { memoryMb: 512 }) };

    const behind = between({}, more);
    assert.deepEqual(behind.pending, { color: "blue", settings: ["memoryMb 256 -> 512"] });
    assert.equal(behind.exit, 0, "a difference alone is nothing wrong");
    assert.equal(behind.colors.green.instant, true);

    const idle = between({}, { ...more, created: "2026-11-23T16:00:00Z" });
    assert.deepEqual(idle.pending, { color: "green", settings: ["memoryMb 512 -> 256"] });
    assert.equal(idle.colors.green.instant, false, "the run that goes back makes it anew");

    assert.deepEqual(between({ made: {} }, more).pending, {
      color: "blue",
      settings: ["all settings (its container does not say what it was made from)"],
    });
    assert.equal(between({}, { made: {} }).pending?.color, "green");
    assert.equal(between({}, {}).pending, null, "version and port are each color's own");
  });

  test("no value of an environment is in the report, whether secret or not", () => {
    const password = "correct horse battery staple";
    const environment = (value: string) => ({ SHOP_URL: `https://${value}.example`, DATABASE_PASSWORD: value });
    const names = { environment: ["SHOP_URL"], secretEnvironment: ["DATABASE_PASSWORD"] };
    const says = `curl: (22) refused ${password}`;
    const slots = {
      blue: slot("blue", { made: made("blue", names), environment: environment("old-value") }),
      green: slot("green", {
        ...{ made: made("green", names), environment: environment(password) },
        state: state({ Health: { Status: "unhealthy", Log: [{ Output: says }] } }),
      }),
    };
    const told = report({ world: world({ slots }) });
    assert.deepEqual(told.pending, {
      color: "blue",
      settings: ["environment.SHOP_URL", "secretEnvironment.DATABASE_PASSWORD"],
    });
    assert.match(told.findings[0]?.text ?? "", /refused \[secret\]$/);
    assert.doesNotMatch(JSON.stringify(told), /correct horse|old-value/);
  });

  test("labels that are not what the program writes make nothing fail", () => {
    for (const label of [
      { environment: 7, secretEnvironment: "x", definition: "d" },
      { image: {}, definition: [] },
      [],
    ]) {
      const mangled = { made: label as never };
      const slots = { blue: slot("blue", mangled), green: slot("green", mangled) };
      assert.equal(report({ world: world({ slots }) }).exit, 0);
    }
  });
});

describe("the last cutovers and answers", () => {
  test("the latest cutovers come newest first", () => {
    const history = ["2026-11-23T16:00:00Z", "2026-11-23T16:01:00Z"].map((time) => cutover({ time }));
    assert.deepEqual(
      report(serves({ history })).history.map(({ time }) => time),
      ["2026-11-23T16:01:00.000Z", "2026-11-23T16:00:00.000Z"],
    );
  });

  test("half of the answers are 5xx: down, and the way to the other color comes first, whose answers are not the public's", () => {
    const half = { errors: 300, errorPercent: 50 };
    assert.deepEqual(concluded(traffic(half)), {
      exit: 2,
      findings: ["blue answered 300 of 600 requests with 5xx in the last 60 s (50 %; maxErrorPercent 1)"],
      next: [GREEN, "docker logs --tail 30 blue-green-dev-blue"],
    });
    const idle = concluded(traffic({}, half));
    assert.deepEqual([idle.exit, idle.next[0]], [1, RELEASE]);
    assert.match(idle.findings[0] ?? "", /^green answered 300 of 600 requests with 5xx /);
  });

  test("errors within the stack's own limit, and a lone one or two, are not too many", () => {
    for (const [seen, exit] of [
      [{ errors: 6, errorPercent: 1 }, 0],
      [{ errors: 7, errorPercent: 1.17 }, 2],
      [{ count: 2, errors: 2, errorPercent: 100 }, 0],
      [{ count: 3, errors: 3, errorPercent: 100 }, 2],
    ] as const)
      assert.equal(report(traffic(seen)).exit, exit, JSON.stringify(seen));
    assert.equal(report({ ...traffic({ errors: 600, errorPercent: 100 }), limits: { maxErrorPercent: 100 } }).exit, 0);
    assert.equal(report({ ...traffic({ errors: 7, errorPercent: 1.17 }), limits: {} }).exit, 0, "no file says a limit");
  });

  test("pages that hang: clients that gave up, and answers slower than maxP95Seconds", () => {
    const some = concluded(traffic({ unanswered: 70 }));
    assert.deepEqual(some.findings, [
      "blue left 70 of 600 requests without an answer in the last 60 s: their clients gave up after 1 s or more",
    ]);
    assert.equal(some.exit, 1);
    assert.equal(some.next[0], GREEN);
    assert.equal(concluded(traffic({ unanswered: 300 })).exit, 2, "half of them");
    assert.equal(concluded(traffic({ unanswered: 60 })).exit, 0, "some leave while they wait on purpose");

    const slow = { ...traffic({ p95Seconds: 2.5 }), limits: { maxP95Seconds: 2 } };
    assert.deepEqual(concluded(slow).findings, [
      "blue took 2.500 s for 95 % of its answers in the last 60 s (maxP95Seconds 2)",
    ]);
    assert.equal(concluded(slow).exit, 1);
    assert.equal(concluded(traffic({ p95Seconds: 25 })).exit, 0, "no limit is set, and some pages are long on purpose");
  });

  test("of more traffic than is read it is said that it is a part", () => {
    const half = { errors: 5000, count: 10_000, errorPercent: 50 };
    const { findings } = concluded(traffic(half, {}, { sample: true, seconds: 0.6 }));
    assert.match(findings[0] ?? "", / in the last 0\.6 s, the latest that were read \(50 %/);
  });

  test("maintenance: everybody gets 503, so the stack is down, and its end is the first next command", () => {
    const closed = concluded({ ...serves({ maintenance: true }), ...traffic({ count: 0 }, {}, { nginx: 31 }) });
    assert.equal(closed.exit, 2);
    assert.deepEqual(closed.findings, [
      "maintenance is on: everybody but testers gets 503 and the page (31 answers by nginx in 60 s)",
    ]);
    assert.equal(closed.next[0], "pulumi config set maintenance false && pulumi up");
  });
});

describe("trouble that comes again", () => {
  test("a worker that is killed for memory again and again, while its container stays up", () => {
    const blue = slot("blue");
    const lastKill = Date.parse("2026-11-23T17:49:40Z");
    const past = new Map<string, Past>([[blue.id, { kills: 4, lastKill }]]);
    const killed = concluded({ past });
    assert.deepEqual(killed, {
      exit: 1,
      findings: [
        "blue is live and answers, but its container ran out of memory and had a process killed 4 times in 10 min, last 20 s ago (raise memoryMb)",
      ],
      next: ["docker logs --tail 30 blue-green-dev-blue", RELEASE, GREEN],
    });
    assert.equal(report({ past }).colors.blue.containers[0]?.kills, 4);
  });

  test("a container that crashes again and again: how often it was started, its last exit and what it said, without secrets", () => {
    const green = (more: Parameters<typeof state>[0], restarts = 2) =>
      slot("green", {
        restarts,
        state: state(more),
        environment: { TOKEN: "hunter2hunter2" },
        made: made("green", { secretEnvironment: ["TOKEN"] }),
      });
    const seen = (container: ReturnType<typeof green>, of?: Past) =>
      report({
        world: world({ slots: { blue: slot("blue"), green: container } }),
        ...(of && { past: new Map([[container.id, of]]) }),
      });
    const again = { StartedAt: "2026-11-23T17:49:00Z" };
    const problem = (...args: Parameters<typeof seen>) => seen(...args).colors.green.containers[0]?.problem;
    const lastWords = "Error: bad token hunter2hunter2";
    assert.equal(
      problem(green(again), { kills: 0, exitCode: 1, lastWords }),
      "was started 3 times, last exit 1: Error: bad token [secret]",
    );
    assert.equal(
      problem(green({ ...again, Status: "restarting", ExitCode: 1 }, 3), { kills: 0, lastWords: "x".repeat(9000) }),
      `was started 3 times, last exit 1: ${"x".repeat(200)}`,
    );
    const far = `${"x".repeat(195)}hunter2hunter2`;
    assert.doesNotMatch(problem(green(again), { kills: 0, exitCode: 1, lastWords: far }) ?? "", /hunt/);
    assert.equal(problem(green(again)), "was started 3 times, and ends again and again");
    assert.equal(seen(green(again)).exit, 1);
    // A mishap of before, and one that is over.
    assert.equal(problem(green({ StartedAt: "2026-11-23T17:00:00Z" }, 9)), null);
    assert.equal(problem(green(again, 1)), null);
  });

  test("live is down and the other color's check fails: the way to it comes first where it answers through nginx", () => {
    const health = { blue: answered("502") };
    const slots = { blue: slot("blue", { state: ended }), green: slot("green", { state: unhealthy }) };
    const next = (well: boolean) =>
      report({
        world: world({ slots, serving: serving({ health: { ...health, green: answered(well ? "200" : "502") } }) }),
      }).next;
    assert.deepEqual(next(true)[0], { purpose: "move the public to green, which answers", command: GREEN });
    assert.deepEqual(
      next(false).map(({ command }) => command),
      ["docker start blue-green-dev-blue", "docker logs --tail 30 blue-green-dev-green"],
    );
    // Docker's word counts for nothing where nginx does not reach it.
    const well = { ...slots, green: slot("green") };
    const { next: other } = concluded({
      world: world({ slots: well, serving: serving({ health: { ...health, green: answered("504") } }) }),
    });
    assert.equal(other[0], "docker start blue-green-dev-blue");
  });

  test("a switch that no visitor has met yet is told as such until one has", () => {
    const history = [cutover({ requests: 0 })];
    assert.deepEqual(report({ ...serves({ history }), ...traffic({ count: 0 }) }).findings, [
      { level: "note", text: "no visitor has tried blue yet" },
    ]);
    assert.equal(report({ ...serves({ history }), ...traffic({ count: 0 }) }).exit, 0);
    assert.deepEqual(report({ ...serves({ history }), ...traffic({ count: 1 }) }).findings, []);
    assert.deepEqual(report(serves({ history })).findings, [], "where the log can't be read nobody knows");
  });
});
