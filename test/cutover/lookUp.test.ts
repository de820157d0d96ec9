import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { lookUpUntil } from "../../cutover/lookUp";

/** Whether a process runs. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

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
