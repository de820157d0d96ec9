import { closeSync, openSync } from "node:fs";
import { WriteStream } from "node:tty";

/** How many columns the terminal has in which `pulumi` was typed; undefined where there is none, as on CI. */
export function terminalColumns(): number | undefined {
  let terminal: number | undefined;
  try {
    // The program's own output goes to the CLI.
    terminal = openSync("/dev/tty", "w");
    const stream = new WriteStream(terminal);
    const { columns } = stream;
    stream.destroy();
    terminal = undefined; // closed with it
    return columns > 0 ? columns : undefined;
  } catch {
    return undefined;
  } finally {
    if (terminal !== undefined) closeSync(terminal);
  }
}
