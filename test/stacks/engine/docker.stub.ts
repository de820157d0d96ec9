import type { Docker } from "../../../stacks/engine/docker";

const unasked = (what: string) => (): never => {
  throw new Error(`the engine is not asked to ${what} here`);
};

/** An engine that does what the test says, and fails where it is asked anything else. */
export const stubDocker = (does: Partial<Docker>): Docker => ({
  ask: unasked("answer"),
  run: unasked("run"),
  start: unasked("start"),
  output: unasked("write"),
  attach: unasked("take a terminal"),
  log: unasked("show a log"),
  ...does,
});
