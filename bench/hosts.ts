import type { TestContext } from "node:test";
import type { EngineHost } from "../test/e2e/engineHost";
import { EngineHosts } from "../test/e2e/engineHosts";
import { baseImages, TestStack } from "../test/e2e/stack";
import { median, milliseconds, seconds, withRange } from "./figures";
import { type Aim, aimTable, table } from "./report";
import { timed } from "./services";
import { tinyImage } from "./tinyImage";

/** On how many hosts, and with how many containers of each color on each of them. */
const PLACES = [
  { hosts: 1, replicas: 1 },
  { hosts: 2, replicas: 1 },
  { hosts: 3, replicas: 1 },
  { hosts: 5, replicas: 1 },
  { hosts: 3, replicas: 10 },
] as const;

/** How many times as long a command may take on five hosts as on one. */
const MOST_GROWTH = 1.5;

/** The times of whole commands on so many hosts. */
export interface HostTimes {
  hosts: number;
  replicas: number;
  /** `pulumi preview` with nothing to do, in seconds. */
  preview: number[];
  /** `pulumi up` that switches to a color that was stable, in seconds. */
  up: number[];
  /** How far apart the hosts moved, in milliseconds; nothing on one host. */
  spread: number[];
}

/**
 * Times whole commands on one host and on several, each with an engine and a network of its own on this machine.
 *
 * @param context removes what was made.
 */
export async function measureHosts(
  context: TestContext,
  rounds: number,
  say: (line: string) => void,
): Promise<HostTimes[]> {
  const image = await tinyImage(context);
  const { nginxImage = "" } = baseImages();
  const most = Math.max(...PLACES.map(({ hosts }) => hosts));
  const engines = await EngineHosts.start(context, most, [nginxImage, image]);
  if (typeof engines === "string") throw new Error(engines);
  const [own] = engines.all as [EngineHost];
  const settings = {
    ...{ bindAddress: "0.0.0.0", blueImage: image, greenImage: image, blueVersion: "1", greenVersion: "1" },
    bakeSeconds: "0",
  };
  const stack = await TestStack.make(context, settings, own.env);
  const times: HostTimes[] = [];
  for (const place of PLACES) {
    say(`… ${hostsWords(place)}: the first pulumi up`);
    const names = engines.all.slice(0, place.hosts).map(({ name }) => name);
    const addresses = engines.all.map(({ env }, at) => (at === 0 ? "own" : env.DOCKER_HOST));
    await stack.setObject("hosts", Object.fromEntries(names.map((name, at) => [name, addresses[at]])));
    await stack.set("replicas", String(place.replicas));
    await stack.up();
    // Both colors become stable, and the first run after a deployment finds more to look up.
    for (const color of ["green", "blue"] as const) await stack.switchTo(color);
    const found: HostTimes = { ...place, preview: [], up: [], spread: [] };
    for (let round = 1; round <= rounds; round++) {
      say(`… ${hostsWords(place)}: preview, switching up: ${round} of ${rounds}`);
      found.preview.push(await timed(() => stack.pulumi("preview", "--expect-no-changes")));
      let output = "";
      found.up.push(
        await timed(async () => {
          output = await stack.switchTo(round % 2 === 1 ? "green" : "blue");
        }),
      );
      const [, spread] = /the public moved on all of them within (\d+) ms/.exec(output) ?? [];
      if (spread !== undefined) found.spread.push(Number(spread));
    }
    times.push(found);
  }
  return times;
}

const hostsWords = ({ hosts, replicas }: Pick<HostTimes, "hosts" | "replicas">): string =>
  `${hosts === 1 ? "1 host" : `${hosts} hosts`}${replicas === 1 ? "" : `, ${replicas} containers of each color on each`}`;

/** The part of docs/benchmarks.md that this makes. */
export function hostsSection(times: readonly HostTimes[]): string {
  const single = times.filter(({ replicas }) => replicas === 1);
  const [one, most] = [single[0], single.at(-1)];
  if (one === undefined || most === undefined) throw new Error("nothing was measured");
  const growth = (each: HostTimes, key: "preview" | "up") => median(each[key]) / median(one[key]);
  const aims = (["up", "preview"] as const).map((key): Aim => {
    const found = growth(most, key);
    const what = key === "up" ? "a switching `pulumi up`" : "a `pulumi preview`";
    const aim = `${what} on ${most.hosts} hosts takes at most ${MOST_GROWTH} times as long as on one`;
    return { aim, found: found.toFixed(2), met: found <= MOST_GROWTH };
  });
  return [
    "## Several hosts",
    "",
    aimTable(aims),
    "",
    table([
      [
        "",
        "`pulumi preview`, nothing to do",
        "of one",
        "`pulumi up` that switches, the instant way",
        "of one",
        "apart",
      ],
      ...times.map((each) => [
        hostsWords(each),
        withRange(each.preview, seconds),
        growth(each, "preview").toFixed(2),
        withRange(each.up, seconds),
        growth(each, "up").toFixed(2),
        each.spread.length === 0 ? "" : withRange(each.spread, milliseconds),
      ]),
    ]),
    "",
    `Each the median over ${one.up.length} runs, with the range. *Apart* is the time between the first and the last host's reload. All hosts, with an`,
    "engine and a network of their own each, share this machine's cores with Pulumi: on machines of their own they work at the same time.",
  ].join("\n");
}
