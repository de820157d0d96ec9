import assert from "node:assert/strict";
import { test } from "node:test";
import { backendImages } from "./backend";
import { row, whole } from "./failures";
import { TestStack } from "./stack";

/** Ten in `npm test`, 200 in `npm run soak`. */
const SWITCHES = Number(process.env.SOAK_SWITCHES ?? 10);

const DRAIN_SECONDS = 6;
/** A switch by a whole `pulumi up`, and a machine with other things to do. */
const SECONDS_A_SWITCH = 45;

/** More memory than before, in KiB, that is no growth: nginx's buffers fill with the load. */
const MEMORY_TOLERANCE_KIB = 8 * 1024;

/** What the proxy has, once everything of before is drained. */
async function seen(stack: TestStack, proxy: string) {
  await new Promise((resolve) => setTimeout(resolve, (DRAIN_SECONDS + 2) * 1000));
  const inside = (script: string) => stack.docker("exec", proxy, "sh", "-c", script);
  const processes = (await stack.docker("top", proxy, "-o", "pid,rss,args")).trim().split("\n").slice(1);
  return {
    processes: processes.length,
    // Of the workers each client takes one more: the master has none.
    descriptors: Number(await inside("ls /proc/1/fd | wc -l")),
    files: (await inside("cd /var/lib/blue-green && find . -path ./tmp -prune -o -type f -print | sort"))
      .trim()
      .split("\n"),
    memoryKib: processes.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[1]), 0),
  };
}

test("many switches in a row", { timeout: (120 + SWITCHES * SECONDS_A_SWITCH) * 1000 }, async (t) => {
  const stack = await TestStack.make(t, {
    ...(await backendImages()),
    drainSeconds: String(DRAIN_SECONDS),
    keepAliveSeconds: "3",
    proxyTimeoutSeconds: "5",
  });
  await stack.up();
  const proxy = (await stack.container("proxy")).Id;
  const history = "/var/lib/blue-green/history.jsonl";
  // As if there had been many before: the oldest go, and no more than 1,000 stay.
  await stack.docker(
    "exec",
    proxy,
    "sh",
    "-c",
    `line=$(cat ${history}); for i in $(seq 1200); do echo "$line"; done >${history}`,
  );
  await stack.switchTo("green");
  await stack.switchTo("blue");
  const before = await seen(stack, proxy);

  await row(
    t,
    stack,
    "many switches in a row",
    async () => {
      for (let i = 0; i < SWITCHES; i++) {
        const to = i % 2 === 0 ? "green" : "blue";
        // Every other way there is a whole switch, with its gate and its watch.
        if (i % 4 === 0) await stack.docker("exec", proxy, "rm", "-f", "/var/lib/blue-green/cutover.json");
        await stack.switchTo(to);
        assert.equal(await whole(stack), to);
      }
    },
    { maxSeconds: Math.min(3600, SWITCHES * SECONDS_A_SWITCH) },
  );

  const after = await seen(stack, proxy);
  console.log(`before ${JSON.stringify(before)}\nafter ${SWITCHES} switches ${JSON.stringify(after)}`);
  assert.deepEqual({ ...after, memoryKib: 0 }, { ...before, memoryKib: 0 });
  assert.ok(after.memoryKib < before.memoryKib + MEMORY_TOLERANCE_KIB, "memory does not grow");
  assert.equal((await stack.docker("exec", proxy, "sh", "-c", `wc -l <${history}`)).trim(), "1000");
});
