import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandOptions, command } from "./command";

/** The host's end of the link between it and the client: the address on which every proxy is published. */
export const HOST_ADDRESS = "10.214.0.1";
const CLIENT_ADDRESS = "10.214.0.2";

const NAMESPACE = "blue-green-bench";
const HOST_LINK = "bgbench-host";
const CLIENT_LINK = "bgbench-client";

export const THREADS = 2;
export const CONNECTIONS = 32;

/** What a load counted. */
export interface Load {
  requests: number;
  seconds: number;
  /** Connections refused, reset or closed before the answer, answers that did not come within 2 s, and answers that were errors. */
  failed: number;
}

/** Makes the client: a network namespace of its own, as an outside machine is to the host. */
export async function makeClient(): Promise<void> {
  await ip("netns", "add", NAMESPACE);
  await ip("link", "add", HOST_LINK, "type", "veth", "peer", "name", CLIENT_LINK, "netns", NAMESPACE);
  await ip("address", "add", `${HOST_ADDRESS}/30`, "dev", HOST_LINK);
  await ip("link", "set", HOST_LINK, "up");
  await ip("-netns", NAMESPACE, "address", "add", `${CLIENT_ADDRESS}/30`, "dev", CLIENT_LINK);
  await ip("-netns", NAMESPACE, "link", "set", CLIENT_LINK, "up");
}

/** Removes the client, or what is there of it. */
export async function removeClient(): Promise<void> {
  const gone = /No such file|Cannot find device/;
  for (const args of [
    ["link", "delete", HOST_LINK],
    ["netns", "delete", NAMESPACE],
  ]) {
    await command("ip", args, { always: true }).catch((error: Error) => {
      if (!gone.test(error.message)) throw error;
    });
  }
}

/** Runs a command as the client. */
export const asClient = (args: string[], options: CommandOptions = {}): Promise<string> =>
  command("ip", ["netns", "exec", NAMESPACE, ...args], options);

/** Where the client reaches a published port. */
export const origin = ({ port, tls }: { port: number; tls?: true }): string =>
  `${tls ? "https" : "http"}://${HOST_ADDRESS}:${port}`;

/** Puts a published port under load, from the client, over HTTP/1.1. */
export async function load(target: { port: number; tls?: true }, seconds: number): Promise<Load> {
  const report = await asClient([
    "wrk",
    `--threads=${THREADS}`,
    `--connections=${CONNECTIONS}`,
    `--duration=${seconds}s`,
    `--script=${join(__dirname, "count.lua")}`,
    `${origin(target)}/`,
  ]);
  const { requests, microseconds, ...failed } = JSON.parse(report.trim().split("\n").at(-1) ?? "");
  return {
    requests,
    seconds: microseconds / 1_000_000,
    failed: (Object.values(failed) as number[]).reduce((sum, one) => sum + one, 0),
  };
}

/**
 * Makes sure, while a port is under load, that its connections end in the container. One that ends on the host itself ends at Docker's
 * userland proxy, which would be measured along with what is behind it.
 */
export function assertForwarded(port: number): void {
  const local = `${hexadecimal(HOST_ADDRESS)}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const established = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address === local && state === "01");
  if (established.length > 0) {
    throw new Error(
      `${established.length} connections to port ${port} end at Docker's userland proxy instead of being forwarded (DNAT) to the ` +
        "container: the figures would not be those of an outside client. Does the engine run with iptables on?",
    );
  }
}

/** An IPv4 address as /proc/net/tcp has it: as the machine has it in memory, little-endian on all that Docker runs on here. */
const hexadecimal = (address: string): string =>
  address
    .split(".")
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();

const ip = (...args: string[]): Promise<string> => command("ip", args);
