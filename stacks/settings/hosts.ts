import { isIP } from "node:net";
import { type Host, OWN_ENGINE, orderedHosts } from "../service/hosts";
import { jsonIn, objectIn } from "../text/json";
import { type Refuse, removeCommand, setCommand } from "./problem";
import { isHostName } from "./values";

export const MOST_HOSTS = 10;
const NAME = /^[a-z][a-z0-9]{0,19}$/;
/** Words that other parts of a stack are called by. */
const TAKEN = ["blue", "green", "proxy", "gateway", "accessory", "monitoring", "worker", "job", "cutover", "network"];
const NAME_RULE = `must be called with a-z 0-9, a letter first, at most 20 characters, and not ${TAKEN.slice(0, -1).join(", ")} or ${TAKEN.at(-1)}`;
const ADDRESS_RULE = `must be ssh://[user@]host[:port], tcp://host:port, unix:///path, or ${OWN_ENGINE} for the stack's own engine`;
const USER_RULE =
  "must have no password and no other user than one of A-Z a-z 0-9 . _ -: every run would show it. SSH takes a key";
/** Linux takes no longer path for a socket. */
const MOST_PATH_CHARACTERS = 107;
const MAX_PORT = 65_535;
const SSH_PORT = "22";

/** Shows how one is set, since the CLI can't set all at once. */
export const SET_HOST = `pulumi config set --path 'hosts.<name>' '<address>'`;

/** Returns the hosts out of the JSON text that Pulumi hands over, in their order; undefined where there are none. */
export function parseHosts(json: unknown, refuse: Refuse): readonly Host[] | undefined {
  const given = objectIn(json);
  if (given === undefined) {
    const isList = Array.isArray(jsonIn(json));
    refuse([], `must be an object: an address by name${isList ? ", no list" : ""}`, "pulumi config rm hosts");
    return undefined;
  }
  const named = Object.entries(given);
  if (named.length > MOST_HOSTS) {
    refuse([], `must have at most ${MOST_HOSTS} hosts`, "pulumi config rm --path 'hosts.<name>'");
    return undefined;
  }
  const found = named.flatMap(([name, address]) => {
    const host = parseHost(name, address, refuse);
    return host === undefined ? [] : [host];
  });
  const hosts = orderedHosts(found);
  refuseTwice(hosts, refuse);
  return hosts.length === 0 ? undefined : hosts;
}

function parseHost(name: string, address: unknown, refuse: Refuse): Host | undefined {
  if (!NAME.test(name) || TAKEN.includes(name)) {
    // What stands behind a wrong name may have a password as well.
    refuse([name], NAME_RULE, removeCommand("hosts", name), { secret: hasUserinfo(address) });
    return undefined;
  }
  if (address === OWN_ENGINE) return { name };
  const mend = setCommand(`hosts.${name}`, "<address>", "--path ");
  if (typeof address !== "string" || !isEngine(address)) {
    const secret = hasUserinfo(address);
    refuse([name], secret ? USER_RULE : ADDRESS_RULE, mend, { secret });
    return undefined;
  }
  return { name, address };
}

/** Two names for one engine would fight for its containers' names and ports. */
function refuseTwice(hosts: readonly Host[], refuse: Refuse): void {
  const holders = new Map<string, string>();
  for (const { name, address } of hosts) {
    const engine = address === undefined ? OWN_ENGINE : engineOf(address);
    const holder = holders.get(engine);
    holders.set(engine, holder ?? name);
    if (holder === undefined) continue;
    refuse([name], `must be another engine than ${holder}, which has this address`, removeCommand("hosts", name));
  }
}

/** Whether the client of Docker takes it for an engine's address, and for nothing else. */
function isEngine(address: string): boolean {
  const [, scheme, rest = ""] = /^([a-z]+):\/\/(.*)$/s.exec(address) ?? [];
  if (scheme === "unix") return isSocketPath(rest);
  if (scheme !== "ssh" && scheme !== "tcp") return false;
  const [, user, host = "", port] =
    /^(?:([A-Za-z0-9_][A-Za-z0-9._-]{0,63})@)?(.*?)(?::([0-9]{1,5}))?$/s.exec(rest) ?? [];
  if (scheme === "tcp" && (user !== undefined || port === undefined)) return false;
  return isHostPart(host) && (port === undefined || isPort(port));
}

const isSocketPath = (path: string): boolean =>
  path.length <= MOST_PATH_CHARACTERS &&
  /^(?:\/[A-Za-z0-9._~@+-]+)+$/.test(path) &&
  !path.split("/").some((step) => step === "." || step === "..");

const isPort = (port: string): boolean => !port.startsWith("0") && Number(port) <= MAX_PORT;

/** The host in an address: an IPv6 address stands in brackets there. */
const isHostPart = (host: string): boolean =>
  isHostName(host) || isIP(host) === 4 || (/^\[[0-9a-fA-F:.]+\]$/.test(host) && isIP(host.slice(1, -1)) === 6);

/** What stands before an @ may be a password, whatever else is wrong there. */
const hasUserinfo = (address: unknown): boolean =>
  typeof address === "string" && address.includes("@") && !/^[a-z]+:\/\/[A-Za-z0-9._-]+@[^@]*$/s.test(address);

/** Returns the same text for addresses that lead to one engine: host names know no case, and SSH has a port. */
function engineOf(address: string): string {
  const [scheme, rest = ""] = address.split("://", 2);
  if (scheme !== "ssh") return address.toLowerCase();
  const plain = rest.toLowerCase();
  return `ssh://${/:[0-9]+$/.test(plain) ? plain : `${plain}:${SSH_PORT}`}`;
}
