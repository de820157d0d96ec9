import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { backendImages } from "./backend";
import { faults, until } from "./failures";
import { get, TestStack } from "./stack";

test("npm run status says what runs, by its exit code too", async (t) => {
  const stack = await TestStack.make(t, await backendImages());
  const words = ["--require", "./setup/bundle.cjs", "commands/status/main.ts", "--json"];
  const status = async () => {
    const { code, output } = await stack.command("node", ...words);
    return { code, ...JSON.parse(output) };
  };
  const says = async (exit: number, words: RegExp) => {
    const { code, findings } = await status();
    const texts = findings.map(({ text }: { text: string }) => text).join("\n");
    assert.match(texts, words);
    assert.equal(code, exit, texts);
  };
  const container = (part: "blue" | "green" | "proxy") => stack.container(part);

  assert.equal((await status()).code, 3, "nothing of it runs yet");
  await stack.up();
  const well = await status();
  assert.equal(well.code, 0, JSON.stringify(well));

  await t.test("a pending switch and its end", async () => {
    await stack.set("activeColor", "green");
    assert.equal((await status()).code, 1);
    await stack.up();
    assert.equal((await status()).code, 0);
  });

  await t.test("an idle color that does not run", async () => {
    await stack.docker("stop", (await container("blue")).Id);
    const { code, ...report } = await status();
    assert.equal(code, 1);
    assert.match(JSON.stringify(report), /docker start blue-green-test-\w+-blue/);
    await stack.docker("start", (await container("blue")).Id);
    // nginx finds a container that was away a moment after it answers by its own name.
    await until("blue answers through nginx", async () => (await status()).code === 0);
  });

  await t.test("a live color that does not answer", async () => {
    await stack.docker("stop", (await container("green")).Id);
    const { code, ...report } = await status();
    assert.equal(code, 2);
    assert.match(JSON.stringify(report), /pulumi config set activeColor blue/);
    await stack.docker("start", (await container("green")).Id);
    await until("green answers", async () => (await status()).code === 0);
  });

  await t.test("--watch reads the same again and again, and tells of a color that ends meanwhile", async () => {
    const { child, seen } = stack.start("node", ...words, "--watch");
    const levels = () =>
      seen()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).level);
    await until("two readings", async () => levels().length >= 2);
    await stack.docker("stop", (await container("blue")).Id);
    await until("the color is missed", async () => levels().at(-1) === "degraded");
    await stack.docker("start", (await container("blue")).Id);
    await until("it is back", async () => levels().at(-1) === "well");
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    assert.deepEqual([code, levels()[0]], [0, "well"]);
    const { live, stable, history } = JSON.parse(seen().trimEnd().split("\n").at(-1) ?? "");
    const now = await status();
    assert.deepEqual({ live, stable, history }, { live: now.live, stable: now.stable, history: now.history });
  });

  await t.test("a configuration edited by hand", async () => {
    const edit =
      'cd /var/lib/blue-green && sed "s/server_tokens off/server_tokens on/" nginx.conf >x && mv x nginx.conf';
    await stack.docker("exec", (await container("proxy")).Id, "sh", "-c", edit);
    assert.equal((await status()).code, 1);
    await stack.up();
    assert.equal((await status()).code, 0);
  });

  await t.test("a process of live's that is killed for want of memory while its container stays up", async () => {
    const greedy = stack.docker("exec", (await container("green")).Id, "python3", "-c", 'len(b"x" * (900 << 20))');
    await assert.rejects(greedy, /exit code 137/);
    // The engine hears of it a moment later.
    await until("the kill is told", async () => /had a process killed/.test(JSON.stringify(await status())));
    await says(1, /^green is live and answers, but its container ran out of memory and had a process killed once/m);
  });

  await t.test("an idle color that crashes again and again", async () => {
    for (const restarts of [1, 2]) {
      await get(`http://127.0.0.1:${stack.ports.blue}/crash`).catch(() => {});
      await until(`blue is started again (${restarts})`, async () => {
        await get(`http://127.0.0.1:${stack.ports.blue}/healthz`);
        const { RestartCount } = JSON.parse(await stack.docker("inspect", (await container("blue")).Id))[0];
        return RestartCount === restarts;
      });
    }
    await says(1, /^green is live.*\nblue is idle, and its container was started 3 times, last exit 1/m);
  });

  await t.test("pages that hang, and then half of the answers 5xx, of a color whose health path is well", async () => {
    await faults(stack, "green", { delaySeconds: 60 });
    const hung = Array.from({ length: 5 }, () => fetch(`${stack.url}/`, { signal: AbortSignal.timeout(1500) }));
    for (const { status } of await Promise.allSettled(hung)) assert.equal(status, "rejected");
    const seen = async (words: RegExp) => words.test(JSON.stringify(await status()));
    await until("the hung requests are told", () => seen(/green left [1-9]\d* of \d+ requests without an answer/));

    await faults(stack, "green", { errorPercent: 50 });
    for (let asked = 0; asked < 100; asked += 1) await get(`${stack.url}/`);
    await until("the errors are told", () => seen(/green answered [3-6]\d of \d{3} requests with 5xx/));
    await says(2, /^green answered \d+ of \d+ requests with 5xx in the last 60 s \(\d+ %; maxErrorPercent 1\)$/m);
    const { colors, next } = await status();
    assert.ok(colors.green.answers.perSecond > 1);
    assert.match(next[0].command, /activeColor blue/);
    await faults(stack, "green", {});
  });

  await t.test("a proxy that does not run", async () => {
    await stack.docker("stop", (await container("proxy")).Id);
    assert.equal((await status()).code, 2);
    await stack.docker("start", (await container("proxy")).Id);
  });
});
