import { setTimeout as pause } from "node:timers/promises";
import type { Docker } from "../../stacks/engine/docker";
import { waitDrained } from "../../stacks/engine/drain";
import { other } from "../../stacks/service/color";
import { healthIn } from "../../stacks/service/configuration";
import { askHealth, waitHealthy } from "../../stacks/service/health";
import { containerName, replicaName } from "../../stacks/service/names";
import { partOf } from "../../stacks/service/ours";
import { readServing } from "../../stacks/service/serving";
import { CantTellError } from "../outcome";
import { runPulumi } from "../pulumi";
import { type Mending, upFlags } from "./mending";
import { type Facts, liveIn } from "./row";

/** How long a container that was started may take until it is well. */
const START_SECONDS = 60;

/** How long nginx may take to answer in a proxy that was started. */
const ANSWER_SECONDS = 15;

/** More than a container's own time to end, which is at most some minutes. */
const STOP_TIMEOUT_SECONDS = 600;

/** With what it is carried out. */
export interface Tools {
  docker: Docker;
  /** As `pulumi --stack` takes it. */
  stack: string;
  /** Gets each line for people. */
  say: (line: string) => void;
  /** Where Pulumi's own words go. */
  to: "stdout" | "stderr";
}

/**
 * Carries out what mends: nothing of it touches who is live.
 *
 * @throws CantTellError where a command failed.
 */
export async function carryOut(
  mending: Mending,
  services: readonly Facts[],
  { docker, stack, say, to }: Tools,
): Promise<void> {
  const { remove, docker: commands, starts, up } = mending;
  const ask = async (args: string[]) => {
    const { code, stderr } = await docker.run(args, { timeoutSeconds: STOP_TIMEOUT_SECONDS });
    if (code !== 0) throw new CantTellError(`\`docker ${args.join(" ")}\` failed: ${stderr.trim()}`);
  };
  for (const args of commands) await ask(args);
  // The proxy first: it asks the others.
  const isProxy = (id: string) =>
    services.some(({ declared }) => declared.containers.some((one) => one.id === id && one.role === "proxy"));
  for (const id of [...starts.filter(isProxy), ...starts.filter((id) => !isProxy(id))]) {
    const facts = services.find(({ declared }) => declared.containers.some((container) => container.id === id));
    if (facts !== undefined) await waitWell(docker, facts, id, say);
  }
  if (up === undefined) return;

  await Promise.all(services.map((facts) => drain(docker, facts, say)));
  for (const id of remove) {
    await ask(["stop", id]);
    await ask(["rm", id]);
  }
  const { code } = await runPulumi(["up", "--yes", "--skip-preview", ...upFlags(up), "--stack", stack], { show: to });
  if (code !== 0) say(`\`pulumi up\` ended with exit code ${code}`);
}

async function waitWell(
  docker: Docker,
  { owner, running, declared }: Facts,
  id: string,
  say: (line: string) => void,
): Promise<void> {
  const { role } = declared.containers.find((container) => container.id === id) ?? {};
  // The gateway says nothing of colors: that it runs again is all there is to wait for.
  if (role === "gateway") return;
  if (role === "proxy") {
    const deadline = performance.now() + ANSWER_SECONDS * 1000;
    while ((await readServing(docker, id).catch(() => undefined))?.answers !== true && performance.now() < deadline)
      await pause(200);
    return;
  }
  const container = running.containers.find(({ Id }) => Id === id);
  const part = container && partOf(owner, container);
  const request = part?.role === "slot" && healthIn(declared.cutover?.configuration ?? "", part.color);
  if (!request || part?.role !== "slot") return;
  const proxy = containerName(owner, "proxy");
  const failed = await waitHealthy(docker, id, {
    seconds: START_SECONDS,
    ask: (seconds) => askHealth(docker, proxy, replicaName(part.color, part.replica), request, seconds),
    secrets: declared.secrets,
    restarts: container?.RestartCount ?? 0,
    say,
  });
  if (failed !== undefined) say(failed);
}

/** The color that was live a moment ago gives its last answers first, as before any replacement (see settledWorld.ts). */
async function drain(docker: Docker, facts: Facts, say: (line: string) => void): Promise<void> {
  const { declared, serving, running, now } = facts;
  const live = liveIn(facts);
  const proxy = declared.containers.find(({ role }) => role === "proxy");
  const since = Date.parse(serving?.record.since ?? "");
  if (live === undefined || proxy === undefined || declared.cutover === undefined || Number.isNaN(since)) return;
  const { drainSeconds, keepAliveSeconds } = declared.cutover;
  const left = (seconds: number) => Math.min(seconds, Math.ceil((since - now.getTime()) / 1000 + seconds));
  const idle = running.containers.filter((container) => {
    const part = partOf(facts.owner, container);
    return part?.role === "slot" && part.color === other(live) && container.State?.Running;
  });
  if (left(drainSeconds) <= 0 || idle.length === 0) return;
  await waitDrained(
    docker,
    proxy.id,
    idle.map(({ Id }) => Id),
    {
      what: other(live),
      seconds: left(drainSeconds),
      quietSeconds: Math.max(0, left(keepAliveSeconds)),
      retired: true,
      say,
    },
  );
}
