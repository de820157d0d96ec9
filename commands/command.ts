import { programVersion } from "../stacks/engine/checkout";
import { plainJson } from "../stacks/text/plain";
import { type Arguments, readArguments, type Usage } from "./arguments";
import { stopOf, stopReport, stopScreen } from "./outcome";
import { asTyped } from "./typed";

/** Returns how many columns the terminal has; undefined where the output goes elsewhere. */
export function terminalColumns(): number | undefined {
  const { isTTY, columns } = process.stdout;
  return isTTY && columns > 0 ? columns : undefined;
}

/** Reports whether the output is shown in color: in a terminal, unless NO_COLOR says otherwise. */
export const isColored = (): boolean => process.stdout.isTTY === true && !process.env.NO_COLOR;

/**
 * Runs a command to its end: reads its arguments, prints its help where that is asked for, says why where it ends early (as JSON with
 * `--json`), and sets the exit code.
 */
export async function runCommand<Value extends string, Flag extends string>(
  usage: Usage<Value, Flag>,
  command: (asked: Arguments<Value, Flag>) => Promise<number>,
): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  // An exit of our own, so that temporary files go with it. While `pulumi` runs, its runner listens too, and ends it first.
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
  }
  const args = process.argv.slice(2);
  try {
    const asked = readArguments(usage, args, process.env);
    if (asked.help) console.log(asTyped(usage.help));
    else if (asked.printsVersion) console.log(programVersion());
    else process.exitCode = await command(asked);
  } catch (error) {
    const stop = stopOf(error);
    if (!usage.takesWords && args.includes("--json")) console.log(plainJson(stopReport(stop)));
    else console.error(stopScreen(stop));
    process.exitCode = usage.earlyExit ?? stop.exit;
  }
}
