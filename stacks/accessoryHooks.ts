import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { accessoryNamed, type HookContext, rememberUnready } from "./hooks";
import { type Color, other } from "./service/color";
import { STAYS_UP_MILLISECONDS, waitHealthy } from "./service/health";
import type { HealthAnswer } from "./service/healthAnswer";
import { nameOnEngine } from "./service/names";
import { isStable } from "./service/serving";

/** Answers for an accessory, since nobody but its own check knows how it is asked: well once it has had the time to end. */
async function staysUp(until: number): Promise<HealthAnswer> {
  const left = until - performance.now();
  if (left > 0) await pause(Math.min(left, 1000));
  return { well: left <= 0, status: 200, seen: "" };
}

/** Returns the hook that waits until an accessory's own health check is well, and fails with why it is not. */
export const accessoryHook = (service: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-accessory`, async (hook) => {
    const { owner, settings, engine, parent } = service;
    const [, { environment = {} } = { environment: {} }] = accessoryNamed(service, hook.name) ?? [];
    const began = new Date().toISOString();
    // Half of the time that it has, where that is short.
    const until = performance.now() + Math.min(STAYS_UP_MILLISECONDS, settings.healthTimeoutSeconds * 500);
    const failed = await waitHealthy(engine, String(hook.id), {
      seconds: settings.healthTimeoutSeconds,
      ask: () => staysUp(until),
      secrets: Object.values(environment),
      restarts: 0,
      kind: "accessory",
      say: (line) => pulumi.log.info(`${hook.name}: ${line}`, parent),
    });
    if (failed === undefined) return;
    // By that the next run knows that nobody has needed it yet, and changes it without being asked to.
    const on = publicOn(service);
    if (on !== undefined)
      await rememberUnready(service, { began, color: on, from: on, reason: failed, accessory: String(hook.id) });
    const next = `docker logs ${nameOnEngine(owner, hook.name)}; then mend the settings of the accessory, and: pulumi up`;
    throw new Error([`${hook.name}: ${failed}`, `Next: ${next}`, ...wayOut(service)].join("\n"));
  });

/** Returns a hook that does the same for an accessory, and says where the public is where it fails. */
export const ofAccessory = (service: HookContext, { name, callback }: pulumi.ResourceHook): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${name}-of-accessory`, async (hook) => {
    try {
      await callback(hook);
    } catch (error) {
      throw new Error([(error as Error).message, ...wayOut(service)].join("\n"));
    }
  });

/** Returns the hook that says where the public is when an accessory's image or container can't be made, after the engine's own words. */
export const accessoryErrorHook = (service: HookContext): pulumi.ErrorHook =>
  new pulumi.ErrorHook(`${service.name}-accessory-failed`, async ({ name, failedOperation }) => {
    const words = wayOut(service);
    if (failedOperation !== "delete" && words.length > 0)
      await pulumi.log.warn(`${name} could not be made. ${words.join(" ")}`, service.parent);
    // Nothing is tried again.
    return false;
  });

/** Returns where the public is, and what takes it to the other color at once; nothing before the public has a color. */
function wayOut(service: HookContext): string[] {
  const { owner, world, plan } = service;
  const on = publicOn(service);
  if ("unknown" in world || world.serving === undefined || on === undefined) return [];
  if (plan.accessoriesLast) return [`The public is on ${on} already.`];
  const back = other(on);
  const containers = world.slots[back];
  const isReady = isStable(world.serving.record, back, containers) && containers.every(({ state }) => state.Running);
  const named = owner.service;
  const rollback = named === undefined ? "npm run rollback --" : `npx blue-green rollback --service ${named}`;
  return [
    `The public is on ${on}.`,
    ...(isReady ? [`To take it to ${back} at once, whatever becomes of the accessory: ${rollback} --to ${back}`] : []),
  ];
}

/** The color that the public is on when an accessory is made; undefined before it has one. */
const publicOn = ({ settings, plan, live }: HookContext): Color | undefined =>
  plan.accessoriesLast ? settings.activeColor : live;
