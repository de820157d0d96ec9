import type { Usage } from "../arguments";

export const USAGE = {
  command: "status",
  takesStack: true,
  values: ["service"],
  flags: ["json", "watch"],
  help: `How a stack is, read from what runs.

npm run status                    the stack that is selected
npm run status -- prod            another one; --stack prod means the same
npm run status -- --service shop  one service in full, of a program that has several
npm run status -- --watch         reads again and again and draws in place, until Ctrl-C; -w
npm run --silent status -- --json the same as JSON, for programs; commands/status/report.ts says what each key means;
                                  with --watch a line a reading
npm run status -- --version       the version of this program

Exit code: 0 well; 1 degraded, the public is served but something is not as it should be;
2 down, the public gets errors, as in maintenance; 3 can't tell. With --watch 0: ended by Ctrl-C.`,
} as const satisfies Usage;
