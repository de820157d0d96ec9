import type { Usage } from "../arguments";

export const USAGE = {
  command: "logs",
  takesStack: true,
  values: [
    "service",
    "host",
    "color",
    "worker",
    "job",
    "accessory",
    "monitoring",
    "since",
    "tail",
    "status",
    "request",
  ],
  flags: ["proxy", "follow"],
  help: `The log lines of a stack's containers in the order of their time, each behind what wrote it.

npm run logs                       both colors and the proxy, of the last 10 minutes
npm run logs -- prod               of another stack; --stack prod means the same
npm run logs -- --color green      all containers of a color
npm run logs -- --worker mail      a worker, of both colors or of --color; likewise --job migrate, --accessory db
npm run logs -- --monitoring NAME  one that watches both colors: metrics, prometheus, alertmanager, blackbox
npm run logs -- --proxy            the proxy: each answer as JSON, and nginx's errors
npm run logs -- --status 5xx       of the proxy's log such answers alone: 502, 500-504; of one color with --color
npm run logs -- --request ID       one request, by requestId in the proxy's log; the app gets it as X-Request-Id
npm run logs -- --since 2h         as docker takes it: 90s, 1h30m, 2026-11-29T03:00:00Z
npm run logs -- --tail 100         the last 100 lines, however old where --since is not given; -n 100
npm run logs -- --follow           goes on until Ctrl-C, with containers that are made meanwhile; -f
npm run logs -- --service shop     one service, of a program that has several
npm run logs -- --host b           one host of several; without it all of them, each line with its host's name

Of --color, --worker, --job, --accessory, --monitoring and --proxy all that are named are shown. What happens to a
container that is followed is said on standard error. The proxy writes its log once a second.

Exit code: 0 shown, or ended by Ctrl-C; 1 a container's log can't be read, and the others are shown, or no line tells
of the request; 3 can't tell.`,
} as const satisfies Usage;
