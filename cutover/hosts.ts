import type { Serving, Sessions } from "../stacks/service/serving";
import { type Limits, Watch } from "./watch";

/**
 * Where the runs of a cutover over several hosts wait for each other, in their order: the jobs before the gate have run; all are gated, the
 * gate command too; nothing is left but to move; the public has been moved; workers and jobs have followed; the watch is over.
 */
const POINTS = ["prepared", "gated", "ready", "moved", "followed", "watched"] as const;
export type Point = (typeof POINTS)[number];

/** A run that is done, or does not take part, is past all points. */
const PAST_ALL = POINTS.length;

/** How a host failed, for the others. */
export interface HostFailure {
  host: string;
  /** Why, in a line. */
  reason: string;
}

/** What the runs of one cutover share, of which there is one a host: all of them move or none, and the first failure is everybody's. */
export class Hosts {
  /** The first failure of any host. */
  failure: HostFailure | undefined;
  /** What the first host serves that serves anything: what visitors' cookies mean there counts for all. */
  before: Serving | undefined;
  /** Resolves with the first failure. */
  readonly whenFailed: Promise<void>;
  private readonly failed = new AbortController();
  private readonly reached: Map<string, number>;
  private wake: (() => void)[] = [];
  private answers: Watch | undefined;
  private readonly sessions = new Map<string, Sessions>();

  constructor(readonly names: readonly string[]) {
    this.reached = new Map(names.map((name) => [name, -1]));
    this.whenFailed = new Promise((resolve) => this.signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Whether there is one alone, which waits for nobody. */
  get isOne(): boolean {
    return this.names.length === 1;
  }

  /** Aborted with the first failure. */
  get signal(): AbortSignal {
    return this.failed.signal;
  }

  /** Notes that a host has come to a point, and waits for nobody. */
  reach(host: string, point: Point): void {
    this.set(host, POINTS.indexOf(point));
  }

  /** Notes that a host has ended, or is waited for nowhere. */
  leave(host: string): void {
    this.set(host, PAST_ALL);
  }

  /** Whether each host has come to this point. */
  haveReached(point: Point): boolean {
    return [...this.reached.values()].every((at) => at >= POINTS.indexOf(point));
  }

  /**
   * Waits until each host has come to a point; answers which one has failed, undefined where none did.
   *
   * @param seconds how long the others may take; whoever has not come then has failed.
   */
  async meet(host: string, point: Point, seconds?: number): Promise<HostFailure | undefined> {
    this.reach(host, point);
    const late = seconds === undefined ? undefined : setTimeout(() => this.miss(point, seconds), seconds * 1000);
    try {
      while (this.failure === undefined && !this.haveReached(point)) {
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      clearTimeout(late);
    }
    return this.failure;
  }

  /** Notes why a host has failed; only the first failure counts, which is then the reason of all. */
  fail(host: string, reason: string): void {
    if (this.failure !== undefined) return;
    this.failure = { host, reason };
    this.failed.abort();
    this.wakeAll();
  }

  /** The failure of another host than this one, in words; undefined where there is none. */
  othersFailure(host: string): string | undefined {
    return this.failure === undefined || this.failure.host === host ? undefined : failureWords(this.failure);
  }

  /** The failure of any host as this one tells it: of its own, why. */
  failureFor(host: string): string | undefined {
    return this.othersFailure(host) ?? this.failure?.reason;
  }

  /** What adds up the answers of all hosts. */
  watchWith(limits: Limits): Watch {
    this.answers ??= new Watch(limits);
    return this.answers;
  }

  /** What visitors' cookies mean, which is the same on all hosts: made once for each reason to change it. */
  sessionsFor(reason: string, make: () => Sessions): Sessions {
    const known = this.sessions.get(reason) ?? make();
    this.sessions.set(reason, known);
    return known;
  }

  private miss(point: Point, seconds: number): void {
    const [host] = [...this.reached].find(([, at]) => at < POINTS.indexOf(point)) ?? [];
    if (host !== undefined) this.fail(host, `it did not answer within ${seconds} s of the others`);
  }

  private set(host: string, at: number): void {
    this.reached.set(host, Math.max(at, this.reached.get(host) ?? -1));
    this.wakeAll();
  }

  private wakeAll(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}

/** The failure of a host as the others tell it. */
export const failureWords = ({ host, reason }: HostFailure): string => `host ${host} failed: ${reason}`;
