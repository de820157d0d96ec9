import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertNoFailures,
  blindReuse,
  freshGets,
  keepAliveGets,
  type Load,
  posts,
  slowRequests,
  summarize,
  webSockets,
} from "../load";
import { backendImages } from "./backend";
import { TestStack } from "./stack";

/** Odd, so that it ends on another color than it began on: whatever was open then meets both. */
const SWITCHES = 9;
const DRAIN_SECONDS = 12;
const RELOAD_SEEN_WITHIN_MILLISECONDS = 1000;

/** Ends the loads, says what they saw, and has each of them without a failure. */
async function endWithoutFailures(loads: Record<string, Load>): Promise<void> {
  for (const [name, load] of Object.entries(loads)) {
    const report = await load.stop();
    console.log(`${name}: ${summarize(report)}`);
    assertNoFailures(report, name);
    assert.ok(report.colors.blue && report.colors.green, `${name} met both colors`);
  }
}

test(`${SWITCHES} switches`, async (t) => {
  const stack = await TestStack.make(t, { ...(await backendImages()), drainSeconds: String(DRAIN_SECONDS) });
  await stack.up();
  await t.test("under GETs, POSTs, slow requests and WebSockets: nothing fails", () => everyKindOfRequest(stack));
  await t.test("under 800 connections that idle up to 6 s and reuse their socket without looking: none is broken", () =>
    blindReuses(stack),
  );
});

/** Ends on green. */
async function everyKindOfRequest(stack: TestStack): Promise<void> {
  const sockets = webSockets({
    url: `ws://127.0.0.1:${stack.ports.http}/ws`,
    connections: 16,
    drainSeconds: DRAIN_SECONDS,
  });
  const loads = {
    "keep-alive GETs": keepAliveGets({ url: `${stack.url}/`, connections: 32, pauseMs: 20 }),
    "GETs on fresh connections": freshGets({ url: `${stack.url}/`, connections: 4, pauseMs: 20 }),
    "POSTs with bodies": posts({ url: `${stack.url}/echo`, connections: 8, bytes: 100_000, pauseMs: 50 }),
    "slow requests": slowRequests({ url: `${stack.url}/slow?seconds=2`, connections: 8, seconds: 2 }),
    WebSockets: sockets,
  };
  for (let i = 0; i < SWITCHES; i++) {
    const to = i % 2 === 0 ? "green" : "blue";
    const started = Date.now();
    await stack.switchTo(to);
    // The first answer of the new color to a fresh connection comes after the reload, by less than this margin.
    const met = loads["GETs on fresh connections"].report.transitions.find((one) => one.at > started && one.to === to);
    assert.ok(met, `fresh connections met ${to}`);
    sockets.switched(met.at - RELOAD_SEEN_WITHIN_MILLISECONDS, to);
    // Exit 0 promises it: what is asked from now on, on a new connection, is answered by the new color.
    const after = keepAliveGets({ url: `${stack.url}/`, connections: 4 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const report = await after.stop();
    assertNoFailures(report, `after the switch to ${to}`);
    assert.deepEqual(Object.keys(report.colors), [to]);
  }
  // The last drain ends while the clients look on.
  await new Promise((resolve) => setTimeout(resolve, (DRAIN_SECONDS + 2) * 1000));
  await endWithoutFailures(loads);
  assert.ok((await sockets.stop()).closes.length > 0, "sockets of an old color were closed after the drain");
}

/** Begins on green. */
async function blindReuses(stack: TestStack): Promise<void> {
  const load = blindReuse({ url: `${stack.url}/`, connections: 800, idleSecondsMax: 6 });
  for (let i = 0; i < SWITCHES; i++) await stack.switchTo(i % 2 === 0 ? "blue" : "green");
  await new Promise((resolve) => setTimeout(resolve, 7000));
  await endWithoutFailures({ "blind reuse": load });
}
