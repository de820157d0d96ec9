import assert from "node:assert/strict";
import { createServer, type ServerOptions } from "node:http";
import {
  type AddressInfo,
  createServer as createNetServer,
  isIPv6,
  type Server as NetServer,
  type Socket,
} from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { leftBehind, until } from "./left";
import { isOnThisMachine, type SlowLorisOptions, slowLoris } from "./slowLoris";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Starts a server; `open` holds the connections that it has, `received` what came over each that it ever had. */
async function listen(server: NetServer) {
  const seen = { url: "", open: new Set<Socket>(), received: [] as string[] };
  server.on("connection", (socket: Socket) => {
    const index = seen.received.push("") - 1;
    seen.open.add(socket);
    socket.on("data", (chunk: Buffer) => {
      seen.received[index] += chunk.toString("latin1");
    });
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

/** A server below HTTP that does with each connection what `meet` says; by itself it neither answers nor closes. */
function serveRaw(meet: (socket: Socket) => void = () => {}) {
  return listen(createNetServer({ noDelay: true }, meet));
}

/** Node's own HTTP server, which looks at its time limits every 20 ms. */
function serveHttp(limits: ServerOptions) {
  const server = createServer({ connectionsCheckingInterval: 20, ...limits }, (req) => req.resume());
  return listen(server);
}

const ATTACK = { connections: 3, seconds: 10, bytePauseMs: 10, part: "header" } as const;

describe("a server with time limits", () => {
  for (const part of ["header", "body"] as const) {
    test(`answers a slow ${part} with 408 and closes; each is opened anew as often as allowed, then the attack is over`, async () => {
      // The limit of a header must not be above that of the request.
      const server = await serveHttp({ headersTimeout: 300, requestTimeout: part === "header" ? 0 : 300 });
      // A byte that crosses the close on its way is answered with a reset, which takes the 408 with it: so few bytes seldom do.
      const report = await slowLoris({ ...ATTACK, url: server.url, part, reopen: 1, bytePauseMs: 200 }).done;
      const { closes, closedAfterSeconds, ...counts } = report;
      assert.deepEqual(counts, {
        opened: 6,
        closedByServer: 6,
        answers: { 408: 6 },
        refused: 0,
        connecting: 0,
        stillOpen: 0,
      });
      assert.deepEqual(
        closes.map(({ status, how }) => [status, how]),
        Array.from({ length: 6 }, () => [408, "FIN"]),
      );
      const lives = closes.map(({ afterSeconds }) => afterSeconds);
      assert.deepEqual(closedAfterSeconds, { least: Math.min(...lives), most: Math.max(...lives) });
      assert.ok(Math.min(...lives) >= 0.25 && Math.max(...lives) < 5, `${lives}`);
      assert.equal(server.received.length, 6);
    });
  }

  test("whoever asks as one should is served meanwhile", async () => {
    const server = createServer({ headersTimeout: 10_000 }, (_, res) => res.end("ok"));
    const { url, open } = await listen(server);
    const attack = slowLoris({ ...ATTACK, url, connections: 50 });
    await until(() => attack.report.stillOpen === 50, "50 open");
    assert.equal(await (await fetch(url, { headers: { Connection: "close" } })).text(), "ok");
    assert.equal((await attack.stop()).stillOpen, 50);
    await until(() => open.size === 0, "all closed");
  });
});

describe("a server without time limits", () => {
  test("gets the header byte by byte, not to its end, and the connections are still open at the end", async () => {
    const server = await serveRaw();
    const report = await slowLoris({ ...ATTACK, url: `${server.url}a?b=c`, seconds: 1.5 }).done;
    const { opened, closedByServer, closedAfterSeconds, stillOpen } = report;
    assert.deepEqual([opened, closedByServer, closedAfterSeconds, stillOpen], [3, 0, undefined, 3]);
    const { host } = new URL(server.url);
    const start = `GET /a?b=c HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `;
    for (const text of server.received) {
      assert.ok(text.startsWith(start), text);
      assert.match(text.slice(start.length), /^a+$/);
      assert.ok(text.length <= 160, `${text.length} bytes in 1.5 s`);
    }
    await until(() => server.open.size === 0, "all closed");
  });

  test("gets the header of a POST at once, and of its body fewer bytes than were announced", async () => {
    const server = await serveRaw();
    const report = await slowLoris({ ...ATTACK, url: server.url, part: "body", seconds: 0.5 }).done;
    assert.deepEqual([report.opened, report.stillOpen], [3, 3]);
    for (const text of server.received) {
      const [head = "", body = ""] = text.split("\r\n\r\n");
      assert.match(head, /^POST \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
      assert.match(head, /\r\nContent-Length: 16384$/);
      assert.match(body, /^a{2,60}$/);
    }
  });

  test("a pause longer than the attack leaves it at the first byte", async () => {
    const server = await serveRaw();
    await slowLoris({ ...ATTACK, url: server.url, bytePauseMs: 60_000, seconds: 0.3 }).done;
    assert.deepEqual(server.received, ["G", "G", "G"]);
  });
});

describe("what the server does is seen", () => {
  test("an answer without a close: the connection goes on and counts as open", async () => {
    const server = await serveRaw((socket) => {
      // In two pieces, as the network may cut it.
      socket.write("HTTP/1.1 4");
      setTimeout(() => socket.write("29 Too Many Requests\r\nContent-Length: 0\r\n\r\n"), 20);
    });
    const attack = slowLoris({ ...ATTACK, url: server.url });
    await until(() => attack.report.answers[429] === 3, "three answers");
    const report = await attack.stop();
    assert.deepEqual([report.opened, report.stillOpen, report.answers], [3, 3, { 429: 3 }]);
  });

  test("a reset without an answer", async () => {
    const server = await serveRaw((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const report = await slowLoris({ ...ATTACK, url: server.url, connections: 2, reopen: 2 }).done;
    assert.deepEqual([report.opened, report.closedByServer, report.answers], [6, 6, {}]);
    for (const { status, how } of report.closes) {
      assert.equal(status, undefined);
      assert.match(how, /^(ECONNRESET|EPIPE)$/);
    }
  });

  test("refused connections, tried again as often as allowed", async () => {
    const server = createNetServer();
    const { url } = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const report = await slowLoris({ ...ATTACK, url, connections: 2, reopen: 1 }).done;
    assert.deepEqual([report.opened, report.refused, report.connecting, report.stillOpen], [0, 4, 0, 0]);
  });

  test("the first 1000 closes are kept, all are counted", async () => {
    const server = await serveRaw((socket) => socket.end());
    const report = await slowLoris({ ...ATTACK, url: server.url, connections: 400, reopen: 2 }).done;
    assert.deepEqual([report.opened, report.closedByServer, report.closes.length], [1200, 1200, 1000]);
  });
});

describe("the end of an attack", () => {
  test("stop() ends it at once, with the same report each time, and leaves no socket and no timer", async () => {
    await until(() => leftBehind().length === 0, "nothing left of the tests before");
    const server = await serveRaw();
    const started = performance.now();
    const attack = slowLoris({ ...ATTACK, url: server.url, connections: 200, seconds: 60 });
    await until(() => server.received.length === 200 && attack.report.stillOpen === 200, "200 open");
    assert.ok(leftBehind().length >= 400, "a socket and a timer for each");
    const report = await attack.stop();
    assert.ok(performance.now() - started < 5000);
    assert.deepEqual([report.opened, report.stillOpen], [200, 200]);
    assert.equal(await attack.stop(), report);
    assert.equal(await attack.done, report);
    await until(() => server.open.size === 0, "all closed");
    assert.deepEqual(leftBehind(), []);
    assert.equal(server.received.length, 200, "nothing was opened anew after the end");
  });

  test("stop() before anything is connected leaves nothing either", async () => {
    const server = await serveRaw();
    const attack = slowLoris({ ...ATTACK, url: server.url, connections: 50 });
    const report = await attack.stop();
    assert.deepEqual([report.opened, report.stillOpen], [0, 0]);
    await sleep(100);
    assert.equal(server.received.length, 0);
    assert.deepEqual(leftBehind(), []);
  });

  test("the attack ends by itself, also in the rest before a reopening", async () => {
    const server = await serveRaw((socket) => socket.end());
    const attack = slowLoris({ ...ATTACK, url: server.url, seconds: 0.25, reopen: 1000 });
    const report = await attack.done;
    assert.equal(report.opened, report.closedByServer + report.stillOpen);
    assert.ok(report.opened >= 3 && report.opened <= 9, `${report.opened} opened`);
    await until(() => leftBehind().length === 0, "nothing left");
  });
});

describe("bounds", () => {
  const attack = (change: Partial<SlowLorisOptions>) => () =>
    slowLoris({ ...ATTACK, url: "http://127.0.0.1:1/", ...change });

  for (const host of [
    "example.com",
    "192.0.2.1",
    "10.0.0.1",
    "172.17.0.1.example.com",
    "127.0.0.2",
    "0.0.0.0",
    "[::]",
  ]) {
    test(`an attack on ${host} is refused`, () => {
      assert.throws(attack({ url: `http://${host}/` }), {
        message: /on a Docker bridge of this machine only, not to /,
      });
    });
  }

  test("on this machine is the loopback and what a bridge of Docker reaches, and nothing else", () => {
    const at = (address: string, prefix: number): NetworkInterfaceInfo[] => {
      const known = { address, cidr: `${address}/${prefix}`, netmask: "", mac: "", internal: false };
      return [isIPv6(address) ? { ...known, family: "IPv6", scopeid: 0 } : { ...known, family: "IPv4" }];
    };
    const interfaces = {
      docker0: at("172.17.0.1", 16),
      "br-0123456789ab": [...at("172.18.0.1", 16), ...at("fd12::1", 64)],
      "br-lan": at("192.168.1.1", 24),
      eth0: at("172.20.0.5", 16),
    };
    const here = ["127.0.0.1", "::1", "localhost", "172.17.0.2", "172.18.255.254", "fd12::2"];
    const elsewhere = ["172.19.0.2", "172.20.0.5", "192.168.1.7", "fd13::2", "172.17.0.2.nip.io", "web"];
    assert.deepEqual(
      [...here, ...elsewhere].filter((host) => isOnThisMachine(host, interfaces)),
      here,
    );
  });

  test("numbers that would not be bounds are refused", () => {
    assert.throws(attack({ connections: 10_001 }), { message: "connections is 10001, allowed is 1 to 10000" });
    assert.throws(attack({ seconds: 61 }), { message: "seconds is 61, allowed is 0 to 60" });
    assert.throws(attack({ seconds: Number.NaN }), { message: /^seconds is NaN/ });
    assert.throws(attack({ bytePauseMs: 9 }), { message: "bytePauseMs is 9, allowed is 10 to 60000" });
    assert.throws(attack({ reopen: Number.POSITIVE_INFINITY }), { message: /^reopen is Infinity/ });
    assert.throws(attack({ url: "https://127.0.0.1/" }), { message: /http: only/ });
  });
});
