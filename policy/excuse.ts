import { isWayBack } from "../stacks/plan/wayBack";
import { isColor } from "../stacks/service/color";
import { UNSEEN } from "../stacks/service/hosts";
import { accessoryName, containerName, logicalName, type ServiceId } from "../stacks/service/names";
import type { UnknownWorld, World } from "../stacks/service/world";
import type { Settings } from "../stacks/settings/settings";
import { REMOTE_IMAGE } from "./image";
import { type Inputs, items } from "./known";

/** What is judged: one resource, or the stack as a whole. */
export interface Judged {
  type: string;
  name: string;
  inputs: Inputs;
  /** The resource's option. */
  ignoreChanges: readonly string[];
}

/** Whether a run leaves a resource as it is, whatever the program says of it. */
export const isKept = ({ ignoreChanges }: Pick<Judged, "ignoreChanges">): boolean => ignoreChanges.includes("*");

/** Whether a resource is on a host that doesn't answer: the run declares it as it is. */
export const isUnseen = (judged: Pick<Judged, "ignoreChanges">): boolean =>
  isKept(judged) && judged.ignoreChanges.includes(UNSEEN);

/**
 * Why something that a policy does not allow is let through all the same; undefined where it is not. The way back goes to what served
 * before, and nothing is better for the public while the other release is broken. And what a run leaves as it is was judged
 * when it was made: to refuse it now would refuse the very release that is to replace it.
 */
export function excuse(
  world: World | UnknownWorld,
  owner: ServiceId,
  settings: Pick<Settings, "activeColor" | "slots" | "allowMissingHosts">,
  judged?: Judged,
): string | undefined {
  if (judged !== undefined && isUnseen(judged) && settings.allowMissingHosts > 0)
    return "its host does not answer, and keeps what it has";
  if ("unknown" in world) return undefined;
  if (isWayBack(world, settings)) return `this is the way back to ${settings.activeColor}`;
  if (judged !== undefined && isKept(judged) && exists(world, owner, judged)) return "this run leaves it as it is";
  return undefined;
}

/** The option means nothing for what is yet to be made. */
function exists({ slots, proxy, beside }: World, owner: ServiceId, { type, name, inputs }: Judged): boolean {
  const accessories = beside?.accessories ?? [];
  if (type === REMOTE_IMAGE) {
    const isAccessory = accessories.some((one) => logicalName(owner, accessoryName(one.name)) === name);
    return isAccessory || (isColor(name) && slots[name].length > 0);
  }
  const names = [...slots.blue, ...slots.green].map((container) => container.name);
  names.push(...accessories.map(({ container }) => container));
  if (proxy !== undefined) names.push(containerName(owner, "proxy"));
  return items([inputs.name]).some((each) => names.includes(String(each)));
}
