import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Program } from "../test/e2e/program";
import { baseImages, freePorts } from "../test/e2e/stack";
import { assertForwarded, HOST_ADDRESS, load } from "./client";
import { command } from "./command";
import { median, percent, seconds, whole, withRange } from "./figures";
import { busyPercent } from "./machine";
import { pause } from "./measure";
import { table } from "./report";
import { tinyImage } from "./tinyImage";

/** How many services are in one program: what grows with them is measured from the first to the last. */
const COUNTS = [1, 20] as const;

/** How long the machine is looked at while all rest, and how long containers get to come to rest before. */
const REST_SECONDS = 20;
const SETTLE_SECONDS = 15;

/** Of the load that tells what the gateway costs: in seconds, at the end of which the next one waits a moment. */
const LOAD_SECONDS = 8;
const PAUSE_MILLISECONDS = 1500;

/** The times of whole commands with so many services in one program, in seconds. */
interface Times {
  services: number;
  /** `pulumi preview` with nothing to do. */
  preview: number[];
  /** `pulumi up` that switches one of them, to a color that was stable. */
  up: number[];
  /**
   * How busy the machine is while nobody asks them anything; with the same containers, but without anything of the program's;
   * and with none: in percent of a core.
   */
  rest: number[];
  byHand: number[];
  stopped: number[];
}

type Rest = Pick<Times, "rest" | "byHand" | "stopped">;

/** What was measured with several services in one program. */
export interface ServiceFigures {
  times: Times[];
  /** Requests a second by way of the gateway, and of the service's own proxy alone. */
  gateway: number[];
  proxy: number[];
}

const PROGRAM = (ports: number[], gatewayPort: number, image: string, nginxImage: string, subnet: string) => `
import * as pulumi from "@pulumi/pulumi";
import { createServices, type ServiceArgs } from "blue-green";

export = async () => {
  const ports = ${JSON.stringify(ports)};
  const services: Record<string, ServiceArgs> = {};
  for (let at = 0; at * 3 < ports.length; at++) {
    const [httpPort = 0, bluePort = 0, greenPort = 0] = ports.slice(at * 3);
    const activeColor = at === 0 ? new pulumi.Config().require<"blue" | "green">("color") : "blue";
    const images = { blueImage: "${image}", greenImage: "${image}", nginxImage: "${nginxImage}" };
    const settings = { activeColor, httpPort, bluePort, greenPort, bindAddress: "${HOST_ADDRESS}", bakeSeconds: 0, ...images };
    services["s" + (at + 1)] = { settings };
  }
  const routes = Object.keys(services).map((service) => ({ host: service + ".example", service }));
  await createServices(services, {
    ...{ bindAddress: "${HOST_ADDRESS}", httpPort: ${gatewayPort}, subnet: "${subnet}", nginxImage: "${nginxImage}" },
    routes: [...routes, { service: "s1" }],
  });
};
`;

/**
 * Times whole commands with 1 and with 20 services in one program, and tells what a gateway costs. Needs the client (client.ts).
 *
 * @param context removes what was made.
 */
export async function measureServices(
  context: TestContext,
  rounds: number,
  say: (line: string) => void,
): Promise<ServiceFigures> {
  const { nginxImage = "" } = baseImages();
  const image = await tinyImage(context);

  const figures: ServiceFigures = { times: [], gateway: [], proxy: [] };
  for (const services of COUNTS) {
    say(`… a program with ${services} service${services === 1 ? "" : "s"}: its first pulumi up`);
    const { program, ports } = await makeProgram(context, services, image, nginxImage);
    await program.up();
    const times: Times = { services, preview: [], up: [], rest: [], byHand: [], stopped: [] };
    // Both colors become stable, and the first run after a deployment finds more to look up.
    for (const color of ["green", "blue"]) await switchTo(program, color);
    for (let round = 1; round <= rounds; round++) {
      say(`… ${services}: preview, switching up: ${round} of ${rounds}`);
      times.preview.push(await timed(() => program.pulumi("preview", "--expect-no-changes")));
      times.up.push(await switchTo(program, round % 2 === 1 ? "green" : "blue"));
    }
    say(`… ${services}: at rest, and stopped`);
    Object.assign(times, await measureRest(rounds));
    figures.times.push(times);
    if (services === 1) Object.assign(figures, await measureHop(ports, rounds, say));
    await program.pulumi("destroy", "--yes", "--skip-preview");
  }
  return figures;
}

/** How busy the machine is at rest with the containers of these services, with the same ones by hand, and with none, in turn. */
async function measureRest(rounds: number): Promise<Rest> {
  const rest = (await command("docker", ["ps", "--quiet", "--filter", "label=blue-green.project=bench"]))
    .split("\n")
    .filter(Boolean);
  const byHand = await Promise.all((await inspected(rest)).map(createByHand));
  const found: Rest = { rest: [], byHand: [], stopped: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [how, ids] of Object.entries({ rest, byHand, stopped: [] }) as [keyof Rest, string[]][]) {
      await command("docker", ["stop", "--time", "1", ...rest, ...byHand]);
      if (ids.length > 0) await command("docker", ["start", ...ids]);
      await pause(SETTLE_SECONDS * 1000);
      found[how].push(await busyPercent(REST_SECONDS));
    }
  }
  await command("docker", ["rm", "--force", "--volumes", ...byHand]);
  await command("docker", ["start", ...rest]);
  return found;
}

/** What `docker inspect` says of a container, as far as one like it needs it. */
interface Inspected {
  Config: { Image: string; Env: string[]; Labels: Record<string, string> };
  HostConfig: { PortBindings: Record<string, unknown[]> };
  NetworkSettings: { Networks: Record<string, unknown> };
}

async function inspected(ids: string[]): Promise<Inspected[]> {
  return JSON.parse(await command("docker", ["inspect", ...ids]));
}

/**
 * A container as it would be without the program: the same image on the same network with as many published ports, and in place
 * of the proxy an nginx with the configuration of its image. Answers its id.
 */
async function createByHand({ Config, HostConfig, NetworkSettings }: Inspected): Promise<string> {
  const [network = "bridge"] = Object.keys(NetworkSettings.Networks);
  const isColor = Config.Labels["blue-green.role"] === "slot";
  const args = ["--network", network, ...Config.Env.flatMap((pair) => ["--env", pair])];
  for (const port of Object.keys(HostConfig.PortBindings)) args.push("--publish", `127.0.0.1::${port.split("/")[0]}`);
  const run = isColor ? [Config.Image] : ["--entrypoint", "nginx", Config.Image, "-g", "daemon off;"];
  return (await command("docker", ["create", ...args, ...run])).trim();
}

export async function makeProgram(context: TestContext, services: number, image: string, nginxImage: string) {
  const source = mkdtempSync(join(tmpdir(), "blue-green-bench-"));
  const [gateway = 0, ...ports] = await freePorts(1 + services * 3);
  const files = {
    "Pulumi.yaml":
      "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --require tsx/cjs\n",
    "package.json": JSON.stringify({ name: "bench", main: "index.ts" }),
    "index.ts": PROGRAM(ports, gateway, image, nginxImage, "10.215.0.0/24"),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, name), text);
  const program = await Program.make(context, source);
  rmSync(source, { recursive: true });
  await program.configure({ color: "blue" });
  return { program, ports: { gateway, proxy: ports[0] ?? 0 } };
}

async function switchTo(program: Program, color: string): Promise<number> {
  await program.configure({ color });
  return timed(() => program.up());
}

/** The same requests by way of the gateway and to the service's own proxy, in turn. */
async function measureHop(
  ports: { gateway: number; proxy: number },
  rounds: number,
  say: (line: string) => void,
): Promise<Pick<ServiceFigures, "gateway" | "proxy">> {
  const found: Pick<ServiceFigures, "gateway" | "proxy"> = { gateway: [], proxy: [] };
  for (const way of ["gateway", "proxy"] as const) await load({ port: ports[way] }, 1);
  for (let round = 1; round <= rounds; round++) {
    for (const way of ["gateway", "proxy"] as const) {
      say(`… load by way of the ${way}: ${round} of ${rounds}`);
      const loading = load({ port: ports[way] }, LOAD_SECONDS);
      await pause(PAUSE_MILLISECONDS);
      assertForwarded(ports[way]);
      const { requests, seconds, failed } = await loading;
      if (failed > 0) throw new Error(`${failed} requests failed by way of the ${way}`);
      found[way].push(requests / seconds);
      await pause(PAUSE_MILLISECONDS);
    }
  }
  return found;
}

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}

/** The part of docs/benchmarks.md that this makes. */
export function serviceSection({ times, gateway, proxy }: ServiceFigures): string {
  const [one, most] = [times[0], times.at(-1)];
  if (one === undefined || most === undefined) throw new Error("nothing was measured");
  const row = (name: string, key: "preview" | "up") => [
    name,
    ...times.map((each) => withRange(each[key], seconds)),
    (median(most[key]) / median(one[key])).toFixed(2),
  ];
  return [
    "## Several services in one program",
    "",
    table([
      ["", ...times.map(({ services }) => `${services} service${services === 1 ? "" : "s"}`), "growth"],
      row("`pulumi preview`, nothing to do", "preview"),
      row("`pulumi up` that switches one of them, the instant way", "up"),
    ]),
    "",
    `Each the median over ${one.up.length} runs, with the range: a program of its own on the packed package, a gateway in front, two containers and a`,
    "proxy a service, an app of a few bytes.",
    "",
    table([
      [
        "the whole machine, in percent of a core",
        ...times.map(({ services }) => `${services} service${services === 1 ? "" : "s"}`),
      ],
      ["the services, which nobody asks anything", ...times.map(({ rest }) => withRange(rest, percent))],
      [
        "the same containers by hand, an nginx of its image's own settings as proxy",
        ...times.map(({ byHand }) => withRange(byHand, percent)),
      ],
      ["none of them", ...times.map(({ stopped }) => withRange(stopped, percent))],
    ]),
    "",
    `At rest for ${REST_SECONDS} s each, in turn. The program starts no process in a container while nobody needs to know how it is.`,
    "",
    table([
      ["", "requests/s", "share"],
      ["the service's own proxy", withRange(proxy, whole), "1"],
      ["the gateway before it", withRange(gateway, whole), (median(gateway) / median(proxy)).toFixed(2)],
    ]),
    "",
    `The same load (wrk, 32 keep-alive connections, ${LOAD_SECONDS} s a run, in turn) on one machine that also runs all of them: each request is handled`,
    "by two nginx in place of one.",
  ].join("\n");
}
