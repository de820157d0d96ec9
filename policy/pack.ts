import "../stacks/stackTraces";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Policies, PolicyPack, type ReportViolation, type ResourceValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { configIn } from "../commands/stackFile";
import { CHECKOUT } from "../stacks/engine/checkout";
import { dockerAt } from "../stacks/engine/docker";
import { readWorld } from "../stacks/service/world";
import { parseSettings } from "../stacks/settings/settings";
import { NAMESPACE, SECRET_KEYS } from "../stacks/settings/shape";
import { colorOf, equalColors, type SlotInputs } from "./colors";
import { hostAccess, hostNetwork, memoryLimit, openContainer, privileged, publishedPorts } from "./container";
import { excuse, isKept, isUnseen, type Judged } from "./excuse";
import { imageByDigest } from "./image";
import { known } from "./known";
import { plainSettings } from "./plainSettings";
import { type Workload, workloadOf } from "./workload";

const STACK = "pulumi:pulumi:Stack";
const SERVICE_COMPONENT = "blue-green:index:BlueGreen";

const configuration = pulumi.runtime.allConfig();

/** A stack without the setting is not judged. Where there is no stack at all, as in `pulumi policy`, the pack has all of its policies. */
const isJudged = Object.keys(configuration).length === 0 || configuration[`${NAMESPACE}:policies`] === "true";

/** What the stack's file has; nothing where there is no such file. */
function settingsInFile(): Record<string, unknown> {
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  try {
    return configIn(file, readFileSync(join(CHECKOUT, file), "utf8"));
  } catch {
    return {};
  }
}

/** Why this run may do it all the same. The engine is only asked once something is about to be refused. */
async function excuseFor(judged?: Judged): Promise<string | undefined> {
  try {
    const settings = parseSettings(configuration, SECRET_KEYS);
    const owner = { project: pulumi.getProject(), stack: pulumi.getStack() };
    world ??= readWorld(dockerAt(settings.dockerHost), owner);
    return excuse(await world, owner, settings, judged);
  } catch {
    // With settings that are wrong the program itself refuses the run, and says which.
    return undefined;
  }
}
let world: ReturnType<typeof readWorld> | undefined;

/** Refuses, or says why not. */
async function refuse(messages: string[], report: ReportViolation, judged?: Judged, urn?: string): Promise<void> {
  if (messages.length === 0) return;
  const why = await excuseFor(judged);
  for (const message of messages) {
    if (why === undefined) report(message, urn);
    else console.error(`Not refused, since ${why}: ${message}`);
  }
}

const judgedIn = ({ type, name, props, opts }: ResourceValidationArgs): Judged => ({
  type,
  name,
  inputs: known(props),
  ignoreChanges: opts.ignoreChanges,
});

/** A policy for each resource that runs containers. */
const ofWorkloads = (
  name: string,
  description: string,
  rule: (workload: Workload) => string[],
  enforcementLevel: "mandatory" | "advisory" = "mandatory",
): Policies[number] => ({
  ...{ name, description, enforcementLevel },
  validateResource: async (args, report) => {
    const judged = judgedIn(args);
    const workload = workloadOf(args.type, args.name, judged.inputs);
    if (workload !== undefined) await refuse(rule(workload), report, judged);
  },
});

/** The inputs of the colors' containers, as the run declared them: at its end Pulumi has only what the engine made of them. */
const slots = new Map<string, SlotInputs>();

const policies: Policies = [
  {
    name: "images-by-digest",
    description: "Every image is named by its digest, and none is built in the run.",
    validateResource: async (args, report) => {
      const judged = judgedIn(args);
      await refuse(imageByDigest(args.type, args.name, judged.inputs), report, judged);
    },
  },
  ofWorkloads("no-privileged-container", "No container is privileged.", privileged),
  ofWorkloads("no-host-network", "No container is on the host's network.", hostNetwork),
  ofWorkloads("no-host-access", "No container has the host's folders, devices or powers.", hostAccess),
  ofWorkloads("closed", "A color's container has no more than it needs.", openContainer, "advisory"),
  ofWorkloads("published-ports", "The proxy alone publishes ports to others than the host itself.", publishedPorts),
  ofWorkloads("memory-limit", "Every container has a memory limit.", memoryLimit),
  {
    name: "equal-colors",
    description: "Both colors are equal but for version and image.",
    validateResource: (args) => {
      const judged = judgedIn(args);
      if (
        isUnseen(judged) ||
        colorOf(judged.inputs) === undefined ||
        workloadOf(args.type, args.name, judged.inputs) === undefined
      )
        return;
      slots.set(args.urn, { name: args.name, inputs: judged.inputs, kept: isKept(judged) });
    },
    validateStack: async (args, report) => {
      // At its end a run has moved the public already, and must not fail any more: `up` begins with a preview.
      if (!pulumi.runtime.isDryRun()) return;
      for (const service of args.resources.filter(({ type }) => type === SERVICE_COMPONENT)) {
        const { pending, idleColor } = known(service.props);
        const containers = args.resources
          .filter(({ parent }) => parent?.parent?.urn === service.urn)
          .flatMap(({ urn }) => slots.get(urn) ?? []);
        const canary = Number(configuration[`${NAMESPACE}:canaryPercent`] ?? 0) > 0;
        await refuse(equalColors({ containers, pending, idleColor, canary }), report, undefined, service.urn);
      }
    },
  },
  {
    name: "no-plain-secret",
    description: "No setting that is kept in plain text is, or looks like, a secret.",
    validateResource: async (args, report) => {
      // The first resource of all: nothing has been touched yet.
      if (args.type !== STACK) return;
      await refuse(plainSettings(configuration, settingsInFile()), report, judgedIn(args));
    },
  },
];

new PolicyPack("blue-green", { enforcementLevel: "mandatory", policies: isJudged ? policies : [] });
