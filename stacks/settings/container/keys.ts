import { isIP } from "node:net";
import type * as docker from "@pulumi/docker";
import {
  ComposeError,
  containerPath,
  list,
  mebibytes,
  pairs,
  seconds,
  text,
  textOf,
  trueOrFalse,
  wholeNumber,
  words,
} from "./compose";
import { device, envFile, environment, healthcheck, logging, mounts, networks, ulimit } from "./readers";
import { refuseTwice, tmpfs } from "./volumes";

/** All that the program knows of a key of `container`. */
interface Key<Value = unknown> {
  /**
   * Takes a value in any of the forms that Compose has for the key, and gives it in the one that the program goes by.
   *
   * @throws ComposeError for what Compose would not take, or can't be had here.
   */
  read(value: unknown): Value;
  /** The inputs of a color's container that the key sets; the others are the program's own to merge (see stacks/slotContainer.ts). */
  inputs?(value: Value): Partial<docker.ContainerArgs>;
  /** The key in a stack's file, for whoever has to mend it. */
  example: string;
  /** What it is for, in a few words. */
  description: string;
}

/** Gives a row its type, so that `inputs` takes what `read` gives. */
const key = <Value>(row: Key<Value>): Key<Value> => row;

const CAPABILITY = /^(?:CAP_)?[A-Z][A-Z_]{1,40}$/;
const capability = (value: unknown): string =>
  textOf(value, "must be a capability, such as NET_BIND_SERVICE", CAPABILITY).replace(/^CAP_/, "");
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/;
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$/;
/** Returns an IP address; one of IPv6 may stand in brackets. */
const ip = (value: unknown, rule: string): string => {
  const found = text(value, rule).replace(/^\[(.*)\]$/, "$1");
  if (isIP(found) === 0 || found.includes("%")) throw new ComposeError(rule);
  return found;
};
/** The engine takes no less. */
const LEAST_MEMORY_MB = 6;
const LEAST_CPUS = 0.01;
/** As in the setting `stopGraceSeconds`. */
const MOST_GRACE_SECONDS = 3600;
const MOST_PROCESSES = 4_194_304;

/** Every key of `container`, one row each. The order is that of the documentation. */
export const KEYS = {
  command: key({
    read: words,
    inputs: (command: string[]) => ({ command }),
    example: 'command: ["serve", "--port", "8080"]',
    description: "the command, instead of the image's own",
  }),
  entrypoint: key({
    read: words,
    inputs: (entrypoints: string[]) => ({ entrypoints }),
    example: "entrypoint: /docker-entrypoint.sh",
    description: "the program that gets the command; the image's command is left out then",
  }),
  user: key({
    read: (value) => textOf(value, "must be a user, or a user and a group, such as 1000:1000", USER),
    inputs: (user: string) => ({ user }),
    example: 'user: "1000:1000"',
    description: "who the container runs as",
  }),
  group_add: key({
    read: (value) =>
      list(value, (item) => textOf(item, "must be a group's name or number", /^[A-Za-z0-9_][\w.-]{0,63}$/)),
    inputs: (groupAdds: string[]) => ({ groupAdds }),
    example: 'group_add: ["999"]',
    description: "further groups of that user",
  }),
  working_dir: key({
    read: (value) => (value === "/" ? value : containerPath(value)),
    inputs: (workingDir: string) => ({ workingDir }),
    example: "working_dir: /srv/app",
    description: "where the command runs",
  }),
  environment: key({
    read: (value) => environment(value),
    example: "environment: { LOG_LEVEL: debug }",
    description: "as the setting `environment`, of which it becomes a part",
  }),
  env_file: key({
    read: (value) => list(value, envFile, true),
    example: "env_file: production.env",
    description: "files with variables beside the program; they become a part of `secretEnvironment`",
  }),
  volumes: key({
    read: (value) => mounts(value),
    example: "volumes: [data:/var/lib/app]",
    description: "named volumes and folders of the engine's host; see above",
  }),
  networks: key({
    read: (value) => networks(value),
    example: "networks: [shop_default]",
    description: "networks that are there already, beside the stack's own",
  }),
  tmpfs: key({
    read: (value) => {
      const found = list(value, tmpfs, true);
      refuseTwice(found.map(([path]) => path));
      return Object.fromEntries(found);
    },
    example: "tmpfs: /run:size=64m,mode=1777",
    description: "folders in memory",
  }),
  read_only: key({
    read: trueOrFalse,
    example: "read_only: true",
    description: "whether the root file system is read-only",
  }),
  cap_add: key({
    read: (value) => list(value, capability),
    example: "cap_add: [CHOWN]",
    description: "capabilities to add",
  }),
  cap_drop: key({
    read: (value) => list(value, capability),
    example: "cap_drop: [ALL]",
    description: "capabilities to take away",
  }),
  security_opt: key({
    read: (value) =>
      list(value, (item) => textOf(item, "must be an option such as no-new-privileges", /^[a-z-]+(?:[:=]\P{Cc}+)?$/u)),
    example: "security_opt: [no-new-privileges]",
    description: "options of the engine's security modules",
  }),
  extra_hosts: key({
    read: (value) =>
      pairs(
        value,
        (name, address) => {
          if (!HOST.test(name)) throw new ComposeError("must be a host's name");
          return address === "host-gateway" ? address : ip(address, "must be an IP address or host-gateway");
        },
        /[=:]/,
      ),
    inputs: (hosts: Record<string, string>) => ({
      hosts: Object.entries(hosts).map(([host, ip]) => ({ host, ip })),
    }),
    example: 'extra_hosts: ["host.docker.internal:host-gateway"]',
    description: "further names in the container's hosts file",
  }),
  dns: key({
    read: (value) => list(value, (item) => ip(item, "must be an IP address"), true),
    inputs: (dns: string[]) => ({ dns }),
    example: "dns: [10.0.0.2]",
    description: "name servers",
  }),
  hostname: key({
    read: (value) => textOf(value, "must be a host's name", HOST),
    inputs: (hostname: string) => ({ hostname }),
    example: "hostname: app",
    description: "what the container calls itself",
  }),
  init: key({
    read: trueOrFalse,
    inputs: (init: boolean) => ({ init }),
    example: "init: true",
    description: "whether a small init collects processes that have ended",
  }),
  shm_size: key({
    read: mebibytes,
    inputs: (shmSize: number) => ({ shmSize }),
    example: "shm_size: 256m",
    description: "size of /dev/shm",
  }),
  ulimits: key({
    read: (value) => pairs(value, ulimit),
    inputs: (ulimits: Record<string, { soft: number; hard: number }>) => ({
      ulimits: Object.entries(ulimits).map(([name, limits]) => ({ name, ...limits })),
    }),
    example: "ulimits: { nofile: 65535 }",
    description: "limits of the kernel's for a process",
  }),
  sysctls: key({
    read: (value) =>
      pairs(value, (name, given) => {
        if (!/^[a-z0-9_]+(?:\.[A-Za-z0-9_-]+)+$/.test(name))
          throw new ComposeError("must be a kernel parameter's name");
        return text(given);
      }),
    inputs: (sysctls: Record<string, string>) => ({ sysctls }),
    example: "sysctls: { net.core.somaxconn: 1024 }",
    description: "kernel parameters of the container's own namespaces",
  }),
  devices: key({
    read: (value) => list(value, device),
    inputs: (devices: { hostPath: string; containerPath: string; permissions: string }[]) => ({ devices }),
    example: "devices: [/dev/dri:/dev/dri:rw]",
    description: "devices of the engine's host",
  }),
  cpus: key({
    read: (value) => {
      const given = textOf(value, "must be a number of CPUs, such as 0.5", /^[0-9]{1,3}(?:\.[0-9]{1,9})?$/);
      if (Number(given) < LEAST_CPUS) throw new ComposeError(`must be at least ${LEAST_CPUS}`);
      return String(Number(given));
    },
    inputs: (cpus: string) => ({ cpus }),
    example: "cpus: 0.5",
    description: "the most CPU time, in CPUs",
  }),
  mem_limit: key({
    read: (value) => {
      const limit = mebibytes(value);
      if (limit < LEAST_MEMORY_MB) throw new ComposeError(`must be at least ${LEAST_MEMORY_MB}m`);
      return limit;
    },
    example: "mem_limit: 512m",
    description: "as the setting `memoryMb`",
  }),
  mem_reservation: key({
    read: mebibytes,
    inputs: (memoryReservation: number) => ({ memoryReservation }),
    example: "mem_reservation: 128m",
    description: "memory that the container keeps when the host runs short",
  }),
  pids_limit: key({
    read: (value) => {
      const limit = wholeNumber(value, -1, MOST_PROCESSES);
      if (limit === 0) throw new ComposeError("must be above 0, or -1 for no limit");
      return limit;
    },
    example: "pids_limit: 200",
    description: "the most processes and threads; -1 for no limit",
  }),
  stop_signal: key({
    read: (value) => textOf(value, "must be a signal, such as SIGQUIT", /^(?:SIG)?[A-Z0-9+-]{1,12}$/),
    inputs: (stopSignal: string) => ({ stopSignal }),
    example: "stop_signal: SIGQUIT",
    description: "the signal that asks it to end, instead of the image's own",
  }),
  stop_grace_period: key({
    read: (value) => {
      const grace = Math.ceil(seconds(value));
      if (grace < 1 || grace > MOST_GRACE_SECONDS) throw new ComposeError(`must be from 1s to ${MOST_GRACE_SECONDS}s`);
      return grace;
    },
    example: "stop_grace_period: 30s",
    description: "as the setting `stopGraceSeconds`",
  }),
  healthcheck: key({
    read: (value) => healthcheck(value),
    inputs: (check: { tests: string[]; [option: string]: unknown }) => ({ healthcheck: check }),
    example: "healthcheck: { test: curl -f http://localhost:8080, interval: 30s }",
    description: "a check in the container that must be well too, beside the proxy's own (`healthPath`)",
  }),
  labels: key({
    read: (value) =>
      pairs(value, (name, given) => {
        if (name.startsWith("blue-green.")) throw new ComposeError("is a label of the program's own");
        return text(given ?? "");
      }),
    example: "labels: { team: shop }",
    description: "labels beside the program's own",
  }),
  logging: key({
    read: (value) => logging(value),
    inputs: ({ driver, options }: { driver: string; options: Record<string, string> }) => ({
      logDriver: driver,
      logOpts: options,
    }),
    example: "logging: { driver: local, options: { max-size: 50m } }",
    description: "where the log goes; otherwise the driver `local` with 5 files of 20 MB",
  }),
  platform: key({
    read: (value) => textOf(value, "must be a platform, such as linux/arm64", /^[a-z0-9]+(?:\/[a-z0-9]+){0,2}$/),
    inputs: (platform: string) => ({ platform }),
    example: "platform: linux/amd64",
    description: "for which platform the image is pulled",
  }),
} as const;

export type ContainerKey = keyof typeof KEYS;

/** A key's value, as the program goes by it. */
export type ContainerValue<Name extends ContainerKey> = ReturnType<(typeof KEYS)[Name]["read"]>;

/** Keys of a service in a compose file that the program decides, each with what does it here. */
export const DECIDED: Readonly<Record<string, string>> = {
  image: "the images are blueImage and greenImage",
  build: "app/ is built where a color has no image",
  ports: "the public's port is httpPort, and the container's is appPort",
  expose: "the container's port is appPort",
  container_name: "the containers are called after project, stack and color",
  restart: "the containers start again by themselves unless they were stopped",
  depends_on: "a switch waits until the color is well (healthPath)",
  network_mode: "the containers are on the stack's network, and on those in container.networks",
  deploy: "use replicas, memoryMb and container.cpus",
  scale: "use replicas",
  secrets: "use secretEnvironment",
  configs: "mount a folder of the engine's host (container.volumes)",
  privileged: "name what is needed in container.cap_add and container.devices",
  links: "containers on one network reach each other by name (container.networks)",
  profiles: "a stack of its own does that",
};
