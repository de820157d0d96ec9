import { isObject } from "../../text/json";
import {
  ComposeError,
  containerPath,
  list,
  map,
  mapOf,
  pairs,
  seconds,
  text,
  textOf,
  trueOrFalse,
  wholeNumber,
  within,
} from "./compose";
import { type Mounts, mount, refuseTwice } from "./volumes";

const NETWORK = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const LEAST_CHECK_SECONDS = 0.001;

/** Variables as a map, or as a list of `NAME=value`. What they may be is the rule of the setting `environment`. */
export function environment(value: unknown): Record<string, string> {
  if (Array.isArray(value)) {
    list(value, text).forEach((line, at) => {
      if (!line.includes("=")) {
        throw new ComposeError("takes its value from the shell in Compose: write NAME=value here", [at]);
      }
    });
  }
  return pairs(value, (_, given) => {
    if (given === null) throw new ComposeError("takes its value from the shell in Compose: write it here");
    return text(given);
  });
}

/** A file with variables: its path, relative to the program's folder. */
export function envFile(value: unknown): { path: string; required: boolean } {
  const file = (given: unknown) => textOf(given, "must be a file's path", /./);
  if (!isObject(value)) return { path: file(value), required: true };
  const { path, required = true } = mapOf(value, ["path", "required"]);
  return { path: within("path", () => file(path)), required: within("required", () => trueOrFalse(required)) };
}

export function mounts(value: unknown): Mounts {
  const found = list(value, mount);
  const volumes = found.flatMap((one) => ("tmpfs" in one ? [] : [one]));
  const inMemory = found.flatMap((one) => ("tmpfs" in one ? [one.tmpfs] : []));
  refuseTwice([...volumes.map(({ target }) => target), ...inMemory.map(([path]) => path)]);
  return { volumes, tmpfs: Object.fromEntries(inMemory) };
}

export function networks(value: unknown): string[] {
  const name = (given: unknown): string => {
    const found = textOf(given, "must be a network's name", NETWORK);
    if (["host", "none", "bridge"].includes(found)) {
      throw new ComposeError(`can't be ${found}: there a container has no name by which the proxy finds it`);
    }
    if (found === "default") {
      throw new ComposeError(
        "is the network of a compose file's own project: its name on the engine is <project>_default",
      );
    }
    return found;
  };
  if (Array.isArray(value)) return list(value, name);
  return Object.entries(map(value)).map(([given, options]) =>
    within(given, () => {
      if (options !== null && Object.keys(map(options)).length > 0) {
        throw new ComposeError(
          "takes no options: an alias would lead to both colors. Who wants the live one asks the proxy",
        );
      }
      return name(given);
    }),
  );
}

export function ulimit(name: string, value: unknown): { soft: number; hard: number } {
  if (!/^[a-z]{2,12}$/.test(name)) throw new ComposeError("must be a limit's name, such as nofile");
  const limit = (given: unknown) => wholeNumber(given, -1, Number.MAX_SAFE_INTEGER);
  if (typeof value !== "object") return { soft: limit(value), hard: limit(value) };
  const { soft, hard } = mapOf(value, ["soft", "hard"]);
  const limits = { soft: within("soft", () => limit(soft)), hard: within("hard", () => limit(hard)) };
  if (limits.hard >= 0 && (limits.soft > limits.hard || limits.soft < 0)) {
    throw new ComposeError("must be at most the hard limit", ["soft"]);
  }
  return limits;
}

export function device(value: unknown): { hostPath: string; containerPath: string; permissions: string } {
  if (isObject(value)) {
    const { source, target = source, permissions = "rwm" } = mapOf(value, ["source", "target", "permissions"]);
    return device([source, target, permissions].map((part) => text(part)).join(":"));
  }
  const [hostPath = "", inside = hostPath, permissions = "rwm", more] = text(value).split(":");
  if (more !== undefined || !/^\/dev\/(?!.*\.\.)[^:,\p{Cc}]+$/u.test(hostPath) || !/^[rwm]{1,3}$/.test(permissions)) {
    throw new ComposeError("must be a device, such as /dev/dri:/dev/dri:rwm");
  }
  return { hostPath, containerPath: containerPath(inside), permissions };
}

export function healthcheck(value: unknown): { tests: string[]; [option: string]: string | number | string[] } {
  const names = ["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"] as const;
  const given = mapOf(value, names);
  if (within("disable", () => trueOrFalse(given.disable ?? false))) return { tests: ["NONE"] };
  const tests = within("test", () => {
    if (given.test === undefined) throw new ComposeError("must be there: the image's own check is used otherwise");
    if (typeof given.test === "string") return ["CMD-SHELL", textOf(given.test, "must be a command", /\S/)];
    const found = list(given.test, text);
    const [kind = "", command = ""] = found;
    if (!["NONE", "CMD", "CMD-SHELL"].includes(kind)) {
      throw new ComposeError("must begin with NONE, CMD or CMD-SHELL");
    }
    if (kind !== "NONE" && command === "") throw new ComposeError(`must have a command after ${kind}`);
    return found;
  });
  const time = (name: (typeof names)[number]) => {
    const duration = given[name];
    if (duration === undefined) return undefined;
    return within(name, () => {
      const time = seconds(duration);
      if (time > 0 && time < LEAST_CHECK_SECONDS) throw new ComposeError("must be at least 1ms");
      return `${time}s`;
    });
  };
  const options = {
    interval: time("interval"),
    timeout: time("timeout"),
    startPeriod: time("start_period"),
    startInterval: time("start_interval"),
    retries: given.retries === undefined ? undefined : within("retries", () => wholeNumber(given.retries, 1, 1000)),
  };
  const set = Object.entries(options).filter((option): option is [string, string | number] => option[1] !== undefined);
  return { tests, ...Object.fromEntries(set) };
}

export function logging(value: unknown): { driver: string; options: Record<string, string> } {
  const { driver = "local", options = {} } = mapOf(value, ["driver", "options"]);
  return {
    driver: within("driver", () =>
      textOf(driver, "must be a log driver's name", /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/),
    ),
    options: within("options", () => pairs(options, (_, given) => text(given))),
  };
}
