import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CUTOVER_SCRIPT } from "../cutover/proxy";
import { type ConfigurationSettings, type Endpoint, renderConfiguration } from "../stacks/proxy/nginxConfiguration";
import type { Color } from "../stacks/service/color";
import { command, docker } from "./command";
import { type Contender, type Place, twin } from "./place";

const CHECKOUT = join(__dirname, "..");
const read = (...path: string[]): string => readFileSync(join(CHECKOUT, ...path), "utf8");

/** How long a cutover waits for the color that it moves to; the backends are there. */
const ANSWER_SECONDS = 60;

/** The program's own defaults. */
export const defaults: Omit<ConfigurationSettings, "activeColor" | "slots"> & Endpoint & { verifyRequests: number } =
  Object.fromEntries(
    Object.entries(parse(read("Pulumi.yaml")).config as Record<string, { default: never }>).map(
      ([name, { default: value }]) => [name, value],
    ),
  ) as never;

/** The program's own configuration of nginx. */
export const configurationFor = (color: Color): string =>
  renderConfiguration(read("nginx", "nginx.conf.mustache"), {
    ...defaults,
    slots: { blue: defaults, green: defaults },
    activeColor: color,
  });

/** The program's own move of the public: the script that `pulumi up` runs, in the way that it runs it. */
async function cutover(proxyId: string, configuration: string): Promise<void> {
  const environment = {
    STEP: "move",
    APP_PORT: String(defaults.appPort),
    HEALTH_PATH: defaults.healthPath,
    ANSWER_SECONDS: String(ANSWER_SECONDS),
    VERIFY_REQUESTS: String(defaults.verifyRequests),
    WATCH: "false",
  };
  const names = Object.keys(environment).flatMap((name) => ["-e", name]);
  await command("docker", ["exec", "-i", ...names, proxyId, "sh", "-c", CUTOVER_SCRIPT], {
    input: configuration,
    env: environment,
  });
}

export const nginxVersion = async (container: string): Promise<string> =>
  `nginx ${(await docker("exec", container, "sh", "-c", "nginx -v 2>&1")).trim().replace(/^.*\//, "")}`;

/** The product: the proxy that `pulumi up` made, with its configuration, and its cutover. */
export async function thisCutover({ proxy }: Place, port: number): Promise<Contender> {
  return {
    name: "this cutover",
    log: "JSON line per request, buffered, to standard output",
    version: await nginxVersion(proxy.Id),
    port,
    switchTo: (color) => cutover(proxy.Id, configurationFor(color)),
  };
}

/** The same without its access log, to tell what that costs. */
export async function cutoverWithoutLog(place: Place, port: number): Promise<Contender> {
  const id = await twin(place, "without-log", port);
  const switchTo = (color: Color) =>
    cutover(id, configurationFor(color).replace(/^( *)access_log .*buffer=.*;$/m, "$1access_log off;"));
  await switchTo("blue");
  return { name: "this cutover, access log off", log: "none", version: await nginxVersion(id), port, switchTo };
}
