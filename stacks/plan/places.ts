import type { Host } from "../service/hosts";
import type { ServiceId } from "../service/names";
import type { Settings } from "../settings/settings";

/** A service on one of its hosts, or on the stack's own engine alone. */
export interface Placed {
  /** Where the setting `hosts` names any. */
  host?: Host;
  /** Whose the parts there are. */
  owner: ServiceId;
  /** The settings that count there: with its engine, and without what is there once and on another host. */
  settings: Settings;
}

/** Returns where a service runs: on each of its hosts, the lead first. */
export function placesOf(owner: ServiceId, settings: Settings): Placed[] {
  const { hosts } = settings;
  if (hosts === undefined) return [{ owner, settings }];
  return hosts.map((host, at) => {
    const { name, address } = host;
    const its = at === 0 ? settings : withoutLead(settings);
    if (address === undefined) return { host, owner, settings: its };
    return { host, owner: { ...owner, host: name }, settings: { ...its, dockerHost: address } };
  });
}

/** The settings of a host beside the lead: workers, jobs and the gate's command would do the same work once more. */
function withoutLead({ workers: _, jobs: __, gateCommand: ___, ...settings }: Settings): Settings {
  return settings;
}
