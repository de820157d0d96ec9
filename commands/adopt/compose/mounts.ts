import { resolve } from "node:path";
import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";
import { isWithin } from "./folder";
import { mapIn, textIn, truthIn } from "./values";

/** What a service mounts. */
export interface Mount {
  type: string;
  /** A named volume's name in the file, or an absolute path of the host; absent for a volume without a name. */
  source?: string;
  target: string;
  readOnly?: true;
  /** The letter that relabels it for SELinux. */
  selinux?: "z" | "Z";
  /** It is relative to the file, and leads out of its folder. */
  isOutside?: true;
  /** Options that only Compose has. */
  others: string[];
  tmpfs?: unknown;
  /** As the file has it. */
  written: string;
}

/** Where relative paths begin. */
export interface Base {
  /** The folder of the file in which they stand. */
  folder: string;
  /** The folder of the compose file that was named first. */
  project: string;
}

/** Options of a mount that say nothing on Linux. */
const NO_MATTER = ["rw", "cached", "consistent", "delegated"];

/** Reads an item of `volumes`, in the short or in the long form. */
export const mountIn = (value: unknown, base: Base): Mount =>
  isObject(value) ? longMount(value, base) : shortMount(textIn(value), base);

function shortMount(written: string, base: Base): Mount {
  const [first = "", second, mode = "", more] = written.split(":");
  if (more !== undefined || first === "" || second === "") {
    throw new ComposeError("must be source:target or source:target:mode");
  }
  if (second === undefined) return { type: "volume", target: first, others: [], written };
  const options = mode.split(",").filter((option) => option !== "" && !NO_MATTER.includes(option));
  const found: Mount = { ...placed(first, base), target: second, others: [], written };
  for (const option of options) {
    if (option === "ro") found.readOnly = true;
    else if (option === "z" || option === "Z") found.selinux = option;
    else found.others.push(option);
  }
  return found;
}

function placed(source: string, { folder, project }: Base): Pick<Mount, "type" | "source" | "isOutside"> {
  if (!/^[./~]/.test(source)) return { type: "volume", source };
  if (source.startsWith("/")) return { type: "bind", source };
  const path = resolve(folder, source);
  const isOutside = source.startsWith("~") || !isWithin(project, path);
  return { type: "bind", source: path, ...(isOutside && { isOutside: true as const }) };
}

function longMount(value: Record<string, unknown>, base: Base): Mount {
  const type = within("type", () => textIn(value.type ?? "volume"));
  const target = within("target", () => textIn(value.target));
  const source = value.source === undefined ? undefined : within("source", () => textIn(value.source));
  const isReadOnly = within("read_only", () => truthIn(value.read_only ?? false));
  const others = (["bind", "volume", "image"] as const).flatMap((key) =>
    Object.entries(within(key, () => mapIn(value[key])))
      .filter(([name, option]) => !(name === "create_host_path" && truthIn(option)) && option !== false)
      .map(([name]) => `${key}.${name}`),
  );
  const place =
    type === "bind" && source !== undefined ? placed(pathOf(source), base) : { type, ...(source && { source }) };
  return {
    ...place,
    ...{ target, others, written: `${source ?? type}:${target}` },
    ...(isReadOnly && { readOnly: true as const }),
    ...(type === "tmpfs" && value.tmpfs !== undefined && { tmpfs: value.tmpfs }),
  };
}

/** In the long form a path may stand without `./`. */
const pathOf = (source: string): string => (/^[./~]/.test(source) ? source : `./${source}`);
