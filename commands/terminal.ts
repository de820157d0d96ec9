import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";

/** The screen beside the one that the shell is on, and back (xterm's control sequences, which all terminals have taken over). */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR = "\u001b[2J";
const CLEAR_TO_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** What a terminal that does not say its size has. */
const COLUMNS = 80;
const ROWS = 24;

/**
 * A terminal whose screen is drawn over and over. However this process ends, but for SIGKILL, the terminal is left as it was before, with
 * the last picture below what was typed there.
 */
export class TerminalScreen {
  private isEntered = false;
  private last = "";

  /** @param redraw draws again, for another size or after the process was suspended. */
  constructor(
    private readonly out: WriteStream,
    redraw: () => void,
  ) {
    // Of an error that nobody caught Node writes after this.
    process.on("exit", () => this.leave());
    process.on("SIGTSTP", () => {
      this.leave();
      process.kill(process.pid, "SIGSTOP");
    });
    process.on("SIGCONT", redraw);
    out.on("resize", () => {
      if (this.isEntered) out.write(CLEAR);
      redraw();
    });
  }

  get columns(): number {
    return this.out.columns || COLUMNS;
  }

  get rows(): number {
    return this.out.rows || ROWS;
  }

  /**
   * Draws lines in place of those before: over them, so that nothing flickers.
   *
   * @param lines as many as there are rows at most, none with more than the columns.
   * @param whole what stays on the terminal when it is left.
   */
  draw(lines: readonly string[], whole: string): void {
    const enter = this.isEntered ? "" : ENTER;
    this.isEntered = true;
    this.last = whole;
    // Behind a line that fills its row a terminal would clear its last column.
    const rows = lines.map((line) =>
      stripVTControlCharacters(line).length < this.columns ? line + CLEAR_TO_LINE_END : line,
    );
    const below = lines.length < this.rows ? `\r\n${CLEAR_BELOW}` : "";
    this.out.write(`${enter}${HOME}${rows.join("\r\n")}${below}${HOME}`);
  }

  /** Leaves the terminal as it was before, with the last picture. */
  leave(): void {
    if (!this.isEntered) return;
    this.isEntered = false;
    this.out.write(`${LEAVE}${this.last}\n`);
  }
}
