import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cantTellScreen } from "../../../commands/outcome";
import { screenOf } from "../../../commands/status/screen";
import { type Facts, statusOf } from "../../../commands/status/status";
import type { SlotContainer } from "../../../stacks/service/world";
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
  unhealthy,
  world,
} from "./facts.sample";

process.env.TZ = "Europe/Berlin";

/** The exit code, and the screen as it is shown where nothing is colored. */
function shown(more: Partial<Facts> = {}, columns = 110): { exit: number; screen: string } {
  const status = statusOf(facts(more));
  return {
    exit: status.exit,
    screen: `\n${status.exit === 3 ? cantTellScreen(status) : screenOf(status, { columns })}\n`,
  };
}

/** Three containers of a color, by the state of each. */
const three = (color: "blue" | "green", ...states: (Partial<SlotContainer> | undefined)[]): SlotContainer[] =>
  states.flatMap((more, at) =>
    more === undefined
      ? []
      : [
          slot(color, {
            id: `${color}${at}`.padEnd(64, "0"),
            name: `blue-green-dev-${color}${at === 0 ? "" : `-${at + 1}`}`,
            replica: at + 1,
            ...more,
          }),
        ],
  );

describe("the status screen", () => {
  test("all well: both colors, who serves, the latest cutovers, how to release and how to go back", () => {
    const history = [
      cutover({
        time: "2025-11-23T17:00:00.000Z",
        result: "first",
        from: undefined,
        seconds: { switch: 1.2 },
        requests: undefined,
      }),
      cutover({
        result: "reloaded",
        from: "blue",
        seconds: { switch: 0.2 },
        requests: undefined,
        reason: "it was live already",
      }),
      cutover({ time: "2026-11-23T17:48:29.701Z", result: "switched" }),
    ];
    assert.deepEqual(shown({ world: world({ serving: serving({ history }) }) }), {
      exit: 0,
      screen: `
blue-green, stack dev: well                                                                    23 Nov 18:50:00

             blue                                            green
version      1.0.0                                           1.1.0
image        111111111111, app/ at 5812c2d78a03              222222222222, app/ at 99f31c02e4a1
container    blue-green-dev-blue                             blue-green-dev-green
health       healthy                                         healthy
since        23 Nov 17:44, 65 min                            23 Nov 17:44, 65 min
restarts     0                                               0
role         live, stable                                    idle, stable: the way to it is instant

  active blue, live blue, stable blue and green: they agree
  nginx answers, configuration 37a29a8e711eceac; blue's health path through it: 200
  both colors run the same settings

Last cutovers
  when          result    from -> to                    took  watched  reason
  23 Nov 18:48  switched  green 1.1.0 -> blue 1.0.0  11.41 s      312
  23 Nov 18:00  reloaded  blue 1.0.0                   0.2 s        -  it was live already
  23 Nov  2025  first     blue 1.0.0                   1.2 s        -

Next
  release on green           pulumi config set greenVersion <version> && pulumi up
  go back to green, at once  pulumi config set activeColor green && pulumi up
`,
    });
  });

  test("a switch that is pending after it was taken back: why, and both ways on", () => {
    const reason = "1412 answers, 71 of them 5xx (5.03 %), 95 % within 0.012 s (maxErrorPercent 1)";
    const seconds = { gate: 1, switch: 0.3, watch: 3, back: 0.2 };
    const latest = cutover({ result: "reverted", from: "blue", to: "green", seconds, requests: 1412, reason });
    const record = stableOnly("blue");
    const active = { color: "green" } as const;
    assert.deepEqual(shown({ active, world: world({ serving: serving({ record, history: [latest] }) }) }), {
      exit: 1,
      screen: `
blue-green, stack dev: degraded                                                                23 Nov 18:50:00
! a switch is pending: activeColor is green, and blue is live
! the latest cutover to green was reverted: 1412 answers, 71 of them 5xx (5.03 %), 95 % within 0.012 s
  (maxErrorPercent 1)

             blue                                            green
version      1.0.0                                           1.1.0
image        111111111111, app/ at 5812c2d78a03              222222222222, app/ at 99f31c02e4a1
container    blue-green-dev-blue                             blue-green-dev-green
health       healthy                                         healthy
since        23 Nov 17:44, 65 min                            23 Nov 17:44, 65 min
restarts     0                                               0
role         live, stable                                    idle, taken back: a switch will be checked and
                                                             watched

  active green, live blue, stable blue: they do not agree
  nginx answers, configuration 37a29a8e711eceac; blue's health path through it: 200
  both colors run the same settings

Last cutovers
  when          result    from -> to                  took  watched  reason
  23 Nov 18:00  reverted  blue 1.0.0 -> green 1.1.0  4.5 s     1412
      1412 answers, 71 of them 5xx (5.03 %), 95 % within 0.012 s (maxErrorPercent 1)

Next
  switch to green  pulumi up
  stay on blue     pulumi config set activeColor blue && pulumi up
`,
    });
  });

  test("live is down: the way to the other color comes first, then what brings live back", () => {
    const health = { blue: answered("502"), green: answered("200") };
    const slots = { blue: slot("blue", { state: ended, restarts: 2 }), green: slot("green") };
    assert.deepEqual(shown({ world: world({ slots, serving: serving({ health }) }) }), {
      exit: 2,
      screen: `
blue-green, stack dev: down                                                                    23 Nov 18:50:00
! blue is live and does not answer its health path through nginx: 502; its container ended with exit code 137

             blue                                            green
version      1.0.0                                           1.1.0
image        111111111111, app/ at 5812c2d78a03              222222222222, app/ at 99f31c02e4a1
container    blue-green-dev-blue                             blue-green-dev-green
health       exited: ended with exit code 137                healthy
since        23 Nov 18:49, 60 s                              23 Nov 17:44, 65 min
restarts     2                                               0
role         live, stable                                    idle, stable: the way to it is instant

  active blue, live blue, stable blue and green: they agree
  nginx answers, configuration 37a29a8e711eceac; blue's health path through it: 502
  both colors run the same settings

Last cutovers
  when          result    from -> to                    took  watched  reason
  23 Nov 18:00  switched  green 1.1.0 -> blue 1.0.0  11.41 s      312

Next
  move the public to green, at once  pulumi config set activeColor green && pulumi up
  start blue                         docker start blue-green-dev-blue
`,
    });
  });

  test("the proxy does not run: the public gets no answer, and what it served can't be read", () => {
    assert.deepEqual(shown({ world: noServing({ proxy: { id: "c", running: false, made: {} } }) }), {
      exit: 2,
      screen: `
blue-green, stack dev: down                                                                    23 Nov 18:50:00
! blue-green-dev-proxy does not run: the public gets no answer

             blue                                            green
version      1.0.0                                           1.1.0
image        111111111111, app/ at 5812c2d78a03              222222222222, app/ at 99f31c02e4a1
container    blue-green-dev-blue                             blue-green-dev-green
health       running, not asked                              running, not asked
since        23 Nov 17:44, 65 min                            23 Nov 17:44, 65 min
restarts     0                                               0
role         -                                               -

  active blue, what is live and stable can't be read
  nginx does not run
  both colors run the same settings

Next
  start the proxy      docker start blue-green-dev-proxy
  see what nginx says  docker logs --tail 30 blue-green-dev-proxy
`,
    });
  });

  test("a configuration that was edited by hand, on a stack that is not the selected one", () => {
    const { exit, screen } = shown({ flag: "prod", world: world({ serving: serving({ edited: true }) }) });
    assert.equal(exit, 1);
    assert.match(screen, /^! the proxy's configuration was changed by hand$/m);
    assert.equal(
      screen.slice(screen.indexOf("Next")),
      `Next
  put the configuration right  pulumi up --stack prod
  release on green             pulumi config set greenVersion <version> --stack prod && pulumi up --stack prod
  go back to green, at once    pulumi config set activeColor green --stack prod && pulumi up --stack prod
`,
    );
  });

  test("a cutover that runs is said as a note, and the stack is well", () => {
    const { exit, screen } = shown({ world: world({ serving: serving({ busy: "host, process 7" }) }) });
    assert.equal(exit, 0);
    assert.match(screen, /^blue-green, stack dev: well .*\n- a cutover runs at this moment \(host, process 7\)$/m);
    assert.match(screen, /^Next\n {2}see how the cutover ends {2}npm run status$/m);
  });

  test("the idle color is unhealthy: what its image's health check says, and its log on the stack's own engine", () => {
    const slots = { blue: slot("blue"), green: slot("green", { state: unhealthy, restarts: 4 }) };
    const { exit, screen } = shown({ host: "ssh://deploy@shop.example", world: world({ slots }) });
    assert.equal(exit, 1);
    assert.match(screen, /^health {7}healthy {41}unhealthy; its image's health check says: c\.\.\.$/m);
    assert.match(screen, /^restarts {5}0 {47}4$/m);
    assert.match(
      screen,
      /^! green is idle, and its container is unhealthy; its image's health check says: curl: \(22\) The server said:\n {2}500$/m,
    );
    assert.equal(
      screen.slice(screen.indexOf("Next")),
      `Next
  see what green says  DOCKER_HOST=ssh://deploy@shop.example docker logs --tail 30 blue-green-dev-green
  release on green     pulumi config set greenVersion <version> && pulumi up
`,
    );
  });

  test("the idle color does not answer its health path: what was seen, and its log", () => {
    const health = { blue: answered("200"), green: answered("503") };
    const { exit, screen } = shown({ world: world({ serving: serving({ health }) }) });
    assert.equal(exit, 1);
    assert.match(screen, /^! green is idle, and its container does not answer its health path: 503$/m);
    assert.match(screen, /^health {7}healthy {41}does not answer its health path: 503$/m);
    assert.match(screen, /^role {9}live, stable {36}idle, stable$/m);
    assert.match(screen, /^ {2}see what green says {2}docker logs --tail 30 blue-green-dev-green$/m);
  });

  test("a color whose container is gone", () => {
    const { exit, screen } = shown({ world: world({ slots: { blue: slot("blue") } }) });
    assert.equal(exit, 1);
    assert.match(screen, /^! green is idle, and its container is gone$/m);
    assert.match(screen, /^version {6}1\.0\.0 {43}-$/m);
    assert.match(screen, /^container {4}blue-green-dev-blue {29}none$/m);
    assert.match(screen, /^ {2}make green's container again {2}pulumi up$/m);
    assert.doesNotMatch(screen, /the same settings/);
  });

  test("several containers of a color: how many are well, and what is wrong with one of them", () => {
    const blue = three("blue", {}, {}, {});
    const record = { stable: { blue: blue.map(({ id }) => id), green: [] } };
    const names = ["", "-2", "-3"].flatMap((end) => [`blue${end}`, `green${end}`]);
    const well = Object.fromEntries(names.map((name) => [name, answered("200")]));
    const seen = (green: SlotContainer[], health = well) =>
      shown({
        world: world({ slots: { blue, green }, serving: serving({ replicas: { blue: 3, green: 3 }, record, health }) }),
      });

    const all = seen(three("green", {}, {}, { restarts: 4 }));
    assert.equal(all.exit, 0);
    assert.match(all.screen, /^container {4}blue-green-dev-blue and 2 more +blue-green-dev-green and 2 more$/m);
    assert.match(all.screen, /^health {7}3 healthy {39}3 healthy$/m);
    assert.match(all.screen, /^restarts {5}0 {47}4$/m);

    const ill = seen(three("green", {}, { state: ended }, {}));
    assert.equal(ill.exit, 1);
    assert.match(ill.screen, /^health {7}3 healthy {39}2 of 3 healthy; exited: ended with exit cod\.\.\.$/m);
    assert.match(ill.screen, /^! green is idle, and blue-green-dev-green-2 ended with exit code 137$/m);
    assert.match(ill.screen, /^ {2}start green {7}docker start blue-green-dev-green-2$/m);

    const silent = seen(three("green", {}, {}, {}), { ...well, "green-3": answered("503") });
    assert.equal(silent.exit, 1);
    assert.match(silent.screen, /^health {7}3 healthy {39}2 of 3 healthy; does not answer its health \.\.\.$/m);
    assert.match(silent.screen, /^! green is idle, and blue-green-dev-green-3 does not answer its health path: 503$/m);
    assert.match(silent.screen, /^ {2}see what green says {2}docker logs --tail 30 blue-green-dev-green-3$/m);

    // Of a color that nobody could ask, nobody says that it is well.
    const unasked = seen(three("green", {}, {}, {}), {
      blue: answered("200"),
      "blue-2": answered("200"),
      "blue-3": answered("200"),
    });
    assert.match(unasked.screen, /^health {7}3 healthy {39}3 running, not asked$/m);

    const gone = seen(three("green", {}, undefined, {}));
    assert.equal(gone.exit, 1);
    assert.match(gone.screen, /2 of 3 healthy; blue-green-dev-green-2 is gone$/m);
    assert.match(gone.screen, /^! green is idle, and blue-green-dev-green-2 is gone: it has 2 of its 3 containers$/m);
    assert.match(gone.screen, /^ {2}make green's container again {2}pulumi up$/m);
  });

  test("an idle color that was stopped or removed on purpose is well, and the way to it is told", () => {
    for (const how of ["stopped", "removed"] as const) {
      const green = how === "stopped" ? [slot("green", { state: ended })] : [];
      const retired = { color: "green", how, version: "1.1.0", image: "" } as const;
      const record = { stable: { blue: [slot("blue").id] }, retired };
      const change = serving({ record, replicas: { blue: 1, green: 0 } });
      const { exit, screen } = shown({ world: world({ slots: { blue: slot("blue"), green }, serving: change }) });
      assert.equal(exit, 0, screen);
      assert.match(screen, new RegExp(`idle, ${how}: the way to it brings it up$`, "m"));
      assert.match(
        screen,
        how === "stopped" ? /^health {7}healthy {41}stopped$/m : /^container {4}blue-green-dev-blue +none$/m,
      );
      assert.match(
        screen,
        /^ {2}go back to green, which comes up first {2}pulumi config set activeColor green && pulumi up$/m,
      );

      // The same without that purpose is a fault.
      const unmeant = serving({ record: { stable: record.stable }, replicas: { blue: 1, green: 1 } });
      assert.equal(shown({ world: world({ slots: { blue: slot("blue"), green }, serving: unmeant }) }).exit, 1);
    }
  });

  test("settings that live has not taken yet are told, and are no reason to be degraded", () => {
    const image = `registry.example/team/shop@sha256:${"9".repeat(64)}`;
    const green = slot("green", { made: made("green", { image, memoryMb: 512, environment: ["A", "B", "C"] }) });
    const slots = { blue: slot("blue"), green };
    const { exit, screen } = shown({ world: world({ slots, serving: serving({ record: stableOnly("blue") }) }) });
    assert.equal(exit, 0);
    assert.match(
      screen,
      /^ {2}blue has not taken yet: memoryMb 256 -> 512, environment\.A and 2 more; it will once it is idle$/m,
    );
    assert.match(screen, /222222222222, registry\.example\/team\/shop@sh\.\.\.$/m);
    assert.equal(
      screen.slice(screen.indexOf("Next")),
      `Next
  release on green  pulumi config set greenImage <image> && pulumi config set greenVersion <version> &&
                    pulumi up
  switch to green   pulumi config set activeColor green && pulumi up
`,
    );
  });

  test("a canary: who gets visitors, what it did, and no release that would be refused", () => {
    const seconds = { gate: 0.4, switch: 0.3, watch: 10.1 };
    const share = (canaryPercent: number, more: Parameters<typeof cutover>[0] = {}) =>
      cutover({ ...{ result: "canary", from: "blue", to: "blue", seconds, canaryPercent }, ...more });
    const reason = "100 answers, 7 of them 5xx";
    const history = [share(5), share(20, { result: "reverted", reason }), share(20), share(5, { result: "reloaded" })];
    const canary = serving({ canaryPercent: 5, record: { ...stableOnly("blue"), canary: 5 }, history });
    assert.deepEqual(shown({ world: world({ serving: canary }) }), {
      exit: 0,
      screen: `
blue-green, stack dev: well                                                                    23 Nov 18:50:00

             blue                                            green
version      1.0.0                                           1.1.0
image        111111111111, app/ at 5812c2d78a03              222222222222, app/ at 99f31c02e4a1
container    blue-green-dev-blue                             blue-green-dev-green
health       healthy                                         healthy
since        23 Nov 17:44, 65 min                            23 Nov 17:44, 65 min
restarts     0                                               0
role         live, stable                                    idle, never live: a switch will be checked and
                                                             watched

  active blue, live blue, stable blue: they agree
  nginx answers, configuration 37a29a8e711eceac; blue's health path through it: 200
  green gets 5 % of the new visitors
  both colors run the same settings

Last cutovers
  when          result    from -> to    took  watched  reason
  23 Nov 18:00  reloaded  blue 1.0.0  10.8 s      312
  23 Nov 18:00  canary    blue 1.0.0  10.8 s      312  green got 20 % of the new visitors
  23 Nov 18:00  reverted  blue 1.0.0  10.8 s      312  100 answers, 7 of them 5xx
  23 Nov 18:00  canary    blue 1.0.0  10.8 s      312  green got 5 % of the new visitors

Next
  give green no visitors  pulumi config set canaryPercent 0 && pulumi up
  switch to green         pulumi config set activeColor green && pulumi up
`,
    });
  });

  test("a stack that was never brought up, or was taken down", () => {
    assert.deepEqual(shown({ world: { slots: { blue: [], green: [] }, built: { blue: [], green: [] } } }), {
      exit: 3,
      screen: `
Can't tell: Nothing of the stack dev runs on this engine
Next, to bring it up: pulumi up
`,
    });
  });

  test("no engine answers", () => {
    assert.deepEqual(shown({ world: { unknown: true, reason: "Cannot connect\nto the daemon" } }), {
      exit: 3,
      screen: `
Can't tell: The Docker Engine could not be asked: Cannot connect to the daemon
Next, to find the engine: export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}') && docker version
`,
    });
  });

  test("a terminal of 80 and of 120 columns: what visitors got, and each reason whole", () => {
    const reason = "1412 answers, 71 of them 5xx (5.03 %), 95 % within 0.012 s (maxErrorPercent 1)";
    const latest = cutover({ result: "reverted", from: "blue", to: "green", requests: 1412, reason });
    const answers = { count: 1236, perSecond: 20.6, errors: 3, errorPercent: 0.24, unanswered: 0, p95Seconds: 0.012 };
    const none = { count: 0, perSecond: 0, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: null };
    const change: Partial<Facts> = {
      active: { color: "green" },
      world: world({ serving: serving({ record: stableOnly("blue"), history: [latest] }) }),
      traffic: { seconds: 60, sample: false, nginx: 0, colors: { blue: answers, green: none } },
    };
    assert.deepEqual(shown(change, 80), {
      exit: 1,
      screen: `
blue-green, stack dev: degraded                                  23 Nov 18:50:00
! a switch is pending: activeColor is green, and blue is live
! the latest cutover to green was reverted: 1412 answers, 71 of them 5xx (5.03
  %), 95 % within 0.012 s (maxErrorPercent 1)

             blue                             green
version      1.0.0                            1.1.0
image        111111111111, app/ at 5812c2...  222222222222, app/ at 99f31c...
container    blue-green-dev-blue              blue-green-dev-green
health       healthy                          healthy
since        23 Nov 17:44, 65 min             23 Nov 17:44, 65 min
restarts     0                                0
last 60 s    1236 answers, 20.6/s             no answers
5xx, 95 % in 3 (0.24 %), 0.012 s              -
role         live, stable                     idle, taken back: a switch will
                                              be checked and watched

  active green, live blue, stable blue: they do not agree
  nginx answers, configuration 37a29a8e711eceac; blue's health path through
    it: 200
  both colors run the same settings

Last cutovers
  when          result    from -> to                    took  watched  reason
  23 Nov 18:00  reverted  blue 1.0.0 -> green 1.1.0  11.41 s     1412
      1412 answers, 71 of them 5xx (5.03 %), 95 % within 0.012 s
      (maxErrorPercent 1)

Next
  switch to green  pulumi up
  stay on blue     pulumi config set activeColor blue && pulumi up
`,
    });
    const wide = shown(change, 120).screen;
    assert.ok(wide.includes(`\n      ${reason}\n`));
    assert.match(wide, /^role {9}live, stable {41}idle, taken back: a switch will be checked and$/m);
  });

  test("the first day is no alarm: an idle color that was never live says what a switch to it does", () => {
    const role = (history: Parameters<typeof cutover>[0][]) =>
      shown({ world: world({ serving: serving({ record: stableOnly("blue"), history: history.map(cutover) }) }) }, 120)
        .screen.match(/^role .*\n.*/m)?.[0]
        .replace(/\s+/g, " ");
    const first = { result: "first", from: undefined } as const;
    assert.equal(role([first]), "role live, stable idle, never live: a switch will be checked and watched");
    // A container that is not the one that was live, of the same release.
    const green = { to: "green", from: "blue" } as const;
    assert.equal(
      role([first, { ...green, result: "switched" }]),
      "role live, stable idle, made again since it was live: a switch will be checked and watched",
    );
    assert.match(role([first, { ...green, result: "switched", versions: { green: "1.0.9" } }]) ?? "", /never live/);
    assert.match(role([first, { ...green, result: "refused" }]) ?? "", /never live/);
  });

  test("commands that have no room beside what they are for begin below it", () => {
    const retired = { color: "green", how: "removed", version: "1.1.0", image: "" } as const;
    const change = serving({ record: { stable: {}, retired }, replicas: { blue: 1, green: 0 } });
    const { screen } = shown(
      { flag: "production", world: world({ slots: { blue: slot("blue") }, serving: change }) },
      80,
    );
    assert.match(
      screen,
      /^ {2}go back to green, which comes up first\n {6}pulumi config set activeColor green --stack production &&\n {6}pulumi up --stack production$/m,
    );
  });
});
