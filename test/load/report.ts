/** Lists in a report stop growing here, so that a load against something broken can't fill the memory. The counts go on. */
const MOST_KEPT = 1000;
const MOST_SHOWN = 10;

export interface Failure {
  /** When it was seen, as of Date.now(). */
  at: number;
  client: string;
  /** What sort of failure it is, for counting: `reset`, `status 502`, `timeout`, ... */
  kind: string;
  /** What was sent and what was seen. */
  detail: string;
}

export interface LoadReport {
  /** Requests that came to an end, well or not. For web sockets: handshakes and messages. */
  requests: number;
  /** All failures. It may exceed `requests`: a connection lost between two requests is a failure too. */
  failed: number;
  /** The first 1000 failures. */
  failures: Failure[];
  /** All failures, by kind. */
  kinds: Record<string, number>;
  /** Connections that were opened or attempted. */
  connects: number;
  /** Answers by their X-Color, whatever their status. */
  colors: Record<string, number>;
  /** By color, when the latest request that it answered was sent: after a switch, no fresh request may reach the old one. */
  lastSent: Record<string, number>;
  /** The first 1000 times that one client's answers changed color. */
  transitions: { at: number; client: string; from: string; to: string }[];
  /** The longest time from a request to its full answer, of those that were answered. */
  slowestMs: number;
  /** True if the load ended at its maxSeconds and not by stop(): what happened afterwards was not measured. */
  cutShort: boolean;
}

export function emptyReport(): LoadReport {
  return {
    requests: 0,
    failed: 0,
    failures: [],
    kinds: {},
    connects: 0,
    colors: {},
    lastSent: {},
    transitions: [],
    slowestMs: 0,
    cutShort: false,
  };
}

/** Appends while there is room; false says that there was none. */
export function keep<T>(list: T[], item: T): boolean {
  if (list.length >= MOST_KEPT) return false;
  list.push(item);
  return true;
}

export function addFailure(report: LoadReport, failure: Failure): void {
  report.failed += 1;
  report.kinds[failure.kind] = (report.kinds[failure.kind] ?? 0) + 1;
  keep(report.failures, failure);
}

/** One line for people. */
export function summarize(report: LoadReport): string {
  const answers = Object.values(report.colors).reduce((sum, count) => sum + count, 0);
  const shares = Object.entries(report.colors).map(
    ([color, count]) => `${color} ${((100 * count) / answers).toFixed(1)} %`,
  );
  const parts = [
    `${report.requests} requests, ${report.failed} failed`,
    shares.join(", ") || "no color seen",
    `slowest ${Math.round(report.slowestMs)} ms`,
  ];
  if (report.cutShort) parts.push("ended by its time limit");
  if (report.failed > 0)
    parts.push(countsByKind(report), `first: ${report.failures.slice(0, 3).map(show).join(" | ")}`);
  return parts.join("; ");
}

/** Throws unless the load ran to its stop(), asked something and saw no failure. */
export function assertNoFailures(report: LoadReport, name = "load"): void {
  // A load that asked nothing, or was over before the test was, proves nothing however clean its record.
  if (report.requests === 0 && report.failed === 0)
    throw new Error(`${name}: no request came to an end, nothing is proved`);
  if (report.failed > 0) {
    const shown = report.failures.slice(0, MOST_SHOWN).map((failure) => `  ${show(failure)}`);
    throw new Error(
      [
        `${name}: ${report.failed} failed of ${report.requests} requests (${countsByKind(report)}); the first ${shown.length}:`,
        ...shown,
      ].join("\n"),
    );
  }
  if (report.cutShort)
    throw new Error(`${name}: ended by its time limit before stop(): what followed was not measured`);
}

function countsByKind(report: LoadReport): string {
  return Object.entries(report.kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}

function show(failure: Failure): string {
  return `${new Date(failure.at).toISOString().slice(11, 23)} ${failure.client}: ${failure.kind}: ${failure.detail}`;
}
