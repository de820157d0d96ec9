import { parseArgs } from "node:util";
import { shown } from "../stacks/text/plain";
import { CantTellError } from "./outcome";
import { asTyped } from "./typed";

/** What a command takes. */
export interface Usage<Value extends string = string, Flag extends string = string> {
  /** The command as `npm run` takes it. */
  command: string;
  /** What `--help` prints: what it does, an example of each option, the exit codes. */
  help: string;
  /** Whether it is about one stack, which is given as `prod` or as `--stack prod`. */
  takesStack: boolean;
  /** Whether it takes files, of which there may be several. */
  takesFiles?: boolean;
  /** Options with a value, such as `--version 1.4.0`. */
  values: readonly Value[];
  /** Options without one, such as `--json`. */
  flags: readonly Flag[];
}

/** A command's arguments. */
export type Arguments<Value extends string, Flag extends string> = Partial<Record<Value | "stack", string>> &
  Record<Flag | "help", boolean> & {
    /** Whether `--version` asks for this program's version; where it is an option with a value, it never does. */
    printsVersion: boolean;
    /** The files that were named, of a command that takes files. */
    files?: string[];
  };

const SHORT: Readonly<Record<string, string>> = { help: "h", stack: "s", yes: "y" };

/** Options of npm's own, which it may have from a file of the user's: npm naming them says nothing about this command. */
const OF_NPM = ["json", "yes"];

/**
 * Reads a command's arguments. What is not known, given twice or incomplete is refused, before anything is looked at; `--help` wins
 * over all of that.
 *
 * @param env in it npm leaves the options that it took for its own, where the `--` before them was forgotten.
 * @throws CantTellError with the wrong argument and the command that shows the help.
 */
export function readArguments<Value extends string, Flag extends string>(
  usage: Usage<Value, Flag>,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Arguments<Value, Flag> {
  const { command, takesStack } = usage;
  const fail = (reason: string): never => {
    throw new CantTellError(reason, [
      { purpose: "read what there is", command: asTyped(`npm run ${command} -- --help`) },
    ]);
  };
  const values: string[] = [...usage.values, ...(takesStack ? ["stack"] : [])];
  const takesVersion = values.includes("version");
  const flags: string[] = [...usage.flags, "help", ...(takesVersion ? [] : ["version"])];
  const option = (name: string, type: "string" | "boolean") => {
    const short = SHORT[name];
    return [name, { type, ...(short !== undefined && { short }) }] as const;
  };
  const options = Object.fromEntries([
    ...values.map((name) => option(name, "string")),
    ...flags.map((name) => option(name, "boolean")),
  ]);
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });

  const given: Record<string, string | boolean> = {};
  const unknown = (index: number) => fail(`the argument ${shown(args[index])} is not known`);
  const files: string[] = [];
  const setStack = (stack: string) => {
    if (given.stack !== undefined) fail(`one stack at a time, and not ${shown(stack)} too`);
    given.stack = stack;
  };
  if (tokens.some((token) => token.kind === "option" && token.name === "help" && token.value === undefined))
    given.help = true;
  else
    for (const token of tokens) {
      if (token.kind === "option-terminator") unknown(token.index);
      else if (token.kind === "positional" && usage.takesFiles && token.value !== "") files.push(token.value);
      else if (token.kind === "positional")
        takesStack && token.value !== "" ? setStack(token.value) : unknown(token.index);
      else if (values.includes(token.name)) {
        const { name, value, inlineValue } = token;
        const isMissing = value === undefined || value === "" || (!inlineValue && value.startsWith("-"));
        if (isMissing) fail(name === "stack" ? "--stack needs the stack's name" : `--${name} needs a value`);
        else if (name === "stack") setStack(value);
        else if (given[name] !== undefined) fail(`--${name} is given twice`);
        else given[name] = value;
      } else if (flags.includes(token.name) && token.value === undefined) {
        if (given[token.name] !== undefined) fail(`--${token.name} is given twice`);
        given[token.name] = true;
      } else unknown(token.index);
    }

  const taken = [...values, ...flags].find(
    (name) => name !== "help" && env[`npm_config_${name}`] !== undefined && given[name] === undefined,
  );
  if (taken !== undefined && !OF_NPM.includes(taken) && given.help !== true)
    fail(`npm took --${taken} for its own; its options come before \`--\`, those of ${command} after it`);
  const { version, ...others } = given;
  return {
    ...Object.fromEntries([...usage.flags, "help"].map((name) => [name, false])),
    ...(takesVersion ? given : others),
    printsVersion: !takesVersion && version === true,
    ...(usage.takesFiles && { files }),
  } as Arguments<Value, Flag>;
}
