import type { Usage } from "../arguments";

export const USAGE = {
  command: "drift",
  takesStack: true,
  values: ["service"],
  flags: ["fix", "json"],
  help: `Whether a stack runs what is declared: what Pulumi's state and the settings say, beside what the engine has.
Of a program that has several services all of them are looked at, and the gateway.

npm run drift                        the stack that is selected
npm run drift -- prod                another one; --stack prod means the same
npm run drift -- prod --fix          runs the commands that mend what it finds, and looks again;
                                     never replaces the live color or the proxy, and never switches
npm run drift -- --service shop      one service, of a program that has several
npm run --silent drift -- prod --json
                                     the same as JSON, for programs; commands/drift/report.ts says what each key means

Exit code: 0 what runs is what is declared; 1 there are differences, or with --fix are left; 3 can't tell.`,
} as const satisfies Usage;
