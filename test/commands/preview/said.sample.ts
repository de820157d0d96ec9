import type { Said, Step } from "../../../commands/preview/events";
import type { Decision } from "../../../stacks/service/decision";
import { LABEL } from "../../../stacks/service/names";

/** Blue 1.0.0 is live, green 1.0.0 idle, and nothing is asked for; for tests that are about something else. */
export const decision = (change: Partial<Decision> = {}): Decision => ({
  containers: "blue-green-dev-",
  proxyRuns: true,
  live: "blue",
  active: "blue",
  before: {
    blue: { version: "1.0.0", containers: 1, running: 1 },
    green: { version: "1.0.0", containers: 1, running: 1 },
  },
  after: { blue: { version: "1.0.0", containers: 1 }, green: { version: "1.0.0", containers: 1 } },
  idle: "running",
  canaryPercent: { before: 0, after: 0 },
  maintenance: { before: false, after: false },
  pending: [],
  refusals: [],
  warnings: [],
  notes: [],
  ...change,
});

export const said = (change: Partial<Said> = {}): Said => ({
  began: true,
  steps: [],
  decisions: [decision()],
  warnings: [],
  errors: [],
  ...change,
});

const step = (type: string, name: string, op: Step["op"], change: Partial<Step> = {}): Step => ({
  op,
  type,
  urn: `urn:pulumi:dev::blue-green::${type}::${name}`,
  old: op === "create" ? {} : { name },
  new: op === "delete" ? {} : { name },
  differs: [],
  ...change,
});

/** A step of a container, by the end of its name: `blue`, `green-2`, `proxy`. */
export const container = (part: string, op: Step["op"], change: Partial<Step> = {}): Step =>
  step("docker:index/container:Container", `blue-green-dev-${part}`, op, change);

export const other = (kind: "network:Network" | "volume:Volume" | "remoteImage:RemoteImage", op: Step["op"]): Step =>
  step(`docker:index/${kind}`, "blue-green-dev", op);

/** A cutover that gets these variables and this configuration. */
export const cutover = (
  environment: [before: Record<string, unknown>, after: Record<string, unknown>] = [{}, {}],
  stdin: [before: unknown, after: unknown] = ["", ""],
): Step => {
  const inputs = (at: 0 | 1) => ({
    environment: { PROJECT: "blue-green", STACK: "dev", ...environment[at] },
    stdin: stdin[at],
  });
  return step("command:local:Command", "cutover", "update", { old: inputs(0), new: inputs(1) });
};

/** The inputs of a color's container that was made from this. */
export const slotInputs = (color: string, made: Record<string, unknown>, envs: unknown[] = []) => ({
  name: `blue-green-dev-${color}`,
  envs,
  labels: [
    { label: LABEL.color, value: color },
    { label: LABEL.slot, value: JSON.stringify({ definition: "d", environment: [], secretEnvironment: [], ...made }) },
  ],
});
