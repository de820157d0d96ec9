import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "./blueGreen";
import { contextProblem, dockerAt } from "./docker";
import type { GatewayNetwork } from "./gatewayNetwork";
import { completeSettings, type ServiceSettings, withSecrets } from "./given";
import { type Owner, serviceNameRule } from "./names";
import { shown } from "./problem";
import { hasTls } from "./proxy";
import { Refusal } from "./refusal";
import { readProvider, type Settings } from "./settings";
import { settledWorld } from "./settled";
import { readWorlds } from "./world";

/** What a service is made from. */
export interface ServiceArgs {
  settings: ServiceSettings;
  /** The folder with the Dockerfile that colors without an image of their own are built from, relative to the program; `app`. */
  appDirectory?: string;
  /** The network on which a gateway reaches the service. */
  gateway?: GatewayNetwork;
}

/**
 * Makes services of one program, each with two colors, a proxy and an `activeColor` of its own. What runs is read from the engine first,
 * once for all of them, so that each can decide before anything is touched.
 *
 * @param services by name; the name is a part of what Docker and Pulumi call everything of that service.
 * @throws Refusal with all that is wrong with the names, the settings and the ports; nothing was touched then.
 */
export async function createServices<Name extends string>(
  services: Readonly<Record<Name, ServiceArgs>>,
  opts?: pulumi.ComponentResourceOptions,
): Promise<Record<Name, BlueGreen>> {
  const problem = contextProblem(process.env);
  if (problem !== undefined) throw new Refusal(problem);
  const all = stackOwner();
  const names = Object.keys(services) as Name[];
  const rules = names.flatMap((name) => {
    const rule = serviceNameRule(name, all);
    return rule === undefined ? [] : [`The service's name ${shown(name)} ${rule}.`];
  });
  if (rules.length > 0) throw new Refusal(`${rules.join("\n")}\nNothing was touched.`);

  const provider = readProvider();
  const made = await Promise.all(
    names.map(async (name) => {
      const args: ServiceArgs = services[name];
      const settings = completeSettings(await withSecrets(args.settings, name), name, provider);
      return { ...args, name, owner: { ...all, service: name }, settings };
    }),
  );
  const clashes = portClashes(made);
  if (clashes.length > 0) throw new Refusal(`${clashes.join("\n")}\nNothing was touched. Next: give one another port`);

  const engine = dockerAt(made[0]?.settings.dockerHost);
  const seen = await readWorlds(
    engine,
    all,
    made.map(({ owner }) => owner),
  );
  const worlds = await Promise.all(
    made.map(({ owner, settings }, at) => settledWorld(engine, owner, settings, seen[at])),
  );
  return Object.fromEntries(
    made.map(({ name, ...args }, at) => {
      const world = worlds[at] ?? { unknown: true, reason: "it was not read" };
      return [name, new BlueGreen(name, { ...args, world, engine }, opts)];
    }),
  ) as Record<Name, BlueGreen>;
}

/** Whose all of a program is. */
export const stackOwner = (): Owner => ({ project: pulumi.getProject(), stack: pulumi.getStack() });

/** Ports of the host's that two of the services would take, each in a sentence. */
export function portClashes(services: readonly { name: string; settings: Settings }[]): string[] {
  const taken = new Map<number, string>();
  return services.flatMap(({ name, settings }) => {
    const ports = {
      httpPort: settings.httpPort,
      ...(hasTls(settings) && { httpsPort: settings.httpsPort }),
      bluePort: settings.slots.blue.port,
      greenPort: settings.slots.green.port,
    };
    return Object.entries(ports).flatMap(([setting, port]) => {
      const holder = taken.get(port);
      taken.set(port, holder ?? `${setting} of ${name}`);
      return holder === undefined ? [] : [`${setting} of ${name} is ${port}, which is ${holder} already.`];
    });
  });
}
