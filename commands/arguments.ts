import { parseArgs } from "node:util";
import { isColor } from "../stacks/service/color";
import { shown } from "../stacks/text/plain";
import { commandLine } from "../stacks/text/shell";
import { CantTellError, type NextCommand } from "./outcome";
import { asTyped, isPackaged } from "./typed";

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
  /** Whether it takes the words of another command, behind a `--` of its own. */
  takesWords?: true;
  /** Its exit code where it ends early, in place of 1 and 3: those may be of the command that it runs. */
  earlyExit?: number;
}

/** A command's arguments. */
export type Arguments<Value extends string, Flag extends string> = Partial<Record<Value | "stack", string>> &
  Record<Flag | "help", boolean> & {
    /** Whether `--version` asks for this program's version; where it is an option with a value, it never does. */
    printsVersion: boolean;
    /** What stands behind `--`, in a command that takes it. */
    words?: readonly string[];
    /** The files that were named, of a command that takes files. */
    files?: readonly string[];
  };

const SHORT: Readonly<Record<string, string>> = { help: "h", stack: "s", yes: "y", follow: "f", tail: "n", watch: "w" };

/** Options of npm's own, which it may have from a file of the user's: npm naming them says nothing about this command. */
const OF_NPM = ["color", "json", "proxy", "yes"];

/** Stands before what is not the command's own. */
const TERMINATOR = "--";

/** What the arguments set, by the options' names. */
type Given = Record<string, string | boolean>;

/** The options that a command takes, by whether they have a value. */
interface Options {
  values: readonly string[];
  flags: readonly string[];
}

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
  const { own, words } = usage.takesWords ? splitAtTerminator(args) : { own: args, words: undefined };
  const options = optionsOf(usage);
  const tokens = tokensIn(own, options);
  const asks = (flag: string) => (token: Token) =>
    token.kind === "option" && token.name === flag && token.value === undefined;
  const asksHelp = tokens.some(asks("help"));
  const isAlone = own.length === 1 && tokens.some(asks("version"));
  if (usage.takesWords && !words?.length && !asksHelp && !isAlone) failWithoutWords(usage, own, words, options);

  const files: string[] = [];
  const given = asksHelp ? { help: true } : givenIn(usage, own, options, files);
  if (!asksHelp) checkNpm(usage, options, given, env);
  const { version, ...others } = given as Given;
  const takesVersion = options.values.includes("version");
  return {
    ...Object.fromEntries([...usage.flags, "help"].map((name) => [name, false])),
    ...(takesVersion ? given : others),
    printsVersion: !takesVersion && version === true,
    ...(words !== undefined && { words }),
    ...(usage.takesFiles && { files }),
  } as Arguments<Value, Flag>;
}

function fail({ command }: Usage, reason: string, next: readonly NextCommand[] = []): never {
  throw new CantTellError(reason, [
    ...next,
    { purpose: "read what there is", command: asTyped(`npm run ${command} -- --help`) },
  ]);
}

/** Returns the arguments before the first `--`, and the words behind it where there is one. */
function splitAtTerminator(args: readonly string[]): { own: readonly string[]; words: readonly string[] | undefined } {
  const at = args.indexOf(TERMINATOR);
  return at < 0 ? { own: args, words: undefined } : { own: args.slice(0, at), words: args.slice(at + 1) };
}

function optionsOf(usage: Usage): Options {
  const values = [...usage.values, ...(usage.takesStack ? ["stack"] : [])];
  return { values, flags: [...usage.flags, "help", ...(values.includes("version") ? [] : ["version"])] };
}

/** What one argument is, or two of which the second is the first one's value. */
type Token = ReturnType<typeof tokensIn>[number];

function tokensIn(args: readonly string[], { values, flags }: Options) {
  const option = (name: string, type: "string" | "boolean") => {
    const short = SHORT[name];
    return [name, { type, ...(short !== undefined && { short }) }] as const;
  };
  const options = Object.fromEntries([
    ...values.map((name) => option(name, "string")),
    ...flags.map((name) => option(name, "boolean")),
  ]);
  return parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true }).tokens;
}

/** Returns what the arguments set, and adds the files that they name; refuses the first one that is wrong. */
function givenIn(usage: Usage, args: readonly string[], options: Options, files: string[]): Given {
  const given: Given = {};
  const unknown = (index: number) => fail(usage, `the argument ${shown(args[index])} is not known`);
  const set = (name: string, value: string | true) => {
    if (given[name] !== undefined) fail(usage, `--${name} is given twice`);
    given[name] = value;
  };
  const setStack = (stack: string) => {
    if (given.stack !== undefined) fail(usage, `one stack at a time, and not ${shown(stack)} too`);
    given.stack = stack;
  };
  for (const token of tokensIn(args, options)) {
    if (token.kind === "option-terminator") unknown(token.index);
    else if (token.kind === "positional" && usage.takesFiles && token.value !== "") files.push(token.value);
    else if (token.kind === "positional") {
      if (!usage.takesStack || token.value === "") unknown(token.index);
      refuseColor(usage, token.value);
      setStack(token.value);
    } else if (options.values.includes(token.name)) {
      const value = valueIn(usage, token);
      if (token.name === "stack") setStack(value);
      else set(token.name, value);
    } else if (options.flags.includes(token.name) && token.value === undefined) set(token.name, true);
    else unknown(token.index);
  }
  return given;
}

function valueIn(usage: Usage, { name, value, inlineValue }: Extract<Token, { kind: "option" }>): string {
  const isMissing = typeof value !== "string" || value === "" || (!inlineValue && value.startsWith("-"));
  return isMissing
    ? fail(usage, name === "stack" ? "--stack needs the stack's name" : `--${name} needs a value`)
    : value;
}

/** Refuses a color as a stack's name: npm has an option `--color` without a value, and leaves the color behind. */
function refuseColor(usage: Usage, stack: string): void {
  if (!isColor(stack) || !usage.values.includes("color")) return;
  fail(usage, `${stack} stands where a stack's name does: a color is given as \`--color ${stack}\`${behind(usage)}`);
}

/** Refuses to run where npm has kept an option that was meant for the command. */
function checkNpm(usage: Usage, { values, flags }: Options, given: Given, env: NodeJS.ProcessEnv): void {
  const taken = [...values, ...flags].find(
    (name) => name !== "help" && env[`npm_config_${name}`] !== undefined && given[name] === undefined,
  );
  if (taken === undefined || OF_NPM.includes(taken)) return;
  fail(usage, `npm took --${taken} for its own; its options come before \`--\`, those of ${usage.command} after it`);
}

/** Where options stand, for whoever types them with npm. */
const behind = ({ command }: Usage): string => (isPackaged() ? "" : `, behind the \`--\` of \`npm run ${command} --\``);

/** Refuses to run without a command, and shows where it stands: most often npm has taken the only `--`. */
function failWithoutWords(
  usage: Usage,
  own: readonly string[],
  words: readonly string[] | undefined,
  options: Options,
): never {
  if (words !== undefined) fail(usage, `no command stands behind \`${TERMINATOR}\``);
  const isOwn = (token: Token) =>
    token.kind === "option" && (options.values.includes(token.name) || options.flags.includes(token.name));
  const at = tokensIn(own, options).find((token) => !isOwn(token))?.index ?? own.length;
  const line = [...own.slice(0, at), TERMINATOR, ...(at < own.length ? own.slice(at) : ["COMMAND"])];
  const npm = isPackaged() ? "" : ", and npm takes the first one for itself";
  fail(usage, `no command to run: it stands behind a \`${TERMINATOR}\` of its own${npm}`, [
    { purpose: "run it", command: asTyped(`npm run ${usage.command} -- ${commandLine(line)}`) },
  ]);
}
