import type { Usage } from "../arguments";

export const USAGE = {
  command: "preview",
  takesStack: true,
  values: ["service"],
  flags: ["comment"],
  help: `What \`pulumi up\` would do to a stack: a summary for people, then Pulumi's diff. Nothing is touched.

npm run preview                             the stack that is selected
npm run preview -- prod                     another one; --stack prod means the same
npm run preview -- --service shop           the summary of one service, of a program that has several
npm run --silent preview -- prod --comment  the same as a comment for a pull request

Exit code: 0 the change may go on; 1 it is refused, or the preview failed; 3 can't tell: the arguments are wrong,
there is no such stack, or Pulumi does not reach its state.`,
} as const satisfies Usage;
