import type { Docker } from "../../stacks/engine/docker";
import { LABEL, type ServiceId } from "../../stacks/service/names";
import { filtersOf, type Inspected } from "../../stacks/service/world";
import type { Declared } from "./state";

/** A container, of what `docker container inspect` tells. */
export interface RunningContainer extends Inspected {
  Name: string;
  Image: string;
  Config: Inspected["Config"] & {
    Cmd: string[] | null;
    Entrypoint: string[] | null;
    User: string;
    WorkingDir: string;
    StopSignal?: string;
    StopTimeout?: number | null;
    Healthcheck?: Healthcheck | null;
    Env: string[];
  };
  HostConfig: Record<string, unknown> & {
    PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
    RestartPolicy: { Name: string };
    LogConfig: { Type: string; Config: Record<string, string> | null };
  };
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  NetworkSettings: { Networks: Record<string, { NetworkID: string; Aliases: string[] | null }> | null };
}

/** Of an image what a container takes over from it where it says nothing itself. */
export interface RunningImage {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Config: Partial<
    Pick<
      RunningContainer["Config"],
      "Cmd" | "Entrypoint" | "User" | "WorkingDir" | "StopSignal" | "Env" | "Labels" | "Healthcheck"
    >
  > & {
    Volumes?: Record<string, unknown> | null;
  };
}

/** A health check in the engine's words: times in nanoseconds. */
export interface Healthcheck {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  Retries?: number;
  StartPeriod?: number;
}

interface RunningNetwork {
  Id: string;
  Name: string;
  Labels: Record<string, string> | null;
}

interface RunningVolume {
  Name: string;
  Labels: Record<string, string> | null;
}

/** What the engine has of a stack, and of what is in its way. */
export interface Running {
  containers: RunningContainer[];
  networks: RunningNetwork[];
  volumes: RunningVolume[];
  /** By the name or id that it was asked by. */
  images: Map<string, RunningImage>;
}

/**
 * Reads what is declared, what carries the service's labels, and what has a declared name.
 *
 * @param services the names of all services of the stack: what carries another one's is looked at with that one.
 * @throws DockerError where the engine does not answer.
 */
export async function readRunning(
  docker: Docker,
  owner: ServiceId,
  declared: Declared,
  services: readonly string[],
): Promise<Running> {
  const labelled = async (kind: "container" | "network" | "volume") => {
    const all = kind === "container" ? ["--all", "--no-trunc"] : [];
    return (await docker.ask(kind, "ls", ...all, "--quiet", ...filtersOf(owner))).split("\n").filter(Boolean);
  };
  const names = ({ id, name }: { id: string; name: string }) => [id, name];
  const ids = new Set(
    [...declared.containers, declared.network, declared.volume, ...(declared.data ?? [])].map((each) => each?.id),
  );
  const isOthers = (id: string, labels: Record<string, string> | null | undefined) => {
    const service = labels?.[LABEL.service];
    return service !== undefined && service !== owner.service && services.includes(service) && !ids.has(id);
  };
  const [containers, networks, volumes] = await Promise.all([
    labelled("container").then((ids) =>
      inspect<RunningContainer>(docker, "container", [...ids, ...declared.containers.flatMap(names)]),
    ),
    labelled("network").then((ids) =>
      inspect<RunningNetwork>(docker, "network", [...ids, ...[declared.network ?? []].flat().flatMap(names)]),
    ),
    labelled("volume").then((ids) =>
      inspect<RunningVolume>(docker, "volume", [
        ...ids,
        ...[declared.volume ?? [], declared.data ?? []].flat().flatMap(names),
      ]),
    ),
  ]);
  const wanted = new Set([
    ...declared.images.flatMap(({ name, imageId }) => [name, imageId]),
    ...containers.map(({ Image }) => Image),
  ]);
  const images = new Map<string, RunningImage>();
  await Promise.all(
    [...wanted].map(async (name) => {
      const [image] = await inspect<RunningImage>(docker, "image", [name]);
      if (image !== undefined) images.set(name, image);
    }),
  );
  return {
    // Two names of one thing are one thing.
    containers: unique(containers, ({ Id }) => Id).filter(({ Id, Config }) => !isOthers(Id, Config.Labels)),
    networks: unique(networks, ({ Id }) => Id).filter(({ Id, Labels }) => !isOthers(Id, Labels)),
    volumes: unique(volumes, ({ Name }) => Name).filter(({ Name, Labels }) => !isOthers(Name, Labels)),
    images,
  };
}

const unique = <T>(list: T[], key: (item: T) => string): T[] => [
  ...new Map(list.map((item) => [key(item), item])).values(),
];

/** What there is of these; the client ends with an error where one of them is missing, and prints the others. */
async function inspect<T>(docker: Docker, kind: string, references: string[]): Promise<T[]> {
  const asked = [...new Set(references.filter(Boolean))];
  if (asked.length === 0) return [];
  const { code, stdout, stderr } = await docker.run([kind, "inspect", "--", ...asked]);
  const wrong = stderr.split("\n").filter((line) => line !== "" && !/no such|not found/i.test(line));
  if (code !== 0 && (wrong.length > 0 || stderr === ""))
    throw new Error(wrong[0] ?? `\`docker ${kind} inspect\` failed`);
  return JSON.parse(stdout || "[]");
}
