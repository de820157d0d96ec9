import * as pulumi from "@pulumi/pulumi";
import { accessoryNamed, type HookContext, rememberUnready } from "./hooks";
import { other } from "./service/color";
import { waitHealthy } from "./service/health";
import { nameOnEngine } from "./service/names";
import { isStable } from "./service/serving";

/** Returns the hook that waits until an accessory's own health check is well, and fails with why it is not. */
export const accessoryHook = (service: HookContext): pulumi.ResourceHook =>
  new pulumi.ResourceHook(`${service.name}-accessory`, async (hook) => {
    const { owner, settings, engine, live, parent } = service;
    const [, { environment = {} } = { environment: {} }] = accessoryNamed(service, hook.name) ?? [];
    const began = new Date().toISOString();
    const failed = await waitHealthy(engine, String(hook.id), {
      seconds: settings.healthTimeoutSeconds,
      // Nobody but its own check knows how an accessory is asked.
      ask: async () => ({ well: true, status: 200, seen: "" }),
      secrets: Object.values(environment),
      restarts: 0,
      say: (line) => pulumi.log.info(`${hook.name}: ${line}`, parent),
    });
    if (failed === undefined) return;
    // By that the next run knows that nobody has needed it yet, and changes it without being asked to.
    if (live !== undefined)
      await rememberUnready(service, { began, color: live, reason: failed, accessory: String(hook.id) });
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
function wayOut({ owner, settings, world, plan, live }: HookContext): string[] {
  if ("unknown" in world || world.serving === undefined || live === undefined) return [];
  if (plan.accessoriesLast) return [`The public is on ${settings.activeColor} already.`];
  const back = other(live);
  const containers = world.slots[back];
  const isReady = isStable(world.serving.record, back, containers) && containers.every(({ state }) => state.Running);
  const { service } = owner;
  const rollback = service === undefined ? "npm run rollback --" : `npx blue-green rollback --service ${service}`;
  return [
    `The public is on ${live}.`,
    ...(isReady ? [`To take it to ${back} at once, whatever becomes of the accessory: ${rollback} --to ${back}`] : []),
  ];
}
