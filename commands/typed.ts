import type { Color } from "../stacks/service/color";
import { quoted } from "../stacks/text/shell";

/** How commands are typed for a stack: whichever stack is selected, and wherever its engine is. */
export interface Commands {
  /** `pulumi up`, with more flags. */
  up(...flags: string[]): string;
  /** Settings, then `pulumi up`. */
  upWith(...settings: [name: string, value: string][]): string;
  /** How the stack is. */
  status(): string;
  /** `docker ...` on the stack's engine. */
  docker(...args: string[]): string;
  /** Makes a color active. */
  activate(color: Color): string;
}

/**
 * @param stack the stack's name where it is not the one that `pulumi` takes by itself.
 * @param host the engine's address where the stack's file names one.
 */
export function commandsFor(stack: string | undefined, host: string | undefined): Commands {
  const flag = stack === undefined ? "" : ` --stack ${quoted(stack)}`;
  const up = (...flags: string[]) => `pulumi up${flags.map((word) => ` ${word}`).join("")}${flag}`;
  const upWith = (...settings: [string, string][]) =>
    [...settings.map(([name, value]) => `pulumi config set ${name} ${value}${flag}`), up()].join(" && ");
  return {
    up,
    upWith,
    status: () => `npm run status${stack === undefined ? "" : ` -- ${quoted(stack)}`}`,
    docker: (...args) => `${host === undefined ? "" : `DOCKER_HOST=${quoted(host)} `}docker ${args.join(" ")}`,
    activate: (color) => upWith(["activeColor", color]),
  };
}
