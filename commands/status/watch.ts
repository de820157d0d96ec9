import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonLine } from "../../stacks/text/plain";
import { isColored } from "../command";
import { CantTellError, cantTell, EXIT, type NextCommand, stopOf, stopReport } from "../outcome";
import { TerminalScreen } from "../terminal";
import { type Picture, pictureAfter, pictureLines } from "./picture";
import type { Status } from "./report";

/** So long after a reading the next one begins. */
const PAUSE_MILLISECONDS = 2000;

/** So long a reading may take before the picture says that it is old: a health path alone may take 5 s. */
const LATE_SECONDS = 8;

/**
 * Refuses to draw where there is nothing to draw on.
 *
 * @param once the command that prints the same once.
 */
export function checkTerminal(once: NextCommand): void {
  if (process.stdout.isTTY && process.env.TERM !== "dumb") return;
  const reason = "--watch draws on a terminal, and the output goes elsewhere; with --json it prints a line a reading";
  throw new CantTellError(reason, [once]);
}

/** Draws readings in place, until Ctrl-C. */
export async function watchOnScreen(read: () => Promise<Status>): Promise<never> {
  let picture: Picture = {};
  // In seconds that this process ran, so that a while in which it was suspended is no fault of the engine's.
  let waited = 0;
  const draw = () => {
    const late = cantTell(`the engine has not answered for ${waited} s`, picture.problem?.next);
    const shown = waited < LATE_SECONDS ? picture : pictureAfter(picture, late);
    const { columns, rows } = screen;
    const options = { colored: isColored(), columns };
    const lines = pictureLines(shown, new Date(), { ...options, rows });
    if (lines.length > 0) screen.draw(lines, pictureLines(shown, new Date(), options).join("\n"));
  };
  const screen = new TerminalScreen(process.stdout, draw);
  endWell();
  const clock = setInterval(() => {
    waited += 1;
    if (waited >= LATE_SECONDS) draw();
  }, 1000);
  try {
    for (;;) {
      waited = 0;
      picture = pictureAfter(picture, await readOn(read, picture));
      waited = 0;
      draw();
      await sleep(PAUSE_MILLISECONDS);
    }
  } finally {
    clearInterval(clock);
    screen.leave();
  }
}

/** Prints each reading as a line of JSON, until Ctrl-C or until nobody reads any more. */
export async function watchAsLines(read: () => Promise<Status>): Promise<never> {
  endWell();
  for (let picture: Picture = {}; ; await sleep(PAUSE_MILLISECONDS)) {
    const status = await readOn(read, picture);
    picture = pictureAfter(picture, status);
    if (!process.stdout.write(`${jsonLine(status)}\n`)) await once(process.stdout, "drain");
  }
}

/** Has Ctrl-C, and a reader who is gone, end this process at once: that is how it is ended. What was begun changes nothing. */
function endWell(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(EXIT.well));
  process.stdout.on("error", () => process.exit(EXIT.well));
}

/** Reads how it is. Where it can't be read any more, that is a reading too; where it never could, it is most likely asked for wrongly. */
async function readOn(read: () => Promise<Status>, { last, problem }: Picture): Promise<Status> {
  try {
    return await read();
  } catch (error) {
    if (last === undefined && problem === undefined) throw error;
    const { reason, next } = stopReport(stopOf(error));
    return cantTell(reason, next);
  }
}
