import { other } from "../stacks/color";
import type { TestStack } from "../test/engine/stack";
import { interruption } from "./command";

/** How long whole commands took, in seconds, as often as they were measured. */
export interface Ups {
  /** `pulumi preview` of a switch. */
  preview: number[];
  /** `pulumi up` that switches. */
  switching: number[];
  /** `pulumi up` with nothing to do. */
  empty: number[];
}

/** Times the three in turn, on a stack that is up and on blue; it is left like that. */
export async function timeUps(stack: TestStack, rounds: number, say: (round: number) => void): Promise<Ups> {
  const ups: Ups = { preview: [], switching: [], empty: [] };
  let color: "blue" | "green" = "blue";
  await stack.up(); // the first run after a deployment finds more to look up
  for (let round = 1; round <= rounds; round++) {
    say(round);
    color = other(color);
    await stack.set("activeColor", color);
    ups.preview.push(await seconds(() => stack.pulumi("preview", "--diff")));
    ups.switching.push(await seconds(() => stack.up()));
    ups.empty.push(await seconds(() => stack.up()));
  }
  if (color !== "blue") await stack.switchTo("blue");
  return ups;
}

async function seconds(act: () => Promise<unknown>): Promise<number> {
  interruption.signal.throwIfAborted();
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}
