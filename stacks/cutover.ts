import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "./docker";
import { containerName, type Owner } from "./names";
import type { Settings } from "./settings";

/** How long a switch waits for the color that it moves to. */
const HEALTH_SECONDS = 60;

/** Constant on purpose: values travel in the environment and on standard input, never in a shell's text. */
const RUN_INSIDE_THE_PROXY =
  'docker exec -i -e APP_PORT -e HEALTH_PATH -e HEALTH_SECONDS -e CONTAINERS "$PROXY" sh -c "$CUTOVER_SCRIPT"';

/** What a {@link Cutover} is made from. */
export interface CutoverArgs {
  owner: Owner;
  settings: Pick<Settings, "appPort" | "healthPath" | "dockerHost">;
  /** The proxy's container. */
  proxyId: pulumi.Input<string>;
  /** nginx's configuration: whoever it names as active is what the public sees when the command has ended well. */
  configuration: string;
  /** The text of `nginx/cutover.sh`. */
  script: string;
  /** Runs after a cutover that followed another one. */
  afterUpdate?: pulumi.ResourceHook;
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
    const { owner, settings } = args;

    this.command = new local.Command(
      name,
      {
        create: RUN_INSIDE_THE_PROXY,
        stdin: args.configuration,
        environment: {
          PROXY: args.proxyId,
          APP_PORT: String(settings.appPort),
          HEALTH_PATH: settings.healthPath,
          HEALTH_SECONDS: String(HEALTH_SECONDS),
          // How the names of the containers begin, for messages.
          CONTAINERS: containerName(owner, ""),
          CUTOVER_SCRIPT: args.script,
          // The client's current context is not what the provider uses.
          DOCKER_CONTEXT: "default",
          ...dockerHost(settings.dockerHost),
        },
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        // Only here: a component's own dependencies would reach its children as parents' do, and say less.
        ...(opts?.dependsOn && { dependsOn: opts.dependsOn }),
        ...(args.afterUpdate && { hooks: { afterUpdate: [args.afterUpdate] } }),
      },
    );

    this.registerOutputs();
  }
}
