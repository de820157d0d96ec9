import { shown } from "../../stacks/text/shell";

/** What was asked for. */
export interface Asked {
  stack?: string;
  fix: boolean;
  json: boolean;
  help: boolean;
  /** What is wrong with the arguments. */
  problem?: string;
}

export const HELP = `Whether a stack runs what is declared: what Pulumi's state and the settings say, beside what the engine has.

npm run drift -- prod                the stack prod; without a name the one that is selected
npm run drift -- prod --fix          runs the commands that mend what it finds, and looks again;
                                     never replaces the live color or the proxy, and never switches
npm run --silent drift -- prod --json   the same as JSON, for programs; commands/drift/report.ts says what each key means

Exit code: 0 what runs is what is declared; 1 there are differences, or with --fix are left; 3 can't tell.`;

/** Makes sense of the arguments, beside what npm took for its own where the \`--\` before them was forgotten. */
export function askedBy(args: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const asked: Asked = { fix: false, json: false, help: false };
  const rest = [...args];
  const name = (stack: string | undefined, flag: string) => {
    if (stack === undefined || stack === "" || stack.startsWith("-"))
      asked.problem ??= `${flag} needs the stack's name`;
    else if (asked.stack !== undefined) asked.problem ??= `one stack at a time, and not ${shown(stack)} too`;
    else asked.stack = stack;
  };
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag = "", value] = argument.split(/=(.*)/s);
    if (argument === "--fix") asked.fix = true;
    else if (argument === "--json") asked.json = true;
    else if (argument === "--help" || argument === "-h") asked.help = true;
    else if (flag === "--stack" || argument === "-s") name(value ?? rest.shift(), flag);
    else if (argument === "" || argument.startsWith("-"))
      asked.problem ??= `the argument ${shown(argument)} is not known`;
    else name(argument, "it");
  }
  for (const taken of ["stack", "fix"]) {
    if (env[`npm_config_${taken}`] !== undefined && (taken === "fix" ? !asked.fix : asked.stack === undefined))
      asked.problem = `npm took --${taken} for its own; its options come before \`--\`, those of drift after it`;
  }
  return asked;
}
