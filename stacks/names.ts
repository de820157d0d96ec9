import type { Color } from "./color";

/** Whose resources these are: what keeps two stacks on one Docker Engine apart, in names and in labels. */
export interface Owner {
  /** The Pulumi project, e.g. `blue-green`. */
  project: string;
  /** The stack, e.g. `dev`. */
  stack: string;
}

/** Labels by which people, tests and the program itself find what belongs to a stack. */
export const LABEL = {
  project: "blue-green.project",
  stack: "blue-green.stack",
  role: "blue-green.role",
  color: "blue-green.color",
  /** Which one of its color's containers a container is, from 1 on. */
  replica: "blue-green.replica",
  version: "blue-green.version",
  /** Hash over the sources that an image was built from. */
  source: "blue-green.source",
  /** The base image that an image was built on, as it was named. */
  base: "blue-green.base",
  /** On a slot's container: `built` where this color's image builds the version, `reused` where it was there already. */
  build: "blue-green.build",
  /** What the proxy's container was made from, as JSON: what a change of it would replace. */
  proxy: "blue-green.proxy",
  /** What a slot's container was made from, as JSON without secrets: what a color does not run yet of the settings. */
  slot: "blue-green.slot",
} as const;

/** Where the proxy's volume is mounted: the configuration that serves, and nginx's temporary files. */
export const PROXY_DIRECTORY = "/var/lib/blue-green";

/** What one of a color's containers is called, on the Docker network too: the first one as the color itself. */
export type ReplicaName = Color | `${Color}-${number}`;

/** The name of a color's container, of which there are 1 to `replicas`. */
export const replicaName = (color: Color, replica: number): ReplicaName =>
  replica === 1 ? color : `${color}-${replica}`;

/** The names of all of a color's containers. */
export const replicaNames = (color: Color, replicas: number): ReplicaName[] =>
  Array.from({ length: replicas }, (_, at) => replicaName(color, at + 1));

/** The container's name as `docker ps` shows it: project, stack and what it is; the beginning of all of them for "". */
export const containerName = (owner: Owner, part: ReplicaName | "proxy" | ""): string =>
  `${owner.project}-${owner.stack}-${part}`;

/** The one network that the proxy and both colors share. */
export const networkName = (owner: Owner): string => `${owner.project}-${owner.stack}`;

/** The proxy's volume. */
export const volumeName = (owner: Owner): string => `${owner.project}-${owner.stack}-proxy`;

/** The tag of a built image: a version and the sources that it was built from. */
export const imageName = (owner: Owner, color: Color, version: string, source: string): string =>
  `${owner.project}-${owner.stack}-${color}:${version}-${source}`.toLowerCase();

/** The labels that everything of a stack carries. */
export const ownerLabels = (owner: Owner): Record<string, string> => ({
  [LABEL.project]: owner.project,
  [LABEL.stack]: owner.stack,
});

/** Labels as the Docker provider wants them, in an order that never changes. */
export const labelList = (labels: Record<string, string>): { label: string; value: string }[] =>
  Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => ({ label, value }));
