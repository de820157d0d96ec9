/** The name's bound is 255 in the reference grammar; a tag may have 128 more, a digest about 140. */
const MAX_IMAGE_CHARACTERS = 512;
const MAX_VERSION_CHARACTERS = 100;

/** The pieces of `name[:tag][@digest]`, of https://github.com/distribution/reference (regexp.go). */
const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const TAG = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}";
const ANY_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}";

const IMAGE_REFERENCE = new RegExp(`^(?:${HOST}/)?${PATH}(?::${TAG})?(?:@${ANY_DIGEST})?$`);
const REPOSITORY = new RegExp(`^(?=[^/]*[.:]|localhost/)${HOST}/${PATH}$`);
/** A name that Docker would read as an image's id. */
const IMAGE_ID = /^[a-f0-9]{64}$/;
/** A tag may name another image tomorrow, a digest can't. */
const BY_DIGEST = /@(sha256:[0-9a-f]{64})$/;

export const IMAGE_RULE = "must be an image reference such as registry.example.com/team/app:1.2 or app@sha256:...";

export const isImage = (value: string): boolean =>
  value.length <= MAX_IMAGE_CHARACTERS && IMAGE_REFERENCE.test(value) && !IMAGE_ID.test(value);

export const isByDigest = (value: string): boolean => BY_DIGEST.test(value);

/**
 * Reports whether an image is a release of `app/`, by its name alone: it has none and is built, or is in the repository to which `npm run
 * release` pushes.
 */
export const isRelease = (image: string | undefined, repository: string | undefined): boolean =>
  !image || (repository !== undefined && [":", "@"].some((end) => image.startsWith(`${repository}${end}`)));

/** The digest at the end of an image's name; undefined where it has none. */
export const digestOf = (image: string): string | undefined => BY_DIGEST.exec(image)?.[1];

export const REPOSITORY_RULE =
  "must be a registry and a repository in it, such as registry.example.com/team/app: lower case, without https://, user, tag and digest";

/** Whether it names a registry's host and a repository there, and nothing else. */
export const isRepository = (value: string): boolean =>
  value.length <= MAX_IMAGE_CHARACTERS / 2 && REPOSITORY.test(value);

export const VERSION_RULE = `must be 1 to ${MAX_VERSION_CHARACTERS} of A-Z a-z 0-9 . _ - and begin with a letter or digit`;

/** Whether it is fit for an image tag, a label and a page. */
export const isVersion = (value: string): boolean =>
  value.length <= MAX_VERSION_CHARACTERS && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value);

/** An image's name in its parts: the registry's host, the repository there, and its digest or else its tag. */
export interface ImageName {
  host: string;
  path: string;
  reference: string;
}

/** The parts of a name that {@link isImage} accepts; what names no registry is at Docker Hub. */
export function imageNamed(image: string): ImageName {
  const [name = "", digest] = image.split("@");
  const [first = "", ...rest] = name.split("/");
  const named = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const [, path = "", tag = "latest"] = /^(.*?)(?::([^/]*))?$/.exec(named ? rest.join("/") : name) ?? [];
  const host = named ? first : DOCKER_HUB;
  return {
    host,
    path: host === DOCKER_HUB && !path.includes("/") ? `library/${path}` : path,
    reference: digest ?? tag,
  };
}

/** Docker Hub, as names of images have it. */
export const DOCKER_HUB = "docker.io";

/** Whether a registry's host is the machine itself that asks it; Docker speaks plain HTTP with it then. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);

/** Where a registry is asked. */
export const baseUrl = (host: string): string => {
  if (isLoopback(host)) return `http://${host}`;
  return `https://${host === DOCKER_HUB ? "registry-1.docker.io" : host}`;
};
