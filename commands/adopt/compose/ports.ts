import { isObject } from "../../../stacks/text/json";
import { ComposeError, within } from "../rules";
import { textIn } from "./values";

/** A port of a container, and where the host publishes it. */
export interface Port {
  target: number;
  /** The host's port; absent where the engine picks one. */
  published?: number;
  /** The host's address; absent for all of them. */
  hostIp?: string;
  protocol: string;
}

const SHORT =
  /^(?:(\[[0-9a-fA-F:.]+\]|[0-9]+(?:\.[0-9]+){3}):)?(?:([0-9]+(?:-[0-9]+)?)?:)?([0-9]+(?:-[0-9]+)?)(?:\/([a-z]+))?$/;
const RULE = "must be a port, such as 8080:80 or 127.0.0.1:8080:80";
const MOST_PORTS = 100;
const MAX_PORT = 65_535;

/** Reads an item of `ports`, in the short or in the long form; a range is several ports. */
export function portsIn(value: unknown): Port[] {
  if (isObject(value)) return longPorts(value);
  const [, ip, published, target, protocol = "tcp"] = SHORT.exec(textIn(value, RULE)) ?? [];
  if (target === undefined) throw new ComposeError(RULE);
  return pairsOf(rangeIn(target), published === undefined ? undefined : rangeIn(published)).map((pair) => ({
    ...pair,
    ...(ip !== undefined && { hostIp: ip.replace(/^\[(.*)\]$/, "$1") }),
    protocol,
  }));
}

function longPorts(value: Record<string, unknown>): Port[] {
  const target = within("target", () => rangeIn(textIn(value.target, RULE)));
  const given = value.published === undefined || value.published === null ? "" : textIn(value.published, RULE);
  const published = given === "" ? undefined : within("published", () => rangeIn(given));
  const ip = value.host_ip === undefined || value.host_ip === "" ? undefined : textIn(value.host_ip);
  const protocol = value.protocol === undefined ? "tcp" : textIn(value.protocol);
  return pairsOf(target, published).map((pair) => ({ ...pair, ...(ip !== undefined && { hostIp: ip }), protocol }));
}

/** One port that may be published on any of several gets the first of them. */
function pairsOf(targets: number[], published: number[] | undefined): { target: number; published?: number }[] {
  if (published === undefined) return targets.map((target) => ({ target }));
  if (targets.length > 1 && targets.length !== published.length)
    throw new ComposeError("has two ranges of other lengths");
  return targets.map((target, at) => {
    const host = published[at];
    return host === undefined ? { target } : { target, published: host };
  });
}

function rangeIn(text: string): number[] {
  const [, first = "", last = first] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from < 1 || to > MAX_PORT || to < from) throw new ComposeError(RULE);
  if (to - from >= MOST_PORTS) throw new ComposeError(`has more than ${MOST_PORTS} ports`);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
