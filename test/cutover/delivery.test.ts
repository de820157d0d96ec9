import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { DELIVERY_SECONDS, deliver } from "../../cutover/delivery";
import { wordOf } from "../../cutover/word";
import type { Receiver } from "../../stacks/service/receiver";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { isSigned, SIGNING_KEY, TestReceiver } from "./receiver.sample";

const OWNER = { project: "blue-green", stack: "dev" };

const WORD = wordOf(
  {
    owner: OWNER,
    entry: {
      time: "2026-12-01T10:00:00.000Z",
      result: "switched",
      from: "blue",
      to: "green",
      versions: {},
      images: {},
      seconds: {},
    },
    trial: "green",
  },
  new Date(),
);

/** Delivers the word; answers why it was not taken, and how long that took. */
async function delivered(receiver: Receiver): Promise<{ why: string | undefined; seconds: number }> {
  const started = performance.now();
  const why = await deliver(receiver, WORD);
  return { why, seconds: (performance.now() - started) / 1000 };
}

const TAIL = "/T0/B0/planted-secret?token=planted-secret";

const json = (receiver: TestReceiver): Receiver => ({ kind: "json", url: receiver.url + TAIL, secret: SIGNING_KEY });

describe("delivery", { concurrency: true }, () => {
  test("a receiver that takes it gets it once, signed, over IPv4 and IPv6", async (t) => {
    for (const host of ["127.0.0.1", "::1"]) {
      const receiver = await TestReceiver.listen(t, { host });
      assert.equal((await delivered(json(receiver))).why, undefined);
      const [request, ...more] = receiver.received;
      assert.ok(request && more.length === 0);
      assert.deepEqual([request.method, request.path], ["POST", TAIL]);
      assert.equal(request.headers["content-type"], "application/json");
      assert.deepEqual(JSON.parse(request.body), WORD);
      assert.ok(isSigned(request, SIGNING_KEY));
    }
  });

  test("what may pass is tried again, under the same id, and told with the number of attempts", async (t) => {
    const once = await TestReceiver.listen(t);
    once.answer = (response, attempt) => response.writeHead(attempt < 2 ? 503 : 200).end();
    assert.equal((await delivered(json(once))).why, undefined);
    assert.equal(once.received.length, 2);
    assert.equal(new Set(once.received.map(({ headers }) => headers["webhook-id"])).size, 1);
    assert.ok(once.received.every((request) => isSigned(request, SIGNING_KEY)));

    for (const status of [500, 429, 408]) {
      const never = await TestReceiver.listen(t);
      never.answer = (response) => response.writeHead(status).end();
      assert.equal((await delivered(json(never))).why, `it answered ${status}, after 3 attempts`);
      assert.equal(never.received.length, 3);
    }
  });

  test("what does not pass is not tried again: a refusal, a redirect", async (t) => {
    const elsewhere = await TestReceiver.listen(t);
    for (const [status, why] of [
      [400, "it answered 400"],
      [401, "it answered 401"],
      [404, "it answered 404"],
      [410, "it answered 410"],
      [302, "it answered 302, and no redirect is followed"],
      [308, "it answered 308, and no redirect is followed"],
    ] as const) {
      const receiver = await TestReceiver.listen(t);
      receiver.answer = (response) => response.writeHead(status, { Location: elsewhere.url }).end("planted");
      assert.equal((await delivered(json(receiver))).why, why);
      assert.equal(receiver.received.length, 1);
    }
    assert.equal(elsewhere.received.length, 0);
  });

  test("a receiver that hangs, before its answer or within its header, is waited for so long and no longer", async (t) => {
    const silent = await TestReceiver.listen(t);
    silent.answer = () => {};
    const slow = await TestReceiver.listen(t);
    slow.answer = (response) => {
      response.socket?.write("HTTP/1.1 200 OK\r\n");
      setInterval(() => response.socket?.write("X-More: y\r\n"), 100).unref();
    };
    // A connection that is taken by the kernel, and by nobody else.
    const deaf = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(deaf, "listening");
    t.after(() => deaf.close());
    const { port } = deaf.address() as { port: number };
    const waits = [silent.url, slow.url, `http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`].map(async (url) => {
      const { why, seconds } = await delivered({ kind: "json", url });
      assert.match(why ?? "", /^it gave no answer within [25] s/, url);
      assert.ok(seconds <= DELIVERY_SECONDS + 0.5, `${seconds} s`);
    });
    await Promise.all(waits);
  });

  test("of an answer without end, or with an endless header, nothing is taken in", async (t) => {
    const endless = await TestReceiver.listen(t);
    let written = 0;
    endless.answer = (response) => {
      const piece = Buffer.alloc(1024 * 1024);
      const more = () => {
        written += piece.length;
        if (!response.destroyed && written < 1024 ** 3) response.write(piece, () => setImmediate(more));
      };
      response.writeHead(200);
      more();
    };
    const { why, seconds } = await delivered(json(endless));
    assert.equal(why, undefined, "it has taken the word");
    assert.ok(seconds < 2 && written < 64 * 1024 * 1024, `${seconds} s, ${written} bytes`);

    const header = await TestReceiver.listen(t);
    header.answer = (response) => response.socket?.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1024 * 1024)}`);
    assert.match(
      (await delivered(json(header))).why ?? "",
      /^the request failed \(HPE_HEADER_OVERFLOW\), after 3 attempts$/,
    );

    const nonsense = await TestReceiver.listen(t);
    nonsense.answer = (response) => response.socket?.end("\u001b[31mplanted\r\n\r\n");
    assert.match((await delivered(json(nonsense))).why ?? "", /^the request failed \(HPE_\w+\), after 3 attempts$/);
  });

  test("a bad certificate, a name that does not resolve and a port without anybody are told by their codes alone", async (t) => {
    const { certificate: cert, key } = makeCertificate({ names: ["127.0.0.1"], days: 1 });
    const untrusted = await TestReceiver.listen(t, { tls: { cert, key } });
    assert.match((await delivered(json(untrusted))).why ?? "", /^its certificate is not accepted \([A-Z_]+\)$/);
    assert.equal(untrusted.received.length, 0);

    const url = `https://planted-secret.invalid${TAIL}`;
    assert.match(
      (await delivered({ kind: "json", url })).why ?? "",
      /^(its name does not resolve \(ENOTFOUND\)|the request failed \(EAI_AGAIN\), after 3 attempts)$/,
    );

    const gone = await TestReceiver.listen(t);
    const port = createServer().listen(0, "127.0.0.1");
    await once(port, "listening");
    const free = (port.address() as { port: number }).port;
    await new Promise((resolve) => port.close(resolve));
    const refused = await delivered({ kind: "json", url: `http://127.0.0.1:${free}${TAIL}` });
    assert.equal(refused.why, "nothing listens there (ECONNREFUSED), after 3 attempts");

    gone.answer = (response) => response.socket?.destroy();
    assert.equal((await delivered(json(gone))).why, "the request failed (ECONNRESET), after 3 attempts");
  });
});
