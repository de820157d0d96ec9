import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DELIVERY_SECONDS, tell } from "../../cutover/delivery";
import { Nginx } from "../../cutover/proxy";
import { rollBack } from "../../cutover/rollback";
import type { Run } from "../../cutover/run";
import { isFailedReceiver, type Receiver } from "../../stacks/service/receiver";
import { orderTo, orderToShare } from "./order.sample";
import { lost, ok, onBlue, StubProxy, WHO } from "./proxy.stub";
import { isSigned, SIGNING_KEY, TestReceiver } from "./receiver.sample";

const OWNER = { project: "blue-green", stack: "dev" };

const TAIL = "/T0/B0/planted-secret?token=planted-secret";

const json = (receiver: TestReceiver): Receiver => ({ kind: "json", url: receiver.url + TAIL, secret: SIGNING_KEY });

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
    assert.ok(!proxy.said.some(isFailedReceiver), "what was taken needs no line");
    assert.doesNotMatch(shows(proxy), /planted|whsec/);
  });

  test("a run that moves nothing tells nothing", async (t) => {
    const { proxy, receiver, to } = await told(t, onBlue(t));
    await proxy.carriesOut(orderTo("blue", to));
    assert.deepEqual([receiver.received, proxy.history], [[], []]);
  });

  test("a line that is not final is no word: who finishes the cutover tells of it", async (t) => {
    const { receiver, to } = await told(t, onBlue(t));
    const entry = { time: "2026-12-01T10:00:00.000Z", to: "green", versions: {}, images: {}, seconds: {} };
    const run = (result: string) =>
      ({ entry: { ...entry, result }, trial: "green", order: { owner: OWNER }, say: () => {} }) as unknown as Run;
    await tell(run("interrupted"), to.receiver);
    assert.equal(receiver.received.length, 0);
    await tell(run("switched"), to.receiver);
    assert.equal(receiver.received.length, 1);
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
    let asked = 0;
    hangs.receiver.answer = (_, attempt) => {
      if (attempt === 1) asked = performance.now();
    };
    assert.equal(await hangs.proxy.carriesOut(orderTo("green", hangs.to)), undefined);
    const seconds = (performance.now() - asked) / 1000;
    assert.ok(seconds < DELIVERY_SECONDS + 1, `${seconds} s`);
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

  test("a lock that was lost is taken again for the record, and not to note the receiver", async (t) => {
    const proxy = onBlue(t);
    const lock = await new Nginx(proxy.docker, "p1").lock("somebody", 5, () => {});
    await lost(proxy.holders[0]);
    await assert.rejects(lock.writeReceiver("{}"), { message: "the proxy's lock was lost" });
    assert.equal(proxy.holders.length, 1);
    await lock.writeRecord({ stable: {} });
    await lock.writeReceiver("{}");
    assert.deepEqual([proxy.holders.length, proxy.read("notify.json")], [2, "{}"]);
    await lock.release();
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
      assert.deepEqual((await rollBack(OWNER, () => back, "by hand", proxy.tools)).way, back);
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
