import type { Facts } from "../../../commands/status/status";
import type { Color } from "../../../stacks/service/color";
import type { HealthAnswer } from "../../../stacks/service/healthAnswer";
import type { HistoryEntry, Serving } from "../../../stacks/service/serving";
import type { SlotSpec } from "../../../stacks/service/slotSpec";
import type { ContainerState, SlotContainer, World } from "../../../stacks/service/world";

const IDS = { blue: "b".repeat(64), green: "a".repeat(64) };
const IMAGES = { blue: `sha256:${"1".repeat(64)}`, green: `sha256:${"2".repeat(64)}` };
const VERSIONS = { blue: "1.0.0", green: "1.1.0" };

/** A container's label, as the program writes it. */
export const made = (color: Color, more: Partial<SlotSpec> = {}): Partial<SlotSpec> => ({
  version: VERSIONS[color],
  image: "",
  port: color === "blue" ? 5001 : 5002,
  appPort: 5000,
  healthPath: "/healthz",
  memoryMb: 256,
  stopGraceSeconds: 30,
  environment: [],
  secretEnvironment: [],
  // The container's name goes into it.
  definition: "0123456789ab",
  ...more,
});

/** What the engine says of a container, whose image has no health check of its own; it runs unless told otherwise. */
export const state = (more: Partial<ContainerState> = {}): ContainerState => ({
  Running: true,
  Status: "running",
  StartedAt: "2026-11-23T16:44:22.537034639Z",
  FinishedAt: "0001-01-01T00:00:00Z",
  ExitCode: 0,
  OOMKilled: false,
  ...more,
});

export const ended = state({
  ...{ Running: false, Status: "exited", ExitCode: 137, FinishedAt: "2026-11-23T17:49:00Z" },
});

/** By the health check of its own image. */
export const unhealthy = state({
  Health: { Status: "unhealthy", Log: [{ Output: "curl: (22) The server said: 500\n" }] },
});

export const slot = (color: Color, more: Partial<SlotContainer> = {}): SlotContainer => ({
  id: IDS[color],
  name: `blue-green-dev-${color}`,
  replica: 1,
  created: color === "blue" ? "2026-11-23T16:44:22Z" : "2026-11-23T16:50:00Z",
  imageId: IMAGES[color],
  state: state(),
  restarts: 0,
  version: VERSIONS[color],
  made: made(color),
  environment: { COLOR: color },
  ...more,
});

export const cutover = (more: Partial<Record<keyof HistoryEntry, unknown>> = {}): HistoryEntry =>
  ({
    time: "2026-11-23T17:00:00.000Z",
    result: "switched",
    from: "green",
    to: "blue",
    versions: VERSIONS,
    images: IMAGES,
    seconds: { gate: 0.4, switch: 0.31, watch: 10.7 },
    requests: 312,
    ...more,
  }) as HistoryEntry;

/** What a container answers on its health path, as people see it: `200`, `503`, `no answer`. */
export const answered = (seen: string): HealthAnswer => ({
  well: /^2\d\d/.test(seen),
  status: Number(/^\d{3}/.exec(seen)?.[0] ?? 0),
  seen,
});

/** What the proxy says: blue serves, and both were live through their bake time. */
export const serving = (more: Partial<Serving> = {}): Serving => ({
  generation: "37a29a8e711eceac",
  color: "blue",
  answers: true,
  edited: false,
  canaryPercent: 0,
  replicas: { blue: 1, green: 1 },
  declared: "37a29a8e711eceac",
  record: { stable: { blue: [IDS.blue], green: [IDS.green] } },
  health: { blue: answered("200"), green: answered("200") },
  history: [cutover()],
  ...more,
});

export const stableOnly = (...colors: Color[]): Serving["record"] => ({
  stable: Object.fromEntries(colors.map((color) => [color, [IDS[color]]])),
});

/** A world with one container, several or none of each color. */
type SampleWorld = Partial<Omit<World, "slots">> & { slots?: Partial<Record<Color, SlotContainer | SlotContainer[]>> };

export const world = ({ slots = { blue: slot("blue"), green: slot("green") }, ...more }: SampleWorld = {}): World => ({
  proxy: { id: "c".repeat(64), running: true, made: {} },
  serving: serving(),
  slots: { blue: [slots.blue ?? []].flat(), green: [slots.green ?? []].flat() },
  built: {
    blue: [{ version: "1.0.0", source: "5812c2d78a03", base: "python:3", reused: true }],
    green: [{ version: "1.1.0", source: "99f31c02e4a1", base: "python:3", reused: false }],
  },
  ...more,
});

/** All well, at 18:50 in Berlin, unless told otherwise. */
export const facts = (more: Partial<Facts> = {}): Facts => ({
  owner: { project: "blue-green", stack: "dev" },
  active: { color: "blue" },
  world: world(),
  now: new Date("2026-11-23T17:50:00Z"),
  ...more,
});

/** A world whose proxy says nothing. */
export function noServing(more: SampleWorld = {}): World {
  const { serving: _, ...rest } = world(more);
  return rest;
}
