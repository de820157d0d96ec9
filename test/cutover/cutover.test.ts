import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Order } from "../../cutover/order";
import { Nginx } from "../../cutover/proxy";
import { CutoverFailed } from "../../cutover/run";
import { sessionsFile } from "../../cutover/sessions";
import type { Color } from "../../stacks/service/color";
import { LABEL, PROXY_DIRECTORY } from "../../stacks/service/names";
import { type CutoverRecord, generationOf, type HistoryEntry, type Sessions } from "../../stacks/service/serving";
import type { ContainerState, Inspected } from "../../stacks/service/world";
import {
  BACK_TO_BLUE,
  BLUE_WORD,
  BOTH,
  configurationFor,
  containerOf,
  dead,
  GREEN_WORD,
  IMAGES,
  MOVING,
  ON_BLUE,
  orderFor,
  orderTo,
  orderToShare,
  RETIRED,
  running,
  SECRET,
  servedWith,
  several,
  sharedBy,
  VERSIONS,
} from "./order.sample";
import { clock, cutOff, ends, lost, ok, onBlue, onBoth, StubProxy, told, WHO } from "./proxy.stub";

describe("a cutover to its end", () => {
  test("the first cutover moves without gates and watch, and makes its color stable", async (t) => {
    const proxy = new StubProxy(t);
    assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["move green"]);
    assert.equal(proxy.atMove?.watched, false);
    assert.deepEqual(proxy.record, { stable: { green: ["green-1"] } });
    assert.deepEqual(
      proxy.history.map(({ result, from, to }) => [result, from, to]),
      [["first", undefined, "green"]],
    );
  });

  test("a first cutover that fails leaves nobody served and says so", async (t) => {
    const proxy = new StubProxy(t);
    proxy.move = async () => ({ code: 1, stdout: "", stderr: "green did not answer" });
    const { result, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "failed");
    assert.match(message, /\nNobody was served before; the next run begins anew\.\n/);
    assert.deepEqual([proxy.events, proxy.record], [["move green"], undefined]);
  });

  test("a first color that is not healthy is never live, whatever it answers, and each run says the same", async (t) => {
    const proxy = new StubProxy(t);
    proxy.answersHealth = async () => 503;
    const messages: string[] = [];
    for (let run = 0; run < 3; run++) {
      const { result, message } = await proxy.fails(orderTo("blue"));
      messages.push(`${result}: ${message}`);
    }
    assert.equal(new Set(messages).size, 1);
    assert.match(
      messages[0] ?? "",
      /^refused: blue was not switched to: the container blue-green-dev-blue is not healthy after 1 s \(setting healthTimeoutSeconds\); its health path says: 503\.\n[\s\S]*\nNothing was changed: nobody is served yet\.\nNext: put a mended release there: pulumi config set blueVersion <version> && pulumi up$/,
    );
    assert.deepEqual([proxy.moves, proxy.record], [[], undefined]);
    proxy.answersHealth = async () => 200;
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } });
  });

  test("a stable color whose container is the same is gone to at once", async (t) => {
    const stable = { blue: ["blue-1"], green: ["green-1"] };
    const proxy = onBlue(t).remembers({ stable });
    assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["move green"]);
    assert.deepEqual(proxy.atMove?.record, { stable });
    assert.deepEqual(proxy.record, { stable });
    assert.equal(proxy.history[0]?.result, "instant");
  });

  test("a gated switch: smoke tests, gate command, the record of what moves, the move, the watch, the record without it", async (t) => {
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["smoke http://green:5000/healthz", "gate: asked", "move green", "look"]);
    assert.deepEqual(proxy.atMove, { record: { moving: MOVING, stable: { blue: ["blue-1"] } }, watched: true });
    assert.deepEqual(proxy.moves[0], {
      ...{ STEP: "move", ANSWER_SECONDS: "1" },
      ...{ VERIFY_REQUESTS: "8", KEEP_PREVIOUS: "false", RELOAD: "false" },
    });
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
    assert.equal(existsSync(join(proxy.directory, "watched")), false, "the counting ends with the cutover");
    assert.equal(existsSync(join(proxy.directory, "holder")), false);
  });

  test("between the gate and the first look at the new color nothing is started: the lock's holder makes the switch", async (t) => {
    const proxy = onBlue(t);
    let started: string[] = [];
    proxy.smoke = async () => {
      started = [];
      return { status: 200 };
    };
    proxy.engine = ([command = ""]) => {
      started.push(command);
    };
    let untilMoved: string[] | undefined;
    proxy.move = async () => {
      untilMoved = [...started];
      return ok;
    };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual([untilMoved, proxy.holders.length], [[], 1]);
  });

  test("the line of the history is whole", async (t) => {
    const proxy = onBlue(t);
    await proxy.carriesOut(orderTo("green"));
    assert.equal(proxy.history.length, 1);
    const { time = "", seconds = {}, ...rest } = proxy.history[0] ?? {};
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual(Object.keys(seconds), ["gate", "switch", "watch"]);
    for (const value of Object.values(seconds)) assert.ok(value >= 0 && value < 10, String(value));
    assert.ok((seconds.watch ?? 0) >= 0.1);
    assert.deepEqual(rest, {
      ...{ result: "switched", from: "blue", to: "green" },
      ...{ versions: VERSIONS, images: IMAGES, sources: {}, requests: 100, who: WHO },
    });
  });

  test("a move is in the history before it begins, with who and why: a run that is killed in it leaves that line", async (t) => {
    const cases: [string, () => StubProxy, Order, string][] = [
      ["first", () => new StubProxy(t), orderTo("blue"), "blue"],
      ["gated", () => onBlue(t), orderTo("green"), "green"],
      ["instant", () => onBlue(t).remembers({ stable: { green: ["green-1"] } }), orderTo("green"), "green"],
      ["cut off", () => cutOff(t), orderTo("green"), "green"],
      ["canary", () => onBlue(t), orderToShare(5), "blue"],
      ["less of a canary", () => onBoth(t, 10), orderToShare(5), "blue"],
    ];
    for (const [name, make, order, to] of cases) {
      const proxy = make();
      let atMove: HistoryEntry[] = [];
      proxy.move = async () => {
        atMove = proxy.history;
        return ok;
      };
      assert.equal(await proxy.carriesOut(order), undefined, name);
      const [line] = atMove;
      assert.deepEqual([atMove.length, line?.result, line?.to, line?.who], [1, "interrupted", to, WHO], name);
      assert.equal(line?.reason, "the run was cut off before it ended");
      assert.equal(proxy.history.length, 1, "the end takes the same line");
      assert.notEqual(proxy.history[0]?.result, "interrupted", name);
      assert.equal(proxy.history[0]?.time, line?.time);
    }
  });

  test("a run that is killed on its way back has told the history of both moves", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    let seen: HistoryEntry | undefined;
    proxy.back = async () => {
      const deadline = Date.now() + 5000;
      while (!/went back/.test(seen?.reason ?? "") && Date.now() < deadline) {
        await pause(10);
        seen = proxy.history[0];
      }
      return ok;
    };
    assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
    assert.equal(seen?.result, "interrupted");
    assert.match(
      seen?.reason ?? "",
      /^100 answers, 100 of them 5xx.*; the run was cut off while it went back to blue$/,
    );
    assert.equal(proxy.history.length, 1);
  });

  test("a killed run's line stays, and the next cutover writes its own below it", async (t) => {
    const left = { time: "2026-01-01T00:00:00.000Z", result: "interrupted", from: "blue", to: "green" } as const;
    const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"] } }, left);
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(
      proxy.history.map(({ result }) => result),
      ["interrupted", "switched"],
    );
  });

  test("a history that can't be written holds up neither the way to a stable color nor the way back", async (t) => {
    const stable = { blue: ["blue-1"], green: ["green-1"] };
    const proxy = onBlue(t).remembers({ stable });
    mkdirSync(join(proxy.directory, "next"));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    assert.match(proxy.said.join("\n"), /the history could not be written/);
  });

  test("a reason is cut, whatever a container wrote", async (t) => {
    const proxy = onBlue(t);
    proxy.change("green", {
      State: { ...running, Health: { Status: "unhealthy", Log: [{ Output: "x".repeat(90_000) }] } },
    });
    const error = await proxy.carriesOut(orderTo("green"));
    assert.match(error?.message ?? "", /its image's health check says: x{100,300}(?!x)/);
    assert.match(proxy.history[0]?.reason ?? "", /x{100}\.\.\. \(\d+ characters\)$/);
  });

  test("without a bake time nothing is counted or watched", async (t) => {
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(orderTo("green", { bakeSeconds: 0 })), undefined);
    assert.deepEqual([proxy.events.at(-1), proxy.atMove?.watched], ["move green", false]);
    assert.equal(proxy.history[0]?.requests, undefined);
  });
});

describe("the gates", () => {
  test("what does not pass its gates is refused, and no move was begun", async (t) => {
    const sick = { ...running, Health: { Status: "unhealthy", Log: [{ Output: `no login with ${SECRET}` }] } };
    const cases: [string, (proxy: StubProxy) => void, Partial<Order>, RegExp][] = [
      ["no container", (proxy) => (proxy.containers = [containerOf("blue")]), {}, /: it has no container\./],
      ["ended", ends, {}, /ended with exit code 3\./],
      [
        "unhealthy",
        (proxy) => proxy.change("green", { State: sick }),
        {},
        /its image's health check says: no login with \[secret\]/,
      ],
      [
        "health path",
        (proxy) => (proxy.answersHealth = async () => 0),
        {},
        /is not healthy after 1 s \(setting healthTimeoutSeconds\); its health path says: no answer\./,
      ],
      [
        "smoke test",
        (proxy) => (proxy.smoke = async () => ({ status: 500, body: `no ${SECRET}` })),
        {},
        /Came: .* no \[secret\]/,
      ],
      ["gate command", () => {}, { gateCommand: "exit 4" }, /the gate command .*4.*\n[\s\S]*It was: exit 4/],
      ["full volume", (proxy) => mkdirSync(join(proxy.directory, "next")), {}, /the proxy's volume can't be written/],
    ];
    for (const [what, spoil, change, seen] of cases) {
      const proxy = onBlue(t);
      proxy.log = `password ${SECRET}\n`;
      spoil(proxy);
      const error = await proxy.carriesOut(orderTo("green", change));
      assert.ok(error instanceof CutoverFailed, `${what}: ${error}`);
      assert.equal(error.result, "refused", what);
      assert.match(error.message, seen, what);
      assert.match(
        error.message,
        /^green was not switched to: [\s\S]*\nNothing was changed: the public is on blue\.\nNext: /,
        what,
      );
      assert.deepEqual([proxy.moves, proxy.live], [[], "blue"], what);
      assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } }, what);
      // What can't be written can't be remembered either.
      if (what !== "full volume") assert.equal(proxy.history.at(-1)?.result, "refused", what);
    }
  });
});

describe("a move that fails", () => {
  test("a move that fails goes back to exactly what served, and nothing is under way any more", async (t) => {
    const proxy = onBlue(t);
    proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx did not serve it.\nmore of that\n" });
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["failed", "nginx did not serve it"]);
    assert.match(
      message,
      /^green was not switched to: nginx did not serve it\.\nNothing was changed: the public is on blue\.\nmore of that\nNext: /,
    );
    assert.deepEqual(proxy.events.slice(1), ["move green", BACK_TO_BLUE]);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } });
  });

  test("a move that visitors met and that was taken back is told as that, with how long; one that reloads the same color is not", async (t) => {
    const why = { code: 1, stdout: "", stderr: "through the front, 8 fresh connections in a row did not get 2xx.\n" };
    const moveSays = ["the public meets the new configuration, 4200 ms after the reload"];
    const make = (proxy: StubProxy) => Object.assign(proxy, { moveSays, move: async () => why });

    const proxy = make(onBlue(t));
    const { result, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "reverted");
    assert.match(
      message,
      /^green was switched to and taken back: through the front, 8 fresh .*\.\nThe public is back on blue\. Visitors met green for up to (4\.[2-9]|5\.\d) s\.\nNext: /,
    );
    assert.doesNotMatch(message, /Nothing was changed|not switched to/);

    const canary = await make(onBlue(t)).fails(orderToShare(5));
    assert.match(
      canary.message,
      /^green got 5 % of the new visitors, and they were taken from it again: through .*\.\nThe public is back on blue\. Visitors met green for up to /,
    );

    const reload = make(onBlue(t).remembers({ stable: {} }));
    const same = await reload.fails(orderTo("blue", { configuration: sharedBy(0), generation: "0".repeat(16) }));
    assert.deepEqual([same.result, /Visitors met/.test(same.message)], ["failed", false]);

    const lost = Object.assign(onBlue(t), { moveSays, move: async () => ({ code: null, stdout: "", stderr: "" }) });
    assert.match(
      (await lost.fails(orderTo("green"))).message,
      /^green was switched to and taken back: the script .* cut off/,
    );
  });
});

describe("the watch", () => {
  test("a switch that is taken back in its watch says for how long visitors met the color", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    proxy.moveSays = ["the public meets the new configuration, 100 ms after the reload"];
    const { message } = await proxy.fails(orderTo("green"));
    assert.match(message, /\nVisitors met green for up to \d\.\d s\.\nThe public is back on blue, after [\d.]+ s\.\n/);
  });

  test("a script that says what to do next is not talked over, and one that was cut off is said to be", async (t) => {
    const proxy = onBlue(t);
    proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx refuses it.\nNext: mend it" });
    assert.match((await proxy.fails(orderTo("green"))).message, /\nNext: mend it$/);
    proxy.move = async () => ({ code: 137, stdout: "", stderr: "" });
    assert.match((await proxy.fails(orderTo("green"))).reason, /cut off/);
    assert.equal(proxy.events.filter((event) => event === BACK_TO_BLUE).length, 2);
  });

  test("trouble in the watch takes the switch back, with the figures and the container's log", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { count: 100, errors: 7 };
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "reverted");
    assert.match(reason, /^100 answers, 7 of them 5xx/);
    assert.match(
      message,
      /^green was switched to and taken back: 100 answers, [\s\S]*\nThe public is back on blue, after [\d.]+ s\.\n[\s\S]* {2}no database\nNext: accept blue: /,
    );
    assert.deepEqual(proxy.events.slice(1), ["move green", "look", "ask blue", BACK_TO_BLUE]);
    assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }]);
    assert.equal(proxy.history[0]?.requests, 100);
    assert.deepEqual(Object.keys(proxy.history[0]?.seconds ?? {}).sort(), ["back", "gate", "switch", "watch"]);
  });

  test("what happens to the new color's container, or to what is served, is trouble too, and shows no secret", async (t) => {
    const sick = { ...running, Health: { Status: "unhealthy", Log: [{ Output: `no login with ${SECRET}` }] } };
    const cases: [(proxy: StubProxy) => void, RegExp][] = [
      [(proxy) => proxy.change("green", { State: dead }), /^its container ended with exit code 3/],
      [(proxy) => proxy.change("green", { State: sick }), /its image's health check says: no login with \[secret\]/],
      [(proxy) => proxy.change("green", { Id: "green-2" }), /^its container is gone/],
      [
        (proxy) => proxy.change("green", { State: { ...running, StartedAt: "2026-01-02T00:00:00Z" } }),
        /was started again/,
      ],
      [(proxy) => (proxy.seen = { serves: "0123456789abcdef blue" }), /^somebody else changed what the proxy serves/],
      [(proxy) => (proxy.seen = { health: 503 }), /^its health path was not answered well 3 times in a row \(503\)/],
    ];
    for (const [spoil, seen] of cases) {
      const proxy = onBlue(t);
      proxy.move = async () => {
        spoil(proxy);
        return ok;
      };
      const { result, reason } = await proxy.fails(orderTo("green"));
      assert.match(reason, seen);
      assert.deepEqual([result, proxy.live], ["reverted", "blue"]);
    }
  });

  test("a container that was killed for want of memory long ago and is healthy takes the switch; one killed in the watch loses it", async (t) => {
    const marked = { ...running, OOMKilled: true };
    const recovered = onBlue(t);
    recovered.change("green", { State: marked, RestartCount: 2 });
    assert.equal(await recovered.carriesOut(orderTo("green")), undefined);
    assert.deepEqual([recovered.live, recovered.record?.stable.green], ["green", ["green-1"]]);

    const killed = onBlue(t);
    killed.move = async () => {
      killed.change("green", { State: marked });
      return ok;
    };
    const { result, reason } = await killed.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["reverted", "its container was killed for want of memory (setting memoryMb)"]);
  });

  test("a watch without a request says that nobody has tried the color, and no figures of nothing", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { count: 0 };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    const said = proxy.said.join("\n");
    assert.match(said, /^watch [\d.]+\/[\d.]+ s, no requests yet$/m);
    assert.match(said, /^no visitor has tried green yet: smoke tests again through the front$/m);
    assert.doesNotMatch(said, /0 answers|0\.000 s/);
  });

  test("with too few answers the smoke tests are repeated through the front, and decide", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { count: 3 };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.events.at(-1), "smoke http://127.0.0.1:8080/healthz");

    const spoilt = onBlue(t);
    spoilt.seen = { count: 3 };
    spoilt.smoke = async () => (spoilt.moves.length === 0 ? { status: 200 } : { status: 500, body: SECRET });
    const { result, message } = await spoilt.fails(orderTo("green"));
    assert.equal(result, "reverted");
    assert.match(message, /failed through the front\n {2}Asked: [\s\S]*\[secret\]/);
  });

  test("the public is not taken back to a color that does not answer", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    proxy.answers = async () => 502;
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "failed");
    assert.match(reason, /; blue does not answer either$/);
    assert.match(
      message,
      /^green is live and not well: [\s\S]*\nThe public was left there, since blue did not answer for 10 s\.\n/,
    );
    assert.deepEqual([proxy.live, proxy.events.at(-1)], ["green", "ask blue"]);
    assert.deepEqual(proxy.record?.moving, MOVING, "the next run watches it again");
  });
});

describe("the way back", () => {
  test("a way back that fails is told as it is, and the switch stays under way in the record", async (t) => {
    const jump = clock(t);
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    proxy.back = async () => {
      jump();
      return { code: 1, stdout: "", stderr: "the volume is gone\n" };
    };
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "failed");
    assert.match(reason, /; the way back failed$/);
    assert.match(message, /\nThe way back to blue failed \(the volume is gone\): the public is on green\.\n/);
    assert.deepEqual([proxy.live, proxy.record?.moving], ["green", MOVING]);
  });

  test("a way back is tried until the proxy is there again", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    let tried = 0;
    proxy.back = async () => {
      tried += 1;
      if (tried === 1) throw new Error("container p1 is restarting");
      return tried === 2 ? { code: 1, stdout: "", stderr: "nginx does not run" } : ok;
    };
    assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
    assert.deepEqual([tried, proxy.live], [3, "blue"]);
  });
});

describe("a switch that was cut off", () => {
  test("a switch that was cut off in its watch is watched again, and what it goes back to is kept", async (t) => {
    const proxy = cutOff(t);
    assert.equal(await proxy.carriesOut(orderTo("green", { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["move green", "look"]);
    assert.deepEqual([proxy.moves[0]?.KEEP_PREVIOUS, proxy.atMove?.watched], ["true", true]);
    assert.deepEqual(proxy.atMove?.record.moving, MOVING);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
    assert.deepEqual(
      proxy.history.map(({ result, reason }) => [result, reason]),
      [["switched", "the watch of a switch that was cut off"]],
    );
  });

  test("a switch that was cut off goes back, when its watch finds trouble, to what served before it", async (t) => {
    const proxy = cutOff(t);
    proxy.seen = { errors: 100 };
    assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
    assert.equal(proxy.events.at(-1), BACK_TO_BLUE);
    assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }]);
  });

  test("an earlier switch that was refused or taken back does not make a later one's cut off watch be skipped", async (t) => {
    for (const result of ["refused", "reverted"] as const) {
      const proxy = cutOff(t, { time: "2026-01-01T00:00:00.000Z", result, from: "blue", to: "green" });
      assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
      assert.deepEqual(proxy.events, ["move green", "look"]);
      assert.deepEqual(
        proxy.history.map((entry) => entry.result),
        [result, "switched"],
      );
    }
  });

  test("a switch that was cut off before its move is an ordinary one for the next run", async (t) => {
    const proxy = onBlue(t).remembers({ moving: MOVING, stable: { blue: ["blue-1"] } });
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(proxy.events, ["smoke http://green:5000/healthz", "move green", "look"]);
    assert.equal(proxy.record?.moving, undefined);
  });
});

describe("a run that moves nobody", () => {
  test("a live container that was made anew passes the smoke tests and is stable then; nothing is watched", async (t) => {
    const proxy = onBlue(t);
    proxy.change("blue", { Id: "blue-2" });
    assert.equal(await proxy.carriesOut(orderTo("blue", { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["move blue", "smoke http://blue:5000/healthz"]);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-2"] } });
    assert.equal(proxy.history[0]?.result, "reloaded");

    proxy.change("blue", { Id: "blue-3" });
    proxy.smoke = async () => ({ status: 500 });
    const { result, message } = await proxy.fails(orderTo("blue"));
    assert.equal(result, "refused");
    assert.match(message, /^blue is live, but not well: the smoke test /);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-2"] } });
  });

  test("what serves already, stable and as ordered, is no line of the history; a change by hand that is put right is one", async (t) => {
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual([proxy.events, proxy.history], [["move blue"], []]);
    proxy.put("nginx.conf", "# by hand\n");
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(
      proxy.history.map(({ result, reason }) => [result, reason]),
      [["reloaded", "the configuration had been changed"]],
    );
  });
});

describe("an engine, a proxy or a run that fails", () => {
  test("an engine that fails before the move changes nothing, and one that fails after it is settled; both are said", async (t) => {
    const before = onBlue(t);
    before.engine = (args) => {
      if (args[1] === "ls") throw new Error("Cannot connect to the daemon.\nIs it running?");
    };
    const unasked = await before.fails(orderTo("green"));
    assert.equal(unasked.result, "failed");
    assert.equal(
      unasked.message,
      "green was not switched to: Cannot connect to the daemon.\nIs it running?\nNothing was changed: the public is on blue.\n" +
        "Next: npm run status; then: pulumi up",
    );
    assert.deepEqual([before.moves, before.live], [[], "blue"]);

    const after = onBlue(t);
    after.seen = { count: 0 };
    after.engine = (args) => {
      if (after.moves.length > 0 && args.some((arg) => arg.includes("--config -"))) throw new Error("the line is cut");
    };
    const settled = await after.fails(orderTo("green"));
    assert.deepEqual([settled.result, settled.reason], ["failed", "the line is cut"]);
    assert.deepEqual([after.events.at(-1), after.live], [BACK_TO_BLUE, "blue"]);
    assert.deepEqual(after.record, { stable: { blue: ["blue-1"] } });
  });

  test("a proxy that can't be asked while it is watched is asked again, and then the switch is taken back", async (t) => {
    const proxy = onBlue(t);
    let looks = 0;
    proxy.sample = async () => {
      looks += 1;
      if (looks === 1) throw new Error("the line is cut");
      return {};
    };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(looks, 2);

    const silent = onBlue(t);
    silent.sample = () => Promise.reject(new Error("the line is cut"));
    const { result, reason } = await silent.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["reverted", "the proxy could not be asked: the line is cut"]);
  });

  test("a run that is cancelled before the move moves nothing, wherever it stands", async (t) => {
    const stages: [string, (proxy: StubProxy) => Partial<Order>][] = [
      [
        "health",
        (proxy) => {
          proxy.change("green", { State: { ...running, Health: { Status: "starting" } } });
          // Not before the lock is held.
          proxy.engine = (args) => {
            if (args[1] === "inspect") setTimeout(() => proxy.cancelled.abort(), 100);
          };
          return { healthTimeoutSeconds: 60 };
        },
      ],
      [
        "smoke tests",
        (proxy) => {
          proxy.smoke = async () => {
            proxy.cancelled.abort();
            return { status: 200 };
          };
          return {};
        },
      ],
      [
        "gate command",
        (proxy) => {
          proxy.smoke = async () => {
            setTimeout(() => proxy.cancelled.abort(), 400);
            return { status: 200 };
          };
          return { gateCommand: "sleep 20" };
        },
      ],
    ];
    for (const [stage, begin] of stages) {
      const proxy = onBlue(t);
      const { result, reason } = await proxy.fails(orderTo("green", begin(proxy)));
      assert.equal(result, "refused", stage);
      assert.match(reason, /the run was cancelled$/, stage);
      assert.deepEqual([proxy.moves, proxy.live, proxy.record?.moving], [[], "blue", undefined], stage);
    }
  });

  test("a run that is cancelled in the move or in the watch is taken back", async (t) => {
    for (const when of ["move", "sample"] as const) {
      const proxy = onBlue(t);
      if (when === "move") {
        proxy.move = async () => {
          proxy.cancelled.abort();
          return ok;
        };
      } else {
        proxy.sample = async () => {
          proxy.cancelled.abort();
          return { count: 1 };
        };
      }
      const { result, reason } = await proxy.fails(orderTo("green", { bakeSeconds: 5 }));
      assert.deepEqual([result, reason], ["reverted", "the run was cancelled"], when);
      assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] } }], when);
    }
  });
});

describe("the lock and what is written under it", () => {
  test("a run that is cancelled while another cutover holds the lock ends at once, says who, and leaves no line", async (t) => {
    const proxy = onBlue(t);
    const other = await new Nginx(proxy.docker, "p1").lock("the other one", 5, () => {});
    setTimeout(() => proxy.cancelled.abort(), 300);
    const error = await proxy.carriesOut(orderTo("green"));
    assert.equal(
      error?.message,
      "green was not switched to: the run was cancelled. Nothing was changed.\n" +
        "Next: docker logs --tail 30 blue-green-dev-proxy; then: pulumi up",
    );
    assert.deepEqual(proxy.said, ["another cutover runs in this proxy (the other one); waiting for its end"]);
    assert.deepEqual([proxy.events, proxy.history], [[], []]);
    await lost(proxy.holders[1]);
    await other.release();
  });

  test("a lock that another one holds is waited for so long, and what a killed one left is said", async (t) => {
    const proxy = onBlue(t);
    const nginx = new Nginx(proxy.docker, "p1");
    const other = await nginx.lock("the other one", 5, () => {});
    await assert.rejects(
      nginx.lock("me", 1, () => {}),
      { message: "another cutover runs in this proxy (the other one) and did not end within 1 s." },
    );
    await lost(proxy.holders[0]);
    await other.release();
    const said: string[] = [];
    const mine = await nginx.lock("me", 5, (line) => said.push(line));
    assert.deepEqual(said, ["an earlier cutover was cut off (the other one); going on from what it left"]);
    assert.deepEqual([mine.serving?.color, mine.serving?.busy], ["blue", undefined], "it is not busy for its own sake");
    assert.equal((await nginx.serving())?.busy, "me");
    await mine.release();
    assert.equal((await nginx.serving())?.busy, undefined);
  });

  test("a proxy that can't be entered is said, and the lock's own words are", async (t) => {
    const proxy = onBlue(t);
    rmSync(proxy.directory, { recursive: true });
    await assert.rejects(
      new Nginx(proxy.docker, "p1").lock("me", 1, () => {}),
      /^NotAnswered: the proxy can't be entered: .*volume.*\.$/,
    );
  });

  test("a lock that is lost with a proxy that restarts is taken again before anything is written", async (t) => {
    const proxy = onBlue(t);
    proxy.sample = async () => {
      await lost(proxy.holders[0]);
      return {};
    };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.holders.length, 2);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
    assert.equal(proxy.history[0]?.result, "switched");
    assert.equal(existsSync(join(proxy.directory, "holder")), false);
  });

  test("a record that can't be written at the end is said, and the switch stands", async (t) => {
    const proxy = onBlue(t);
    proxy.sample = async () => {
      mkdirSync(join(proxy.directory, "next"));
      return {};
    };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    assert.match(proxy.said.join("\n"), /the way back will not be at once: that green is stable could not be written/);
    assert.match(proxy.said.join("\n"), /the history could not be written/);
  });

  test("the history keeps its latest lines alone", async (t) => {
    const proxy = onBlue(t).put("history.jsonl", Array.from({ length: 1200 }, (_, i) => `{"time":"${i}"}\n`).join(""));
    await proxy.carriesOut(orderTo("green", { bakeSeconds: 0 }));
    assert.deepEqual(
      [proxy.history.length, proxy.history[0]?.time, proxy.history.at(-1)?.result],
      [1000, "201", "switched"],
    );
  });
});

describe("a canary", () => {
  test("the first percent is gated and watched like a switch, with the idle color's own tests, answers and container", async (t) => {
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(orderToShare(5, { gateCommand: "echo asked $TARGET_COLOR" })), undefined);
    assert.deepEqual(proxy.events, [
      ...["smoke http://green:5055/healthz", "gate: asked green", "move blue", "look at green"],
    ]);
    assert.equal(proxy.atMove?.watched, true);
    assert.equal(proxy.read("nginx.conf")?.includes("5% 1;"), true);
    const { sessions, ...record } = proxy.record as CutoverRecord;
    const tried = { stable: { blue: ["blue-1"] }, canary: 5, tried: ["green-1"] };
    assert.deepEqual(record, tried, "green is not stable by that");
    assert.deepEqual([sessions?.blue.until, sessions?.green.until], [undefined, undefined]);
    assert.equal(proxy.sessionsAtMoves[0], sessionsFile(sessions as Sessions), "before the first visitor gets a word");
    assert.deepEqual(told(proxy), [["canary", "blue", "blue", 5]]);
    assert.equal(proxy.history[0]?.requests, 100);
    assert.match(proxy.said.join("\n"), /^blue is live, and green has 5 % of the new visitors \(gate [\d.]+ s, /m);
  });

  test("a share that is raised is watched, not gated again, and keeps those who were there", async (t) => {
    const proxy = onBoth(t, 5);
    assert.equal(await proxy.carriesOut(orderToShare(20, { gateCommand: "echo asked" })), undefined);
    assert.deepEqual(proxy.events, ["move blue", "look at green"]);
    assert.equal(proxy.atMove?.watched, true);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] }, canary: 20, sessions: BOTH, tried: ["green-1"] });
    assert.equal(proxy.read("sessions.conf"), sessionsFile(BOTH));
    assert.deepEqual(told(proxy), [["canary", "blue", "blue", 20]]);
  });

  test("a share that is lowered or ended is neither gated nor watched, and its end ends its visitors' sessions", async (t) => {
    const lowered = onBoth(t, 20);
    assert.equal(await lowered.carriesOut(orderToShare(5, { gateCommand: "exit 1" })), undefined);
    assert.deepEqual(lowered.events, ["move blue"]);
    assert.deepEqual(lowered.record, { stable: { blue: ["blue-1"] }, canary: 5, sessions: BOTH });
    assert.deepEqual(told(lowered), [["reloaded", "blue", "blue", 5]]);

    const ended = onBoth(t, 20);
    assert.equal(await ended.carriesOut(orderToShare(0, { gateCommand: "exit 1" })), undefined);
    assert.deepEqual(ended.events, ["move blue"]);
    assert.deepEqual(ended.record, { stable: { blue: ["blue-1"] } });

    const sticky = onBoth(t, 20);
    await sticky.carriesOut(orderToShare(0, { sessions: true, stickySeconds: 3600 }));
    const { sessions } = sticky.record as CutoverRecord;
    assert.deepEqual([sessions?.blue, sessions?.green.until], [{ word: BLUE_WORD }, 0]);
    assert.notEqual(sessions?.green.word, GREEN_WORD);
  });

  test("without a bake time a share is gated and not watched", async (t) => {
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(orderToShare(5, { bakeSeconds: 0 })), undefined);
    assert.deepEqual(proxy.events, ["smoke http://green:5055/healthz", "move blue"]);
    assert.deepEqual([proxy.atMove?.watched, proxy.record?.canary], [false, 5]);
  });

  test("an idle color that does not pass its gates gets no visitors, and the public is not touched", async (t) => {
    for (const spoil of [
      ends,
      (proxy: StubProxy) => (proxy.containers = [containerOf("blue")]),
      (proxy: StubProxy) => (proxy.smoke = async () => ({ status: 500, body: `no ${SECRET}` })),
    ]) {
      const proxy = onBlue(t);
      spoil(proxy);
      const { result, message } = await proxy.fails(orderToShare(5));
      assert.equal(result, "refused");
      assert.match(
        message,
        /^green did not get 5 % of the new visitors: [\s\S]*\nNothing was changed: the public is on blue\.\nNext: [\s\S]*$/,
      );
      if (!message.includes("no container")) {
        assert.match(message, /greenVersion <version> && pulumi up; or stay: pulumi config set canaryPercent 0$/);
      }
      assert.deepEqual(
        [proxy.moves, proxy.record, told(proxy)],
        [[], { stable: { blue: ["blue-1"] } }, [["refused", "blue", "blue", 5]]],
      );
    }
  });

  test("trouble with the first percent brings the configuration of before back, by itself", async (t) => {
    const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"] }, sessions: ON_BLUE });
    proxy.put("sessions.conf", sessionsFile(ON_BLUE));
    proxy.seen = { count: 100, errors: 7 };
    const { result, reason, message } = await proxy.fails(orderToShare(5, { stickySeconds: 3600 }));
    assert.equal(result, "reverted");
    assert.match(reason, /^100 answers, 7 of them 5xx/);
    assert.match(
      message,
      /^green got 5 % of the new visitors and was not well: 100 answers, [\s\S]*\nThe public is on blue, all of it\.\n[\s\S]* {2}no database\nNext: accept that: pulumi config set canaryPercent 0 && pulumi up; /,
    );
    assert.deepEqual(proxy.events, ["smoke http://green:5055/healthz", "move blue", "look at green", BACK_TO_BLUE]);
    assert.deepEqual([proxy.live, proxy.record], ["blue", { stable: { blue: ["blue-1"] }, sessions: ON_BLUE }]);
    assert.equal(proxy.read("sessions.conf"), sessionsFile(ON_BLUE), "nobody who began on green stays there");
  });

  test("trouble with a raised share ends all of it: to the share of before nobody goes back", async (t) => {
    const proxy = onBoth(t, 5);
    proxy.seen = { count: 100, errors: 7 };
    const { result, message } = await proxy.fails(orderToShare(20));
    assert.equal(result, "reverted");
    assert.match(message, /^green got 20 % [\s\S]*\nThe public is on blue, all of it\.\n/);
    assert.deepEqual(proxy.events, ["move blue", "look at green", "move blue"]);
    assert.equal(proxy.read("nginx.conf")?.includes("% 1;"), false);
    assert.equal(proxy.read("nginx.conf")?.includes('* "";'), true);
    const { sessions, ...record } = proxy.record as CutoverRecord;
    assert.deepEqual(record, { stable: { blue: ["blue-1"] } });
    assert.deepEqual([sessions?.blue, sessions?.green.until], [{ word: BLUE_WORD }, 0]);
    assert.equal(proxy.read("sessions.conf"), sessionsFile(sessions as Sessions));
    assert.equal(proxy.moves.at(-1)?.RELOAD, "true");

    // And tried again: from nothing, so gated first.
    proxy.seen = {};
    proxy.events.length = 0;
    assert.equal(await proxy.carriesOut(orderToShare(20)), undefined);
    assert.deepEqual(proxy.events, ["smoke http://green:5055/healthz", "move blue", "look at green"]);
    assert.deepEqual([proxy.record?.canary, proxy.record?.sessions?.green.until], [20, undefined]);
  });

  test("where the share can't be ended, the configuration of before comes back, and what is in it is said", async (t) => {
    const proxy = onBoth(t, 5);
    proxy.seen = { errors: 100 };
    proxy.move = async () => (proxy.moves.length === 1 ? ok : { code: 1, stdout: "", stderr: "no space" });
    const { result } = await proxy.fails(orderToShare(20));
    assert.equal(result, "reverted");
    assert.equal(proxy.events.at(-1), `back ${generationOf(sharedBy(5))} blue`);
    assert.equal(proxy.read("nginx.conf")?.includes(" 5% 1;"), true);
    assert.deepEqual([proxy.record?.canary, proxy.record?.sessions], [5, BOTH]);
    assert.equal(proxy.read("sessions.conf"), sessionsFile(BOTH));
  });

  test("what happens to the canary's container, or a run that is cancelled, ends its share; the live color's errors do not", async (t) => {
    const cases: [(proxy: StubProxy) => void, RegExp][] = [
      [(proxy) => proxy.change("green", { State: dead }), /^its container ended with exit code 3/],
      [(proxy) => (proxy.seen = { serves: "0123456789abcdef blue" }), /^somebody else changed what the proxy serves/],
      [(proxy) => proxy.cancelled.abort(), /^the run was cancelled$/],
    ];
    for (const [spoil, seen] of cases) {
      const proxy = onBlue(t);
      proxy.move = async () => {
        spoil(proxy);
        return ok;
      };
      const { result, reason } = await proxy.fails(orderToShare(5));
      assert.match(reason, seen);
      assert.deepEqual([result, proxy.events.at(-1), proxy.record?.canary], ["reverted", BACK_TO_BLUE, undefined]);
    }
    const other = onBlue(t);
    other.move = async () => {
      other.change("blue", { State: dead });
      return ok;
    };
    assert.equal(await other.carriesOut(orderToShare(5)), undefined);
  });

  test("with too few answers of the canary the smoke tests are repeated at it, since the front answers the cutover from live", async (t) => {
    const proxy = onBlue(t);
    proxy.seen = { count: 3 };
    assert.equal(await proxy.carriesOut(orderToShare(5)), undefined);
    assert.equal(proxy.events.at(-1), "smoke http://green:5055/healthz");
    assert.doesNotMatch(proxy.said.join("\n"), /through the front/);
  });

  test("a raise that was cut off in its watch is gated and watched by the next run", async (t) => {
    const proxy = onBlue(t).serves("blue", sharedBy(5));
    assert.equal(await proxy.carriesOut(orderToShare(5)), undefined);
    assert.deepEqual(proxy.events, ["smoke http://green:5055/healthz", "move blue", "look at green"]);
    assert.equal(proxy.record?.canary, 5);
  });

  test("a switch ends the canary, keeps its visitors where they are, and the setting begins no other one", async (t) => {
    const proxy = onBoth(t, 5);
    assert.equal(
      await proxy.carriesOut(orderTo("green", { sessions: true, stickySeconds: 60, canarySetting: 5 })),
      undefined,
    );
    assert.deepEqual(proxy.atMove?.record.moving, { ...MOVING, generation: generationOf(sharedBy(5)) });
    // Whoever comes after us, should we be cut off, must know that too.
    assert.deepEqual([proxy.atMove?.record.canary, proxy.atMove?.record.endedCanary], [undefined, 5]);
    const { sessions, ...record } = proxy.record as CutoverRecord;
    assert.deepEqual(record, { stable: { blue: ["blue-1"], green: ["green-1"] }, endedCanary: 5 });
    assert.deepEqual([sessions?.green, sessions?.blue.word], [{ word: GREEN_WORD }, BLUE_WORD]);
    assert.ok(Math.abs((sessions?.blue.until ?? 0) - Date.now() / 1000 - 60) < 10);

    // The run after it changes nothing, and one with another setting forgets it.
    const stays = orderTo("green", { sessions: true, stickySeconds: 60, canarySetting: 5 });
    assert.equal(await proxy.carriesOut(stays), undefined);
    assert.deepEqual(proxy.record, { ...record, sessions });
    assert.equal(await proxy.carriesOut({ ...stays, canarySetting: 0 }), undefined);
    assert.deepEqual(proxy.record, { stable: record.stable, sessions });
    assert.equal(proxy.history.length, 1);
  });

  test("a switch that ended a canary and was cut off in its watch still has ended it", async (t) => {
    const moving = { ...MOVING, generation: generationOf(sharedBy(5)) };
    const proxy = new StubProxy(t).serves("green").remembers({ moving, stable: { blue: ["blue-1"] }, endedCanary: 5 });
    assert.equal(await proxy.carriesOut(orderTo("green", { canarySetting: 5 })), undefined);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] }, endedCanary: 5 });
  });
});

describe("sessions", () => {
  test("at a switch with sessions, what they mean is on the volume and in the record before the first visitor moves", async (t) => {
    const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"] }, sessions: ON_BLUE });
    assert.equal(await proxy.carriesOut(orderTo("green", { sessions: true, stickySeconds: 60 })), undefined);
    const { sessions } = proxy.record as CutoverRecord;
    assert.deepEqual(proxy.atMove?.record.sessions, sessions);
    assert.equal(proxy.sessionsAtMoves[0], sessionsFile(sessions as Sessions));
    assert.equal(sessions?.blue.word, BLUE_WORD);
    assert.equal(sessions?.green.until, undefined);
    assert.match(sessions?.green.word ?? "", /^[A-Za-z0-9_-]{16}$/);
    assert.notEqual(sessions?.green.word, GREEN_WORD, "a word of an earlier time");
    assert.equal(proxy.moves[0]?.RELOAD, "true");
  });

  test("a switch that is taken back gives the sessions of before their meaning back, and those of the sick color none", async (t) => {
    for (const failing of ["watch", "move"] as const) {
      const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"] }, sessions: ON_BLUE });
      if (failing === "watch") proxy.seen = { errors: 100 };
      else proxy.move = async () => ({ code: 1, stdout: "", stderr: "no" });
      await proxy.fails(orderTo("green", { sessions: true, stickySeconds: 60 }));
      assert.equal(proxy.events.at(-1), BACK_TO_BLUE);
      assert.equal(proxy.read("sessions.conf"), sessionsFile(ON_BLUE), failing);
      assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] }, sessions: ON_BLUE }, failing);
    }
  });

  test("a switch that was cut off and is taken back by the next run leaves no session on the sick color either", async (t) => {
    const until = Math.floor(Date.now() / 1000) + 60;
    const sessions = { blue: { word: BLUE_WORD, until }, green: { word: GREEN_WORD } };
    const proxy = new StubProxy(t)
      .serves("green")
      .remembers({ moving: MOVING, stable: { blue: ["blue-1"] }, sessions });
    proxy.seen = { errors: 100 };
    const { result } = await proxy.fails(orderTo("green", { sessions: true, stickySeconds: 60 }));
    assert.equal(result, "reverted");
    const left = proxy.record?.sessions as Sessions;
    assert.deepEqual([left.blue.until, left.green.until], [undefined, 0]);
    assert.notEqual(left.green.word, GREEN_WORD);
    assert.equal(proxy.read("sessions.conf"), sessionsFile(left));
  });

  test("sessions that can't be written do not keep the public from the way back, and that is said", async (t) => {
    const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"] }, sessions: ON_BLUE });
    proxy.seen = { errors: 100 };
    proxy.answers = async () => {
      mkdirSync(join(proxy.directory, "next"));
      return 200;
    };
    const error = await proxy.carriesOut(orderTo("green", { sessions: true, stickySeconds: 60 }));
    assert.ok(error instanceof CutoverFailed);
    assert.deepEqual([error.result, proxy.live, proxy.events.at(-1)], ["reverted", "blue", BACK_TO_BLUE]);
    assert.match(
      proxy.said.join("\n"),
      /sessions that began since then hold until the next `pulumi up`: they could not be ended \(.*next.*\)$/m,
    );

    // And the next run puts them right, whichever color it is to go to.
    rmSync(join(proxy.directory, "next"), { recursive: true });
    proxy.seen = {};
    const later = await proxy.carriesOut(orderTo("blue", { sessions: true, stickySeconds: 60 }));
    assert.equal(later, undefined);
    const { sessions, moving } = proxy.record as CutoverRecord;
    assert.deepEqual([moving, sessions?.blue.until, sessions?.green.until], [undefined, undefined, 0]);
    assert.equal(proxy.read("sessions.conf"), sessionsFile(sessions as Sessions));
  });
});

describe("what can't be taken back or written", () => {
  test("a share that can't be taken back at all is said as it is", async (t) => {
    const jump = clock(t);
    const proxy = onBlue(t);
    proxy.seen = { errors: 100 };
    proxy.back = async () => {
      jump();
      return { code: 1, stdout: "", stderr: "the volume is gone\n" };
    };
    const { result, message } = await proxy.fails(orderToShare(5));
    assert.equal(result, "failed");
    assert.match(message, /\nThe way back to blue failed \(the volume is gone\): the public is on blue\.\n/);
    assert.doesNotMatch(message, /all of it/);
  });

  test("the files that the configuration names are there before it is, the secret ones for nginx's master alone", async (t) => {
    const files = { "tester-0123456789abcdef.conf": "a\n$'`\\ü\n", "maintenance-0123456789abcdef.html": "<p>\n%s" };
    const includes = Object.keys(files)
      .map((name) => `include ${PROXY_DIRECTORY}/files/${name};\n`)
      .join("");
    const proxy = onBlue(t);
    mkdirSync(join(proxy.directory, "files"));
    proxy.put("files/tester-old.conf", "left over");
    const configuration = configurationFor("blue", includes);
    let atMove: string[] = [];
    proxy.move = async () => {
      atMove = readdirSync(join(proxy.directory, "files")).sort();
      return ok;
    };
    await proxy.carriesOut(orderTo("blue", { configuration, generation: generationOf(configuration), files }));
    assert.deepEqual(atMove, ["maintenance-0123456789abcdef.html", "tester-0123456789abcdef.conf", "tester-old.conf"]);
    for (const [name, content] of Object.entries(files)) assert.equal(proxy.read(`files/${name}`), content);
    const mode = (name: string) => (statSync(join(proxy.directory, "files", name)).mode & 0o777).toString(8);
    assert.equal(mode("tester-0123456789abcdef.conf"), "600");
    assert.equal(mode("maintenance-0123456789abcdef.html"), "644");
    assert.equal(proxy.read("files/tester-old.conf"), undefined, "what nothing names any more goes");
  });

  test("a file that can't be written stops the run before anything moves", async (t) => {
    const proxy = onBlue(t);
    mkdirSync(join(proxy.directory, "next"));
    const error = await proxy.carriesOut(orderTo("green", { files: { "tester-0123456789abcdef.conf": SECRET } }));
    assert.match(error?.message ?? "", /^green was not switched to: [\s\S]*Nothing was changed: the public is on blue/);
    assert.deepEqual(proxy.moves, []);
  });
});

describe("a color about to be replaced", () => {
  test("a color that is about to be replaced loses its sessions, and is waited for until it has no connection", async (t) => {
    const until = Math.floor(Date.now() / 1000) + 3600;
    const held = { blue: { word: BLUE_WORD }, green: { word: GREEN_WORD, until } };
    const time = "2026-01-01T00:00:00.000Z";
    const begin = () =>
      onBlue(t).remembers({ stable: { blue: ["blue-1"] }, sessions: held }, { time, result: "switched", to: "blue" });
    const order = { sessions: true, stickySeconds: 3600, keepAliveSeconds: 0.1 };

    const proxy = begin();
    assert.equal(
      await proxy.carriesOut(orderTo("blue", { ...order, retire: { color: "green", after: time } })),
      undefined,
    );
    assert.deepEqual(proxy.events, ["move blue", "count", "count"]);
    const { sessions } = proxy.record as CutoverRecord;
    assert.deepEqual([sessions?.blue, sessions?.green.until], [{ word: BLUE_WORD }, 0]);
    assert.equal(proxy.sessionsAtMoves[0], sessionsFile(sessions as Sessions));
    assert.equal(proxy.moves[0]?.RELOAD, "true");

    // What an earlier run was told stays in the command's environment, and is none of this one's business.
    for (const change of [
      { retire: { color: "green", after: "2025-12-31T00:00:00.000Z" } as const },
      { retire: { color: "blue", after: time } as const },
      { retire: undefined },
    ]) {
      const later = begin();
      assert.equal(await later.carriesOut(orderTo("blue", { ...order, ...change })), undefined);
      assert.deepEqual([later.events, later.record?.sessions], [["move blue"], held]);
    }
    const switched = begin();
    const retire = { color: "blue", after: "2025-12-31T00:00:00.000Z" } as const;
    assert.equal(await switched.carriesOut(orderTo("green", { ...order, retire, bakeSeconds: 0 })), undefined);
    assert.equal(switched.record?.sessions?.blue.word, BLUE_WORD, "those who stay do stay");
  });
});

describe("several containers of a color", () => {
  test("containers that come beside those that serve are asked before the public meets them, and one that is bad stays out", async (t) => {
    const make = () => {
      const proxy = onBlue(t);
      proxy.containers = [...several("blue", 3), containerOf("green")];
      return proxy;
    };
    const proxy = make();
    assert.equal(await proxy.carriesOut(orderFor("blue", { blue: 3, green: 1 })), undefined);
    assert.deepEqual(
      proxy.events,
      ["smoke http://blue-2:5000/healthz", "smoke http://blue-3:5000/healthz", "move blue"],
      "the one that serves is not asked again",
    );
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1", "blue-2", "blue-3"] } });
    assert.equal(proxy.history.at(-1)?.reason, "blue has 3 containers (1 before)");

    const bad = make();
    bad.smoke = async () => ({ status: 503 });
    const { result, message } = await bad.fails(orderFor("blue", { blue: 3, green: 1 }));
    assert.equal(result, "refused");
    assert.match(message, /blue-2: the smoke test .* failed\.\n[\s\S]*Nothing was changed: the public is on blue/);
    assert.match(
      message,
      /\nNext: docker logs --tail 30 \S+; when it is mended: pulumi up; or stay: pulumi config set replicas 1 && pulumi up$/,
    );
    assert.deepEqual([bad.moves, bad.record], [[], { stable: { blue: ["blue-1"] } }]);
  });

  test("containers that are too many leave when they have answered, and are not stopped here", async (t) => {
    const proxy = new StubProxy(t).serves("blue", servedWith("blue", { blue: 3, green: 1 }));
    proxy.remembers({ stable: { blue: ["blue-1", "blue-2", "blue-3"] } });
    proxy.containers = [...several("blue", 3), containerOf("green")];
    assert.equal(await proxy.carriesOut(orderFor("blue", { blue: 1, green: 1 }, { keepAliveSeconds: 0 })), undefined);
    assert.deepEqual([proxy.events[0], new Set(proxy.events.slice(1))], ["move blue", new Set(["count"])]);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] } });
    assert.equal(proxy.history.at(-1)?.reason, "blue has 1 container (3 before)");
  });

  test("a switch asks each container of the color, and is refused where one is missing", async (t) => {
    const proxy = onBlue(t);
    proxy.containers = [containerOf("blue"), ...several("green", 2)];
    assert.equal(await proxy.carriesOut(orderFor("green", { blue: 1, green: 2 })), undefined);
    assert.deepEqual(proxy.events.slice(0, 3), [
      "smoke http://green:5000/healthz",
      "smoke http://green-2:5000/healthz",
      "move green",
    ]);
    assert.deepEqual(proxy.record?.stable.green, ["green-1", "green-2"]);

    const missing = onBlue(t);
    missing.containers = [containerOf("blue"), ...several("green", 2)];
    const { message } = await missing.fails(orderFor("green", { blue: 1, green: 3 }));
    assert.match(
      message,
      /^green was not switched to: it has 2 of its 3 containers\.\n[\s\S]*Next: pulumi up, which makes them again$/,
    );
    assert.deepEqual(missing.moves, []);
  });
});

describe("an idle color that is stopped or removed", () => {
  test("an idle color that is to stop is drained and stopped, and one that can't be is said and takes nothing back", async (t) => {
    for (const well of [true, false]) {
      const proxy = onBlue(t);
      proxy.containers = [containerOf("blue"), ...several("green", 2)];
      if (!well) proxy.stop = async () => ({ ...ok, code: 1, stderr: "no such engine\n" });
      const order = orderFor("blue", { blue: 1, green: 0 }, { idle: "stopped", keepAliveSeconds: 0 });
      assert.equal(await proxy.carriesOut(order), undefined);
      assert.deepEqual(
        [proxy.events[0], proxy.events[1], proxy.events.at(-1)],
        ["move blue", "count", "stop green-1 green-2"],
      );
      assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] }, retired: RETIRED });
      assert.deepEqual([proxy.live, proxy.history.at(-1)?.reason], ["blue", "green is stopped"]);
      const said = well
        ? /^green is stopped; it comes up again with: /
        : /not stopped yet: no such engine; the next `pulumi up`/;
      assert.ok(
        proxy.said.some((line) => said.test(line)),
        proxy.said.join("\n"),
      );
    }
  });

  test("an idle color is not stopped by a run that was cancelled; the next one does it", async (t) => {
    const proxy = onBlue(t);
    proxy.move = async () => {
      proxy.cancelled.abort();
      return ok;
    };
    await proxy.carriesOut(orderFor("blue", { blue: 1, green: 0 }, { idle: "stopped", keepAliveSeconds: 0 }));
    assert.ok(!proxy.events.some((event) => event.startsWith("stop")), proxy.events.join());
    assert.ok(proxy.said.some((line) => line.includes("not stopped yet: the run was cancelled")));
    assert.equal(proxy.live, "blue");
  });

  test("an idle color that is removed is drained and left to whoever removes it, and its release is remembered without it", async (t) => {
    const order = orderFor("blue", { blue: 1, green: 0 }, { idle: "removed", keepAliveSeconds: 0 });
    const proxy = onBlue(t);
    assert.equal(await proxy.carriesOut(order), undefined);
    assert.ok(!proxy.events.some((event) => event.startsWith("stop")));
    const retired = { ...RETIRED, how: "removed" };
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"] }, retired });
    proxy.containers = [containerOf("blue")];
    assert.equal(await proxy.carriesOut({ ...order, verifyRequests: 9 }), undefined);
    assert.deepEqual(proxy.record?.retired, retired);
  });
});

describe("containers that do not run", () => {
  test("a color that was stopped is started before it is asked, and gated and watched although it was stable", async (t) => {
    const proxy = new StubProxy(t).serves("blue", servedWith("blue", { blue: 1, green: 0 }));
    const since = "2026-01-01T00:00:00.000Z";
    proxy.remembers({ stable: { blue: ["blue-1"], green: ["green-1"] }, since, retired: RETIRED });
    proxy.containers = [containerOf("blue"), containerOf("green", { State: { ...dead, ExitCode: 0 } })];
    const bad = orderFor("green", { blue: 1, green: 1 });
    proxy.smoke = async () => ({ status: 503 });
    await proxy.fails(bad);
    assert.deepEqual([proxy.whole?.retired, proxy.whole?.since, proxy.moves], [RETIRED, since, []]);

    proxy.smoke = async () => ({ status: 200 });
    proxy.change("green", { State: { ...dead, ExitCode: 0 } });
    proxy.events.length = 0;
    assert.equal(await proxy.carriesOut(bad), undefined);
    assert.deepEqual(proxy.events.slice(0, 4), [
      "start green-1",
      "smoke http://green:5000/healthz",
      "move green",
      "look",
    ]);
    assert.deepEqual(proxy.record, { stable: { blue: ["blue-1"], green: ["green-1"] } });
    assert.notEqual(proxy.whole?.since, since, "live since now");
    assert.equal(proxy.history.at(-1)?.result, "switched");

    // And as the idle color, without being asked.
    const idle = new StubProxy(t).serves("blue", servedWith("blue", { blue: 1, green: 0 }));
    idle.remembers({ stable: { blue: ["blue-1"] }, since, retired: RETIRED });
    idle.containers = [containerOf("blue"), containerOf("green", { State: { ...dead, ExitCode: 0 } })];
    assert.equal(await idle.carriesOut(orderFor("blue", { blue: 1, green: 1 })), undefined);
    assert.deepEqual(idle.events, ["start green-1", "move blue"]);
    assert.deepEqual(
      [idle.whole, idle.history.at(-1)?.reason],
      [{ stable: { blue: ["blue-1"] }, since }, "green comes up again"],
    );
  });

  test("a stable color that somebody stopped is started by the switch to it, then gated and watched, in whatever state it is", async (t) => {
    for (const Status of ["exited", "created"]) {
      const proxy = onBlue(t).remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
      proxy.change("green", { State: { ...dead, Status } });
      assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
      assert.deepEqual(
        proxy.events,
        ["start green-1", "smoke http://green:5000/healthz", "move green", "look"],
        Status,
      );
      assert.equal(proxy.history.at(-1)?.result, "switched");
      assert.ok(proxy.said.includes("green is stopped: it is started"), proxy.said.join("\n"));
    }
  });

  test("only those of a color's containers that do not run are started, and a color that is left is not", async (t) => {
    const proxy = onBlue(t);
    const [first, second] = several("green", 2);
    assert.ok(first !== undefined && second !== undefined);
    proxy.containers = [containerOf("blue", { State: dead }), first, { ...second, State: dead }];
    assert.equal(await proxy.carriesOut(orderFor("green", { blue: 1, green: 2 })), undefined);
    assert.equal(proxy.events[0], "start green-2");
    assert.ok(proxy.said.includes("blue-green-dev-green-2 is stopped: it is started"), proxy.said.join("\n"));
    assert.deepEqual(
      proxy.events.filter((event) => event.startsWith("start")),
      ["start green-2"],
    );
  });

  test("a live color that somebody stopped is started by the next run, and a canary before it gets more visitors", async (t) => {
    const live = onBlue(t);
    live.change("blue", { State: dead });
    assert.equal(await live.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(live.events, ["start blue-1", "move blue"]);

    const canary = onBlue(t).remembers({ stable: { blue: ["blue-1"] }, canary: 5, tried: ["green-1"] });
    canary.change("green", { State: dead });
    assert.equal(await canary.carriesOut(orderTo("blue", { canaryPercent: 10, canarySetting: 10 })), undefined);
    assert.deepEqual(canary.events.slice(0, 3), ["start green-1", "smoke http://green:5000/healthz", "move blue"]);
  });

  test("an idle color that was never started comes up last, and one that can't takes nothing from the public", async (t) => {
    for (const starts of [true, false]) {
      const proxy = onBlue(t);
      proxy.change("green", { State: { ...dead, Status: "created" } });
      proxy.engine = ([command]) => {
        if (command === "start" && !starts) throw new Error("port is already allocated\nmore");
      };
      assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
      assert.deepEqual(proxy.events, starts ? ["move blue", "start green-1"] : ["move blue"]);
      assert.equal(
        proxy.said.at(-1),
        starts
          ? "green was never started: it is started"
          : "green does not start: port is already allocated; the next `pulumi up` tries it again",
      );
    }
    // One that was stopped stays so while nobody needs it.
    const proxy = onBlue(t);
    proxy.change("green", { State: dead });
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(proxy.events, ["move blue"]);
  });
});

describe("colors that must not run at the same time", () => {
  /** A color's container that says so, and whether it runs. */
  const alone = (color: Color, State: ContainerState): Inspected => {
    const { Config, ...container } = containerOf(color, { State });
    const slot = JSON.parse(Config.Labels?.[LABEL.slot] ?? "{}");
    const label = JSON.stringify({ ...slot, sharedWhileSwitching: false });
    return { ...container, Config: { ...Config, Labels: { ...Config.Labels, [LABEL.slot]: label } } };
  };
  const BEGINS = ["stop blue-1", "start green-1", "smoke http://green:5000/healthz"];
  const RETURNS = ["stop green-1", "start blue-1", "ask blue"];
  const onBlueAlone = (t: TestContext): StubProxy => {
    const proxy = new StubProxy(t).serves("blue", servedWith("blue", { blue: 1, green: 0 }));
    proxy.containers = [alone("blue", running), alone("green", dead)];
    return proxy.remembers({ stable: { blue: ["blue-1"], green: ["green-1"] }, retired: RETIRED });
  };
  const toGreen = orderFor("green", { blue: 0, green: 1 }, { idle: "stopped", keepAliveSeconds: 0 });

  test("the one that is left is stopped before the other one starts, and the run says for how long nobody was answered", async (t) => {
    const proxy = onBlueAlone(t);
    assert.equal(await proxy.carriesOut(toGreen), undefined);
    assert.deepEqual(proxy.events, [...BEGINS, "move green", "look"]);
    const said = proxy.said.join("\n");
    assert.match(
      said,
      /^blue is stopped before green starts, since sharedWhileSwitching is false: the public gets no answer meanwhile$/m,
    );
    assert.match(said, /^the public got no answer for [0-9.]+ s$/m);
    const last = proxy.history.at(-1);
    assert.deepEqual([last?.result, typeof last?.seconds.away, proxy.live], ["switched", "number", "green"]);
  });

  test("one that fails its gate is stopped, and the one that was live is started again", async (t) => {
    const proxy = onBlueAlone(t);
    proxy.smoke = async () => ({ status: 503 });
    const { message } = await proxy.fails(toGreen);
    assert.deepEqual(proxy.events, [...BEGINS, ...RETURNS]);
    assert.match(message, /the public is on blue/);
    assert.match(proxy.said.at(-1) ?? "", /^blue is started again: the public got no answer for [0-9.]+ s$/);
    assert.deepEqual([proxy.live, proxy.moves], ["blue", []]);
  });

  test("one that is not well in its watch is stopped before the way back", async (t) => {
    const proxy = onBlueAlone(t);
    proxy.sample = async () => ({ health: 503 });
    const { message } = await proxy.fails(toGreen);
    assert.match(message, /green was switched to and taken back/);
    const back = proxy.events.indexOf("stop green-1");
    assert.deepEqual(proxy.events.slice(back, back + 3), RETURNS);
    assert.equal(proxy.live, "blue");
  });

  test("a switch that was cut off leaves one of them, and the next run has that one alone", async (t) => {
    const proxy = onBlueAlone(t);
    proxy.containers = [alone("blue", dead), alone("green", running)];
    const stay = orderFor("blue", { blue: 1, green: 0 }, { idle: "stopped", keepAliveSeconds: 0 });
    assert.equal(await proxy.carriesOut(stay), undefined);
    assert.deepEqual(proxy.events.slice(0, 3), ["stop green-1", "start blue-1", "move blue"]);
  });

  test("an engine that can't stop the one that is left changes nothing", async (t) => {
    const proxy = onBlueAlone(t);
    proxy.stop = async () => ({ ...ok, code: 1, stderr: "no such engine" });
    const { message } = await proxy.fails(toGreen);
    assert.match(message, /no such engine/);
    assert.deepEqual(proxy.moves, []);
  });
});
