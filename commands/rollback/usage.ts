import type { Usage } from "../arguments";

export const USAGE = {
  command: "rollback",
  takesStack: true,
  values: ["to", "service"],
  flags: [],
  help: `Takes the public back at once, on the engine alone: without Pulumi, its state and its backend.

npm run rollback                    to the color that served before; of a canary, all visitors back to live
npm run rollback -- --to green      to this color
npm run rollback -- prod            of another stack; --stack prod means the same
npm run rollback -- --service shop  of one service, of a program that has several

It goes to a release that was stable, in the same containers, and only if that answers. Where the stack's file is at hand, it sets
activeColor there. Until a \`pulumi up\` agrees, none takes the public forward to the release that was left.
Of a stack with several hosts all go back together. One that does not answer holds up none of the others: typed once
more when it is there again, it follows them.

Exit code: 0 done, or the public is there already; 1 refused, or it failed: what served before serves, or a host was left
out; 3 can't tell.`,
} as const satisfies Usage;
