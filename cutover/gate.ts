import { authority } from "../stacks/engine/host";
import { waitHealthy } from "../stacks/service/health";
import { replicaName } from "../stacks/service/names";
import { hasStableRelease } from "../stacks/service/serving";
import type { SlotContainer } from "../stacks/service/world";
import { hide } from "../stacks/text/hide";
import { runGateCommand } from "./gateCommand";
import { failureWords } from "./hosts";
import { runJobs } from "./jobs";
import { requireBeside } from "./missing";
import { firstLine, type Run, restOf } from "./run";
import { runSmokeTests, type SmokeFailure } from "./smokeTest";

/** Where the public is served, seen from inside the proxy. */
export const FRONT = "http://127.0.0.1:8080";

/** Before the switch: nothing has moved yet. */
export async function gate(run: Run): Promise<void> {
  const { order, trial } = run;
  await prepareAll(run);
  await examine(run);
  if (order.gateCommand === "") return;
  run.say(`gate command runs, ${order.gateTimeoutSeconds} s at most`);
  const gate = {
    command: order.gateCommand,
    timeoutSeconds: order.gateTimeoutSeconds,
    url: `http://${authority(order.targetHost)}:${run.slots[trial][0]?.made.port}`,
    color: trial,
    version: run.slots[trial][0]?.version ?? "",
  };
  const failed = await runGateCommand(gate, (line) => run.say(`gate: ${line}`), run.stops);
  run.stopIfCancelled();
  if (failed !== undefined) {
    throw run.refused(`the gate command ${failed}`, `It was: ${order.gateCommand}\n${await run.log()}`);
  }
  run.say("gate command passed");
}

/**
 * Runs the jobs that come before all else, such as a migration of the database. Those of a release that was stable have done what it
 * needs, and must not hold up the way back to it.
 */
export async function prepare(run: Run): Promise<void> {
  const { trial, before } = run;
  const wasStable = before !== undefined && hasStableRelease(before.record, trial, run.containersOf(trial));
  requireBeside(run, wasStable);
  if (wasStable) {
    const some = run.beside.jobs[trial].some(({ made }) => made.at === "before-gate");
    if (some) run.say(`${trial} was stable with this release: its jobs before the gate don't run again`);
    return;
  }
  const failed = await runJobs(run, run.trial, "before-gate");
  if (failed !== undefined)
    throw run.refused(failed.reason, failed.more, `${failed.next}; when it is mended: pulumi up`);
  run.stopIfCancelled();
}

/** The same, and where there are several hosts the jobs of all of them have run before any color is looked at. */
export async function prepareAll(run: Run): Promise<void> {
  await prepare(run);
  const failed = await run.hosts.meet(run.host, "prepared");
  if (failed !== undefined) throw run.refused(failureWords(failed), "", "pulumi up");
}

/** Each container of the color on trial is checked from where the proxy reaches it: its health and the smoke tests. */
export async function examine(run: Run, containers = run.containersOf(run.trial), next?: string): Promise<void> {
  const { trial } = run;
  await healthy(run, containers, next);
  for (const slot of containers) {
    const called = prefixOf(run, slot);
    const failure = await smoke(run, direct(run, slot), slot);
    if (failure !== undefined) {
      const more = `${details(run, failure)}\n${await run.log(slot)}`;
      throw run.refused(`${called}the smoke test "${failure.test}" failed`, more, next);
    }
    run.stopIfCancelled();
  }
  const count = run.smokeTests.length;
  const passed = count === 0 ? "" : `, ${count === 1 ? "1 smoke test" : `${count} smoke tests`}`;
  const each = containers.length === 1 ? "" : `${containers.length} containers `;
  run.say(`gate ok: ${each}healthy${passed} (${trial} ${containers[0]?.version})`);
}

/** Waits until each container of the color on trial is healthy. */
export async function healthy(run: Run, containers = run.containersOf(run.trial), next?: string): Promise<void> {
  const { order, trial, tools, proxy } = run;
  const wanted = order.replicas[trial];
  const there = run.containersOf(trial).length;
  if (there < wanted) {
    const seen = there === 0 ? "it has no container" : `it has ${there} of its ${wanted} containers`;
    const up = run.before === undefined ? "pulumi up --refresh" : "pulumi up";
    throw run.refused(seen, "", `${up}, which makes them again`);
  }
  const request = run.healthRequest;
  for (const slot of containers) {
    const called = prefixOf(run, slot);
    const unhealthy = await waitHealthy(tools.docker, slot.id, {
      seconds: order.healthTimeoutSeconds,
      ask: (seconds) => proxy.health(replicaName(trial, slot.replica), request, seconds),
      secrets: run.secrets,
      restarts: slot.restarts,
      wasKilled: slot.state.OOMKilled,
      say: (line) => run.say(`${called}${line}`),
      signal: run.stops,
    });
    run.stopIfCancelled();
    if (unhealthy !== undefined) {
      throw run.refused(`${called}${firstLine(unhealthy).replace(/\.$/, "")}`, restOf(unhealthy), next);
    }
  }
}

/** Which one of several containers a line is about. */
function prefixOf(run: Run, { replica }: SlotContainer): string {
  return run.order.replicas[run.trial] === 1 ? "" : `${replicaName(run.trial, replica)}: `;
}

/** One container of the color on trial, as the proxy reaches it. */
export function direct(run: Run, { replica }: SlotContainer): string {
  return `http://${replicaName(run.trial, replica)}:${run.healthRequest.port}`;
}

/** The smoke tests of one container, straight or through the front; answers which one failed. */
export function smoke(run: Run, base: string, { version }: SlotContainer): Promise<SmokeFailure | undefined> {
  const identity = { color: run.trial, version };
  const curl = base === FRONT ? run.proxy.curl : run.proxy.curlThroughProxy;
  const { host, scheme } = run.healthRequest;
  // Through the front, the proxy says itself by what its visitors come.
  const how = base === FRONT ? { host } : { host, scheme };
  return runSmokeTests(run.smokeTests, base, { ...identity, ...how }, curl, (text) => hide(run.secrets, text));
}

/** A smoke test's failure, without the secrets that an answer may hold. */
export function details(run: Run, { request, expected, came }: SmokeFailure): string {
  return hide(run.secrets, `  Asked:    ${request}\n  Expected: ${expected}\n  Came:     ${came}`);
}
