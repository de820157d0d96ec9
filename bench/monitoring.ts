import type { TestContext } from "node:test";
import { askApi } from "../stacks/engine/api";
import { dockerAt } from "../stacks/engine/docker";
import { MONITORING_PARTS } from "../stacks/service/names";
import { monitoringImages } from "../test/e2e/prometheus";
import { freePorts, TestStack } from "../test/e2e/stack";
import { assertForwarded, HOST_ADDRESS, load } from "./client";
import { command } from "./command";
import { median, percent, whole, withRange } from "./figures";
import { pause } from "./measure";
import { type Aim, aimTable, table } from "./report";
import { tinyImage } from "./tinyImage";

/** The values of the setting `monitoring`, the one that costs nothing first. */
const MODES = ["off", "metrics", "on"] as const;
type Mode = (typeof MODES)[number];

/** Of one load, and how long it runs before it counts: a proxy that was just reloaded is none to measure. */
const LOAD_SECONDS = 8;
const WARM_SECONDS = 2;

/** How long what watches is looked at while nobody asks the service anything. */
const REST_SECONDS = 30;

/** What is left of the throughput without monitoring, at the least. */
const LEAST_SHARE = 0.97;

/** What was measured with one value of the setting, once a round. */
interface Figures {
  /** Requests a second. */
  rate: number[];
  /** Microseconds of a processor that a request took: the proxy's, and of all containers that watch. */
  proxy: number[];
  watching: number[];
  /** Memory of all containers that watch after the load, in MiB. */
  memory: number[];
  /** What they take of a core while nobody asks anything, in percent. */
  rest: number[];
}

export type MonitoringFigures = Record<Mode, Figures>;

/** What a container has taken: of a processor in microseconds, and of the memory in bytes. */
interface Usage {
  microseconds: number;
  bytes: number;
}

/**
 * Measures what each value of the setting `monitoring` costs, in turn: it is set, brought up, and the same load follows. Needs the client
 * (client.ts).
 *
 * @param context removes what was made.
 */
export async function measureMonitoring(
  context: TestContext,
  rounds: number,
  say: (line: string) => void,
): Promise<MonitoringFigures> {
  const image = await tinyImage(context);
  const [metricsPort, prometheusPort, alertmanagerPort] = (await freePorts(3)).map(String) as [string, string, string];
  const stack = await TestStack.make(context, {
    ...{ bindAddress: HOST_ADDRESS, blueImage: image, greenImage: image, blueVersion: "1", greenVersion: "1" },
    ...{ metricsPort, prometheusPort, alertmanagerPort },
    ...(await monitoringImages()),
  });
  const empty = (): Figures => ({ rate: [], proxy: [], watching: [], memory: [], rest: [] });
  const figures: MonitoringFigures = { off: empty(), metrics: empty(), on: empty() };
  for (let round = 1; round <= rounds; round++) {
    for (const mode of MODES) {
      say(`… monitoring: ${mode}, ${round} of ${rounds}`);
      await stack.set("monitoring", mode);
      await stack.up();
      await measureOnce(stack, figures[mode]);
    }
  }
  return figures;
}

async function measureOnce(stack: TestStack, figures: Figures): Promise<void> {
  const proxy = `blue-green-${stack.name}-proxy`;
  const watching = await watchers(stack);
  const target = { port: stack.ports.http };
  await load(target, WARM_SECONDS);
  const before = { proxy: await usageOf([proxy]), watching: await usageOf(watching) };
  const loading = load(target, LOAD_SECONDS);
  await pause((LOAD_SECONDS * 1000) / 2);
  assertForwarded(target.port);
  const { requests, seconds, failed } = await loading;
  if (failed > 0) throw new Error(`${failed} requests failed`);
  // The last lines are read now.
  await pause(1000);
  const after = { proxy: await usageOf([proxy]), watching: await usageOf(watching) };
  const each = (key: "proxy" | "watching") => (after[key].microseconds - before[key].microseconds) / requests;
  figures.rate.push(requests / seconds);
  figures.proxy.push(each("proxy"));
  figures.watching.push(each("watching"));
  figures.memory.push(after.watching.bytes / 1024 ** 2);

  await pause(REST_SECONDS * 1000);
  const rested = (await usageOf(watching)).microseconds - after.watching.microseconds;
  figures.rest.push((rested / (REST_SECONDS * 1_000_000)) * 100);
}

/** The names of the containers that watch, as far as they are there. */
async function watchers(stack: TestStack): Promise<string[]> {
  const names = (await command("docker", ["ps", "--format", "{{.Names}}"])).split("\n");
  const ours = MONITORING_PARTS.map((part) => `blue-green-${stack.name}-monitoring-${part}`);
  return ours.filter((name) => names.includes(name));
}

/** What these containers have taken so far, all together. */
async function usageOf(names: string[]): Promise<Usage> {
  const all = await Promise.all(
    names.map(async (name) => {
      const path = `/v1.41/containers/${name}/stats?stream=false&one-shot=true`;
      const { cpu_stats, memory_stats } = (await askApi(dockerAt(undefined), { method: "GET", path, body: {} })) as {
        cpu_stats: { cpu_usage: { total_usage: number } };
        memory_stats: { usage: number; stats: { inactive_file?: number; total_inactive_file?: number } };
      };
      const { inactive_file = 0, total_inactive_file = inactive_file } = memory_stats.stats;
      return { microseconds: cpu_stats.cpu_usage.total_usage / 1000, bytes: memory_stats.usage - total_inactive_file };
    }),
  );
  return {
    microseconds: all.reduce((sum, { microseconds }) => sum + microseconds, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const micro = (figure: number): string => `${figure.toFixed(1)} µs`;
const mib = (figure: number): string => `${Math.round(figure)} MiB`;

/** The part of docs/benchmarks.md that this makes. */
export function monitoringSection(figures: MonitoringFigures): string {
  const share = (mode: Mode): number => median(figures[mode].rate) / median(figures.off.rate);
  const aims = (["metrics", "on"] as const).map((mode): Aim => {
    const found = share(mode);
    const aim = `throughput with \`monitoring: ${mode}\` at least ${LEAST_SHARE} of that without`;
    return { aim, found: found.toFixed(2), met: found >= LEAST_SHARE };
  });
  return [
    "## Monitoring",
    "",
    aimTable(aims),
    "",
    table([
      [
        "`monitoring`",
        "requests/s",
        "of `off`",
        "the proxy, a request",
        "what watches, a request",
        "its memory",
        "of a core at rest",
      ],
      ...MODES.map((mode) => [
        `\`${mode}\``,
        withRange(figures[mode].rate, whole),
        share(mode).toFixed(2),
        withRange(figures[mode].proxy, micro),
        ...(mode === "off"
          ? ["", "", ""]
          : [
              withRange(figures[mode].watching, micro),
              withRange(figures[mode].memory, mib),
              withRange(figures[mode].rest, percent),
            ]),
      ]),
    ]),
    "",
    `Each the median over ${figures.off.rate.length} runs, with the range, the values in turn: the setting, \`pulumi up\`, ${WARM_SECONDS} s to warm up, then the load as`,
    `above for ${LOAD_SECONDS} s as fast as the proxy answers, which leaves no core idle, before an app that answers at once. *What watches* is all`,
    "containers of the monitoring together; their time is the processor's, as the engine counts it.",
  ].join("\n");
}
