import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Docker, dockerHost } from "../engine/docker";
import { HTTPS_PORT, reachedAt } from "../engine/host";
import { readNginx, readScript } from "../engine/scripts";
import { declareNetworkCheck, GATEWAY_ENDS } from "../networkCheck";
import { fileVariables, type ProxyFiles, proxyFiles } from "../proxy/files";
import { DNS_MADE, declareNginx, definitionOf, hasTls, nginxContainer, publishedPorts } from "../proxy/nginxContainer";
import { readTls } from "../proxy/tls";
import { Refusal } from "../refusal";
import { readGateway, type SeenGateway } from "../service/gateway";
import { gatewayName, LABEL, nameOnEngine, ownerLabels, type ServiceId } from "../service/names";
import { orderVariables } from "../service/orderVariables";
import { generationOf, writeDeclared } from "../service/serving";
import type { Configuration } from "../settings/read";
import { completeSettings, type SecretInput, withSecrets } from "../settings/serviceSettings";
import type { Settings } from "../settings/settings";
import { printableMessage } from "../text/plain";
import type { GatewayNetwork } from "./network";
import { type GatewayMade, type GatewayPlan, planGateway } from "./plan";
import { type Routed, type RouteTo, renderGateway, routeProblems } from "./routes";
import { lastAddress, subnetProblems } from "./subnet";

/** What a program gives for a gateway; what is left out is the default of the settings of the same names. */
export interface GatewayArgs<Name extends string = string> {
  /** Where requests go, at least one route; each names one of the services. */
  routes: RouteTo<Name>[];
  /**
   * An IPv4 network between the gateway and the services that nothing else on the engine uses, such as `10.213.0.0/24`; /16 to /28. It
   * stays what it is until everything on it is gone.
   */
  subnet: string;
  /** The host's IPv4 or IPv6 address on which it listens; `127.0.0.1`, and `0.0.0.0` for all of them. */
  bindAddress?: string | undefined;
  /** The host's port on which it listens; 8080. */
  httpPort?: number | undefined;
  /** The host's port on which it listens for TLS, with a certificate; 8443. */
  httpsPort?: number | undefined;
  /** The certificate and those that issued it: PEM text, or a file's path. With it HTTP is sent on to HTTPS. */
  tlsCertificate?: string | undefined;
  /** Its private key: PEM text, or a file's path. */
  tlsKey?: SecretInput | undefined;
  /** Its image, nginx 1.27.4 or newer. */
  nginxImage?: string | undefined;
  /** How long it keeps a client's idle connection open, in seconds; 10. */
  keepAliveSeconds?: number | undefined;
  /** How long WebSockets and requests in flight may go on after a change of a route, in seconds; 3600. A switch of a service is none. */
  drainSeconds?: number | undefined;
  /** Whether this run may replace the gateway's container, which the public notices for seconds; otherwise such a run is refused. */
  allowReplace?: boolean | undefined;
}

/** A gateway's own settings, validated. */
export type GatewaySettings = Pick<
  Settings,
  | "bindAddress"
  | "httpPort"
  | "httpsPort"
  | "tlsCertificate"
  | "tlsKey"
  | "nginxImage"
  | "keepAliveSeconds"
  | "drainSeconds"
  | "dockerHost"
>;

const DRAIN_SECONDS = 3600;

/** What errors call it, and what Pulumi calls it and its parts. */
export const GATEWAY = "gateway";

/** Constant: the script and the files travel in the environment, the configuration on standard input. */
const RUN = 'docker exec -i -e BLUE_GREEN_FILE_TLSCERTIFICATE -e BLUE_GREEN_FILE_TLSKEY "$GATEWAY" sh -c "$SCRIPT"';

/**
 * The settings out of what a program gives: the same checks and defaults as those of a service's settings.
 *
 * @throws SettingsError with everything that is wrong with them.
 */
export async function gatewaySettings(args: GatewayArgs, provider: Configuration): Promise<GatewaySettings> {
  const { routes: _routes, subnet: _subnet, allowReplace: _allowed, drainSeconds = DRAIN_SECONDS, ...given } = args;
  // The rest of a service's settings says nothing here: ports that can't be the gateway's own.
  const free = [1, 2, 3, 4].filter((port) => ![given.httpPort, given.httpsPort].includes(port));
  const rest = { activeColor: "blue", bluePort: free[0], greenPort: free[1], drainSeconds };
  const { slots: _slots, ...settings } = completeSettings(
    await withSecrets({ ...given, ...rest }, GATEWAY),
    GATEWAY,
    provider,
  );
  return settings;
}

/** What is decided from. */
export interface UndecidedGateway {
  owner: ServiceId;
  settings: GatewaySettings;
  args: Pick<GatewayArgs, "routes" | "subnet" | "allowReplace">;
  /** The services by name. */
  services: Readonly<Record<string, Routed>>;
  /** What runs of it now. */
  seen: SeenGateway;
}

/** What a run does with the gateway, decided before anything is declared. */
export interface DecidedGateway {
  settings: GatewaySettings;
  /** Its own address on its network. */
  address: string;
  configuration: string;
  files: ProxyFiles;
  made: GatewayMade;
  plan: GatewayPlan;
}

/**
 * Decides what a run does with the gateway.
 *
 * @throws Refusal with everything for which the run must not happen.
 */
export function decideGateway({ owner, settings, args, services, seen }: UndecidedGateway): DecidedGateway {
  const { routes, subnet, allowReplace = false } = args;
  const address = lastAddress(subnet);
  const problems = [...subnetProblems(subnet), ...routeProblems(routes, Object.keys(services))];
  const serves = (fingerprint: string) => "unknown" in seen || seen.serving?.tls === fingerprint;
  const tls = readTls(settings, new Date(), serves);
  if (address === undefined || problems.length + tls.problems.length > 0) {
    const says = problems.map((line) => `${GATEWAY}: ${line} Nothing was touched.`);
    throw new Refusal([...says, ...tls.problems.map((line) => `${GATEWAY}: ${line}`)].join("\n"));
  }
  const files = proxyFiles(owner, { maintenance: false }, () => "", tls.pair);
  const { keepAliveSeconds, drainSeconds, httpsPort } = settings;
  const { tlsCertificate, tlsKey } = files;
  const known = routes.flatMap((route) => {
    const service = services[route.service];
    return service === undefined ? [] : [{ ...route, service }];
  });
  const configuration = renderGateway(readNginx("gateway.conf.mustache"), known, {
    ...{ keepAliveSeconds, drainSeconds, httpsPort },
    ...(tlsCertificate && tlsKey && { tls: { certificate: tlsCertificate.name, key: tlsKey.name } }),
  });

  const made = madeFrom(gatewayName(owner), settings, subnet);
  const generation = generationOf(configuration);
  const plan = planGateway({ seen, made, generation, allowReplace, preview: pulumi.runtime.isDryRun() });
  if (plan.refusals.length > 0) throw new Refusal(plan.refusals.join("\n"));
  plan.warnings.push(...tls.warnings);
  return { settings, address, configuration, files, made, plan };
}

/** What a {@link Gateway} is made from. */
export interface GatewayInputs {
  owner: ServiceId;
  decided: DecidedGateway;
  network: GatewayNetwork;
  /** What has to have ended well before requests are sent to the services. */
  after: pulumi.Resource[];
  /** The engine that all of it runs on. */
  engine: Docker;
  /** What watches it together with the services, once that is declared. */
  watching: Promise<pulumi.Resource[]>;
}

/**
 * One small nginx in front of several services, each with a proxy of its own behind it: it routes by host name and by path, and changes
 * only when a route does. A switch of a service does not touch it. Made by `createServices`.
 */
export class Gateway extends pulumi.ComponentResource {
  /** Where the public reaches it. */
  readonly url: pulumi.Output<string>;

  /** @internal */
  constructor(name: string, inputs: GatewayInputs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Gateway", name, {}, opts);
    const { owner, network, after, engine, watching } = inputs;
    const { settings, address, configuration, files, made, plan } = inputs.decided;
    for (const warning of plan.warnings) pulumi.log.warn(printableMessage(`${GATEWAY}: ${warning}`), this);

    const container = declareNginx(
      name,
      {
        container: gatewayContainer(gatewayName(owner), settings),
        image: settings.nginxImage,
        volumeName: gatewayName(owner),
        labels: { ...ownerLabels(owner), [LABEL.role]: "gateway" },
        madeFrom: { label: LABEL.gateway, value: made },
        networks: [{ name: network.network.name, ipv4Address: address }],
        keep: plan.keep,
      },
      this,
    );
    const command = new local.Command(
      name,
      {
        create: RUN,
        stdin: configuration,
        environment: {
          GATEWAY: container.id,
          SCRIPT: readScript("gateway"),
          ...orderVariables(fileVariables(files)),
          ...(plan.mend !== undefined && { MEND: plan.mend }),
          DOCKER_CONTEXT: "default",
          ...dockerHost(settings.dockerHost),
        },
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        // A request must not be sent to a service that is not there yet.
        dependsOn: [container, ...after],
        // What it was the last time stays in the state until it is needed again: its going away is no change.
        ...(plan.mend === undefined && { ignoreChanges: ["environment.MEND"] }),
      },
    );
    declareNetworkCheck(
      `${name}-network`,
      {
        network: gatewayName(owner),
        ...{ begins: nameOnEngine(owner, ""), ends: GATEWAY_ENDS },
        dockerHost: settings.dockerHost,
        dependsOn: watching.then((others) => [network, command, ...others]),
      },
      this,
    );
    if (!pulumi.runtime.isDryRun()) {
      pulumi
        .all([container.id, command.stdout])
        .apply(([id]) => confirmRoutes(engine, owner, id, generationOf(configuration)));
    }

    const host = reachedAt(settings.bindAddress);
    const port = settings.httpsPort === HTTPS_PORT ? "" : `:${settings.httpsPort}`;
    this.url = pulumi.output(hasTls(settings) ? `https://${host}${port}` : `http://${host}:${settings.httpPort}`);
    this.registerOutputs({ url: this.url });
  }
}

const gatewayContainer = (name: string, settings: GatewaySettings) => nginxContainer(name, publishedPorts(settings));

/** What the container is made from: by name, and a hash over the rest. */
function madeFrom(name: string, settings: GatewaySettings, subnet: string): GatewayMade {
  const { nginxImage, bindAddress, httpPort, httpsPort } = settings;
  const { ports: _, ...rest } = gatewayContainer(name, settings);
  return {
    ...{ nginxImage, bindAddress, httpPort, ...(hasTls(settings) && { httpsPort }), subnet },
    definition: definitionOf(rest),
    ...DNS_MADE,
  };
}

/** Pulumi compares with its own state alone: at the end of a run the gateway has the last word on what it serves. */
async function confirmRoutes(engine: Docker, owner: ServiceId, id: string, generation: string): Promise<void> {
  const seen = await readGateway(engine, owner);
  const serving = "unknown" in seen ? undefined : seen.serving;
  if (serving?.generation !== generation) {
    throw new Refusal(
      `The gateway serves other routes (configuration ${serving?.generation ?? "unknown"}) than Pulumi's state says (${generation}): an ` +
        "earlier run was interrupted, or somebody changed it by hand. The next run puts it right: pulumi up",
    );
  }
  if (serving.declared !== generation) await writeDeclared(engine, id, generation);
}
