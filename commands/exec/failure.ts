import { shown } from "../../stacks/text/plain";

/** How docker, a shell and an init say that a command can't be run, and that there is none of that name. */
const NOT_RUN = 126;
const NOT_FOUND = 127;

/** Returns what a command's exit code means where docker may have given it; undefined where it is the command's alone. */
export function failureOf(code: number, command: string, container: string): string | undefined {
  const name = shown(command);
  if (code === NOT_FOUND) return `127: ${container} has no command ${name}, or ${name} could not find another one`;
  if (code === NOT_RUN)
    return `126: docker can't run ${name} in ${container}: there is no such command, or it is no program; or ${name} has ended so itself`;
  return undefined;
}
