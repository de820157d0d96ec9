import { parseArgs } from "node:util";
import { Refused } from "./refused";

/** The options of a command: those with a value, and those without. */
export interface Options<Value extends string, Flag extends string> {
  values: readonly Value[];
  flags: readonly Flag[];
}

/** What was asked for. */
export type Asked<Value extends string, Flag extends string> = Partial<Record<Value, string>> &
  Record<Flag | "help", boolean>;

/**
 * Makes sense of a command's arguments, beside what npm took for its own where the `--` before them was forgotten.
 *
 * @throws Refused with what to read.
 */
export function askedBy<Value extends string, Flag extends string>(
  command: string,
  { values, flags }: Options<Value, Flag>,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Asked<Value, Flag> {
  const help = `npm run ${command} -- --help`;
  const options = {
    ...Object.fromEntries(values.map((name) => [name, { type: "string" as const }])),
    ...Object.fromEntries(flags.map((name) => [name, { type: "boolean" as const }])),
    help: { type: "boolean" as const, short: "h" },
  };
  let given: Record<string, string | boolean | undefined>;
  try {
    given = parseArgs({ args: [...args], options, allowPositionals: false }).values as typeof given;
  } catch (error) {
    throw new Refused((error as Error).message.split("\n", 1)[0] ?? "", [help]);
  }
  for (const name of values) {
    if (env[`npm_config_${name}`] !== undefined && given[name] === undefined) {
      throw new Refused(
        `npm took --${name} for its own; its options come before \`--\`, those of ${command} after it`,
        [help],
      );
    }
    if (given[name] === "") throw new Refused(`--${name} needs a value`, [help]);
  }
  return { ...Object.fromEntries(["help", ...flags].map((name) => [name, false])), ...given } as Asked<Value, Flag>;
}
