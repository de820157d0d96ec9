import { CONNECTIONS, THREADS } from "../client";
import { median, milliseconds, whole, withRange } from "../figures";
import type { Machine } from "../machine";
import type { Missing } from "../place";
import { type Aim, aimTable, table } from "../report";
import { PROTOCOLS, type Protocol } from "./h2load";
import type { LoadFigures, TlsFigures, TlsPlan, Topic } from "./measure";
import { LARGE_BYTES } from "./place";
import { WEB_SOCKETS } from "./webSockets";

type Row = TlsFigures | Missing;

const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as Protocol[];

const TOPIC_NAMES: Record<Topic, string> = {
  small: "small answers",
  large: `answers of ${LARGE_BYTES / 1024} KB`,
  upload: "uploads of 1 MB",
};

/** Within 10 % of the first. */
const LEAST_OF_BEST = 0.9;
const MOST_OF_BEST = 1.1;

const fine = (figure: number): string => `${figure.toFixed(2)} ms`;
const kib = (figure: number): string => `${figure.toFixed(1)} KiB`;
const mib = (figure: number): string => `${figure.toFixed(1)} MiB`;

const isMeasured = (row: Row): row is TlsFigures => !("missing" in row);
const sum = (figures: number[]): number => figures.reduce((total, one) => total + one, 0);
const eachKib = ({ memory }: TlsFigures): number[] =>
  memory.map((one) => ((one.with - one.before) * 1024) / (WEB_SOCKETS - one.failed));

/** What this product's row is to be beside all of them: first, or within 10 % of the first. */
export function tlsAims(rows: Row[]): Aim[] {
  const measured = rows.filter(isMeasured);
  const [own] = measured;
  if (own === undefined) throw new Error("this product was not measured");
  const loads = (Object.keys(TOPIC_NAMES) as Topic[]).flatMap((topic) =>
    PROTOCOL_NAMES.flatMap((protocol) => {
      const named = `${TOPIC_NAMES[topic]}, ${protocol}`;
      const figures = (row: TlsFigures) => row.loads[topic][protocol];
      return [
        most(`${named}: requests/s at least ${LEAST_OF_BEST} of the most`, own, measured, (row) => figures(row).rate),
        least(`${named}: p99 at most ${MOST_OF_BEST} of the least`, own, measured, (row) => figures(row).p99),
      ];
    }),
  );
  const failed = own.failed + sum(own.memory.map((one) => one.failed));
  const overSwitches = PROTOCOL_NAMES.map((protocol): Aim => {
    const lost = sum(own.switching[protocol].map((run) => run.failed));
    return { aim: `no failed request over the switches, ${protocol}`, found: whole(lost), met: lost === 0 };
  });
  return [
    ...overSwitches,
    { aim: "no failed request or WebSocket without switches", found: whole(failed), met: failed === 0 },
    ...loads,
    least(`memory of a WebSocket at most ${MOST_OF_BEST} of the least`, own, measured, eachKib),
  ];
}

function most(aim: string, own: TlsFigures, all: TlsFigures[], of: (row: TlsFigures) => number[]): Aim {
  const share = median(of(own)) / Math.max(...all.map((row) => median(of(row))));
  return { aim, found: share.toFixed(2), met: share >= LEAST_OF_BEST };
}

function least(aim: string, own: TlsFigures, all: TlsFigures[], of: (row: TlsFigures) => number[]): Aim {
  const share = median(of(own)) / Math.min(...all.map((row) => median(of(row))));
  return { aim, found: share.toFixed(2), met: share <= MOST_OF_BEST };
}

/** A row a proxy and protocol; what is missing has one alone. */
function perProtocol(rows: Row[], head: string[], cells: (row: TlsFigures, protocol: Protocol) => string[]): string {
  const lines = PROTOCOL_NAMES.flatMap((protocol) =>
    rows.filter(isMeasured).map((row) => [row.proxy.name, protocol, ...cells(row, protocol)]),
  );
  return table([["", "", ...head], ...lines, ...absent(rows, head.length)]);
}

/** The rows of what this machine can't have. */
const absent = (rows: Row[], columns: number): string[][] =>
  rows.flatMap((row) => (isMeasured(row) ? [] : [[row.name, "not here", ...Array(columns).fill("")]]));

const share = (of: number[], all: number[][]): string =>
  (median(of) / Math.max(...all.map((each) => median(each)))).toFixed(2);

function loadTable(rows: Row[], topic: Topic): string {
  const timed = topic !== "upload";
  const head = timed
    ? ["requests/s", "of the most", "then at", "p50", "p99", "p99.9"]
    : ["requests/s", "of the most", "p50 meanwhile", "p99 meanwhile"];
  const measured = rows.filter(isMeasured);
  return perProtocol(rows, head, (row, protocol) => {
    const figures: LoadFigures = row.loads[topic][protocol];
    const times = [withRange(figures.p50, fine), withRange(figures.p99, fine)];
    return [
      withRange(figures.rate, whole),
      share(
        figures.rate,
        measured.map((each) => each.loads[topic][protocol].rate),
      ),
      ...(timed ? [whole(median(figures.timedAt)), ...times, withRange(figures.p999, fine)] : times),
    ];
  });
}

function webSocketTable(rows: Row[]): string {
  const head = ["before", `with ${whole(WEB_SOCKETS)} of them`, "each", "failed"];
  const lines = rows.filter(isMeasured).map((row) => [
    row.proxy.name,
    withRange(
      row.memory.map((one) => one.before),
      mib,
    ),
    withRange(
      row.memory.map((one) => one.with),
      mib,
    ),
    withRange(eachKib(row), kib),
    whole(sum(row.memory.map((one) => one.failed))),
  ]);
  return table([["", ...head], ...lines, ...absent(rows, head.length - 1)]);
}

function switchTable(rows: Row[]): string {
  const head = ["failed requests", "given back, asked again", "requests/s", "the switch itself"];
  return perProtocol(rows, head, (row, protocol) => {
    const runs = row.switching[protocol];
    return [
      withRange(
        runs.map((run) => run.failed),
        whole,
      ),
      protocol === "HTTP/1.1"
        ? ""
        : withRange(
            runs.map((run) => run.givenBack),
            whole,
          ),
      withRange(
        runs.map((run) => run.requests / run.seconds),
        whole,
      ),
      withRange(
        runs.flatMap((run) => run.switchMilliseconds),
        milliseconds,
      ),
    ];
  });
}

function proxyTable(rows: Row[]): string {
  const lines = rows.map((row) =>
    isMeasured(row)
      ? [row.proxy.version, row.proxy.log, [...row.tls].join("; ")]
      : [row.name, `not here: ${row.missing.split("\n")[0]}`, ""],
  );
  return table([["", "log of requests", "TLS agreed on under load"], ...lines]);
}

/** The part of docs/benchmarks.md that this makes. */
export function tlsSection(rows: Row[], plan: TlsPlan, machine: Machine): string {
  const late = rows
    .filter(isMeasured)
    .flatMap(({ switching }) => PROTOCOL_NAMES.flatMap((protocol) => switching[protocol]))
    .reduce((total, run) => total + run.late, 0);
  return [
    "## Under TLS",
    aimTable(tlsAims(rows)),
    "### Small answers",
    loadTable(rows, "small"),
    `### Answers of ${LARGE_BYTES / 1024} KB`,
    loadTable(rows, "large"),
    "### Uploads of 1 MB",
    loadTable(rows, "upload"),
    "### Idle WebSockets",
    webSocketTable(rows),
    `### ${plan.switches} switches in ${plan.duration} s`,
    `${switchTable(rows)}${late === 0 ? "" : `\n\n**${late} switches ended after the load: the machine was too busy for these figures.**`}`,
    "### How it was measured",
    proxyTable(rows),
    notes(plan, machine),
  ].join("\n\n");
}

const notes = (plan: TlsPlan, machine: Machine): string => `\
Each figure is the median over ${plan.rounds} runs, with the range. Each topic is measured with all proxies in turn, round after round. Failed
requests of all runs together decide their aims.

- **Proxies**: as above, each in a container on one network before the same two backends. All have the same certificate (EC on
  P-256, alone in its chain) and speak TLS 1.2 and 1.3. *This cutover* is the proxy that \`pulumi up\` made with \`tlsCertificate\` and
  \`tlsKey\`. HAProxy, Caddy and Traefik close idle connections after the same time as nginx.
- **Load**: h2load, ${THREADS} threads, ${CONNECTIONS} connections, from a network namespace as above, one request at a time on each
  connection. First as many requests as the proxy bears. Then half of that, *then at*, which gives the times; h2load sends what
  is due each 10 ms. Uploads are timed at the full rate. A backend reads an upload to its end before it answers.
- **Stretches**: each run has stretches of ${plan.perConnection} requests a connection (${plan.uploadsPerConnection} uploads), with new connections each, for at least
  ${plan.seconds} s. The middle of each stretch counts, from 20 % to 80 % of its time. nginx closes a connection after 1,000 requests, over
  HTTP/2 with a GOAWAY, and h2load doesn't connect again after that.
- **WebSockets**: ${whole(WEB_SOCKETS)} through a proxy that was just started, each with one message there and back before and after. Memory is what
  \`docker stats\` says of the proxy's container.
- **Switches**: over HTTP/1.1 with wrk, which counts as above. Over HTTP/2 with a client of this benchmark's own, since h2load ends with
  a GOAWAY, and counts a request that is given back as failed. This client opens another connection then, as browsers do. A GOAWAY
  is no failure. A request that the proxy gives back unprocessed (REFUSED_STREAM, or above the id in a GOAWAY) is asked again, and
  has a column. Failed is everything else that is not answered with 200 within 2 s.
  - *Caddy*: another upstream in its file, then \`caddy reload\`.
  - *Traefik*: another upstream in a file that it watches, with \`providersThrottleDuration\` at 50 ms in place of 2 s.
- **Machine**: ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.kernel}, load average ${machine.load.toFixed(2)} before the run. ${machine.versions.join(", ")}.`;
