import { shown } from "../../stacks/text/shell";

/** What was asked for. */
export interface Asked {
  /** The stack; without one that which `pulumi` takes by itself. */
  stack?: string;
  /** Whether to print it as a pull request's comment. */
  comment: boolean;
  help: boolean;
  /** What is wrong with the arguments. */
  problem?: string;
}

export const HELP = `What \`pulumi up\` would do to a stack: a summary for people, then Pulumi's diff. Nothing is touched.

npm run preview                             the stack that is selected
npm run preview -- prod                     another one
npm run --silent preview -- prod --comment  the same as a comment for a pull request

Exit code: 0 the change may go on; 1 it is refused, or the preview failed; 3 can't tell: the arguments are wrong,
there is no such stack, or Pulumi does not reach its state.`;

/** Makes sense of the arguments, beside what npm took for its own where the \`--\` before them was forgotten. */
export function askedBy(args: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const asked: Asked = { comment: false, help: false };
  for (const argument of args) {
    if (argument === "--comment") asked.comment = true;
    else if (argument === "--help" || argument === "-h") asked.help = true;
    else if (argument.startsWith("-") || argument === "")
      asked.problem ??= `the argument ${shown(argument)} is not known`;
    else if (asked.stack !== undefined) asked.problem ??= "more than one stack is named";
    else asked.stack = argument;
  }
  for (const option of ["comment", "stack"]) {
    if (env[`npm_config_${option}`] !== undefined)
      asked.problem = `npm took --${option} for its own; its options come before \`--\`, those of preview after it`;
  }
  return asked;
}
