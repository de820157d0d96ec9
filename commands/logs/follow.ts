import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../../stacks/engine/docker";
import type { StackContainer } from "../../stacks/service/parts";
import { ASKED_AT_A_TIME } from "../../stacks/service/world";
import { quotedWords } from "../../stacks/text/plain";
import type { LogPrinter, Origin } from "./printer";
import { type LogLine, timeAfter } from "./reader";
import { type LogSource, openLog } from "./source";
import { OrderWindow } from "./window";

/** What was cut off, or could not be asked, is tried again so much later. */
const RETRY_MILLISECONDS = 2000;

/** A run changes several containers in a row: they are looked at together. */
const SETTLE_MILLISECONDS = 200;

/** A server behind SSH takes only so many connections at a time: the next ones are made so much later. */
const CONNECT_MILLISECONDS = 200;

/** What happens to a container that changes what is followed. */
const EVENTS = ["start", "die", "destroy"].flatMap((event) => ["--filter", `event=${event}`]);

/** What the engine says of a log that goes where it can't read it. */
const UNREADABLE = /does not support reading/;

/** What is followed, and where it is shown. */
export interface Following {
  docker: Docker;
  /** Lists the containers that are meant, as they are now. */
  list: () => Promise<StackContainer[]>;
  /** What tells the stack's containers from others in `docker events`. */
  filters: readonly string[];
  originOf: (container: StackContainer) => Origin;
  /** Reports whether a container's line is shown. */
  isShown: (line: LogLine, container: StackContainer) => boolean;
  /** Since when a log is shown of which nothing was yet; from its beginning where it is left out. */
  since: string | undefined;
  printer: LogPrinter;
  /** What the engine is called. */
  engine: string;
  /** Ends it. */
  signal: AbortSignal;
}

/** A container that is followed. */
interface Followed {
  container: StackContainer;
  origin: Origin;
  /** Its log, as long as that is read. */
  source?: LogSource | undefined;
  /** Since when its log is read, as `docker logs --since` takes it. */
  since: string | undefined;
  /** Why its log can't be followed, and what of that was said. */
  problem?: string | undefined;
  told?: string | undefined;
  /** From when on its log is opened again, in milliseconds of a clock of this process's. */
  retryAt: number;
}

/** A line, or what happened to a container. */
interface Item {
  origin: Origin;
  text: string;
  isNote: boolean;
}

/** Shows what containers write from now on, those too that are made meanwhile, until it is ended. */
export class Follower {
  private readonly window: OrderWindow<Item>;
  /** By their names. */
  private readonly followed = new Map<string, Followed>();
  /** The logs that are read, those of containers too that were made anew meanwhile. */
  private readonly pumps = new Map<LogSource, Promise<void>>();
  private wake: () => void = () => {};
  private timer: NodeJS.Timeout | undefined;
  private isDeaf = true;
  private engineProblem: string | undefined;

  constructor(private readonly what: Following) {
    this.window = new OrderWindow((items) => this.show(items));
  }

  /**
   * Follows until it is ended.
   *
   * @param first the containers whose logs were shown until now, and by their ids the time of the latest line of each.
   */
  async run(first: readonly StackContainer[], lastTimes: ReadonlyMap<string, string>): Promise<void> {
    const { signal } = this.what;
    signal.addEventListener("abort", () => this.wake());
    for (const [at, container] of first.entries()) {
      if (at > 0 && at % ASKED_AT_A_TIME === 0) await sleep(CONNECT_MILLISECONDS);
      const time = lastTimes.get(container.id);
      this.meet(container, time === undefined ? this.what.since : timeAfter(time));
    }
    while (!signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      if (this.isDeaf) this.listen();
      await this.look();
      await changed;
      await sleep(SETTLE_MILLISECONDS);
    }
    clearTimeout(this.timer);
    for (const source of this.pumps.keys()) source.end();
    await Promise.all(this.pumps.values());
    await this.window.flush();
  }

  /** Has the containers looked at whenever one begins or ends. */
  private listen(): void {
    const { docker, filters, signal } = this.what;
    this.isDeaf = false;
    const output = docker.output(["events", "--filter", "type=container", ...EVENTS, ...filters]);
    const end = () => output.end();
    signal.addEventListener("abort", end);
    output.stream.on("data", () => this.wake());
    void output.ended.then(() => {
      signal.removeEventListener("abort", end);
      this.isDeaf = true;
      this.wakeLater();
    });
  }

  private wakeLater(): void {
    clearTimeout(this.timer);
    if (!this.what.signal.aborted) this.timer = setTimeout(() => this.wake(), RETRY_MILLISECONDS);
  }

  /** Looks which containers there are, and follows those that are new or run again. */
  private async look(): Promise<void> {
    let now: StackContainer[];
    try {
      now = await this.what.list();
    } catch (error) {
      this.tellEngine((error as Error).message);
      this.wakeLater();
      return;
    }
    this.tellEngine(undefined);
    if (this.what.signal.aborted) return;
    for (const container of now) this.see(container);
    const names = new Set(now.map(({ name }) => name));
    for (const [name, { origin }] of this.followed) {
      if (names.has(name)) continue;
      this.note(origin, "its container is gone");
      this.followed.delete(name);
    }
  }

  private tellEngine(problem: string | undefined): void {
    if ((problem === undefined) === (this.engineProblem === undefined)) return;
    const origin = { label: this.what.engine };
    if (problem === undefined) this.note(origin, "it answers again");
    else this.note(origin, `it does not answer, and is asked again: ${quotedWords(problem)}`);
    this.engineProblem = problem;
  }

  /** Compares a container with what was known of it. */
  private see(container: StackContainer): void {
    const known = this.followed.get(container.name);
    const { id, name, state } = container;
    if (known === undefined || known.container.id !== id) {
      const { origin } = this.meet(container, undefined);
      this.note(origin, `${known === undefined ? "a new container" : "another container was made"}: ${name}`);
      return;
    }
    const before = known.container.state;
    known.container = container;
    const isStarted = state.StartedAt !== before.StartedAt;
    if (isStarted) this.note(known.origin, "its container was started again");
    if (!state.Running && (before.Running || isStarted))
      this.note(known.origin, `its container has ended: ${state.Status}, exit code ${state.ExitCode}`);
    if (known.source !== undefined || !state.Running) return;
    if (known.problem !== known.told && known.problem !== undefined)
      this.note(known.origin, `its log can't be followed: ${quotedWords(known.problem)}`);
    known.told = known.problem;
    if (isStarted || performance.now() >= known.retryAt) this.open(known);
  }

  private meet(container: StackContainer, since: string | undefined): Followed {
    const known: Followed = { container, since, origin: this.what.originOf(container), retryAt: 0 };
    this.followed.set(container.name, known);
    // Of one that has ended all that it wrote is there.
    this.open(known);
    return known;
  }

  private open(known: Followed): void {
    const { docker } = this.what;
    const bounds = known.since === undefined ? {} : { since: known.since };
    const source = openLog(docker, known.container.id, { ...bounds, follow: true });
    known.source = source;
    this.pumps.set(
      source,
      this.pump(known, source).finally(() => this.pumps.delete(source)),
    );
  }

  /** Takes all lines of a log, until that ends with its container, or is ended. */
  private async pump(known: Followed, source: LogSource): Promise<void> {
    const { isShown, signal } = this.what;
    while (await source.more()) {
      for (let line = source.head; line !== undefined; line = source.head) {
        if (isShown(line, known.container))
          this.window.add(line.time, { origin: known.origin, text: line.text, isNote: false });
        source.next();
      }
      await this.window.room();
    }
    known.problem = await source.problem();
    if (known.problem === undefined) known.told = undefined;
    if (source.lastTime !== undefined) known.since = timeAfter(source.lastTime);
    known.source = undefined;
    if (signal.aborted) return;
    const isHopeless = UNREADABLE.test(known.problem ?? "");
    known.retryAt = isHopeless ? Number.POSITIVE_INFINITY : performance.now() + RETRY_MILLISECONDS;
    this.wakeLater();
    this.wake();
  }

  private note(origin: Origin, text: string): void {
    // Behind all that was read before.
    this.window.add(this.window.latest ?? "", { origin, text, isNote: true });
  }

  private async show(items: readonly Item[]): Promise<void> {
    const { printer } = this.what;
    for (const { origin, text, isNote } of items) {
      if (isNote) {
        await printer.flush();
        printer.note(origin, text);
      } else printer.line(origin, text);
    }
    await printer.flush();
  }
}
