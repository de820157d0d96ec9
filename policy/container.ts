import { isIP } from "node:net";
import { shown } from "../stacks/text/plain";
import { quoted } from "../stacks/text/shell";
import { UNKNOWN } from "./known";
import { lacks, type Workload } from "./workload";

/** Where in the program something stands. */
const find = (what: string) => `git grep -n ${quoted(what)} -- '*.ts'`;
const THEN = "then: pulumi preview";

/** A privileged container is root on the host. */
export const privileged = ({ what, privileged }: Workload): string[] =>
  privileged
    ? [
        `${what} is privileged: it could do anything to the engine's host. ` +
          `Next: take that out of the program (${find("privileged")}; ${find("capabilities")}), ${THEN}`,
      ]
    : [];

/** On the host's network a container reaches, and can listen on, what is meant for the host alone. */
export const hostNetwork = ({ what, networks }: Workload): string[] =>
  networks.includes("host")
    ? [
        `${what} is on the host's network: it reaches every port of the host, its loopback too. ` +
          `Next: put it on a network of the stack's (${find("network")}), ${THEN}`,
      ]
    : [];

/** The public comes in through the proxy, and nowhere else. */
export function publishedPorts({ what, role, ports, publishesAll }: Workload): string[] {
  const next = `Next: publish it with ip "127.0.0.1", or not at all (${find("external")}), ${THEN}`;
  const all = publishesAll ? [`${what} publishes all ports of its image, on all addresses. ${next}`] : [];
  if (role === "proxy") return all;
  const open = ports.filter(({ ip }) => lacks(ip, isLoopback));
  return [
    ...all,
    ...open.map(
      ({ port, ip }) =>
        `${what} publishes port ${port === UNKNOWN ? "(not known yet)" : port} on ${typeof ip === "string" && ip !== "" ? shown(ip) : "all addresses"}: ` +
        `only the proxy may be reached from elsewhere. ${next}`,
    ),
  ];
}

const isLoopback = (ip: unknown): boolean =>
  typeof ip === "string" && ((isIP(ip) === 4 && ip.startsWith("127.")) || ip === "::1");

/** Without a limit one container's leak takes the memory of all, the proxy's too. */
export const memoryLimit = ({ what, role, memory }: Workload): string[] =>
  lacks(memory, (limit) => Number(limit) > 0)
    ? [
        `${what} has no memory limit: a leak in it would take the proxy's memory too. ` +
          `Next: ${role === "slot" ? "pulumi config set memoryMb 256, if the program still takes it" : "give it one in the program"} (${find("memory")}), ${THEN}`,
      ]
    : [];
