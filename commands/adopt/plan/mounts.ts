import { isObject } from "../../../stacks/text/json";
import { Refusal } from "../../outcome";
import type { Mount } from "../compose/mounts";
import type { FileUse } from "../compose/service";
import { at } from "../compose/values";
import { type Part, type Reader, takeKey } from "./part";
import { lost, taken } from "./rows";

/** Takes what a service mounts. A volume of the compose project keeps its data: it is mounted under the name that it has. */
export const takeVolumes: Reader = (part, value, key) => {
  for (const mount of value as Mount[]) {
    const written = writtenMount(part, mount, key);
    if (written !== undefined) add(part, written, mount, key);
  }
};

/** Adds a mount, where the program takes it with those before it. */
function add(part: Part, written: unknown, mount: Mount, key: string): void {
  if (!takeKey(part, "volumes", [...part.mounts, written], key)) return;
  part.mounts.push(written);
  part.rows.push(taken(key, `${mount.written}: ${whatIs(written, mount, part)}`));
  if (mount.others.length > 0) part.rows.push(lost(key, `${mount.written}: without ${mount.others.join(", ")}`));
}

/** The engine's host may be another machine than the one on which the file is. */
const whatIs = (written: unknown, mount: Mount, { place }: Part): string => {
  if (isObject(written) && written.type === "volume") return `the volume ${written.source}, with what is in it`;
  const isRelative = mount.type === "bind" && !mount.written.startsWith("/");
  return isRelative ? `${place}.volumes, by its absolute path; the engine's host must have it` : `${place}.volumes`;
};

/** Returns a mount as the stack's file has it; undefined where a row says why there is none. */
function writtenMount(part: Part, mount: Mount, key: string): unknown {
  const { type, source, target, readOnly, selinux, isOutside, tmpfs, written } = mount;
  if (isOutside) {
    throw new Refusal(
      `${part.name} mounts ${written}, which leads out of the compose file's folder (${part.context.project.folder}): ` +
        "write the absolute path there. Nothing was written",
    );
  }
  if (type === "tmpfs") return { type, target, ...(tmpfs !== undefined && { tmpfs: inOctal(tmpfs) }) };
  if (type === "volume" && source === undefined) {
    const why = `not taken: ${target} has no name. Give it one, or list it in ephemeralVolumes if it may be lost`;
    part.rows.push(lost(key, why));
    return undefined;
  }
  if (type === "bind" && source !== undefined) {
    const modes = [...(readOnly ? ["ro"] : []), ...(selinux ? [selinux] : [])];
    return [source, target, ...(modes.length > 0 ? [modes.join(",")] : [])].join(":");
  }
  if (type === "volume" && source !== undefined) return writtenVolume(part, { ...mount, source }, key);
  part.rows.push(lost(key, `not taken: ${written} is a mount of the type ${type}`));
  return undefined;
}

/** A mode is read as octal where it is a text: 1777 is what somebody would have written. */
const inOctal = (options: unknown): unknown =>
  isObject(options) && typeof options.mode === "number" ? { ...options, mode: options.mode.toString(8) } : options;

function writtenVolume(part: Part, { source, target, readOnly, written }: Mount & { source: string }, key: string) {
  const volume = at(part.context.project.volumes, source);
  if (volume === undefined) {
    part.rows.push(lost(key, `not taken: ${written} names a volume that the file does not have`));
    return undefined;
  }
  return { type: "volume", source: volume.name, target, ...(readOnly && { read_only: true }), "x-external": true };
}

/** Takes secrets or configs that are files: Compose mounts these files too. */
const takeFiles =
  (kind: "secrets" | "configs"): Reader =>
  (part, value, key) => {
    for (const { source, target } of value as FileUse[]) {
      const file = at(part.context.project[kind], source);
      if (file?.file === undefined) {
        part.rows.push(lost(key, `not taken: ${source} ${whyNoFile(kind, file?.from)}`));
        continue;
      }
      const path = target ?? source;
      const inside = path.startsWith("/") ? path : `${kind === "secrets" ? "/run/secrets" : ""}/${path}`;
      const mount: Mount = {
        ...{ type: "bind", source: file.file, target: inside, readOnly: true, others: [], written: source },
        ...(file.isOutside && { isOutside: true }),
      };
      add(part, writtenMount(part, mount, key), mount, key);
    }
  };

function whyNoFile(kind: string, from: string | undefined): string {
  if (from === undefined) return "is not in the file";
  if (from === "environment")
    return "is a variable of the shell's: set it in secretEnvironment, and have the app read it there";
  if (from === "content") return "stands in the compose file itself: write it into a file, and give its path as file";
  return kind === "secrets"
    ? "is kept by Swarm: set it in secretEnvironment"
    : "is kept by Swarm: mount a file instead";
}

export const takeSecrets = takeFiles("secrets");

export const takeConfigs = takeFiles("configs");
