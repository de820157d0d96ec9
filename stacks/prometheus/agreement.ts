import type { Settings } from "../settings/settings";
import { jsonOf } from "../text/json";
import { shown } from "../text/plain";

/** What the one Prometheus of a program is made from, with Alertmanager and blackbox exporter. */
const WATCH_NAMES = [
  "alertReceiver",
  "prometheusPort",
  "alertmanagerPort",
  "monitoringMemoryMb",
  "prometheusImage",
  "alertmanagerImage",
  "blackboxImage",
] as const;

/** The part of the settings that is one for all services of a program: that of the first one that says `monitoring: on`. */
export type WatchSettings = Pick<Settings, (typeof WATCH_NAMES)[number]>;

/** A service with its whole settings, and those that its program gives itself. */
interface GivenService {
  name: string;
  settings: WatchSettings & Pick<Settings, "monitoring">;
  given: Readonly<Record<string, unknown>>;
}

/** Returns the services that a Prometheus of the program's own watches. */
export const watchedOf = <Service extends { settings: Pick<Settings, "monitoring"> }>(
  services: readonly Service[],
): Service[] => services.filter(({ settings }) => settings.monitoring === "on");

/** Settings of the one Prometheus that services say differently, each in a sentence; one that says nothing agrees. */
export function watchClashes(services: readonly GivenService[]): string[] {
  const [first, ...others] = watchedOf(services);
  if (first === undefined) return [];
  return others.flatMap(({ name, settings, given }) =>
    WATCH_NAMES.flatMap((setting) => {
      const [one, other] = [first.settings[setting], settings[setting]];
      if (given[setting] === undefined || jsonOf(one) === jsonOf(other)) return [];
      // Whoever knows a receiver can write to it.
      const values = setting === "alertReceiver" ? "" : ` (${shown(other)} and ${shown(one)})`;
      return [
        `${setting} of ${name} is another than that of ${first.name}${values}: one Prometheus watches all services of a program. ` +
          `Give it to ${first.name} alone.`,
      ];
    }),
  );
}
