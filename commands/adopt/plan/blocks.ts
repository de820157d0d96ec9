import { isDeepStrictEqual } from "node:util";
import type { Port } from "../compose/ports";
import { takeNetworks } from "./networks";
import { type Context, INHERITED, type Part, partOf, type Reader, readPart } from "./part";
import { writtenPort } from "./ports";
import { tellReferences } from "./references";
import { lost, needless, type Row, taken } from "./rows";
import { replicasIn, SHARED, takeCheck } from "./shared";
import { type Sorted, takeAccessoryVariables, takeOwnVariables } from "./variables";
import { imageIn } from "./web";

/** Keys of the app's container that a worker or a job does not get from it. */
const NOT_INHERITED = ["command", "healthcheck", "hostname"];
/** Those that make a difference to what runs, where the worker has none of its own. */
const TELLING = ["entrypoint", "user", "working_dir"];

const leave =
  (why: string): Reader =>
  ({ rows }, _, key) =>
    rows.push(needless(key, why));

/** What the app's service came to. */
interface App {
  part: Part;
  variables: Sorted;
}

/** Begins the part of a worker or a job, which gets the app's keys. */
const ownPart = (context: Context, service: string, place: string, { part }: App): Part => ({
  ...partOf(context, service, place, "secretEnvironment"),
  inherited: Object.fromEntries(Object.entries(part.keys).filter(([key]) => !NOT_INHERITED.includes(key))),
});

/** What a worker's service comes to: what it has otherwise than the app. */
export function workerPart(context: Context, service: string, place: string, app: App): Part {
  const part = ownPart(context, service, place, app);
  readPart(part, {
    ...SHARED,
    ...{ healthcheck: takeCheck, image: leave("the color's own"), build: leave("the color's own") },
    environment: () => takeOwnVariables(part, app.variables),
    scale: (_, value, key) => {
      const replicas = replicasIn(part, value, key);
      if (replicas === undefined) return;
      part.settings.replicas = replicas;
      part.rows.push(taken(key, `${place}.replicas ${replicas}`));
    },
  });
  return withoutInherited(part);
}

/** What a job's service comes to, likewise. */
export function jobPart(context: Context, service: string, place: string, app: App): Part {
  const part = ownPart(context, service, place, app);
  part.settings.at = "before-gate";
  part.rows.push(taken("", `${place}.at before-gate: it runs in each switch, before the new color is asked`));
  const once = leave("a job runs once in each switch");
  readPart(part, {
    ...SHARED,
    ...{ image: leave("the color's own"), build: leave("the color's own"), restart: once, scale: once },
    healthcheck: leave("a job is well when it ends with 0"),
    environment: () => takeOwnVariables(part, app.variables),
  });
  return withoutInherited(part);
}

/** Leaves out what is the app's too, and says what it gets from there unasked. */
function withoutInherited(part: Part): Part {
  takeNetworks(part);
  for (const [key, value] of Object.entries(part.inherited)) {
    if (isDeepStrictEqual(part.keys[key], value)) {
      delete part.keys[key];
      part.rows = [...part.rows.filter((row) => !isAbout(row, key)), taken(key, INHERITED)];
    } else if (!Object.hasOwn(part.service, key) && TELLING.includes(key)) {
      part.rows.push(lost(key, "it gets the app's, and had none of its own in the file"));
    }
  }
  tellReferences(part);
  return part;
}

/** Reports whether a row says where a key is. */
const isAbout = ({ key, fate }: Row, about: string): boolean =>
  fate === "taken" && (key === about || (about === "volumes" && ["secrets", "configs"].includes(key)));

/** What an accessory's service comes to. */
export function accessoryPart(context: Context, service: string, place: string): Part {
  const part = partOf(context, service, place, `${place}.environment`);
  readPart(part, {
    ...SHARED,
    healthcheck: takeCheck,
    image: (_, value) => {
      part.settings.image = imageIn(service, value);
      part.rows.push(taken("image", `${place}.image ${value}`));
    },
    build: leave("the image is named: it must be in a registry, or on the engine already"),
    environment: () => takeAccessoryVariables(part),
    ports: (_, value) => {
      const ports = (value as Port[]).map(writtenPort).join(", ");
      part.rows.push(lost("ports", `not taken: ${ports}. An accessory is reached on the stack's network alone`));
    },
    expose: leave("all its ports are open on the stack's network"),
    scale: (_, value, key) => {
      if (String(value) !== "1") part.rows.push(lost(key, "not taken: an accessory has one container"));
    },
  });
  takeNetworks(part);
  tellReferences(part);
  return part;
}
