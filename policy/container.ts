import { isIP } from "node:net";
import { posix } from "node:path";
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

/** Capabilities with which a process can leave its container, or act on the host. */
const OF_THE_HOST: readonly string[] = [
  ...["SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "SYS_TIME", "SYSLOG", "BPF", "PERFMON"],
  ...["DAC_READ_SEARCH", "MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "LINUX_IMMUTABLE", "WAKE_ALARM", "BLOCK_SUSPEND"],
];

/** What is mounted from there is the host itself, or the keys to it. */
const HOST_PATHS =
  /^\/(?:$|(?:bin|boot|dev|etc|lib|lib64|proc|root|run|sbin|sys|usr)(?:\/|$)|var\/(?:run|lib\/docker|lib\/containerd)(?:\/|$)|var\/?$)/;

const inContainer = (key: string) =>
  `Next: take it out of container.${key}, or out of the program (${find(key)}), ${THEN}`;

/** With the engine's socket, the host's own folders or its devices a container is root on the host. */
export function hostAccess({ what, hostPaths, devices, capabilities, securityOptions }: Workload): string[] {
  const paths = hostPaths.filter(
    (path) => typeof path === "string" && (HOST_PATHS.test(posix.normalize(path)) || /docker\.sock$/.test(path)),
  );
  const strong = capabilities.filter((name) => OF_THE_HOST.includes(name));
  const open = securityOptions.filter((option) =>
    /^(?:seccomp|apparmor|systempaths|label)[:=](?:unconfined|disable)$/.test(String(option)),
  );
  const named = (values: readonly unknown[]) => values.map(String).map(shown).join(", ");
  return [
    ...(paths.length > 0
      ? [`${what} has ${named(paths)} of the host: with that it could do anything there. ${inContainer("volumes")}`]
      : []),
    ...(devices.some((device) => device !== UNKNOWN)
      ? [
          `${what} has devices of the host (${named(devices.filter((device) => device !== UNKNOWN))}). ${inContainer("devices")}`,
        ]
      : []),
    ...(strong.length > 0
      ? [`${what} has ${strong.join(", ")}, with which a process can leave its container. ${inContainer("cap_add")}`]
      : []),
    ...(open.length > 0
      ? [
          `${what} has ${named(open)}: what the engine forbids every container is allowed there. ${inContainer("security_opt")}`,
        ]
      : []),
  ];
}

/** What an image of somebody else may need, and often does not. */
export const openContainer = ({ what, open }: Workload): string[] =>
  open.length === 0
    ? []
    : [
        `${what}: ${open.join(", ")}. Next: pulumi config set hardened true, in dev first: a container that needs more says ` +
          "which key of `container` opens it",
      ];
