import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { CHECKOUT } from "./engine/checkout";
import { dockerHost } from "./engine/docker";
import type { Plan } from "./plan/situation";
import { fileVariables, type ProxyFiles } from "./proxy/files";
import type { Host } from "./service/hosts";
import type { ServiceId } from "./service/names";
import { orderVariables } from "./service/orderVariables";
import { receiverText } from "./service/receiver";
import type { Settings } from "./settings/settings";
import { quoted } from "./text/shell";

/** This program's own sources are TypeScript; in the package they are compiled. */
const SOURCE = existsSync(join(CHECKOUT, "cutover", "main.ts"));

/**
 * Seen from the program's folder, in which commands are run: it is a part of the state, and must be the same on every machine.
 * Nothing else is in it: values travel in the environment and on standard input, never in a shell's text.
 */
const inProgram = (file: string): string => quoted(relative(process.cwd(), join(CHECKOUT, file)).split(sep).join("/"));
const RUN = SOURCE
  ? `node --require ./${inProgram("setup/bundle.cjs")} ${inProgram("cutover/main.ts")}`
  : `node ${inProgram("cutover/main.js")}`;

/** The settings that the cutover goes by. */
export type CutoverSettings = Pick<
  Settings,
  | "healthTimeoutSeconds"
  | "smokeTests"
  | "gateCommand"
  | "gateTimeoutSeconds"
  | "targetHost"
  | "verifyRequests"
  | "bakeSeconds"
  | "maxErrorPercent"
  | "minRequests"
  | "maxP95Seconds"
  | "canaryPercent"
  | "stickySessions"
  | "stickySeconds"
  | "drainSeconds"
  | "keepAliveSeconds"
  | "notifyUrl"
  | "notifyKind"
  | "notifySecret"
  | "dockerHost"
>;

/** What a cutover does in one proxy. */
export interface CutoverPlace {
  /** Where the setting `hosts` names any. */
  host?: Host;
  /** The proxy's container. */
  proxyId: pulumi.Input<string>;
  /** nginx's configuration: whoever it names as active is what the public sees when the command has ended well. */
  configuration: string;
  /** What becomes of the idle color's containers. */
  idle: Plan["idle"];
  /** Where set, the cutover runs although nothing of the above has changed (see plan.ts). */
  mend: string | undefined;
}

/** What a {@link Cutover} is made from. */
export interface CutoverArgs {
  owner: ServiceId;
  settings: CutoverSettings;
  /** The proxies, the lead's first: all are moved together, or none. */
  places: readonly CutoverPlace[];
  /** The files that the configuration names. */
  files: ProxyFiles;
  /** Runs after each cutover. */
  told: pulumi.ResourceHook;
  /** Run after a cutover that followed another one. */
  afterUpdate: readonly pulumi.ResourceHook[];
}

/** Who gets word of the cutover, as it is told. Empty where nobody does, so that none is inherited from whoever runs the command. */
function receiverOf({ notifyUrl: url, notifyKind: kind, notifySecret: secret }: CutoverSettings): pulumi.Input<string> {
  return url === undefined ? "" : pulumi.secret(receiverText({ kind, url, ...(secret !== undefined && { secret }) }));
}

/** Returns the proxies of all hosts, with what is another than the lead's; nothing without the setting `hosts`. */
function hostsOf(places: readonly CutoverPlace[]): { HOSTS?: pulumi.Input<string> } {
  const [lead] = places;
  const hosts = places.flatMap(({ host, proxyId, configuration, idle }) => {
    if (host === undefined) return [];
    const differs = {
      ...(configuration !== lead?.configuration && { configuration }),
      ...(idle !== lead?.idle && { idle }),
    };
    return [pulumi.output(proxyId).apply((proxy) => ({ ...host, proxy, ...differs }))];
  });
  return hosts.length === 0 ? {} : { HOSTS: pulumi.all(hosts).apply((all) => JSON.stringify(all)) };
}

/**
 * Returns why the cutover has to run although nothing has changed, out of the reasons of all hosts. It isn't among what each host has of its
 * own: to leave it out again would be a change. That a color loses its visitors is an order as well as a reason, and stands alone.
 */
function mendOf(places: readonly CutoverPlace[]): string | undefined {
  const reasons = [...new Set(places.flatMap(({ mend }) => mend ?? []))];
  return (
    reasons.find((reason) => reason.startsWith("retire ")) ?? (reasons.length > 0 ? reasons.join("; ") : undefined)
  );
}

/**
 * The act that moves the public. A failed one keeps its old inputs, so that the next `pulumi up` tries again; there is nothing to
 * delete, since the configuration goes with the proxy's volume.
 */
export class Cutover extends pulumi.ComponentResource {
  /** The command itself, for what has to wait until the public has been moved. */
  readonly command: local.Command;

  constructor(name: string, args: CutoverArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Cutover", name, {}, opts);
    const { owner, settings, places } = args;
    const [lead] = places as readonly [CutoverPlace];
    const mend = mendOf(places);

    this.command = new local.Command(
      name,
      {
        create: RUN,
        stdin: lead.configuration,
        environment: {
          ...orderVariables({
            PROXY: lead.proxyId,
            PROJECT: owner.project,
            STACK: owner.stack,
            SERVICE: owner.service ?? "",
            HEALTH_TIMEOUT_SECONDS: String(settings.healthTimeoutSeconds),
            SMOKE_TESTS: JSON.stringify(settings.smokeTests),
            GATE_COMMAND: settings.gateCommand ?? "",
            GATE_TIMEOUT_SECONDS: String(settings.gateTimeoutSeconds),
            TARGET_HOST: settings.targetHost,
            VERIFY_REQUESTS: String(settings.verifyRequests),
            BAKE_SECONDS: String(settings.bakeSeconds),
            MAX_ERROR_PERCENT: String(settings.maxErrorPercent),
            MIN_REQUESTS: String(settings.minRequests),
            MAX_P95_SECONDS: String(settings.maxP95Seconds),
            CANARY_PERCENT: String(settings.canaryPercent),
            STICKY_SECONDS: String(settings.stickySessions === "none" ? 0 : settings.stickySeconds),
            DRAIN_SECONDS: String(settings.drainSeconds),
            KEEP_ALIVE_SECONDS: String(settings.keepAliveSeconds),
            IDLE: lead.idle,
            ...fileVariables(args.files),
            NOTIFY: receiverOf(settings),
            MEND: mend ?? "",
            ...hostsOf(places),
          }),
          // The client's current context is not what the provider uses.
          DOCKER_CONTEXT: "default",
          ...dockerHost(settings.dockerHost),
        },
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        // The gate command's output is in it, and may hold what only whoever runs it may see.
        additionalSecretOutputs: ["stdout", "stderr"],
        // What it was the last time stays in the state until it is needed again: its going away is no change.
        ...(mend === undefined && { ignoreChanges: ["environment.BLUE_GREEN_MEND"] }),
        // Only here: a component's own dependencies would reach its children as parents' do, and say less.
        ...(opts?.dependsOn && { dependsOn: opts.dependsOn }),
        hooks: { afterCreate: [args.told], afterUpdate: [args.told, ...args.afterUpdate] },
      },
    );

    this.registerOutputs();
  }
}
