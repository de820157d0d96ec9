import type { Situation } from "../../../stacks/plan/situation";
import { COLORS, type Color } from "../../../stacks/service/color";
import type { Serving } from "../../../stacks/service/serving";
import type { Beside, BesideContainer, ContainerState, SlotContainer, World } from "../../../stacks/service/world";
import { accessorySpec } from "../../../stacks/settings/container/named";
import { parseSettings, type Settings } from "../../../stacks/settings/settings";
import { slotSpecOf } from "../../../stacks/slot";
import { raw } from "../settings/settings.raw";

export const RUNNING: ContainerState = {
  ...{ Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
};
export const EXITED: ContainerState = { ...RUNNING, Running: false, Status: "exited", ExitCode: 3 };

export const OWNER = { project: "blue-green", stack: "dev" };

export const NOW = new Date("2026-01-02T04:00:00Z");

/** The defaults with blue active and these settings; objects as they are. */
export const settingsOf = (values: Record<string, unknown> = {}): Settings =>
  parseSettings(
    raw(
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
    ),
    new Set(),
  );

const container = (name: string, more: Partial<BesideContainer> = {}): BesideContainer => ({
  ...{ id: name, container: `blue-green-dev-${name}`, name: name.split("-").at(-1) ?? name, replica: 1 },
  ...{ state: RUNNING, restarts: 0, made: {}, environment: {} },
  ...more,
});

/** What stands beside the web containers after an up with these settings: the live color's workers run, the idle one's don't. */
export function besideOf({ workers = {}, jobs = {}, accessories = {} }: Settings, live: Color): Beside {
  const ofWorkers = (color: Color) =>
    Object.entries(workers).map(([name, { follow, start }]) =>
      container(`${color}-worker-${name}`, {
        ...{ name, made: { follow, start }, state: color === live || follow === "both" ? RUNNING : EXITED },
      }),
    );
  const ofJobs = (color: Color) =>
    Object.entries(jobs).map(([name, { at, timeoutSeconds }]) =>
      container(`${color}-job-${name}`, { name, made: { at, timeoutSeconds }, state: EXITED }),
    );
  return {
    workers: { blue: ofWorkers("blue"), green: ofWorkers("green") },
    jobs: { blue: ofJobs("blue"), green: ofJobs("green") },
    accessories: Object.entries(accessories).map(([name, accessory]) =>
      // The image's own variables are never compared.
      container(`accessory-${name}`, {
        ...{ name, made: accessorySpec(accessory), environment: { PATH: "/bin", ...accessory.environment } },
      }),
    ),
  };
}

/** What an up with these settings has left, the public on its active color; `change` is what has happened since. */
export function worldOf(
  settings: Settings,
  change: Partial<World> = {},
  record: Partial<Serving["record"]> = {},
): World {
  const { activeColor: live } = settings;
  const slot = (color: Color): SlotContainer => ({
    ...{ id: `${color}-1`, replica: 1, name: `blue-green-dev-${color}`, imageId: `sha256:${color}`, restarts: 0 },
    ...{ state: RUNNING, version: settings.slots[color].version, made: slotSpecOf(color, settings) },
    environment: { ...settings.environment, ...settings.secretEnvironment },
  });
  const beside = besideOf(settings, live);
  const isSome =
    [...Object.values(beside.workers), ...Object.values(beside.jobs), beside.accessories].flat().length > 0;
  return {
    proxy: { id: "p", running: true, made: {} },
    slots: { blue: [slot("blue")], green: [slot("green")] },
    built: Object.fromEntries(
      COLORS.map((color) => [
        color,
        [{ version: settings.slots[color].version, source: "s", base: "b", reused: false }],
      ]),
    ) as World["built"],
    serving: {
      ...{ generation: "g", declared: "g", color: live, answers: true, edited: false, canaryPercent: 0 },
      replicas: { blue: 1, green: 1 },
      record: { stable: { [live]: [`${live}-1`] }, ...record },
      history: [
        { time: "2026-01-02T03:00:00.000Z", result: "switched", to: live, versions: {}, images: {}, seconds: {} },
      ],
    },
    ...(isSome && { beside }),
    ...change,
  };
}

export const situation = (
  settings: Settings,
  world: Situation["world"],
  change: Partial<Situation> = {},
): Situation => ({
  ...{ owner: OWNER, settings, world, source: "s", proxy: {}, generation: () => "g", now: NOW, preview: false },
  slots: { blue: slotSpecOf("blue", settings), green: slotSpecOf("green", settings) },
  ...change,
});
