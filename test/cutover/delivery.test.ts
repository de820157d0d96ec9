import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DELIVERY_SECONDS, deliver } from "../../cutover/delivery";
import { lookUpUntil } from "../../cutover/lookUp";
import { rollBack } from "../../cutover/rollback";
import { wordOf } from "../../cutover/word";
import type { Receiver } from "../../stacks/service/receiver";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { orderTo, orderToShare } from "./order.sample";
import { ok, onBlue, StubProxy, WHO } from "./proxy.stub";
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

/** Whether a process runs. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const TAIL = "/T0/B0/planted-secret?token=planted-secret";

const json = (receiver: TestReceiver): Receiver => ({ kind: "json", url: receiver.url + TAIL, secret: SIGNING_KEY });

/** Asks for a name as a request does. */
const resolved = (signal: AbortSignal, name: string, program?: string, all = true) =>
  new Promise<[code: string | undefined, found: unknown]>((resolve) =>
    lookUpUntil(signal, program)(name, { all }, (error, found) => resolve([error?.code, found])),
  );

describe("a receiver's name", { concurrency: true }, () => {
  test("is resolved as this machine's hosts file has it, one address or all", async () => {
    const [code, found] = await resolved(new AbortController().signal, "localhost");
    assert.equal(code, undefined);
    assert.ok((found as { address: string }[]).some(({ address }) => address === "127.0.0.1" || address === "::1"));
    const [, one] = await resolved(new AbortController().signal, "localhost", undefined, false);
    assert.match(String(one), /^(127\.0\.0\.1|::1)$/);
    const [none] = await resolved(new AbortController().signal, "planted.invalid");
    assert.match(none ?? "", /^(ENOTFOUND|EAI_AGAIN)$/);
  });

  test("that no name server answers for is given up with the signal, and nothing of it goes on", async (t) => {
    const place = mkdtempSync(join(tmpdir(), "look-up-"));
    t.after(() => rmSync(place, { recursive: true }));
    const file = join(place, "pid");
    const hangs = `require("node:fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000);`;
    const over = new AbortController();
    const asked = resolved(over.signal, "planted.example", hangs);
    const deadline = performance.now() + 10_000;
    while (!existsSync(file) || readFileSync(file, "utf8") === "") {
      assert.ok(performance.now() < deadline, "the process runs");
      await pause(20);
    }
    over.abort();
    assert.deepEqual(await asked, ["EAI_AGAIN", []]);
    const pid = Number(readFileSync(file, "utf8"));
    while (isAlive(pid)) {
      assert.ok(performance.now() < deadline, "the process is gone");
      await pause(20);
    }
  });

  test("for which something else than addresses comes does not resolve", async () => {
    const words = ["", "{", "null", '{"found":[{"address":1}]}', '{"found":"::1"}'].map((text) => JSON.stringify(text));
    // More than is read of an answer, and more than a process can be started with.
    for (const word of [...words, '"x".repeat(2e6)', JSON.stringify("x".repeat(2e6))])
      assert.deepEqual(await resolved(new AbortController().signal, "a", `process.stdout.write(${word})`), [
        ...["EAI_AGAIN", []],
      ]);
  });
});

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

/** A cutover's proxy, and a receiver of its word. */
async function told(t: TestContext, proxy: StubProxy) {
  const receiver = await TestReceiver.listen(t);
  return { proxy, receiver, to: { receiver: json(receiver) } };
}

const shows = ({ said, history, record }: StubProxy, error?: Error) =>
  JSON.stringify([said, history, record, error?.message]);

describe("who hears of a cutover", { concurrency: true }, () => {
  test("each end of one is told once, by its word: a switch, a refusal, a switch taken back, a canary, a way back", async (t) => {
    const { proxy, receiver, to } = await told(t, new StubProxy(t));
    await proxy.carriesOut(orderTo("blue", to));
    await proxy.carriesOut(orderTo("green", to));
    await proxy.carriesOut(orderTo("blue", to));
    const release = { stable: { blue: ["blue-1"] } };
    proxy.remembers(release);
    proxy.answersHealth = async () => 503;
    await proxy.fails(orderTo("green", to));
    proxy.answersHealth = async () => 200;
    proxy.seen = { errors: 50 };
    await proxy.fails(orderTo("green", to));
    proxy.seen = {};
    await proxy.carriesOut(orderToShare(5, to));
    assert.deepEqual(
      receiver.words.map(({ phase, cutover }) => [phase, cutover.from, cutover.to]),
      [
        ["first", undefined, "blue"],
        ["switched", "blue", "green"],
        ["instant", "green", "blue"],
        ["refused", "blue", "green"],
        ["reverted", "blue", "green"],
        ["canary", "blue", "blue"],
      ],
    );
    assert.ok(receiver.received.every((request) => isSigned(request, SIGNING_KEY)));
    assert.equal(new Set(receiver.words.map(({ id }) => id)).size, 6);
    assert.deepEqual(receiver.words[1].cutover.who, WHO);
    assert.ok(!proxy.said.some((line) => line.startsWith("notifyUrl")), "what was taken needs no line");
    assert.doesNotMatch(shows(proxy), /planted|whsec/);
  });

  test("a run that moves nothing tells nothing", async (t) => {
    const { proxy, receiver, to } = await told(t, onBlue(t));
    await proxy.carriesOut(orderTo("blue", to));
    assert.deepEqual([receiver.received, proxy.history], [[], []]);
  });

  test("the word comes after the record is written", async (t) => {
    const { proxy, receiver, to } = await told(t, onBlue(t));
    let atWord: unknown;
    receiver.answer = (response) => {
      atWord = [proxy.live, proxy.history.at(-1)?.result, proxy.record?.stable.green];
      response.writeHead(200).end();
    };
    await proxy.carriesOut(orderTo("green", to));
    assert.deepEqual(atWord, ["green", "switched", ["green-1"]]);
  });

  test("a receiver that hangs or refuses changes nothing but a line, which shows nothing of its address", async (t) => {
    const hangs = await told(t, onBlue(t));
    hangs.receiver.answer = () => {};
    const started = performance.now();
    assert.equal(await hangs.proxy.carriesOut(orderTo("green", hangs.to)), undefined);
    const seconds = (performance.now() - started) / 1000;
    assert.ok(seconds < DELIVERY_SECONDS + 3, `${seconds} s`);
    assert.deepEqual([hangs.proxy.live, hangs.proxy.history.at(-1)?.result], ["green", "switched"]);
    const [slow, failed] = hangs.proxy.said.slice(-2);
    assert.equal(slow, "notifyUrl has not taken word of this cutover yet: it has 5 s");
    assert.match(
      failed ?? "",
      /^notifyUrl: it got no word of this cutover, since it gave no answer within [25] s.* Next: /,
    );
    assert.match(hangs.proxy.said.at(-3) ?? "", /^green is live, from blue/);

    const refuses = await told(t, onBlue(t));
    refuses.receiver.answer = (response) => response.writeHead(403).end("planted");
    refuses.proxy.seen = { errors: 50 };
    const error = await refuses.proxy.fails(orderTo("green", refuses.to));
    assert.match(error.message, /^green was switched to and taken back/);
    assert.equal(
      refuses.proxy.said.at(-1),
      "notifyUrl: it got no word of this cutover, since it answered 403. Next: mend the receiver, or: pulumi config set --secret notifyUrl",
    );
    for (const { proxy } of [hangs, refuses]) assert.doesNotMatch(shows(proxy, error), /planted|whsec|127\.0\.0\.1/);
  });

  test("the lock is let go of while the receiver is waited for", async (t) => {
    const { proxy, receiver, to } = await told(t, onBlue(t));
    receiver.answer = () => {};
    const running = proxy.carriesOut(orderTo("green", to));
    const deadline = performance.now() + 10_000;
    while (receiver.received.length === 0 || proxy.read("holder") !== undefined) {
      assert.ok(performance.now() < deadline, "the lock is held");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const ended = await Promise.race([running.then(() => true), new Promise((resolve) => setTimeout(resolve, 100))]);
    assert.equal(ended, undefined, "the receiver is still waited for");
    await running;
  });

  test("the way back by hand tells whom the latest cutover told, whatever came of that; none where there is nobody", async (t) => {
    const { proxy, receiver, to } = await told(t, onBlue(t));
    await proxy.carriesOut(orderTo("green", to));
    assert.equal((statSync(join(proxy.directory, "notify.json")).mode & 0o777).toString(8), "600");
    const back = { to: "blue", from: "green", putBack: undefined } as const;
    await rollBack(OWNER, () => back, "put back by hand", proxy.tools);
    const { phase, metadata, cutover } = receiver.words.at(-1);
    assert.deepEqual([phase, cutover.reason, receiver.words.length], ["instant", "put back by hand", 2]);
    assert.equal(metadata.eventMessage, "The public went back from green 2.0.0 to blue 1.0.0: put back by hand");
    assert.ok(isSigned(receiver.received[1] as never, SIGNING_KEY));

    // One that is refused at the gate leaves nothing of it behind either.
    proxy.answersHealth = async () => 503;
    await proxy.remembers({ stable: { blue: ["blue-1"] } }).fails(orderTo("green"));
    assert.equal(proxy.read("notify.json"), undefined);
    await rollBack(OWNER, () => ({ ...back, to: "green", from: "blue" }), "again", proxy.tools);
    assert.equal(receiver.words.length, 2);
  });

  test("a note of the receiver that somebody has spoilt, or that can't be read, holds no way back up", async (t) => {
    for (const text of [
      "",
      "{",
      "null",
      '{"kind":"json","url":"file:///etc/passwd"}',
      '{"kind":"smtp","url":"http://a"}',
    ]) {
      const proxy = new StubProxy(t)
        .serves("green")
        .remembers({ stable: { blue: ["blue-1"] } })
        .put("notify.json", text);
      const back = { to: "blue", from: "green", putBack: undefined } as const;
      assert.deepEqual(await rollBack(OWNER, () => back, "by hand", proxy.tools), back);
      assert.ok(!proxy.said.some((line) => line.startsWith("notifyUrl")), text);
    }
    const full = await told(t, onBlue(t));
    // A folder in the place of the file that all are written to first.
    full.proxy.move = async () => {
      mkdirSync(join(full.proxy.directory, "next"));
      return ok;
    };
    assert.equal(await full.proxy.carriesOut(orderTo("green", full.to)), undefined);
    assert.equal(full.receiver.words.length, 1);
    assert.match(
      full.proxy.said.find((line) => line.startsWith("notifyUrl: ")) ?? "",
      /npm run rollback.*can't be written/,
    );
  });
});
