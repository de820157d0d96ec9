import { parseArgs } from "node:util";

/** The options of `npm run recover`. */
export interface Options {
  stack?: string;
  yes: boolean;
  help: boolean;
  /** What is wrong with the arguments. */
  problem?: string;
}

export const HELP = `Writes a new Pulumi state for a stack whose state was lost, from what runs on the engine.

npm run recover -- prod           the stack prod; without a name the selected one
npm run recover -- --stack prod   the same
npm run recover -- prod --yes     does not ask before it writes

It changes nothing on the engine, and refuses where the state has resources already. Afterwards \`pulumi up\`
goes on from there.

Exit code: 0 the state is written; 1 it is not; 3 can't tell.`;

/** Makes sense of the arguments, beside what npm took for its own where the \`--\` before them was forgotten. */
export function optionsIn(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        stack: { type: "string", short: "s" },
        yes: { type: "boolean", short: "y", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
      allowPositionals: true,
    });
    const stacks = [...positionals, ...(values.stack === undefined ? [] : [values.stack])];
    const [stack] = stacks;
    const swallowed = ["stack", "yes"].find((name) => env[`npm_config_${name}`] !== undefined);
    const problem =
      stacks.length > 1
        ? "one stack at a time"
        : stack === ""
          ? "the stack's name is empty"
          : swallowed !== undefined && stacks.length === 0
            ? `npm took --${swallowed} for its own; put \`--\` before it`
            : undefined;
    return {
      ...{ yes: values.yes, help: values.help },
      ...(stack && { stack }),
      ...(problem !== undefined && { problem }),
    };
  } catch (error) {
    return { yes: false, help: false, problem: (error as Error).message };
  }
}
