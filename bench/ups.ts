import type { TestStack } from "../test/e2e/stack";
import { interruption } from "./command";

/** How long whole commands took, in seconds, as often as they were measured. */
export interface Ups {
  /** `pulumi preview` of a switch. */
  preview: number[];
  /** `pulumi up` that goes back to a color that was stable: without smoke tests and watch. */
  back: number[];
  /** `pulumi up` that switches to a release for the first time, without the seconds of its watch. */
  release: number[];
  /** `pulumi up` with nothing to do. */
  empty: number[];
}

/** Times them in turn, on a stack that is up and on blue; it is left like that. */
export async function timeUps(stack: TestStack, rounds: number, say: (round: number) => void): Promise<Ups> {
  const ups: Ups = { preview: [], back: [], release: [], empty: [] };
  await stack.up(); // the first run after a deployment finds more to look up
  await stack.set("bakeSeconds", "0");
  for (let round = 1; round <= rounds; round++) {
    say(round);
    // An idle container made anew was never live: the switch to it is gated.
    await stack.set("environment.ROUND", String(round), "--path");
    await stack.up();
    await stack.set("activeColor", "green");
    ups.preview.push(await seconds(() => stack.pulumi("preview", "--diff")));
    ups.release.push(await seconds(() => stack.up()));
    await stack.set("activeColor", "blue");
    ups.back.push(await seconds(() => stack.up()));
    ups.empty.push(await seconds(() => stack.up()));
  }
  return ups;
}

async function seconds(act: () => Promise<unknown>): Promise<number> {
  interruption.signal.throwIfAborted();
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}
