import { COLORS, type Color } from "./color";
import {
  accessoryName,
  containerName,
  gatewayName,
  imageName,
  jobName,
  LABEL,
  MONITORING_PARTS,
  type MonitoringPart,
  monitoringName,
  ownerLabels,
  type ReplicaName,
  replicaNames,
  type ServiceId,
  workerName,
} from "./names";

/** A container or an image, of what `docker inspect` tells. */
export interface Found {
  Name?: string;
  RepoTags?: string[] | null;
  Config: { Labels?: Record<string, string> | null };
}

/** Which part of a service a container is. */
export type Part =
  | { role: "proxy" }
  | { role: "slot"; color: Color; replica: number }
  | { role: "worker"; color: Color; name: string; replica: number }
  | { role: "job"; color: Color; name: string }
  | { role: "accessory"; name: string }
  | { role: "monitoring"; name: MonitoringPart };

/** More containers than any color has (setting `replicas`). */
const MOST_REPLICAS = 100;

/**
 * Which part of a service a container is; undefined for what this stack did not make.
 *
 * A container has the labels of its image, which may be a built one of this stack or anybody's: they say nothing of who made it.
 * An image can't give a name, so that the name decides, with the labels that this program sets on the container itself.
 */
export function partOf(owner: ServiceId, found: Found): Part | undefined {
  if (isNamed(owner, found, "proxy", { [LABEL.role]: "proxy" })) return { role: "proxy" };
  for (const color of COLORS) {
    const names = replicaNames(color, MOST_REPLICAS);
    const at = names.findIndex((name) => isNamed(owner, found, name, { [LABEL.role]: "slot", [LABEL.color]: color }));
    if (at >= 0) return { role: "slot", color, replica: at + 1 };
  }
  return besideOf(owner, found);
}

/** The same for what stands beside the web containers: its own labels say its name, which its container's name must be made of. */
function besideOf(owner: ServiceId, found: Found): Part | undefined {
  const { [LABEL.role]: role, [LABEL.color]: said, [LABEL.replica]: number } = found.Config.Labels ?? {};
  const { [LABEL.worker]: worker, [LABEL.job]: job, [LABEL.accessory]: accessory } = found.Config.Labels ?? {};
  const color = COLORS.find((one) => one === said);
  const watches = MONITORING_PARTS.find((one) => one === found.Config.Labels?.[LABEL.monitoring]);
  const replica = Number(number);
  const is = (name: string, as: string) => role === as && isMade(found, name, ownerLabels(owner));
  if (accessory !== undefined && is(containerName(owner, accessoryName(accessory)), "accessory"))
    return { role: "accessory", name: accessory };
  if (watches !== undefined && is(containerName(owner, monitoringName(watches)), "monitoring"))
    return { role: "monitoring", name: watches };
  if (color === undefined) return undefined;
  if (worker !== undefined && replica >= 1 && is(containerName(owner, workerName(color, worker, replica)), "worker"))
    return { role: "worker", color, name: worker, replica };
  if (job !== undefined && is(containerName(owner, jobName(color, job)), "job"))
    return { role: "job", color, name: job };
  return undefined;
}

const isNamed = (
  owner: ServiceId,
  found: Found,
  part: ReplicaName | "proxy",
  labels: Record<string, string>,
): boolean => isMade(found, containerName(owner, part), { ...ownerLabels(owner), ...labels });

/** Whether a container is the stack's gateway. */
export const isGateway = (owner: ServiceId, found: Found): boolean =>
  isMade(found, gatewayName(owner), { ...ownerLabels(owner), [LABEL.role]: "gateway" });

const isMade = ({ Name, Config }: Found, name: string, labels: Record<string, string>): boolean =>
  Name === `/${name}` && hasLabels(Config.Labels, labels);

const hasLabels = (has: Record<string, string> | null | undefined, wanted: Record<string, string>): boolean =>
  Object.entries(wanted).every(([label, value]) => has?.[label] === value);

/** What an image of the stack's says of itself. */
export interface Release {
  version: string;
  source: string;
  base: string;
}

/** What the labels say of a build; undefined where they don't say all of it. */
export function releaseIn(labels: Record<string, string> | null | undefined): Release | undefined {
  const { [LABEL.version]: version, [LABEL.source]: source, [LABEL.base]: base } = labels ?? {};
  return version && source && base ? { version, source, base } : undefined;
}

/**
 * The release that an image was built as for a color; undefined for what this stack did not build. An image made from another one
 * has its labels: the one that was built has the name that a color takes it by.
 */
export function builtAs(owner: ServiceId, color: Color, { RepoTags, Config }: Found): Release | undefined {
  const release = releaseIn(Config.Labels);
  if (release === undefined || !hasLabels(Config.Labels, { ...ownerLabels(owner), [LABEL.color]: color }))
    return undefined;
  return RepoTags?.includes(imageName(owner, color, release.version, release.source)) ? release : undefined;
}

/** Whether a container has the stack's labels from nowhere but its image: somebody started it, and it is nobody's part. */
export const isFromImage = (
  owner: ServiceId,
  found: Found,
  image: Record<string, string> | null | undefined,
): boolean => partOf(owner, found) === undefined && hasLabels(image, ownerLabels(owner));
