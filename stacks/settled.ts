import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { other } from "./color";
import type { Docker } from "./docker";
import { differences, type Made } from "./made";
import type { Owner } from "./names";
import type { Settings } from "./settings";
import { slotMadeFrom } from "./slot";
import { readWorld, type UnknownWorld, type World } from "./world";

/** How long a cutover whose `pulumi up` was killed is waited for: it goes on to its end, and until then nobody knows who will be live. */
const WAIT_SECONDS = 120;
const SAY_EVERY_SECONDS = 5;

/**
 * What runs, once no cutover is under way and the color that this run is going to replace has given its last answers. A preview
 * does not wait; what is still under way in the end, the plan refuses.
 */
export async function settledWorld(docker: Docker, owner: Owner, settings: Settings): Promise<World | UnknownWorld> {
  for (let waited = 0; ; waited++) {
    const world = await readWorld(docker, owner);
    if ("unknown" in world || pulumi.runtime.isDryRun()) return world;
    const { serving } = world;
    if (serving?.busy === undefined || waited >= WAIT_SECONDS) {
      const seconds = secondsToDrain(
        world,
        settings,
        slotMadeFrom(owner, other(settings.activeColor), settings),
        new Date(),
      );
      if (seconds > 0) {
        await pulumi.log.info(
          `${other(settings.activeColor)} may still be asked over connections that were open at the switch: waiting ${seconds} s before it is replaced`,
        );
        await pause(seconds * 1000);
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
 * How long the idle color must stay what it is, in whole seconds: an open connection may get one more answer from the color that
 * was live when it was last used, for `keepAliveSeconds` after a switch. None where this run leaves it alone.
 */
export function secondsToDrain({ serving, slots }: World, settings: Settings, made: Made, now: Date): number {
  const idle = other(settings.activeColor);
  const container = slots[idle];
  const last = serving?.history.at(-1);
  if (container === undefined || last === undefined || serving?.color !== settings.activeColor) return 0;
  if (last.from !== idle || last.to !== settings.activeColor) return 0;
  const environment = { ...settings.environment, ...settings.secretEnvironment };
  const { own, shared } = differences(idle, container, { made, environment });
  if (own.length + shared.length === 0) return 0;

  // The watch comes after the switch.
  const before = (last.seconds.gate ?? 0) + (last.seconds.switch ?? 0);
  const since = (now.getTime() - Date.parse(last.time)) / 1000 - before;
  // Somebody else's clock may be ahead of ours.
  return Math.min(settings.keepAliveSeconds, Math.max(0, Math.ceil(settings.keepAliveSeconds - since))) || 0;
}
