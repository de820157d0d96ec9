import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { readNginx } from "../engine/scripts";
import { namesOf, type ProxyFiles, pageProblem, proxyFiles } from "../proxy/files";
import { renderConfiguration } from "../proxy/nginxConfiguration";
import { hasTls } from "../proxy/nginxContainer";
import { timesOf } from "../proxy/pem";
import { proxyMadeFrom } from "../proxy/proxy";
import { readTls } from "../proxy/tls";
import { Refusal } from "../refusal";
import { COLORS } from "../service/color";
import { decisionLine } from "../service/decision";
import type { Host } from "../service/hosts";
import { monitoringNameRule, type ServiceId, serviceNameRule } from "../service/names";
import type { Found } from "../service/needs";
import { generationOf } from "../service/serving";
import { sourceHash } from "../service/source";
import type { UnknownWorld, World } from "../service/world";
import { hasEmptyPassphrase } from "../settings/passphrase";
import { hasSecrets } from "../settings/read";
import type { Settings } from "../settings/settings";
import { slotSpecOf } from "../slot";
import { shown } from "../text/plain";
import { terminalColumns } from "../text/terminal";
import { decisionOf } from "./decision";
import { withHardening } from "./hardened";
import { decideHosts } from "./hostChanges";
import { saidOnAll } from "./hosts";
import { decideMissingHosts, type MissingHost } from "./missingHosts";
import { decide } from "./plan";
import { hasPolicyPack } from "./policyPack";
import { isRecovery, settingsThatRun } from "./recovery";
import { type OtherService, type Plan, withPart } from "./situation";
import { type StatePart, type StateResource, stateFindings } from "./stateProblem";

/** The folder of the service's sources, relative to the project, where nothing else is said. */
export const APP_DIRECTORY = "app";

/** What is decided from: a service's settings, and what runs of it. */
export interface ServiceInputs {
  /** The host that it is decided for, where the setting `hosts` names any. */
  host?: Host;
  owner: ServiceId;
  settings: Settings;
  world: World | UnknownWorld;
  /** What Pulumi's own state has of the stack (see ownState.ts); undefined where it can't be read. */
  state?: readonly StatePart[] | undefined;
  /** The same by what all of it is called, for what has to stay as it is. */
  resources?: readonly StateResource[] | undefined;
  appDirectory?: string;
  /** Which engine answers, as it says itself; undefined where it was not asked. */
  engineId?: string | undefined;
  /** The gateway's network, by name, and its address there. */
  gateway?: { name: string; address: string };
  /** The other services of the program. */
  others?: readonly OtherService[];
  /** What the engine has of what the containers need (see container.ts); undefined where it was not asked. */
  found?: Found | undefined;
}

/** What a run does with a service, decided before anything is declared. */
export interface ServicePlan {
  /** Those that were given; behind a gateway, its address is among the trusted proxies. */
  settings: Settings;
  plan: Plan;
  files: ProxyFiles;
  /** nginx's configuration. */
  configuration: string;
}

/** What a run does with a service at one of its places. */
export type PlacePlan = ServicePlan | MissingHost;

/**
 * Decides what a run does with a service at each of its places: on one host, or on several, the lead first. What is to be said to people
 * is in the first plan of a host that answers, for all of them.
 *
 * @throws Refusal with everything for which the run must not happen. What one host refuses happens on none.
 */
export function decideService(places: readonly ServiceInputs[]): PlacePlan[] {
  const { part, without } = decideMissingHosts(places, pulumi.runtime.isDryRun());
  const there = places.filter((place) => !without.has(place));
  const planned = new Map(there.map((place, at) => [place, planAt(at === 0 ? withGate(place, places[0]) : place)]));
  const all = there.map((place) => ({ ...place, ...(planned.get(place) as ServicePlan) }));
  const [first] = all;
  if (first === undefined) throw new Error("a service runs on one host at least");
  const { owner, settings, world } = first;
  const plan = withPart(withPart({ ...first.plan, ...saidOnAll(all) }, decideHosts(places)), part);
  // For `npm run preview`, which reads it from the engine's events.
  const missing = [...without.keys()].flatMap(({ host }) => host?.name ?? []);
  pulumi.log.debug(decisionLine(decisionOf(owner, settings, world, plan, missing)));
  if (plan.refusals.length > 0) throw new Refusal(plan.refusals.map((refusal) => ofService(owner, refusal)).join("\n"));
  return places.map((place) => {
    const own = planned.get(place);
    if (own === undefined) return without.get(place) as MissingHost;
    return { ...own, plan: place === there[0] ? plan : { ...own.plan, warnings: [], notes: [] } };
  });
}

/** The gate's command runs once: at the first host that is there, also where that isn't the lead. */
const withGate = (first: ServiceInputs, lead: ServiceInputs | undefined): ServiceInputs => {
  const { gateCommand } = lead?.settings ?? {};
  return gateCommand === undefined ? first : { ...first, settings: { ...first.settings, gateCommand } };
};

/** Decides the same at one place, and refuses nothing yet. */
function planAt(undecided: ServiceInputs): ServicePlan {
  const { owner, world, state, gateway, appDirectory = APP_DIRECTORY } = undecided;
  const wrong = argumentProblem(undecided);
  if (wrong !== undefined) throw new Refusal(ofService(owner, `${wrong} Nothing was touched.`));

  const recovers = isRecovery(process.env, pulumi.runtime.isDryRun());
  const asked = behind(gateway?.address, undecided.settings);
  const settings = withHardening(recovers ? settingsThatRun(asked, world) : asked, world);
  const template = readNginx("nginx.conf.mustache");
  const now = new Date();
  const serves = (fingerprint: string) => "unknown" in world || world.serving?.tls === fingerprint;
  const tls = readTls(settings, now, serves);
  const files = proxyFiles(owner, settings, () => readNginx("maintenance.html"), tls.pair);
  const fileProblems = [pageProblem(files)].filter((problem) => problem !== undefined);
  const render = ({ runs, canaryPercent }: Pick<Plan, "runs" | "canaryPercent">) =>
    renderConfiguration(template, {
      ...{ ...settings, canaryPercent, slots: runs, files: namesOf(files) },
      ...(tls.pair && { certificateEnd: endOf(tls.pair.certificate) }),
      ...(gateway && { gateway: gateway.address }),
    });
  const engineHost = settings.dockerHost ?? process.env.DOCKER_HOST;
  const plan = decide({
    owner,
    settings,
    world,
    source: isBuilt(settings) ? sourceHash(appDirectory) : "",
    proxy: proxyMadeFrom(owner, settings, gateway?.name),
    slots: { blue: slotSpecOf("blue", settings), green: slotSpecOf("green", settings) },
    generation: (plan) => generationOf(render(plan)),
    found: undecided.found,
    ...(undecided.others && { others: undecided.others }),
    files: { problems: [...fileProblems, ...tls.problems], warnings: tls.warnings },
    ...(state !== undefined &&
      !recovers && {
        state: stateFindings({
          ...{ owner, state, world, organization: pulumi.getOrganization() },
          ...{ httpPort: settings.httpPort, allowProxyReplace: settings.allowProxyReplace },
        }),
      }),
    now,
    preview: pulumi.runtime.isDryRun(),
    recovers,
    policyPack: hasPolicyPack(process.env),
    ...(undecided.host && { host: undecided.host }),
    openSecrets: hasSecrets() && hasEmptyPassphrase(process.env, `Pulumi.${owner.stack}.yaml`),
    columns: terminalColumns(),
    ...(engineHost !== undefined && { dockerHost: engineHost }),
  });
  return { settings, plan, files, configuration: render(plan) };
}

/** When the server's own certificate ends, in seconds since 1970; it is the first of the text. */
const endOf = (certificate: string): number => Math.floor(+timesOf(new X509Certificate(certificate)).notAfter / 1000);

/** A message for people says which service it is about, where there are several. */
export const ofService = ({ service }: ServiceId, message: string): string =>
  service === undefined ? message : `${service}: ${message}`;

/** Behind a gateway its word about its clients is believed, and nobody else's on that network. */
const behind = (gateway: string | undefined, settings: Settings): Settings =>
  gateway === undefined
    ? settings
    : { ...settings, trustedProxies: [...new Set([...settings.trustedProxies, gateway])] };

/** Whether a color is built from sources. */
const isBuilt = ({ slots }: Settings): boolean => COLORS.some((color) => slots[color].image === undefined);

/** What is wrong with the arguments beside the settings, in a sentence or more. */
function argumentProblem({
  host,
  owner,
  settings,
  gateway,
  appDirectory = APP_DIRECTORY,
}: ServiceInputs): string | undefined {
  const rule = owner.service === undefined ? undefined : serviceNameRule(owner.service, owner);
  if (rule !== undefined) return `The service's name ${shown(owner.service)} ${rule}.`;
  if (settings.hosts !== undefined && host === undefined) {
    return "hosts is set, but the program makes the service with `new BlueGreen`: make it with createService, which reads what runs on each host.";
  }
  const watched = monitoringNameRule(owner, settings.monitoring);
  if (watched !== undefined)
    return `monitoring is ${settings.monitoring}, but ${watched}. Nothing was touched. Next: shorter names of project, stack and service, or: pulumi config set monitoring off`;
  if (gateway !== undefined && owner.service === undefined) {
    return "Only a service with a name can be behind a gateway.";
  }
  if (gateway !== undefined && hasTls(settings)) {
    return "tlsCertificate is set, but behind a gateway it is the gateway that speaks TLS: set it there.";
  }
  if (!isBuilt(settings)) return undefined;
  if (isAbsolute(appDirectory)) {
    return `appDirectory is ${shown(appDirectory)}, but must be relative to the program's folder: it is a part of the state, which every machine shares.`;
  }
  return existsSync(join(appDirectory, "Dockerfile"))
    ? undefined
    : `There is no ${shown(join(appDirectory, "Dockerfile"))} seen from the program's folder: name the folder with it as appDirectory, or set blueImage and greenImage.`;
}
