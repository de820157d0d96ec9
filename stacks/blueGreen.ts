import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { type Color, other } from "./color";
import { renderConfiguration } from "./configuration";
import { Cutover } from "./cutover";
import type { Docker } from "./docker";
import { waitHealthy } from "./health";
import { confirmLive } from "./live";
import { labelList, networkName, type Owner, ownerLabels } from "./names";
import { secondsWithout } from "./outage";
import { decide } from "./plan";
import { NginxProxy, proxyMadeFrom } from "./proxy";
import { Refusal } from "./refusal";
import type { Settings } from "./settings";
import { Slot } from "./slot";
import { sourceHash } from "./source";
import type { UnknownWorld, World } from "./world";

/** The folder of the sample service, relative to the project. */
const APP_DIRECTORY = "app";

/** The proxy's files travel with this program. */
const NGINX_DIRECTORY = join(__dirname, "..", "nginx");

/** What a {@link BlueGreen} is made from. */
export interface BlueGreenArgs {
  owner: Owner;
  settings: Settings;
  /** What runs now (see world.ts), read before anything is declared. */
  world: World | UnknownWorld;
  /** The engine that all of it runs on. */
  engine: Docker;
}

/** A service as two identical environments behind one proxy. The public sees the one that `activeColor` names. */
export class BlueGreen extends pulumi.ComponentResource {
  /** Where the public reaches the active color. */
  readonly url: pulumi.Output<string>;
  /** Where each color is reached directly, on the engine's own loopback. */
  readonly blueUrl: pulumi.Output<string>;
  readonly greenUrl: pulumi.Output<string>;
  readonly activeColor: pulumi.Output<Color>;
  readonly activeVersion: pulumi.Output<string>;
  readonly idleColor: pulumi.Output<Color>;
  readonly idleVersion: pulumi.Output<string>;

  constructor(name: string, args: BlueGreenArgs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:BlueGreen", name, {}, opts);
    const { owner, settings, world, engine } = args;
    const active = settings.activeColor;
    const idle = other(active);

    const plan = decide({
      settings,
      world,
      source: sourceHash(APP_DIRECTORY),
      proxy: proxyMadeFrom(owner, settings),
      preview: pulumi.runtime.isDryRun(),
    });
    if (plan.refusals.length > 0) throw new Refusal(plan.refusals.join("\n"));
    for (const warning of plan.warnings) pulumi.log.warn(warning, this);

    const network = new docker.Network(
      name,
      { name: networkName(owner), labels: labelList(ownerLabels(owner)) },
      { parent: this },
    );

    const slot = (color: Color, after?: pulumi.Resource): Slot => {
      const waited = { color, isActive: color === active, secrets: Object.values(settings.secretEnvironment) };
      const afterCreate = new pulumi.ResourceHook(`${name}-${color}-healthy`, (hook) =>
        waitHealthy(engine, String(hook.id), waited),
      );
      const shared = { owner, settings, network: network.name, appDirectory: APP_DIRECTORY, afterCreate };
      return new Slot(color, { ...shared, color, build: plan.build[color], ...(after && { after }) }, { parent: this });
    };

    const proxy = new NginxProxy(
      "proxy",
      { owner, settings, network: network.name, imageId: plan.proxyImageId },
      { parent: this },
    );

    const { replacedProxyId } = plan;
    const cutover = new Cutover(
      "cutover",
      {
        settings,
        owner,
        proxyId: proxy.containerId,
        configuration: renderConfiguration(readNginx("nginx.conf.mustache"), settings),
        script: readNginx("cutover.sh"),
        ...(replacedProxyId !== undefined && {
          afterUpdate: new pulumi.ResourceHook(`${name}-outage`, async () => {
            const seconds = await secondsWithout(engine, replacedProxyId);
            const cost = seconds === undefined ? "an unknown time" : `${seconds.toFixed(1)} s`;
            await pulumi.log.info(`The proxy was replaced; the public got no answer for ${cost}.`, this);
          }),
        }),
      },
      // Of the colors only the one that the public is moved to: the other one, broken or slow, holds up nothing.
      { parent: this, dependsOn: [proxy, slot(active)] },
    );
    // What the public may be on until then is touched only afterwards.
    slot(idle, cutover.command);

    if (!pulumi.runtime.isDryRun()) {
      pulumi
        .all([proxy.containerId, cutover.command.urn, cutover.command.stdout])
        .apply(([proxyId, urn]) => confirmLive(engine, { proxyId, active, cutoverUrn: urn }));
    }

    this.url = pulumi.output(`http://${authority(settings.bindAddress)}:${settings.httpPort}`);
    this.blueUrl = pulumi.output(`http://127.0.0.1:${settings.slots.blue.port}`);
    this.greenUrl = pulumi.output(`http://127.0.0.1:${settings.slots.green.port}`);
    this.activeColor = pulumi.output(active);
    this.activeVersion = pulumi.output(settings.slots[active].version);
    this.idleColor = pulumi.output(idle);
    this.idleVersion = pulumi.output(settings.slots[idle].version);
    this.registerOutputs({ url: this.url, activeColor: this.activeColor, idleColor: this.idleColor });
  }
}

const readNginx = (file: string): string => readFileSync(join(NGINX_DIRECTORY, file), "utf8");

/** The host part of a URL for an address to listen on; "all addresses" is reached at localhost. */
function authority(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "localhost";
  return address.includes(":") ? `[${address}]` : address;
}
