import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Docker } from "../engine/docker";
import { waitDrained } from "../engine/drain";
import { other } from "../service/color";
import type { ServiceId } from "../service/names";
import { latestSwitch, RUN_HEALTH_SECONDS } from "../service/serving";
import { type SlotSpec, specDifferences } from "../service/slotSpec";
import { RELEASES_HISTORY, readWorld, type UnknownWorld, type World } from "../service/world";
import { allVariables } from "../settings/environment";
import type { Settings } from "../settings/settings";
import { slotSpecOf } from "../slot";

/** How long a cutover whose `pulumi up` was killed is waited for: it goes on to its end, and until then nobody knows who will be live. */
const WAIT_SECONDS = 120;
const SAY_EVERY_SECONDS = 5;

/**
 * What runs, once no cutover is under way and the color that this run is going to replace has given its last answers. A preview
 * does not wait; what is still under way in the end, the plan refuses.
 *
 * @param seen what runs, where it was read a moment ago.
 */
export async function settledWorld(
  docker: Docker,
  owner: ServiceId,
  settings: Settings,
  seen?: World | UnknownWorld,
): Promise<World | UnknownWorld> {
  for (let waited = 0; ; waited++) {
    const world =
      waited === 0 && seen !== undefined
        ? seen
        : await readWorld(docker, owner, { history: RELEASES_HISTORY, healthSeconds: RUN_HEALTH_SECONDS });
    if ("unknown" in world || pulumi.runtime.isDryRun()) return world;
    const { serving } = world;
    if (serving?.busy === undefined || waited >= WAIT_SECONDS) {
      const idle = other(settings.activeColor);
      const drain = toDrain(world, settings, slotSpecOf(idle, settings), new Date());
      if (drain !== undefined && world.proxy !== undefined) {
        const say = (line: string) => pulumi.log.info(line);
        await waitDrained(docker, world.proxy.id, drain.containers, { what: idle, ...drain, retired: true, say });
      }
      return world;
    }
    if (waited % SAY_EVERY_SECONDS === 0) {
      await pulumi.log.info(
        `Another cutover runs in this proxy (${serving.busy}); waiting for its end, ${waited} of ${WAIT_SECONDS} s`,
      );
    }
    await pause(1000);
  }
}

/**
 * What of the idle color must stay what it is for how long: requests and WebSockets in flight at the switch end there within
 * `drainSeconds`, and an open connection may get one more answer from it for `keepAliveSeconds`. Undefined where this run leaves it
 * alone, or where it has visitors of its own, whom the cutover takes away first.
 */
export function toDrain(
  { serving, slots }: World,
  settings: Settings,
  made: SlotSpec,
  now: Date,
): { containers: string[]; seconds: number; quietSeconds: number } | undefined {
  const idle = other(settings.activeColor);
  const containers = slots[idle].filter(({ state }) => state.Running);
  const last = serving && latestSwitch(serving);
  if (containers.length === 0 || last === undefined || serving?.color !== settings.activeColor) return undefined;
  if (last.from !== idle || last.to !== settings.activeColor) return undefined;
  if (serving.canaryPercent > 0 || (serving.record.sessions?.[idle].until ?? 0) * 1000 > now.getTime())
    return undefined;
  const environment = allVariables(settings);
  const replaced = containers.filter((container) => {
    const { own, shared } = specDifferences(idle, container, { made, environment });
    return own.length + shared.length > 0;
  });
  if (replaced.length === 0) return undefined;

  // The watch comes after the switch.
  const before = (last.seconds.gate ?? 0) + (last.seconds.switch ?? 0);
  const since = (now.getTime() - Date.parse(last.time)) / 1000 - before;
  // Somebody else's clock may be ahead of ours.
  const left = (of: number) => Math.min(of, Math.max(0, Math.ceil(of - since))) || 0;
  const seconds = left(settings.drainSeconds);
  return seconds === 0
    ? undefined
    : { containers: replaced.map(({ id }) => id), seconds, quietSeconds: left(settings.keepAliveSeconds) };
}
