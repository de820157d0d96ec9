import { valueChanges } from "../service/slotSpec";
import type { BesideContainer, ContainerState, World } from "../service/world";
import { type AccessorySettings, accessorySettingsOf, accessorySpec } from "../settings/container/named";
import { setCommand } from "../settings/problem";
import { lagOf } from "./live";
import { type SharedFolder, sharedFolders } from "./sharedFolders";
import type { Known, Part, Situation } from "./situation";
import { isWayBack } from "./wayBack";

/** A part of which all that is decided about accessories is a text or a name. */
type AccessoryPart = Required<Pick<Part, "refusals" | "warnings" | "keptAccessories" | "accessories">>;

/**
 * Keeps what stands beside both colors as it is: a release or a switch never touches it, and a run that would replace or remove one is
 * refused unless it is named. Where the public leaves the live color that only is told, and all stay. No run has two of them write to one
 * folder.
 */
export function decideAccessories(situation: Situation): Part {
  const { world, settings, recovers } = situation;
  const { accessories = {} } = settings;
  if ("unknown" in world) return { refusals: sharedFolders(situation, []).map((found) => refusalOf(found, [])) };
  const there = world.beside?.accessories ?? [];
  if (recovers) return recovered(accessories, there);
  const part: AccessoryPart = { refusals: [], warnings: [], keptAccessories: [], accessories: { ...accessories } };
  const known = { ...situation, world };
  const changed = there.flatMap((container) => {
    const what = changeOf(container, accessories);
    if (what === undefined) part.keptAccessories.push(container.name);
    return what === undefined ? [] : [{ container, what }];
  });
  const meant = changed.filter((change) => !isHeld(known, change, part));
  const found = sharedFolders(situation, part.keptAccessories);
  // What is told with the folder is not told twice.
  const told = new Set(found.flatMap(({ isAsked, isOwn, other }) => (!isAsked && isOwn ? [other] : [])));
  const isBack = isPlainWayBack(known);
  const waits = (name: string) => isBack && found.some((shared) => shared.name === name && !shared.areKept);
  for (const { container, what } of meant)
    if (!waits(container.name)) decideChange(known, container, what, part, told.has(container.name));
  for (const shared of found) decideShared(known, shared, part, isBack);
  return { ...part, accessoriesLast: isBack };
}

/** A change of an accessory's container, in words. */
interface Change {
  container: BesideContainer;
  what: string;
}

/** Keeps an accessory where the public leaves the live color, and says so; false where it may change. */
function isHeld({ world, settings }: Known, { container, what }: Change, part: AccessoryPart): boolean {
  const { name } = container;
  if (!leaves(world, settings) || settings.allowAccessoryReplace.includes(name)) return false;
  keep(container, part);
  part.warnings.push(`The accessory ${name} stays as it is in this run, although it would be ${what}.`);
  return true;
}

/** Declares an accessory as it is, also where the settings no longer have it. */
function keep(container: BesideContainer, part: AccessoryPart): void {
  const { name } = container;
  if (!part.keptAccessories.includes(name)) part.keptAccessories.push(name);
  if (!Object.hasOwn(part.accessories, name)) part.accessories[name] = accessorySettingsOf(container);
}

const leaves = ({ serving }: World, { activeColor }: Situation["settings"]): boolean =>
  serving !== undefined && serving.color !== activeColor;

/** Replaces or removes an accessory that may be, or refuses that. */
function decideChange(known: Known, container: BesideContainer, what: string, part: AccessoryPart, isTold: boolean) {
  const { name, state } = container;
  const { allowAccessoryReplace: allowed } = known.settings;
  if (allowed.includes(name)) {
    part.warnings.push(
      `The accessory ${name} is ${what}, as allowAccessoryReplace allows: who needs it gets errors meanwhile; its volumes stay. ` +
        "Afterwards: pulumi config rm allowAccessoryReplace",
    );
  } else if (isUntried(known, container)) {
    part.warnings.push(
      `The accessory ${name} is ${what}: it was never well since it was made (it is ${howItIs(state)}). Its volumes stay.`,
    );
  } else if (!isTold) {
    // One after the other, as they are typed: a list has no gaps.
    const at = allowed.length + part.refusals.length;
    part.refusals.push(
      `The accessory ${name} would be ${what}, and both colors need it. Nothing was touched. Either put its settings back, or do it on ` +
        `purpose: ${setCommand(`allowAccessoryReplace[${at}]`, name, "--path ")} && pulumi up`,
    );
  }
}

/** Refuses two accessories that would write to one folder. In a way back the new one waits instead. */
function decideShared({ world, settings }: Known, found: SharedFolder, part: AccessoryPart, isBack: boolean): void {
  const { name } = found;
  if (found.areKept) {
    part.warnings.push(`${sharedWords(found)} Next: ${mendShared(found)}`);
    return;
  }
  if (!isBack) {
    part.refusals.push(refusalOf(found, settings.allowAccessoryReplace));
    return;
  }
  const container = world.beside?.accessories.find((one) => one.name === name);
  if (container === undefined) delete part.accessories[name];
  else keep(container, part);
  part.warnings.push(`The accessory ${name} is not made in this run. ${sharedWords(found)}`);
}

const refusalOf = (found: SharedFolder, allowed: readonly string[]): string =>
  `${sharedWords(found)} Nothing was touched. Next${found.isAsked ? "" : ", in two runs"}: ${mendShared(found, allowed)}`;

function sharedWords({ name, otherWords, folder, isAsked }: SharedFolder): string {
  const spoils = "two databases in one folder spoil it";
  return isAsked
    ? `The accessory ${name} and ${otherWords} both write to ${folder}: ${spoils}.`
    : `The accessory ${name} would start on ${folder}, to which ${otherWords} still writes: ${spoils}.`;
}

function mendShared(
  { name, other, otherWords, isOwn, isAsked }: SharedFolder,
  allowed: readonly string[] = [],
): string {
  if (isAsked)
    return `give ${name} another one in accessories.${name}.volumes, or mount it with :ro there, and: pulumi up`;
  const allow = allowed.includes(other)
    ? ""
    : `${setCommand(`allowAccessoryReplace[${allowed.length}]`, other, "--path ")} && `;
  const first = isOwn ? `${allow}pulumi up` : `have ${otherWords} removed or moved: pulumi up`;
  return `take ${name} out of the settings, and: ${first}; then put it back, and: pulumi up`;
}

/**
 * Reports whether the run takes the public back to what was stable and is still the same. It ran without what is made now, so that this
 * can wait.
 */
function isPlainWayBack(known: Known): boolean {
  const { world, settings } = known;
  if (world.serving === undefined || !isWayBack(world, settings)) return false;
  const { goesBack, unchanged } = lagOf({ ...known, serving: world.serving });
  return goesBack || unchanged;
}

/** How long a container that was started again may still end again, in milliseconds. */
const LOOP_MILLISECONDS = 600_000;

/** Reports whether an accessory was never well in its container: then nobody has needed it yet. */
function isUntried({ world: { serving }, now }: Known, { id, state, restarts }: BesideContainer): boolean {
  if (state.Status === "created") return true;
  const isFirst = serving === undefined || serving.history.some(({ accessory }) => accessory === id);
  const time = serving?.now === undefined ? now.getTime() : serving.now * 1000;
  const loops = restarts > 0 && time - Date.parse(state.StartedAt) < LOOP_MILLISECONDS;
  const isWell = state.Running && state.Status === "running" && (state.Health?.Status ?? "healthy") === "healthy";
  return isFirst && (!isWell || (loops && state.Health === undefined));
}

const howItIs = ({ Status, Health }: ContainerState): string => (Status === "running" && Health?.Status) || Status;

/** A recovery declares what there is: what the settings ask for comes with the `pulumi up` after it. */
function recovered(asked: Readonly<Record<string, AccessorySettings>>, there: readonly BesideContainer[]): Part {
  const kept = there.map((container): [string, AccessorySettings] => {
    const { name, made } = container;
    // One that does not say what it was made from is taken for what the settings say.
    const own = made.image === undefined && Object.hasOwn(asked, name) ? asked[name] : undefined;
    return [name, own ?? accessorySettingsOf(container)];
  });
  return { keptAccessories: kept.map(([name]) => name), accessories: { ...asked, ...Object.fromEntries(kept) } };
}

/** Returns what a run would do to an accessory's container, in words; undefined for nothing. */
function changeOf(container: BesideContainer, accessories: Readonly<Record<string, AccessorySettings>>) {
  const asked = Object.hasOwn(accessories, container.name) ? accessories[container.name] : undefined;
  if (asked === undefined) return "removed";
  const changes = accessoryChanges(container, asked);
  return changes.length === 0 ? undefined : `replaced (${changes.join(", ")})`;
}

/** Returns what differs between an accessory's container and its settings; of its environment only the names. */
function accessoryChanges({ made, environment: has }: BesideContainer, asked: AccessorySettings): string[] {
  const { environment = {} } = asked;
  const names = (of: unknown) => (Array.isArray(of) ? of.filter((name) => typeof name === "string") : []);
  const variables = [...new Set([...names(made.environment), ...Object.keys(environment)])].sort();
  const { environment: _was, ...before } = made;
  const { environment: _is, ...after } = accessorySpec(asked);
  return [
    ...[...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      valueChanges(key, before[key], after[key]),
    ),
    ...variables.filter((name) => has[name] !== environment[name]).map((name) => `environment.${name}`),
  ];
}
