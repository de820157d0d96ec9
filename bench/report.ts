import { CONNECTIONS, THREADS } from "./client";
import { median, milliseconds, seconds, whole, withRange } from "./figures";
import type { Machine } from "./machine";
import type { Measurement } from "./measure";
import type { Missing } from "./place";
import type { Ups } from "./ups";

/** One way to switch, measured. */
export interface Row {
  name: string;
  log: string;
  version: string;
  switching: Measurement[];
  steady: Measurement[];
}

/** The four that are compared, and what explains them. */
export interface Rows {
  byHand: Row;
  cutover: Row;
  withoutLog: Row;
  kamalProxy: Row | Missing;
  haproxy: Row | Missing;
}

/** How it was measured. */
export interface Plan {
  rounds: number;
  /** Of one measurement under load, in seconds. */
  duration: number;
  switches: number;
}

/** What the figures are to be, and what they are. */
export interface Aim {
  aim: string;
  found: string;
  met: boolean | undefined;
}

/** The least throughput, as a share of each peer's. */
const LEAST = { byHand: 0.97, kamalProxy: 2.5, haproxy: 0.85 };

/** The most that a command may take, as a share of what Pulumi itself takes to find nothing to do. */
const MOST_OF_PULUMI = { empty: 1.5, back: 1.6, release: 1.6, preview: 1.6, policies: 2 } as const;

/** The most that the way back without Pulumi may take, in seconds. */
const MOST_ROLLBACK_SECONDS = 1.5;

/** What each command is called. */
const COMMANDS: Record<keyof Ups, string> = {
  program: "`pulumi up` of a Pulumi program that declares nothing",
  empty: "`pulumi up`, nothing to do",
  policies: "the same with the policy pack",
  back: "`pulumi up`, the instant way back",
  release: "`pulumi up`, a switch with its gate, without the seconds of its watch",
  preview: "`pulumi preview --diff` of a switch",
  rollback: "`npm run rollback`",
  drift: "`npm run drift`",
};

const isMissing = (row: Row | Missing): row is Missing => "missing" in row;
const perSecond = (runs: Measurement[]): number[] => runs.map(({ requests, seconds }) => requests / seconds);
const failed = (runs: Measurement[]): number => runs.reduce((sum, run) => sum + run.failed, 0);

/** The throughput of one as a share of another's, each the median over its runs. */
const share = (of: Row, by: Row, kind: "switching" | "steady"): number =>
  median(perSecond(of[kind])) / median(perSecond(by[kind]));

/** Whether what was found meets each aim; undefined where the peer isn't there. */
export function aims(rows: Rows, ups: Ups): Aim[] {
  const lost = failed(rows.cutover.switching);
  const throughput = (peer: "byHand" | "kamalProxy" | "haproxy"): Aim => {
    const row = rows[peer];
    const aim = `throughput over the switches at least ${LEAST[peer]} of that of ${row.name}`;
    if (isMissing(row)) return { aim, found: row.missing, met: undefined };
    const found = share(rows.cutover, row, "switching");
    return { aim, found: found.toFixed(2), met: found >= LEAST[peer] };
  };
  const ofPulumi = (Object.keys(MOST_OF_PULUMI) as (keyof typeof MOST_OF_PULUMI)[]).map((key): Aim => {
    const found = median(ups[key]) / median(ups.program);
    const aim = `${COMMANDS[key]}: at most ${MOST_OF_PULUMI[key]} times one that declares nothing`;
    return { aim, found: found.toFixed(2), met: found <= MOST_OF_PULUMI[key] };
  });
  const back = median(ups.rollback);
  return [
    { aim: "no failed request over the switches", found: whole(lost), met: lost === 0 },
    throughput("byHand"),
    throughput("kamalProxy"),
    throughput("haproxy"),
    ...ofPulumi,
    {
      aim: `${COMMANDS.rollback}: at most ${MOST_ROLLBACK_SECONDS} s`,
      found: seconds(back),
      met: back <= MOST_ROLLBACK_SECONDS,
    },
  ];
}

/** How long each switch took, and what had to be there before it. */
function switchTime({ switching }: Row): string {
  const all = (kind: "switchMilliseconds" | "preparedMilliseconds") => switching.flatMap((run) => run[kind]);
  const prepared = all("preparedMilliseconds");
  const time = withRange(all("switchMilliseconds"), milliseconds);
  return prepared.length === 0 ? time : `${time}; its lock before it ${withRange(prepared, milliseconds)}`;
}

/** The comparison, one row for each way to switch. */
export function proxyTable(rows: Rows): string {
  const shares = (row: Row) =>
    row === rows.cutover
      ? "1"
      : `${share(rows.cutover, row, "switching").toFixed(2)} / ${share(rows.cutover, row, "steady").toFixed(2)}`;
  const cells = (row: Row | Missing): string[] =>
    isMissing(row)
      ? [row.name, "not here", "", "", "", "", row.missing.split("\n")[0] ?? ""]
      : [
          row.name,
          withRange(
            row.switching.map((run) => run.failed),
            whole,
          ),
          withRange(perSecond(row.switching), whole),
          withRange(perSecond(row.steady), whole),
          shares(row),
          switchTime(row),
          row.log,
        ];
  return table([
    [
      "",
      "failed requests",
      "requests/s, switching",
      "requests/s, no switch",
      "this cutover's share of it, switching / no switch",
      "the switch itself",
      "log of requests",
    ],
    ...[rows.byHand, rows.cutover, rows.withoutLog, rows.kamalProxy, rows.haproxy].map(cells),
  ]);
}

/** The times of whole commands. */
export function upTable(ups: Ups): string {
  const rows = (Object.keys(COMMANDS) as (keyof Ups)[]).map((key) => [
    COMMANDS[key],
    withRange(ups[key], seconds),
    (median(ups[key]) / median(ups.program)).toFixed(2),
  ]);
  return table([["", "time", "of the first row"], ...rows]);
}

export function aimTable(all: Aim[]): string {
  const verdict = (met: boolean | undefined) => (met === undefined ? "not measured" : met ? "met" : "**not met**");
  return table([["aim", "found", ""], ...all.map(({ aim, found, met }) => [aim, found, verdict(met)])]);
}

/** docs/benchmarks.md, whole. */
export function document(rows: Rows, ups: Ups, plan: Plan, machine: Machine): string {
  const proxies = [rows.cutover, rows.haproxy, rows.kamalProxy].flatMap((row) => (isMissing(row) ? [] : row.version));
  const every = plan.duration / plan.switches;
  const runs = Object.values(rows).flatMap((row: Row | Missing) => (isMissing(row) ? [] : row.switching));
  const late = runs.reduce((sum, run) => sum + run.late, 0);
  const lateWarning =
    late === 0 ? "" : `\n  **${late} switches ended after the load: the machine was too busy for these figures.**`;
  const quiet =
    machine.load < 0.5 ? "" : " (above 0.5: something else was running, so take the absolute figures with care)";
  return `# Benchmarks

Written by \`npm run bench\`; an edit by hand is lost with its next run.

## Aims

${aimTable(aims(rows, ups))}

## Under load

${proxyTable(rows)}

Each figure is the median over ${plan.rounds} runs, with the range; failed requests of all runs together decide the first aim.

- **Load**: wrk, ${THREADS} threads, ${CONNECTIONS} keep-alive connections, ${plan.duration} s a run. It runs in a network namespace of its own and asks an
  address of the host, as another machine does: the kernel forwards its connections to the container (DNAT). That none of them
  ends at Docker's userland proxy is checked in each run.
- **Proxies**: each in a container on the same network, before the same two backends (nginx, a fixed answer of a few bytes), with
  the same memory limit and log driver, none bound to a core. The runs are interleaved, so that a slow minute of the machine meets
  all of them. nginx and HAProxy close idle connections after the same time; kamal-proxy has no such setting.
- **Switching**: ${plan.switches} switches, one each ${every} s, each through \`docker exec\`, whose own time is part of each switch's. After
  each one a new connection has to meet the other backend. This cutover takes the proxy's lock before its gate, by a \`docker exec\` that
  then also makes the switch: its start is told beside.${lateWarning}
  - *${rows.byHand.name}*: the same container and configuration as this cutover's, but without \`keepalive_min_timeout\`; \`sed\` and
    \`nginx -s reload\`, which returns before anything has moved.
  - *${rows.cutover.name}*: the proxy that \`pulumi up\` made, switched by the program's own script with its own configuration, which ends when every
    new connection meets the new color.
  - *${rows.withoutLog.name}*: the same with \`access_log off\`, to tell what the log costs.
  - *${rows.kamalProxy.name}*: \`kamal-proxy deploy\`, which checks the target's health first.
  - *${rows.haproxy.name}*: \`set map\` through its stats socket, which checks nothing.
- **Failed**: connections refused, reset or closed before the answer, answers that didn't come within 2 s, and answers that were errors.

## Whole commands

${upTable(ups)}

Each the median over ${ups.empty.length} runs, in turn (the ups with \`--yes --skip-preview\`), on a stack of its own with the sample service and a local
state.

## Machine

${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.kernel}; proxies, backends and wrk share it. Load average before the run: ${machine.load.toFixed(2)}${quiet}.
${[...proxies, ...machine.versions].join(", ")}.
`;
}

/** A Markdown table; the first row is its head. Columns are aligned, so that it is readable in a terminal too. */
export function table([head = [], ...rows]: string[][]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
