import type { Color } from "../stacks/service/color";
import { commandLine, quoted } from "../stacks/text/shell";

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
  /** Takes the public back without Pulumi, to a color where one is named. */
  rollback(to?: Color): string;
  /** Shows logs, with more options. */
  logs(...options: string[]): string;
  /** Runs a command in a container that options choose. */
  exec(options: readonly string[], words: readonly string[]): string;
}

let isPackage = false;

/** Reports whether a program of somebody else's is looked at, which has the package. */
export const isPackaged = (): boolean => isPackage;

/** From now on commands are those of the package: `npx blue-green status prod`. */
export const typeAsPackage = (): void => {
  isPackage = true;
};

/** Returns a text whose commands are written as one types them here: `npm run status -- prod` in a checkout. */
export const asTyped = (text: string): string =>
  isPackage ? text.replace(/npm run (?:--silent )?(\w+)(?: --(?= ))?/g, "npx blue-green $1") : text;

/**
 * @param stack the stack's name where it is not the one that `pulumi` takes by itself.
 * @param host the engine's address where the stack's file names one.
 * @param service the service's name where the stack has several: their settings stand in the program, and not in the stack's file.
 */
export function commandsFor(stack: string | undefined, host: string | undefined, service?: string): Commands {
  const flag = stack === undefined ? "" : ` --stack ${quoted(stack)}`;
  const up = (...flags: string[]) => `pulumi up${flags.map((word) => ` ${word}`).join("")}${flag}`;
  const upWith = (...settings: [string, string][]) =>
    service === undefined
      ? [...settings.map(([name, value]) => `pulumi config set ${name} ${value}${flag}`), up()].join(" && ")
      : `${up()} # once the program gives ${service} ${settings.map((setting) => setting.join(" ")).join(" and ")}`;
  const run = (command: string, words: string[]) =>
    asTyped([`npm run ${command}`, ...(words.length === 0 ? [] : ["--", ...words])].join(" "));
  const options = [
    ...(stack === undefined ? [] : [quoted(stack)]),
    ...(service === undefined ? [] : ["--service", quoted(service)]),
  ];
  return {
    up,
    upWith,
    status: () => run("status", options),
    docker: (...args) => `${host === undefined ? "" : `DOCKER_HOST=${quoted(host)} `}docker ${args.join(" ")}`,
    activate: (color) => upWith(["activeColor", color]),
    rollback: (to) => run("rollback", [...options, ...(to === undefined ? [] : ["--to", to])]),
    logs: (...more) => run("logs", [...options, ...more]),
    exec: (more, words) => run("exec", [...options, ...more, "--", commandLine(words)]),
  };
}
