import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Lock } from "../cutover/lock";
import { Nginx } from "../cutover/proxy";
import { dockerAt } from "../stacks/engine/docker";
import type { FileNames } from "../stacks/proxy/files";
import { type ConfigurationSettings, type Endpoint, renderConfiguration } from "../stacks/proxy/nginxConfiguration";
import type { Color } from "../stacks/service/color";
import { docker } from "./command";
import { type Contender, type Place, twin } from "./place";

const CHECKOUT = join(__dirname, "..");
const read = (...path: string[]): string => readFileSync(join(CHECKOUT, ...path), "utf8");

/** How long a cutover waits for the color that it moves to; the backends are there. */
const ANSWER_SECONDS = 60;

/** How long the lock is waited for; nobody else is there. */
const LOCK_SECONDS = 5;

/** The program's own defaults. */
export const defaults: Omit<ConfigurationSettings, "activeColor" | "slots" | "files"> &
  Endpoint & { verifyRequests: number } = Object.fromEntries(
  Object.entries(parse(read("Pulumi.yaml")).config as Record<string, { default: never }>)
    .map(([name, { default: value }]) => [name, value] as const)
    // A setting that is empty says nothing.
    .filter(([, value]) => value !== ""),
) as never;

/** The program's own configuration of nginx, which names these files. */
export const configurationFor = (color: Color, files: FileNames = {}): string =>
  renderConfiguration(read("nginx", "nginx.conf.mustache"), {
    ...defaults,
    slots: { blue: defaults, green: defaults },
    files,
    activeColor: color,
  });

/** The program's own lock and move of the public, as `pulumi up` has them. */
function cutoverIn(proxyId: string): { prepare(): Promise<void>; move(configuration: string): Promise<void> } {
  const nginx = new Nginx(dockerAt(undefined), proxyId);
  const how = { ...defaults, answerSeconds: ANSWER_SECONDS, keepPrevious: false, reload: false };
  let lock: Lock | undefined;
  return {
    prepare: async () => {
      lock = await nginx.lock("the benchmark", LOCK_SECONDS, () => {});
    },
    move: async (configuration) => {
      if (lock === undefined) throw new Error("the lock was not taken");
      const held = lock;
      const { code, stderr } = await held.move(configuration, how, () => {});
      void held.release();
      if (code !== 0) throw new Error(`the cutover ended with ${code}: ${stderr}`);
    },
  };
}

export const nginxVersion = async (container: string): Promise<string> =>
  `nginx ${(await docker("exec", container, "sh", "-c", "nginx -v 2>&1")).trim().replace(/^.*\//, "")}`;

/** The product: the proxy that `pulumi up` made, with its configuration, which names these files, and its cutover. */
export async function thisCutover({ proxy }: Place, port: number, files: FileNames = {}): Promise<Contender> {
  const { prepare, move } = cutoverIn(proxy.Id);
  return {
    name: "this cutover",
    id: proxy.Id,
    log: "JSON line per request, buffered, to standard output",
    version: await nginxVersion(proxy.Id),
    port,
    ...(files.tlsCertificate !== undefined && { tls: true }),
    prepare,
    switchTo: (color) => move(configurationFor(color, files)),
  };
}

/** The same without its access log, to tell what that costs. */
export async function cutoverWithoutLog(place: Place, port: number): Promise<Contender> {
  const id = await twin(place, "without-log", port);
  const { prepare, move } = cutoverIn(id);
  const switchTo = (color: Color) =>
    move(configurationFor(color).replace(/^( *)access_log .*buffer=.*;$/m, "$1access_log off;"));
  await prepare();
  await switchTo("blue");
  const name = "this cutover, access log off";
  return { name, id, log: "none", version: await nginxVersion(id), port, prepare, switchTo };
}
