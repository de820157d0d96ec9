import { RegistryError } from "../../stacks/engine/registry";
import { plain } from "../../stacks/text/plain";
import { cantTellLine } from "../outcome";
import { FileError } from "../stackFile";

/** What the exit code says: 0 done, or there was nothing to do; 1 refused, nothing was changed; 3 can't tell, nothing was changed. */
export const EXIT = { done: 0, refused: 1, unknown: 3 } as const;

/** Why a command has changed nothing, with what to type instead. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    reason: string,
    readonly next: readonly string[] = [],
    readonly exit: typeof EXIT.refused | typeof EXIT.unknown = EXIT.refused,
  ) {
    super(reason);
  }
}

/** Refuses because something could not be found out. */
export const untold = (reason: string, ...next: string[]): Refused => new Refused(reason, next, EXIT.unknown);

/** Any error as what it means for the command. */
export function refusedBy(error: Error): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof FileError) return untold(error.message, ...(error.mend === undefined ? [] : [error.mend]));
  if (error instanceof RegistryError) {
    const { kind, reason, next } = error.problem;
    return kind === "missing" ? new Refused(reason, [next]) : untold(reason, next);
  }
  return untold(error.message);
}

/** What a person reads of it, each in a line. */
export const wordsOf = ({ exit, message, next }: Refused): string =>
  [
    exit === EXIT.unknown ? cantTellLine(message) : `Refused: ${plain(message)}`,
    ...next.map((command) => `Next: ${plain(command)}`),
  ].join("\n");

/** Runs a command to its end, says why where it is refused, and sets the exit code. */
export async function conclude(command: () => Promise<void>): Promise<void> {
  // Whoever reads this may be gone before the end, as `head` is.
  process.stdout.on("error", () => {});
  // An exit of our own, so that what was written for docker's login goes with it.
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
  try {
    await command();
  } catch (error) {
    const refused = refusedBy(error as Error);
    console.error(wordsOf(refused));
    process.exitCode = refused.exit;
  }
}
