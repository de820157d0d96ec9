import { BlockList, isIP } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { isObject, jsonIn } from "../text/json";
import { type Docker, DockerError, type Ended } from "./docker";
import { shell } from "./scripts";

/** How often the connections are counted while they are waited for, and how often that is said. */
const LOOK_EVERY_MILLISECONDS = 500;
const SAY_EVERY_SECONDS = 5;

/** A request that follows the one before it at once must not fall between two looks. */
const LOOKS_IN_A_ROW = 2;

/** A row of /proc/net/tcp or /proc/net/tcp6, for its remote address and its state: number, local end, remote end, state. */
const ROW = /^ *\d+: [\dA-F]+:[\dA-F]{4} ([\dA-F]{8}|[\dA-F]{32}):[\dA-F]{4} ([\dA-F]{2})(?: |$)/gim;

/** The first line of either file, by which an answer is told from none. */
const HEADER = /^ *sl +local_address /m;

/** A worker that a reload has retired. */
const RETIRED = /^\/proc\/\d+\/cmdline$/gm;

/** ESTABLISHED, SYN_SENT, FIN_WAIT1, FIN_WAIT2 and CLOSE_WAIT: in each of them something may still come from one end or the other. */
const OPEN_STATES = new Set(["01", "02", "04", "05", "08"]);

/** What the client says of a container that is not there, in its own name or the engine's; one line for each. */
const GONE = /^Error(?: response from daemon)?: No such (?:container|object)\b/gim;

/** What it says of one that does not run. That the engine itself does not run (`error during connect: ...`) is something else. */
const NOT_RUNNING = /^Error response from daemon: Container \S+ is (?:not running|restarting)\b/im;

/** What is waited for by {@link waitDrained}, and how long. */
export interface Draining {
  /** What the containers are to people: the color. */
  what: string;
  /** After that long nothing is waited for any longer. */
  seconds: number;
  /** For that long, from the call on, nothing counts as drained: a client's open connection may lead there once more. */
  quietSeconds: number;
  /**
   * Whether the workers that a reload has retired are waited for too. One that still takes in a request's body has no connection to
   * a container yet, and asks the color that was live when it was made.
   */
  retired?: boolean;
  /** Gets a line for people, at first and now and then. */
  say: (line: string) => unknown;
  /** Aborted when the run is cancelled: nothing is waited for any longer then. */
  signal?: AbortSignal;
}

/** How a wait has ended. */
export interface Drained {
  drained: boolean;
  /** Connections at the last look that was answered; 0 where none was. */
  left: number;
  /** Workers that a reload had retired, at that look; 0 where they are not waited for. */
  retired: number;
}

/**
 * How many connections lead to one of these addresses (IPv4 or IPv6, as `docker inspect` writes them), by the text of /proc/net/tcp
 * and /proc/net/tcp6. What is no row of theirs counts as nothing.
 */
export function connectionsTo(tcp: string, addresses: string[]): number {
  const wanted = new BlockList();
  for (const address of addresses) {
    // A container that does not run has empty ones.
    const version = isIP(address);
    if (version !== 0) wanted.addAddress(address, version === 6 ? "ipv6" : "ipv4");
  }
  let count = 0;
  for (const [, remote = "", state = ""] of tcp.matchAll(ROW)) {
    // As IPv6 in either case: an IPv4 address matches its mapped form.
    if (OPEN_STATES.has(state) && wanted.check(ipv6Of(remote), "ipv6")) count++;
  }
  return count;
}

/**
 * An address of /proc/net/tcp, written as IPv6. The kernel prints the words of 32 bits as numbers of the engine's processor; all
 * that Docker's own packages are made for, but s390x, put the lowest byte first.
 */
function ipv6Of(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.map((word) => (word.match(/../g) ?? []).reverse().join("")).join("");
  return (hex.length === 8 ? `${"0".repeat(20)}ffff${bytes}` : bytes).replace(/.{4}(?!$)/g, "$&:");
}

/**
 * How many connections the proxy has to these containers; a proxy or a container that does not run, or is not there, has none.
 *
 * @throws DockerError where the engine does not say.
 */
export async function readConnections(docker: Docker, proxyId: string, containerIds: string[]): Promise<number> {
  return containerIds.length === 0 ? 0 : ((await seenBy(docker, proxyId, containerIds))?.left ?? 0);
}

/**
 * Waits until the proxy has no connection to these containers any more: none on two looks in a row, and not before `quietSeconds`.
 * Where the proxy does not run there is none to wait for.
 */
export async function waitDrained(
  docker: Docker,
  proxyId: string,
  containerIds: string[],
  draining: Draining,
): Promise<Drained> {
  const { seconds, quietSeconds, say, signal } = draining;
  let last = { left: 0, retired: 0 };
  if (containerIds.length === 0) return { drained: true, ...last };
  // The wall clock may be set meanwhile.
  const started = performance.now();
  let empty = 0;
  let sayAt = 0;
  for (;;) {
    const seen = await look(docker, proxyId, containerIds, draining);
    if (seen === "gone") return { drained: true, left: 0, retired: 0 };
    if (!(seen instanceof Error)) last = seen;
    empty = !(seen instanceof Error) && seen.left + seen.retired === 0 ? empty + 1 : 0;

    const passed = (performance.now() - started) / 1000;
    if (empty >= LOOKS_IN_A_ROW && passed >= quietSeconds) return { drained: true, ...last };
    if (passed >= seconds || signal?.aborted) return { drained: false, ...last };
    // Of the second look that only confirms the first there is nothing to say.
    if (passed >= sayAt && (empty === 0 || passed < quietSeconds)) {
      sayAt = (Math.floor(passed / SAY_EVERY_SECONDS) + 1) * SAY_EVERY_SECONDS;
      await say(progress(seen, draining, Math.floor(passed)));
    }
    await pause(LOOK_EVERY_MILLISECONDS, undefined, signal && { signal }).catch(() => {});
    if (signal?.aborted) return { drained: false, ...last };
  }
}

/** What one look has seen, or why it has seen nothing; gone, where the proxy does not run. */
type Seen = { left: number; retired: number } | "gone" | Error;

async function look(
  docker: Docker,
  proxyId: string,
  containerIds: string[],
  { retired: alsoRetired }: Draining,
): Promise<Seen> {
  try {
    const seen = await seenBy(docker, proxyId, containerIds);
    return seen === undefined ? "gone" : { left: seen.left, retired: alsoRetired ? seen.retired : 0 };
  } catch (error) {
    return error as Error;
  }
}

/** How a wait stands, for people. */
function progress(seen: Exclude<Seen, "gone">, { what, seconds, quietSeconds }: Draining, passed: number): string {
  // The figures first: Pulumi's display has room for some 30 characters of a line.
  const time = `drain ${passed}/${seconds} s`;
  if (seen instanceof Error)
    return `${time}, the proxy can't be asked: ${seen.message}; ${what} is stopped when they are over`;
  if (seen.left > 0) return `${time}, ${seen.left === 1 ? "1 connection" : `${seen.left} connections`} to ${what}`;
  if (seen.retired > 0) return `${time}, clients from before the switch are left that may ask ${what}`;
  return `drain ${passed}/${quietSeconds} s at least, none left (a client's open connection may ask ${what} once more)`;
}

/** How many connections a proxy has to these containers, and how many workers that a reload has retired; undefined where it does not run. */
async function seenBy(
  docker: Docker,
  proxyId: string,
  containerIds: string[],
): Promise<{ left: number; retired: number } | undefined> {
  const [told, addresses] = await Promise.all([proxySays(docker, proxyId), addressesOf(docker, containerIds)]);
  if (told === undefined) return undefined;
  return { left: connectionsTo(told, addresses), retired: told.match(RETIRED)?.length ?? 0 };
}

/** The proxy's retired workers and its tables of connections, in one question; undefined where it does not run. */
async function proxySays(docker: Docker, proxyId: string): Promise<string | undefined> {
  const ended = await docker.run(["exec", proxyId, ...shell("draining")]);
  if (isNotRunning(ended)) return undefined;
  // Without IPv6 the second table is missing, and `cat` ends with 1.
  const isWhole = ended.code === 0 || (ended.code === 1 && ended.stderr.includes("/proc/net/tcp6"));
  if (!isWhole || !HEADER.test(ended.stdout)) throw unanswered("exec", ended);
  return ended.stdout;
}

/** The addresses of the containers in all of their networks; empty ones, or none, for those that do not run or are not there. */
async function addressesOf(docker: Docker, containerIds: string[]): Promise<string[]> {
  const ended = await docker.run(["container", "inspect", ...containerIds]);
  const containers = jsonIn(ended.stdout);
  const gone = ended.code === 0 ? 0 : (ended.stderr.match(GONE) ?? []).length;
  // Each is either told of or said to be gone.
  if (!Array.isArray(containers) || containers.length + gone !== containerIds.length) {
    throw unanswered("container inspect", ended);
  }
  return containers.flatMap(({ NetworkSettings }) => {
    const networks = isObject(NetworkSettings?.Networks) ? Object.values(NetworkSettings.Networks) : [];
    return networks
      .filter(isObject)
      .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
      .filter((address) => typeof address === "string");
  });
}

const isNotRunning = ({ code, stderr }: Ended) =>
  code === 1 && (NOT_RUNNING.test(stderr) || stderr.match(GONE) !== null);

const unanswered = (command: string, { code, stderr }: Ended) =>
  new DockerError(stderr.trim() || `\`docker ${command}\` ended with exit code ${code} and without an answer`);
