import type { Usage } from "../arguments";

export const USAGE = {
  command: "adopt",
  takesStack: false,
  takesFiles: true,
  values: ["service", "stack", "profile", "keep"],
  flags: ["yes"],
  help: `Reads a compose file and writes a stack's file for this program. Nothing is run, and no engine is asked.

npm run adopt -- ../shop/docker-compose.yml               the stack is called as the compose project is
npm run adopt -- compose.yml compose.prod.yml             several files, merged as Compose merges them
npm run adopt -- compose.yml --service web --stack shop   the service that is the app; the stack's name
npm run adopt -- compose.yml --profile mail,search        with the services of these profiles
npm run adopt -- compose.yml --keep db,redis              these stay with Compose; the stack joins their network
npm run adopt -- compose.yml --yes                        other values for settings that the file has already

It prints what became of each key, marks with ! what somebody has to see to, and ends with the commands that move the
application over. Secrets are set with Pulumi where the stack is there; otherwise it prints the commands.

Exit code: 0 written; 1 refused, nothing was written; 3 can't tell: the arguments are wrong, or this is no project.`,
} as const satisfies Usage;
