import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestStack } from "../test/e2e/stack";
import { command, interruption } from "./command";

/** How long whole commands took, in seconds, as often as they were measured. */
export interface Ups {
  /** `pulumi up` with nothing to do, of a Pulumi program that declares nothing: what Pulumi itself takes. */
  program: number[];
  /** `pulumi up` with nothing to do. */
  empty: number[];
  /** The same with the policy pack. */
  policies: number[];
  /** `pulumi up` that goes back to a color that was stable: without smoke tests and watch. */
  back: number[];
  /** `pulumi up` that switches to a release for the first time, without the seconds of its watch. */
  release: number[];
  /** `pulumi preview` of a switch. */
  preview: number[];
  /** `npm run rollback`, from Enter to the prompt: every new connection has met the other color by then. */
  rollback: number[];
  /** `npm run drift` where nothing differs. */
  drift: number[];
}

/** Times them in turn, on a stack that is up and on blue; it is left like that. */
export async function timeUps(stack: TestStack, rounds: number, say: (round: number) => void): Promise<Ups> {
  const ups: Ups = {
    ...{ program: [], empty: [], policies: [], back: [], release: [], preview: [], rollback: [], drift: [] },
  };
  const program = await EmptyProgram.make();
  const npm = async (...args: string[]) => {
    const { code, output } = await stack.command("npm", "run", "--silent", ...args);
    if (code !== 0) throw new Error(`npm run ${args.join(" ")}: exit code ${code}\n${output}`);
  };
  try {
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
      ups.program.push(await seconds(() => program.up()));
      ups.policies.push(await seconds(() => stack.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy")));
      ups.drift.push(await seconds(() => npm("drift")));
      // By name: the switch before was a way back, which is not taken forward again without being told.
      ups.rollback.push(await seconds(() => npm("rollback", "--", "--to", "green")));
      await npm("rollback", "--", "--to", "blue");
      await stack.up();
    }
  } finally {
    program.remove();
  }
  return ups;
}

/** A Pulumi program that declares nothing, with a stack that is up. */
class EmptyProgram {
  private constructor(private readonly directory: string) {}

  static async make(): Promise<EmptyProgram> {
    const directory = mkdtempSync(join(tmpdir(), "blue-green-bench-"));
    mkdirSync(join(directory, "state"));
    writeFileSync(join(directory, "Pulumi.yaml"), "name: empty\nruntime: nodejs\n");
    writeFileSync(join(directory, "package.json"), '{ "main": "index.js" }\n');
    writeFileSync(join(directory, "index.js"), "");
    symlinkSync(join(__dirname, "..", "node_modules"), join(directory, "node_modules"));
    const program = new EmptyProgram(directory);
    await program.pulumi("stack", "init", "bench");
    await program.up();
    return program;
  }

  up(): Promise<string> {
    return this.pulumi("up", "--yes", "--skip-preview", "--stack", "bench");
  }

  private pulumi(...args: string[]): Promise<string> {
    const env = {
      ...{ PULUMI_BACKEND_URL: `file://${this.directory}/state`, PULUMI_CONFIG_PASSPHRASE: "of a benchmark" },
    };
    return command("pulumi", ["--non-interactive", "--cwd", this.directory, ...args], { env });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function seconds(act: () => Promise<unknown>): Promise<number> {
  interruption.signal.throwIfAborted();
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}
