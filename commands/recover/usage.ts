import type { Usage } from "../arguments";

export const USAGE = {
  command: "recover",
  takesStack: true,
  values: [],
  flags: ["yes"],
  help: `Writes a new Pulumi state for a stack whose state was lost, from what runs on the engine.

npm run recover                   the stack that is selected
npm run recover -- prod           another one; --stack prod means the same
npm run recover -- prod --yes     does not ask before it writes

It changes nothing on the engine, and refuses where the state has resources already. Afterwards \`pulumi up\`
goes on from there.

Exit code: 0 the state is written; 1 it is not; 3 can't tell.`,
} as const satisfies Usage;
