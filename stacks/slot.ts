import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { isByDigest } from "./engine/image";
import type { Color } from "./service/color";
import {
  containerName,
  imageName,
  LABEL,
  labelList,
  logicalName,
  ownerLabels,
  replicaName,
  type ServiceId,
} from "./service/names";
import type { SlotSpec } from "./service/slotSpec";
import type { BuiltImage, SlotContainer } from "./service/world";
import type { EnvironmentName } from "./settings/environment";
import type { Settings } from "./settings/settings";
import { rowOf, SLOT_NAMES, type SlotSettingName } from "./settings/shape";
import { againInput, containerInputs, LOGGING, STRICT, slotChangeOptions } from "./slotContainer";
import { isObject } from "./text/json";
import type { SlotVolumes } from "./volumes";
import { declareWorkers } from "./workers";

/** So much sooner than it would be killed a container's own server gives up what is still in flight. */
const STOP_MARGIN_SECONDS = 3;

/** The settings of which a slot is made; the same for both colors, but for version, image and port. */
export type SlotSettings = Pick<Settings, "slots" | SlotSettingName>;

/** What a {@link Slot} is made from. */
export interface SlotArgs {
  owner: ServiceId;
  color: Color;
  settings: SlotSettings;
  /** How many containers it has; its image stays where there are none. */
  replicas: number;
  /** The network on which the proxy reaches them, the first one under its color's name. */
  network: pulumi.Input<string>;
  /** The folder with the Dockerfile, relative to the project. */
  appDirectory: string;
  /** The release to build; undefined where the color's image is pulled. */
  build: BuiltImage | undefined;
  /** Runs before an image that isn't built is made, and sees to it that the engine has it (see registry.ts). */
  beforePull: pulumi.ResourceHook;
  /** Whether the image stays what it is although its tag may name another one by now (see plan/images.ts). */
  keepImage: boolean;
  /** The stack's volumes. */
  volumes: SlotVolumes;
  /** Runs before each container is made, which is not made when it throws. */
  beforeCreate: pulumi.ResourceHook;
  /** Runs after each container was made, and bounds its processes. */
  limit: pulumi.ResourceHook;
  /** Runs after that for each worker that is not started with its color, and starts it where its color is live. */
  started: pulumi.ResourceHook;
  /** Which of its containers are gone and are made again. */
  again: readonly string[];
  /** Runs after that for the first web container, where figures are served. */
  noted?: pulumi.ResourceHook | undefined;
  /** Runs after that for each web container, and fails the run when it throws. */
  healthy: pulumi.ResourceHook;
  /** Whether it stays what it is, whatever the settings say by now: the public is on it. */
  keep: boolean;
  /** What it waits for: nothing that is wrong with the idle color may keep the public from being moved. */
  after?: pulumi.Resource[];
}

/**
 * A slot's container, but for its name and for what only the engine knows (ids), for its release, its labels and what rows of the
 * table give to it as it is. Those rows' three oldest inputs have their places here: the hash goes over the whole JSON text, and
 * another one would replace every container that runs.
 */
const slotContainer = (color: Color, settings: Pick<SlotSettings, "slots" | "appPort">) => ({
  // On the engine's loopback only: to try a color before the switch, not for the public.
  ports: [{ internal: settings.appPort, external: settings.slots[color].port, ip: "127.0.0.1" }],
  memory: 0,
  restart: "unless-stopped",
  // An idle color may be stopped on purpose: a refresh must not have it made anew.
  mustRun: false,
  // The stop signal is the image's own: it knows which one lets requests in flight finish.
  stopTimeout: 0,
  destroyGraceSeconds: 0,
  ...LOGGING,
});

/** The inputs of a slot's container that are a setting's value as it is. */
const settingInputs = (settings: SlotSettings): Partial<docker.ContainerArgs> =>
  Object.fromEntries(
    SLOT_NAMES.flatMap((name) => (rowOf(name).container ?? []).map((input) => [input, settings[name]] as const)),
  );

/** Hash over all of a color's container that no setting names. */
function definitionOf(color: Color): string {
  const slots = { blue: { version: "", port: 0 }, green: { version: "", port: 0 } };
  const { ports, ...rest } = slotContainer(color, { slots, appPort: 0 });
  return createHash("sha256")
    .update(JSON.stringify({ ports, ...STRICT, ...rest }))
    .digest("hex")
    .slice(0, 12);
}

const isEnvironment = (name: SlotSettingName): name is EnvironmentName =>
  name === "environment" || name === "secretEnvironment";

/** The settings of a slot that may be absent. */
const ABSENTABLE = ["container", "workers", "jobs", "sharedWhileSwitching"] as const;
type AbsentableName = (typeof ABSENTABLE)[number];
const isAbsentable = (name: SlotSettingName): boolean => (ABSENTABLE as readonly string[]).includes(name);

/** The settings of a slot that have one value; what has values within, the environments, is told by names. */
const VALUE_NAMES = SLOT_NAMES.filter((name) => !isEnvironment(name));
const ENVIRONMENT_NAMES = SLOT_NAMES.filter(isEnvironment);

/**
 * What a slot's container is made from: the settings by name, and a hash over the rest. The container carries it as a label, so
 * that a run can tell before it starts which settings a color does not run yet.
 */
export function slotSpecOf(color: Color, settings: SlotSettings): SlotSpec {
  const { version, image = "", port, hardened } = settings.slots[color];
  // One that says nothing is not there: a container from before the setting was there says the same.
  const values = VALUE_NAMES.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]]));
  const variables = ENVIRONMENT_NAMES.map((name) => [name, Object.keys(settings[name]).sort()]);
  // In this order, which is the label's: with another one its text would be another, and the container replaced.
  const settingsByName = Object.fromEntries([...values, ...variables]) as Pick<
    Settings,
    "appPort" | "healthPath" | "stopGraceSeconds"
  > &
    Record<EnvironmentName, string[]>;
  return {
    ...{ version, image, port, ...settingsByName },
    ...(hardened === false && { hardened }),
    definition: definitionOf(color),
  };
}

/** The settings that a container runs, for others that are made beside it: what it does not say of itself is as it is set. */
export function settingsOf(color: Color, { made, environment }: SlotContainer, settings: SlotSettings): SlotSettings {
  const { version, image, port, hardened } = made;
  if (version === undefined) return settings;
  const { slots } = settings;
  const values = VALUE_NAMES.filter((name) => !isAbsentable(name)).map((name) => [name, made[name] ?? settings[name]]);
  // Of those that may say nothing, the container's own word counts.
  const blocks = (["container", "workers", "jobs"] as const).flatMap((name) =>
    isObject(made[name]) ? [[name, made[name]] as const] : [],
  );
  const variables = ENVIRONMENT_NAMES.map((name) => [
    name,
    Object.fromEntries((made[name] ?? []).map((variable) => [variable, environment[variable] ?? ""])),
  ]);
  return {
    ...(Object.fromEntries([...values, ...variables]) as Pick<SlotSettings, Exclude<SlotSettingName, AbsentableName>>),
    ...(made.sharedWhileSwitching === false && { sharedWhileSwitching: false }),
    ...(Object.fromEntries(blocks) as Pick<SlotSettings, "container" | "workers" | "jobs">),
    slots: {
      ...slots,
      [color]: { version, port: port ?? slots[color].port, ...(image && { image }), hardened: hardened ?? true },
    },
  };
}

/** One color: its image and its containers. */
export class Slot extends pulumi.ComponentResource {
  /** The image's id, once the engine has it. */
  readonly imageId: pulumi.Output<string>;

  constructor(name: string, args: SlotArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Slot", name, {}, opts);
    const { owner, color, settings, keep, replicas } = args;

    const image = new docker.RemoteImage(name, imageArgs(args), {
      parent: this,
      ...(keep || replicas === 0
        ? { ignoreChanges: ["*"] }
        : args.build === undefined && args.keepImage && { ignoreChanges: ["pullTriggers"] }),
      ...(args.after && { dependsOn: args.after }),
      ...(args.build === undefined && { hooks: { beforeCreate: [args.beforePull] } }),
    });
    this.imageId = image.imageId;
    const { hardened = true } = settings.slots[color];
    const said = settings.container ?? {};
    const { ports, ...container } = {
      ...{ ...slotContainer(color, settings), ...settingInputs(settings) },
      ...containerInputs(said, hardened, (volume, perColor) =>
        args.volumes.nameOf(volume, perColor ? color : undefined),
      ),
    };
    for (let replica = 1; replica <= replicas; replica++) {
      const called = replicaName(color, replica);
      const isGone = args.again.includes(called);
      new docker.Container(
        logicalName(owner, called),
        {
          ...container,
          name: containerName(owner, called),
          // The host's port leads to the first one.
          ...(replica === 1 && { ports }),
          image: image.imageId,
          ...againInput(isGone),
          envs: containerEnvironment(color, settings),
          labels: labelList({
            ...said.labels,
            ...ownerLabels(owner),
            [LABEL.role]: "slot",
            [LABEL.color]: color,
            [LABEL.replica]: String(replica),
            [LABEL.version]: settings.slots[color].version,
            [LABEL.slot]: JSON.stringify(slotSpecOf(color, settings)),
            ...(args.build && { [LABEL.build]: args.build.reused ? "reused" : "built" }),
          }),
          networksAdvanced: [
            { name: args.network, aliases: [called] },
            ...(said.networks ?? []).map((name) => ({ name })),
          ],
        },
        {
          parent: this,
          ...slotChangeOptions(keep, isGone),
          ...(args.after && { dependsOn: args.after }),
          hooks: {
            beforeCreate: [args.beforeCreate],
            afterCreate: [args.limit, ...(args.noted && replica === 1 ? [args.noted] : []), args.healthy],
          },
        },
      );
    }

    if (replicas > 0) declareWorkers(args, image.imageId, this);

    this.registerOutputs();
  }
}

/** Built from the application's sources, or taken as it is. Either stays on the engine: it is the way back. */
function imageArgs({ owner, color, settings, appDirectory, build }: SlotArgs): docker.RemoteImageArgs {
  const { image = "", version } = settings.slots[color];
  // A tag may name another image by the next release: it is asked for again when the version changes.
  const tag = isByDigest(image) ? {} : { pullTriggers: [version] };
  if (build === undefined) return { name: image, keepLocally: true, ...tag };
  const name = imageName(owner, color, build.version, build.source);
  if (build.reused) return { name, keepLocally: true };
  return {
    name,
    keepLocally: true,
    build: {
      context: appDirectory,
      buildArgs: { BASE_IMAGE: build.base, VERSION: build.version },
      label: {
        ...ownerLabels(owner),
        [LABEL.role]: "slot",
        [LABEL.color]: color,
        [LABEL.version]: build.version,
        [LABEL.source]: build.source,
        [LABEL.base]: build.base,
      },
    },
  };
}

/**
 * The container's environment, sorted by name. With a secret value in it, the provider keeps all of it secret in state and diffs.
 * The version is not in it: the image itself says what it is.
 */
export function containerEnvironment(
  color: Color,
  settings: Pick<SlotSettings, "environment" | "secretEnvironment" | "appPort" | "stopGraceSeconds">,
): pulumi.Input<string>[] {
  const drainSeconds = Math.max(1, settings.stopGraceSeconds - STOP_MARGIN_SECONDS);
  const own = { COLOR: color, PORT: String(settings.appPort), DRAIN_SECONDS: String(drainSeconds) };
  const plain = Object.entries({ ...settings.environment, ...own });
  const secret = new Set(Object.keys(settings.secretEnvironment));
  return [...plain, ...Object.entries(settings.secretEnvironment)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (secret.has(name) ? pulumi.secret(`${name}=${value}`) : `${name}=${value}`));
}
