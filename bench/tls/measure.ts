import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { asClient, CONNECTIONS, type Load, origin } from "../client";
import { type Loading, type Measurement, measure, pause, wrk } from "../measure";
import type { Contender, Missing } from "../place";
import { type Answers, type Asked, h2load, PROTOCOLS, type Protocol, quantile } from "./h2load";
import { PATHS } from "./place";
import { type Memory, webSocketMemory } from "./webSockets";

/** How it is measured. */
export interface TlsPlan {
  rounds: number;
  /** Of one load without switches: at least so many seconds, with so many requests of a connection. */
  seconds: number;
  perConnection: number;
  uploadsPerConnection: number;
  /** Of one load with switches, in seconds. */
  duration: number;
  switches: number;
}

/** What a proxy was asked for without switches, over one protocol, once a round. */
export interface LoadFigures {
  /** Answers a second, as many as it bears. */
  rate: number[];
  /** Answers a second while the times were measured. */
  timedAt: number[];
  /** In milliseconds. */
  p50: number[];
  p99: number[];
  p999: number[];
}

export const TOPICS = ["small", "large", "upload"] as const;
export type Topic = (typeof TOPICS)[number];

/** A load over switches; a request that was given back unprocessed and asked again is no failed one. */
export type Switching = Measurement & { givenBack: number };

/** All that was measured of a proxy. */
export interface TlsFigures {
  proxy: Contender;
  loads: Record<Topic, Record<Protocol, LoadFigures>>;
  memory: Memory[];
  switching: Record<Protocol, Switching[]>;
  /** Requests that failed without a switch. */
  failed: number;
  /** Versions and ciphers of TLS that were agreed on. */
  tls: Set<string>;
}

/** Between two runs: what one leaves behind is not the next one's. */
const PAUSE_MILLISECONDS = 1000;

const UPLOAD_BYTES = 1024 * 1024;

/** One thing that is measured of each proxy in turn. */
interface Step {
  name: string;
  act(figures: TlsFigures): Promise<void>;
}

/**
 * Measures all proxies, each topic with all of them in turn, as often as the plan says.
 *
 * @param context removes what was made.
 */
export async function measureContenders(
  context: TestContext,
  proxies: (Contender | Missing)[],
  plan: TlsPlan,
  say: (line: string) => void,
): Promise<(TlsFigures | Missing)[]> {
  const rows = proxies.map((proxy) => ("missing" in proxy ? proxy : emptyFigures(proxy)));
  const present = rows.filter((row): row is TlsFigures => !("missing" in row));
  const steps = stepsOf(plan, uploadFile(context));
  const total = plan.rounds * steps.length * present.length;
  let count = 0;
  for (let round = 0; round < plan.rounds; round++) {
    for (const step of steps) {
      for (const row of present) {
        say(`… ${++count} of ${total}: ${row.proxy.name}, ${step.name}`);
        await step.act(row);
        await pause(PAUSE_MILLISECONDS);
      }
    }
  }
  return rows;
}

function stepsOf(plan: TlsPlan, upload: string): Step[] {
  const protocols = Object.keys(PROTOCOLS) as Protocol[];
  return [
    { name: "WebSockets", act: async (row) => void row.memory.push(await webSocketMemory(row.proxy)) },
    ...TOPICS.flatMap((topic) =>
      protocols.map((protocol) => ({
        name: `${topic}, ${protocol}`,
        act: async (row: TlsFigures) => {
          const { seconds, perConnection, uploadsPerConnection } = plan;
          const asked = { protocol, path: PATHS[topic], seconds, perConnection };
          if (topic !== "upload") await loadTwice(row, topic, asked);
          else await loadOnce(row, topic, { ...asked, perConnection: uploadsPerConnection, upload });
        },
      })),
    ),
    ...protocols.map((protocol) => ({
      name: `${plan.switches} switches, ${protocol}`,
      act: async (row: TlsFigures) => void row.switching[protocol].push(await overSwitches(row.proxy, protocol, plan)),
    })),
  ];
}

const emptyFigures = (proxy: Contender): TlsFigures => {
  const load = (): LoadFigures => ({ rate: [], timedAt: [], p50: [], p99: [], p999: [] });
  const each = () => ({ "HTTP/1.1": load(), "HTTP/2": load() });
  return {
    proxy,
    loads: { small: each(), large: each(), upload: each() },
    memory: [],
    switching: { "HTTP/1.1": [], "HTTP/2": [] },
    failed: 0,
    tls: new Set(),
  };
};

/** As many as it bears, then the times at half of that. */
async function loadTwice(row: TlsFigures, topic: Topic, asked: Asked): Promise<void> {
  const most = await h2load(row.proxy, asked);
  await pause(PAUSE_MILLISECONDS);
  const half = await h2load(row.proxy, { ...asked, rate: most.rate / 2 });
  keep(row, topic, asked.protocol, most, half);
}

/** As many as it bears, and the times meanwhile. */
async function loadOnce(row: TlsFigures, topic: Topic, asked: Asked): Promise<void> {
  const most = await h2load(row.proxy, asked);
  keep(row, topic, asked.protocol, most, most);
}

function keep(row: TlsFigures, topic: Topic, protocol: Protocol, most: Answers, timed: Answers): void {
  const figures = row.loads[topic][protocol];
  figures.rate.push(most.rate);
  figures.timedAt.push(timed.rate);
  figures.p50.push(quantile(timed.milliseconds, 0.5));
  figures.p99.push(quantile(timed.milliseconds, 0.99));
  figures.p999.push(quantile(timed.milliseconds, 0.999));
  for (const { failed, tls } of new Set([most, timed])) {
    row.failed += failed;
    row.tls.add(tls);
  }
}

async function overSwitches(proxy: Contender, protocol: Protocol, plan: TlsPlan): Promise<Switching> {
  const { duration, switches } = plan;
  if (protocol === "HTTP/1.1") {
    return { ...(await measure(proxy, duration, switches, wrk(proxy, duration))), givenBack: 0 };
  }
  return measure(proxy, duration, switches, visitors(proxy, duration));
}

/** The load of visitors.ts, over HTTP/2. */
function visitors(proxy: Contender, duration: number): Loading<Load & { givenBack: number }> {
  const program = [process.execPath, "--import", "tsx", join(__dirname, "visitors.ts")];
  let hear = () => {};
  const begun = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const said = asClient([...program, `${origin(proxy)}/`, String(CONNECTIONS), String(duration)], { hear });
  return { begun, ended: said.then((text) => JSON.parse(text.trim().split("\n").at(-1) ?? "")) };
}

/** A file to upload. */
function uploadFile(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "blue-green-bench-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "upload");
  writeFileSync(file, Buffer.alloc(UPLOAD_BYTES, "x"));
  return file;
}
