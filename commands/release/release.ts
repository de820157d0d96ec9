import { lastWords } from "../../stacks/engine/registry";
import { LABEL } from "../../stacks/service/names";
import { lastOfLines, printable } from "../../stacks/text/plain";
import { Refusal } from "../outcome";
import type { Commit } from "./commit";

/** How much of a list a message names. */
const NAMED_FILES = 5;

/** What a release is made of. */
export interface Sources {
  version: string;
  /** Hash over the sources (see stacks/service/source.ts). */
  source: string;
  /** The commit that holds them; with `-dirty` where it does not hold all of them, and `unknown` without git. */
  revision: string;
  /** The image that it is built on. */
  base: string;
}

/** The labels by which an image tells what it is, most of them those of the OCI image specification. */
export const OCI = {
  version: "org.opencontainers.image.version",
  revision: "org.opencontainers.image.revision",
  created: "org.opencontainers.image.created",
  base: "org.opencontainers.image.base.name",
} as const;

/**
 * A release's labels. No stack's label is among them, nor {@link LABEL.base}: a container inherits its image's labels, and must
 * not be taken for one whose image its stack has built.
 */
export const labelsOf = ({ version, source, revision, base }: Sources, now: Date): Record<string, string> => ({
  [OCI.version]: version,
  [OCI.revision]: revision,
  [OCI.created]: `${now.toISOString().slice(0, 19)}Z`,
  [OCI.base]: base,
  [LABEL.source]: source,
});

/** The arguments of `docker build`, the same build arguments as when a stack builds (see stacks/slot.ts). */
export const buildArguments = (image: string, folder: string, sources: Sources, now: Date): string[] => [
  "build",
  ...["--tag", image],
  ...["--build-arg", `BASE_IMAGE=${sources.base}`, "--build-arg", `VERSION=${sources.version}`],
  ...Object.entries(labelsOf(sources, now)).flatMap(([name, value]) => ["--label", `${name}=${value}`]),
  folder,
];

/**
 * The commit as a release's label names it: it must be true.
 *
 * @param commit undefined where git does not know one, for this reason.
 * @param dirty whether sources that no commit holds may be released.
 */
export function revisionOf(commit: Commit | { unknown: string }, dirty: boolean): string {
  const anyway = "npm run release -- --version <version> --dirty, which says so in the label";
  if ("unknown" in commit) {
    if (dirty) return "unknown";
    throw new Refusal(`Which commit this is can't be told: ${commit.unknown}`, [
      `release from a git checkout; or ${anyway}`,
    ]);
  }
  const { revision, changed } = commit;
  if (changed.length === 0) return revision;
  if (dirty) return `${revision}-dirty`;
  const more = changed.length > NAMED_FILES ? ` and ${changed.length - NAMED_FILES} more` : "";
  throw new Refusal(
    `The commit ${revision.slice(0, 12)} does not hold what would be released: app/${changed.slice(0, NAMED_FILES).join(", app/")}${more}`,
    ["git commit (or remove) what has changed", anyway],
  );
}

/**
 * That an image which has the version's name already is this release.
 *
 * @throws Refusal where it is another one: a version once released stays what it is.
 */
export function sameRelease(
  image: string,
  labels: Readonly<Record<string, string>>,
  { version, source }: Sources,
): void {
  const before = labels[LABEL.source];
  if (before === source) return;
  const next = ["npm run release -- --version <a new version>"];
  if (before === undefined) {
    throw new Refusal(
      `${image} is there already, and doesn't say from which sources: it is not from npm run release`,
      next,
    );
  }
  const commit = labels[OCI.revision] ?? "an unknown commit";
  throw new Refusal(
    `${version} was released from sources ${before} (commit ${commit}), and the sources are ${source} now: a version once released stays what it is`,
    next,
  );
}

/** Why a build has failed: what it said last. */
export function buildProblem(base: string, output: string): Refusal {
  const said = lastWords(output);
  const log = lastOfLines(printable(output).trim().split("\n").slice(-10).join("\n"));
  return new Refusal(`docker build of app/ failed: ${said}\n${log}`, [
    `docker build --build-arg BASE_IMAGE=${base} app`,
    "pulumi config set appBaseImage <image>, where the base image is what can't be had",
  ]);
}

/** What to type after a release; `flag` names the stack where it is not the selected one. */
export const nextCommands = (reference: string, version: string, flag: string): string[] =>
  ["blue", "green"].map(
    (color) =>
      `where ${color} is idle: pulumi config set ${color}Image ${reference}${flag} && pulumi config set ${color}Version ${version}${flag} && pulumi up${flag}`,
  );
