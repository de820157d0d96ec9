import { type SeenHost, statusOfHosts } from "../../../commands/status/hosts";
import type { Report, Status } from "../../../commands/status/report";
import { type Facts, statusOf } from "../../../commands/status/status";
import { commandsFor } from "../../../commands/typed";
import type { World } from "../../../stacks/service/world";
import { facts, serving, world } from "./facts.sample";

const ADDRESSES: Record<string, string> = { b: "ssh://deploy@b.example", c: "ssh://deploy@c.example" };

/** Ten answers a second, of the color that is named. */
export const traffic = (color: "blue" | "green"): NonNullable<Facts["traffic"]> => {
  const none = { count: 0, perSecond: 0, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: null };
  const some = { count: 600, perSecond: 10, errors: 0, errorPercent: 0, unanswered: 0, p95Seconds: 0.012 };
  return { seconds: 60, sample: false, nginx: 0, colors: { blue: none, green: none, [color]: some } };
};

/** A host as it is seen: `a` on the stack's own engine, the others over SSH. */
export function seenHost(name: string, more: Partial<Facts> = {}): SeenHost {
  const host = ADDRESSES[name];
  const at = host === undefined ? {} : { host };
  const status = statusOf(facts({ traffic: traffic("blue"), isLead: name === "a", ...at, ...more }));
  const since = "2026-11-23T17:00:00.000Z";
  return { name, since, status, ...(host !== undefined && { address: host }) };
}

/** A host that has gone to the other color, which is live and stable there. */
export const onGreen = (more: Partial<World> = {}): Partial<Facts> => ({
  world: world({ serving: serving({ color: "green", generation: "f".repeat(16), declared: "f".repeat(16) }), ...more }),
  traffic: traffic("green"),
});

/** An engine that does not answer, in these words. */
export const away = (reason: string): Partial<Facts> => ({ world: { unknown: true, reason } });

export const merged = (...seen: SeenHost[]): Status =>
  statusOfHosts(seen, (service) => commandsFor(undefined, undefined, service));

export function mergedReport(...seen: SeenHost[]): Report {
  const status = merged(...seen);
  if (!("findings" in status)) throw new Error("nothing is told");
  return status;
}
