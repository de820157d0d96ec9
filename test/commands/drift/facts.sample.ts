import type { RunningContainer, RunningImage } from "../../../commands/drift/engine";
import type { Compared, Facts } from "../../../commands/drift/row";
import type { Declared, DeclaredContainer } from "../../../commands/drift/state";
import type { Color } from "../../../stacks/service/color";
import { generationOf } from "../../../stacks/service/serving";
import { serving } from "../status/facts.sample";

export const OWNER = { project: "blue-green", stack: "dev" };
export const NETWORK = "blue-green-dev";
export const SECRET = 's3cr$t"x';

const OWNERSHIP = { "blue-green.project": "blue-green", "blue-green.stack": "dev" };

export const idOf = (part: string): string => Buffer.from(part).toString("hex").padEnd(64, "0");
export const imageIdOf = (part: string): string => `sha256:${idOf(`i ${part}`)}`;
export const urnOf = (type: string, name: string): string => `urn:pulumi:dev::blue-green::${type}::${name}`;

const labelsOf = (color: Color) => ({
  ...OWNERSHIP,
  "blue-green.role": "slot",
  "blue-green.color": color,
  "blue-green.slot": JSON.stringify({ memoryMb: 256, environment: ["SHOP"], secretEnvironment: ["TOKEN"] }),
});

const variablesOf = (color: Color) => [`COLOR=${color}`, "PORT=5000", "SHOP=plain", `TOKEN=${SECRET}`];

const list = (labels: Record<string, string>) => Object.entries(labels).map(([label, value]) => ({ label, value }));

/** A slot's resource, as `pulumi stack export --show-secrets` has it. */
export const slotResource = (color: Color, inputs: object = {}) => ({
  urn: urnOf("docker:index/container:Container", color),
  type: "docker:index/container:Container",
  id: idOf(color),
  inputs: {
    __defaults: ["networkMode"],
    capabilities: { __defaults: [], drops: ["ALL"] },
    envs: {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      plaintext: JSON.stringify(variablesOf(color)),
    },
    image: imageIdOf(color),
    labels: list(labelsOf(color)),
    logDriver: "local",
    logOpts: { "max-size": "20m" },
    memory: 256,
    name: `blue-green-dev-${color}`,
    networksAdvanced: [{ __defaults: [], aliases: [color], name: NETWORK }],
    ports: [{ __defaults: ["protocol"], external: 5001, internal: 5000, ip: "127.0.0.1", protocol: "tcp" }],
    readOnly: true,
    restart: "unless-stopped",
    securityOpts: ["no-new-privileges"],
    stopTimeout: 30,
    tmpfs: { "/tmp": "size=64m" },
    ...inputs,
  },
});

export const CONFIGURATION = [
  'map "" $active {',
  "    default blue;",
  "}",
  "server_tokens off;",
  '    return 200 "@GENERATION@ $active\\n";',
  "",
].join("\n");

const slotInputs = (color: Color) => ({ ...slotResource(color).inputs, envs: variablesOf(color) });

export const declaredSlot = (color: Color): DeclaredContainer => ({
  urn: urnOf("docker:index/container:Container", color),
  id: idOf(color),
  name: `blue-green-dev-${color}`,
  labels: labelsOf(color),
  role: "slot",
  color,
  inputs: slotInputs(color),
});

/** What the image of a color leaves to its containers. */
export const image = (part: string): RunningImage => ({
  Id: imageIdOf(part),
  RepoTags: [`${part}:1`],
  RepoDigests: [],
  Config: {
    ...{ Cmd: ["gunicorn"], Entrypoint: null, User: "10001:10001", WorkingDir: "/app", StopSignal: "SIGTERM" },
    ...{ Env: ["PATH=/usr/bin"], Labels: { "org.opencontainers.image.version": "1.0.0" } },
  },
});

/** A slot's container as the engine has it, when nothing differs. */
export const runningSlot = (color: Color, more: Partial<RunningContainer> = {}): RunningContainer => ({
  Id: idOf(color),
  Name: `/blue-green-dev-${color}`,
  Image: imageIdOf(color),
  State: { Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false },
  Config: {
    ...image(color).Config,
    ...{ Cmd: ["gunicorn"], Entrypoint: null, User: "10001:10001", WorkingDir: "/app" },
    Env: [...variablesOf(color), "PATH=/usr/bin"],
    Labels: { ...labelsOf(color), "org.opencontainers.image.version": "1.0.0" },
    StopTimeout: 30,
  },
  HostConfig: {
    ...{ CapAdd: null, CapDrop: ["ALL"], Memory: 256 * 1024 * 1024, MemorySwap: 512 * 1024 * 1024 },
    ...{ ReadonlyRootfs: true, Privileged: false, SecurityOpt: ["no-new-privileges:true"], PidMode: "", Devices: [] },
    LogConfig: { Type: "local", Config: { "max-size": "20m" } },
    PortBindings: { "5000/tcp": [{ HostIp: "127.0.0.1", HostPort: "5001" }] },
    RestartPolicy: { Name: "unless-stopped" },
    Tmpfs: { "/tmp": "size=64m" },
  },
  Mounts: [],
  NetworkSettings: { Networks: { [NETWORK]: { NetworkID: "n1", Aliases: [color, idOf(color).slice(0, 12)] } } },
  ...more,
});

const proxyLabels = { ...OWNERSHIP, "blue-green.role": "proxy" };

const declaredProxy: DeclaredContainer = {
  urn: urnOf("docker:index/container:Container", "proxy"),
  id: idOf("proxy"),
  name: "blue-green-dev-proxy",
  labels: proxyLabels,
  role: "proxy",
  inputs: {
    ...slotInputs("blue"),
    ...{ envs: [], image: imageIdOf("proxy"), labels: list(proxyLabels), memory: 1024 },
    ...{ entrypoints: ["/bin/sh", "-c"], command: ["start"], user: "root", networksAdvanced: [{ name: NETWORK }] },
    volumes: [{ volumeName: "blue-green-dev-proxy", containerPath: "/var/lib/blue-green" }],
  },
};

const runningProxy = (more: Partial<RunningContainer> = {}): RunningContainer => {
  const slot = runningSlot("blue");
  return {
    ...slot,
    ...{ Id: idOf("proxy"), Name: "/blue-green-dev-proxy", Image: imageIdOf("proxy") },
    Config: {
      ...{ ...slot.Config, User: "root", Cmd: ["start"], Entrypoint: ["/bin/sh", "-c"], Env: ["PATH=/usr/bin"] },
      Labels: { ...proxyLabels, "org.opencontainers.image.version": "1.0.0" },
    },
    HostConfig: { ...slot.HostConfig, Memory: 1024 * 1024 * 1024 },
    Mounts: [
      ...[{ Type: "volume", Name: "blue-green-dev-proxy", Source: "/x", Destination: "/var/lib/blue-green", RW: true }],
      // The image's own.
      ...[{ Type: "tmpfs", Source: "", Destination: "/run", RW: true }],
    ],
    NetworkSettings: { Networks: { [NETWORK]: { NetworkID: "n1", Aliases: null } } },
    ...more,
  };
};

export const declared = (more: Partial<Declared> = {}): Declared => ({
  containers: [declaredProxy, declaredSlot("blue"), declaredSlot("green")],
  images: ["proxy", "blue", "green"].map((part) => ({
    ...{ urn: urnOf("docker:index/remoteImage:RemoteImage", part), part, name: `${part}:1`, imageId: imageIdOf(part) },
  })),
  network: { urn: "network", id: "n1", name: NETWORK, labels: OWNERSHIP },
  volume: { urn: "volume", id: "blue-green-dev-proxy", name: "blue-green-dev-proxy", labels: proxyLabels },
  cutover: {
    ...{ urn: urnOf("command:local:Command", "cutover"), configuration: CONFIGURATION },
    ...{ files: { "tester-1.conf": "a token" }, drainSeconds: 60, keepAliveSeconds: 10 },
  },
  unfinished: [],
  secrets: [SECRET],
  ...more,
});

export const GENERATION = generationOf(CONFIGURATION);

/** Everything runs as it is declared, and blue is live. */
export const facts = (
  more: Partial<Facts> = {},
  containers: Partial<Record<"proxy" | Color, RunningContainer[]>> = {},
): Facts => ({
  owner: OWNER,
  declared: declared(),
  running: {
    containers: [
      ...(containers.proxy ?? [runningProxy()]),
      ...(containers.blue ?? [runningSlot("blue")]),
      ...(containers.green ?? [runningSlot("green")]),
    ],
    networks: [{ Id: "n1", Name: NETWORK, Labels: OWNERSHIP }],
    volumes: [{ Name: "blue-green-dev-proxy", Labels: proxyLabels }],
    images: new Map(
      ["proxy", "blue", "green"].flatMap((part) => [`${part}:1`, imageIdOf(part)].map((name) => [name, image(part)])),
    ),
  },
  serving: serving({ generation: GENERATION, declared: GENERATION }),
  volume: {
    configuration: CONFIGURATION.replace("@GENERATION@", GENERATION),
    // SHA-256 of "a token".
    files: { "tester-1.conf": "e3316e2bafebb6103a3418e8778c0adc960d40213a03a7e7f4fcd3426ed807bf" },
  },
  now: new Date("2026-11-23T17:50:00Z"),
  ...more,
});

/** The same of a stack that has this service alone. */
export const compared = (service: Facts = facts(), more: Partial<Compared> = {}): Compared => ({
  ...{ services: [service], refreshed: [], pending: [], refused: undefined },
  ...more,
});

export { runningProxy };
