import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { carryOutOn } from "../../cutover/cutover";
import { Hosts } from "../../cutover/hosts";
import type { Order } from "../../cutover/order";
import { type Found, rollBack, type WayBack } from "../../cutover/rollback";
import { CutoverFailed } from "../../cutover/run";
import type { Color } from "../../stacks/service/color";
import { orderTo, orderToShare, SECRET } from "./order.sample";
import { lost, ok, onBlue, StubProxy, WHO } from "./proxy.stub";
import { SIGNING_KEY, TestReceiver } from "./receiver.sample";

type Proxies = Record<string, StubProxy>;

/** What was said in a cutover, how it failed, and in which order the hosts did what. */
interface Outcome {
  said: string[];
  error: CutoverFailed | undefined;
  events: string[];
}

/** Carries out an order on all of these hosts. */
async function carriesOut(proxies: Proxies, order: Order, cancelled = new AbortController()): Promise<Outcome> {
  const said: string[] = [];
  const events: string[] = [];
  for (const [host, { events: own }] of Object.entries(proxies)) {
    own.push = (...more: string[]) => {
      events.push(...more.map((event) => `${host} ${event}`));
      return Array.prototype.push.apply(own, more);
    };
  }
  const places = Object.entries(proxies).map(([host, { docker }], at) => ({
    ...{ host, docker },
    order: at === 0 ? order : { ...order, gateCommand: "" },
  }));
  const [first] = places;
  assert.ok(first);
  const tools = {
    ...{ docker: first.docker, signal: cancelled.signal, who: WHO },
    say: (line: string) => void said.push(line),
  };
  const error = await carryOutOn(places, tools).then(
    () => undefined,
    (error: Error) => error,
  );
  assert.ok(error === undefined || error instanceof CutoverFailed, String(error));
  assert.doesNotMatch([error?.message, ...said].join("\n"), new RegExp(SECRET));
  if (error !== undefined) assert.match(error.message, /\nNext: .*$/, "there is always a next command");
  return { said, error, events };
}

const onThree = (t: TestContext): { a: StubProxy; b: StubProxy; c: StubProxy } => ({
  a: onBlue(t),
  b: onBlue(t),
  c: onBlue(t),
});

const live = (proxies: Proxies): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(proxies).map(([host, proxy]) => [host, proxy.live]));

const everywhere = (color: Color) => ({ a: color, b: color, c: color });

const latest = (proxies: Proxies) =>
  Object.fromEntries(Object.entries(proxies).map(([host, { history }]) => [host, history.at(-1)?.result]));

const at = (events: readonly string[], ...wanted: string[]): number[] => wanted.map((event) => events.indexOf(event));

/** An end of nginx's with its reason. */
const failing = (stderr: string) => async () => ({ code: 1, stdout: "", stderr });

const HOSTS = ["a", "b", "c"];

describe("a cutover over several hosts", { concurrency: true }, () => {
  test("none moves before each of them was gated and checked, and all of them do", async (t) => {
    const proxies = onThree(t);
    // A host that takes longer is waited for.
    proxies.b.smoke = async () => {
      await pause(300);
      return { status: 200 };
    };
    proxies.c.check = async () => {
      await pause(200);
      return ok;
    };
    const { said, error, events } = await carriesOut(proxies, orderTo("green"));
    assert.equal(error, undefined);
    const [gated = -1] = at(events, "b smoke http://green:5000/healthz");
    const checks = at(events, ...HOSTS.map((host) => `${host} check green`));
    const moves = at(events, ...HOSTS.map((host) => `${host} move green`));
    assert.ok(gated >= 0 && Math.min(...checks) >= 0);
    assert.ok(Math.min(...moves) > Math.max(gated, ...checks), events.join("\n"));
    assert.deepEqual(live(proxies), everywhere("green"));
    assert.match(said.at(-1) ?? "", /^green is live on 3 hosts \(a, b, c\)/);
    for (const host of HOSTS)
      assert.ok(said.some((line) => line.startsWith(`${host}: green is live, from blue and well`)));
  });

  test("how far apart they moved is said, by when visitors of each met the new configuration", async (t) => {
    const proxies = onThree(t);
    for (const proxy of Object.values(proxies))
      proxy.moveSays = ["the public meets the new configuration, 5 ms after the reload"];
    proxies.b.move = async () => {
      await pause(150);
      return ok;
    };
    const { said } = await carriesOut(proxies, orderTo("green"));
    const [, spread] = /; the public moved on all of them within (\d+) ms$/.exec(said.at(-1) ?? "") ?? [];
    assert.ok(Number(spread) >= 100 && Number(spread) < 60_000, said.at(-1));
  });

  test("each host has its line of the history, of one time; the gate command runs once, and word goes out once", async (t) => {
    const proxies = onThree(t);
    const receiver = await TestReceiver.listen(t);
    const to = { receiver: { kind: "json", url: receiver.url, secret: SIGNING_KEY } } as const;
    const { said } = await carriesOut(proxies, orderTo("green", { gateCommand: "echo asked", ...to }));
    assert.deepEqual(latest(proxies), { a: "switched", b: "switched", c: "switched" });
    assert.equal(new Set(Object.values(proxies).map(({ history }) => history.at(-1)?.time)).size, 1);
    assert.deepEqual(
      said.filter((line) => line.includes("gate: asked")),
      ["a: gate: asked"],
    );
    assert.deepEqual(
      receiver.words.map(({ phase }) => phase),
      ["switched"],
    );
  });

  test("what the gate refuses on one host moves nobody, and the error names it", async (t) => {
    const proxies = onThree(t);
    proxies.b.smoke = async () => ({ status: 500 });
    const { error, events } = await carriesOut(proxies, orderTo("green"));
    assert.equal(error?.result, "refused");
    assert.match(
      error?.message ?? "",
      /^On host b: green was not switched to: the smoke test "says its color and version" failed\.\n/,
    );
    assert.match(error?.message ?? "", /\nOn host a: Nothing was changed: the public is on blue\.\n/);
    assert.match(error?.message ?? "", /\nOn host c: Nothing was changed: the public is on blue\.\n/);
    assert.equal(error?.message.match(/\nNext: /g)?.length, 1);
    assert.deepEqual(
      events.filter((event) => / (?:move|back) /.test(event)),
      [],
    );
    assert.deepEqual(latest(proxies), { a: "refused", b: "refused", c: "refused" });
    assert.match(
      proxies.a.history.at(-1)?.reason ?? "",
      /^host b failed: the smoke test "says its color and version" failed$/,
    );
    assert.deepEqual(live(proxies), everywhere("blue"));
  });

  test("a configuration that nginx of one host refuses, or a color that doesn't answer there, moves nobody", async (t) => {
    for (const seen of ["nginx refuses the configuration.", "green did not answer /healthz with 200 within 10 s."]) {
      const proxies = onThree(t);
      proxies.c.check = failing(`${seen}\nIn nginx's own words:\nunknown directive`);
      const { error, events } = await carriesOut(proxies, orderTo("green"));
      assert.equal(error?.result, "refused");
      assert.ok(error?.message.startsWith(`On host c: green was not switched to: ${seen}\n`), error?.message);
      assert.deepEqual(
        events.filter((event) => / (?:move|back) /.test(event)),
        [],
      );
    }
  });

  test("a move that fails on one host takes all back at once, in a way back too", async (t) => {
    const stable = { blue: ["blue-1"], green: ["green-1"] };
    for (const isStable of [false, true]) {
      const proxies = onThree(t);
      if (isStable) for (const proxy of Object.values(proxies)) proxy.remembers({ stable });
      proxies.b.move = failing("nginx did not serve the new configuration within 15 s (it serves: nothing).");
      const { error } = await carriesOut(proxies, orderTo("green"));
      assert.match(
        error?.message ?? "",
        /^On host b: (?:green was not switched to|The switch to green failed): nginx did not serve/,
      );
      for (const host of ["a", "c"])
        assert.match(error?.message ?? "", new RegExp(`\nOn host ${host}: .*the public is`, "i"));
      assert.deepEqual(live(proxies), everywhere("blue"));
      for (const proxy of Object.values(proxies)) assert.equal(proxy.record?.moving, undefined);
    }
  });

  test("the answers of all hosts are added up: what is too much on one host alone is judged with the others'", async (t) => {
    const proxies = onThree(t);
    proxies.a.seen = { count: 100, errors: 2 };
    for (const host of ["b", "c"] as const) proxies[host].seen = { count: 400, errors: 0 };
    const well = await carriesOut(
      proxies,
      orderTo("green", { limits: { maxErrorPercent: 1, minRequests: 800, maxP95Seconds: 0 } }),
    );
    assert.equal(well.error, undefined);
    const watched = well.said.filter((line) => /^\w+: watch /.test(line));
    assert.ok(watched.length > 0 && watched.every((line) => line.startsWith("a: ")), "one host says it for all");

    const others = onThree(t);
    others.b.seen = { count: 100, errors: 90 };
    const { error } = await carriesOut(others, orderTo("green"));
    assert.equal(error?.result, "reverted");
    assert.match(error?.message ?? "", /\d+ answers, 90 of them 5xx \(\d+ %\)/);
    assert.deepEqual(live(others), everywhere("blue"));
    assert.deepEqual(latest(others), { a: "reverted", b: "reverted", c: "reverted" });
  });

  test("a container that is ill on one host takes all hosts back, and is named with its host", async (t) => {
    const proxies = onThree(t);
    proxies.c.seen = { health: 500 };
    const { error } = await carriesOut(proxies, orderTo("green", { bakeSeconds: 6 }));
    assert.equal(error?.result, "reverted");
    assert.match(error?.message ?? "", /^On host c: .*: c: green's health path was not answered well 3 times in a row/);
    assert.deepEqual(live(proxies), everywhere("blue"));
  });

  test("a host that nothing is heard of is given up in seconds, in whatever step, and the others are as they were", async (t) => {
    for (const [phase, began] of [
      ["gate", "c smoke http://green:5000/healthz"],
      ["check", "c check green"],
      ["move", "c move green"],
      ["watch", "c look"],
    ] as const) {
      const proxies = onThree(t);
      let mend = () => {};
      const mended = new Promise<void>((resolve) => {
        mend = resolve;
      });
      const { docker } = proxies.c;
      let isCut = false;
      // From then on nothing comes back, neither of what is asked nor of the process that holds the lock.
      const cut = async () => {
        isCut = true;
        for (const { pid } of proxies.c.holders) process.kill(-(pid ?? 0), "SIGSTOP");
        await mended;
        return { code: null, stdout: "", stderr: "", status: 500 };
      };
      Object.defineProperty(proxies.c, "docker", {
        value: {
          ...docker,
          ask: (...args: string[]) => (isCut ? mended.then(() => docker.ask(...args)) : docker.ask(...args)),
          run: (...args: Parameters<typeof docker.run>) =>
            isCut
              ? pause(1000 * Math.min(1, args[1]?.timeoutSeconds ?? 1)).then(() =>
                  Promise.reject(new Error("no answer")),
                )
              : docker.run(...args),
        },
      });
      if (phase === "gate") proxies.c.smoke = cut;
      if (phase === "check") proxies.c.check = cut;
      if (phase === "move") proxies.c.move = cut;
      if (phase === "watch") proxies.c.sample = () => cut().then(() => ({}));
      let back = 0;
      const ended = carriesOut(proxies, orderTo("green", { bakeSeconds: 3 }));
      const since = performance.now();
      while (back === 0 && performance.now() - since < 40_000) {
        await pause(100);
        const others = [proxies.a, proxies.b];
        const isOver = others.every(({ history }) => /refused|failed|reverted/.test(history.at(-1)?.result ?? ""));
        if (isOver && others.every((proxy) => proxy.live === "blue")) back = performance.now() - since;
      }
      assert.ok(back > 0 && back < 25_000, `${phase}: the others are on blue`);
      for (const { pid, exitCode, signalCode } of proxies.c.holders)
        if (exitCode === null && signalCode === null) process.kill(-(pid ?? 0), "SIGCONT");
      isCut = false;
      mend();
      const { error, events } = await ended;
      assert.ok(events.includes(began), events.join("\n"));
      assert.match(error?.message ?? "", /^On host c: .*: it did not answer for 10 s\.\n/);
      assert.equal(proxies.c.live, "blue", phase);
    }
  });

  test("a host that is added opens when the others have been watched, and not where they are taken back", async (t) => {
    const proxies = { ...onThree(t), c: new StubProxy(t) };
    const { error, events } = await carriesOut(proxies, orderTo("green"));
    assert.equal(error, undefined);
    const looks = ["a look", "b look"].map((event) => events.lastIndexOf(event));
    const [opened = -1] = at(events, "c move green");
    assert.ok(Math.min(...looks) >= 0 && opened > Math.max(...looks), events.join("\n"));
    assert.deepEqual(latest(proxies), { a: "switched", b: "switched", c: "first" });

    const others = { ...onThree(t), c: new StubProxy(t) };
    others.a.seen = { errors: 100 };
    const failed = await carriesOut(others, orderTo("green"));
    assert.equal(failed.error?.result, "reverted");
    assert.ok(!failed.events.includes("c move green"));
    assert.match(failed.error?.message ?? "", /\nOn host c: Nothing was changed: nobody is served yet\.\n/);
  });

  test("a host that is added and does not come up fails the run, and the others stay where they are to be", async (t) => {
    const proxies = { ...onThree(t), c: new StubProxy(t) };
    proxies.c.answersHealth = async () => 503;
    const { error } = await carriesOut(proxies, orderTo("green"));
    assert.match(
      error?.message ?? "",
      /^On host c: green was not switched to: the container blue-green-dev-green is not healthy/,
    );
    assert.deepEqual([proxies.a.live, proxies.b.live], ["green", "green"]);
    assert.deepEqual(latest(proxies), { a: "switched", b: "switched", c: "refused" });
  });

  test("a host that lags behind is switched while the others stay", async (t) => {
    const proxies = onThree(t);
    for (const host of ["a", "c"] as const) {
      proxies[host].serves("green").remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
    }
    const { error, said } = await carriesOut(proxies, orderTo("green"));
    assert.equal(error, undefined, said.join("\n"));
    assert.deepEqual(live(proxies), everywhere("green"));
    assert.equal(proxies.b.history.at(-1)?.result, "switched");
  });

  test("sessions and a canary's share mean the same on all hosts, that of a host which had others too", async (t) => {
    const proxies = onThree(t);
    const { error } = await carriesOut(proxies, orderToShare(10));
    assert.equal(error, undefined);
    const files = Object.values(proxies).map((proxy) => proxy.read("sessions.conf"));
    assert.ok(files[0]?.includes("map $cookie_blue_green_session"));
    assert.equal(new Set(files).size, 1);
    // One was away and had its own.
    proxies.c.remembers({ stable: { blue: ["blue-1"] } });
    assert.equal((await carriesOut(proxies, orderTo("green", { sessions: true, stickySeconds: 60 }))).error, undefined);
    const sticky = Object.values(proxies).map(({ record }) => JSON.stringify(record?.sessions));
    assert.equal(new Set(sticky).size, 1);
    assert.match(sticky[0] ?? "", /"blue":\{"word":"[\w-]+","until":\d+\}/);
  });

  test("a proxy that can't be entered has nothing happen anywhere, and no lock is kept", async (t) => {
    const proxies = onThree(t);
    const { docker } = proxies.b;
    const broken = { ...docker, start: () => proxies.b.sh("echo 'Error: No such container: p1' >&2; exit 1", []) };
    Object.defineProperty(proxies.b, "docker", { get: () => broken });
    const places = Object.entries(proxies).map(([host, { docker }]) => ({ host, docker, order: orderTo("green") }));
    const tools = { docker: proxies.a.docker, say: () => {}, signal: new AbortController().signal, who: WHO };
    await assert.rejects(
      carryOutOn(places, tools),
      /^Error: green was not switched to: on host b, the container blue-green-dev-proxy is gone, [\s\S]*Nothing was changed\.\nNext: /,
    );
    for (const host of ["a", "c"] as const) {
      assert.equal(proxies[host].read("holder"), undefined);
      assert.deepEqual(proxies[host].history, []);
    }
  });

  test("two cutovers of the same hosts, in whatever order they come, wait for each other and both end", async (t) => {
    const proxies = onThree(t);
    const order = orderTo("green");
    const ends = await Promise.all([
      carriesOut(proxies, order),
      carriesOut(proxies, order),
      carriesOut(proxies, order),
    ]);
    for (const { error, said } of ends) assert.equal(error, undefined, said.join("\n"));
    assert.deepEqual(live(proxies), everywhere("green"));
  });

  test("a run that is cancelled in its watch takes all back", async (t) => {
    const proxies = onThree(t);
    const cancelled = new AbortController();
    proxies.b.move = async () => {
      setTimeout(() => cancelled.abort(), 300);
      return ok;
    };
    const { error } = await carriesOut(proxies, orderTo("green", { bakeSeconds: 20 }), cancelled);
    assert.equal(error?.result, "reverted");
    assert.deepEqual(live(proxies), everywhere("blue"));
  });

  test("a proxy that restarts in its move is put back, and the others with it", async (t) => {
    const proxies = onThree(t);
    proxies.c.move = async () => ({ code: null, stdout: "", stderr: "" });
    const { error } = await carriesOut(proxies, orderTo("green"));
    assert.match(error?.message ?? "", /^On host c: .*the script in the proxy was cut off/);
    assert.deepEqual(live(proxies), everywhere("blue"));
    for (const { holders } of Object.values(proxies)) for (const holder of holders) await lost(holder);
  });
});

describe("a way back by hand over several hosts", { concurrency: true }, () => {
  const OWNER = { project: "blue-green", stack: "dev" };
  const WAY: WayBack = { to: "blue", from: "green", putBack: undefined };

  const onGreen = (t: TestContext): { a: StubProxy; b: StubProxy; c: StubProxy } => {
    const proxies = onThree(t);
    for (const proxy of Object.values(proxies))
      proxy.serves("green").remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
    return proxies;
  };

  async function goesBack(proxies: Proxies, choose: (found: Found) => WayBack | undefined = () => WAY) {
    const said: string[] = [];
    let moved = 0;
    const places = Object.entries(proxies).map(([host, { docker }]) => ({ host, docker }));
    const [first] = places;
    assert.ok(first);
    const tools = {
      ...{ docker: first.docker, signal: new AbortController().signal, who: WHO },
      say: (line: string) => void said.push(line),
    };
    const back = rollBack(OWNER, choose, "by hand", tools, () => moved++, places);
    return { ...(await back), said, moved };
  }

  /** A host that can't be reached. */
  const away = (proxy: StubProxy, script: string) => {
    const { docker } = proxy;
    Object.defineProperty(proxy, "docker", { value: { ...docker, start: () => proxy.sh(script, []) } });
  };

  test("all go back together, with a line of the history each, and whoever waits for it hears it once", async (t) => {
    const proxies = onGreen(t);
    const { way, hosts, missed, moved, said } = await goesBack(proxies);
    assert.deepEqual([way, hosts, missed, moved], [WAY, HOSTS, [], 1]);
    assert.deepEqual(live(proxies), everywhere("blue"));
    assert.deepEqual(latest(proxies), { a: "instant", b: "instant", c: "instant" });
    assert.match(said.at(-1) ?? "", /^blue is live on 3 hosts \(a, b, c\)/);
  });

  test("one that does not answer, at once or at all, holds the others up for seconds and is named", async (t) => {
    for (const [script, why] of [
      ["echo 'ssh: connect to host b: Connection refused' >&2; exit 1", /Connection refused/],
      ["sleep 60", /docker exec ended without an answer/],
    ] as const) {
      const proxies = onGreen(t);
      away(proxies.a, script);
      const began = performance.now();
      const { way, hosts, missed } = await goesBack(proxies);
      assert.ok(performance.now() - began < 30_000);
      assert.deepEqual([way, hosts, missed.map(({ host }) => host)], [WAY, ["b", "c"], ["a"]]);
      assert.match(missed[0]?.error.message ?? "", why);
      assert.deepEqual(live(proxies), { a: "green", b: "blue", c: "blue" });
    }
  });

  test("where none answers, or a cutover runs on one of them, nothing moves and no lock is kept", async (t) => {
    const none = onGreen(t);
    for (const proxy of Object.values(none)) away(proxy, "echo 'Error: No such container: p1' >&2; exit 1");
    await assert.rejects(goesBack(none), /No such container/);

    const busy = onGreen(t);
    away(busy.b, "echo 'busy ann, process 7'; exit 75");
    await assert.rejects(
      goesBack(busy),
      /^CutoverFailed: On host b: another cutover runs in this proxy \(ann, process 7\)[\s\S]*Nothing was changed\.\nNext: /,
    );
    for (const host of ["a", "c"] as const) assert.equal(busy[host].read("holder"), undefined);
    assert.deepEqual(live(busy), everywhere("green"));
  });

  test("one where the old color does not answer keeps all where they are: none goes alone", async (t) => {
    const proxies = onGreen(t);
    proxies.c.check = failing("blue did not answer /healthz with 200 within 10 s (last seen: 502).");
    await assert.rejects(goesBack(proxies), /^CutoverFailed: On host c: blue was not switched to: blue did not answer/);
    assert.deepEqual(live(proxies), everywhere("green"));
  });

  test("those that are there already stay, and those that would go two ways are refused", async (t) => {
    const proxies = onGreen(t);
    proxies.a.serves("blue");
    const { hosts } = await goesBack(proxies, ({ serving }) => (serving?.color === "green" ? WAY : undefined));
    assert.deepEqual(hosts, ["b", "c"]);

    const apart = onGreen(t);
    apart.a.serves("blue");
    const other = ({ serving }: Found): WayBack =>
      serving?.color === "green" ? WAY : { to: "green", from: "blue", putBack: undefined };
    await assert.rejects(
      goesBack(apart, other),
      /The hosts serve different colors, and would go back a to green, b to blue, c to blue\. Nothing/,
    );
  });
});

describe("the points at which hosts wait for each other", () => {
  test("whoever does not come in time has failed, by name, and only the first failure counts", async () => {
    const hosts = new Hosts(HOSTS);
    hosts.reach("c", "moved");
    const failed = await hosts.meet("a", "moved", 0.05);
    assert.deepEqual(failed, { host: "b", reason: "it did not answer within 0.05 s of the others" });
    hosts.fail("c", "another one");
    assert.equal(hosts.failure?.host, "b");
    assert.equal(hosts.othersFailure("a"), "host b failed: it did not answer within 0.05 s of the others");
    assert.equal(hosts.othersFailure("b"), undefined);
    assert.ok(hosts.signal.aborted);
  });

  test("a later point is past the earlier ones, and who has ended is waited for nowhere", async () => {
    const hosts = new Hosts(HOSTS);
    hosts.reach("b", "moved");
    hosts.leave("c");
    assert.equal(await hosts.meet("a", "ready"), undefined);
    hosts.reach("b", "prepared");
    assert.ok(hosts.haveReached("ready"), "nobody goes back");
    assert.ok(!hosts.haveReached("moved"));
  });
});
