import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { slowLoris } from "../load";
import { row, until } from "./failures";
import { configurationOf, NginxAlone } from "./nginxAlone";
import { get, must } from "./stack";

const MIB = 1024 * 1024;

/** Connections on which each of these is sent, and nothing is read; answers how many the server has answered. */
async function unread(t: TestContext, url: string, texts: (string | Buffer)[]): Promise<() => Promise<string[]>> {
  const { hostname, port } = new URL(url);
  const sockets = texts.map((text) => {
    const socket = connect({ host: hostname, port: Number(port) }).on("error", () => {});
    socket.pause();
    socket.write(text);
    return socket;
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await sleep(1500);
  return async () => {
    const answers = sockets.map(() => "");
    sockets.forEach((socket, at) => {
      socket.on("data", (chunk) => {
        answers[at] += chunk.toString("latin1");
      });
      socket.resume();
    });
    await sleep(500);
    return answers.map((answer) => answer.slice(9, 12));
  };
}

test("slow clients and the engine's disk", async (t) => {
  const alone = await NginxAlone.start(t);
  const downloads = Array.from({ length: 4 }, () => "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");

  await t.test(
    "with nginx's own default, a download that nobody reads is on the disk: this test sees it",
    async (t) => {
      await alone.serve(configurationOf({ maxBufferMb: 1024 }));
      await unread(t, alone.url, downloads);
      assert.ok((await alone.unlinkedBytes()) > 4 * 20 * MIB);
    },
  );

  await t.test("of a download that nobody reads, maxBufferMb is on the disk", async (t) => {
    await alone.serve(configurationOf({ maxBufferMb: 1, proxyTimeoutSeconds: 4 }));
    await until("the disk is free", async () => (await alone.unlinkedBytes()) === 0);
    await unread(t, alone.url, downloads);
    const bytes = await alone.unlinkedBytes();
    assert.ok(bytes > 0 && bytes <= 4 * 1.1 * MIB, `${bytes} bytes`);
    await until("proxyTimeoutSeconds ends it", async () => (await alone.unlinkedBytes()) === 0);
  });

  await t.test("with maxBufferMb 0 nothing of it is", async (t) => {
    await alone.serve(configurationOf({ maxBufferMb: 0 }));
    await unread(t, alone.url, downloads);
    assert.equal(await alone.unlinkedBytes(), 0);
  });

  await t.test(
    "uploads beyond maxUploads, and beyond a client's quarter of it, get 429; small bodies are none",
    async (t) => {
      await alone.serve(configurationOf({ maxUploads: 8, maxBodyMb: 4 }));
      const head = "POST / HTTP/1.1\r\nHost: a\r\n";
      const body = Buffer.alloc(2 * MIB);
      const long = Buffer.concat([Buffer.from(`${head}Content-Length: ${3 * MIB}\r\n\r\n`), body]);
      const chunked = Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n300000\r\n`), body]);
      const answers = await unread(t, alone.url, [long, chunked, ...Array.from({ length: 10 }, () => long)]);
      const bytes = await alone.unlinkedBytes();
      assert.ok(bytes > 0 && bytes <= 2 * 2.1 * MIB, `${bytes} bytes`);
      const statuses = await answers();
      assert.deepEqual(
        [statuses.filter((one) => one === "429").length, statuses.filter((one) => one === "").length],
        [10, 2],
      );
      const small = await unread(t, alone.url, [`${head}Content-Length: 9999\r\n\r\n${"a".repeat(9999)}`]);
      assert.deepEqual(await small(), ["200"]);
      assert.equal((await get(alone.url)).status, 200);
    },
  );
});

/** nginx's table of connections, smaller. */
const withConnections = (text: string, count: number) =>
  text.replace(/worker_connections \d+;/, `worker_connections ${count};`);

test("half-sent requests", async (t) => {
  const stack = await NginxAlone.start(t);
  await stack.serve(configurationOf());

  await row(t, stack, "thousands of half-sent requests", async () => {
    const attack = slowLoris({ url: stack.url, connections: 9000, seconds: 25, bytePauseMs: 5000, part: "header" });
    await until("9,000 are open", async () => attack.report.stillOpen >= 8900);
    assert.equal((await stack.nginx.serving())?.answers, true);
    await stack.serve(configurationOf({ activeColor: "green" }));
    const { health, serves } = await stack.nginx.sample(0, "green");
    assert.deepEqual([health.green?.status, serves.split(" ")[1]], [200, "green"]);
    const { closedByServer, refused } = await attack.stop();
    assert.deepEqual([closedByServer, refused], [0, 0]);
  });

  await t.test("one is ended after client_header_timeout", async () => {
    const { closedAfterSeconds } = await slowLoris({
      ...{ url: stack.url, connections: 10, seconds: 12, bytePauseMs: 1000, part: "header", reopen: 0 },
    }).done;
    assert.ok(closedAfterSeconds !== undefined && closedAfterSeconds.least >= 9.5 && closedAfterSeconds.most < 12);
  });

  await t.test(
    "more than nginx has connections for: the public is shut out, and the cutover switches all the same, at the latest at its third try",
    async () => {
      await stack.serve(withConnections(configurationOf(), 256));
      const attack = slowLoris({
        url: stack.url,
        connections: 2000,
        seconds: 60,
        bytePauseMs: 5000,
        part: "header",
        reopen: 500,
      });
      await until("connections are closed at once", async () => attack.report.closedByServer > 2000);
      await assert.rejects(Promise.all(Array.from({ length: 20 }, () => get(stack.url))), /socket hang up|ECONNRESET/);
      // New workers begin with room; where the attack fills them before the front was checked, the move is taken back.
      const move = () => stack.serve(withConnections(configurationOf({ activeColor: "green" }), 256));
      await move().catch(move).catch(move);
      // The new workers are full too by now.
      const closed = attack.report.closedByServer;
      await until("connections are closed again", async () => attack.report.closedByServer > closed + 500);
      for (let at = 0; at < 3; at++) {
        const serving = await stack.nginx.serving();
        assert.deepEqual([serving?.answers, serving?.color, serving?.edited], [true, "green", false]);
        const { health, serves } = await stack.nginx.sample(0, "green");
        assert.deepEqual([health.green?.status, serves], [200, `${serving?.generation} green`]);
      }
      await must("docker", ["exec", stack.id, "rm", "/run/serving"]);
      // The test can fail: without what was noted, nginx is silent now and then.
      await until("nginx is silent", async () => (await stack.nginx.serving())?.answers === false);
      await attack.stop();
      assert.equal((await get(stack.url)).headers["x-color"], "green");
    },
  );
});
