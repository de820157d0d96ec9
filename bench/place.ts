import { COLORS, type Color } from "../stacks/service/color";
import { PROXY_DIRECTORY } from "../stacks/service/names";
import type { TestStack } from "../test/e2e/stack";
import { HOST_ADDRESS } from "./client";
import { command, docker } from "./command";

/** All that the benchmark makes on the engine besides its stack. */
const LABEL = "blue-green.bench";

/** The port that every proxy listens on inside its container. */
export const INSIDE_PORT = 8080;

/** Where the proxies stand: all on one network, before the same backends, with the limits of this product's own proxy. */
export interface Place {
  network: string;
  nginxImage: string;
  /** This product's proxy, as `pulumi up` made it. */
  proxy: InspectedProxy;
}

/** What `docker inspect` says of this product's proxy, as far as a container like it needs it. */
export interface InspectedProxy {
  Id: string;
  Config: { Entrypoint: string[]; Cmd: string[]; User: string };
  HostConfig: {
    Memory: number;
    CapAdd: string[] | null;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    Tmpfs: Record<string, string> | null;
    ReadonlyRootfs: boolean;
    LogConfig: { Type: string; Config: Record<string, string> };
  };
}

/** One way to switch, as it is measured. */
export interface Contender {
  /** What the table calls it. */
  name: string;
  /** Its container. */
  id: string;
  /** What it writes for each request. */
  log: string;
  version: string;
  /** The port of HOST_ADDRESS on which it is published. */
  port: number;
  /** Whether that port speaks TLS. */
  tls?: true;
  /** What has to be there before each switch, and is timed beside it. */
  prepare?(): Promise<unknown>;
  switchTo(color: Color): Promise<unknown>;
}

/** A proxy that this machine can't have, and why. */
export interface Missing {
  name: string;
  missing: string;
}

/**
 * Puts two static backends where the stack's two colors were: the proxies are measured, not the sample service.
 *
 * @param locations what they answer besides their color, as locations of nginx.
 */
export async function makePlace(stack: TestStack, appPort: number, locations = ""): Promise<Place> {
  const proxy = await stack.container("proxy");
  const [inspected] = JSON.parse(await docker("container", "inspect", proxy.Id)) as [
    InspectedProxy & { NetworkSettings: { Networks: Record<string, unknown> } },
  ];
  const place: Place = {
    proxy: inspected,
    nginxImage: proxy.Image,
    network: Object.keys(inspected.NetworkSettings.Networks)[0] ?? "",
  };
  await docker("stop", (await stack.container("blue")).Id, (await stack.container("green")).Id);
  for (const color of COLORS) await startBackend(place, color, appPort, locations);
  return place;
}

/** What a container of the benchmark's own is called. */
export const containerName = (name: string): string => `blue-green-bench-${name}`;

/** Flags for a container at the place. */
export const standing = (place: Place, name: string): string[] => [
  ...["--name", containerName(name), "--label", LABEL, "--network", place.network],
];

/** Flags for a proxy at the place, published on a port. */
export const placed = (place: Place, name: string, port: number): string[] => [
  ...standing(place, name),
  ...["--publish", `${HOST_ADDRESS}:${port}:${INSIDE_PORT}`],
  ...limits(place.proxy),
];

/** Memory and log of this product's proxy, for the others: without them Docker keeps logs without end, as JSON. */
function limits({ HostConfig }: InspectedProxy): string[] {
  const { Type, Config } = HostConfig.LogConfig;
  const log = Object.entries(Config).flatMap(([name, value]) => ["--log-opt", `${name}=${value}`]);
  return ["--memory", String(HostConfig.Memory), "--log-driver", Type, ...log];
}

/** A container like this product's proxy, which waits for its configuration. Answers its id. */
export async function twin(place: Place, name: string, port: number): Promise<string> {
  const { Config, HostConfig } = place.proxy;
  const [entrypoint = "", ...first] = Config.Entrypoint;
  const each = (flag: string, values: string[] | null) => (values ?? []).flatMap((value) => [flag, value]);
  const flags = [
    ...["--user", Config.User, "--entrypoint", entrypoint, "--volume", PROXY_DIRECTORY],
    ...(HostConfig.ReadonlyRootfs ? ["--read-only"] : []),
    ...each("--cap-drop", HostConfig.CapDrop),
    ...each("--cap-add", HostConfig.CapAdd),
    ...each("--security-opt", HostConfig.SecurityOpt),
    ...Object.entries(HostConfig.Tmpfs ?? {}).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]),
  ];
  const id = await docker(
    "run",
    "--detach",
    ...placed(place, name, port),
    ...flags,
    place.nginxImage,
    ...first,
    ...Config.Cmd,
  );
  return id.trim();
}

/** Files by their name in /tmp. */
export type Files = Record<string, string>;

/** The entry point and the script of a shell that writes these files and becomes the command: after a restart they are as at first. */
export function writing(files: Files, command: string): { flags: string[]; script: string } {
  const names = Object.keys(files);
  return {
    flags: [...names.flatMap((name, at) => ["--env", `FILE_${at}=${files[name]}`]), "--entrypoint", "sh"],
    script: [...names.map((name, at) => `printf %s "$FILE_${at}" >/tmp/${name}`), `exec ${command}`].join(" && "),
  };
}

/** A proxy that is one executable of this machine. */
export interface Executable {
  name: string;
  /** Where it is on this machine. */
  path: string;
  files: Files;
  /** How it is started. It listens on INSIDE_PORT. */
  command: string;
}

/** Starts a container at the place with an executable of this machine in it. Answers its id. */
export async function startExecutable(
  place: Place,
  port: number,
  { name, path, files, command }: Executable,
): Promise<string> {
  const { flags, script } = writing(files, command);
  const id = (await docker("create", ...placed(place, name, port), ...flags, place.nginxImage, "-c", script)).trim();
  await docker("cp", path, `${id}:/usr/local/bin/${name}`);
  await docker("start", id);
  return id;
}

/** Starts the backend of a color: nginx with one short answer, whatever is asked for. */
async function startBackend(place: Place, color: Color, port: number, locations: string): Promise<void> {
  const configuration = `
    worker_processes auto;
    pid /tmp/nginx.pid;
    error_log stderr warn;
    events { worker_connections 4096; }
    http {
      access_log off;
      keepalive_requests 1000000000;
      server {
        listen ${port} backlog=4096;
        location / { default_type text/plain; return 200 "${color}\\n"; }
        ${locations}
      }
    }`;
  await docker(
    ...["run", "--detach", ...standing(place, color)],
    ...["--network-alias", color, "--env", `CONFIGURATION=${configuration}`],
    ...["--entrypoint", "sh", place.nginxImage, "-c"],
    'printf %s "$CONFIGURATION" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g "daemon off;"',
  );
}

/** Removes every container of the benchmark's own. */
export async function removeContainers(): Promise<void> {
  const always = { always: true };
  const ids = await command("docker", ["ps", "--all", "--quiet", "--filter", `label=${LABEL}`], always);
  for (const id of ids.split("\n").filter(Boolean)) {
    await command("docker", ["rm", "--force", "--volumes", id], always);
  }
}
