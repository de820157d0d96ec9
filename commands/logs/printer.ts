import { once } from "node:events";
import type { Writable } from "node:stream";
import type { Color } from "../../stacks/service/color";
import { printable } from "../../stacks/text/plain";
import type { Paint } from "../paint";

/** What wrote a line. */
export interface Origin {
  label: string;
  color?: Color | undefined;
}

/** Writes lines behind what wrote them, one below the other, as fast as they are read. */
export class LogPrinter {
  /** Aborted once nobody reads any more, as `head` after its last line. */
  readonly gone: AbortSignal;
  private width = 0;
  private text = "";

  constructor(
    private readonly out: Writable,
    private readonly notes: Writable,
    private readonly paint: Paint,
  ) {
    const gone = new AbortController();
    for (const event of ["error", "close"]) out.on(event, () => gone.abort());
    this.gone = gone.signal;
  }

  /** Makes room for a label that will be printed. */
  widen({ label }: Origin): void {
    this.width = Math.max(this.width, label.length);
  }

  /** Takes a line; {@link flush} writes it. What a terminal would act on is written as text. */
  line(origin: Origin, text: string): void {
    this.text += `${this.label(origin)} | ${printable(text).replaceAll("\n", "\\u{a}")}\n`;
  }

  /** Says on standard error what happened to a container, so that whoever reads the lines does not take it for one. */
  note(origin: Origin, text: string): void {
    this.notes.write(`${this.label(origin)} ! ${printable(text)}\n`);
  }

  /** Writes what was taken, and waits where it is not read fast enough. */
  async flush(): Promise<void> {
    const { text } = this;
    this.text = "";
    if (text === "" || this.gone.aborted || this.out.write(text)) return;
    // Nobody reads any more, where this is aborted.
    await once(this.out, "drain", { signal: this.gone }).catch(() => {});
  }

  private label({ label, color }: Origin): string {
    this.widen({ label });
    return this.paint(color ?? "faint", label.padEnd(this.width));
  }
}
