import type { Color } from "../stacks/service/color";
import { goneWords, missingBeside } from "../stacks/service/missing";
import type { Run } from "./run";

/** Returns which of a color's workers' and jobs' containers are gone, in words; undefined for none. */
export function goneOf(run: Run, color: Color): string | undefined {
  const missing = missingBeside(run, color);
  return missing.length === 0 ? undefined : goneWords(missing);
}

/**
 * Refuses a color whose migration would not run, or whose worker would not start, since the container is gone. A way back to what was
 * stable is told so, and goes on.
 *
 * @param wasStable whether the color was stable with the release that it has.
 */
export function requireBeside(run: Run, wasStable: boolean): void {
  const gone = goneOf(run, run.trial);
  if (gone === undefined) return;
  if (!wasStable) throw run.refused(gone, "", "pulumi up, which makes again what is gone");
  run.say(`${gone}; next: npm run status`);
  run.note(gone);
}
