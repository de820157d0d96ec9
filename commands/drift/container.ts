import { LABEL } from "../../stacks/service/names";
import { processLimit } from "../../stacks/service/slotSpec";
import { isObject, type JsonObject, jsonOf, objectIn } from "../../stacks/text/json";
import type { Healthcheck, RunningContainer, RunningImage } from "./engine";
import { type DeclaredContainer, listIn } from "./state";

/**
 * What a container is made of, one text a property, in words that both sides share: so the comparison is that of two lists. A
 * property that is not there is not in it.
 */
export type Properties = Map<string, string>;

/** A property that is declared in one way and runs in another; undefined where it is not there. */
export interface Difference {
  what: string;
  declared: string | undefined;
  runs: string | undefined;
}

/** Every property that differs, in the order in which they are declared; what only runs comes last. */
export function differencesBetween(declared: Properties, runs: Properties): Difference[] {
  return [...new Set([...declared.keys(), ...runs.keys()])]
    .filter((what) => declared.get(what) !== runs.get(what))
    .map((what) => ({ what, declared: declared.get(what), runs: runs.get(what) }));
}

/** What is declared, as the engine would tell of the container: what the program leaves open is the image's own. */
export function declaredProperties({ inputs, labels }: DeclaredContainer, image: RunningImage): Properties {
  const { Config: own } = image;
  // Never read back, so it says what was declared even after a refresh has put what runs into the state.
  const settings = objectIn(labels[LABEL.slot] ?? labels[LABEL.spec]) ?? {};
  const { memoryMb } = settings;
  const memory = memoryMb ?? inputs.memory;
  const capabilities = isObject(inputs.capabilities) ? inputs.capabilities : {};
  const entrypoint = listIn(inputs.entrypoints);
  const command = listIn(inputs.command);
  return properties({
    image: text(inputs.image),
    environment: { ...variables(own.Env), ...variables(listIn(inputs.envs)) },
    labels: { ...own.Labels, ...labels },
    healthcheck: isObject(inputs.healthcheck) ? healthcheckIn(inputs.healthcheck) : own.Healthcheck,
    memory: Number(memory ?? 0) * MEBIBYTE,
    restart: text(inputs.restart) || "no",
    privileged: inputs.privileged === true,
    readOnly: inputs.readOnly === true,
    capabilities: { adds: listIn(capabilities.adds), drops: listIn(capabilities.drops) },
    securityOptions: listIn(inputs.securityOpts),
    user: text(inputs.user) || own.User,
    entrypoint: entrypoint.length > 0 ? entrypoint : own.Entrypoint,
    // An entrypoint of its own leaves the image's command out.
    command: command.length > 0 || entrypoint.length > 0 ? command : own.Cmd,
    workingDirectory: text(inputs.workingDir) || own.WorkingDir,
    stopSignal: text(inputs.stopSignal) || own.StopSignal,
    stopSeconds: inputs.stopTimeout,
    tmpfs: isObject(inputs.tmpfs) ? inputs.tmpfs : {},
    log: { driver: text(inputs.logDriver), options: isObject(inputs.logOpts) ? inputs.logOpts : {} },
    ports: objects(inputs.ports).map(({ ip, external, internal, protocol }) =>
      portText(text(ip), String(external), `${internal}/${text(protocol) || "tcp"}`),
    ),
    networks: Object.fromEntries(
      objects(inputs.networksAdvanced).map(({ name, aliases }) => [text(name), listIn(aliases)]),
    ),
    mounts: objects(inputs.volumes).map(({ volumeName, hostPath, containerPath, readOnly }) =>
      mountText(text(volumeName) || text(hostPath), text(containerPath), readOnly !== true),
    ),
    // A setting of a slot that is called as the engine calls it is declared too.
    more: moreProperties({
      ...Object.fromEntries(MORE.map(([, key]) => [key, settings[key.charAt(0).toLowerCase() + key.slice(1)]])),
      ...containerMore(settings, inputs),
    }),
  });
}

/** What runs. */
export function runningProperties(container: RunningContainer, image: RunningImage | undefined): Properties {
  const { Id, Name, Image, Config, HostConfig, Mounts, NetworkSettings } = container;
  // An engine names a container on its networks by its id and, newer ones, by its name.
  const own = [Id.slice(0, 12), Name.slice(1)];
  const anonymous = Object.keys(image?.Config.Volumes ?? {});
  return properties({
    image: Image,
    environment: variables(Config.Env),
    labels: Config.Labels ?? {},
    healthcheck: Config.Healthcheck,
    memory: Number(HostConfig.Memory ?? 0),
    restart: HostConfig.RestartPolicy.Name || "no",
    privileged: HostConfig.Privileged === true,
    readOnly: HostConfig.ReadonlyRootfs === true,
    capabilities: { adds: listIn(HostConfig.CapAdd), drops: listIn(HostConfig.CapDrop) },
    securityOptions: listIn(HostConfig.SecurityOpt),
    user: Config.User,
    entrypoint: Config.Entrypoint,
    command: Config.Cmd,
    workingDirectory: Config.WorkingDir,
    stopSignal: Config.StopSignal,
    stopSeconds: Config.StopTimeout,
    tmpfs: isObject(HostConfig.Tmpfs) ? HostConfig.Tmpfs : {},
    log: { driver: HostConfig.LogConfig.Type, options: HostConfig.LogConfig.Config ?? {} },
    ports: Object.entries(HostConfig.PortBindings ?? {}).flatMap(([inside, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => portText(HostIp, HostPort, inside)),
    ),
    networks: Object.fromEntries(
      Object.entries(NetworkSettings.Networks ?? {}).map(([name, { Aliases }]) => [
        name,
        (Aliases ?? []).filter((alias) => !own.includes(alias)),
      ]),
    ),
    mounts: Mounts.filter(
      ({ Type, Name, Destination }) =>
        Type !== "tmpfs" &&
        !(Type === "volume" && anonymous.includes(Destination) && /^[0-9a-f]{64}$/.test(Name ?? "")),
    ).map(({ Name, Source, Destination, RW }) => mountText(Name ?? Source, Destination, RW)),
    more: moreProperties(HostConfig),
  });
}

/** What a label's settings and the inputs declare of {@link MORE}, in the engine's names and units. */
function containerMore(settings: JsonObject, inputs: JsonObject): Record<string, unknown> {
  return {
    NanoCpus: Math.round(Number(inputs.cpus ?? 0) * NANO),
    MemoryReservation: Number(inputs.memoryReservation ?? 0) * MEBIBYTE,
    PidsLimit: settings.processes ?? processLimit(settings),
    Devices: objects(inputs.devices).map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    ExtraHosts: objects(inputs.hosts).map(({ host, ip }) => `${text(host)}:${text(ip)}`),
    Dns: listIn(inputs.dns),
    GroupAdd: listIn(inputs.groupAdds),
    Sysctls: inputs.sysctls,
    Ulimits: objects(inputs.ulimits).map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    Init: inputs.init,
    ...(inputs.shmSize !== undefined && { ShmSize: Number(inputs.shmSize) * MEBIBYTE }),
  };
}

/** Those of {@link MORE} that say anything, each as a text; the order of lists and names says nothing. */
const moreProperties = (given: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    MORE.flatMap(([what, key]) => {
      const value = given[key];
      if (isNothing(value) || (key === "ShmSize" && value === DEFAULT_SHM_BYTES)) return [];
      return [[what, Array.isArray(value) ? sorted(value.map(sortedJson)) : sortedJson(value)]];
    }),
  );

/** A value as JSON, its names in order. */
const sortedJson = (value: unknown): string =>
  isObject(value)
    ? jsonOf(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))))
    : jsonOf(value);

const MEBIBYTE = 1024 * 1024;
const NANO = 1e9;
/** What the engine gives to a container for which nothing is said. */
const DEFAULT_SHM_BYTES = 64 * MEBIBYTE;

/** What the program sets for a setting of that name alone, and what changes the container for whoever is in it or beside it: by its name in words. */
const MORE = [
  ["cpus (nano)", "NanoCpus"],
  ["cpu shares", "CpuShares"],
  ["cpu quota", "CpuQuota"],
  ["cpu set", "CpusetCpus"],
  ["memory reservation", "MemoryReservation"],
  ["process limit", "PidsLimit"],
  ["devices", "Devices"],
  ["device requests", "DeviceRequests"],
  ["extra hosts", "ExtraHosts"],
  ["dns", "Dns"],
  ["groups", "GroupAdd"],
  ["links", "Links"],
  ["volumes from", "VolumesFrom"],
  ["all ports published", "PublishAllPorts"],
  ["pid namespace", "PidMode"],
  ["user namespace", "UsernsMode"],
  ["sysctls", "Sysctls"],
  ["ulimits", "Ulimits"],
  ["init", "Init"],
  ["/dev/shm (bytes)", "ShmSize"],
] as const;

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === -1 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** A container in the words of neither side. */
interface ContainerSpec {
  image: string;
  environment: Record<string, string>;
  labels: Record<string, string>;
  healthcheck: Healthcheck | null | undefined;
  /** In bytes. */
  memory: number;
  restart: string;
  privileged: boolean;
  readOnly: boolean;
  capabilities: { adds: string[]; drops: string[] };
  securityOptions: string[];
  user: string | undefined;
  entrypoint: string[] | null | undefined;
  command: string[] | null | undefined;
  workingDirectory: string | undefined;
  stopSignal: string | undefined;
  stopSeconds: unknown;
  tmpfs: Record<string, unknown>;
  log: { driver: string; options: Record<string, unknown> };
  ports: string[];
  networks: Record<string, string[]>;
  mounts: string[];
  more: Record<string, string>;
}

function properties(spec: ContainerSpec): Properties {
  const { healthcheck, capabilities, log } = spec;
  const entries: [string, string][] = [
    ["image", spec.image.replace(/^sha256:/, "")],
    ...prefixed("environment", spec.environment),
    ...prefixed("label", spec.labels),
    ["health check command", (healthcheck?.Test ?? []).join("\0")],
    ["health check interval", seconds(healthcheck?.Interval)],
    ["health check timeout", seconds(healthcheck?.Timeout)],
    ["health check retries", String(healthcheck?.Retries || "")],
    ["health check start period", seconds(healthcheck?.StartPeriod)],
    ["memory", spec.memory === 0 ? "" : `${Math.round((spec.memory / MEBIBYTE) * 100) / 100} MiB`],
    ["restart", spec.restart],
    ["privileged", spec.privileged ? "yes" : ""],
    ["root file system", spec.readOnly ? "read-only" : "writable"],
    ["capabilities added", sorted(capabilities.adds.map(capability))],
    ["capabilities dropped", sorted(capabilities.drops.map(capability))],
    // Older clients wrote the same with a value.
    ["security options", sorted(spec.securityOptions.map((option) => option.replace(/[:=]true$/, "")))],
    ["user", spec.user ?? ""],
    ["entrypoint", (spec.entrypoint ?? []).join("\0")],
    ["command", (spec.command ?? []).join("\0")],
    ["working directory", spec.workingDirectory ?? ""],
    ["stop signal", spec.stopSignal ?? ""],
    ["stop grace", typeof spec.stopSeconds === "number" ? `${spec.stopSeconds} s` : ""],
    ...prefixed("tmpfs", spec.tmpfs),
    ["log driver", log.driver],
    ...prefixed("log option", log.options),
    ["ports", sorted(spec.ports)],
    ...Object.entries(spec.networks).flatMap(([name, aliases]): [string, string][] => [
      [`network ${name}`, "connected"],
      [`alias on ${name}`, sorted(aliases)],
    ]),
    ["mounts", sorted(spec.mounts)],
    ...Object.entries(spec.more),
  ];
  return new Map(entries.filter(([, value]) => value !== ""));
}

const prefixed = (kind: string, values: Record<string, unknown>): [string, string][] =>
  Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    // One that is there and empty is not one that is not there.
    .map(([name, value]) => [`${kind} ${name}`, String(value) || "(empty)"]);

const sorted = (list: string[]): string => [...list].sort().join(", ");

const capability = (name: string): string => name.replace(/^CAP_/, "");

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const objects = (value: unknown): JsonObject[] => (Array.isArray(value) ? value : []).filter(isObject);

/** Where a port can be any of the host's addresses, engines write that in two ways. */
const portText = (ip: string, outside: string, inside: string): string => `${ip || "0.0.0.0"}:${outside}->${inside}`;

const mountText = (from: string, to: string, writable: boolean): string => `${from}:${to}${writable ? "" : ":ro"}`;

/** Environment variables by name. */
export const variables = (lines: readonly string[] | undefined): Record<string, string> =>
  Object.fromEntries((lines ?? []).map((line) => line.split(/=(.*)/s)).map(([name = "", value = ""]) => [name, value]));

const NANOSECONDS = 1e9;

/** Nanoseconds as the engine has them, in seconds. */
const seconds = (nanoseconds: number | undefined): string => (nanoseconds ? `${nanoseconds / NANOSECONDS} s` : "");

/** The provider's health check in the engine's words. */
function healthcheckIn(declared: JsonObject): Healthcheck {
  const time = (value: unknown) => Math.round(secondsIn(text(value)) * NANOSECONDS);
  return {
    Test: listIn(declared.tests),
    Interval: time(declared.interval),
    Timeout: time(declared.timeout),
    Retries: Number(declared.retries ?? 0),
    StartPeriod: time(declared.startPeriod),
  };
}

const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };

/** A duration as Go writes it, such as `1m30s`, in seconds. */
export const secondsIn = (duration: string): number =>
  [...duration.matchAll(/([0-9.]+)(h|ms|us|ns|m|s)/g)].reduce(
    (sum, [, amount, unit = ""]) => sum + Number(amount) * (UNITS[unit] ?? 0),
    0,
  );
