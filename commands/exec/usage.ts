import type { Usage } from "../arguments";

/** As docker has it where a command could not be begun. */
export const NOT_BEGUN = 125;

export const USAGE = {
  command: "exec",
  takesStack: true,
  values: ["service", "host", "color", "worker", "accessory"],
  flags: ["new"],
  takesWords: true,
  earlyExit: NOT_BEGUN,
  help: `Runs a command in a container of a stack, on this terminal. It stands behind a \`--\` of its own: npm takes the first one.

npm run exec -- -- ls -l                            in the live color
npm run exec -- prod -- ls -l                       of another stack; --stack prod means the same
npm run exec -- --color green -- sh                 in this color
npm run exec -- --worker mail -- ps                 in a worker, of the live color or of --color
npm run exec -- --accessory db -- psql -U shop      in an accessory
npm run exec -- --new -- python manage.py migrate   in a container of its own, made like the color's
npm run exec -- --service shop -- ls                of one service, of a program that has several
npm run exec -- --host b -- ls                      on this one of several hosts; without it on the first

Of several containers it is the first one that runs. It reads what it is given: zcat dump.gz | npm run --silent exec ...
With --new the image's entrypoint comes first, as with \`docker run\`. That container has no port, no health check and no
name by which the proxy would find it, and is removed when the command ends. Signals are passed on to the command.

Exit code: the command's own; 125 it was not begun; 126 and 127 docker can't run it, or there is no such command.`,
} as const satisfies Usage;
