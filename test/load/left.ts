import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until this is reached, for 10 s at most. */
export async function until(reached: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!reached()) {
    assert.ok(Date.now() < deadline, `not within 10 s: ${what}`);
    await sleep(5);
  }
}

/** Sockets of clients and timers that keep this process alive. */
export function leftBehind(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCPSocketWrap|TCPConnectWrap|Timeout)$/.test(kind));
}
