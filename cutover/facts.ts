import { COLORS, type Color, other } from "../stacks/service/color";
import { colorSamples } from "../stacks/service/colorInfo";
import { CUTOVER_METRICS, metricsText } from "../stacks/service/metrics";
import { isStable, liveAfter, RESULTS, type Result } from "../stacks/service/serving";
import type { Run } from "./run";

/**
 * Returns what a cutover that has ended leaves for Prometheus. The counts by result begin at 0 here: the proxy adds those of before, and
 * this one (nginx/write.sh).
 */
export function cutoverFacts(run: Run, result: Result): string {
  const { order, target, before, seconds, slots, began } = run;
  const record = run.lock.record ?? { stable: {} };
  const live = liveAfter({ result, to: target, ...(before && { from: before.color }) });
  const idle = other(live);
  const isOpen =
    record.retired?.color !== idle &&
    isStable(record, idle, slots[idle]) &&
    slots[idle].every(({ state }) => state.Running);
  // What is removed when this has ended is gone before anybody reads of it.
  const staying = (color: Color) => (order.replicas[color] === 0 && order.idle === "removed" ? [] : slots[color]);
  const flag = (value: boolean) => (value ? 1 : 0);
  return metricsText(CUTOVER_METRICS, {
    blue_green_color_info: colorSamples(order.owner, { blue: staying("blue"), green: staying("green") }),
    blue_green_asked: COLORS.map((color) => ({ labels: [color], value: flag(color === target) })),
    blue_green_switch_pending: [{ value: flag(live !== target) }],
    blue_green_stable: COLORS.map((color) => ({ labels: [color], value: flag(isStable(record, color, slots[color])) })),
    blue_green_way_back_open: [{ value: flag(isOpen) }],
    blue_green_live_since_timestamp_seconds: record.since === undefined ? [] : [{ value: secondsOf(record.since) }],
    blue_green_cutovers_total: RESULTS.map((each) => ({ labels: [each], value: 0 })),
    blue_green_cutover_timestamp_seconds: [{ value: secondsOf(began) }],
    blue_green_cutover_step_seconds: Object.entries(seconds).map(([step, value]) => ({ labels: [step], value })),
  });
}

const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000);
