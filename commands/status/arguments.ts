import { shown } from "../../stacks/text/shell";

/** What was asked for. */
export interface Asked {
  stack?: string;
  json: boolean;
  help: boolean;
  /** What is wrong with the arguments, with what to type instead. */
  problem?: string;
}

export const HELP = `How a stack is, read from what runs.

npm run status                    the stack that is selected
npm run status -- --stack prod    another one
npm run --silent status -- --json the same as JSON, for programs; commands/status/report.ts says what each key means

Exit code: 0 well; 1 degraded, the public is served but something is not as it should be;
2 down, the public gets errors, as in maintenance; 3 can't tell.`;

/** Makes sense of the arguments, beside what npm took for its own where the \`--\` before them was forgotten. */
export function askedBy(args: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const asked: Asked = { json: false, help: false };
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [name = "", value] = argument.split(/=(.*)/s);
    if (argument === "--json") asked.json = true;
    else if (argument === "--help" || argument === "-h") asked.help = true;
    else if (name === "--stack" || argument === "-s") {
      const stack = value ?? rest.shift();
      if (stack === undefined || stack === "" || stack.startsWith("-"))
        asked.problem ??= `${name} needs the stack's name`;
      else asked.stack = stack;
    } else asked.problem ??= `the argument ${shown(argument)} is not known`;
  }
  if (env.npm_config_stack !== undefined && asked.stack === undefined) {
    asked.problem = "npm took --stack for its own; its options come before `--`, those of status after it";
  }
  return asked;
}
