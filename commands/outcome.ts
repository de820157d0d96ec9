import { plain } from "../stacks/text/plain";

/**
 * The exit codes of every command: 0 all is well, or done; 1 there is something to see to, or it was refused; 2 the public gets
 * errors; 3 can't tell. Refused and can't tell both mean that nothing was changed.
 */
export const EXIT = { well: 0, finding: 1, broken: 2, unknown: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that makes sense now. */
export interface NextCommand {
  /** What for: `Next, to <purpose>: <command>`. */
  purpose: string;
  command: string;
}

/** What `--json` prints where nothing can be said. */
export interface CantTell {
  exit: 3;
  level: "unknown";
  /** Why, in words. */
  reason: string;
  next: NextCommand[];
}

export const cantTell = (reason: string, next: NextCommand[] = []): CantTell => ({
  exit: EXIT.unknown,
  level: "unknown",
  reason,
  next,
});

/** Ends a command: the reason, and what to type next. */
export abstract class Stop extends Error {
  abstract readonly exit: typeof EXIT.finding | typeof EXIT.unknown;

  constructor(
    reason: string,
    readonly next: readonly (NextCommand | string)[] = [],
  ) {
    super(reason);
  }
}

/** Ends a command that can't find out what it needs to know. */
export class CantTellError extends Stop {
  override readonly name = "CantTellError";
  readonly exit = EXIT.unknown;
}

/** Ends a command that must not do what it was asked for. */
export class Refusal extends Stop {
  override readonly name = "Refusal";
  readonly exit = EXIT.finding;
}

/** Returns any error as what it means for a command. */
export const stopOf = (error: unknown): Stop =>
  error instanceof Stop ? error : new CantTellError(error instanceof Error ? error.message : String(error));

/** Returns the line that a command prints where something can't be found out. */
export const cantTellLine = (reason: string): string => `Can't tell: ${plain(reason)}`;

/** Returns why nothing can be said and what to type, one line each. */
export const cantTellScreen = ({ reason, next }: CantTell): string =>
  [cantTellLine(reason), ...nextLines(next)].join("\n");

/** Returns why a command ended and what to type, one line each. */
export const stopScreen = ({ exit, message, next }: Stop): string =>
  [exit === EXIT.unknown ? cantTellLine(message) : `Refused: ${plain(message)}`, ...nextLines(next)].join("\n");

/** Returns the same as `--json` prints it. */
export function stopReport({ exit, message, next }: Stop) {
  const commands = next.map((each) => (typeof each === "string" ? { purpose: "go on", command: each } : each));
  return exit === EXIT.unknown
    ? cantTell(message, commands)
    : { exit, level: "refused", reason: message, next: commands };
}

/** Returns what to type next, one line each. */
export const nextLines = (next: readonly (NextCommand | string)[]): string[] =>
  next.map((each) =>
    typeof each === "string" ? `Next: ${plain(each)}` : `Next, to ${each.purpose}: ${plain(each.command)}`,
  );
