import { signalExit } from "../../stacks/engine/docker";

/** Signals that are the command's, and not ours. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** npm passes on what a terminal sends to all anyway: the same signal within this time is the same. */
const SAME_MILLISECONDS = 300;

/** With so many of them somebody wants it to end, whatever the command makes of it. */
const INSISTENT = 3;

/** A command that runs elsewhere, and what of it is in our hands. */
export interface Passing {
  /** Its exit code, once it has ended. */
  ended: Promise<number>;
  /** Passes a signal on to it. */
  pass(signal: NodeJS.Signals): Promise<void>;
  /** Leaves it. */
  leave(): void;
}

/** Passes on what comes for a command, from before it was begun until its end. */
export class SignalRelay {
  /** The first one that came. */
  first: NodeJS.Signals | undefined;
  private passing: Passing | undefined;
  private latest = { signal: "", time: 0 };
  private count = 0;
  private readonly hear = (signal: NodeJS.Signals) => this.take(signal);

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.hear);
  }

  /** Whether so many came that nothing more is waited for. */
  get isInsistent(): boolean {
    return this.count >= INSISTENT;
  }

  /** Returns a command's exit code, and passes on to it what comes until then. */
  async attend(passing: Passing): Promise<number> {
    this.passing = passing;
    if (this.first !== undefined) void passing.pass(this.first);
    const code = await passing.ended;
    this.passing = undefined;
    for (const signal of SIGNALS) process.off(signal, this.hear);
    return this.isInsistent && this.first !== undefined ? signalExit(this.first) : code;
  }

  private take(signal: NodeJS.Signals): void {
    const time = performance.now();
    const isSame = this.latest.signal === signal && time - this.latest.time < SAME_MILLISECONDS;
    this.latest = { signal, time };
    if (isSame) return;
    this.first ??= signal;
    this.count += 1;
    if (this.passing === undefined) return;
    if (this.isInsistent) this.passing.leave();
    else void this.passing.pass(signal);
  }
}
