import type { Color } from "./color";

/** What a slot's container is made from, by setting; of the environments only the names, since a label can be read by anybody. */
export interface Made {
  version: string;
  /** The image that runs; empty where `app/` is built. */
  image: string;
  port: number;
  appPort: number;
  healthPath: string;
  memoryMb: number;
  stopGraceSeconds: number;
  environment: string[];
  secretEnvironment: string[];
  /** Hash over all that no setting names. */
  definition: string;
}

/** A container that runs, or one that would be made: what it is made from, with the values of its environment. */
export interface Making {
  made: Partial<Made>;
  environment: Readonly<Record<string, string>>;
}

/** How a container that runs differs from what it would be made from now; each in words, such as `memoryMb 256 -> 512`. */
export interface Differences {
  /** In what the color has of its own: its release. */
  own: string[];
  /** In what both colors have. */
  shared: string[];
}

/** Compares what runs with what would be made. No value of an environment is shown: a name says enough, and may be secret. */
export function differences(color: Color, before: Making, after: Making): Differences {
  const change = (setting: string, key: keyof Made) =>
    before.made[key] === after.made[key] ? [] : [`${setting} ${shown(before.made[key])} -> ${shown(after.made[key])}`];
  const names = (kind: "environment" | "secretEnvironment") => {
    const [old = [], now = []] = [before.made[kind], after.made[kind]];
    return [...new Set([...old, ...now])]
      .filter(
        (name) => old.includes(name) !== now.includes(name) || before.environment[name] !== after.environment[name],
      )
      .sort()
      .map((name) => `${kind}.${name}`);
  };

  if (before.made.definition === undefined) {
    return { own: [], shared: ["all settings (its container does not say what it was made from)"] };
  }
  return {
    own: [...change(`${color}Version`, "version"), ...change(`${color}Image`, "image")],
    shared: [
      ...change(`${color}Port`, "port"),
      ...(["appPort", "healthPath", "memoryMb", "stopGraceSeconds"] as const).flatMap((key) => change(key, key)),
      ...names("environment"),
      ...names("secretEnvironment"),
      ...(before.made.definition === after.made.definition ? [] : ["how this program makes a container"]),
    ],
  };
}

/** What any of a color's containers has to be made anew for; nothing where there is none. */
export function differencesOf(color: Color, containers: readonly Making[], after: Making): Differences {
  const each = containers.map((container) => differences(color, container, after));
  return {
    own: [...new Set(each.flatMap(({ own }) => own))],
    shared: [...new Set(each.flatMap(({ shared }) => shared))],
  };
}

const shown = (value: unknown): string => (value === undefined || value === "" ? "(none)" : String(value));

/** Returns what a container says of itself that the proxy goes by, as far as it says it. */
export const definedIn = (
  container: { version: string; made: Partial<Made> } | undefined,
): Partial<Pick<Made, "version" | "appPort" | "healthPath">> => {
  const { appPort, healthPath } = container?.made ?? {};
  return {
    ...(container && { version: container.version }),
    ...(appPort !== undefined && { appPort }),
    ...(healthPath !== undefined && { healthPath }),
  };
};
