import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { Color } from "./service/color";
import { containerName, jobName, LABEL, labelList, logicalName, ownerLabels, workerName } from "./service/names";
import { processLimit } from "./service/slotSpec";
import type { OwnContainerSettings } from "./settings/container/container";
import type { JobSettings, NamedKeys, WorkerSettings } from "./settings/container/named";
import { mountsIn } from "./settings/container/volumes";
import type { EnvironmentName } from "./settings/environment";
import { containerEnvironment, type SlotArgs, type SlotSettings } from "./slot";
import { againInput, containerInputs, LOGGING, slotChangeOptions } from "./slotContainer";

/** Of the color's `container`, what is the web containers' alone. */
const OF_WEB = ["command", "healthcheck", "hostname"] as const;

/** The keys that a worker or a job has by themselves; the others are those of a container. */
type Block = (WorkerSettings | JobSettings) & NamedKeys;

/** Returns the keys of a worker's or a job's containers: the color's own, but for what its block says. */
export function keysOf(settings: Pick<SlotSettings, "container">, block: Block): OwnContainerSettings {
  const shared = Object.entries(settings.container ?? {}).filter(
    ([key]) => !(OF_WEB as readonly string[]).includes(key),
  );
  const { environment, mem_limit, stop_grace_period, ...keys } = block as Block & Partial<WorkerSettings & JobSettings>;
  const { replicas, follow, start, at, timeoutSeconds, ...own } = keys;
  return { ...Object.fromEntries(shared), ...own };
}

/** Returns the blocks of a slot's workers and jobs, each with its place in the settings. */
export const placedBlocks = ({
  workers = {},
  jobs = {},
}: Pick<SlotSettings, "workers" | "jobs">): [place: string, block: Block][] =>
  Object.entries({ workers, jobs }).flatMap(([setting, blocks]) =>
    Object.entries<Block>(blocks).map(([name, block]): [string, Block] => [`${setting}.${name}`, block]),
  );

/** The same without the places. */
export const blocksOf = (settings: Pick<SlotSettings, "workers" | "jobs">): Block[] =>
  placedBlocks(settings).map(([, block]) => block);

/**
 * Declares a slot's workers and jobs. A worker that follows live is made and left to the cutover to start, or to a hook where its color is
 * live already; so is one that follows both where the colors must not run at the same time. A job is the cutover's.
 */
export function declareWorkers(args: SlotArgs, image: pulumi.Input<string>, parent: pulumi.Resource): void {
  const { color, settings } = args;
  for (const [name, worker] of Object.entries(settings.workers ?? {})) {
    const { follow, start, replicas } = worker;
    for (let replica = 1; replica <= replicas; replica++) {
      const labels = { [LABEL.role]: "worker", [LABEL.worker]: name, [LABEL.replica]: String(replica) };
      const spec = { follow, start };
      const starts = follow === "both" && settings.sharedWhileSwitching !== false;
      const runs = { restart: "unless-stopped", start: starts };
      declareContainer(
        args,
        {
          ...{ called: workerName(color, name, replica), image, block: worker, labels, spec, runs },
          afterCreate: starts ? [] : [args.started],
        },
        parent,
      );
    }
  }
  for (const [name, job] of Object.entries(settings.jobs ?? {})) {
    const { at, timeoutSeconds } = job;
    const labels = { [LABEL.role]: "job", [LABEL.job]: name };
    const runs = { restart: "no", start: false };
    declareContainer(
      args,
      { called: jobName(color, name), image, block: job, labels, spec: { at, timeoutSeconds }, runs, afterCreate: [] },
      parent,
    );
  }
}

/** What a block says of a variable replaces what the color has, also where that is a secret. */
function variablesOf(settings: SlotSettings, { environment = {} }: Block): Pick<SlotSettings, EnvironmentName> {
  const secret = Object.entries(settings.secretEnvironment).filter(([name]) => !Object.hasOwn(environment, name));
  return {
    environment: { ...settings.environment, ...environment },
    secretEnvironment: Object.fromEntries(secret),
  };
}

/** An image's own check asks a port, which neither a worker nor a job has: without one of their own they have none. */
const UNCHECKED = { healthcheck: { tests: ["NONE"] } };

/** One of them. */
interface Declared {
  called: ReturnType<typeof workerName>;
  image: pulumi.Input<string>;
  block: Block;
  labels: Record<string, string>;
  /** What the cutover goes by. */
  spec: Record<string, unknown>;
  runs: { restart: string; start: boolean };
  /** What follows the bound of its processes when it was made. */
  afterCreate: pulumi.ResourceHook[];
}

function declareContainer(
  args: SlotArgs,
  { called, image, block, labels, spec, runs, afterCreate }: Declared,
  parent: pulumi.Resource,
) {
  const { owner, color, settings, keep } = args;
  const isGone = args.again.includes(called);
  const keys = { ...UNCHECKED, ...keysOf(settings, block) };
  const { hardened = true } = settings.slots[color];
  const grace = block.stop_grace_period ?? settings.stopGraceSeconds;
  new docker.Container(
    logicalName(owner, called),
    {
      ...{ mustRun: false, ...LOGGING, ...runs },
      ...{ memory: block.mem_limit ?? settings.memoryMb, stopTimeout: grace, destroyGraceSeconds: grace },
      ...containerInputs(keys, hardened, (volume, perColor) =>
        args.volumes.nameOf(volume, perColor ? color : undefined),
      ),
      name: containerName(owner, called),
      image,
      ...againInput(isGone),
      envs: containerEnvironment(color, { ...settings, ...variablesOf(settings, block), stopGraceSeconds: grace }),
      labels: labelList({
        ...keys.labels,
        ...ownerLabels(owner),
        ...labels,
        [LABEL.color]: color,
        [LABEL.version]: settings.slots[color].version,
        [LABEL.spec]: JSON.stringify({ ...spec, processes: processLimit({ container: keys, hardened }) }),
      }),
      networksAdvanced: [{ name: args.network }, ...(keys.networks ?? []).map((name) => ({ name }))],
    },
    {
      parent,
      ...slotChangeOptions(keep, isGone),
      ...(args.after && { dependsOn: args.after }),
      hooks: { beforeCreate: [args.beforeCreate], afterCreate: [args.limit, ...afterCreate] },
    },
  );
}

/** Returns the named volumes that the containers of both colors have, those of workers and jobs among them. */
export const mountsOf = (settings: Pick<SlotSettings, "container" | "workers" | "jobs">) => [
  ...mountsIn(settings.container ?? {}),
  ...blocksOf(settings).flatMap(mountsIn),
];

/** The color that a worker or a job is of, and its block, out of what Pulumi calls one of its containers: `shop-blue-worker-mail-2`. */
export function blockNamed(
  { workers = {}, jobs = {} }: Pick<SlotSettings, "workers" | "jobs">,
  resource: string,
): { color: Color; place: string; block: Block } | undefined {
  const [, color, kind, name = ""] = /(?:^|-)(blue|green)-(worker|job)-(.+?)(?:-[0-9]+)?$/.exec(resource) ?? [];
  const blocks: Record<string, Block> = kind === "worker" ? workers : jobs;
  const block = Object.hasOwn(blocks, name) ? blocks[name] : undefined;
  return block && { color: color as Color, place: `${kind}s.${name}`, block };
}
