import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { leftBehind, until } from "./left";
import { cookieHeader, keepCookie, makeVisitors, moves, type Visitor, visit } from "./visitors";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen(server: NetServer): Promise<{ url: string; connections: number; open: Set<Socket> }> {
  const seen = { url: "", connections: 0, open: new Set<Socket>() };
  server.on("connection", (socket: Socket) => {
    seen.connections += 1;
    seen.open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => seen.open.delete(socket));
  });
  ends.push(() => {
    server.close();
    for (const socket of seen.open) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  seen.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return seen;
}

function serve(listener: (req: IncomingMessage, res: ServerResponse) => void) {
  return listen(createServer({ keepAliveTimeout: 60_000 }, listener));
}

/** The n-th request goes to the n-th listener, and to the first again after the last. */
function inTurn(...listeners: ((req: IncomingMessage, res: ServerResponse) => void)[]) {
  let n = 0;
  return (req: IncomingMessage, res: ServerResponse) => listeners[n++ % listeners.length]?.(req, res);
}

const colored =
  (color: string, status = 200) =>
  (_: IncomingMessage, res: ServerResponse) => {
    res.writeHead(status, { "X-Color": color }).end("ok");
  };

/**
 * A canary as a proxy makes it: a visitor's ticket decides, the cookie holds it if there is one, else the User-Agent's digits do. A
 * ticket below `share` of a hundred is green.
 */
async function serveShare(share: number) {
  const state = { share, setCookies: 0 };
  const server = await serve((req, res) => {
    const known = /(?:^|; )ticket=(\d+)/.exec(req.headers.cookie ?? "")?.[1];
    const digits = known ?? /\d+$/.exec(req.headers["user-agent"] ?? "")?.[0] ?? "0";
    const ticket = Number(digits) % 100;
    if (known === undefined) {
      state.setCookies += 1;
      res.setHeader("Set-Cookie", `ticket=${ticket}; Path=/; Max-Age=3600; HttpOnly`);
    }
    colored(ticket < state.share ? "green" : "blue")(req, res);
  });
  return Object.assign(state, { server, url: server.url });
}

const userAgent = (visitor: number) => `visitor ${visitor}`;

describe("a canary", () => {
  test("visitors keep their cookies: who was on the new color stays there when its share is raised", async () => {
    const canary = await serveShare(5);
    const visitors = makeVisitors(1000);
    const before = await visit(visitors, { url: canary.url, cookies: true, pages: 3, userAgent });
    const { visitors: came, requests, colors, colorless, statuses, flips, failed, cutShort } = before;
    assert.deepEqual([came, requests, colorless, flips, failed, cutShort], [1000, 3000, 0, 0, 0, false]);
    assert.deepEqual(colors, { blue: 950, green: 50 });
    assert.deepEqual(statuses, { 200: 3000 });
    assert.equal(canary.setCookies, 1000, "each visitor was new once");
    assert.equal(visitors[7]?.cookies?.get("ticket")?.value, "7");

    canary.share = 20;
    // Another browser by its name: the cookies alone tell who it is.
    const after = await visit(visitors, { url: canary.url, cookies: true, userAgent: () => "99" });
    assert.deepEqual(after.colors, { blue: 800, green: 200 });
    assert.equal(canary.setCookies, 1000);
    assert.deepEqual(moves(before, after), { "blue to blue": 800, "blue to green": 150, "green to green": 50 });
  });

  test("without cookies none is kept or sent, and the User-Agent tells visitors apart", async () => {
    const canary = await serveShare(10);
    const visitors = makeVisitors(200);
    const kept = await visit(visitors.slice(0, 100), { url: canary.url, cookies: true, userAgent });
    const first = await visit(visitors, { url: canary.url, cookies: false, pages: 2, userAgent });
    assert.equal(canary.setCookies, 100 + 400, "also those with a cookie came as new ones");
    assert.equal(visitors[150]?.cookies, undefined);
    assert.deepEqual([kept.colors, first.colors, first.flips], [{ green: 10, blue: 90 }, { green: 20, blue: 180 }, 0]);
  });

  test("new visitors can be numbered on from those before", () => {
    assert.deepEqual(makeVisitors(2, 5), [{ number: 5 }, { number: 6 }]);
  });

  test("a visitor without a color in one of two visits is shown as such", async () => {
    const visitors = makeVisitors(2);
    const colorless = await serve(inTurn(colored("blue"), (_, res) => res.end()));
    const before = await visit(visitors, { url: colorless.url, cookies: false, concurrency: 1 });
    assert.deepEqual([before.colors, before.colorless], [{ blue: 1 }, 1]);
    const green = await serve(colored("green"));
    const after = await visit(visitors, { url: green.url, cookies: false });
    assert.deepEqual(moves(before, after), { "blue to green": 1, "none to green": 1 });
  });
});

describe("what is sent", () => {
  test("headers and User-Agent of the visitor, the path with its query, and none of either by itself", async () => {
    const seen: string[] = [];
    const server = await serve((req, res) => {
      const { "user-agent": agent, "x-user": user, cookie } = req.headers;
      seen.push(`${req.method} ${req.url} ${agent} ${user} ${cookie}`);
      colored("blue")(req, res);
    });
    const url = `${server.url}shop?a=b`;
    const headers = (visitor: number) => ({ "X-User": `u${visitor}`, "User-Agent": "overruled" });
    await visit(makeVisitors(1, 4), { url, cookies: true, userAgent, headers });
    await visit(makeVisitors(1), { url, cookies: true });
    assert.deepEqual(seen, ["GET /shop?a=b visitor 4 u4 undefined", "GET /shop?a=b undefined undefined undefined"]);
  });

  test("the visitors share as many connections as there are visitors at a time", async () => {
    const server = await serve(colored("blue"));
    const report = await visit(makeVisitors(500), { url: server.url, cookies: false, pages: 2, concurrency: 5 });
    assert.equal(report.requests, 1000);
    assert.equal(server.connections, 5);
  });

  test("visitors come from the addresses they have; connections are kept if there are few of them", async () => {
    const from = new Map<string, number>();
    const server = await serve((req, res) => {
      const address = req.socket.remoteAddress ?? "";
      from.set(address, (from.get(address) ?? 0) + 1);
      colored("blue")(req, res);
    });
    const visitors = makeVisitors(60);
    const localAddress = (visitor: number) => `127.0.0.${2 + (visitor % 3)}`;
    const few = await visit(visitors, { url: server.url, cookies: false, concurrency: 6, localAddress });
    assert.deepEqual([few.failed, [...from.values()]], [0, [20, 20, 20]]);
    assert.ok(server.connections <= 18, `${server.connections} connections`);

    server.connections = 0;
    const many = await visit(visitors, { url: server.url, cookies: false, concurrency: 2, localAddress, pages: 2 });
    assert.deepEqual([many.failed, many.requests, server.connections], [0, 120, 120]);
    await until(() => server.open.size === 0, "all closed");
  });
});

describe("what goes wrong is seen", () => {
  test("flips are counted once for each visitor, with the first five as examples", async () => {
    const server = await serve(inTurn(colored("blue"), colored("green"), colored("blue")));
    const report = await visit(makeVisitors(7), {
      url: server.url,
      cookies: false,
      pages: 3,
      concurrency: 1,
    });
    assert.equal(report.flips, 7);
    assert.deepEqual(report.colors, { blue: 7 });
    assert.deepEqual(
      report.flipExamples,
      [0, 1, 2, 3, 4].map((visitor) => ({ visitor, page: 2, from: "blue", to: "green", cookie: undefined })),
    );
  });

  test("a flip shows the cookie it was asked with; a page without a color between two of one color is no flip", async () => {
    const setting = (req: IncomingMessage, res: ServerResponse) => {
      res.setHeader("Set-Cookie", "a=1; Path=/");
      colored("blue")(req, res);
    };
    const colorless = (_: IncomingMessage, res: ServerResponse) => void res.end();
    const same = await serve(inTurn(setting, colorless, colored("blue")));
    const options = { cookies: true, pages: 3, concurrency: 1 };
    assert.equal((await visit(makeVisitors(3), { ...options, url: same.url })).flips, 0);
    const other = await serve(inTurn(setting, colorless, colored("green")));
    const { flipExamples } = await visit(makeVisitors(1), { ...options, url: other.url });
    assert.deepEqual(flipExamples, [{ visitor: 0, page: 3, from: "blue", to: "green", cookie: "a=1" }]);
  });

  test("statuses from 500 on, resets and answers that break off have failed; 429 has not; nothing is repeated", async () => {
    let requests = 0;
    const behave = inTurn(
      colored("blue", 429),
      colored("blue", 503),
      (req) => req.socket.resetAndDestroy(),
      (_, res) => {
        res.writeHead(200, { "X-Color": "green", "Content-Length": 100 }).write("half");
        setTimeout(() => res.destroy(), 20);
      },
    );
    const server = await serve((req, res) => {
      requests += 1;
      behave(req, res);
    });
    const report = await visit(makeVisitors(8), { url: server.url, cookies: false, concurrency: 1 });
    assert.equal(requests, 8);
    assert.deepEqual([report.requests, report.failed, report.colorless], [8, 6, 2]);
    assert.deepEqual(report.statuses, { 429: 2, 503: 2, 200: 2 });
    assert.deepEqual(report.colors, { blue: 4, green: 2 });
    assert.deepEqual(report.failedExamples, [
      { visitor: 1, page: 1, detail: "status 503" },
      { visitor: 2, page: 1, detail: "read ECONNRESET on a connection used before" },
      { visitor: 3, page: 1, detail: "aborted on a new connection" },
      { visitor: 5, page: 1, detail: "status 503" },
      { visitor: 6, page: 1, detail: "read ECONNRESET on a connection used before" },
    ]);
  });

  test("a refused connection, and an answer that does not come", async () => {
    const closed = createNetServer();
    const { url } = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const refused = await visit(makeVisitors(3), { url, cookies: true });
    assert.deepEqual([refused.failed, refused.colorless, refused.statuses], [3, 3, {}]);
    assert.match(refused.failedExamples[0]?.detail ?? "", /^connect ECONNREFUSED .* on a new connection$/);

    const silent = await serve(() => {});
    const hung = await visit(makeVisitors(3), { url: silent.url, cookies: true, requestTimeoutMs: 100 });
    assert.equal(hung.failed, 3);
    assert.equal(hung.failedExamples[0]?.detail, "nothing came for 100 ms on a new connection");
    await until(() => silent.open.size === 0, "all closed");
  });
});

describe("the end of a visit", () => {
  test("leaves no connection and no timer", async () => {
    await until(() => leftBehind().length === 0, "nothing left of the tests before");
    const server = await serve(colored("blue"));
    const visiting = visit(makeVisitors(500), { url: server.url, cookies: false, concurrency: 50 });
    await until(() => leftBehind().length > 50, "connections on both sides");
    await visiting;
    await until(() => server.open.size === 0 && leftBehind().length === 0, "nothing left");
  });

  test("maxSeconds ends it, and the report says so", async () => {
    const server = await serve((req, res) => setTimeout(() => colored("blue")(req, res), 50));
    const options = { url: server.url, cookies: false, concurrency: 2, maxSeconds: 0.2 };
    const report = await visit(makeVisitors(1000), options);
    assert.equal(report.cutShort, true);
    assert.ok(report.visitors >= 2 && report.visitors <= 12, `${report.visitors} visitors`);
    assert.deepEqual([report.requests, report.colors], [report.visitors, { blue: report.visitors }]);
  });

  test("a function of the options that throws ends it with its error", async () => {
    const server = await serve(colored("blue"));
    const broken = (visitor: number) => {
      if (visitor === 100) throw new Error("no name");
      return String(visitor);
    };
    const visiting = visit(makeVisitors(1000), { url: server.url, cookies: false, userAgent: broken });
    await assert.rejects(visiting, { message: "no name" });
    await until(() => server.open.size === 0, "all closed");
  });

  test("bounds are refused that would not be bounds", async () => {
    const url = "http://127.0.0.1:1/";
    assert.throws(() => makeVisitors(0), { message: "count is 0, allowed is 1 to 1000000" });
    await assert.rejects(visit([], { url, cookies: true }), { message: /^visitors is 0/ });
    await assert.rejects(visit(makeVisitors(1), { url, cookies: true, concurrency: Number.NaN }), {
      message: "concurrency is NaN, allowed is 1 to 2000",
    });
    await assert.rejects(visit(makeVisitors(1), { url: "https://127.0.0.1/", cookies: true }), {
      message: /http: only/,
    });
  });
});

describe("cookies", () => {
  const NOW = Date.UTC(2030, 0, 1);
  /** What a visitor sends after these Set-Cookie headers, at `later`. */
  const sent = (texts: string[], askedPath = "/", later = NOW) => {
    const visitor: Visitor = { number: 0 };
    const kept = texts.map((text) => keepCookie(visitor, text, askedPath, NOW));
    return [cookieHeader(visitor, later), kept.filter((done) => !done).length];
  };

  const cases: [what: string, texts: string[], header: string | undefined][] = [
    ["several, in the order they came in", ["b=1; Path=/", "a=2; Path=/; HttpOnly"], "b=1; a=2"],
    ["a value with = and quotes, as it came", ['a="x=y"; path=/'], 'a="x=y"'],
    ["the latest of a name", ["a=1; Path=/", "a=2; Path=/"], "a=2"],
    ["not one deleted with Max-Age=0", ["a=1; Path=/", "b=1; Path=/", "a=; Path=/; Max-Age=0"], "b=1"],
    ["not one deleted with a date in the past", ["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], undefined],
    ["Max-Age goes before Expires", ["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9"], "a=1"],
    ["an expiry that cannot be read does not count", ["a=1; Max-Age=soon; Expires=never"], "a=1"],
    ["nothing without a name", ["a; Path=/", "=1; Path=/"], undefined],
    ["a deletion of what never was", ["a=; Max-Age=0"], undefined],
  ];
  for (const [what, texts, header] of cases) test(`sent is ${what}`, () => assert.deepEqual(sent(texts), [header, 0]));

  test("a cookie ends with its time, one without a time does not", () => {
    const texts = ["a=1; Max-Age=10", "b=1; Expires=Tue, 01 Jan 2030 00:00:20 GMT", "c=1"];
    const at = (seconds: number) => sent(texts, "/", NOW + seconds * 1000)[0];
    assert.deepEqual([at(9), at(10), at(20)], ["a=1; b=1; c=1", "b=1; c=1", "c=1"]);
  });

  test("a cookie for another path than / is not kept and is counted, also where the path is that of the page", async () => {
    assert.deepEqual(sent(["a=1; Path=/shop", "b=1; Path=/"]), ["b=1", 1]);
    assert.deepEqual(sent(["a=1", "b=1; Path=/", "c=1; Path=x"], "/shop/cart?x=/"), ["b=1", 2]);
    assert.deepEqual(sent(["a=1"], "/shop?x=/y/z"), ["a=1", 0]);
    const server = await serve((req, res) => {
      res.setHeader("Set-Cookie", ["a=1; Path=/shop", "b=1; Path=/"]);
      colored("blue")(req, res);
    });
    const report = await visit(makeVisitors(2), { url: server.url, cookies: true });
    assert.equal(report.cookiesForOtherPaths, 2);
  });
});
