import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  assertNoFailures,
  freshGets,
  keepAliveGets,
  LIGHT,
  makeVisitors,
  moves,
  slowLoris,
  visit,
  webSockets,
} from "../load";
import { backendImages } from "./backend";
import { colorOf, fails, faults, history, killMaster, says, until } from "./failures";
import { get, TestStack } from "./stack";

/** Visitors by whom a share is measured. */
const VISITORS = 20_000;
/** Visitors who come back. */
const OLD_VISITORS = 2000;
/** How far a share may be from what was asked for, in standard deviations: chance alone is that far off once in a million times. */
const TOLERANCE_DEVIATIONS = 5;

let images: Record<string, string>;

before(async () => {
  images = await backendImages();
});

const settings = () => ({
  ...images,
  bakeSeconds: "3",
  drainSeconds: "15",
  keepAliveSeconds: "3",
  proxyTimeoutSeconds: "10",
});

const COOKIE = "blue_green_session";

test("canary", async (t) => {
  const stack = await TestStack.make(t, settings());
  await stack.up();
  const url = `${stack.url}/`;
  const userAgent = (visitor: number) => `visitor ${visitor}`;
  const share = (percent: number, colors: Record<string, number>, count: number) => {
    const p = percent / 100;
    const tolerance = TOLERANCE_DEVIATIONS * Math.sqrt(count * p * (1 - p));
    assert.ok(
      Math.abs((colors.green ?? 0) - count * p) <= tolerance,
      `${colors.green} of ${count} visitors on green, ${percent} % asked for`,
    );
  };
  const visitors = makeVisitors(VISITORS);

  await t.test(`of ${VISITORS} visitors, 5 % are on green, each on its color from page to page`, async () => {
    await stack.set("canaryPercent", "5");
    const preview = await stack.pulumi("preview", "--diff");
    says(preview, /\+ +5% 1;/, "green (2.0.0) gets 5 % of the new visitors (0 % now), after its health, 1 smoke test");
    const output = await stack.up();
    says(
      output,
      "gate ok: healthy, 1 smoke test (green 2.0.0)",
      /watch \d+\/\d+ s, /,
      "and green has 5 % of the new visitors",
    );
    await stack.pulumi("preview", "--expect-no-changes");
    const seen = await visit(visitors, { url, cookies: true, userAgent, concurrency: 64 });
    assert.deepEqual(seen.failedExamples, []);
    share(5, seen.colors, VISITORS);
    console.log(`5 %: ${JSON.stringify(seen.colors)} of ${VISITORS}`);
    const few = await visit(visitors.slice(0, OLD_VISITORS), { url, cookies: true, userAgent, pages: 3 });
    assert.equal(few.flips, 0);
    const without = await visit(makeVisitors(OLD_VISITORS), { url, cookies: false, userAgent, pages: 3 });
    assert.equal(without.flips, 0, "nor do those flip who keep no cookie");
  });

  await t.test("20 % keep those who were on green, and new visitors come in that share", async () => {
    const old = visitors.slice(0, OLD_VISITORS);
    const before = await visit(old, { url, cookies: true, userAgent });
    const bare = await visit(makeVisitors(OLD_VISITORS), { url, cookies: false, userAgent });
    await stack.set("canaryPercent", "20");
    says(await stack.up(), "and green has 20 % of the new visitors");
    const after = await visit(old, { url, cookies: true, userAgent });
    assert.equal(moves(before, after)["green to blue"] ?? 0, 0);
    assert.equal(moves(before, after)["blue to green"] ?? 0, 0, "a session stays where it began");
    assert.equal(
      moves(bare, await visit(makeVisitors(OLD_VISITORS), { url, cookies: false, userAgent }))["green to blue"] ?? 0,
      0,
    );
    const fresh = await visit(makeVisitors(VISITORS, VISITORS), { url, cookies: true, userAgent });
    assert.deepEqual(fresh.failedExamples, []);
    share(20, fresh.colors, VISITORS);
    console.log(`20 %: ${JSON.stringify(fresh.colors)} of ${VISITORS}`);
  });

  await t.test("a version for it is refused under its visitors", async () => {
    await stack.set("greenVersion", "3.0.0");
    await fails(stack, "green has 20 % of the new visitors, and this would replace its container under them");
    await stack.set("greenVersion", "2.0.0");
  });

  await t.test("its container killed: its visitors are served by blue, and nobody sees an error", async () => {
    const load = visit(makeVisitors(200_000), { url, cookies: false, userAgent, concurrency: 4, maxSeconds: 6 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await killMaster(stack, "green");
    const seen = await load;
    assert.deepEqual(seen.failedExamples, []);
    assert.ok((seen.colors.green ?? 0) > 20, "green answered some before");
    await until("green is healthy again", () => stack.isWell("green"));
  });

  await t.test("its own errors put it back to none by itself", async () => {
    await stack.set("canaryPercent", "40");
    await faults(stack, "green", { errorPercent: 50 });
    const load = visit(makeVisitors(200_000, 500_000), {
      url,
      cookies: false,
      userAgent,
      pages: 4,
      concurrency: 8,
      pauseMs: 50,
      maxSeconds: 25,
    });
    await fails(
      stack,
      "green got 40 % of the new visitors and was not well",
      "maxErrorPercent 1",
      "The public is on blue, all of it.",
      "pulumi config set canaryPercent 0 && pulumi up",
    );
    await load;
    await faults(stack, "green", {});
    const seen = await visit(makeVisitors(2000), { url, cookies: true, userAgent });
    assert.deepEqual(Object.keys(seen.colors), ["blue"]);
    const back = await visit(visitors.slice(0, OLD_VISITORS), { url, cookies: true, userAgent });
    assert.deepEqual(Object.keys(back.colors), ["blue"], "who was on green is on blue again");
    const last = (await history(stack)).at(-1);
    assert.equal(last?.result, "reverted");
    says(await stack.pulumi("preview", "--diff"), /\+ +40% 1;/);
  });

  await t.test("a switch ends it, and what the setting still says begins no other one", async () => {
    await stack.set("canaryPercent", "10");
    await stack.up();
    const load = keepAliveGets({ ...LIGHT, url, connections: 8 });
    says(await stack.switchTo("green"), "The switch ends the canary: all visitors move to green.");
    assertNoFailures(await load.stop());
    const seen = await visit(makeVisitors(2000), { url, cookies: true, userAgent });
    assert.deepEqual(Object.keys(seen.colors), ["green"]);
    says(await stack.up(), "canaryPercent 10 was green's before the switch; blue gets no visitors by it");
    assert.equal(await colorOf(stack), "green");
    await stack.set("canaryPercent", "0");
    await stack.up();
    await stack.pulumi("preview", "--expect-no-changes");
  });
});

test("sticky sessions", async (t) => {
  const stack = await TestStack.make(t, { ...settings(), stickySessions: "cookie", stickySeconds: "30" });
  await stack.up();
  const url = `${stack.url}/`;
  const visitors = makeVisitors(2000);
  const all = { url, cookies: true, pages: 2 };
  assert.deepEqual((await visit(visitors, all)).colors, { blue: 2000 });

  let switched = 0;
  await t.test("after a switch visitors stay on their color, and new ones get the new color", async () => {
    const load = keepAliveGets({ ...LIGHT, url, connections: 8 });
    await stack.switchTo("green");
    switched = Date.now();
    assertNoFailures(await load.stop());
    const [old, fresh] = [await visit(visitors, all), await visit(makeVisitors(2000), all)];
    assert.deepEqual([old.colors, old.flips, old.failedExamples], [{ blue: 2000 }, 0, []]);
    assert.deepEqual([fresh.colors, fresh.flips], [{ green: 2000 }, 0]);
  });

  await t.test("the cookie says no color, and an invented one changes nothing", async () => {
    const { headers } = await get(url);
    const cookie = String(headers["set-cookie"]);
    assert.match(cookie, /^blue_green_session=[A-Za-z0-9_-]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
    for (const value of ["blue", "green", "BLUE", "$blue", "../blue", "%62lue", "", " ", '"blue"', "a".repeat(4000)]) {
      const answer = await get(url, { cookie: `${COOKIE}=${value}` });
      assert.equal(answer.headers["x-color"], "green", value);
      assert.equal(answer.status, 200);
    }
    const both = await get(url, { cookie: `${COOKIE}=blue; ${COOKIE}=green` });
    assert.equal(both.headers["x-color"], "green");
  });

  await t.test("their color dies: they move, and nobody sees an error", async () => {
    const { Id } = await stack.container("blue");
    const gets = visit(visitors, { ...all, pages: 6, concurrency: 16 });
    await stack.docker("kill", Id);
    const seen = await gets;
    assert.deepEqual(seen.failedExamples, []);
    await stack.docker("start", Id);
    await until("blue is healthy", () => stack.isWell("blue"));
  });

  await t.test("after stickySeconds they move, and nobody sees an error", async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, switched + 31_000 - Date.now())));
    const seen = await visit(visitors, all);
    assert.deepEqual([seen.colors, seen.failedExamples], [{ green: 2000 }, []]);
  });

  await t.test("a release on the color that they are on: they leave it before", async () => {
    await stack.switchTo("blue");
    const before = await visit(visitors, all);
    assert.deepEqual(before.colors, { green: 2000 });
    await stack.set("environment.SHOP", "new", "--path");
    const load = visit(visitors.slice(0, 500), { ...all, pages: 12, concurrency: 16, pauseMs: 100 });
    const output = await stack.up();
    says(output, "green is replaced (environment.SHOP): its sessions, which would hold until", "move to blue before");
    const seen = await load;
    assert.deepEqual(seen.failedExamples, []);
    assert.deepEqual((await visit(visitors, all)).colors, { blue: 2000 });
    await stack.up();
    await stack.pulumi("preview", "--expect-no-changes");
  });
});

const TOKEN = "planted.Token-c4n4ry_0";

test("testers, and maintenance, in which they alone are served", async (t) => {
  const stack = await TestStack.make(t, settings());
  await stack.up();

  await t.test("a token that is not secret is refused, and not shown", async () => {
    await stack.set("testerToken", TOKEN);
    const { output } = await fails(stack, "testerToken = [secret]: must be set with --secret");
    assert.doesNotMatch(output, /c4n4ry/);
  });

  let log = "";
  await t.test(
    "with it, as header or cookie, one is on the idle color; without, or with another one, nothing changes",
    async () => {
      await stack.pulumi("config", "set", "--secret", "testerToken", TOKEN);
      log += await stack.pulumi("preview", "--diff");
      log += await stack.up();
      await stack.pulumi("preview", "--expect-no-changes");
      const color = async (headers: Record<string, string>) => (await get(`${stack.url}/`, headers)).headers["x-color"];
      assert.equal(await color({ "X-Blue-Green-Preview": TOKEN }), "green");
      assert.equal(await color({ cookie: `a=1; X-Blue-Green-Preview=${TOKEN}; b=2` }), "green");
      for (const wrong of [TOKEN.toUpperCase(), TOKEN.replace(".", "x"), `${TOKEN}x`, `x${TOKEN}`, "", "green", "1"]) {
        assert.equal(await color({ "X-Blue-Green-Preview": wrong }), "blue", wrong);
        assert.equal(await color({ cookie: `X-Blue-Green-Preview=${wrong}` }), "blue", wrong);
      }
      assert.equal(await color({ cookie: `a="X-Blue-Green-Preview=${TOKEN}` }), "blue");
    },
  );

  await t.test("the app never sees it", async () => {
    for (const headers of [
      { "X-Blue-Green-Preview": TOKEN },
      { cookie: `X-Blue-Green-Preview=${TOKEN}` },
      { cookie: `a=1; X-Blue-Green-Preview=${TOKEN}; b=2` },
      { cookie: `X-Blue-Green-Preview=${TOKEN}; x-blue-green-preview=${TOKEN}; a=1` },
    ]) {
      assert.doesNotMatch((await get(`${stack.url}/headers`, headers)).body, /c4n4ry|blue-green-preview/i);
    }
    const { body } = await get(`${stack.url}/headers`, { cookie: `a=1; X-Blue-Green-Preview=${TOKEN}; b=2` });
    assert.deepEqual(JSON.parse(body).cookie, ["a=1; b=2"]);
  });

  await t.test(
    "a switch is still one line of the preview, testers are on the other color then, and nothing has leaked",
    async () => {
      await stack.set("activeColor", "green");
      const diff = await stack.pulumi("preview", "--diff");
      assert.match(diff, /- +default blue;/);
      assert.match(diff, /\+ +default green;/);
      log += diff;
      log += await stack.up();
      assert.equal((await get(`${stack.url}/`, { "X-Blue-Green-Preview": TOKEN })).headers["x-color"], "blue");
      log += (await stack.tryPulumi("stack", "export")).output;
      const proxy = await stack.container("proxy");
      log += await stack.docker("logs", proxy.Id);
      log += JSON.stringify(await history(stack));
      for (const part of ["proxy", "blue", "green"] as const) log += JSON.stringify(await stack.container(part));
      log += (await stack.command("node", "--require", "./setup/bundle.cjs", "commands/status/main.ts", "--json"))
        .output;
      assert.doesNotMatch(log, /c4n4ry/i);
    },
  );

  await t.test("maintenance", () => maintenance(stack));
});

test("draining", async (t) => {
  const stack = await TestStack.make(t, settings());
  await stack.up();
  const url = `${stack.url}/`;
  const { Id } = await stack.container("blue");
  const sockets = webSockets({ url: `ws://127.0.0.1:${stack.ports.http}/ws`, connections: 4, drainSeconds: 15 });
  await until("WebSockets are open", () => (sockets.report.colors.blue ?? 0) > 0);
  // Longer than the switch with its watch takes, so that it is in flight when the release comes.
  const slow = get(`${url}slow?seconds=9`);
  const moved = Date.now();
  await stack.switchTo("green");
  await stack.set("blueVersion", "1.0.1");
  const load = keepAliveGets({ ...LIGHT, url, connections: 8 });
  const output = await stack.up();
  says(output, /drain \d+\/\d+ s, \d+ connections? to blue/);
  assertNoFailures(await load.stop());
  assert.equal((await slow).status, 200, "a request in flight at the switch ends on the old color");
  assert.notEqual((await stack.container("blue")).Id, Id);
  const events = await stack.docker(
    ...["events", "--since", String(Math.floor(moved / 1000)), "--until", String(Math.floor(Date.now() / 1000))],
    ...["--filter", `container=${Id}`, "--format", "{{.Action}} {{.Actor.Attributes.signal}} {{.TimeNano}}"],
  );
  const signals = events.split("\n").filter((line) => line.startsWith("kill"));
  assert.ok(signals[0]?.startsWith("kill 15 "), `SIGTERM comes first: ${events}`);
  await sockets.stop();
});

/** Of a stack with a token for testers whose green color is live. */
async function maintenance(stack: TestStack): Promise<void> {
  const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8 });
  await stack.set("maintenance", "true");
  says(await stack.pulumi("preview", "--diff"), "error_page 503");
  await stack.up();
  await stack.pulumi("preview", "--expect-no-changes");
  const report = await load.stop();
  assert.deepEqual(report.failures.filter(({ kind }) => kind !== "status 503").slice(0, 5), []);

  const { status, headers, body } = await get(`${stack.url}/anything`);
  assert.deepEqual([status, headers["retry-after"], headers["cache-control"]], [503, "60", "no-store"]);
  assert.match(body, /We will be right back/);
  const post = await fetch(`${stack.url}/echo`, { method: "POST", body: "x" });
  assert.equal(post.status, 503);
  assert.match(await post.text(), /We will be right back/);
  assert.equal((await get(`${stack.url}/`, { "X-Blue-Green-Preview": TOKEN })).status, 200);

  // Blue has to be gone to by a whole switch, not by the way back.
  await stack.set("environment.SHOP", "new", "--path");
  says(await stack.switchTo("blue"), "gate ok: healthy");
  const closed = await stack.command("node", "--require", "./setup/bundle.cjs", "commands/status/main.ts");
  assert.equal(closed.code, 2, closed.output);
  says(closed.output, "! maintenance is on: everybody but testers gets 503", "pulumi config set maintenance false");
  await stack.set("maintenance", "false");
  const preview = await stack.command("node", "--require", "./setup/bundle.cjs", "commands/preview/main.ts");
  assert.equal(preview.code, 0, preview.output);
  says(preview.output, "Requests: everybody but testers gets 503 until this run has ended maintenance");
  await stack.up();
  assert.equal(await colorOf(stack), "blue");
}

test("limits", async (t) => {
  const stack = await TestStack.make(t, { ...settings(), rateLimitPerSecond: "20", maxConnections: "50" });
  await stack.up();

  await t.test("beyond the rate of one client: 429", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(`${stack.url}/`)));
    const limited = answers.filter(({ status }) => status === 429).length;
    const served = answers.filter(({ status }) => status === 200).length;
    assert.equal(limited + served, 100);
    assert.ok(served >= 20 && limited >= 50, `${served} served, ${limited} limited`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal((await get(`${stack.url}/`)).status, 200, "and then the client is served again");
  });

  await t.test("more at once than one client may: 429", async () => {
    await stack.set("rateLimitPerSecond", "0");
    await stack.set("maxConnections", "5");
    await stack.up();
    const answers = await Promise.all(Array.from({ length: 12 }, () => get(`${stack.url}/slow?seconds=1`)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 5);
    assert.equal(answers.filter(({ status }) => status === 429).length, 7);
  });

  await t.test("a switch under a limit is verified all the same", async () => {
    await stack.set("rateLimitPerSecond", "1");
    await stack.up();
    await stack.switchTo("green");
  });

  await t.test("clients that never end their request are cut off, and others are served meanwhile", async () => {
    await stack.set("rateLimitPerSecond", "0");
    await stack.set("maxConnections", "0");
    await stack.up();
    const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8 });
    const fresh = freshGets({ ...LIGHT, url: `${stack.url}/`, connections: 2 });
    const header = slowLoris({
      url: stack.url,
      connections: 1000,
      seconds: 25,
      bytePauseMs: 1000,
      part: "header",
      reopen: 0,
    });
    const body = slowLoris({
      url: `${stack.url}/echo`,
      connections: 200,
      seconds: 25,
      bytePauseMs: 20_000,
      part: "body",
      reopen: 0,
    });
    const [slowHeader, slowBody] = await Promise.all([header.done, body.done]);
    assertNoFailures(await load.stop());
    assertNoFailures(await fresh.stop());
    console.log(
      `slow headers: ${slowHeader.closedByServer} of ${slowHeader.opened} cut off after ${JSON.stringify(slowHeader.closedAfterSeconds)} s; slow bodies: ${slowBody.closedByServer} of ${slowBody.opened}`,
    );
    assert.equal(slowHeader.closedByServer, slowHeader.opened);
    assert.equal(slowBody.closedByServer, slowBody.opened);
  });
});
