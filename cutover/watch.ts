import type { Sample } from "./proxy";

/** When a switch is taken back. */
export interface Limits {
  /** Share of 5xx answers, in percent. */
  maxErrorPercent: number;
  /** Answers from which on that share and the answer time count. */
  minRequests: number;
  /** 95th percentile of the answer time, in seconds; 0 sets no limit. */
  maxP95Seconds: number;
}

/** A container of the new color may miss so many looks in a row, a second apart: one may fall on a short pause. */
const MOST_MISSES = 3;

/** Where the proxy could ask no container at all. */
const NOT_ASKED = ["", { well: false, seen: "not asked" }] as const;

/** What was seen of the new color's answers, in figures. */
export interface Figures {
  count: number;
  errors: number;
  /** Share of errors in percent; 0 without an answer. */
  errorPercent: number;
  /** 95th percentile of the answer time in seconds; 0 without an answer. */
  p95Seconds: number;
}

/** Adds up what the new color answers after a switch, and says when it is too much. */
export class Watch {
  private count = 0;
  /** How many containers were asked at the latest look, by host. */
  private readonly asked = new Map<string, number>();
  private errors = 0;
  /** How often in a row each container has missed, and how it was then. */
  private misses: ReadonlyMap<string, { of: string; times: number; seen: string }> = new Map();
  private readonly times = new Map<number, number>();

  constructor(private readonly limits: Limits) {}

  /** @param host whose proxy was looked at; "" where there is one alone. */
  add({ count, errors, times, health }: Pick<Sample, "count" | "errors" | "times" | "health">, host = ""): void {
    this.count += count;
    this.errors += errors;
    for (const [milliseconds, many] of times) {
      this.times.set(milliseconds, (this.times.get(milliseconds) ?? 0) + many);
    }
    const answers = Object.entries(health);
    this.asked.set(host, answers.length);
    const missed = (answers.length > 0 ? answers : [NOT_ASKED]).filter(([, { well }]) => !well);
    const called = (name: string) => (host === "" ? name : `${host}: ${name}`);
    this.misses = new Map([
      ...[...this.misses].filter(([, { of }]) => of !== host),
      ...missed.map(
        ([name, { seen }]) =>
          [called(name), { of: host, times: (this.misses.get(called(name))?.times ?? 0) + 1, seen }] as const,
      ),
    ]);
  }

  get figures(): Figures {
    const { count, errors } = this;
    return { count, errors, errorPercent: count === 0 ? 0 : (100 * errors) / count, p95Seconds: this.p95() };
  }

  /** Whether each container answered the latest look at its health path well. */
  get answered(): boolean {
    return this.misses.size === 0;
  }

  /** Whether there were enough answers to judge by. */
  get enough(): boolean {
    return this.count >= this.limits.minRequests;
  }

  /** Why the switch has to be taken back, with the figures; undefined while all is well. */
  get verdict(): string | undefined {
    return this.verdictOn();
  }

  /** The same on one of several hosts: what is wrong with a container there is for that host to say, and the figures are everybody's. */
  verdictOn(host?: string): string | undefined {
    const { maxErrorPercent, maxP95Seconds } = this.limits;
    const { errorPercent, p95Seconds } = this.figures;
    const ill = [...this.misses].find(
      ([, { of, times }]) => times >= MOST_MISSES && (host === undefined || of === host),
    );
    if (ill !== undefined) {
      const [name, { times, seen }] = ill;
      const asked = [...this.asked.values()].reduce((sum, many) => sum + many, 0);
      const whose = asked > 1 ? `${name}'s` : "its";
      return `${whose} health path was not answered well ${times} times in a row (${seen})`;
    }
    if (!this.enough) return undefined;
    if (errorPercent > maxErrorPercent) return `${this.summary} (maxErrorPercent ${maxErrorPercent})`;
    if (maxP95Seconds > 0 && p95Seconds > maxP95Seconds) return `${this.summary} (maxP95Seconds ${maxP95Seconds})`;
    return undefined;
  }

  /** The figures in a few words: Pulumi's display has room for some 30 characters of a line. */
  get short(): string {
    const { count, errors, p95Seconds } = this.figures;
    if (count === 0) return "no requests yet";
    return `${count - errors} ok, ${errors} bad, p95 ${Math.round(p95Seconds * 1000)} ms`;
  }

  /** The figures in words. */
  get summary(): string {
    const { count, errors, errorPercent, p95Seconds } = this.figures;
    if (count === 0) return "no requests yet";
    return `${count} answers, ${errors} of them 5xx (${errorPercent.toFixed(errorPercent < 10 ? 2 : 0)} %), 95 % within ${p95Seconds.toFixed(3)} s`;
  }

  private p95(): number {
    let left = Math.ceil(this.count * 0.95);
    for (const [milliseconds, many] of [...this.times].sort(([a], [b]) => a - b)) {
      left -= many;
      if (left <= 0) return milliseconds / 1000;
    }
    return 0;
  }
}
