import { isAbsolute, relative } from "node:path";
import { IMAGE_RULE, isImage } from "../../../stacks/engine/image";
import { shown } from "../../../stacks/text/plain";
import { Refusal } from "../../outcome";
import { isWithin } from "../compose/folder";
import type { Build } from "../compose/service";
import { at } from "../compose/values";
import { type Config, mebibytes, seconds } from "../rules";
import { healthPathIn, secondsToStart } from "./health";
import { versionOf } from "./images";
import { takeNetworks } from "./networks";
import { type Context, type Part, partOf, type Reader, readPart, takeKey } from "./part";
import { takePorts } from "./ports";
import { tellReferences } from "./references";
import { lost, taken } from "./rows";
import { replicasIn, SHARED, takeCheck } from "./shared";
import { type Sorted, takeAppVariables } from "./variables";

const LEAST_MEMORY_MB = 32;
/** Compose sets no limit, and here there is always one: enough for most web services. */
const MEMORY_MB = 1024;
const MOST_SECONDS = 3600;
/** The setting's default. */
const HEALTH_SECONDS = 60;

/** Returns an image that the program takes too. */
export function imageIn(service: string, value: unknown): string {
  const image = String(value);
  if (isImage(image)) return image;
  throw new Refusal(`The image of ${service} is ${shown(image)}, and ${IMAGE_RULE}. Nothing was written`);
}

const takeImage: Reader = ({ name, settings, rows }, value) => {
  const image = imageIn(name, value);
  const version = versionOf(image);
  Object.assign(settings, { blueImage: image, greenImage: image, blueVersion: version, greenVersion: version });
  rows.push(taken("image", `blueImage and greenImage ${image}; blueVersion and greenVersion ${version}`));
};

const takeBuild: Reader = ({ context, service, settings, rows }, value) => {
  const { context: folder, args = {}, target, dockerfile } = value as Build;
  if (service.image !== undefined) {
    rows.push(lost("build", "not taken: the image is named, so it must be in a registry, or on the engine already"));
    return;
  }
  // As Compose ran it; a release of app/ would get the strict set, and be asked for its color and version.
  Object.assign(settings, { hardened: "false", smokeTests: [] });
  const base = context.project.folder;
  const where = isAbsolute(folder) && isWithin(base, folder) ? relative(base, folder) || "." : folder;
  rows.push(lost("build", `${where} takes the place of app/ (see below); hardened is false, and smokeTests are none`));
  const others = [
    ...Object.keys(args).map((name) => `args.${name}`),
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(dockerfile === undefined || dockerfile === "Dockerfile" ? [] : [`dockerfile ${dockerfile}`]),
  ];
  if (others.length === 0) return;
  const why = `not taken: ${others.join(", ")}. app/ has a Dockerfile, which gets VERSION and BASE_IMAGE`;
  rows.push(lost("build", why));
};

const takeMemory: Reader = (part, value, key) => {
  if (!takeKey(part, "mem_limit", value, key)) return;
  delete part.keys.mem_limit;
  part.settings.memoryMb = Math.max(LEAST_MEMORY_MB, mebibytes(value));
  part.rows.push(taken(key, `memoryMb ${part.settings.memoryMb}`));
};

const takeGrace: Reader = (part, value, key) => {
  if (!takeKey(part, "stop_grace_period", value, key)) return;
  delete part.keys.stop_grace_period;
  part.settings.stopGraceSeconds = Math.ceil(seconds(value));
  part.rows.push(taken(key, `stopGraceSeconds ${part.settings.stopGraceSeconds}`));
};

const takeReplicas: Reader = (part, value, key) => {
  const replicas = replicasIn(part, value, key);
  if (replicas === undefined) return;
  part.settings.replicas = replicas;
  part.rows.push(taken(key, `replicas ${replicas}`));
};

/** A check of the app's own port is the proxy's to make; any other one stays in the container. */
function takeHealth(part: Part): void {
  const { service, settings, rows } = part;
  const check = (service.healthcheck ?? {}) as Config;
  const path = healthPathIn(check.test, Number(settings.appPort));
  settings.healthPath = path ?? "/";
  const start = secondsToStart(check);
  if (start !== undefined && start > HEALTH_SECONDS) settings.healthTimeoutSeconds = Math.min(start, MOST_SECONDS);
  const { healthTimeoutSeconds: most } = settings;
  const time = most === undefined ? "" : `; healthTimeoutSeconds ${most}`;
  if (path !== undefined) {
    rows.push(taken("healthcheck", `healthPath ${path}, which the proxy asks${time}`));
    return;
  }
  if (service.healthcheck !== undefined) takeCheck(part, check, "healthcheck");
  const why = `no check tells what to ask: healthPath is /; set the path that says it is well${time}`;
  rows.push(lost("healthcheck", why));
}

/** What the app's service comes to: settings, and the keys of `container`. */
export function webPart(context: Context): { part: Part; variables: Sorted } {
  const part = partOf(context, context.web, "container", "secretEnvironment");
  takePorts(part);
  takeHealth(part);
  let variables: Sorted = { plain: {}, secret: {} };
  readPart(part, {
    ...SHARED,
    ...{ image: takeImage, build: takeBuild, mem_limit: takeMemory, stop_grace_period: takeGrace, scale: takeReplicas },
    ...{ ports: () => {}, expose: () => {}, healthcheck: () => {} },
    environment: () => {
      variables = takeAppVariables(part);
    },
  });
  if (part.settings.memoryMb === undefined) {
    part.settings.memoryMb = MEMORY_MB;
    const why = `there is none, and here there always is: memoryMb is ${MEMORY_MB}; set what it needs`;
    part.rows.push(lost("mem_limit", why));
  }
  takeNetworks(part);
  tellReferences(part);
  return { part, variables };
}

/** Returns the folder from which the app is built; undefined where its image is named. */
export const buildFolder = ({ project, web }: Context): string | undefined => {
  const service = at(project.services, web);
  return service?.image === undefined ? service?.build?.context : undefined;
};
