import { readFileSync } from "node:fs";
import { join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { BlueGreen } from "./blueGreen";
import { contextProblem, type Docker, dockerAt, dockerHost } from "./docker";
import { type ProxyFiles, proxyFiles } from "./files";
import type { GatewayNetwork } from "./gatewayNetwork";
import { decideGateway, type GatewayMade, readGateway, type SeenGateway } from "./gatewayPlan";
import { completeSettings, type SecretInput, withSecrets } from "./given";
import { HTTPS_PORT, reachedAt } from "./host";
import { gatewayName, LABEL, ownerLabels } from "./names";
import { declareNginx, definitionOf, NGINX_PORT, NGINX_TLS_PORT, nginxContainer } from "./nginx";
import { hasTls } from "./proxy";
import { Refusal } from "./refusal";
import { type RouteTo, renderGateway, routeProblems } from "./routes";
import { stackOwner } from "./services";
import { generationOf, writeDeclared } from "./serving";
import { readProvider, type Settings } from "./settings";
import { readTls } from "./tls";

/** Where requests go. A service must have been made with this gateway's network. */
export type Route = RouteTo<BlueGreen>;

/** What a program gives for a gateway; what is left out is the default of the settings of the same names. */
export interface GatewayArgs {
  /** The network on which it reaches its services. */
  network: GatewayNetwork;
  /** At least one. */
  routes: Route[];
  /** The host's IPv4 or IPv6 address on which it listens; `127.0.0.1`, and `0.0.0.0` for all of them. */
  bindAddress?: string;
  /** The host's port on which it listens; 8080. */
  httpPort?: number;
  /** The host's port on which it listens for TLS, with a certificate; 8443. */
  httpsPort?: number;
  /** The certificate and those that issued it: PEM text, or a file's path. With it HTTP is sent on to HTTPS. */
  tlsCertificate?: string;
  /** Its private key: PEM text, or a file's path. */
  tlsKey?: SecretInput;
  /** Its image, nginx 1.27.4 or newer. */
  nginxImage?: string;
  /** How long it keeps a client's idle connection open, in seconds; 10. */
  keepAliveSeconds?: number;
  /** How long WebSockets and requests in flight may go on after a change of a route, in seconds; 3600. A switch of a service is none. */
  drainSeconds?: number;
  /** Whether this run may replace the gateway's container, which the public notices for seconds; otherwise such a run is refused. */
  allowReplace?: boolean;
}

type GatewaySettings = Pick<
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

/** What a {@link Gateway} is made from. */
export interface GatewayInputs {
  network: GatewayNetwork;
  routes: Route[];
  settings: GatewaySettings;
  allowReplace: boolean;
  /** What runs of it now, read before anything is declared. */
  seen: SeenGateway;
  /** The engine that all of it runs on. */
  engine: Docker;
}

const DRAIN_SECONDS = 3600;

const readNginx = (file: string): string => readFileSync(join(__dirname, "..", "nginx", file), "utf8");

/** Constant: the script and the files travel in the environment, the configuration on standard input. */
const RUN = 'docker exec -i -e FILE_TLSCERTIFICATE -e FILE_TLSKEY "$GATEWAY" sh -c "$SCRIPT"';

/**
 * Makes the stack's one gateway: the public address in front of several services.
 *
 * @throws Refusal with all that is wrong with the arguments and the routes; nothing was touched then.
 */
export async function createGateway(
  name: string,
  { network, routes, allowReplace = false, drainSeconds = DRAIN_SECONDS, ...given }: GatewayArgs,
  opts?: pulumi.ComponentResourceOptions,
): Promise<Gateway> {
  const problem = contextProblem(process.env);
  if (problem !== undefined) throw new Refusal(problem);
  const where = `the gateway ${name}`;
  // The rest of a service's settings says nothing here: ports that can't be the gateway's own.
  const [bluePort = 0, greenPort = 0] = [1, 2, 3, 4].filter(
    (port) => ![given.httpPort, given.httpsPort].includes(port),
  );
  const rest = { activeColor: "blue", bluePort, greenPort } as const;
  const secrets = await withSecrets({ ...given, ...rest, drainSeconds }, where);
  const settings = completeSettings(secrets, where, readProvider());
  const engine = dockerAt(settings.dockerHost);
  const seen = await readGateway(engine, stackOwner());
  return new Gateway(name, { network, routes, settings, allowReplace, seen, engine }, opts);
}

/**
 * One small nginx in front of several services, each with a proxy of its own behind it: it routes by host name and by path, and changes
 * only when a route does. A switch of a service does not touch it.
 */
export class Gateway extends pulumi.ComponentResource {
  /** Where the public reaches it. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, inputs: GatewayInputs, opts?: pulumi.ComponentResourceOptions) {
    super("blue-green:index:Gateway", name, {}, opts);
    const { network, routes, settings, allowReplace, seen, engine } = inputs;
    const owner = stackOwner();

    const now = new Date();
    const problems = [...routeProblems(routes), ...strangers(routes, network)];
    const serves = (fingerprint: string) => "unknown" in seen || seen.serving?.tls === fingerprint;
    const tls = readTls(settings, now, serves);
    if (problems.length + tls.problems.length > 0) {
      throw new Refusal(
        [...problems.map((line) => `${name}: ${line} Nothing was touched.`), ...tls.problems].join("\n"),
      );
    }
    const files = proxyFiles(owner, { maintenance: false }, () => "", tls.pair);
    const { keepAliveSeconds, drainSeconds, httpsPort } = settings;
    const { tlsCertificate, tlsKey } = files;
    const configuration = renderGateway(readNginx("gateway.conf.mustache"), routes, {
      ...{ keepAliveSeconds, drainSeconds, httpsPort },
      ...(tlsCertificate && tlsKey && { tls: { certificate: tlsCertificate.name, key: tlsKey.name } }),
    });

    const made = madeFrom(gatewayName(owner), settings, network);
    const generation = generationOf(configuration);
    const preview = pulumi.runtime.isDryRun();
    const plan = decideGateway({ seen, made, generation, allowReplace, preview, name });
    if (plan.refusals.length > 0) throw new Refusal(plan.refusals.join("\n"));
    for (const warning of [...plan.warnings, ...tls.warnings]) pulumi.log.warn(warning, this);

    const container = declareNginx(
      name,
      {
        container: gatewayContainer(gatewayName(owner), settings),
        image: settings.nginxImage,
        volumeName: gatewayName(owner),
        labels: { ...ownerLabels(owner), [LABEL.role]: "gateway" },
        madeFrom: { label: LABEL.gateway, value: made },
        networks: [{ name: network.network.name, ipv4Address: network.address }],
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
          SCRIPT: `${readNginx("reload.sh")}\n${readNginx("gateway.sh")}`,
          ...fileVariables(files),
          ...(plan.mend !== undefined && { MEND: plan.mend }),
          DOCKER_CONTEXT: "default",
          ...dockerHost(settings.dockerHost),
        },
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        // A request must not be sent to a service that is not there yet.
        dependsOn: [container, ...routes.map(({ service }) => service.moved)],
        // What it was the last time stays in the state until it is needed again: its going away is no change.
        ...(plan.mend === undefined && { ignoreChanges: ["environment.MEND"] }),
      },
    );
    if (!preview) {
      pulumi
        .all([container.id, command.stdout])
        .apply(([id]) => confirmRoutes(engine, id, generation, () => readGateway(engine, owner)));
    }

    const host = reachedAt(settings.bindAddress);
    const port = httpsPort === HTTPS_PORT ? "" : `:${httpsPort}`;
    this.url = pulumi.output(hasTls(settings) ? `https://${host}${port}` : `http://${host}:${settings.httpPort}`);
    this.registerOutputs({ url: this.url });
  }
}

/** Routes to services that this gateway could not reach, each in a sentence. */
const strangers = (routes: readonly Route[], network: GatewayNetwork): string[] =>
  routes.flatMap(({ service }, index) =>
    service?.gateway === network
      ? []
      : [
          `routes[${index}].service ${service?.owner?.service ?? ""} is not on the network of this gateway: make the service with gateway: <the same GatewayNetwork>.`,
        ],
  );

const gatewayContainer = (name: string, settings: GatewaySettings) =>
  nginxContainer(name, [
    { internal: NGINX_PORT, external: settings.httpPort, ip: settings.bindAddress },
    ...(hasTls(settings) ? [{ internal: NGINX_TLS_PORT, external: settings.httpsPort, ip: settings.bindAddress }] : []),
  ]);

/** What the container is made from: by name, and a hash over the rest. */
function madeFrom(name: string, settings: GatewaySettings, { subnet }: GatewayNetwork): GatewayMade {
  const { nginxImage, bindAddress, httpPort, httpsPort } = settings;
  const { ports: _, ...rest } = gatewayContainer(name, settings);
  return {
    ...{ nginxImage, bindAddress, httpPort, ...(hasTls(settings) && { httpsPort }), subnet },
    definition: definitionOf(rest),
  };
}

const fileVariables = (files: ProxyFiles): Record<string, pulumi.Input<string>> =>
  Object.fromEntries(
    Object.entries(files).map(([kind, { name, content, secret }]) => {
      const text = `${name}\n${content}`;
      return [`FILE_${kind.toUpperCase()}`, secret ? pulumi.secret(text) : text];
    }),
  );

/** Pulumi compares with its own state alone: at the end of a run the gateway has the last word on what it serves. */
async function confirmRoutes(
  engine: Docker,
  id: string,
  generation: string,
  read: () => Promise<SeenGateway>,
): Promise<void> {
  const seen = await read();
  const serving = "unknown" in seen ? undefined : seen.serving;
  if (serving?.generation !== generation) {
    throw new Refusal(
      `The gateway serves other routes (configuration ${serving?.generation ?? "unknown"}) than Pulumi's state says (${generation}): an ` +
        "earlier run was interrupted, or somebody changed it by hand. The next run puts it right: pulumi up",
    );
  }
  if (serving.declared !== generation) await writeDeclared(engine, id, generation);
}
