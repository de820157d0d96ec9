import type { Order } from "../../cutover/order";
import { COLORS, type Color } from "../../stacks/service/color";
import { healthIn } from "../../stacks/service/configuration";
import { LABEL } from "../../stacks/service/names";
import { GENERATION_PLACEHOLDER, generationOf, type Sessions } from "../../stacks/service/serving";
import type { ContainerState, Inspected } from "../../stacks/service/world";
import { sampleSettings } from "../stacks/settings/settings.sample";

/** The part of a configuration by which it is known, and what else is in it. */
const upstreamOf = (color: Color, port = 5000) =>
  `upstream ${color} {\n    server ${color}:${port} resolve;\n}\nlocation = /${color} {\n    proxy_pass http://${color}/healthz;\n}\n`;
const UPSTREAMS = COLORS.map((color) => upstreamOf(color)).join("");

export const configurationFor = (color: Color, more = "", upstreams = UPSTREAMS) =>
  `map "" $active {\n    default ${color};\n}\n${upstreams}${more}    return 200 "${GENERATION_PLACEHOLDER} $active\\n";\n`;

const GENERATION = { blue: generationOf(configurationFor("blue")), green: generationOf(configurationFor("green")) };

export const VERSIONS = { blue: "1.0.0", green: "2.0.0" };

export const IMAGES = { blue: "sha256:blue", green: "sha256:green" };

/** What the containers were given, and what must not be in any message. */
export const SECRET = "correct horse battery";

export const running: ContainerState = {
  ...{ Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
};

export const containerOf = (color: Color, change: Partial<Inspected> = {}): Inspected => ({
  Id: `${color}-1`,
  Name: `/blue-green-dev-${color}`,
  Image: IMAGES[color],
  RestartCount: 0,
  State: running,
  Config: {
    Labels: {
      ...{ [LABEL.project]: "blue-green", [LABEL.stack]: "dev", [LABEL.role]: "slot", [LABEL.color]: color },
      [LABEL.version]: VERSIONS[color],
      [LABEL.slot]: JSON.stringify({
        ...{ definition: "d", port: color === "blue" ? 5001 : 5002, image: "" },
        ...{ environment: [], secretEnvironment: ["TOKEN"] },
      }),
    },
    Env: [`TOKEN=${SECRET}`],
  },
  ...change,
});

/** Stopped at once, in a state that says how. */
export const dead: ContainerState = { ...running, Running: false, Status: "exited", ExitCode: 3 };

/** An order to go to green, or to another color: no gate command, and a watch that is one look. */
export const orderTo = (target: Color, change: Partial<Order> = {}): Order => ({
  owner: { project: "blue-green", stack: "dev" },
  proxy: "p1",
  configuration: configurationFor(target),
  generation: GENERATION[target],
  target,
  health: Object.fromEntries(COLORS.map((color) => [color, healthIn(change.configuration ?? UPSTREAMS, color)])),
  healthTimeoutSeconds: 1,
  smokeTests: sampleSettings.smokeTests,
  gateCommand: "",
  gateTimeoutSeconds: 10,
  targetHost: "127.0.0.1",
  verifyRequests: 8,
  bakeSeconds: 0.1,
  limits: { maxErrorPercent: 1, minRequests: 20, maxP95Seconds: 0 },
  canaryPercent: 0,
  canarySetting: 0,
  replicas: { blue: 1, green: 1 },
  idle: "running",
  monitored: false,
  sessions: false,
  stickySeconds: undefined,
  retire: undefined,
  drainSeconds: 60,
  keepAliveSeconds: 10,
  files: {},
  receiver: undefined,
  ...change,
});

export const MOVING = { from: "blue", generation: GENERATION.blue, to: "green" } as const;

export const BACK_TO_BLUE = `back ${GENERATION.blue} blue`;

/** The configuration that gives green this share of blue's new visitors. */
export const sharedBy = (percent: number) => configurationFor("blue", `    ${percent}% 1;\n    * "";\n`);

/** An order to stay on blue and to give green this share. */
export function orderToShare(percent: number, change: Partial<Order> = {}): Order {
  const configuration = percent === 0 ? configurationFor("blue") : sharedBy(percent);
  const generation = generationOf(configuration);
  const sharing = { canaryPercent: percent, canarySetting: percent, sessions: percent > 0 };
  const order = orderTo("blue", { configuration, generation, ...sharing, ...change });
  return { ...order, health: { ...order.health, green: { ...GREEN_HEALTH, port: 5055 } } };
}

const GREEN_HEALTH = { path: "/healthz", host: "green", scheme: "http", statuses: "200-299" } as const;

export const BLUE_WORD = "blue-word_012345";

export const GREEN_WORD = "green-word_01234";

export const BOTH: Sessions = { blue: { word: BLUE_WORD }, green: { word: GREEN_WORD } };

export const ON_BLUE: Sessions = { blue: { word: BLUE_WORD }, green: { word: GREEN_WORD, until: 0 } };

/** A color's containers, of which the first one is called as the color. */
export const several = (color: Color, count: number): Inspected[] =>
  Array.from({ length: count }, (_, at) => {
    const Name = `/blue-green-dev-${color}${at === 0 ? "" : `-${at + 1}`}`;
    return containerOf(color, { Id: `${color}-${at + 1}`, Name });
  });

/** An order whose configuration names so many containers of each color. */
export function orderFor(target: Color, replicas: Record<Color, number>, change: Partial<Order> = {}): Order {
  const configuration = servedWith(target, replicas);
  return orderTo(target, { configuration, generation: generationOf(configuration), replicas, ...change });
}

export const servedWith = (target: Color, replicas: Record<Color, number>): string => {
  const servers = (color: Color) =>
    Array.from(
      { length: replicas[color] },
      (_, at) => `    server ${color}${at === 0 ? "" : `-${at + 1}`}:5000 resolve;\n`,
    );
  return configurationFor(
    target,
    "",
    COLORS.map((color) => `upstream ${color} {\n${servers(color).join("")}}\n`).join(""),
  );
};

export const RETIRED = { color: "green", how: "stopped", version: "2.0.0", image: "" } as const;

/** A container of a worker: that of blue runs, which is live in most tests. */
export const workerOf = (
  color: Color,
  name: string,
  spec: object = {},
  replica = 1,
  change: Partial<Inspected> = {},
): Inspected =>
  besideOf(`${color}-worker-${name}${replica === 1 ? "" : `-${replica}`}`, {
    labels: { role: "worker", color, worker: name, replica: String(replica), spec: JSON.stringify(spec) },
    ...change,
    State: change.State ?? (color === "blue" ? running : stopped),
  });

/** A container of a job, which does not run. */
export const jobOf = (color: Color, name: string, at: string, spec: object = {}): Inspected =>
  besideOf(`${color}-job-${name}`, {
    labels: { role: "job", color, job: name, spec: JSON.stringify({ at, timeoutSeconds: 10, ...spec }) },
    State: stopped,
  });

/** One that was asked to end. */
export const stopped: ContainerState = { ...running, Running: false, Status: "exited", ExitCode: 0 };

const besideOf = (
  part: string,
  { labels, ...more }: Partial<Inspected> & { labels: Record<string, string> },
): Inspected => ({
  ...{ Id: part, Name: `/blue-green-dev-${part}`, RestartCount: 0 },
  Config: {
    Labels: {
      ...{ [LABEL.project]: "blue-green", [LABEL.stack]: "dev" },
      ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [`blue-green.${label}`, value])),
    },
  },
  ...more,
});
