import type { Color } from "../stacks/service/color";
import { other } from "../stacks/service/color";
import { get } from "../test/e2e/stack";
import { assertForwarded, HOST_ADDRESS, type Load, load } from "./client";
import { interruption } from "./command";
import type { Contender } from "./place";

/** How long after a switch a new connection may still meet the old color before the figures are worth nothing. */
const SWITCHED_WITHIN_SECONDS = 5;

/** One proxy under load once. */
export interface Measurement extends Load {
  /** How long the act of each switch took. */
  switchMilliseconds: number[];
  /** Switches that ended after the load: the machine was too busy for the figures to be worth much. */
  late: number;
}

/** Puts a proxy, which serves blue, under load and switches it meanwhile, at even distances, an even number of times: back to blue. */
export async function measure(proxy: Contender, duration: number, switches: number): Promise<Measurement> {
  const loading = load(proxy.port, duration);
  const [counted, switched] = await Promise.all([loading, switching(proxy, duration, switches)]);
  return { ...counted, ...switched };
}

async function switching(proxy: Contender, duration: number, switches: number): Promise<Omit<Measurement, keyof Load>> {
  const every = (duration * 1000) / Math.max(switches, 1);
  const began = performance.now();
  const until = (at: number) => pause(Math.max(0, began + at - performance.now()));
  const switchMilliseconds: number[] = [];
  let late = 0;
  let color: Color = "blue";

  await until(every / 4);
  assertForwarded(proxy.port);
  for (let i = 0; i < switches; i++) {
    await until(every * (i + 0.5));
    const started = performance.now();
    color = other(color);
    await proxy.switchTo(color);
    switchMilliseconds.push(performance.now() - started);
    if (performance.now() - began > duration * 1000) late++;
    // Not at once: a signal to reload is not yet a reload. A new connection, and not one of those that are counted.
    await until(every * (i + 0.9));
    await assertServes(proxy, color);
  }
  return { switchMilliseconds, late };
}

/** Makes sure that a new connection meets a color: a switch that moves nothing would cost nothing. */
export async function assertServes(proxy: Contender, color: Color): Promise<void> {
  const deadline = performance.now() + SWITCHED_WITHIN_SECONDS * 1000;
  for (;;) {
    const answer = await get(`http://${HOST_ADDRESS}:${proxy.port}/`);
    if (answer.body.trim() === color) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${proxy.name} was switched to ${color} and answers '${answer.status} ${answer.body.trim()}' ${SWITCHED_WITHIN_SECONDS} s later`,
      );
    }
    await pause(100);
  }
}

/** Waits, unless the user interrupts. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const { signal } = interruption;
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
