import type { ServiceId } from "../service/names";
import type { BesideContainer } from "../service/world";
import type { NamedKeys } from "../settings/container/named";
import { mountsIn, type VolumeMount } from "../settings/container/volumes";
import { isObject } from "../text/json";
import { printableLine } from "../text/plain";
import { dataVolumeName } from "../volumes";
import type { Situation } from "./situation";

/** An accessory, and the folders that it writes to: a volume by its name on the engine, or a path of the host's. */
interface Writer {
  owner: ServiceId;
  name: string;
  folders: string[];
}

/** Two accessories that would write to one folder. */
export interface SharedFolder {
  /** The one that is to be made; either of them where none is. */
  name: string;
  /** The other one, and what people call it. */
  other: string;
  otherWords: string;
  /** Whether the other one is of the same service. */
  isOwn: boolean;
  /** The folder, in words. */
  folder: string;
  /** Whether the settings ask for both. Otherwise only the other one's container has it still, which this run would take away. */
  isAsked: boolean;
  /** Whether both stay as they are. */
  areKept: boolean;
}

/**
 * Finds accessories that would write to one folder: two that the settings ask for, and one that is to be made while another one's container
 * has the folder, as after a change of its name. A run ends the old container last, and two databases in one folder spoil it.
 *
 * @param kept those of this service that stay as they are.
 */
export function sharedFolders(situation: Situation, kept: readonly string[]): SharedFolder[] {
  const { owner, settings, world, others = [] } = situation;
  const asked = askedOf(owner, settings.accessories);
  const otherAsked = others.flatMap((other) => askedOf(other.owner, other.settings.accessories));
  const there = thereIn(owner, world);
  return asked.flatMap((writer, at) => {
    const rivals = [...asked.slice(at + 1), ...otherAsked];
    const isAsked = (one: Writer) =>
      [...asked, ...otherAsked].some((each) => isSame(each, one) && shares(each, writer));
    const holders = kept.includes(writer.name) ? [] : there.filter((one) => !isSame(one, writer) && !isAsked(one));
    return [
      ...rivals.flatMap((rival) => shared(owner, ordered(writer, rival, kept), true, kept)),
      ...holders.flatMap((holder) => shared(owner, [writer, holder], false, kept)),
    ];
  });
}

/** Puts the one first that is to be made. */
function ordered(writer: Writer, rival: Writer, kept: readonly string[]): [Writer, Writer] {
  const isOwn = isSameOwner(writer.owner, rival.owner);
  return isOwn && kept.includes(writer.name) && !kept.includes(rival.name) ? [rival, writer] : [writer, rival];
}

function shared(
  owner: ServiceId,
  [writer, other]: readonly [Writer, Writer],
  isAsked: boolean,
  kept: readonly string[],
): SharedFolder[] {
  const folder = writer.folders.find((one) => other.folders.includes(one));
  if (folder === undefined) return [];
  const isOwn = isSameOwner(owner, other.owner);
  const of = isOwn || other.owner.service === undefined ? "" : ` of the service ${other.owner.service}`;
  return [
    {
      ...{ name: writer.name, other: other.name, otherWords: `the accessory ${other.name}${of}`, isOwn, isAsked },
      folder: folder.startsWith("/") ? `the host's ${printableLine(folder)}` : `the volume ${printableLine(folder)}`,
      areKept: kept.includes(writer.name) && (!isOwn || kept.includes(other.name)),
    },
  ];
}

const shares = (one: Writer, other: Writer): boolean => one.folders.some((folder) => other.folders.includes(folder));

const isSameOwner = (one: ServiceId, other: ServiceId): boolean => one.service === other.service;

const isSame = (one: Writer, other: Writer): boolean => one.name === other.name && isSameOwner(one.owner, other.owner);

const askedOf = (owner: ServiceId, accessories: Readonly<Record<string, NamedKeys>> = {}): Writer[] =>
  Object.entries(accessories).map(([name, keys]) => ({ owner, name, folders: foldersIn(owner, mountsIn(keys)) }));

/** Returns those whose containers are there, of all services of the stack. */
function thereIn({ service: own, ...stack }: ServiceId, world: Situation["world"]): Writer[] {
  if ("unknown" in world) return [];
  const of = (service: string | undefined) => (container: BesideContainer) => {
    const owner = { ...stack, ...(service !== undefined && { service }) };
    return { owner, name: container.name, folders: foldersIn(owner, mountsMade(container)) };
  };
  const foreign = world.foreignAccessories ?? [];
  return [...(world.beside?.accessories ?? []).map(of(own)), ...foreign.map((one) => of(one.service)(one))];
}

/** Returns what a container's label says that it mounts; whoever wrote the label may have written anything there. */
function mountsMade({ made }: BesideContainer): VolumeMount[] {
  const { volumes } = isObject(made.volumes) ? made.volumes : { volumes: undefined };
  return (Array.isArray(volumes) ? volumes : []).filter(
    (mount): mount is VolumeMount => isObject(mount) && typeof mount.source === "string",
  );
}

const foldersIn = (owner: ServiceId, mounts: readonly VolumeMount[]): string[] =>
  mounts.flatMap(({ type, source, external, readOnly }) => {
    if (readOnly) return [];
    return [type === "bind" || external ? source : dataVolumeName(owner, source)];
  });
