import { posix } from "node:path";
import { isObject, jsonIn } from "../../text/json";
import { type Refuse, removeCommand } from "../problem";
import {
  ComposeError,
  containerPath,
  mapOf,
  mebibytes,
  text,
  textOf,
  trueOrFalse,
  wholeNumber,
  within,
} from "./compose";

/** A named volume, or a folder of the engine's host, in a color's containers. */
export interface VolumeMount {
  type: "volume" | "bind";
  /** The volume's name without what the program puts before it, an external volume's whole name, or the host's path. */
  source: string;
  target: string;
  readOnly?: true;
  /** Each color has one of its own; otherwise both see the same files. */
  perColor?: true;
  /** It is there already, under this very name: the program neither makes nor deletes it. */
  external?: true;
  selinux?: "z" | "Z";
}

/** Where the containers have something mounted. */
export interface Mounts {
  volumes: VolumeMount[];
  /** Options by path. */
  tmpfs: Record<string, string>;
}

/** Returns the named volumes and folders of a block of keys. */
export const mountsIn = ({ volumes }: { volumes?: Mounts }): VolumeMount[] => volumes?.volumes ?? [];

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$/;
const NAME_RULE =
  "must be a volume's name (A-Z a-z 0-9 _ . -, at most 60 characters) or an absolute path of the engine's host";

/** Returns an item of `volumes`, in the short or in the long form. */
export function mount(value: unknown): VolumeMount | { tmpfs: [path: string, options: string] } {
  return isObject(value) ? longMount(value) : shortMount(text(value));
}

/** Returns `source:target:mode`. */
function shortMount(given: string): VolumeMount {
  const [source = "", target, mode = "", more] = given.split(":");
  if (target === undefined) {
    containerPath(source);
    const why = "each color would get one of its own, and what it holds would be gone at a switch. Give it a name";
    throw new ComposeError(
      `is an anonymous volume: ${why} (data:${source}), or list ${source} in ephemeralVolumes`,
      [],
      `is an anonymous volume: ${why}`,
    );
  }
  if (more !== undefined) throw new ComposeError("must be source:target or source:target:mode");
  const found = named(source, containerPath(target));
  for (const option of mode.split(",").filter(Boolean)) {
    if (option === "ro") found.readOnly = true;
    else if (option === "z" || option === "Z") found.selinux = option;
    else if (!["rw", "cached", "consistent", "delegated"].includes(option)) {
      const why = "which can't be had here; possible are ro, rw, z and Z";
      throw new ComposeError(`has the mode ${option}, ${why}`, [], `has a mode ${why}`);
    }
  }
  return found;
}

function named(source: string, target: string): VolumeMount {
  if (source.startsWith("/")) {
    if (/[\p{Cc}]/u.test(source) || source.split("/").includes("..")) throw new ComposeError(NAME_RULE);
    // As the engine has it, so that a policy and a comparison see the same.
    return { type: "bind", source: posix.normalize(source).replace(/(?<=.)\/$/, ""), target };
  }
  if (/^[.~]/.test(source)) {
    const why = "a path beside a compose file: the engine may be on another host, so it must be an absolute path there";
    throw new ComposeError(`mounts ${source}, ${why}`, [], `mounts ${why}`);
  }
  if (!NAME.test(source)) throw new ComposeError(NAME_RULE);
  return { type: "volume", source, target };
}

const KEYS = ["type", "source", "target", "read_only", "bind", "volume", "tmpfs", "x-per-color", "x-external"] as const;

function longMount(value: Record<string, unknown>): ReturnType<typeof mount> {
  const given = mapOf(value, KEYS);
  const target = within("target", () => containerPath(given.target));
  const type = within("type", () => text(given.type));
  if (type === "tmpfs") return { tmpfs: [target, within("tmpfs", () => tmpfsOptions(given.tmpfs))] };
  if (type !== "volume" && type !== "bind") throw new ComposeError("must be volume, bind or tmpfs", ["type"]);
  const external = within("x-external", () => trueOrFalse(given["x-external"] ?? false));
  const perColor = within("x-per-color", () => trueOrFalse(given["x-per-color"] ?? false));
  const found = within("source", () => {
    const source = text(given.source);
    if (!external) return named(source, target);
    if (!NAME.test(source)) throw new ComposeError(NAME_RULE);
    return { type: "volume" as const, source, target } satisfies VolumeMount;
  });
  if (found.type !== type) throw new ComposeError(`does not fit the type ${type}: ${NAME_RULE}`, ["source"]);
  if (perColor && (external || type === "bind")) {
    throw new ComposeError("is for a volume that the program makes", ["x-per-color"]);
  }
  within("bind", () => bindOptions(given.bind));
  within("volume", () => volumeOptions(given.volume));
  const readOnly = within("read_only", () => trueOrFalse(given.read_only ?? false));
  return {
    ...found,
    ...(readOnly && { readOnly: true as const }),
    ...(perColor && { perColor: true as const }),
    ...(external && { external: true as const }),
  };
}

/** Both forms mount a host's folder in the same way here: the engine makes it where it isn't there. */
function bindOptions(value: unknown): void {
  if (value === undefined) return;
  const { create_host_path: create = true } = mapOf(value, ["create_host_path"]);
  if (!within("create_host_path", () => trueOrFalse(create))) {
    throw new ComposeError("must be true: the engine makes the folder where it isn't there", ["create_host_path"]);
  }
}

function volumeOptions(value: unknown): void {
  if (value === undefined) return;
  const { nocopy = false } = mapOf(value, ["nocopy"]);
  if (within("nocopy", () => trueOrFalse(nocopy))) {
    throw new ComposeError("must be false: the provider can't set it", ["nocopy"]);
  }
}

function tmpfsOptions(value: unknown): string {
  if (value === undefined) return "";
  const { size, mode } = mapOf(value, ["size", "mode"]);
  return [
    ...(size === undefined ? [] : [`size=${within("size", () => mebibytes(size))}m`]),
    // YAML makes a number of 0o1777; a text is octal, as in Compose.
    ...(mode === undefined ? [] : [`mode=${within("mode", () => fileMode(mode))}`]),
  ].join(",");
}

const fileMode = (mode: unknown): string =>
  typeof mode === "string"
    ? textOf(mode, "must be a mode in octal, such as 1777", /^0?[0-7]{3,4}$/).replace(/^0(?=\d{4})/, "")
    : wholeNumber(mode, 0, 0o7777).toString(8);

/** Returns an item of `tmpfs`, such as `/run:size=64m,mode=1777`. */
export function tmpfs(value: unknown): [path: string, options: string] {
  const [path = "", options = "", more] = text(value).split(":");
  const rule = "must be a path and its options, such as /run:size=64m,mode=1777";
  if (more !== undefined || !/^[a-z0-9=,%]*$/.test(options)) throw new ComposeError(rule);
  return [containerPath(path), options];
}

/** What mounts a path twice would hide one of them. */
export function refuseTwice(paths: readonly string[], does = "mounts"): void {
  const twice = paths.find((path, at) => paths.indexOf(path) !== at);
  if (twice !== undefined) throw new ComposeError(`${does} ${twice} twice`, [], `${does} something twice`);
}

/** Returns a list of paths within a container out of the JSON text that Pulumi hands over, without those that are refused. */
export function parsePaths(setting: string, json: unknown, refuse: Refuse): string[] {
  const given = jsonIn(json);
  if (!Array.isArray(given)) {
    refuse([], "must be a list of paths: one a time, with --path", `pulumi config rm ${setting}`);
    return [];
  }
  return given.flatMap((value: unknown, at) => {
    try {
      return [containerPath(value)];
    } catch (error) {
      refuse([at], (error as Error).message, removeCommand(setting, at));
      return [];
    }
  });
}
