import { isByDigest } from "../stacks/engine/image";
import { setByDigest } from "../stacks/settings/settings";
import { quoted, shown } from "../stacks/text/shell";
import { type Inputs, UNKNOWN } from "./known";
import { CONTAINER, SERVICE, workloadOf } from "./workload";

export const REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage";

/** The setting that names the image of the program's own resources. */
const SETTING = { blue: "blueImage", green: "greenImage", proxy: "nginxImage" } as const;

/** As an engine calls an image, once it is there: it can't become another one. */
const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{64}$/;

/** A tag may name another image tomorrow, and what is built on the spot was tried by nobody. */
export function imageByDigest(type: string, name: string, inputs: Inputs): string[] {
  const isOwn = Object.hasOwn(SETTING, name);
  const mend = (image: string) => {
    if (isOwn) return `Next: ${setByDigest(SETTING[name as keyof typeof SETTING], image)}`;
    const reference = quoted(image);
    return `Next: docker pull ${reference} && docker image inspect --format '{{index .RepoDigests 0}}' ${reference}, and take that into the program`;
  };
  if (type === REMOTE_IMAGE) {
    const built = inputs.build !== undefined;
    if (built) return [`Image ${name} is built in this run, so nobody has tried it before. ${mend("<image>")}`];
    return byDigest(inputs.name) ? [] : [said(`Image ${name}`, inputs.name, mend)];
  }
  if (type !== CONTAINER && type !== SERVICE) return [];
  const workload = workloadOf(type, name, inputs);
  const image = workload?.image;
  // The image of a resource: not known before it is pulled, and judged by itself.
  if (image === UNKNOWN || byDigest(image) || (typeof image === "string" && IMAGE_ID.test(image))) return [];
  return [said(workload?.what ?? name, image, mend)];
}

const byDigest = (image: unknown): boolean => image === UNKNOWN || (typeof image === "string" && isByDigest(image));

const said = (what: string, image: unknown, mend: (image: string) => string): string =>
  typeof image === "string" && image !== ""
    ? `${what} is ${shown(image)}, which may be another image tomorrow: only a digest can't. ${mend(image)}`
    : `${what} names no image. ${mend("<image>")}`;
