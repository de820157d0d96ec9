import type { HistoryEntry } from "../../stacks/service/serving";
import type { CutoverReport } from "./report";

/** One line of the history as it is reported. The file may have been spoilt by a hand: no field is taken on trust. */
export function cutoverOf(entry: HistoryEntry): CutoverReport {
  const { time, result, from, to, versions, images, seconds, requests, canaryPercent, reason, who } = entry as {
    [key in keyof HistoryEntry]: unknown;
  };
  const steps = pairs(seconds, isAmount);
  const taken = Object.values(steps);
  return {
    time: Number.isNaN(Date.parse(String(time))) ? null : new Date(String(time)).toISOString(),
    result: String(result),
    from: typeof from === "string" ? from : null,
    to: String(to),
    versions: pairs(versions, isText),
    images: pairs(images, isText),
    seconds: taken.length === 0 ? null : Math.round(taken.reduce((sum, value) => sum + value, 0) * 100) / 100,
    steps,
    requests: isAmount(requests) ? requests : null,
    canaryPercent: isAmount(canaryPercent) ? canaryPercent : null,
    reason: isText(reason) ? reason : null,
    who: pairs(who, isText),
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isAmount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;

const pairs = <Value>(object: unknown, accepts: (value: unknown) => value is Value): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(typeof object === "object" && object !== null ? object : {}).filter(
      (pair): pair is [string, Value] => accepts(pair[1]),
    ),
  );
