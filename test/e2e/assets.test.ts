import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as http2 } from "node:http2";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { sessionsFile } from "../../cutover/sessions";
import { testerFile } from "../../stacks/proxy/files";
import type { ConfigurationSettings } from "../../stacks/proxy/nginxConfiguration";
import { NO_BROWSER, startBrowser } from "../browser";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT, type LoadReport } from "../load";
import { sampleConfiguration } from "../stacks/settings/settings.sample";
import { assetImage } from "./backend";
import { history, says } from "./failures";
import { configurationOf as configured, type Front, Fronts } from "./nginxAlone";
import { type Answer, get, must, TestStack } from "./stack";

const PATHS = ["/assets/", "/_next/static/"];
const WORDS = { blue: "blue-word_0123456", green: "green-word_012345" };
const TOKEN = "a-token-for-testers";
const SESSIONS = { "sessions.conf": sessionsFile({ blue: { word: WORDS.blue }, green: { word: WORDS.green } }) };

/** A visitor is not to wait longer for a 404 where the other color is away, on a busy machine. */
const FAST_MS = 1000;
/** What nginx grants the other color, and the same again for a busy machine. */
const GIVEN_UP_MS = 4000;

const configurationOf = (changes: Partial<ConfigurationSettings> = {}) =>
  configured({ assetPaths: PATHS, keepAliveSeconds: 5, proxyTimeoutSeconds: 10, ...changes });

/** An answer in short: its status, who gave it, and the release that its body names. */
const told = ({ status, headers, body }: Answer): [status: number, color: unknown, release: string | undefined] => [
  status,
  headers["x-color"],
  /release ([ab])/.exec(body)?.[1],
];

/** Release a's own 404, which blue gives. */
const NOT_FOUND = [404, "blue", "a"];

/** How an answer came, and in how many milliseconds. */
async function timed(answer: Promise<Answer>): Promise<[ReturnType<typeof told>, ms: number]> {
  const started = performance.now();
  return [told(await answer), performance.now() - started];
}

test("old assets, on nginx itself", async (t) => {
  const front = await Fronts.start(t, "assets.py");
  const tester = { "files/t.conf": testerFile(TOKEN) };
  const slot = { ...sampleConfiguration.slots.blue, replicas: 2 };
  const [plain, canary, limited, spread, second] = await Promise.all([
    front.nginx("plain", configurationOf()),
    front.nginx("canary", configurationOf({ canaryPercent: 1, files: { tester: "t.conf" } }), {
      ...SESSIONS,
      ...tester,
    }),
    front.nginx("limited", configurationOf({ rateLimitPerSecond: 3 })),
    // Of each color's two containers one is away.
    front.nginx("spread", configurationOf({ slots: { blue: slot, green: slot } })),
    // HTTP/2 as behind TLS, without the certificate.
    front.nginx("second", configurationOf().replace("listen 8080 ", "http2 on;\n        listen 8080 ")),
  ]);
  const at = ({ port }: Front, path: string, headers: Record<string, string> = {}) =>
    get(`http://127.0.0.1:${port}${path}`, headers);
  const session = (color: "blue" | "green") => ({ cookie: `blue_green_session=${WORDS[color]}` });

  await t.test("what a color has it answers, and what only the other one has comes from there, as it is", async () => {
    assert.deepEqual(told(await at(plain, "/assets/a.js")), [200, "blue", "a"]);
    const lent = await at(plain, "/assets/b.js");
    assert.deepEqual(told(lent), [200, "green", "b"]);
    const { "cache-control": caching, etag } = lent.headers;
    assert.deepEqual([caching, etag], ["public, max-age=31536000, immutable", '"b"']);
    assert.deepEqual(told(await at(plain, "/assets/a%20file-b.js?v=%2F%20")), [200, "green", "b"]);
    const head = await fetch(`http://127.0.0.1:${plain.port}/assets/b.js`, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("x-color"), await head.text()], [200, "green", ""]);
  });

  await t.test("what neither has is the color's own 404, with its headers and its page", async () => {
    const [own, ms] = await timed(at(plain, "/assets/none.js"));
    assert.deepEqual(own, NOT_FOUND);
    assert.ok(ms < FAST_MS, `${ms} ms`);
    const { headers } = await at(plain, "/assets/none.js");
    assert.deepEqual([headers["x-release"], headers["cache-control"]], ["a", "no-store"]);
  });

  await t.test("the same holds with several containers of a color, and over HTTP/2", async () => {
    assert.deepEqual(told(await at(spread, "/assets/a.js")), [200, "blue", "a"]);
    assert.deepEqual(told(await at(spread, "/assets/b.js")), [200, "green", "b"]);
    assert.deepEqual(told(await at(spread, "/assets/none.js")), NOT_FOUND);
    const session = http2(`http://127.0.0.1:${second.port}`);
    t.after(() => session.destroy());
    for (const [path, status, color] of [
      ["/assets/b.js", 200, "green"],
      ["/assets/none.js", 404, "blue"],
    ] as const) {
      const stream = session.request({ ":path": path });
      stream.resume().end();
      const [answer] = await once(stream, "response");
      assert.deepEqual([answer[":status"], answer["x-color"]], [status, color]);
    }
    session.close();
  });

  await t.test("other paths and other methods are asked of nobody else", async () => {
    for (const path of ["/b.js", "/seen-b.js", "/Assets/b.js", "/assets"]) {
      assert.deepEqual(told(await at(plain, path)), NOT_FOUND, path);
    }
    const url = `http://127.0.0.1:${plain.port}/assets/b.js`;
    for (const method of ["POST", "PUT"]) {
      const answer = await fetch(url, { method, body: "x".repeat(20_000) });
      assert.notEqual(answer.headers.get("x-color"), "green", method);
      assert.notEqual(answer.status, 200, method);
    }
  });

  await t.test("the other color gets the request that its own visitors' would be", async () => {
    const headers = {
      "X-Forwarded-For": "203.0.113.9",
      "X-Own": "1",
      Proxy: "http://evil.example",
      Range: "bytes=0-9",
    };
    const seen = async (path: string) => {
      const [method, target, got] = JSON.parse((await at(plain, path, headers)).body);
      assert.match(got["x-request-id"], /^[0-9a-f]{32}$/);
      return { method, target, got: { ...got, "x-request-id": "" } };
    };
    const [own, lent] = [await seen("/seen"), await seen("/assets/seen-b.js?x=1")];
    assert.deepEqual(lent, { ...own, target: "/assets/seen-b.js?x=1" });
    assert.equal(lent.got.proxy, undefined);
  });

  await t.test("an error of the other color is no answer, and its redirect and its 416 are", async () => {
    for (const status of [400, 401, 403, 404, 410, 429, 451, 500, 502, 503, 504, "closes"]) {
      const [own, ms] = await timed(at(plain, `/assets/${status}-b.js`));
      assert.deepEqual(own, NOT_FOUND, `${status}`);
      assert.ok(ms < FAST_MS, `${status}: ${ms} ms`);
    }
    for (const status of [204, 301, 302, 304, 412, 416]) {
      assert.deepEqual(told(await at(plain, `/assets/${status}-b.js`)).slice(0, 2), [status, "green"]);
    }
    for (const status of [403, 500, 502, 503]) {
      assert.deepEqual(told(await at(plain, `/assets/${status}-a.js`)), [status, "blue", "a"], "blue's own");
    }
  });

  await t.test("a color that hangs is given up soon", async () => {
    const [own, ms] = await timed(at(plain, "/assets/hangs-b.js"));
    assert.deepEqual(own, NOT_FOUND);
    assert.ok(ms < GIVEN_UP_MS, `${ms} ms`);
  });

  await t.test("visitors with a session ask their own color first, and keep their session", async () => {
    const lent = await at(canary, "/assets/a.js", session("green"));
    assert.deepEqual([...told(lent), lent.headers["set-cookie"]], [200, "blue", "a", undefined]);
    assert.deepEqual(told(await at(canary, "/assets/b.js", session("green"))), [200, "green", "b"]);
    assert.deepEqual(told(await at(canary, "/assets/none.js", session("green"))), [404, "green", "b"]);
    const fresh = await at(canary, "/assets/b.js", session("blue"));
    assert.deepEqual([...told(fresh), fresh.headers["set-cookie"]], [200, "green", "b", undefined]);
  });

  await t.test("testers meet one release alone", async () => {
    const headers = { "X-Blue-Green-Preview": TOKEN };
    assert.deepEqual(told(await at(canary, "/assets/b.js", headers)), [200, "green", "b"]);
    assert.deepEqual(told(await at(canary, "/assets/a.js", headers)), [404, "green", "b"]);
  });

  await t.test("the cutover asks for one color", async () => {
    const ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %header{x-color}"];
    const seen = await must("docker", ["exec", plain.id, ...ask, "http://127.0.0.1:8080/assets/b.js"]);
    assert.equal(seen, "404 blue");
    const gate = ["--proxy", "http://127.0.0.1:8083", "--noproxy", ",", "http://green:5000/assets/a.js"];
    assert.equal(await must("docker", ["exec", plain.id, ...ask, ...gate]), "404 ");
  });

  await t.test("a request counts once for a client's limit, however many colors it is asked of", async () => {
    await sleep(2000);
    const answers = await Promise.all(Array.from({ length: 12 }, () => at(limited, "/assets/none.js")));
    const statuses = answers.map(({ status }) => status);
    const served = statuses.filter((status) => status === 404).length;
    assert.ok(served >= 4 && statuses.every((status) => status === 404 || status === 429), statuses.join());
  });

  await t.test("the watch counts what the other color was not asked, and the log says who answered", async () => {
    await must("docker", [
      "exec",
      canary.id,
      "sh",
      "-c",
      "true >/var/lib/blue-green/answers.log && touch /run/watched",
    ]);
    for (const path of [
      "/assets/b.js",
      "/assets/none.js",
      "/assets/500-b.js",
      "/assets/slow-b.js",
      "/assets/hangs-b.js",
    ])
      await at(canary, path, session("blue"));
    for (const path of ["/assets/a.js", "/assets/500-a.js"]) await at(canary, path, session("green"));
    await at(canary, "/assets/a.js", session("blue"));
    await at(canary, "/none.js", session("blue"));
    await at(canary, "/assets/500-b.js", session("green"));
    await sleep(1500);
    const counted = await must("docker", ["exec", canary.id, "cat", "/var/lib/blue-green/answers.log"]);
    const lines = counted
      .trim()
      .split("\n")
      .map((line) => line.replace(/ [0-9.]+$/, ""));
    assert.deepEqual(lines.sort(), ["blue 200", "blue 404", "green 500"]);
    const log = await must("docker", ["logs", canary.id]);
    assert.match(log, /"color":"green","status":200,.*"path":"\/assets\/b\.js"/);
    assert.match(log, /"color":"blue","status":404,.*"path":"\/assets\/none\.js"/);
  });

  await t.test("a live color that is too slow to lend something serves its own visitors as before", async () => {
    assert.deepEqual(told(await at(canary, "/assets/hangs-a.js", session("green"))), [404, "green", "b"]);
    for (const each of [canary, plain]) assert.deepEqual(told(await at(each, "/")).slice(0, 2), [200, "blue"]);
  });

  await t.test("a color that hangs as a whole, is killed or is gone costs nobody more than the 404", async () => {
    const { green } = front.ids;
    await must("docker", ["pause", green]);
    const [hung, hungMs] = await timed(at(plain, "/assets/b.js"));
    await must("docker", ["unpause", green]);
    assert.deepEqual(hung, NOT_FOUND);
    assert.ok(hungMs < GIVEN_UP_MS, `paused: ${hungMs} ms`);
    assert.deepEqual(told(await at(plain, "/assets/b.js")), [200, "green", "b"], "and again once it goes on");
    await must("docker", ["kill", green]);
    const [killed, killedMs] = await timed(at(plain, "/assets/b.js"));
    assert.deepEqual(killed, NOT_FOUND);
    assert.ok(killedMs < GIVEN_UP_MS, `killed: ${killedMs} ms`);
    // nginx looks its name up again each second.
    await sleep(2500);
    const [gone, goneMs] = await timed(at(plain, "/assets/b.js"));
    assert.deepEqual(gone, NOT_FOUND);
    assert.ok(goneMs < FAST_MS, `gone: ${goneMs} ms`);
    assert.deepEqual(told(await at(plain, "/assets/a.js")), [200, "blue", "a"]);
    console.log(`a 404 takes ${Math.round(hungMs)} ms beside a color that hangs, ${Math.round(goneMs)} ms beside none`);
    await must("docker", ["start", green]);
  });

  await t.test("in maintenance assets are closed as everything is", async () => {
    const page = { "files/m.html": "back soon" };
    const closed = await front.nginx("closed", configurationOf({ files: { maintenance: "m.html" } }), page);
    for (const path of ["/assets/a.js", "/assets/b.js"]) {
      const { status, body } = await at(closed, path);
      assert.deepEqual([status, body], [503, "back soon"], path);
    }
  });
});

/** How many answers the watch of the latest run says that it saw. */
function watched(output: string): number {
  const counts = [...output.matchAll(/(\d+) ok, \d+ bad/g)].map(([, count]) => Number(count));
  return counts.at(-1) ?? Number.NaN;
}

const answers = ({ colors }: LoadReport): number => Object.values(colors).reduce((sum, count) => sum + count, 0);

test("old assets across switches", async (t) => {
  const [blueImage, greenImage] = await Promise.all([assetImage("a"), assetImage("b")]);
  const stack = await TestStack.make(t, {
    ...{ blueImage, greenImage, blueVersion: "1.0.0", greenVersion: "2.0.0" },
    ...{ bakeSeconds: "6", drainSeconds: "15", keepAliveSeconds: "3", proxyTimeoutSeconds: "10" },
    // Of the requests below, a tenth would break this limit if they counted.
    ...{ maxP95Seconds: "0.5", minRequests: "10" },
  });
  await stack.up();
  const ask = (path: string) => get(`${stack.url}${path}`);
  const load = (path: string, connections: number) =>
    keepAliveGets({ ...LIGHT, url: `${stack.url}${path}`, connections });
  const idsNow = async () => (await stack.ids("container")).sort();

  await t.test("assetPaths is a reload of a few lines: no container is touched, and no request fails", async () => {
    assert.deepEqual(told(await ask("/assets/b.js")), NOT_FOUND);
    const before = await idsNow();
    for (const [place, path] of PATHS.entries()) {
      await stack.pulumi("config", "set", "--path", `assetPaths[${place}]`, path);
    }
    says(await stack.pulumi("preview", "--diff"), '"~^ (GET|HEAD) /assets/" 1;', '"~^ (GET|HEAD) /_next/static/" 1;');
    const loads = [
      load("/", 4),
      load("/assets/a.js", 4),
      freshGets({ ...LIGHT, url: `${stack.url}/`, connections: 2 }),
    ];
    await stack.up();
    for (const each of loads) assertNoFailures(await each.stop());
    await stack.pulumi("preview", "--expect-no-changes");
    assert.deepEqual(await idsNow(), before);
    assert.deepEqual(told(await ask("/assets/a.js")), [200, "blue", "a"]);
    assert.deepEqual(told(await ask("/assets/b.js")), [200, "green", "b"]);
    assert.deepEqual(told(await ask("/assets/none.js")), NOT_FOUND);
  });

  let browser: Browser | undefined;
  t.after(() => browser?.close());
  /** A page of blue in a browser without anything in its cache. */
  const openPage = async () => {
    const page = await (await browser?.newContext())?.newPage();
    if (page === undefined) throw new Error("no browser");
    await page.goto(`${stack.url}/`);
    assert.equal(await page.title(), "release a");
    return page;
  };
  if (NO_BROWSER === false) browser = await startBrowser();
  const [before, later] = browser === undefined ? [] : [await openPage(), await openPage()];

  await t.test(
    "a switch of which half of the requests are for old assets is not taken back, and none fails",
    async () => {
      const [own, old, slow] = [load("/", 8), load("/assets/a.js", 8), load("/assets/slow-a.js", 8)];
      // Neither has it, and blue takes a second to say so.
      const none = load("/assets/late-a.js", 8);
      const output = await stack.switchTo("green");
      const [ownReport, oldReport, slowReport] = await Promise.all([own.stop(), old.stop(), slow.stop()]);
      for (const report of [ownReport, oldReport, slowReport]) assertNoFailures(report);
      assert.deepEqual(Object.keys((await none.stop()).kinds), ["status 404"]);
      assert.deepEqual(Object.keys(oldReport.colors), ["blue"], "before the switch and after it");
      assert.deepEqual(Object.keys(slowReport.colors), ["blue"]);
      assert.equal((await history(stack)).at(-1)?.result, "switched", output);
      const count = watched(output);
      const [green, lent] = [ownReport.colors.green ?? 0, answers(oldReport) + answers(slowReport)];
      console.log(`the watch counted ${count} answers: ${green} of green's own, ${lent} old assets from blue in all`);
      assert.ok(count >= 10 && count <= green, `${count} counted, of green ${green}`);
    },
  );

  await t.test("after the switch each color has what it had, by way of the other one", async () => {
    assert.deepEqual(told(await ask("/assets/b.js")), [200, "green", "b"]);
    assert.deepEqual(told(await ask("/assets/a.js")), [200, "blue", "a"]);
    assert.deepEqual(told(await ask("/assets/none.js")), [404, "green", "b"]);
    const post = await fetch(`${stack.url}/assets/a.js`, { method: "POST", body: "x" });
    assert.deepEqual([post.status, post.headers.get("x-color")], [404, "green"]);
  });

  await t.test("a browser's page from before the switch loads its script after it", { skip: NO_BROWSER }, async () => {
    await before?.click("button");
    await before?.waitForFunction("document.title !== 'release a'");
    assert.equal(await before?.title(), "the script of release a");
  });

  await t.test(
    "once the old color is stopped its assets are 404, at once and by the live color's own page",
    async () => {
      await stack.set("idle", "stopped");
      await stack.set("idleAfterMinutes", "0");
      const own = load("/assets/b.js", 4);
      await stack.up();
      assertNoFailures(await own.stop());
      assert.equal((await stack.container("blue")).State.Status, "exited");
      const [gone, ms] = await timed(ask("/assets/a.js"));
      assert.deepEqual(gone, [404, "green", "b"]);
      assert.ok(ms < FAST_MS, `${ms} ms`);
      assert.deepEqual(told(await ask("/assets/b.js")), [200, "green", "b"]);
    },
  );

  await t.test("and a browser's page from before finds its script gone", { skip: NO_BROWSER }, async () => {
    await later?.click("button");
    await later?.waitForFunction("document.title !== 'release a'");
    assert.equal(await later?.title(), "the script is gone");
  });

  await t.test("the way back brings the old color up, and then both lend again", async () => {
    await stack.switchTo("blue");
    assert.deepEqual(told(await ask("/assets/a.js")), [200, "blue", "a"]);
    assert.deepEqual(told(await ask("/assets/b.js")), [200, "green", "b"]);
  });
});
